// Slack export: users.json, channels.json, and a folder for each channel with one file a day (YYYY-MM-DD.json).
#include "app/corpus/archive.h"
#include "app/corpus/format.h"
#include "app/corpus/json_stream.h"
#include "app/corpus/span.h"

#include <stdlib.h>
#include <string.h>

typedef struct user {
    char *name;
    bool bot;
} user;

typedef struct workspace {
    user *users;
    size_t n, cap;
    id_map index; // hash of a user's or a channel's id -> place in users (channels stand there with their name)
} workspace;

static uint64_t hash(const char *id, size_t n) {
    return id_map_hash(7, id, n);
}

static void add_user(workspace *w, const char *id, const char *name, bool bot) {
    bool added;
    if (!id || !name) return;
    id_map_add(&w->index, hash(id, strlen(id)), (uint32_t)w->n, &added);
    if (!added) return;
    w->users = mem_reserve(w->users, &w->cap, w->n + 1, sizeof *w->users);
    w->users[w->n++] = (user){mem_strdup(name), bot};
}

static const user *find_user(const workspace *w, const char *id, size_t n) {
    const uint32_t *at = id_map_find(&w->index, hash(id, n));
    return at ? &w->users[*at] : NULL;
}

static void workspace_free(workspace *w) {
    for (size_t i = 0; i < w->n; i++) free(w->users[i].name);
    free(w->users);
    id_map_free(&w->index);
}

static const char *first_filled(const char *a, const char *b, const char *c, const char *d) {
    return a && *a ? a : b && *b ? b : c && *c ? c : d && *d ? d : NULL;
}

static const char *shown_name(const cJSON *u) {
    const cJSON *profile = cjson_object(u, "profile");
    return first_filled(cjson_text(profile, "display_name"), cjson_text(profile, "real_name"),
                        cjson_text(u, "real_name"), cjson_text(u, "name"));
}

// ---- text

// What stands between '<' and '>' in a message.
static void put_reference(const workspace *w, span s, buf *out) {
    const char *bar = memchr(s.s, '|', s.n);
    span id = {s.s, bar ? (size_t)(bar - s.s) : s.n}, label = bar ? span_from(s, id.n + 1) : (span){"", 0};
    if (span_take(&id, "@") || span_starts(id, "#")) {
        bool channel = span_take(&id, "#");
        const user *u = find_user(w, id.s, id.n);
        buf_putc(out, channel ? '#' : '@');
        if (channel && label.n)
            buf_append(out, label.s, label.n);
        else if (u)
            buf_puts(out, u->name);
        else if (label.n)
            buf_append(out, label.s, label.n);
        else
            buf_puts(out, "unknown");
    } else if (span_take(&id, "!")) {
        if (span_starts(id, "subteam^") || span_starts(id, "date^")) {
            if (label.n)
                buf_append(out, label.s, label.n);
            else
                buf_puts(out, "@unknown");
        } else {
            buf_putc(out, '@');
            buf_append(out, id.s, id.n);
        }
    } else {
        span shown = label.n ? label : id;
        buf_append(out, shown.s, shown.n);
    }
}

static void unescape(span s, buf *out) {
    static const char *const names[] = {"&lt;", "&gt;", "&amp;"};
    for (size_t i = 0; i < s.n;) {
        span rest = span_from(s, i);
        int k = 0;
        while (k < 3 && !span_starts(rest, names[k])) k++;
        buf_putc(out, k < 3 ? "<>&"[k] : s.s[i]);
        i += k < 3 ? strlen(names[k]) : 1;
    }
}

static void put_text(const workspace *w, const char *text, buf *out) {
    buf plain = {0};
    span s = {text, strlen(text)};
    while (s.n) {
        const char *open = memchr(s.s, '<', s.n);
        size_t before = open ? (size_t)(open - s.s) : s.n;
        buf_append(&plain, s.s, before);
        s = span_from(s, before);
        const char *close = s.n ? memchr(s.s, '>', s.n) : NULL;
        if (close && close > s.s + 1) {
            put_reference(w, (span){s.s + 1, (size_t)(close - s.s - 1)}, &plain);
            s = span_from(s, (size_t)(close + 1 - s.s));
        } else if (s.n) {
            buf_putc(&plain, *s.s);
            s = span_from(s, 1);
        }
    }
    unescape(span_of_buf(&plain), out);
    buf_free(&plain);
}

// ---- messages

typedef struct message {
    int64_t seconds, micros;
    size_t order;        // in the file
    size_t author, text; // NUL-terminated, in day.strings
    size_t ts, parent;   // likewise; parent 0: no reply
    bool bot;
} message;

typedef struct day {
    message *list;
    size_t n, cap;
    buf strings; // begins with a NUL, so that 0 is an empty string
} day;

