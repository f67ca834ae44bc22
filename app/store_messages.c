// Sessions and their messages as rows.
#include "app/store_impl.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

// ---- reading

static gen_stop stop_of(const char *name) {
    for (int i = GEN_EOS; i < GEN_INTERRUPTED; i++)
        if (strcmp(gen_stop_name((gen_stop)i), name) == 0) return (gen_stop)i;
    return GEN_INTERRUPTED;
}

static void read_state(session_message *m, const char *role, const char *state) {
    m->is_answer = strcmp(role, "model") == 0;
    m->is_unfinished = m->is_answer && strcmp(state, "growing") == 0;
    m->is_unsent = !m->is_answer && strcmp(state, "unsent") == 0;
    m->is_failed = !m->is_answer && strcmp(state, "failed") == 0;
    m->stop = m->is_answer ? stop_of(state) : GEN_EOS;
}

static const char *state_of(const session_message *m) {
    if (m->is_answer) return m->is_unfinished ? "growing" : gen_stop_name(m->stop);
    return m->is_unsent ? "unsent" : m->is_failed ? "failed" : "sent";
}

static int load_head(store *s, int64_t id, session *out, error *err) {
    static const char sql[] = "SELECT title, named, created, changed, system, model, setup FROM session WHERE id = ?";
    sqlite3_stmt *q = store_query(s, err, sql, "i", id);
    int found = q ? store_step(s, q, err) : -1;
    if (found == 1)
        *out = (session){
            .id = id,
            .title = store_text(q, 0),
            .is_named = sqlite3_column_int(q, 1) != 0,
            .created = sqlite3_column_int64(q, 2),
            .changed = sqlite3_column_int64(q, 3),
            .system = store_text(q, 4),
            .model = store_text(q, 5),
            .setup = store_text(q, 6),
        };
    store_done(q);
    if (found == 0) return error_set(err, "there is no conversation %lld", (long long)id);
    return found == 1 ? 0 : -1;
}

static int load_messages(store *s, session *out, error *err) {
    static const char sql[] = "SELECT number, parent, chosen, role, state, author, time, tokens, model, setup, text"
                              " FROM message WHERE session = ? AND number > 0 ORDER BY number";
    sqlite3_stmt *q = store_query(s, err, sql, "i", out->id);
    int more = -1;
    while (q && (more = store_step(s, q, err)) == 1) {
        out->messages = mem_reserve(out->messages, &out->cap_messages, out->n_messages + 1, sizeof *out->messages);
        session_message *m = &out->messages[out->n_messages++];
        *m = (session_message){
            .number = sqlite3_column_int(q, 0),
            .parent = sqlite3_column_int(q, 1),
            .chosen = sqlite3_column_int(q, 2) != 0,
            .author = store_text(q, 5),
            .time = sqlite3_column_int64(q, 6),
            .n_tokens = sqlite3_column_int(q, 7),
            .model = store_text(q, 8),
            .setup = store_text(q, 9),
            .text = store_text(q, 10),
        };
        char *role = store_text(q, 3), *state = store_text(q, 4);
        read_state(m, role, state);
        free(role);
        free(state);
    }
    store_done(q);
    return more;
}

static session_message *message_of(session *s, int number) {
    for (size_t i = 0; i < s->n_messages; i++)
        if (s->messages[i].number == number) return &s->messages[i];
    return NULL;
}

static void set_text(session_message *m, buf *text) {
    if (m) {
        free(m->text);
        m->text = buf_take(text);
    }
    buf_clear(text);
}

// What messages have grown by since their text was written.
static int load_growth(store *s, session *out, error *err) {
    static const char sql[] = "SELECT number, text FROM growth WHERE session = ? ORDER BY number, id";
    sqlite3_stmt *q = store_query(s, err, sql, "i", out->id);
    int more = -1;
    buf text = {0};
    session_message *m = NULL;
    while (q && (more = store_step(s, q, err)) == 1) {
        int number = sqlite3_column_int(q, 0);
        if (!m || m->number != number) {
            set_text(m, &text);
            m = message_of(out, number);
            if (m) buf_puts(&text, m->text);
        }
        char *piece = store_text(q, 1);
        buf_puts(&text, piece);
        free(piece);
    }
    set_text(m, &text);
    store_done(q);
    buf_free(&text);
    return more;
}

