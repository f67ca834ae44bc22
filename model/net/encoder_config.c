// Settings of encoders: keys of a GGUF file (architectures bert and nomic-bert) or of config.json (bert, distilbert).
// They fill the same description that decoders have.
#include "model/file/hfjson.h"
#include "model/net/encoder_impl.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

typedef enum source { FROM_GGUF, FROM_BERT, FROM_DISTILBERT, N_SOURCES } source;

typedef struct reader {
    const model_file *f;
    source from;
    const char *family; // as the file calls it
    const char *path;   // where settings stand, for messages
    error *err;
} reader;

// What a setting is called in each source; NULL: it has none there.
typedef const char *setting_names[N_SOURCES];

static int malformed(const reader *r, const char *name, const char *expected) {
    return error_set(r->err, "%s: the setting %s is no %s: the file is damaged; fetch it again", r->path, name,
                     expected);
}

static void key_of(const reader *r, const char *name, char *key, size_t size) {
    snprintf(key, size, "%s.%s", r->family, name);
}

// Readers of one setting: 1 found, 0 absent (*out untouched), -1 with a message.
static int read_int(const reader *r, const setting_names names, int64_t *out) {
    const char *name = names[r->from];
    if (!name) return 0;
    if (r->from == FROM_GGUF) {
        char key[96];
        key_of(r, name, key, sizeof key);
        return gguf_get_int(model_file_gguf(r->f), key, out, r->err);
    }
    int found = hfjson_get_int(model_file_json(r->f), name, out);
    return found < 0 ? malformed(r, name, "whole number") : found;
}

static int read_float(const reader *r, const setting_names names, float *out) {
    const char *name = names[r->from];
    double v;
    int found;
    if (!name) return 0;
    if (r->from == FROM_GGUF) {
        char key[96];
        key_of(r, name, key, sizeof key);
        found = gguf_get_float(model_file_gguf(r->f), key, &v, r->err);
    } else {
        found = hfjson_get_number(model_file_json(r->f), name, &v);
        if (found < 0) return malformed(r, name, "number");
    }
    if (found == 1) *out = (float)v;
    return found;
}

static int read_sizes(const reader *r, net_config *c) {
    const struct {
        setting_names names;
        int *out;
        int max;
    } sizes[] = {
        {{"block_count", "num_hidden_layers", "n_layers"}, &c->n_layers, NET_MAX_LAYERS},
        {{"embedding_length", "hidden_size", "dim"}, &c->n_embd, 1 << 16},
        {{"attention.head_count", "num_attention_heads", "n_heads"}, &c->n_heads, 1 << 10},
        {{"feed_forward_length", "intermediate_size", "hidden_dim"}, &c->n_ff, 1 << 20},
        {{"context_length", "max_position_embeddings", "max_position_embeddings"}, &c->n_ctx, 1 << 20},
    };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        int64_t v = 0;
        int found = read_int(r, sizes[i].names, &v);
        if (found < 0) return -1;
        if (found == 0)
            return error_set(r->err, "%s: the setting %s is missing; fetch the file again", r->path,
                             sizes[i].names[r->from]);
        if (v < 1 || v > sizes[i].max)
            return error_set(r->err,
                             "%s: the setting %s is %lld, 1 to %d are possible: the file is damaged; fetch it again",
                             r->path, sizes[i].names[r->from], (long long)v, sizes[i].max);
        *sizes[i].out = (int)v;
    }
    c->n_kv_heads = c->n_heads;
    c->head_dim = c->n_embd / c->n_heads;
    if (c->n_embd % c->n_heads != 0 || c->head_dim > ATTEND_MAX_HEAD_DIM)
        return error_set(r->err,
                         "%s: %d components cannot be shared by %d attention heads, %d each at most: the file is "
                         "damaged; fetch it again",
                         r->path, c->n_embd, c->n_heads, ATTEND_MAX_HEAD_DIM);
    c->attn_scale = 1 / sqrtf((float)c->head_dim);
    return 0;
}

static int read_epsilon(const reader *r, net_config *c) {
    c->norm_eps = 1e-12f;
    if (read_float(r, (setting_names){"attention.layer_norm_epsilon", "layer_norm_eps", NULL}, &c->norm_eps) < 0)
        return -1;
    if (c->norm_eps > 0 && c->norm_eps < 0.5f) return 0;
    return error_set(r->err,
                     "%s: the epsilon of the norms is %g, something above 0 and below 0.5 is possible: the file is "
                     "damaged; fetch it again",
                     r->path, (double)c->norm_eps);
}

// The table of embeddings decides; what config.json says must agree.
static int read_vocabulary(const reader *r, net_config *c) {
    const file_tensor *t = model_file_tensor(r->f, "token_embd.weight");
    if (!t)
        return error_set(r->err, "%s: tensor token_embd.weight is missing: the file is incomplete; fetch it again",
                         r->path);
    int64_t rows = t->ne[1], said = rows;
    if (rows > INT_MAX / 2) rows = INT_MAX / 2;
    if (read_int(r, (setting_names){NULL, "vocab_size", "vocab_size"}, &said) < 0) return -1;
    c->n_vocab = (int)rows;
    if (said == rows) return 0;
    return error_set(r->err, "%s: vocab_size is %lld, but there are embeddings of %lld tokens; fetch the files again",
                     r->path, (long long)said, (long long)rows);
}

static int not_run(const reader *r, const char *what) {
    return error_set(r->err, "%s: %s, which doppel does not run", r->path, what);
}

