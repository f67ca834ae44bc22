// Instruction files to rows: prompt and completion as they stand (GPT-3's way: the completion begins with its own
// space), messages by the model's chat format. Answers count, with the end token behind them.
#include "app/corpus/cjson.h"
#include "app/corpus/json_stream.h"
#include "app/corpus/scrub.h"
#include "app/train_rows.h"

#include <stdlib.h>
#include <string.h>

bool train_examples_know(const char *name) {
    return strcmp(name, "prompt-completion") == 0 || strcmp(name, "openai-chat") == 0 || strcmp(name, "sharegpt") == 0;
}

typedef struct example {
    int32_t *ids;
    bool *answer; // part of an answer
    size_t n, cap;
} example;

typedef struct example_job {
    const model *model;
    unsigned scrub; // SCRUB_ flags
    example *list;
    size_t n, cap;
    int64_t skipped;
    error *err;
} example_job;

// ---- tokens of one example

static void put_id(example *e, int32_t id, bool answer) {
    size_t cap = e->cap;
    if (id < 0) return;
    e->ids = mem_reserve(e->ids, &e->cap, e->n + 1, sizeof *e->ids);
    if (e->cap != cap) e->answer = mem_realloc(e->answer, e->cap, sizeof *e->answer);
    e->answer[e->n] = answer;
    e->ids[e->n++] = id;
}

static int put_text(example_job *job, example *e, const char *s, size_t n, unsigned flags, bool answer) {
    id_list ids = {0};
    buf clean = {0};
    int64_t counts[SCRUB_KINDS] = {0};
    if (job->scrub) {
        scrub_text(s, n, job->scrub, NULL, &clean, counts);
        s = buf_str(&clean);
        n = clean.len;
    }
    int rc = n > 0 ? tokenizer_encode(job->model->tokenizer, s, n, flags, &ids, job->err) : 0;
    for (size_t i = 0; rc == 0 && i < ids.len; i++) put_id(e, ids.data[i], answer);
    id_list_free(&ids);
    buf_free(&clean);
    return rc;
}

static int read_completion(example_job *job, example *e, const cJSON *record) {
    const tokenizer *t = job->model->tokenizer;
    const char *prompt = cjson_text(record, "prompt"), *completion = cjson_text(record, "completion");
    if (!completion || !*completion) return 0;
    // With an empty prompt the first word is predicted from the beginning of a text.
    bool empty = !prompt || !*prompt;
    if (tokenizer_adds_bos(t) || empty) put_id(e, tokenizer_bos(t) >= 0 ? tokenizer_bos(t) : tokenizer_eos(t), false);
    if (!empty && put_text(job, e, prompt, strlen(prompt), 0, false) != 0) return -1;
    if (put_text(job, e, completion, strlen(completion), 0, true) != 0) return -1;
    put_id(e, tokenizer_eos(t), true);
    return 0;
}

// ---- conversations

enum { MOST_MESSAGES = 1024 };

typedef struct conversation {
    chat_message *messages;
    size_t n;
    char **texts; // contents that were joined from parts
    size_t n_texts;
} conversation;

static const char *content_of(conversation *c, const cJSON *content) {
    if (cJSON_IsString(content)) return content->valuestring;
    if (!cJSON_IsArray(content)) return NULL;
    buf text = {0};
    const cJSON *part;
    cJSON_ArrayForEach(part, content) {
        const char *s = cjson_text(part, "text");
        if (s) buf_printf(&text, "%s%s", text.len ? "\n" : "", s);
    }
    c->texts = mem_realloc(c->texts, c->n_texts + 1, sizeof *c->texts);
    return c->texts[c->n_texts++] = buf_take(&text);
}

static const char *role_of(const cJSON *message) {
    const char *role = cjson_text(message, "role"), *from = cjson_text(message, "from");
    if (role) return role;
    if (!from) return NULL;
    if (strcmp(from, "human") == 0) return "user";
    return strcmp(from, "gpt") == 0 ? "assistant" : from;
}

static void read_messages(conversation *c, const cJSON *record) {
    const cJSON *list = cjson_array(record, "messages"), *item;
    if (!list) list = cjson_array(record, "conversations");
    c->messages = mem_calloc((size_t)(list ? cJSON_GetArraySize(list) : 0), sizeof *c->messages);
    cJSON_ArrayForEach(item, list) {
        const cJSON *content = cJSON_GetObjectItemCaseSensitive(item, "content");
        if (!content) content = cJSON_GetObjectItemCaseSensitive(item, "value");
        const char *role = role_of(item), *text = content_of(c, content);
        if (role && text && c->n < MOST_MESSAGES) c->messages[c->n++] = (chat_message){role, text};
    }
}

static void conversation_free(conversation *c) {
    for (size_t i = 0; i < c->n_texts; i++) free(c->texts[i]);
    free(c->texts);
    free(c->messages);
}

// Renders the first n messages, and finds where the answer among them that comes last begins. False when the format
// refuses them, or writes them otherwise than what was written of them before.
static bool render(const chat_format *f, const conversation *c, size_t n, const buf *before, buf *whole,
                   size_t *answer) {
    buf prompt = {0};
    bool ok = chat_render(f, c->messages, n - 1, true, &prompt, NULL) == 0 &&
              chat_render(f, c->messages, n, false, whole, NULL) == 0 && whole->len >= prompt.len &&
              memcmp(buf_str(whole), buf_str(&prompt), prompt.len) == 0 && prompt.len >= before->len &&
              memcmp(buf_str(&prompt), buf_str(before), before->len) == 0;
    *answer = prompt.len;
    buf_free(&prompt);
    return ok;
}

