#include "model/learn/scratch.h"
#include "model/file/safetensors_write.h"
#include "model/learn/random.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

// ---- tensors

typedef enum filling { FILL_NORMAL, FILL_RESIDUAL, FILL_ONE, FILL_ZERO } filling;

typedef struct tensor_plan {
    char name[64];
    filling filling;
    int n_dims;
    int64_t shape[2];
} tensor_plan;

typedef struct plan_list {
    tensor_plan *items;
    size_t n, cap;
} plan_list;

static tensor_plan *add(plan_list *l, filling f, int64_t rows, int64_t cols) {
    l->items = mem_reserve(l->items, &l->cap, l->n + 1, sizeof *l->items);
    tensor_plan *t = &l->items[l->n++];
    *t = (tensor_plan){.filling = f, .n_dims = cols ? 2 : 1, .shape = {rows, cols}};
    return t;
}

static void add_to_layer(plan_list *l, int layer, const char *name, filling f, int64_t rows, int64_t cols) {
    tensor_plan *t = add(l, f, rows, cols);
    snprintf(t->name, sizeof t->name, "transformer.h.%d.%s", layer, name);
}

static void add_outside(plan_list *l, const char *name, filling f, int64_t rows, int64_t cols) {
    tensor_plan *t = add(l, f, rows, cols);
    snprintf(t->name, sizeof t->name, "transformer.%s", name);
}

// GPT-2's matrices of layers are (inputs, outputs).
static plan_list plan(const scratch_shape *s) {
    plan_list l = {0};
    int64_t d = s->width;
    add_outside(&l, "wte.weight", FILL_NORMAL, s->vocab, d);
    add_outside(&l, "wpe.weight", FILL_NORMAL, s->context, d);
    for (int i = 0; i < s->layers; i++) {
        add_to_layer(&l, i, "ln_1.weight", FILL_ONE, d, 0);
        add_to_layer(&l, i, "ln_1.bias", FILL_ZERO, d, 0);
        add_to_layer(&l, i, "attn.c_attn.weight", FILL_NORMAL, d, 3 * d);
        add_to_layer(&l, i, "attn.c_attn.bias", FILL_ZERO, 3 * d, 0);
        add_to_layer(&l, i, "attn.c_proj.weight", FILL_RESIDUAL, d, d);
        add_to_layer(&l, i, "attn.c_proj.bias", FILL_ZERO, d, 0);
        add_to_layer(&l, i, "ln_2.weight", FILL_ONE, d, 0);
        add_to_layer(&l, i, "ln_2.bias", FILL_ZERO, d, 0);
        add_to_layer(&l, i, "mlp.c_fc.weight", FILL_NORMAL, d, 4 * d);
        add_to_layer(&l, i, "mlp.c_fc.bias", FILL_ZERO, 4 * d, 0);
        add_to_layer(&l, i, "mlp.c_proj.weight", FILL_RESIDUAL, 4 * d, d);
        add_to_layer(&l, i, "mlp.c_proj.bias", FILL_ZERO, d, 0);
    }
    add_outside(&l, "ln_f.weight", FILL_ONE, d, 0);
    add_outside(&l, "ln_f.bias", FILL_ZERO, d, 0);
    return l;
}

static void write_values(outfile *o, const tensor_plan *t, int layers, uint64_t *random) {
    enum { CHUNK = 1024 };
    static const float deviation = 0.02f;
    float values[CHUNK], residual = deviation / sqrtf(2 * (float)layers);
    int64_t left = t->shape[0] * (t->n_dims > 1 ? t->shape[1] : 1);
    while (left > 0 && outfile_ok(o)) {
        int n = left < CHUNK ? (int)left : CHUNK;
        for (int i = 0; i < n; i++) switch (t->filling) {
            case FILL_NORMAL: values[i] = deviation * random_normal(random); break;
            case FILL_RESIDUAL: values[i] = residual * random_normal(random); break;
            case FILL_ONE: values[i] = 1; break;
            case FILL_ZERO: values[i] = 0; break;
            }
        outfile_write(o, values, (size_t)n * sizeof *values);
        left -= n;
    }
}

static int write_weights(const char *path, const scratch_shape *s, uint64_t seed, error *err) {
    outfile *o = outfile_open(path, err);
    if (!o) return -1;
    plan_list l = plan(s);
    safetensors_entry *entries = mem_calloc(l.n, sizeof *entries);
    for (size_t i = 0; i < l.n; i++)
        entries[i] = (safetensors_entry){.name = l.items[i].name,
                                         .type = TENSOR_F32,
                                         .n_dims = l.items[i].n_dims,
                                         .shape = {l.items[i].shape[0], l.items[i].shape[1]}};
    safetensors_write_header(o, entries, l.n);
    uint64_t random = random_seed(seed, 0);
    for (size_t i = 0; i < l.n; i++) write_values(o, &l.items[i], s->layers, &random);
    free(entries);
    free(l.items);
    return outfile_commit(o, err);
}

// ---- settings

static void put_config(const scratch_shape *s, buf *out) {
    char end[16] = "null";
    if (s->end >= 0) snprintf(end, sizeof end, "%d", s->end);
    buf_printf(out,
               "{\n \"architectures\": [\"GPT2LMHeadModel\"],\n \"model_type\": \"gpt2\",\n \"n_layer\": %d,\n"
               " \"n_head\": %d,\n \"n_embd\": %d,\n \"n_positions\": %d,\n \"vocab_size\": %d,\n"
               " \"activation_function\": \"gelu_new\",\n \"layer_norm_epsilon\": 1e-05,\n"
               " \"tie_word_embeddings\": true,\n \"bos_token_id\": %s,\n \"eos_token_id\": %s,\n"
               " \"torch_dtype\": \"float32\"\n}\n",
               s->layers, s->heads, s->width, s->context, s->vocab, end, end);
}

int scratch_write(const char *dir, const scratch_shape *s, const char *tokenizer, size_t n, uint64_t seed, error *err) {
    buf config = {0}, path = {0};
    put_config(s, &config);
    buf_printf(&path, "%s/config.json", dir);
    int rc = outfile_replace(path.data, config.data, config.len, err);
    buf_clear(&path);
    buf_printf(&path, "%s/tokenizer.json", dir);
    if (rc == 0) rc = outfile_replace(path.data, tokenizer, n, err);
    buf_clear(&path);
    buf_printf(&path, "%s/model.safetensors", dir);
    if (rc == 0) rc = write_weights(path.data, s, seed, err);
    buf_free(&config);
    buf_free(&path);
    return rc;
}
