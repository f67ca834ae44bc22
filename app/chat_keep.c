// The store follows the turns: after everything that may have changed them, they are compared with what the store has,
// and the differences are written in one transaction. So nothing else needs to know that there is a store, and a write
// that failed is simply still a difference the next time.
//
// A new session is put into the store with its first message. The answer that streams costs one row a token; when it has
// ended it is written as a whole.
#include "app/chat_keeper.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    RETRY_MS = 1000,
    COMPLAIN_AFTER = 2, // failures in a row: another program's moment of work is none
    KEEP_TOKENS = 512,  // read since the state was kept: it is kept again
};

int64_t chat_keeper_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

bool chat_keeper_is_due(const keeper *k) {
    return k->due && chat_keeper_now() >= k->due;
}

// ---- writing

static size_t path_length(const chat *c) {
    size_t n = 0;
    for (size_t i = 0; i < c->n_turns; i++) n += c->turns[i].kind != TURN_NOTE;
    return n;
}

static void give_title(chat *c) {
    for (size_t i = 0; i < c->n_turns && !c->session.title[0]; i++) {
        if (c->turns[i].kind != TURN_USER) continue;
        free(c->session.title);
        c->session.title = session_title(buf_str(&c->turns[i].text));
        c->session.created = c->turns[i].time;
    }
}

// Everything of the session that can change without a message.
static void describe_head(const chat *c, buf *out) {
    const keeper *k = c->keep;
    buf_printf(out, "%s\n%d\n%s\n%s\n%s", c->session.title, c->session.is_named, c->system, k->model, k->setup);
}

static void note_setup(chat *c) {
    keeper *k = c->keep;
    if (c->loading || c->adapting || !c->model_path[0]) return;
    buf setup = {0};
    chat_setup_write(c, false, &setup);
    chat_set_string(&k->model, c->model_path);
    chat_set_string(&k->setup, setup.data);
    buf_free(&setup);
}

static bool is_kept(const chat_turn *t) {
    if (t->kind == TURN_NOTE || (t->running && t->text.len == 0)) return true; // nothing to keep yet
    return t->kept.is_stored && t->kept.is_chosen == t->is_chosen && t->kept.parent == t->parent &&
           t->kept.unsent == t->waiting && t->kept.failed == t->failed && t->kept.growing == t->running &&
           t->kept.len == t->text.len;
}

static bool only_grew(const chat_turn *t) {
    return t->running && t->kept.growing && t->kept.parent == t->parent && t->kept.is_chosen == t->is_chosen &&
           t->kept.len < t->text.len;
}

static void mark_kept(chat_turn *t) {
    if (is_kept(t)) return;
    t->kept.is_stored = true;
    t->kept.is_chosen = t->is_chosen;
    t->kept.parent = t->parent;
    t->kept.unsent = t->waiting;
    t->kept.failed = t->failed;
    t->kept.growing = t->running;
    t->kept.len = t->text.len;
}

// Writes what differs; 1: more than growth was written, 0: not, -1: a message.
static int put_turns(chat *c, int64_t session, const chat_turn *turns, size_t n, error *err) {
    int result = 0;
    for (size_t i = 0; i < n; i++) {
        const chat_turn *t = &turns[i];
        if (is_kept(t)) continue;
        if (only_grew(t)) {
            size_t from = t->kept.len;
            if (store_grow_message(c->store, session, t->number, t->text.data + from, t->text.len - from, err) != 0)
                return -1;
            continue;
        }
        session_message m = chat_turns_message(t);
        if (store_put_message(c->store, session, &m, err) != 0) return -1;
        result = 1;
    }
    return result;
}

static int put_session(chat *c, int64_t *id, error *err) {
    session s = {
        .id = *id,
        .title = c->session.title,
        .is_named = c->session.is_named,
        .created = c->session.created,
        .changed = c->session.changed,
        .length = (int)path_length(c),
        .system = c->system,
        .model = c->keep->model,
        .setup = c->keep->setup,
    };
    int failed = store_put_session(c->store, &s, err);
    *id = s.id;
    return failed;
}

