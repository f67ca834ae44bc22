// Shared by chat*.c. Nobody else includes this.
#ifndef DOPPEL_CHAT_IMPL_H
#define DOPPEL_CHAT_IMPL_H

#include "app/chat.h"

// ---- chat.c

void chat_ask(chat *c);     // begins an answer to the turns
void chat_abandon(chat *c); // ends the running answer here and now
void chat_set_string(char **s, const char *value);

// ---- chat_commands.c

unsigned chat_save(chat *c, const char *args); // /save: writes to that file, after asking where there is one

// ---- chat_set.c, chat_model.c: the commands /set and /model, and what the worker tells of a model

unsigned chat_set_run(chat *c, const char *args);
unsigned chat_model_run(chat *c, const char *args);
unsigned chat_model_loaded(chat *c, const event *e);
unsigned chat_model_failed(chat *c, const event *e); // it could not be loaded
unsigned chat_model_fetch_event(chat *c, const event *e);
void chat_model_offer(chat *c); // there is none: asks whether to fetch the default one

// ---- chat_turns.c: the turns as an array, and as the tree of app/session.h behind it

size_t chat_turns_waiting(const chat *c); // the first waiting one; n_turns when there is none
chat_turn *chat_turns_insert(chat *c, size_t at, turn_kind kind, const char *author);
void chat_turns_remove(chat *c, size_t at);             // for good: notes, and answers without a word
size_t chat_turns_last(const chat *c, turn_kind kind);  // of those that were sent; n_turns when there is none
void chat_turns_set_aside(chat *c, size_t at);          // the messages from there on become alternatives
bool chat_turns_bring_back(chat *c, int parent);        // the newest alternative that follows it, if there is one
void chat_turns_link(chat *c);                          // puts parent, nth and n_alternatives right
void chat_turns_fill(chat *c, const session *s);        // with a session's messages, in place of all turns
void chat_turns_clear(chat *c);                         // no turns, no notes
session_message chat_turns_message(const chat_turn *t); // as it is stored; the texts stay the turn's
void chat_turns_session(const chat *c, session *out);   // likewise for all; free out->messages alone

// ---- chat_setup.c: what an answer is written with, as JSON

// Appends {"adapters":[...],"user":"...","persona":"...","settings":{...}}; the settings only when they are wanted.
void chat_setup_write(const chat *c, bool with_settings, buf *out);
// Takes up the names; puts the adapters that setup names in place of those in the list; notes name those that are not there any more.
unsigned chat_setup_read(chat *c, const char *setup);

// ---- chat_sessions.c

void chat_sessions_complete(const char *word, size_t n, buf *out); // appends its verbs that begin so, one a line

// ---- chat_session.c

void chat_session_begin(chat *c, const chat_options *o); // what the chat starts with

// ---- chat_state.c: the model's state of the conversation on disk

void chat_state_keep(chat *c);               // if it has changed since
void chat_state_recall(chat *c);             // before the first question in a session that was entered
void chat_state_forget(chat *c, int64_t id); // of a session that is removed

// ---- chat_along.c: a session that another doppel goes on with

unsigned chat_along_update(chat *c);               // shows what that one added; takes the session over when it left
bool chat_along_refuses(chat *c, unsigned *flags); // reading along: says so; nothing may be changed

// ---- chat_keep.c: the store follows the turns

void chat_keep_open(chat *c, const chat_options *o);
void chat_keep_close(chat *c);
unsigned chat_keep_update(chat *c); // after anything that may have changed the turns: writes it down
unsigned chat_keep_leave(chat *c);  // the session is left: writes all of it, keeps the model's state, unlocks
// Turns, system text and lock of a stored session; id 0: an empty one. 0, or -1 with a message, and then it is an empty
// one.
int chat_keep_enter(chat *c, int64_t id, error *err);
const char *chat_keep_model(const chat *c); // what the entered session was written with; "" for nothing known
const char *chat_keep_setup(const chat *c);

// ---- chat_adapters.c

// Adds NAME[=STRENGTH] to the list, without asking the worker. 0, or -1 with a message.
int chat_adapters_add(chat *c, const char *word, error *err);
void chat_adapters_send(chat *c); // asks the worker for the list as it is
void chat_adapters_clear(chat *c);
void chat_label_with(const chat *c, bool on, buf *out); // chat_label, as it is with the style on or off
// The adapter at path was written anew: if it is in use, it is read again.
unsigned chat_adapters_renew(chat *c, const char *path);
unsigned chat_adapters_event(chat *c, const event *e); // its answer: EVENT_ADAPTED or EVENT_ERROR

#endif
