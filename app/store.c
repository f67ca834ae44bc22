// Opening and its faults, statements, transactions, locks.
#include "app/store_impl.h"
#include "app/paths.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    FORMAT = 1, // the database's user_version
    BUSY_MS = 100,
    OPEN_TRIES = 20,
    OPEN_PAUSE_MS = 50,
    // Pages in the log before SQLite copies them by itself; store_flush does it at better moments.
    LOG_PAGES = 8000,
};

static const char schema[] =
    "CREATE TABLE session ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " title TEXT NOT NULL,"
    " named INTEGER NOT NULL,"   // the title was given by a person
    " created INTEGER NOT NULL," // seconds since 1970
    " changed INTEGER NOT NULL,"
    " length INTEGER NOT NULL," // messages along the chosen ones
    " system TEXT NOT NULL,"
    " model TEXT NOT NULL,"
    " setup TEXT NOT NULL);" // JSON
    "CREATE INDEX session_changed ON session (changed);"
    "CREATE TABLE message ("
    " id INTEGER PRIMARY KEY,"
    " session INTEGER NOT NULL REFERENCES session ON DELETE CASCADE,"
    " number INTEGER NOT NULL," // within its session
    " parent INTEGER NOT NULL," // number of the message it follows; 0: none
    " chosen INTEGER NOT NULL," // of those that follow the same one
    " role TEXT NOT NULL,"      // user, model
    " state TEXT NOT NULL,"     // of a user's: sent, unsent, failed; of a model's: growing, or why it ended
    " author TEXT NOT NULL,"
    " time INTEGER NOT NULL,"
    " tokens INTEGER NOT NULL,"
    " model TEXT NOT NULL,"
    " setup TEXT NOT NULL,"
    " text TEXT NOT NULL,"
    " UNIQUE (session, number));"
    // What a growing message has behind its text. One row a write, whatever the message's length.
    "CREATE TABLE growth ("
    " id INTEGER PRIMARY KEY,"
    " session INTEGER NOT NULL REFERENCES session ON DELETE CASCADE,"
    " number INTEGER NOT NULL,"
    " text TEXT NOT NULL);"
    "CREATE INDEX growth_message ON growth (session, number);"
    "CREATE TABLE setting (name TEXT PRIMARY KEY, value) WITHOUT ROWID;"
    "CREATE VIRTUAL TABLE words USING fts5 (text, content='message', content_rowid='id',"
    " tokenize='unicode61 remove_diacritics 2');"
    "CREATE TRIGGER message_added AFTER INSERT ON message BEGIN"
    " INSERT INTO words (rowid, text) VALUES (new.id, new.text); END;"
    "CREATE TRIGGER message_removed AFTER DELETE ON message BEGIN"
    " INSERT INTO words (words, rowid, text) VALUES ('delete', old.id, old.text); END;"
    "CREATE TRIGGER message_changed AFTER UPDATE OF text ON message WHEN old.text IS NOT new.text BEGIN"
    " INSERT INTO words (words, rowid, text) VALUES ('delete', old.id, old.text);"
    " INSERT INTO words (rowid, text) VALUES (new.id, new.text); END;"
    "PRAGMA user_version = 1;";

// ---- statements

int store_complain(const store *s, int code, error *err) {
    int why = s->db ? sqlite3_system_errno(s->db) : 0;
    switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return error_set(err, "%s: another program holds the database", s->path);
    case SQLITE_FULL: return error_set(err, "%s: there is no room left on the disk", s->path);
    case SQLITE_READONLY:
    case SQLITE_PERM: return error_set(err, "%s: may not be written", s->path);
    case SQLITE_CANTOPEN:
    case SQLITE_IOERR:
        return error_set(err, "%s: %s%s%s", s->path, sqlite3_errstr(code), why ? ": " : "", why ? strerror(why) : "");
    default: return error_set(err, "%s: %s", s->path, s->db ? sqlite3_errmsg(s->db) : sqlite3_errstr(code));
    }
}

static sqlite3_stmt *prepare(store *s, const char *sql, error *err) {
    for (int i = 0; i < s->n_statements; i++)
        if (s->statements[i].sql == sql) return s->statements[i].statement;
    sqlite3_stmt *q = NULL;
    int code = sqlite3_prepare_v3(s->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &q, NULL);
    if (code != SQLITE_OK || s->n_statements == STORE_STATEMENTS) {
        sqlite3_finalize(q);
        store_complain(s, code, err);
        return NULL;
    }
    s->statements[s->n_statements].sql = sql;
    s->statements[s->n_statements++].statement = q;
    return q;
}