static int read_activation(const reader *r, net_config *c) {
    const char *key = r->from == FROM_BERT ? "hidden_act" : "activation", *name = "gelu";
    c->mlp = MLP_GELU_ERF;
    if (r->from == FROM_GGUF) return 0;
    if (hfjson_get_string(model_file_json(r->f), key, &name) < 0) return malformed(r, key, "string");
    if (strcmp(name, "gelu") == 0 || strcmp(name, "gelu_python") == 0) return 0;
    c->mlp = MLP_GELU_TANH;
    if (strcmp(name, "gelu_new") == 0 || strcmp(name, "gelu_pytorch_tanh") == 0 || strcmp(name, "gelu_fast") == 0)
        return 0;
    return error_set(r->err,
                     "%s: the activation \"%.32s\" is not one that doppel has for encoders; it has gelu, gelu_new and "
                     "gelu_pytorch_tanh",
                     r->path, name);
}

// Nomic's BERT: rope in place of learned positions, a gated MLP.
static int read_nomic(const reader *r, net_config *c) {
    c->position = POSITION_ROPE;
    c->mlp = MLP_GATED_SILU;
    c->rope_neox = true;
    c->rope_dim = c->head_dim;
    c->rope_theta = 10000;
    if (read_float(r, (setting_names){"rope.freq_base", NULL, NULL}, &c->rope_theta) < 0) return -1;
    if (c->head_dim % 2 != 0 || !(c->rope_theta > 1))
        return error_set(r->err, "%s: rope over %d components with base %g: the file is damaged; fetch it again",
                         r->path, c->head_dim, (double)c->rope_theta);
    return model_file_tensor(r->f, "blk.0.ffn_gate.weight") ? 0 : not_run(r, "a nomic-bert with experts");
}

// GGUF numbers the ways of pooling: 0 none, 1 mean, 2 first token, 3 last.
static int read_gguf_pooling(const reader *r, encoder_pooling *out) {
    int64_t kind = 1;
    bool causal = false;
    char key[96];
    key_of(r, "attention.causal", key, sizeof key);
    if (read_int(r, (setting_names){"pooling_type", NULL, NULL}, &kind) < 0 ||
        gguf_get_bool(model_file_gguf(r->f), key, &causal, r->err) < 0)
        return -1;
    if (causal) return not_run(r, "an encoder that looks backwards only");
    *out = kind == 2 ? ENCODER_CLS : ENCODER_MEAN;
    return 0;
}

enum { MAX_POOLING_FILE = 1 << 16 };

// What the sentence-transformers library writes beside a model; most directories have none.
static int read_dir_pooling(const reader *r, encoder_pooling *out) {
    bool decoder = false, first = false;
    if (hfjson_get_bool(model_file_json(r->f), "is_decoder", &decoder) < 0)
        return malformed(r, "is_decoder", "true or false");
    if (decoder) return not_run(r, "a BERT that looks backwards only");
    buf path = {0};
    buf_printf(&path, "%s/1_Pooling/config.json", model_file_path(r->f));
    cJSON *said = hfjson_read_file(buf_str(&path), MAX_POOLING_FILE, NULL);
    if (hfjson_get_bool(said, "pooling_mode_cls_token", &first) == 1 && first) *out = ENCODER_CLS;
    cJSON_Delete(said);
    buf_free(&path);
    return 0;
}

// The family's name where f is an encoder, else NULL.
static const char *family_of(const model_file *f, source *from) {
    const char *name = NULL;
    size_t len = 0;
    if (model_file_gguf(f)) {
        *from = FROM_GGUF;
        if (gguf_get_string(model_file_gguf(f), "general.architecture", &name, &len, NULL) != 1) return NULL;
        if (len == 4 && memcmp(name, "bert", 4) == 0) return "bert";
        return len == 10 && memcmp(name, "nomic-bert", 10) == 0 ? "nomic-bert" : NULL;
    }
    if (hfjson_get_string(model_file_json(f), "model_type", &name) != 1) return NULL;
    *from = strcmp(name, "distilbert") == 0 ? FROM_DISTILBERT : FROM_BERT;
    return *from == FROM_DISTILBERT ? "distilbert" : strcmp(name, "bert") == 0 ? "bert" : NULL;
}

bool encoder_is_one(const model_file *f) {
    source from;
    return family_of(f, &from) != NULL;
}

static int read_all(reader *r, encoder *e) {
    net_config *c = &e->config;
    snprintf(c->family, sizeof c->family, "%s", r->family);
    c->norm = NORM_LAYER;
    c->position = POSITION_LEARNED;
    c->rope_factor = 1;
    e->pooling = ENCODER_MEAN;
    if (read_sizes(r, c) != 0 || read_epsilon(r, c) != 0 || read_vocabulary(r, c) != 0 || read_activation(r, c) != 0)
        return -1;
    if (strcmp(r->family, "nomic-bert") == 0 && read_nomic(r, c) != 0) return -1;
    return r->from == FROM_GGUF ? read_gguf_pooling(r, &e->pooling) : read_dir_pooling(r, &e->pooling);
}

int encoder_read_config(encoder *e, const model_file *f, error *err) {
    reader r = {.f = f, .err = err};
    buf path = {0};
    r.family = family_of(f, &r.from);
    if (!r.family)
        return error_set(err, "%s: no encoder, and only these make embeddings; take a BERT or DistilBERT with -m",
                         model_file_path(f));
    buf_printf(&path, "%s%s", model_file_path(f), r.from == FROM_GGUF ? "" : "/config.json");
    r.path = buf_str(&path);
    int rc = read_all(&r, e);
    buf_free(&path);
    return rc;
}
