// The conversations on disk: one SQLite database, doppel.db in doppel's home, with a full-text index over the messages.
//
// Every program that runs may have it open; the write-ahead log lets them read while one writes. Which session a program
// goes on with is a lock on a byte of a file beside the database, which the system takes back from a program that died;
// so it belongs to the process: only one store of a process may hold locks. A write is in the database, safe from any
// end of the program, once its call (or store_commit, within store_begin) has returned 0; store_flush makes it safe from
// a loss of power, too.
//
// All calls belong to the thread that opened the store. They wait at most a tenth of a second for another program's
// write.
#ifndef DOPPEL_STORE_H
#define DOPPEL_STORE_H

#include "app/session.h"

#include <sys/types.h>

typedef struct store store;

// Opens the database at path, made (0600, and its folder 0700) when it is missing. One that is no database at all is
// renamed first and *note (may be NULL) says so. NULL with a message for one that a newer doppel wrote, which is not
// touched, and for one that cannot be read; one that can only be read opens, and store_is_read_only tells.
store *store_open(const char *path, buf *note, error *err);
void store_close(store *s); // lets go of all sessions; NULL is fine
bool store_is_read_only(const store *s);
const char *store_path(const store *s);
// The file is not the one any more that was opened (somebody removed it, or put another in its place), or it turned out
// to be damaged: what is written would be lost. Another store_open makes it good.
bool store_is_lost(store *s);

// ---- sessions

// One line of a list.
typedef struct store_row {
    int64_t id;
    const char *title; // these are valid within the call only
    const char *model; // path
    int64_t created, changed;
    int n_messages;      // of the conversation, without alternatives
    const char *excerpt; // of a search: the place that was found, with "\2" before and "\3" behind each word; else ""
} store_row;

typedef void (*store_row_fn)(void *arg, const store_row *r);

// Calls fn for every session, the one that was changed last first; store_search for those that have all the words in one
// message (or its beginning: "dragon" finds "dragons"), or in the title. 0, or -1 with a message.
int store_list(store *s, store_row_fn fn, void *arg, error *err);
int store_search(store *s, const char *words, store_row_fn fn, void *arg, error *err);

// The session that a word names: its number, its title, or the only one whose title begins so (letter case ignored).
// -1 with a message; 0 when there is none.
int64_t store_find(store *s, const char *word, error *err);

int store_load(store *s, int64_t id, session *out, error *err); // free with session_free; -1 also when it is gone
int store_rename(store *s, int64_t id, const char *title, error *err);
// 0, or -1 with a message: another process goes on with it. For asking before a question is put.
int store_may_remove(store *s, int64_t id, error *err);
// Removes it with its messages; -1 also when another process goes on with it.
int store_remove(store *s, int64_t id, error *err);

// The session that a person had open last; 0: none.
int64_t store_last(store *s);
int store_set_last(store *s, int64_t id);

// ---- who goes on with a session

// Makes it this process's own. 0; the process id of another that has it; -1 when there can be no locks.
pid_t store_take(store *s, int64_t id);
void store_let_go(store *s, int64_t id);
pid_t store_owner(store *s, int64_t id); // another process; 0: none

// Another number after every change that another process made.
int64_t store_version(store *s);

// ---- writing

int store_begin(store *s, error *err);
int store_commit(store *s, error *err); // -1: nothing since store_begin was written
void store_rollback(store *s);

// Adds a session, or changes everything of one but its messages; of a new one sets id.
int store_put_session(store *s, session *of, error *err);
// Adds a message, or replaces the one with its number.
int store_put_message(store *s, int64_t session, const session_message *m, error *err);
// Appends n bytes to a message that is growing.
int store_grow_message(store *s, int64_t session, int number, const char *text, size_t n, error *err);

// Moves what was written into the database proper and flushes it to the disk.
void store_flush(store *s);

#endif