static sqlite3_stmt *query(store *s, error *err, const char *sql, const char *kinds, va_list ap) {
    sqlite3_stmt *q = prepare(s, sql, err);
    for (int i = 1; q && *kinds; i++, kinds++) {
        int code;
        if (*kinds == 'i') {
            code = sqlite3_bind_int64(q, i, va_arg(ap, int64_t));
        } else {
            const char *text = va_arg(ap, const char *);
            size_t n = *kinds == 'b' ? va_arg(ap, size_t) : strlen(text);
            code = sqlite3_bind_text64(q, i, text, n, SQLITE_TRANSIENT, SQLITE_UTF8);
        }
        if (code == SQLITE_OK) continue;
        store_complain(s, code, err);
        store_done(q);
        return NULL;
    }
    return q;
}

sqlite3_stmt *store_query(store *s, error *err, const char *sql, const char *kinds, ...) {
    va_list ap;
    va_start(ap, kinds);
    sqlite3_stmt *q = query(s, err, sql, kinds, ap);
    va_end(ap);
    return q;
}

void store_done(sqlite3_stmt *q) {
    if (!q) return;
    sqlite3_reset(q);
    sqlite3_clear_bindings(q);
}

int store_step(store *s, sqlite3_stmt *q, error *err) {
    int code = sqlite3_step(q);
    if (code == SQLITE_ROW) return 1;
    return code == SQLITE_DONE ? 0 : store_complain(s, code, err);
}

int store_run(store *s, error *err, const char *sql, const char *kinds, ...) {
    va_list ap;
    va_start(ap, kinds);
    sqlite3_stmt *q = query(s, err, sql, kinds, ap);
    va_end(ap);
    int failed = q && store_step(s, q, err) >= 0 ? 0 : -1;
    store_done(q);
    return failed;
}

char *store_text(sqlite3_stmt *q, int column) {
    const char *text = (const char *)sqlite3_column_text(q, column);
    int n = sqlite3_column_bytes(q, column);
    buf out = {0};
    // A NUL inside would end the text for everybody else.
    if (text && n > 0) utf8_repair(&out, text, strnlen(text, (size_t)n));
    return buf_take(&out);
}

// ---- opening

static int one_number(store *s, const char *sql, int64_t *out) {
    sqlite3_stmt *q = NULL;
    int code = sqlite3_prepare_v2(s->db, sql, -1, &q, NULL);
    if (code == SQLITE_OK) code = sqlite3_step(q);
    if (code == SQLITE_ROW) *out = sqlite3_column_int64(q, 0);
    sqlite3_finalize(q);
    return code == SQLITE_ROW ? SQLITE_OK : code;
}

// Whether the database is doppel's own, or new: *is_new. Returns SQLite's code, SQLITE_MISMATCH after a message.
static int check_format(store *s, bool *is_new, error *err) {
    int64_t format = 0, tables = 0;
    // Both as of one moment: another doppel may be making it just now.
    bool alone = sqlite3_get_autocommit(s->db);
    int code = alone ? sqlite3_exec(s->db, "BEGIN", NULL, NULL, NULL) : SQLITE_OK;
    if (code == SQLITE_OK) code = one_number(s, "PRAGMA user_version", &format);
    if (code == SQLITE_OK) code = one_number(s, "SELECT count(*) FROM sqlite_master", &tables);
    if (alone) sqlite3_exec(s->db, "COMMIT", NULL, NULL, NULL);
    if (code != SQLITE_OK) return code;
    *is_new = format == 0 && tables == 0 && !s->is_read_only;
    if (format == FORMAT || *is_new) return SQLITE_OK;
    if (format > FORMAT || format < 0)
        error_set(err, "%s: was written by a newer doppel (format %lld, this one knows %d); use that one", s->path,
                  (long long)format, FORMAT);
    else if (tables > 0)
        error_set(err, "%s: is another program's database; move it away", s->path);
    else
        error_set(err, "%s: is empty and may not be written", s->path);
    return SQLITE_MISMATCH;
}

