// The table of formats, first match first. JSON is told by the keys it begins with, line-based logs by how many lines
// have their look.
#include "app/corpus/detect.h"
#include "app/corpus/json_stream.h"
#include "app/corpus/text_log.h"

#include <strings.h>

static const corpus_format dce_html = {"discord-html", "DiscordChatExporter HTML", dce_html_read},
                           dce_json = {"discord-json", "DiscordChatExporter JSON", dce_json_read},
                           dce_csv = {"discord-csv", "DiscordChatExporter CSV", dce_csv_read},
                           dce_text = {"discord-text", "DiscordChatExporter text", dce_text_read},
                           package_json = {"discord-package", "Discord data package", package_json_read},
                           package_csv = {"discord-package", "Discord data package", package_csv_read},
                           telegram = {"telegram", "Telegram JSON", telegram_read},
                           slack_day = {"slack", "Slack export", slack_day_read},
                           openai = {"openai-chat", "OpenAI chat JSONL", openai_read},
                           sharegpt = {"sharegpt", "ShareGPT", sharegpt_read},
                           completion = {"prompt-completion", "prompt/completion JSONL", completion_read},
                           canonical = {"messages", "doppel's own messages", canonical_read},
                           whatsapp = {"whatsapp", "WhatsApp", whatsapp_read}, irc = {"irc", "IRC log", irc_read},
                           imessage = {"imessage", "imessage-exporter text", imessage_read},
                           paste = {"discord-paste", "text copied from Discord", paste_read},
                           prose = {"prose", "prose", prose_read};

bool detect_is_prose(const corpus_format *f) {
    return f == &prose;
}

// ---- JSON

enum {
    K_GUILD = 1 << 0,
    K_CHANNEL = 1 << 1,
    K_MESSAGES = 1 << 2,
    K_CHATS = 1 << 3,
    K_CONVERSATIONS = 1 << 4,
    K_PROMPT = 1 << 5,
    K_COMPLETION = 1 << 6,
    K_AUTHOR = 1 << 7,
    K_TEXT = 1 << 8,
    K_TS = 1 << 9,
    K_TYPE = 1 << 10,
    K_ID = 1 << 11,
    K_TIMESTAMP = 1 << 12,
    K_CONTENTS = 1 << 13,
    K_ROLE = 1 << 14,
    K_FROM = 1 << 15, // "from" or "actor"
    K_DATE = 1 << 16,
};

static unsigned key_flag(const char *key) {
    static const struct {
        const char *key;
        unsigned flag;
    } keys[] = {{"guild", K_GUILD},       {"channel", K_CHANNEL},
                {"messages", K_MESSAGES}, {"chats", K_CHATS},
                {"prompt", K_PROMPT},     {"conversations", K_CONVERSATIONS},
                {"author", K_AUTHOR},     {"completion", K_COMPLETION},
                {"text", K_TEXT},         {"ts", K_TS},
                {"type", K_TYPE},         {"ID", K_ID},
                {"role", K_ROLE},         {"Timestamp", K_TIMESTAMP},
                {"from", K_FROM},         {"Contents", K_CONTENTS},
                {"actor", K_FROM},        {"date", K_DATE}};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (strcmp(key, keys[i].key) == 0) return keys[i].flag;
    return 0;
}

// Keys of the object that comes next, as far as the sample goes.
static unsigned keys_of(json_stream *j) {
    unsigned keys = 0;
    if (!json_stream_eat(j, '{')) {
        json_stream_pass(j);
        return 0;
    }
    while (json_stream_key(j) == JSON_GOT) {
        keys |= key_flag(j->key.data);
        if (json_stream_pass(j) != JSON_GOT) break;
    }
    return keys;
}

// Keys of the first few items of the array that comes next, together.
static unsigned keys_of_items(json_stream *j) {
    enum { FEW = 16 };
    unsigned keys = 0;
    if (!json_stream_eat(j, '[')) return 0;
    for (int i = 0; i < FEW && json_stream_item(j) == JSON_GOT; i++) keys |= keys_of(j);
    return keys;
}

static bool has(unsigned keys, unsigned wanted) {
    return (keys & wanted) == wanted;
}