// Within one transaction, so that another program's write does not come in between.
int store_load(store *s, int64_t id, session *out, error *err) {
    static const char begin[] = "BEGIN", end[] = "COMMIT";
    *out = (session){0};
    if (store_run(s, err, begin, "") != 0) return -1;
    int failed = load_head(s, id, out, err) || load_messages(s, out, err) || load_growth(s, out, err);
    store_run(s, NULL, end, "");
    if (failed) session_free(out);
    return failed ? -1 : 0;
}

// ---- writing

int store_put_session(store *s, session *of, error *err) {
    static const char add[] = "INSERT INTO session (title, named, created, changed, length, system, model, setup)"
                              " VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
    static const char change[] = "UPDATE session SET title = ?, named = ?, created = ?, changed = ?, length = ?,"
                                 " system = ?, model = ?, setup = ? WHERE id = ?";
    int64_t named = of->is_named, length = of->length;
    if (of->id)
        return store_run(s, err, change, "tiiiittti", of->title, named, of->created, of->changed, length, of->system,
                         of->model, of->setup, of->id);
    if (store_run(s, err, add, "tiiiittt", of->title, named, of->created, of->changed, length, of->system, of->model,
                  of->setup) != 0)
        return -1;
    of->id = sqlite3_last_insert_rowid(s->db);
    return 0;
}

int store_put_message(store *s, int64_t session, const session_message *m, error *err) {
    static const char put[] =
        "INSERT INTO message (session, number, parent, chosen, role, state, author, time, tokens, model, setup, text)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)"
        " ON CONFLICT (session, number) DO UPDATE SET parent = ?3, chosen = ?4, role = ?5, state = ?6, author = ?7,"
        " time = ?8, tokens = ?9, model = ?10, setup = ?11, text = ?12";
    static const char forget[] = "DELETE FROM growth WHERE session = ? AND number = ?";
    int64_t number = m->number, parent = m->parent, chosen = m->chosen, tokens = m->n_tokens;
    if (store_run(s, err, put, "iiiitttiittt", session, number, parent, chosen, m->is_answer ? "model" : "user",
                  state_of(m), m->author, m->time, tokens, m->model, m->setup, m->text) != 0)
        return -1;
    return m->is_answer ? store_run(s, err, forget, "ii", session, number) : 0;
}

int store_grow_message(store *s, int64_t session, int number, const char *text, size_t n, error *err) {
    static const char sql[] = "INSERT INTO growth (session, number, text) VALUES (?, ?, ?)";
    return store_run(s, err, sql, "iib", session, (int64_t)number, text, n);
}

int store_rename(store *s, int64_t id, const char *title, error *err) {
    static const char sql[] = "UPDATE session SET title = ?, named = 1 WHERE id = ?";
    if (store_run(s, err, sql, "ti", title, id) != 0) return -1;
    return sqlite3_changes(s->db) ? 0 : error_set(err, "there is no conversation %lld", (long long)id);
}

int store_may_remove(store *s, int64_t id, error *err) {
    pid_t owner = store_owner(s, id);
    if (!owner) return 0;
    return error_set(err, "conversation %lld is open in another doppel (process %ld); leave it there first",
                     (long long)id, (long)owner);
}

int store_remove(store *s, int64_t id, error *err) {
    static const char sql[] = "DELETE FROM session WHERE id = ?";
    static const char tidy[] = "INSERT INTO words (words) VALUES ('optimize')";
    if (store_may_remove(s, id, err) != 0) return -1;
    if (store_run(s, err, sql, "i", id) != 0) return -1;
    if (!sqlite3_changes(s->db)) return error_set(err, "there is no conversation %lld", (long long)id);
    // What a person removes shall be gone: from the index and from the log as well.
    store_run(s, NULL, tidy, "");
    sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    return 0;
}

// ---- the last one

int64_t store_last(store *s) {
    static const char sql[] = "SELECT id FROM session WHERE id = (SELECT value FROM setting WHERE name = 'last')";
    sqlite3_stmt *q = store_query(s, NULL, sql, "");
    int64_t id = q && sqlite3_step(q) == SQLITE_ROW ? sqlite3_column_int64(q, 0) : 0;
    store_done(q);
    return id;
}

int store_set_last(store *s, int64_t id) {
    static const char sql[] = "INSERT INTO setting (name, value) VALUES ('last', ?1)"
                              " ON CONFLICT (name) DO UPDATE SET value = ?1";
    return store_run(s, NULL, sql, "i", id);
}
