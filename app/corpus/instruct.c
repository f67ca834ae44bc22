// Instruction-tuning files: OpenAI chat, ShareGPT, prompt and completion. Each record is a conversation of its own.
#include "app/corpus/format.h"
#include "app/corpus/jsonl.h"

#include <string.h>

static void add_turn(gather *g, const char *author, const char *text) {
    draft d = DRAFT_EMPTY;
    d.author = author;
    d.n_author = strlen(author);
    d.text = text;
    d.n_text = strlen(text);
    gather_add(g, &d);
}

// ---- {"messages": [{"role": "user", "content": "hi"}]}

static bool is_silent_role(const char *role) {
    return strcmp(role, "system") == 0 || strcmp(role, "developer") == 0 || strcmp(role, "tool") == 0 ||
           strcmp(role, "function") == 0;
}

// The text parts of a content array, joined with line breaks.
static void join_parts(const cJSON *parts, buf *out) {
    const cJSON *part;
    bool first = true;
    cJSON_ArrayForEach(part, parts) {
        const char *text = cjson_text(part, "text");
        if (cJSON_IsString(part)) text = part->valuestring;
        if (!text) continue;
        if (!first) buf_putc(out, '\n');
        buf_puts(out, text);
        first = false;
    }
}

static void openai_turn(gather *g, const cJSON *turn) {
    const char *role = cjson_text(turn, "role"), *name = cjson_text(turn, "name");
    const cJSON *content = cJSON_GetObjectItemCaseSensitive(turn, "content");
    if (!role) {
        gather_skip(g, 1);
    } else if (is_silent_role(role) || !content || cJSON_IsNull(content)) {
        gather_drop(g);
    } else if (cJSON_IsString(content)) {
        add_turn(g, name && *name ? name : role, content->valuestring);
    } else if (cJSON_IsArray(content)) {
        buf text = {0};
        join_parts(content, &text);
        add_turn(g, name && *name ? name : role, buf_str(&text));
        buf_free(&text);
    } else {
        gather_skip(g, 1);
    }
}

static void openai_record(gather *g, const cJSON *record, int64_t number) {
    (void)number;
    const cJSON *messages = cjson_array(record, "messages"), *turn;
    if (!messages) gather_skip(g, 1);
    gather_border(g);
    cJSON_ArrayForEach(turn, messages) openai_turn(g, turn);
}

int openai_read(gather *g, text_in *in, error *err) {
    (void)err;
    jsonl_each(g, in, openai_record);
    return 0;
}

// ---- {"conversations": [{"from": "human", "value": "hi"}]}

static void sharegpt_turn(gather *g, const cJSON *turn) {
    const char *from = cjson_text(turn, "from"), *value = cjson_text(turn, "value");
    if (!from || !value)
        gather_skip(g, 1);
    else if (strcmp(from, "system") == 0)
        gather_drop(g);
    else
        add_turn(g, strcmp(from, "human") == 0 || strcmp(from, "user") == 0 ? "user" : "assistant", value);
}

static void sharegpt_record(gather *g, const cJSON *record, int64_t number) {
    (void)number;
    const cJSON *turns = cjson_array(record, "conversations"), *turn;
    if (!turns) gather_skip(g, 1);
    gather_border(g);
    cJSON_ArrayForEach(turn, turns) sharegpt_turn(g, turn);
}

int sharegpt_read(gather *g, text_in *in, error *err) {
    (void)err;
    jsonl_each(g, in, sharegpt_record);
    return 0;
}

// ---- {"prompt": "", "completion": "hi"}

static void completion_record(gather *g, const cJSON *record, int64_t number) {
    (void)number;
    const char *prompt = cjson_text(record, "prompt"), *completion = cjson_text(record, "completion");
    gather_border(g);
    if (!prompt && !completion) gather_skip(g, 1);
    if (prompt && *prompt) add_turn(g, "user", prompt);
    if (completion && *completion) add_turn(g, "assistant", completion);
}

int completion_read(gather *g, text_in *in, error *err) {
    (void)err;
    jsonl_each(g, in, completion_record);
    return 0;
}
