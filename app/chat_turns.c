// The conversation is an array of turns, since that is how it is shown and asked; behind it stands a tree, since
// nothing that was said is lost: what is set aside (an answer for which another was asked, an exchange that was taken
// back) goes to `others`, where it stays an alternative to what took its place. The array is the path along the chosen
// ones, with notes in between and waiting messages behind it.
#include "app/chat_impl.h"

#include <stdlib.h>
#include <string.h>

static void free_turn(chat_turn *t) {
    free(t->author);
    free(t->model);
    free(t->setup);
    copy_scan_free(&t->copied);
    buf_free(&t->text);
}

static void changed(chat *c) {
    c->revision++;
    c->is_linked = false;
}

size_t chat_turns_waiting(const chat *c) {
    size_t i = c->n_turns;
    while (i > 0 && c->turns[i - 1].waiting) i--;
    return i;
}

size_t chat_turns_last(const chat *c, turn_kind kind) {
    for (size_t i = chat_turns_waiting(c); i > 0; i--)
        if (c->turns[i - 1].kind == kind) return i - 1;
    return c->n_turns;
}

static chat_turn *put_at(chat *c, size_t at, const chat_turn *turn) {
    c->turns = mem_reserve(c->turns, &c->cap_turns, c->n_turns + 1, sizeof *c->turns);
    memmove(c->turns + at + 1, c->turns + at, (c->n_turns - at) * sizeof *c->turns);
    c->n_turns++;
    c->turns[at] = *turn;
    c->turns[at].id = ++c->last_id;
    changed(c);
    return &c->turns[at];
}

static void take_out(chat *c, size_t at) {
    c->n_turns--;
    memmove(c->turns + at, c->turns + at + 1, (c->n_turns - at) * sizeof *c->turns);
    changed(c);
}

chat_turn *chat_turns_insert(chat *c, size_t at, turn_kind kind, const char *author) {
    bool is_message = kind != TURN_NOTE;
    return put_at(c, at,
                  &(chat_turn){.kind = kind,
                               .author = mem_strdup(author),
                               .time = time(NULL),
                               .number = is_message ? ++c->last_number : 0,
                               .is_chosen = is_message});
}

void chat_turns_remove(chat *c, size_t at) {
    free_turn(&c->turns[at]);
    take_out(c, at);
}

// ---- alternatives

static void add_other(chat *c, const chat_turn *t) {
    c->others = mem_reserve(c->others, &c->cap_others, c->n_others + 1, sizeof *c->others);
    c->others[c->n_others++] = *t;
}

// From a waiting message on, those behind it; else those that were sent.
void chat_turns_set_aside(chat *c, size_t at) {
    if (at >= c->n_turns) return;
    chat_turns_link(c);
    bool waiting = c->turns[at].waiting, is_first = true;
    for (size_t i = at; i < c->n_turns;) {
        chat_turn *t = &c->turns[i];
        if (t->kind == TURN_NOTE || t->waiting != waiting) {
            i++;
            continue;
        }
        t->is_chosen = !is_first;
        t->failed = t->failed || t->waiting;
        t->waiting = is_first = false;
        add_other(c, t);
        take_out(c, i);
    }
}

// The index in others of the newest message that follows `parent`; n_others when there is none.
static size_t newest_after(const chat *c, int parent, bool only_chosen) {
    size_t found = c->n_others;
    for (size_t i = 0; i < c->n_others; i++) {
        const chat_turn *t = &c->others[i];
        if (t->parent != parent || (only_chosen && !t->is_chosen)) continue;
        if (found == c->n_others || t->number > c->others[found].number) found = i;
    }
    return found;
}

// Puts the message at index i of others, and what was chosen after it, at the end of the conversation.
static void go_on_with(chat *c, size_t i) {
    while (i < c->n_others) {
        chat_turn t = c->others[i];
        memmove(c->others + i, c->others + i + 1, (--c->n_others - i) * sizeof *c->others);
        t.is_chosen = t.is_recalled = true;
        put_at(c, chat_turns_waiting(c), &t);
        i = newest_after(c, t.number, true);
    }
}

bool chat_turns_bring_back(chat *c, int parent) {
    size_t i = newest_after(c, parent, false);
    if (i == c->n_others) return false;
    go_on_with(c, i);
    return true;
}

static void count_alternatives(const chat *c, chat_turn *t) {
    t->nth = t->n_alternatives = 1;
    for (size_t i = 0; i < c->n_others; i++) {
        if (c->others[i].parent != t->parent) continue;
        t->n_alternatives++;
        t->nth += c->others[i].number < t->number;
    }
}

void chat_turns_link(chat *c) {
    if (c->is_linked) return;
    int parent = 0;
    for (size_t i = 0; i < c->n_turns; i++) {
        chat_turn *t = &c->turns[i];
        if (t->kind == TURN_NOTE) continue;
        t->parent = parent;
        parent = t->number;
        count_alternatives(c, t);
    }
    c->is_linked = true;
}

