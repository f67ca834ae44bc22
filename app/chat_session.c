// Going from one conversation to another, and the command /sessions.
#include "app/chat_impl.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static unsigned no_store(chat *c) {
    return chat_note(c, true, "conversations are not kept here");
}

// ---- leaving and entering

static unsigned leave(chat *c) {
    chat_abandon(c);
    unsigned flags = chat_keep_leave(c);
    c->dropped_turns = 0;
    c->n_past = 0;
    c->tok_s = 0;
    c->candidates = (event){0};
    return flags | CHAT_TURNS | CHAT_STATUS | CHAT_CANDIDATES;
}

// What the store does not have would be lost: that is said once before it is done.
static bool may_leave(chat *c, unsigned *flags) {
    const char *why = chat_unkept(c);
    bool was_told = c->told_of_loss;
    c->told_of_loss = why && !was_told;
    if (!c->told_of_loss) return true;
    *flags |=
        chat_note(c, true,
                  "This conversation is not kept (%s) and would be lost; /save FILE writes it elsewhere. The same "
                  "once more leaves it.",
                  why);
    return false;
}

unsigned chat_session_new(chat *c, const char *title) {
    bool had_messages = c->session.id != 0;
    unsigned flags = 0;
    if (!may_leave(c, &flags)) return flags;
    flags |= leave(c);
    chat_keep_enter(c, 0, NULL);
    if (title) {
        chat_set_string(&c->session.title, title);
        c->session.is_named = true;
        c->session.created = time(NULL);
    }
    if (had_messages)
        return flags | chat_note(c, false, "A new conversation. The last one is kept; /sessions lists them all.");
    return flags | chat_note(c, false, "A new conversation.");
}

static unsigned tell_where_we_are(chat *c) {
    size_t n = 0;
    char when[32];
    for (size_t i = 0; i < c->n_turns; i++) n += c->turns[i].kind != TURN_NOTE;
    return chat_note(c, false, "Conversation %lld, \"%s\": %zu messages, last changed %s. /clear begins a new one.",
                     (long long)c->session.id, c->session.title, n, session_when(c->session.changed, when));
}

// The adapters that the session was written with, in the model that is loaded already.
static unsigned swap_adapters(chat *c) {
    buf before = {0}, after = {0};
    bool had_any = c->n_adapters > 0;
    chat_setup_write(c, false, &before);
    unsigned flags = chat_setup_read(c, chat_keep_setup(c));
    chat_setup_write(c, false, &after);
    if (strcmp(before.data, after.data) != 0) {
        // Were the new ones refused, none of the old ones would be in use either, as the list says then.
        if (had_any) worker_adapt(c->worker, NULL, 0);
        chat_adapters_send(c);
    } else {
        c->n_agreed = c->n_adapters;
    }
    buf_free(&before);
    buf_free(&after);
    return flags;
}

// Loads what the session was written with, where that is another model than the present one.
static unsigned take_up_setup(chat *c) {
    const char *model = chat_keep_model(c);
    if (!*model || !worker_model(c->worker) || strcmp(model, c->model_path) == 0)
        return worker_model(c->worker) ? swap_adapters(c) : 0;
    if (access(model, R_OK) != 0)
        return chat_note(c, false, "It was held with %s, which is not there any more; %s goes on.", model,
                         c->model_name);
    unsigned flags = chat_setup_read(c, chat_keep_setup(c));
    return flags | chat_load(c, model);
}

unsigned chat_session_open(chat *c, int64_t id) {
    error err = {{0}};
    if (!c->store) return no_store(c);
    if (id == c->session.id) return tell_where_we_are(c);
    unsigned flags = 0;
    if (!may_leave(c, &flags)) return flags;
    flags |= leave(c);
    if (chat_keep_enter(c, id, &err) != 0) return flags | chat_note(c, true, "%s", err.text);
    flags |= tell_where_we_are(c);
    chat_along_refuses(c, &flags);
    return flags | take_up_setup(c);
}

void chat_session_begin(chat *c, const chat_options *o) {
    error err = {{0}};
    if (o->store && o->session && chat_keep_enter(c, o->session, &err) != 0) chat_note(c, true, "%s", err.text);
    if (o->store && o->session && c->session.id) {
        unsigned flags = tell_where_we_are(c);
        chat_along_refuses(c, &flags);
        if (o->system) chat_set_string(&c->system, o->system);
        if (o->n_adapters == 0) chat_setup_read(c, chat_keep_setup(c));
    } else if (o->title) {
        chat_set_string(&c->session.title, o->title);
        c->session.is_named = true;
        c->session.created = time(NULL);
    }
}

// ---- one of them

unsigned chat_session_rename(chat *c, int64_t id, const char *title) {
    error err = {{0}};
    if (!c->store) return no_store(c);
    char *clean = session_title(title);
    unsigned flags = CHAT_STATUS;
    if (!*clean) {
        flags |= chat_note(c, true, "a title needs a letter or two");
    } else if (id == 0 || (id == c->session.id && !c->session.is_read_along)) {
        chat_set_string(&c->session.title, clean);
        c->session.is_named = true;
        flags |= chat_note(c, false, "This conversation is called \"%s\" now.", clean);
    } else if (store_rename(c->store, id, clean, &err) != 0) {
        flags |= chat_note(c, true, "%s", err.text);
    } else {
        flags |= chat_note(c, false, "Conversation %lld is called \"%s\" now.", (long long)id, clean);
    }
    free(clean);
    return flags;
}

unsigned chat_session_remove(chat *c, int64_t id) {
    error err = {{0}};
    if (!c->store) return no_store(c);
    unsigned flags = 0;
    chat_state_forget(c, id);
    c->told_of_loss = true; // it is what is wanted
    if (id == c->session.id && !c->session.is_read_along) flags |= chat_session_new(c, NULL);
    if (store_remove(c->store, id, &err) != 0) return flags | chat_note(c, true, "%s", err.text);
    return flags | chat_note(c, false, "Conversation %lld is removed.", (long long)id);
}