// Two programs may begin at once: one of them finds the tables made.
static int make_tables(store *s, error *err) {
    bool is_new = false;
    int code = sqlite3_exec(s->db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    if (code == SQLITE_OK) code = check_format(s, &is_new, err);
    if (code == SQLITE_OK && is_new) code = sqlite3_exec(s->db, schema, NULL, NULL, NULL);
    if (code == SQLITE_OK) code = sqlite3_exec(s->db, "COMMIT", NULL, NULL, NULL);
    if (code != SQLITE_OK) sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    return code;
}

static int set_up(store *s, error *err) {
    static const char pragmas[] = "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON;"
                                  "PRAGMA secure_delete = ON;";
    bool is_new = false;
    sqlite3_busy_timeout(s->db, BUSY_MS);
    sqlite3_extended_result_codes(s->db, 1);
    sqlite3_db_config(s->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_limit(s->db, SQLITE_LIMIT_LENGTH, 1 << 28);
    int code = check_format(s, &is_new, err); // before anything is written
    if (code != SQLITE_OK || s->is_read_only) return code;
    code = sqlite3_exec(s->db, pragmas, NULL, NULL, NULL);
    if (code != SQLITE_OK) return code;
    sqlite3_wal_autocheckpoint(s->db, LOG_PAGES);
    return is_new ? make_tables(s, err) : SQLITE_OK;
}

// A new database has moments in which SQLite waits for nobody: of doppels that begin at once one would give up.
static int set_up_patiently(store *s, error *err) {
    int code = set_up(s, err);
    for (int i = 0; i < OPEN_TRIES && (code & 0xff) == SQLITE_BUSY; i++) {
        nanosleep(&(struct timespec){.tv_nsec = OPEN_PAUSE_MS * 1000000L}, NULL);
        code = set_up(s, err);
    }
    return code;
}

// SQLite reads a database with a log only where it can make the log's index. Where it cannot, and there is no log, the
// file is said to be immutable, which needs no index; that goes by way of a URI.
static int open_read_only(store *s) {
    buf uri = {0}, log = {0};
    buf_printf(&log, "%s-wal", s->path);
    buf_puts(&uri, "file:");
    for (const char *p = s->path; *p; p++) buf_printf(&uri, strchr("%?#", *p) ? "%%%02X" : "%c", (unsigned char)*p);
    if (access(log.data, F_OK) != 0) buf_puts(&uri, "?immutable=1");
    int flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX;
    int code = sqlite3_open_v2(uri.data, &s->db, flags, NULL);
    buf_free(&uri);
    buf_free(&log);
    return code;
}

// One try. SQLite's code; SQLITE_MISMATCH when err has the message already.
static int open_once(store *s, error *err) {
    // Made here, so that it is private from the first byte on; SQLite gives its log and index the same permissions.
    int fd = open(s->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600), why = errno;
    if (fd >= 0) close(fd);
    s->is_read_only = fd < 0 && (why == EACCES || why == EROFS || why == EPERM);
    if (s->is_read_only && access(s->path, F_OK) != 0) {
        error_set(err, "%s: cannot be made: %s", s->path, strerror(why));
        return SQLITE_MISMATCH;
    }
    int code = s->is_read_only ? open_read_only(s)
                               : sqlite3_open_v2(s->path, &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    return code == SQLITE_OK ? set_up_patiently(s, err) : code;
}

static void close_database(store *s) {
    for (int i = 0; i < s->n_statements; i++) sqlite3_finalize(s->statements[i].statement);
    s->n_statements = 0;
    sqlite3_close(s->db);
    s->db = NULL;
}

// Renames what is no database, with its log, to a name that is free.
static int move_aside(const store *s, buf *note) {
    buf to = {0};
    for (int i = 1; i == 1 || access(to.data, F_OK) == 0; i++) {
        buf_clear(&to);
        buf_printf(&to, "%s.damaged", s->path);
        if (i > 1) buf_printf(&to, "-%d", i);
    }
    int failed = rename(s->path, to.data);
    static const char *const endings[] = {"-wal", "-shm"};
    for (int i = 0; i < 2 && !failed; i++) {
        buf old = {0}, new = {0};
        buf_printf(&old, "%s%s", s->path, endings[i]);
        buf_printf(&new, "%s%s", to.data, endings[i]);
        rename(old.data, new.data);
        buf_free(&old);
        buf_free(&new);
    }
    if (!failed && note)
        buf_printf(note, "%s was damaged and is now called %s; conversations are kept in a new one", s->path, to.data);
    buf_free(&to);
    return failed;
}

static int open_lock(const store *s) {
    buf path = {0};
    buf_printf(&path, "%s-lock", s->path);
    int fd = open(path.data, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    buf_free(&path);
    return fd;
}

static int make_folder(const char *path, error *err) {
    char *folder = mem_strdup(path), *slash = strrchr(folder, '/');
    int failed = 0;
    if (slash && slash != folder) {
        *slash = '\0';
        failed = paths_make_dir(folder, err);
    }
    free(folder);
    return failed;
}

store *store_open(const char *path, buf *note, error *err) {
    if (make_folder(path, err) != 0) return NULL;
    store *s = mem_calloc(1, sizeof *s);
    s->path = mem_strdup(path);
    s->lock_fd = -1;
    int code = open_once(s, err);
    if ((code & 0xff) == SQLITE_NOTADB || (code & 0xff) == SQLITE_CORRUPT) {
        close_database(s);
        if (move_aside(s, note) == 0) code = open_once(s, err);
    }
    if (code != SQLITE_OK) {
        if (code != SQLITE_MISMATCH) store_complain(s, code, err);
        store_close(s);
        return NULL;
    }
    if (!s->is_read_only) s->lock_fd = open_lock(s);
    return s;
}

void store_close(store *s) {
    if (!s) return;
    close_database(s);
    if (s->lock_fd >= 0) close(s->lock_fd);
    free(s->path);
    free(s);
}

bool store_is_read_only(const store *s) {
    return s->is_read_only;
}

const char *store_path(const store *s) {
    return s->path;
}

bool store_is_lost(store *s) {
    int has_moved = 0, code = sqlite3_errcode(s->db) & 0xff;
    sqlite3_file_control(s->db, "main", SQLITE_FCNTL_HAS_MOVED, &has_moved);
    return has_moved || code == SQLITE_NOTADB || code == SQLITE_CORRUPT;
}

int64_t store_version(store *s) {
    static const char sql[] = "PRAGMA data_version";
    sqlite3_stmt *q = store_query(s, NULL, sql, "");
    int64_t version = q && sqlite3_step(q) == SQLITE_ROW ? sqlite3_column_int64(q, 0) : 0;
    store_done(q);
    return version;
}

// ---- transactions

int store_begin(store *s, error *err) {
    static const char sql[] = "BEGIN IMMEDIATE";
    return store_run(s, err, sql, "");
}

int store_commit(store *s, error *err) {
    static const char sql[] = "COMMIT";
    if (store_run(s, err, sql, "") == 0) return 0;
    store_rollback(s);
    return -1;
}

void store_rollback(store *s) {
    static const char sql[] = "ROLLBACK";
    if (!sqlite3_get_autocommit(s->db)) store_run(s, NULL, sql, "");
}

void store_flush(store *s) {
    if (!s->is_read_only) sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
}

// ---- locks

static struct flock byte_of(int64_t id, short type) {
    return (struct flock){.l_type = type, .l_whence = SEEK_SET, .l_start = (off_t)id, .l_len = 1};
}

pid_t store_owner(store *s, int64_t id) {
    struct flock lock = byte_of(id, F_WRLCK);
    if (s->lock_fd < 0 || fcntl(s->lock_fd, F_GETLK, &lock) != 0) return 0;
    return lock.l_type == F_UNLCK ? 0 : lock.l_pid;
}

pid_t store_take(store *s, int64_t id) {
    struct flock lock = byte_of(id, F_WRLCK);
    if (s->lock_fd < 0) return -1;
    if (fcntl(s->lock_fd, F_SETLK, &lock) == 0) return 0;
    if (errno != EACCES && errno != EAGAIN) return -1;
    pid_t owner = store_owner(s, id);
    return owner ? owner : fcntl(s->lock_fd, F_SETLK, &lock) == 0 ? 0 : -1; // it may have ended in between
}

void store_let_go(store *s, int64_t id) {
    struct flock lock = byte_of(id, F_UNLCK);
    if (s->lock_fd >= 0) fcntl(s->lock_fd, F_SETLK, &lock);
}
