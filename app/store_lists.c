// Lists of sessions: all of them, those that a search finds, the one that a word names.
//
// Words are looked up in the index, each as the beginning of one. What the index cannot know is looked for in the texts
// themselves: words of scripts that are written without spaces, and signs such as "c++".
#include "app/store_impl.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

enum { MAX_WORDS = 16, FIRST_IDEOGRAPH = 0x2e80 };

static int emit(store *s, sqlite3_stmt *q, store_row_fn fn, void *arg, error *err) {
    int more;
    while ((more = store_step(s, q, err)) == 1) {
        char *title = store_text(q, 1), *model = store_text(q, 2), *excerpt = store_text(q, 6);
        fn(arg, &(store_row){
                    .id = sqlite3_column_int64(q, 0),
                    .title = title,
                    .model = model,
                    .created = sqlite3_column_int64(q, 3),
                    .changed = sqlite3_column_int64(q, 4),
                    .n_messages = sqlite3_column_int(q, 5),
                    .excerpt = excerpt,
                });
        free(title);
        free(model);
        free(excerpt);
    }
    return more;
}

int store_list(store *s, store_row_fn fn, void *arg, error *err) {
    static const char sql[] = "SELECT id, title, model, created, changed, length, '' FROM session"
                              " ORDER BY changed DESC, id DESC";
    sqlite3_stmt *q = store_query(s, err, sql, "");
    int failed = q ? emit(s, q, fn, arg, err) : -1;
    store_done(q);
    return failed;
}

// ---- searching

// How the words of a search are looked for.
typedef struct terms {
    buf match;               // for the index: "word"* "word"*; empty: nothing is looked up there
    char *inside[MAX_WORDS]; // LIKE patterns
    int n_inside;
} terms;

static bool is_indexed(const char *word, size_t n) {
    bool has_letter = false, has_sign = false;
    for (size_t i = 0; i < n;) {
        uint32_t c = 0;
        int len = utf8_decode(word + i, n - i, &c);
        i += len > 0 ? (size_t)len : 1;
        if (c >= FIRST_IDEOGRAPH) return false;
        utf8proc_category_t kind = utf8proc_category((utf8proc_int32_t)c);
        bool letter = (kind >= UTF8PROC_CATEGORY_LU && kind <= UTF8PROC_CATEGORY_LO) ||
                      (kind >= UTF8PROC_CATEGORY_ND && kind <= UTF8PROC_CATEGORY_NO);
        has_letter |= letter;
        has_sign |= !letter && kind != UTF8PROC_CATEGORY_MN && c != '\'';
    }
    return has_letter && !has_sign;
}

// % and _ stand for themselves; the escape character is a backslash.
static char *like_pattern(const char *word, size_t n) {
    buf out = {0};
    buf_putc(&out, '%');
    for (size_t i = 0; i < n; i++) {
        if (strchr("%_\\", word[i])) buf_putc(&out, '\\');
        buf_putc(&out, word[i]);
    }
    buf_putc(&out, '%');
    return buf_take(&out);
}

static void add_word(terms *t, const char *word, size_t n) {
    if (!is_indexed(word, n)) {
        if (t->n_inside < MAX_WORDS) t->inside[t->n_inside++] = like_pattern(word, n);
        return;
    }
    buf_puts(&t->match, t->match.len ? " \"" : "\"");
    buf_append(&t->match, word, n);
    buf_puts(&t->match, "\"*");
}

static void split_words(const char *words, terms *t) {
    for (const char *w = words; *w;) {
        size_t n = strcspn(w, " \t\r\n\"");
        if (n) add_word(t, w, n);
        w += n + (w[n] != '\0');
    }
}

static void free_terms(terms *t) {
    buf_free(&t->match);
    for (int i = 0; i < t->n_inside; i++) free(t->inside[i]);
}

