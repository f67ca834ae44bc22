// Reading along: a conversation that another doppel goes on with is looked at again whenever the database has changed,
// until that doppel leaves it; then it goes on here.
#include "app/chat_keeper.h"

static unsigned read_again(chat *c) {
    session s;
    if (store_load(c->store, c->session.id, &s, NULL) != 0) return 0; // it is written to: the next look will do
    chat_turns_fill(c, &s);
    chat_set_string(&c->session.title, s.title);
    chat_set_string(&c->system, s.system);
    session_free(&s);
    return CHAT_TURNS | CHAT_STATUS;
}

unsigned chat_along_update(chat *c) {
    keeper *k = c->keep;
    if (!chat_keeper_is_due(k)) return 0;
    k->due = chat_keeper_now() + CHAT_ALONG_MS;
    if (store_take(c->store, c->session.id) == 0) {
        error err = {{0}};
        if (chat_keep_enter(c, c->session.id, &err) != 0) return chat_note(c, true, "%s any more", err.text);
        return chat_note(c, false, "The other doppel has left the conversation; it goes on here.") | CHAT_STATUS;
    }
    int64_t version = store_version(c->store);
    if (version == k->version) return 0;
    k->version = version;
    return read_again(c);
}

bool chat_along_refuses(chat *c, unsigned *flags) {
    if (!c->session.is_read_along) return false;
    *flags |=
        chat_note(c, true,
                  "This conversation is open in another doppel (process %ld) and can only be read here until that "
                  "one leaves it; /clear begins a new one.",
                  (long)c->keep->owner);
    return true;
}
