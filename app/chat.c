// The conversation: an array of turns, and what worker events and submitted lines do to it.
//
// Two rules keep the array simple. Waiting messages stand behind everything else, so notes and answers are inserted
// in front of them. And every message that was sent is followed by its answer (or is marked failed), so that the
// messages for the model alternate as chat templates want them, whatever was stopped, removed or refused.
#include "app/chat_impl.h"
#include "app/chat_background.h"
#include "app/chat_copies.h"
#include "app/chat_style.h"
#include "app/chat_train.h"
#include "app/fetch.h"
#include "app/paths.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

unsigned chat_note(chat *c, bool is_error, const char *fmt, ...) {
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    char *text = mem_calloc((size_t)n + 1, 1);
    vsnprintf(text, (size_t)n + 1, fmt, again);
    va_end(again);
    chat_turn *t = chat_turns_insert(c, chat_turns_waiting(c), TURN_NOTE, "");
    t->is_error = is_error;
    utf8_repair(&t->text, text, (size_t)n);
    free(text);
    return CHAT_TURNS;
}

// ---- asking

static char *describe_setup(const chat *c) {
    buf out = {0};
    chat_setup_write(c, true, &out);
    return buf_take(&out);
}

void chat_ask(chat *c) {
    chat_state_recall(c);
    question *q = chat_style_question(c, c->n_turns, !c->style->off, NULL);
    if (chat_group_is_on(c)) chat_group_question(c, q);
    c->asked = worker_ask_for(c->worker, q);
    chat_question_free(q);
    c->answer = chat_turns_waiting(c);
    chat_turn *t = chat_turns_insert(c, c->answer, TURN_MODEL, chat_style_answerer(c, !c->style->off));
    t->running = true;
    chat_group_answer(c, t);
    t->model = mem_strdup(c->model_path);
    t->setup = describe_setup(c);
    c->answering = true;
    c->prefill_done = c->prefill_total = c->n_read = 0;
    c->tok_s = 0;
}

// Sends the oldest waiting message when nothing stands in its way.
static unsigned send_next(chat *c) {
    size_t i = chat_turns_waiting(c);
    if (i == c->n_turns || chat_busy(c) || !worker_model(c->worker)) return 0;
    c->turns[i].waiting = false;
    c->turns[i].time = time(NULL);
    c->revision++;
    chat_group_begin(c, &c->turns[i]);
    chat_ask(c);
    return CHAT_TURNS | CHAT_STATUS;
}

// Settings may have moved while it was written: the last ones are noted down.
static void end_answer(chat *c, gen_stop stop) {
    chat_turn *t = &c->turns[c->answer];
    free(t->setup);
    t->setup = describe_setup(c);
    t->running = false;
    t->stop = stop;
    c->answering = false;
    c->asked = 0;
    c->prefill_done = c->prefill_total = 0;
    c->revision++;
}

// What the worker still says about it is ignored. Without a word it was no answer.
void chat_abandon(chat *c) {
    if (!c->answering) return;
    size_t answer = c->answer;
    worker_stop(c->worker);
    end_answer(c, GEN_INTERRUPTED);
    if (c->turns[answer].text.len == 0) chat_turns_remove(c, answer);
}

bool chat_busy(const chat *c) {
    return c->loading || c->fetching || c->adapting || c->answering || chat_compare_runs(c);
}

unsigned chat_stop(chat *c) {
    if (c->answering || c->fetching || chat_compare_runs(c)) worker_stop(c->worker);
    return CHAT_STATUS;
}

unsigned chat_again(chat *c) {
    unsigned flags = 0;
    if (chat_along_refuses(c, &flags)) return flags;
    size_t user = chat_turns_last(c, TURN_USER);
    if (user == c->n_turns) return chat_note(c, true, "there is nothing to answer again");
    if (c->loading || c->fetching) return chat_note(c, true, "the model is still loading");
    if (!worker_model(c->worker)) return chat_note(c, true, "no model is loaded; see /model");
    chat_abandon(c);
    c->turns[user].failed = false;
    c->revision++;
    if (user + 1 < chat_turns_waiting(c)) chat_turns_set_aside(c, user + 1);
    chat_group_begin(c, NULL);
    chat_ask(c);
    return chat_keep_update(c) | CHAT_TURNS | CHAT_STATUS;
}