// An object with "messages", by its other keys and the keys of the messages.
static const corpus_format *with_messages(unsigned keys, unsigned items) {
    if (has(keys, K_GUILD | K_CHANNEL)) return &dce_json;
    if (has(items, K_FROM | K_DATE)) return &telegram;
    if (has(items, K_ROLE)) return &openai;
    return NULL;
}

static const corpus_format *json_object_format(json_stream *j, bool *is_json) {
    unsigned keys = 0;
    json_got got;
    json_stream_eat(j, '{');
    char c = json_stream_next(j);
    *is_json = c == '"' || c == '}' || c == '\0';
    while ((got = json_stream_key(j)) == JSON_GOT) {
        unsigned key = key_flag(j->key.data), items = 0;
        keys |= key;
        if (key == K_CHATS) return &telegram;
        if (key == K_CONVERSATIONS) return &sharegpt;
        if (key == K_MESSAGES) {
            if (json_stream_next(j) == '[') items = keys_of_items(j);
            const corpus_format *f = with_messages(keys, items);
            if (f) return f;
            // Told by what follows, if at all.
            if (items || json_stream_pass(j) != JSON_GOT) return NULL;
            continue;
        }
        if (has(keys, K_PROMPT | K_COMPLETION)) return &completion;
        if (json_stream_pass(j) != JSON_GOT) break;
    }
    if (has(keys, K_GUILD | K_CHANNEL)) return &dce_json;
    if (has(keys, K_AUTHOR | K_TEXT)) return &canonical;
    if (keys & (K_PROMPT | K_COMPLETION)) return &completion;
    return NULL;
}

static const corpus_format *json_array_format(json_stream *j, bool *is_json) {
    json_stream_eat(j, '[');
    char c = json_stream_next(j);
    if (c == ']' || c == '\0') {
        *is_json = true;
        return NULL;
    }
    if (c != '{') return NULL;
    unsigned keys = 0;
    for (int i = 0; i < 16 && json_stream_item(j) == JSON_GOT; i++) keys |= keys_of(j);
    *is_json = true;
    if (keys & K_CONVERSATIONS) return &sharegpt;
    if (has(keys, K_TS | K_TYPE)) return &slack_day;
    if (has(keys, K_ID | K_TIMESTAMP | K_CONTENTS)) return &package_json;
    if (has(keys, K_MESSAGES)) return &openai;
    if (has(keys, K_PROMPT | K_COMPLETION)) return &completion;
    if (has(keys, K_AUTHOR | K_TEXT)) return &canonical;
    return NULL;
}

// "[[[[" or "[1, 2]": JSON, but nothing to read. "[1] a footnote" is text.
static bool is_other_array(const char *s, size_t n) {
    size_t brackets = 0, i = 0;
    for (; i < n && (s[i] == '[' || s[i] == ' ' || s[i] == '\n'); i++) brackets += s[i] == '[';
    if (brackets >= 4) return true;
    if (i == n || !(s[i] == '"' || s[i] == '-' || (s[i] >= '0' && s[i] <= '9'))) return false;
    json_stream j;
    text_in *in = text_in_open(byte_source_memory(s, n));
    json_stream_start(&j, in);
    bool whole = json_stream_pass(&j) == JSON_GOT && json_stream_next(&j) == '\0';
    json_stream_end(&j);
    text_in_close(in);
    return whole;
}

// s begins with '{' or '['. NULL with *is_json false: it is text after all.
static const corpus_format *json_format(const char *s, size_t n, bool *is_json) {
    json_stream j;
    text_in *in = text_in_open(byte_source_memory(s, n));
    json_stream_start(&j, in);
    *is_json = false;
    const corpus_format *f = *s == '{' ? json_object_format(&j, is_json) : json_array_format(&j, is_json);
    json_stream_end(&j);
    text_in_close(in);
    if (!f && !*is_json && *s == '[') *is_json = is_other_array(s, n);
    return f;
}

// ---- lines

static span next_line(span *rest) {
    const char *lf = memchr(rest->s, '\n', rest->n);
    span line = {rest->s, lf ? (size_t)(lf - rest->s) : rest->n};
    *rest = span_from(*rest, line.n + (lf != NULL));
    return line;
}