static int by_time(const void *a, const void *b) {
    const message *x = a, *y = b;
    if (x->seconds != y->seconds) return x->seconds < y->seconds ? -1 : 1;
    if (x->micros != y->micros) return x->micros < y->micros ? -1 : 1;
    return x->order < y->order ? -1 : x->order > y->order;
}

// "1795216800.000135"
static bool read_ts(const char *ts, int64_t *seconds, int64_t *micros) {
    size_t n = ts ? strspn(ts, "0123456789") : 0;
    if (!n || n > 12) return false;
    *seconds = strtoll(ts, NULL, 10);
    *micros = 0;
    if (ts[n] != '.') return ts[n] == '\0';
    const char *s = ts + n + 1;
    for (int64_t unit = 100000; *s >= '0' && *s <= '9'; s++, unit /= 10) *micros += (*s - '0') * unit;
    return *s == '\0';
}

static bool is_kept_subtype(const char *subtype) {
    static const char *const kept[] = {"me_message", "thread_broadcast", "file_share", "bot_message"};
    for (size_t i = 0; subtype && i < sizeof kept / sizeof *kept; i++)
        if (strcmp(subtype, kept[i]) == 0) return true;
    return !subtype;
}

static size_t keep(day *d, const char *s) {
    size_t at = d->strings.len;
    buf_append(&d->strings, s, strlen(s) + 1);
    return at;
}

static const char *author_of(const workspace *w, const cJSON *m, const char *subtype, bool *bot) {
    const char *id = cjson_text(m, "user"), *username = cjson_text(m, "username");
    const user *u = id ? find_user(w, id, strlen(id)) : NULL;
    const cJSON *profile = cjson_object(m, "user_profile");
    *bot = cjson_text(m, "bot_id") != NULL || (u && u->bot) || (subtype && strcmp(subtype, "bot_message") == 0);
    if (subtype && strcmp(subtype, "bot_message") == 0 && username && *username) return username;
    if (u) return u->name;
    const char *own = first_filled(cjson_text(profile, "display_name"), cjson_text(profile, "real_name"),
                                   cjson_text(profile, "name"), username);
    return first_filled(own, cjson_text(cjson_object(m, "bot_profile"), "name"), id, cjson_text(m, "bot_id"));
}

static void read_message(gather *g, const workspace *w, day *d, const cJSON *m) {
    const char *type = cjson_text(m, "type"), *subtype = cjson_text(m, "subtype"), *text = cjson_text(m, "text");
    const char *ts = cjson_text(m, "ts"), *thread = cjson_text(m, "thread_ts");
    message out = {.order = d->n};
    const char *author = author_of(w, m, subtype, &out.bot);
    if (type && (strcmp(type, "message") != 0 || !is_kept_subtype(subtype))) {
        gather_drop(g);
        return;
    }
    if (!type || !author || !text || !read_ts(ts, &out.seconds, &out.micros)) {
        gather_skip(g, 1);
        return;
    }
    buf clean = {0};
    put_text(w, text, &clean);
    out.author = keep(d, author);
    out.text = keep(d, buf_str(&clean));
    out.ts = keep(d, ts);
    if (thread && strcmp(thread, ts) != 0) out.parent = keep(d, thread);
    buf_free(&clean);
    d->list = mem_reserve(d->list, &d->cap, d->n + 1, sizeof *d->list);
    d->list[d->n++] = out;
}

static void gather_message(gather *g, const day *d, const message *m) {
    const char *strings = d->strings.data;
    draft out = DRAFT_EMPTY;
    out.author = strings + m->author;
    out.n_author = strlen(out.author);
    out.text = strings + m->text;
    out.n_text = strlen(out.text);
    out.time = when_epoch(m->seconds);
    out.key = gather_key_text(g, strings + m->ts);
    out.reply = gather_key_text(g, strings + m->parent);
    out.bot = m->bot;
    gather_add(g, &out);
}

static void read_day(gather *g, text_in *in, const workspace *w) {
    json_stream j;
    json_got got;
    day d = {0};
    buf_putc(&d.strings, '\0');
    json_stream_start(&j, in);
    json_stream_eat(&j, '[');
    while ((got = json_stream_item(&j)) == JSON_GOT) {
        cJSON *m = json_stream_parse(&j, &got);
        if (m) read_message(g, w, &d, m);
        cJSON_Delete(m);
        if (got == JSON_BAD) gather_skip(g, 1);
        if (got == JSON_CUT) gather_cut(g, text_in_place(in) - j.intact);
    }
    json_stream_end(&j);
    if (d.n) qsort(d.list, d.n, sizeof *d.list, by_time);
    for (size_t i = 0; i < d.n; i++) gather_message(g, &d, &d.list[i]);
    free(d.list);
    buf_free(&d.strings);
}