unsigned chat_alternative(chat *c, size_t at, int nth) {
    unsigned flags = 0;
    if (chat_along_refuses(c, &flags)) return flags;
    chat_turns_link(c);
    if (at >= c->n_turns || c->turns[at].waiting || c->turns[at].kind == TURN_NOTE) return 0;
    const chat_turn *t = &c->turns[at];
    if (nth == t->nth || nth < 1 || nth > t->n_alternatives) return 0;
    if (c->answering) return chat_note(c, true, "an answer is being written; stop it first");
    int parent = t->parent;
    chat_turns_set_aside(c, at);
    for (size_t i = 0; i < c->n_others; i++) {
        if (c->others[i].parent != parent) continue;
        int rank = 1;
        for (size_t j = 0; j < c->n_others; j++)
            rank += c->others[j].parent == parent && c->others[j].number < c->others[i].number;
        if (rank != nth) continue;
        go_on_with(c, i);
        break;
    }
    return chat_keep_update(c) | CHAT_TURNS | CHAT_STATUS;
}

unsigned chat_walk(chat *c, int direction) {
    chat_turns_link(c);
    for (size_t i = chat_turns_waiting(c); i > 0; i--) {
        const chat_turn *t = &c->turns[i - 1];
        if (t->kind == TURN_NOTE || t->n_alternatives < 2) continue;
        int n = t->n_alternatives, nth = (t->nth - 1 + direction + n) % n + 1;
        return chat_alternative(c, i - 1, nth);
    }
    return chat_note(c, true, "there is one answer only; /again asks for another");
}

// ---- as a session

void chat_turns_clear(chat *c) {
    while (c->n_turns > 0) chat_turns_remove(c, c->n_turns - 1);
    for (size_t i = 0; i < c->n_others; i++) free_turn(&c->others[i]);
    c->n_others = 0;
    c->last_number = 0;
    changed(c);
}

session_message chat_turns_message(const chat_turn *t) {
    return (session_message){
        .number = t->number,
        .parent = t->parent,
        .chosen = t->is_chosen,
        .is_answer = t->kind == TURN_MODEL,
        .is_unsent = t->waiting,
        .is_failed = t->failed,
        .is_unfinished = t->running,
        .stop = t->stop,
        .n_tokens = t->n_tokens,
        .time = t->time,
        .author = t->author,
        .text = (char *)buf_str(&t->text),
        .model = t->model ? t->model : "",
        .setup = t->setup ? t->setup : "",
    };
}

static chat_turn turn_of(const session_message *m, bool is_read_along) {
    chat_turn t = {
        .kind = m->is_answer ? TURN_MODEL : TURN_USER,
        .author = mem_strdup(m->author),
        .time = (time_t)m->time,
        .number = m->number,
        .parent = m->parent,
        .is_chosen = m->chosen,
        .failed = m->is_failed || (m->is_unsent && !is_read_along),
        .running = m->is_unfinished && is_read_along,
        .stop = m->stop,
        .n_tokens = m->n_tokens,
        .model = mem_strdup(m->model),
        .setup = mem_strdup(m->setup),
        .kept = {.is_stored = true,
                 .is_chosen = m->chosen,
                 .unsent = m->is_unsent,
                 .failed = m->is_failed,
                 .growing = m->is_unfinished,
                 .parent = m->parent,
                 .len = strlen(m->text)},
    };
    buf_puts(&t.text, m->text);
    return t;
}

// Turns keep their ids when they were there before (in a session that is read along), so that they are not shown anew.
void chat_turns_fill(chat *c, const session *s) {
    chat_turn *old = c->turns;
    size_t n_old = c->n_turns;
    c->turns = NULL;
    c->n_turns = c->cap_turns = 0;
    chat_turns_clear(c);
    for (size_t i = 0; i < s->n_messages; i++) {
        chat_turn t = turn_of(&s->messages[i], c->session.is_read_along);
        add_other(c, &t);
        if (t.number > c->last_number) c->last_number = t.number;
    }
    go_on_with(c, newest_after(c, 0, true));
    for (size_t i = 0; i < c->n_turns; i++)
        for (size_t j = 0; j < n_old; j++)
            if (old[j].number && old[j].number == c->turns[i].number) c->turns[i].id = old[j].id;
    for (size_t j = 0; j < n_old; j++) free_turn(&old[j]);
    free(old);
    // A message whose answer was never begun.
    if (c->n_turns && c->turns[c->n_turns - 1].kind == TURN_USER && !c->session.is_read_along)
        c->turns[c->n_turns - 1].failed = true;
    chat_turns_link(c);
}

static int by_number(const void *a, const void *b) {
    const session_message *x = a, *y = b;
    return (x->number > y->number) - (x->number < y->number);
}

void chat_turns_session(const chat *c, session *out) {
    *out = (session){
        .id = c->session.id,
        .title = c->session.title,
        .is_named = c->session.is_named,
        .created = c->session.created,
        .changed = c->session.created,
        .system = c->system,
        .model = c->model_path,
        .setup = "",
        .messages = mem_calloc(c->n_turns + c->n_others + 1, sizeof *out->messages),
    };
    for (size_t i = 0; i < c->n_turns; i++)
        if (c->turns[i].kind != TURN_NOTE) out->messages[out->n_messages++] = chat_turns_message(&c->turns[i]);
    out->length = (int)out->n_messages;
    for (size_t i = 0; i < c->n_others; i++) out->messages[out->n_messages++] = chat_turns_message(&c->others[i]);
    for (size_t i = 0; i < out->n_messages; i++)
        if (out->messages[i].time > out->changed) out->changed = out->messages[i].time;
    qsort(out->messages, out->n_messages, sizeof *out->messages, by_number);
}
