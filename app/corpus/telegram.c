// Telegram Desktop's result.json: one chat {name, type, id, messages[]}, or a whole account with chats.list[] of them.
#include "app/corpus/format.h"
#include "app/corpus/json_stream.h"

#include <string.h>

// The text is a string, or an array of strings and {"type", "text"}; a mention by name gets its '@'.
static void join_text(const cJSON *text, buf *out) {
    const cJSON *part;
    if (cJSON_IsString(text)) buf_puts(out, text->valuestring);
    if (!cJSON_IsArray(text)) return;
    cJSON_ArrayForEach(part, text) {
        const char *piece = cJSON_IsString(part) ? part->valuestring : cjson_text(part, "text");
        const char *type = cjson_text(part, "type");
        if (!piece) continue;
        if (type && strcmp(type, "mention_name") == 0 && *piece != '@') buf_putc(out, '@');
        buf_puts(out, piece);
    }
}

static void add_message(gather *g, const cJSON *m) {
    const char *type = cjson_text(m, "type"), *from = cjson_text(m, "from"), *date = cjson_text(m, "date");
    const cJSON *text = cJSON_GetObjectItemCaseSensitive(m, "text");
    const cJSON *sender = cJSON_GetObjectItemCaseSensitive(m, "from");
    if (!type || (sender && !from && !cJSON_IsNull(sender)) ||
        (text && !cJSON_IsString(text) && !cJSON_IsArray(text))) {
        gather_skip(g, 1);
        return;
    }
    if (strcmp(type, "message") != 0 || cJSON_GetObjectItemCaseSensitive(m, "forwarded_from")) {
        gather_drop(g);
        return;
    }
    buf joined = {0};
    join_text(text, &joined);
    draft d = DRAFT_EMPTY;
    d.author = from ? from : "Deleted Account";
    d.n_author = strlen(d.author);
    d.text = buf_str(&joined);
    d.n_text = joined.len;
    if (date && when_iso(date, strlen(date), &d.time) != strlen(date)) d.time = WHEN_NOTHING;
    d.key = gather_key(g, cjson_id(m, "id"));
    d.reply = gather_key(g, cjson_id(m, "reply_to_message_id"));
    gather_add(g, &d);
    buf_free(&joined);
}

static bool read_messages(gather *g, json_stream *j) {
    json_got got;
    while (!g->failed && (got = json_stream_item(j)) != JSON_CUT) {
        if (got == JSON_END) return true;
        cJSON *m = json_stream_parse(j, &got);
        if (m) add_message(g, m);
        cJSON_Delete(m);
        if (got == JSON_BAD) gather_skip(g, 1);
        if (got == JSON_CUT) {
            gather_cut(g, text_in_place(j->in) - j->intact);
            return false;
        }
    }
    return false;
}

// One chat, its '{' being the next byte. False when the text ends inside.
static bool read_chat(gather *g, json_stream *j, error *err, int *result) {
    gather_new_scope(g);
    gather_border(g);
    if (!json_stream_eat(j, '{')) return json_stream_pass(j) == JSON_GOT;
    for (;;) {
        json_got got = json_stream_key(j);
        if (got != JSON_GOT) return got == JSON_END;
        if (strcmp(j->key.data, "messages") != 0) {
            if (json_stream_pass(j) != JSON_GOT) return false;
        } else if (!json_stream_eat(j, '[')) {
            *result = error_set(err, "its \"messages\" is not a list of messages");
            return false;
        } else if (!read_messages(g, j)) {
            return false;
        }
    }
}

// The object behind "chats": {"about": "", "list": [chat, chat]}.
static bool read_chats(gather *g, json_stream *j, error *err, int *result) {
    if (!json_stream_eat(j, '{')) return json_stream_pass(j) == JSON_GOT;
    for (;;) {
        json_got got = json_stream_key(j);
        if (got != JSON_GOT) return got == JSON_END;
        if (strcmp(j->key.data, "list") != 0) {
            if (json_stream_pass(j) != JSON_GOT) return false;
            continue;
        }
        if (!json_stream_eat(j, '[')) {
            *result = error_set(err, "its \"chats.list\" is not a list of chats");
            return false;
        }
        while ((got = json_stream_item(j)) == JSON_GOT)
            if (!read_chat(g, j, err, result)) return false;
        if (got != JSON_END) return false;
    }
}

int telegram_read(gather *g, text_in *in, error *err) {
    json_stream j;
    int result = 0;
    bool whole = true;
    json_stream_start(&j, in);
    json_stream_eat(&j, '{');
    while (whole && result == 0 && !g->failed && json_stream_key(&j) == JSON_GOT) {
        if (strcmp(j.key.data, "chats") == 0) {
            whole = read_chats(g, &j, err, &result);
        } else if (strcmp(j.key.data, "messages") == 0) {
            gather_new_scope(g);
            if (!json_stream_eat(&j, '['))
                result = error_set(err, "its \"messages\" is not a list of messages");
            else
                whole = read_messages(g, &j);
        } else {
            whole = json_stream_pass(&j) == JSON_GOT;
        }
    }
    json_stream_end(&j);
    return result;
}