// A JSONL file whose first line is broken is told by the others.
static const corpus_format *jsonl_format(span text) {
    enum { LOOK = 50 };
    for (int i = 0; i < LOOK && text.n; i++) {
        span line = next_line(&text);
        bool is_json;
        if (!line.n || *line.s != '{') continue;
        cJSON *whole = json_stream_whole(line.s, line.n);
        const corpus_format *f = whole ? json_format(line.s, line.n, &is_json) : NULL;
        cJSON_Delete(whole);
        if (f) return f;
    }
    return NULL;
}

static bool is_dce_text(span text) {
    while (text.n) {
        span line = next_line(&text);
        if (span_is_blank(line)) continue;
        for (size_t i = 0; i < line.n; i++)
            if (line.s[i] != '=') return false;
        return line.n == 62 && span_starts(text, "Guild: ");
    }
    return false;
}

static bool has_column(span header, const char *name) {
    size_t n = strlen(name);
    for (size_t at = 0; at <= header.n;) {
        const char *comma = memchr(header.s + at, ',', header.n - at);
        span field = {header.s + at, comma ? (size_t)(comma - header.s) - at : header.n - at};
        at += field.n + 1;
        if (span_take(&field, "\"")) span_drop_end(&field, "\"");
        if (field.n == n && memcmp(field.s, name, n) == 0) return true;
    }
    return false;
}

static const corpus_format *csv_format(span text) {
    span header = next_line(&text);
    while (span_is_blank(header) && text.n) header = next_line(&text);
    if (span_starts(header, "AuthorID,")) return &dce_csv;
    if (has_column(header, "Author") && has_column(header, "Date") && has_column(header, "Content")) return &dce_csv;
    if (has_column(header, "ID") && has_column(header, "Timestamp") && has_column(header, "Contents"))
        return &package_csv;
    return NULL;
}

static const corpus_format *log_format(span text) {
    struct {
        const corpus_format *format;
        size_t matches;
        bool first;
    } logs[] = {{&whatsapp, 0, false}, {&irc, 0, false}, {&imessage, 0, false}, {&paste, 0, false}};
    enum { N = sizeof logs / sizeof *logs };
    bool first = true;
    while (text.n) {
        span line = next_line(&text);
        if (span_is_blank(line)) continue;
        size_t now[N] = {whatsapp_matches(line), irc_matches(line), imessage_matches(line), paste_count(line)};
        for (int i = 0; i < N; i++) {
            logs[i].matches += now[i];
            logs[i].first |= first && now[i];
        }
        first = false;
    }
    const corpus_format *best = NULL;
    size_t most = 0;
    for (int i = 0; i < N; i++) {
        if (logs[i].matches <= most || (logs[i].matches < 2 && !logs[i].first)) continue;
        most = logs[i].matches;
        best = logs[i].format;
    }
    return best;
}

static bool is_dce_html(span text) {
    static const char doctype[] = "<!doctype html";
    span start = span_trim((span){text.s, text.n < 4096 ? text.n : 4096});
    if (start.n < sizeof doctype - 1 || strncasecmp(start.s, doctype, sizeof doctype - 1) != 0) return false;
    return span_find(text, "class=chatlog__") >= 0 || span_find(text, "class=\"chatlog__") >= 0;
}

const corpus_format *detect(text_in *in, error *err) {
    span text;
    text.s = text_in_peek(in, DETECT_SAMPLE, &text.n);
    if (is_dce_html(text)) return &dce_html;
    span start = text;
    while (start.n && (*start.s == ' ' || *start.s == '\t' || *start.s == '\n')) start = span_from(start, 1);
    bool is_json = false;
    const corpus_format *f = NULL;
    if (start.n && (*start.s == '{' || *start.s == '[')) f = json_format(start.s, start.n, &is_json);
    if (!f) f = jsonl_format(start);
    if (f) return f;
    if (is_json) {
        error_set(err, "is JSON, but none of the kinds doppel reads (exports of Discord, Telegram, Slack; OpenAI chat, "
                       "ShareGPT, prompt/completion, doppel's own messages)");
        return NULL;
    }
    f = csv_format(start);
    if (!f && is_dce_text(text)) f = &dce_text;
    if (!f) f = log_format(text);
    return f ? f : &prose;
}