unsigned chat_undo(chat *c) {
    unsigned flags = 0;
    if (chat_along_refuses(c, &flags)) return flags;
    size_t user = c->n_turns;
    if (user > 0 && c->turns[user - 1].waiting) {
        user--;
    } else {
        chat_abandon(c);
        user = chat_turns_last(c, TURN_USER);
    }
    if (user == c->n_turns) return chat_note(c, true, "there is nothing to undo");
    free(c->draft);
    c->draft = mem_strdup(buf_str(&c->turns[user].text));
    chat_turns_set_aside(c, user);
    return CHAT_TURNS | CHAT_STATUS;
}

char *chat_take_draft(chat *c) {
    char *draft = c->draft;
    c->draft = NULL;
    return draft;
}

// ---- worker events

// A NUL, which a model may well write, would end the text for all who read it.
static void append_text(buf *to, const char *text, size_t n) {
    for (const char *nul; (nul = memchr(text, '\0', n));) {
        size_t before = (size_t)(nul - text);
        buf_append(to, text, before);
        buf_puts(to, UTF8_REPLACEMENT);
        text += before + 1;
        n -= before + 1;
    }
    buf_append(to, text, n);
}

static unsigned on_token(chat *c, event *e) {
    chat_turn *t = &c->turns[c->answer];
    append_text(&t->text, e->text, e->n_text);
    t->n_tokens = e->n_tokens;
    c->prefill_done = c->prefill_total = 0;
    c->tok_s = e->tok_s;
    c->revision++;
    if (e->n_candidates == 0) return CHAT_TURNS | CHAT_STATUS;
    c->candidates = *e;
    c->candidates.text = NULL;
    c->candidates.n_text = 0;
    return CHAT_TURNS | CHAT_STATUS | CHAT_CANDIDATES;
}

static unsigned on_done(chat *c, const event *e) {
    chat_turn *t = &c->turns[c->answer];
    buf_clear(&t->text);
    append_text(&t->text, e->text, e->n_text);
    t->n_tokens = e->n_tokens;
    if (e->tok_s > 0) c->tok_s = e->tok_s;
    end_answer(c, e->stop);
    return CHAT_TURNS | CHAT_STATUS | CHAT_DONE | chat_group_done(c);
}

static unsigned on_answer_event(chat *c, event *e) {
    c->n_past = e->n_past;
    c->n_ctx = e->n_ctx;
    c->dropped_turns = e->dropped_turns;
    switch (e->type) {
    case EVENT_PREFILL:
        c->prefill_done = e->done;
        c->prefill_total = c->n_read = e->total;
        return CHAT_STATUS;
    case EVENT_SPEAKER: chat_group_speaker(c, e); return CHAT_TURNS;
    case EVENT_TOKEN: return on_token(c, e);
    default: return on_done(c, e);
    }
}

// An answer that failed before its first token leaves its message marked as failed; one that had begun stays.
static unsigned on_answer_error(chat *c, const event *e) {
    size_t answer = c->answer;
    bool begun = c->turns[answer].text.len > 0;
    end_answer(c, GEN_INTERRUPTED);
    if (!begun) {
        chat_turns_remove(c, answer);
        chat_turn *message = &c->turns[chat_turns_last(c, TURN_USER)];
        message->failed = !chat_turns_bring_back(c, message->number);
    }
    return chat_note(c, true, "%s", e->text) | CHAT_STATUS | CHAT_DONE;
}

void chat_set_string(char **s, const char *value) {
    char *copy = mem_strdup(value);
    free(*s);
    *s = copy;
}

static unsigned on_event(chat *c, event *e) {
    if (e->type == EVENT_LOADED) return chat_model_loaded(c, e);
    if (chat_compare_event(c, e)) return CHAT_STATUS;
    bool adapts = c->adapting && e->request == c->adapt_request;
    if (e->type == EVENT_ADAPTED || (e->type == EVENT_ERROR && adapts)) return adapts ? chat_adapters_event(c, e) : 0;
    if (e->type == EVENT_FETCH || e->type == EVENT_FETCHED) return chat_model_fetch_event(c, e);
    if (e->type != EVENT_ERROR) return c->asked && e->request == c->asked ? on_answer_event(c, e) : 0;
    if (c->asked && e->request == c->asked) return on_answer_error(c, e);
    if (c->fetching && e->request == c->fetch_request) return chat_model_fetch_event(c, e);
    // An abandoned answer has nobody left to tell.
    return e->request == c->load_request ? chat_model_failed(c, e) : 0;
}

// However fast they come, each few of them are written down; what is left keeps the descriptor readable.
enum { EVENTS_AT_ONCE = 8 };