static int write_all(chat *c, bool head_changed, int64_t *id, error *err) {
    int here = 0, there = 0;
    if (store_begin(c->store, err) != 0) return -1;
    int failed = *id == 0 ? put_session(c, id, err) : 0; // its messages need its number
    if (!failed) here = put_turns(c, *id, c->turns, c->n_turns, err);
    if (!failed && here >= 0) there = put_turns(c, *id, c->others, c->n_others, err);
    failed = failed || here < 0 || there < 0;
    if (here > 0 || there > 0) c->session.changed = time(NULL);
    if (!failed && (here || there || head_changed)) failed = put_session(c, id, err);
    if (!failed) return store_commit(c->store, err);
    store_rollback(c->store);
    return -1;
}

static unsigned on_failure(chat *c, const error *err) {
    keeper *k = c->keep;
    k->why = *err;
    k->due = chat_keeper_now() + RETRY_MS;
    if (++k->n_failures < COMPLAIN_AFTER || k->has_complained) return 0;
    k->has_complained = true;
    return chat_note(c, true, "Nothing is being kept: %s. The chat goes on, and doppel tries again.", err->text);
}

static unsigned on_success(chat *c, int64_t id, buf *head) {
    keeper *k = c->keep;
    unsigned flags = 0;
    for (size_t i = 0; i < c->n_turns; i++) mark_kept(&c->turns[i]);
    for (size_t i = 0; i < c->n_others; i++) mark_kept(&c->others[i]);
    buf_free(&k->head);
    k->head = *head;
    *head = (buf){0};
    k->revision = c->revision;
    if (c->session.id == 0) {
        c->session.id = id;
        store_take(c->store, id);
        if (k->remembers) store_set_last(c->store, id);
    }
    if (k->has_complained) flags = chat_note(c, false, "The conversation is kept again.");
    k->n_failures = 0;
    k->has_complained = false;
    k->due = 0;
    return flags;
}

static void mark_missing(chat_turn *turns, size_t n) {
    for (size_t i = 0; i < n; i++) turns[i].kept.is_stored = turns[i].kept.growing = false;
}

// The database is gone, or damaged: the conversation is written anew into the one that takes its place.
static unsigned change_store(chat *c) {
    error err = {{0}};
    buf note = {0};
    store *s = store_open(store_path(c->store), &note, &err);
    if (!s) return 0; // it is tried again with the next change
    store_close(c->store);
    c->store = s;
    c->session.id = 0;
    mark_missing(c->turns, c->n_turns);
    mark_missing(c->others, c->n_others);
    buf_clear(&c->keep->head);
    unsigned flags = chat_note(c, false, "%s",
                               note.len ? note.data
                                        : "The database of conversations was removed; this "
                                          "conversation is written into a new one.");
    buf_free(&note);
    return flags;
}

static unsigned write_changes(chat *c) {
    keeper *k = c->keep;
    unsigned flags = 0;
    if (c->session.id && store_is_lost(c->store)) flags |= change_store(c);
    if (c->session.id == 0 && path_length(c) == 0) return flags;
    error err = {{0}};
    buf head = {0};
    chat_turns_link(c);
    give_title(c);
    note_setup(c);
    describe_head(c, &head);
    bool head_changed = head.len != k->head.len || memcmp(head.data, buf_str(&k->head), head.len) != 0;
    if (head_changed || k->revision != c->revision) {
        int64_t id = c->session.id;
        flags |= write_all(c, head_changed, &id, &err) == 0 ? on_success(c, id, &head) : on_failure(c, &err);
    }
    buf_free(&head);
    return flags;
}

// ---- following