// Context and answers in turn, for as long as the format writes one behind the other.
static int put_conversation(example_job *job, example *e, const conversation *c) {
    buf before = {0};
    int rc = 0;
    for (size_t i = 1; i <= c->n && rc == 0; i++) {
        buf whole = {0};
        size_t answer;
        if (strcmp(c->messages[i - 1].role, "assistant") != 0) continue;
        if (!render(&job->model->chat, c, i, &before, &whole, &answer)) {
            buf_free(&whole);
            break;
        }
        rc = put_text(job, e, whole.data + before.len, answer - before.len, TOKENIZER_SPECIAL, false);
        if (rc == 0) rc = put_text(job, e, whole.data + answer, whole.len - answer, TOKENIZER_SPECIAL, true);
        buf_free(&before);
        before = whole;
    }
    buf_free(&before);
    return rc;
}

// ---- files

static int add_record(example_job *job, const cJSON *record) {
    example e = {0};
    conversation c = {0};
    bool pair = cJSON_HasObjectItem(record, "completion") || cJSON_HasObjectItem(record, "prompt");
    if (!pair) read_messages(&c, record);
    int rc = pair ? read_completion(job, &e, record) : put_conversation(job, &e, &c);
    conversation_free(&c);
    if (rc != 0 || e.n == 0) {
        free(e.ids);
        free(e.answer);
        job->skipped += rc == 0;
        return rc;
    }
    job->list = mem_reserve(job->list, &job->cap, job->n + 1, sizeof *job->list);
    job->list[job->n++] = e;
    return 0;
}

static int read_file(example_job *job, const char *path) {
    byte_source source;
    json_stream j;
    json_got got;
    int rc = 0;
    if (byte_source_file(path, &source, job->err) != 0) return -1;
    text_in *in = text_in_open(source);
    json_stream_start(&j, in);
    json_stream_eat(&j, '[');
    while (rc == 0 && json_stream_next(&j)) {
        if (json_stream_item(&j) != JSON_GOT) continue;
        cJSON *record = json_stream_parse(&j, &got);
        if (record) rc = add_record(job, record);
        if (!record) job->skipped++;
        cJSON_Delete(record);
    }
    json_stream_end(&j);
    text_in_close(in);
    return rc;
}

// ---- rows

static void pad(train_rows *r, size_t len, int32_t id, bool weighted) {
    while (r->n % len != 0) {
        if (weighted)
            train_rows_put_weighted(r, id, false, 0);
        else
            train_rows_put(r, id, false);
    }
}

// One that fits a row is not cut. Of one that is longer the beginning goes, as far as it is no answer.
static void put_example(train_rows *r, const example *e, size_t len, int32_t filler, bool two_part) {
    size_t from = 0;
    while (e->n - from > len && !e->answer[from]) from++;
    if (r->n % len != 0 && r->n % len + (e->n - from) > len) pad(r, len, filler, two_part);
    for (size_t i = from; i < e->n; i++) {
        if (two_part)
            train_rows_put_weighted(r, e->ids[i], i > from, e->answer[i]);
        else
            train_rows_put(r, e->ids[i], e->answer[i] && i > from);
    }
}

static int make_rows(train_data *d, const train_settings *s, example_job *job) {
    size_t *sizes = mem_calloc(job->n, sizeof *sizes), len = (size_t)s->block_size;
    bool *pick = mem_calloc(job->n, sizeof *pick);
    int32_t filler = tokenizer_eos(job->model->tokenizer);
    train_rows train = {0}, held_out = {0};
    if (filler < 0) filler = 0;
    for (size_t i = 0; i < job->n; i++) sizes[i] = job->list[i].n;
    train_rows_pick(sizes, job->n, s->val_fraction, s->seed, pick);
    for (size_t i = 0; i < job->n; i++) {
        if (pick[i])
            put_example(&held_out, &job->list[i], len, filler, false);
        else
            put_example(&train, &job->list[i], len, filler, s->two_part);
    }
    pad(&train, len, filler, s->two_part);
    pad(&held_out, len, filler, false);
    free(sizes);
    free(pick);
    int rc = train_rows_finish(d, s, job->model, &train, &held_out, false, job->err);
    train_rows_free(&train);
    train_rows_free(&held_out);
    return rc;
}

int train_examples_read(train_data *d, const train_settings *s, const model *m, const char *const *paths, size_t n,
                        error *err) {
    example_job job = {.model = m, .scrub = s->scrub, .err = err};
    int rc = 0;
    for (size_t i = 0; i < n && rc == 0; i++) rc = read_file(&job, paths[i]);
    if (rc == 0 && job.n == 0) rc = error_set(err, "%s: no record in it has an answer to learn", paths[0]);
    if (rc == 0 && job.skipped > 0)
        buf_printf(&d->notes, "%lld records without an answer, or broken, were skipped\n", (long long)job.skipped);
    if (rc == 0) rc = make_rows(d, s, &job);
    for (size_t i = 0; i < job.n; i++) {
        free(job.list[i].ids);
        free(job.list[i].answer);
    }
    free(job.list);
    return rc;
}