// ?1 is the pattern for titles, ?2 the match, ?3 and on the patterns for texts.
static void write_search(const terms *t, buf *sql) {
    buf_puts(sql, "WITH hit AS MATERIALIZED (SELECT m.session AS session, ");
    buf_puts(sql, t->match.len ? "words.rank AS rank, snippet(words, 0, char(2), char(3), '…', 12) AS excerpt"
                                 " FROM words JOIN message m ON m.id = words.rowid WHERE words MATCH ?2"
                               : "0 AS rank, substr(m.text, 1, 80) AS excerpt FROM message m WHERE ?2 = ''");
    for (int i = 0; i < t->n_inside; i++) buf_printf(sql, " AND m.text LIKE ?%d ESCAPE '\\'", 3 + i);
    buf_puts(sql, "), best AS (SELECT session, excerpt, min(rank) FROM hit GROUP BY session)"
                  " SELECT id, title, model, created, changed, length, coalesce(excerpt, '') FROM session"
                  " LEFT JOIN best ON best.session = id WHERE best.session IS NOT NULL OR title LIKE ?1 ESCAPE '\\'"
                  " ORDER BY changed DESC, id DESC");
}

static int bind_text(sqlite3_stmt *q, int i, const char *text) {
    return sqlite3_bind_text(q, i, text, -1, SQLITE_TRANSIENT);
}

int store_search(store *s, const char *words, store_row_fn fn, void *arg, error *err) {
    terms t = {.n_inside = 0};
    split_words(words, &t);
    size_t n = strlen(words);
    while (n > 0 && strchr(" \t\r\n", words[n - 1])) n--;
    if (t.match.len == 0 && t.n_inside == 0) return 0;
    buf sql = {0};
    write_search(&t, &sql);
    char *title = like_pattern(words, n);
    sqlite3_stmt *q = NULL;
    int code = sqlite3_prepare_v2(s->db, sql.data, -1, &q, NULL);
    if (code == SQLITE_OK) code = bind_text(q, 1, title);
    if (code == SQLITE_OK) code = bind_text(q, 2, buf_str(&t.match));
    for (int i = 0; i < t.n_inside && code == SQLITE_OK; i++) code = bind_text(q, 3 + i, t.inside[i]);
    int failed = code == SQLITE_OK ? emit(s, q, fn, arg, err) : store_complain(s, code, err);
    sqlite3_finalize(q);
    free(title);
    buf_free(&sql);
    free_terms(&t);
    return failed;
}

// ---- finding by name

static char *folded(const char *text) {
    utf8proc_uint8_t *out = NULL;
    utf8proc_map((const utf8proc_uint8_t *)text, 0, &out,
                 UTF8PROC_NULLTERM | UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_CASEFOLD);
    return out ? (char *)out : mem_strdup(text);
}

typedef struct finding {
    char *word;
    int64_t number; // that the word is; 0: none
    bool is_number; // and it is a session's
    int64_t same, begins;
    int n_same, n_begin;
} finding;

static void compare(void *arg, const store_row *r) {
    finding *f = arg;
    char *title = folded(r->title);
    if (r->id == f->number) f->is_number = true;
    if (strcmp(title, f->word) == 0) {
        f->same = r->id;
        f->n_same++;
    }
    if (strncmp(title, f->word, strlen(f->word)) == 0) {
        f->begins = r->id;
        f->n_begin++;
    }
    free(title);
}

int64_t store_find(store *s, const char *word, error *err) {
    finding f = {.word = folded(word)};
    char *end;
    long long number = strtoll(word, &end, 10);
    if (*word && !*end) f.number = number;
    int failed = store_list(s, compare, &f, err);
    free(f.word);
    if (failed) return -1;
    if (f.is_number) return f.number;
    if (f.n_same == 1) return f.same;
    if (f.n_same == 0 && f.n_begin == 1) return f.begins;
    if (f.n_same == 0 && f.n_begin == 0) return 0;
    return error_set(err, "%s: names %d conversations; give the number of one", word, f.n_same ? f.n_same : f.n_begin);
}