int slack_day_read(gather *g, text_in *in, error *err) {
    (void)err;
    workspace nobody = {0};
    read_day(g, in, &nobody);
    return 0;
}

// ---- the export

static bool matches(const folder *f, size_t i, char **prefix) {
    const char *name = folder_name(f, i), *slash = strrchr(name, '/'), *last = slash ? slash + 1 : name;
    if (strcmp(last, "users.json") != 0) return false;
    *prefix = mem_strndup(name, (size_t)(last - name));
    if (folder_find(f, *prefix, "channels.json") >= 0) return true;
    free(*prefix);
    return false;
}

// Fills the workspace from users.json or a list of channels.
static int read_names(workspace *w, folder *f, const char *prefix, const char *file, archive_open_fn *open, void *arg,
                      error *err) {
    ptrdiff_t at = folder_find(f, prefix, file);
    json_stream j;
    json_got got;
    if (at < 0) return 0;
    text_in *in = open(arg, f, (size_t)at, err);
    if (!in) return -1;
    json_stream_start(&j, in);
    json_stream_eat(&j, '[');
    while (json_stream_item(&j) == JSON_GOT) {
        cJSON *u = json_stream_parse(&j, &got);
        if (u) add_user(w, cjson_text(u, "id"), shown_name(u), cjson_true(u, "is_bot"));
        cJSON_Delete(u);
    }
    json_stream_end(&j);
    text_in_close(in);
    return 0;
}

typedef struct day_file {
    size_t file;   // in the folder
    size_t n_name; // of the channel's folder, with the prefix
    const char *name;
} day_file;

// "general/2026-11-20.json" -> length of "general"; 0 for another file.
static size_t day_folder(const char *name, const char *prefix) {
    size_t n = strlen(prefix);
    if (strncmp(name, prefix, n) != 0) return 0;
    const char *slash = strchr(name + n, '/');
    if (!slash || slash == name + n) return 0;
    const char *d = slash + 1;
    static const char pattern[] = "0000-00-00.json";
    if (strlen(d) != sizeof pattern - 1) return 0;
    for (size_t i = 0; pattern[i]; i++)
        if (pattern[i] == '0' ? d[i] < '0' || d[i] > '9' : d[i] != pattern[i]) return 0;
    return (size_t)(slash - name);
}

static int by_channel(const void *a, const void *b) {
    const day_file *x = a, *y = b;
    size_t n = x->n_name < y->n_name ? x->n_name : y->n_name;
    int order = memcmp(x->name, y->name, n);
    if (order) return order;
    if (x->n_name != y->n_name) return x->n_name < y->n_name ? -1 : 1;
    return strcmp(x->name, y->name);
}

static int read_days(gather *g, folder *f, day_file *days, size_t n, const workspace *w, archive_open_fn *open,
                     void *arg, error *err) {
    for (size_t i = 0; i < n && !g->failed; i++) {
        bool same =
            i && days[i].n_name == days[i - 1].n_name && !memcmp(days[i].name, days[i - 1].name, days[i].n_name);
        if (!same) {
            gather_new_scope(g);
            gather_border(g);
        }
        text_in *in = open(arg, f, days[i].file, err);
        if (!in) return -1;
        gather_begin_file(g);
        read_day(g, in, w);
        bool stopped = text_in_status(in) == TEXT_IN_STOPPED;
        text_in_close(in);
        if (stopped) return CORPUS_CANCELLED;
    }
    return 0;
}

static int read_export(gather *g, folder *f, const char *prefix, archive_open_fn *open, void *arg, error *err) {
    static const char *const lists[] = {"users.json", "channels.json", "groups.json", "mpims.json"};
    workspace w = {0};
    day_file *days = NULL;
    size_t n = 0, cap = 0;
    int result = 0;
    for (size_t i = 0; i < sizeof lists / sizeof *lists && result == 0; i++)
        result = read_names(&w, f, prefix, lists[i], open, arg, err);
    for (size_t i = 0; i < folder_count(f); i++) {
        size_t n_name = day_folder(folder_name(f, i), prefix);
        if (!n_name) continue;
        days = mem_reserve(days, &cap, n + 1, sizeof *days);
        days[n++] = (day_file){i, n_name, folder_name(f, i)};
    }
    if (n) qsort(days, n, sizeof *days, by_channel);
    gather_new_names(g);
    if (result == 0) result = read_days(g, f, days, n, &w, open, arg, err);
    free(days);
    workspace_free(&w);
    return result;
}

const archive_kind slack_archive = {"slack", "Slack export", matches, read_export};
