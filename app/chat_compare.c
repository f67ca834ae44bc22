#include "app/chat_compare.h"
#include "app/chat_impl.h"
#include "app/chat_style.h"

#include <stdlib.h>
#include <string.h>

static chat_compare *of(const chat *c) {
    return &c->style->compare;
}

bool chat_compare_runs(const chat *c) {
    return of(c)->sides[COMPARE_BASE].request || of(c)->sides[COMPARE_STYLE].request;
}

void chat_compare_close(chat *c) {
    chat_compare *p = of(c);
    if (chat_compare_runs(c)) worker_stop(c->worker);
    for (int i = 0; i < COMPARE_SIDES; i++) {
        free(p->sides[i].label);
        buf_free(&p->sides[i].text);
        copy_scan_free(&p->sides[i].copied);
    }
    free(p->message);
    *p = (chat_compare){.open = false};
}

// ---- asking

static char *label_of(const chat *c, int side) {
    buf label = {0};
    if (side == COMPARE_BASE)
        buf_puts(&label, c->model_name);
    else
        chat_label_with(c, true, &label);
    return buf_take(&label);
}

// The id of the newest message that was sent or came back; 0 when there is none.
static unsigned newest(const chat *c) {
    for (size_t i = chat_turns_waiting(c); i > 0; i--)
        if (c->turns[i - 1].kind != TURN_NOTE) return c->turns[i - 1].id;
    return 0;
}

// end: turns before the message if it is new, up to it otherwise.
static void ask(chat *c, int side, size_t end) {
    chat_compare *p = of(c);
    question *q = chat_style_question(c, end, side == COMPARE_STYLE, p->is_new ? p->message : NULL);
    q->aside = q->own_strengths = true;
    for (size_t i = 0; i < c->n_adapters && side == COMPARE_STYLE; i++) q->strengths[i] = c->adapters[i].strength;
    p->sides[side].label = label_of(c, side);
    p->sides[side].request = worker_ask_for(c->worker, q);
    chat_question_free(q);
}

static unsigned begin(chat *c, const char *message) {
    chat_compare *p = of(c);
    size_t user = chat_turns_last(c, TURN_USER);
    if (!*message && user == c->n_turns)
        return chat_note(c, true, "there is no message yet to compare answers to; /compare MESSAGE gives one");
    chat_compare_close(c);
    p->open = true;
    p->is_new = *message != '\0';
    p->message = mem_strdup(p->is_new ? message : buf_str(&c->turns[user].text));
    p->after = newest(c);
    for (int side = 0; side < COMPARE_SIDES; side++) ask(c, side, p->is_new ? chat_turns_waiting(c) : user + 1);
    p->number = p->sides[COMPARE_STYLE].request;
    return CHAT_STATUS;
}

unsigned chat_compare_run(chat *c, const char *args) {
    if (of(c)->open && (strcmp(args, "1") == 0 || strcmp(args, "2") == 0)) return chat_compare_pick(c, *args - '1');
    if (c->n_adapters == 0) return chat_note(c, true, "there is no style to compare with: /adapter NAME takes one up");
    if (chat_busy(c)) return chat_note(c, true, "the model is at work; ask again when it has finished");
    if (!worker_model(c->worker)) return chat_note(c, true, "no model is loaded; see /model");
    return begin(c, args);
}

// ---- answers

bool chat_compare_event(chat *c, const event *e) {
    chat_compare *p = of(c);
    for (int i = 0; i < COMPARE_SIDES; i++) {
        compare_side *s = &p->sides[i];
        if (!s->request || s->request != e->request) continue;
        if (e->type == EVENT_PREFILL) return true;
        if (e->type != EVENT_TOKEN) {
            buf_clear(&s->text);
            s->request = 0;
        }
        buf_append(&s->text, e->text, e->n_text);
        s->n_tokens = e->n_tokens;
        s->stop = e->stop;
        s->failed = e->type == EVENT_ERROR;
        if (e->tok_s > 0) c->tok_s = e->tok_s;
        return true;
    }
    return false;
}

// ---- picking

// A message that was not part of the conversation comes in with its answer.
static void put_message(chat *c, const chat_compare *p) {
    chat_turn *t = chat_turns_insert(c, chat_turns_waiting(c), TURN_USER, chat_style_me(c));
    buf_puts(&t->text, p->message);
}

unsigned chat_compare_pick(chat *c, int side) {
    chat_compare *p = of(c);
    unsigned flags = 0;
    if (!p->open || side < 0 || side >= COMPARE_SIDES)
        return chat_note(c, true, "there is nothing to pick; see /compare");
    const compare_side *s = &p->sides[side];
    if (s->request) return chat_note(c, true, "this answer is still being written");
    if (s->failed || s->text.len == 0) return chat_note(c, true, "there is no such answer");
    if (p->after != newest(c)) {
        chat_compare_close(c);
        return chat_note(c, true, "the conversation has gone on meanwhile; compare again");
    }
    if (chat_along_refuses(c, &flags)) return flags;
    if (p->is_new) put_message(c, p);
    size_t user = chat_turns_last(c, TURN_USER);
    c->turns[user].failed = false;
    if (user + 1 < chat_turns_waiting(c)) chat_turns_set_aside(c, user + 1);
    const char *author = chat_style_answerer(c, side == COMPARE_STYLE);
    chat_turn *t = chat_turns_insert(c, chat_turns_waiting(c), TURN_MODEL, author);
    buf_append(&t->text, s->text.data, s->text.len);
    t->stop = s->stop;
    t->n_tokens = s->n_tokens;
    t->model = mem_strdup(c->model_path);
    chat_compare_close(c);
    return chat_keep_update(c) | CHAT_TURNS | CHAT_STATUS;
}
