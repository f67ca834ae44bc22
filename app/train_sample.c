#include "app/train_sample.h"
#include "model/gen/generate.h"
#include "model/learn/live.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS = 6, SAMPLES = 4, NEW_TOKENS = 64, LEAST_PROMPT = 16 };

// ---- runs of words

typedef struct hash_list {
    uint64_t *data;
    size_t n, cap;
} hash_list;

static bool is_space(char c) {
    return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

// FNV-1a of a word; letter case of ASCII does not count.
static uint64_t hash_word(const char *s, size_t n) {
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];
        h = (h ^ (c >= 'A' && c <= 'Z' ? c + 32u : c)) * 0x100000001b3u;
    }
    return h;
}

static void hash_runs(const char *s, size_t n, hash_list *out) {
    uint64_t words[WORDS];
    size_t count = 0;
    for (size_t i = 0; i < n;) {
        while (i < n && is_space(s[i])) i++;
        size_t begin = i;
        while (i < n && !is_space(s[i])) i++;
        if (i == begin) break;
        words[count++ % WORDS] = hash_word(s + begin, i - begin);
        if (count < WORDS) continue;
        uint64_t h = 0;
        for (size_t k = 0; k < WORDS; k++) h = (h ^ words[(count + k) % WORDS]) * 0x9e3779b97f4a7c15u + k;
        out->data = mem_reserve(out->data, &out->cap, out->n + 1, sizeof *out->data);
        out->data[out->n++] = h;
    }
}

static int by_value(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static uint64_t *runs_of(const batches *b, const tokenizer *t, size_t *n) {
    hash_list list = {0};
    buf text = {0};
    if (b->ids && t) {
        tokenizer_decode(t, b->ids, b->n_tokens, false, &text);
        hash_runs(buf_str(&text), text.len, &list);
        if (list.n > 0) qsort(list.data, list.n, sizeof *list.data, by_value);
    }
    buf_free(&text);
    *n = list.n;
    return list.data;
}

static bool has(const uint64_t *list, size_t n, uint64_t h) {
    return n > 0 && bsearch(&h, list, n, sizeof h, by_value) != NULL;
}

void train_sampler_open(train_sampler *s, const train_data *d, const model *m, int threads, uint64_t seed) {
    *s = (train_sampler){.model = m, .data = d, .threads = threads, .seed = seed};
    s->trained = runs_of(&d->train, m->tokenizer, &s->n_trained);
    s->held_out = runs_of(&d->held_out, m->tokenizer, &s->n_held_out);
}

void train_sampler_close(train_sampler *s) {
    free(s->trained);
    free(s->held_out);
    *s = (train_sampler){0};
}

// ---- writing

// The beginning of row `row` up to what is to be learned in it: context enough, then the place where an answer begins.
static size_t prompt_length(const batches *b, size_t row) {
    const int32_t *labels = b->labels + row * (size_t)b->len;
    size_t len = (size_t)b->len, least = len / 2 < LEAST_PROMPT ? len / 2 : LEAST_PROMPT, i = least;
    while (i + 1 < len && (labels[i] < 0 || labels[i - 1] >= 0)) i++;
    return i + 1 < len ? i : least;
}

static bool on_token(void *arg, const gen_token *t) {
    const train_sampler *s = arg;
    (void)t;
    return !s->give_way || s->give_way(s->arg);
}

static int write_one(const train_sampler *s, const batches *b, net_state *state, chain *c, size_t row, gen_result *out,
                     error *err) {
    gen_settings settings = gen_settings_raw();
    settings.max_tokens = NEW_TOKENS;
    settings.seed = s->seed;
    const gen_request r = {.prompt = b->ids + row * (size_t)b->len,
                           .n_prompt = prompt_length(b, row),
                           .settings = &settings,
                           .on_token = on_token,
                           .arg = (train_sampler *)(uintptr_t)s};
    return generate(state, s->model->tokenizer, c, &r, out, err);
}

static int write_all(const train_sampler *s, const net *n, const adapter_use *use, buf *first, double *copy_rate,
                     error *err) {
    const batches *b = s->data->held_out.ids ? &s->data->held_out : &s->data->train;
    int most = net_get_config(n)->n_ctx, want = b->len + NEW_TOKENS;
    net_options o = {.n_ctx = want < most ? want : most, .threads = s->threads};
    net_state *state = net_state_open(n, &o, err);
    if (!state) return -1;
    net_set_adapters(state, use, use != NULL);
    size_t rows = b->n_tokens / (size_t)b->len, runs = 0, copied = 0;
    chain *c = chain_open(net_get_config(n)->n_vocab, s->seed);
    int rc = 0;
    for (size_t i = 0; i < SAMPLES && rc == 0; i++) {
        gen_result text = {0};
        hash_list list = {0};
        rc = write_one(s, b, state, c, i * rows / SAMPLES, &text, err);
        if (rc == 0) hash_runs(buf_str(&text.text), text.text.len, &list);
        for (size_t k = 0; k < list.n; k++)
            copied += has(s->trained, s->n_trained, list.data[k]) && !has(s->held_out, s->n_held_out, list.data[k]);
        runs += list.n;
        if (i == 0) buf_append(first, buf_str(&text.text), text.text.len);
        free(list.data);
        gen_result_free(&text);
    }
    *copy_rate = runs > 0 ? (double)copied / (double)runs : NAN;
    chain_close(c);
    net_state_close(state);
    return rc;
}

int train_sampler_write(const train_sampler *s, const learn_graph *g, buf *out, double *copy_rate, error *err) {
    *copy_rate = NAN;
    if (!s->model->tokenizer) return 0;
    if (!g->layers[g->lowest].out.base) { // the weights themselves are trained
        net *n = live_net_open(g);
        int rc = write_all(s, n, NULL, out, copy_rate, err);
        live_net_close(n, g);
        return rc;
    }
    adapter *a = live_adapter(g, err);
    int rc = a ? write_all(s, g->net, &(adapter_use){a, 1}, out, copy_rate, err) : -1;
    adapter_close(a);
    return rc;
}
