// Shared by store*.c. Nobody else includes this.
#ifndef DOPPEL_STORE_IMPL_H
#define DOPPEL_STORE_IMPL_H

#include "app/store.h"

#include <sqlite3.h>

enum { STORE_STATEMENTS = 32 };

struct store {
    char *path;
    sqlite3 *db;
    int lock_fd; // of the file whose bytes stand for sessions; -1: there is none
    bool is_read_only;
    struct {
        const char *sql; // compared by address: every text is written once
        sqlite3_stmt *statement;
    } statements[STORE_STATEMENTS];
    int n_statements;
};

// The prepared statement of a text that lives as long as the program, its parameters bound by kinds: 'i' int64_t,
// 't' const char *, 'b' const char * and size_t. NULL with a message. Reset it after use with store_done.
sqlite3_stmt *store_query(store *s, error *err, const char *sql, const char *kinds, ...);
void store_done(sqlite3_stmt *q); // NULL is fine
// The same for a statement without results: 0, or -1 with a message.
int store_run(store *s, error *err, const char *sql, const char *kinds, ...);
// Steps to the next row: 1 there is one, 0 there is none, -1 with a message.
int store_step(store *s, sqlite3_stmt *q, error *err);
// What SQLite has to complain about, as a sentence. Returns -1.
int store_complain(const store *s, int code, error *err);

// A column as valid UTF-8 (never NULL); the caller frees it.
char *store_text(sqlite3_stmt *q, int column);

#endif