unsigned chat_keep_update(chat *c) {
    keeper *k = c->keep;
    chat_turns_link(c);
    if (!c->store) return 0;
    if (c->session.is_read_along) return chat_along_update(c);
    if (k->n_failures && !chat_keeper_is_due(k)) return 0;
    unsigned flags = write_changes(c);
    if (k->was_answering && !c->answering && k->n_failures == 0) {
        k->is_fresh = true;
        store_flush(c->store);
        if (c->n_past >= k->n_past + KEEP_TOKENS) chat_state_keep(c);
    }
    k->was_answering = c->answering;
    return flags;
}

int chat_wait_ms(const chat *c) {
    if (!c->keep->due) return -1;
    int64_t left = c->keep->due - chat_keeper_now();
    return left > 0 ? (int)left : 0;
}

const char *chat_unkept(chat *c) {
    if (!c->store || c->session.is_read_along) return NULL;
    write_changes(c);
    return c->keep->n_failures ? c->keep->why.text : NULL;
}

// ---- entering and leaving

unsigned chat_keep_leave(chat *c) {
    keeper *k = c->keep;
    unsigned flags = 0;
    if (c->store && !c->session.is_read_along) {
        k->due = 0;
        k->n_failures = 0;
        flags = write_changes(c);
        k->is_fresh = k->is_fresh || k->was_answering;
        chat_state_keep(c);
        if (c->session.id) store_let_go(c->store, c->session.id);
    }
    k->n_past = 0;
    k->is_fresh = k->was_answering = k->must_recall = false;
    k->due = 0;
    return flags;
}

static void enter_nothing(chat *c) {
    free(c->session.title);
    c->session = (chat_session){.title = mem_strdup("")};
    chat_turns_clear(c);
    buf_clear(&c->keep->head);
    c->keep->revision = c->revision;
    if (c->store && c->keep->remembers) store_set_last(c->store, 0);
}

static void enter_stored(chat *c, const session *s, pid_t owner) {
    keeper *k = c->keep;
    free(c->session.title);
    c->session = (chat_session){.id = s->id,
                                .title = mem_strdup(s->title),
                                .is_named = s->is_named,
                                .created = s->created,
                                .changed = s->changed,
                                .is_read_along = owner != 0};
    k->owner = owner;
    k->due = owner ? chat_keeper_now() + CHAT_ALONG_MS : 0;
    chat_turns_fill(c, s);
    chat_set_string(&c->system, s->system);
    chat_set_string(&k->model, s->model);
    chat_set_string(&k->setup, s->setup);
    buf_clear(&k->head);
    describe_head(c, &k->head);
    k->revision = c->revision - 1; // an answer that was cut off is put right in the store, too
    k->must_recall = owner == 0;
    if (k->remembers) store_set_last(c->store, s->id);
}

int chat_keep_enter(chat *c, int64_t id, error *err) {
    session s;
    if (id) {
        // The version is asked for first: what is written after it is seen as new.
        pid_t owner = store_take(c->store, id);
        c->keep->version = store_version(c->store);
        if (store_load(c->store, id, &s, err) == 0) {
            enter_stored(c, &s, owner);
            session_free(&s);
            return 0;
        }
        if (owner == 0) store_let_go(c->store, id);
    }
    enter_nothing(c);
    return id ? -1 : 0;
}

const char *chat_keep_model(const chat *c) {
    return c->keep->model;
}

const char *chat_keep_setup(const chat *c) {
    return c->keep->setup;
}

void chat_keep_open(chat *c, const chat_options *o) {
    c->store = o->store;
    c->session.title = mem_strdup("");
    c->keep = mem_calloc(1, sizeof *c->keep);
    c->keep->kv_dir = mem_strdup(o->worker.kv_dir);
    c->keep->model = mem_strdup("");
    c->keep->setup = mem_strdup("");
    c->keep->remembers = o->remembers;
}

void chat_keep_close(chat *c) {
    if (!c->keep) return;
    store_close(c->store);
    buf_free(&c->keep->head);
    free(c->keep->kv_dir);
    free(c->keep->model);
    free(c->keep->setup);
    free(c->keep);
    free(c->session.title);
}