unsigned chat_pump(chat *c) {
    unsigned flags = 0;
    event e;
    for (int i = 0; i < EVENTS_AT_ONCE && worker_next(c->worker, &e); i++) {
        flags |= on_event(c, &e);
        event_free(&e);
    }
    flags |= chat_background_pump(c) | chat_train_pump(c) | chat_copies_pump(c) | send_next(c);
    chat_background_yield(c);
    return flags | chat_keep_update(c);
}

// ---- submitted lines

#define BLANK " \t\r\n"

static unsigned add_message(chat *c, const char *text) {
    unsigned flags = 0;
    if (chat_along_refuses(c, &flags)) {
        free(c->draft);
        c->draft = mem_strdup(text);
        return flags;
    }
    chat_compare_close(c);
    chat_turn *t = chat_turns_insert(c, c->n_turns, TURN_USER, chat_style_me(c));
    t->waiting = true;
    size_t n = strlen(text);
    while (n > 0 && strchr(BLANK, text[n - 1])) n--;
    buf_append(&t->text, text, n);
    if (!chat_busy(c) && !worker_model(c->worker)) {
        chat_note(c, false,
                  "The message waits for a model. Type y (or /model pull) to fetch %s, or /model PATH to load a file.",
                  fetch_default()->file);
        c->question = QUESTION_FETCH;
    }
    return CHAT_TURNS;
}

unsigned chat_submit(chat *c, const char *text) {
    buf line = {0};
    unsigned flags = 0;
    utf8_repair(&line, text, strlen(text));
    if (!utf8_valid(text, strlen(text)))
        flags |=
            chat_note(c, false, "The text was no valid UTF-8; its bad bytes are replaced by \"" UTF8_REPLACEMENT "\".");
    const char *s = buf_str(&line), *begin = s + strspn(s, BLANK);
    bool is_command = begin[0] == '/' && begin[1] != '/';
    if (c->question == QUESTION_NONE || !chat_question_answer(c, begin, &flags)) {
        if (is_command)
            flags |= chat_command_run(c, begin);
        else if (*begin)
            flags |= add_message(c, begin[0] == '/' ? begin + 1 : s);
    }
    buf_free(&line);
    flags |= send_next(c);
    chat_background_yield(c);
    return flags | chat_keep_update(c);
}

void chat_set_settings(chat *c, const gen_settings *s) {
    c->settings = *s;
    worker_set_settings(c->worker, s);
}

// ---- opening and closing

uint64_t chat_clock_seed(void) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return ((uint64_t)t.tv_sec * 1000003u + (uint64_t)t.tv_nsec / 1000u + (uint64_t)getpid()) % 1000000u;
}

chat *chat_open(const chat_options *o, error *err) {
    worker *w = worker_open(&o->worker, err);
    background *b = w ? background_open(err) : NULL;
    tuning *t = b ? tuning_new(err) : NULL;
    if (!t) {
        background_close(b);
        worker_close(w);
        store_close(o->store);
        return NULL;
    }
    chat *c = mem_calloc(1, sizeof *c);
    c->worker = w;
    c->background = b;
    c->style = chat_style_new();
    c->tuning = t;
    c->train = chat_train_new();
    c->system = mem_strdup(o->system ? o->system : "");
    c->user_name = mem_strdup(o->user_name ? o->user_name : "you");
    c->theme = mem_strdup(o->theme ? o->theme : "");
    c->model_name = mem_strdup("");
    c->model_path = mem_strdup("");
    gen_settings s = o->settings;
    if (!s.seed_given) s.seed = chat_clock_seed();
    chat_set_settings(c, &s);
    chat_keep_open(c, o);
    chat_session_begin(c, o);
    for (size_t i = 0; i < o->n_adapters; i++) {
        if (chat_adapters_add(c, o->adapters[i], err) == 0) continue;
        chat_close(c);
        return NULL;
    }
    if (o->model_path)
        chat_load(c, o->model_path);
    else
        chat_model_offer(c);
    chat_train_greet(c);
    return c;
}

void chat_close(chat *c) {
    if (!c) return;
    chat_abandon(c);
    chat_keep_leave(c);
    background_close(c->background);
    worker_close(c->worker);
    chat_keep_close(c);
    chat_adapters_clear(c);
    chat_style_free(c->style);
    chat_turns_clear(c);
    free(c->turns);
    free(c->others);
    free(c->system);
    free(c->model_name);
    free(c->model_path);
    free(c->user_name);
    free(c->theme);
    free(c->question_file);
    free(c->draft);
    chat_train_free(c->train);
    tuning_free(c->tuning);
    free(c);
}
