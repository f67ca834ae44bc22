// DiscordChatExporter JSON: {"guild": {}, "channel": {}, ..., "messages": [ ... ], "messageCount": n}.
#include "app/corpus/format.h"
#include "app/corpus/json_stream.h"

#include <string.h>

typedef struct reading {
    gather *g;
    json_stream j;
    int64_t first, last; // times of the first and the last message of the file
    bool has_time;
} reading;

// "Default" and "Reply" are what people typed; 20 and 23 are answers to commands, which have no name here.
static bool is_kept_type(const cJSON *type) {
    static const char *const kept[] = {"Default", "Reply", "20", "23"};
    if (cJSON_IsNumber(type)) return type->valuedouble == 20 || type->valuedouble == 23;
    const char *s = cJSON_GetStringValue(type);
    for (size_t i = 0; s && i < sizeof kept / sizeof *kept; i++)
        if (strcmp(s, kept[i]) == 0) return true;
    return false;
}

// The name a reader sees; NULL when there is none.
static const char *shown_name(const cJSON *user) {
    const char *nickname = cjson_text(user, "nickname"), *name = cjson_text(user, "name");
    return nickname && *nickname ? nickname : name && *name ? name : NULL;
}

// First and last time tell whether the file was written newest first; system lines count as well.
static void note_time(reading *r, const when *time) {
    char text[WHEN_TEXT];
    int64_t seconds;
    if (!when_text(time, false, text) || !when_seconds(text, &seconds)) return;
    if (!r->has_time) r->first = seconds;
    r->last = seconds;
    r->has_time = true;
}

static void add_message(reading *r, const cJSON *m) {
    const cJSON *type = cJSON_GetObjectItemCaseSensitive(m, "type");
    const cJSON *author = cjson_object(m, "author"), *mention;
    const char *name = shown_name(author), *content = cjson_text(m, "content"), *time = cjson_text(m, "timestamp");
    draft d = DRAFT_EMPTY;
    if (time && when_iso(time, strlen(time), &d.time) != strlen(time)) d.time = WHEN_NOTHING;
    if (!name || !content || !(cJSON_IsString(type) || cJSON_IsNumber(type))) {
        gather_skip(r->g, 1);
        return;
    }
    note_time(r, &d.time);
    gather_name(r->g, '@', cjson_id(author, "id"), name);
    cJSON_ArrayForEach(mention, cjson_array(m, "mentions"))
        gather_name(r->g, '@', cjson_id(mention, "id"), shown_name(mention));
    if (!is_kept_type(type)) {
        gather_drop(r->g);
        return;
    }
    d.author = name;
    d.n_author = strlen(name);
    d.text = content;
    d.n_text = strlen(content);
    d.key = gather_key_everywhere(cjson_id(m, "id"));
    d.stable_key = d.key != 0;
    if (cJSON_IsString(type) && strcmp(type->valuestring, "Reply") == 0)
        d.reply = gather_key_everywhere(cjson_id(cjson_object(m, "reference"), "messageId"));
    d.bot = cjson_true(author, "isBot");
    gather_add(r->g, &d);
}

// The array of messages. False when the text ends inside it.
static bool read_messages(reading *r) {
    json_got got;
    while (!r->g->failed) {
        got = json_stream_item(&r->j);
        if (got == JSON_END) return true;
        if (got == JSON_CUT) break;
        cJSON *m = json_stream_parse(&r->j, &got);
        if (m) add_message(r, m);
        cJSON_Delete(m);
        if (got == JSON_BAD) gather_skip(r->g, 1);
        if (got == JSON_CUT) {
            gather_cut(r->g, text_in_place(r->j.in) - r->j.intact);
            return false;
        }
    }
    return false;
}

static void read_channel(reading *r) {
    json_got got;
    cJSON *channel = json_stream_parse(&r->j, &got);
    gather_name(r->g, '#', cjson_id(channel, "id"), cjson_text(channel, "name"));
    cJSON_Delete(channel);
}

static int read_members(reading *r, error *err) {
    json_stream *j = &r->j;
    json_stream_eat(j, '{');
    while (!r->g->failed && json_stream_key(j) == JSON_GOT) {
        if (strcmp(j->key.data, "messages") == 0) {
            if (!json_stream_eat(j, '[')) return error_set(err, "its \"messages\" is not a list of messages");
            if (!read_messages(r)) return 0;
        } else if (strcmp(j->key.data, "channel") == 0) {
            read_channel(r);
        } else if (json_stream_pass(j) != JSON_GOT) {
            return 0;
        }
    }
    return 0;
}

int dce_json_read(gather *g, text_in *in, error *err) {
    reading r = {.g = g};
    json_stream_start(&r.j, in);
    int result = read_members(&r, err);
    if (r.has_time && r.first > r.last) gather_reversed(g);
    json_stream_end(&r.j);
    return result;
}
