// Encoders: against the reference values of BERT and DistilBERT (skipped without them), against a plain calculation in
// double on small models made here, and with files that are wrong in one place.
#include "model/math/half.h"
#include "model/math/quant.h"
#include "model/net/encoder.h"
#include "tests/models.h"
#include "tests/test.h"

#include <cjson/cJSON.h>
#include <math.h>

// ---- reference files

static bool near(double x, double ref, double tolerance) {
    return fabs(x - ref) <= tolerance * fmax(1, fabs(ref));
}

static double dot(const float *a, const float *b, int n) {
    double sum = 0;
    for (int i = 0; i < n; i++) sum += (double)a[i] * (double)b[i];
    return sum;
}

static cJSON *load(const char *name) {
    char *path = golden(name);
    FILE *f = path ? fopen(path, "rb") : NULL;
    free(path);
    if (!f) return NULL;
    buf text = {0};
    char piece[65536];
    for (size_t n; (n = fread(piece, 1, sizeof piece, f)) > 0;) buf_append(&text, piece, n);
    fclose(f);
    cJSON *json = cJSON_ParseWithLength(buf_str(&text), text.len);
    buf_free(&text);
    return json;
}

static const cJSON *member(const cJSON *o, const char *name) {
    return cJSON_GetObjectItemCaseSensitive(o, name);
}

static encoder_text text_of(const cJSON *sequence) {
    const cJSON *list = member(sequence, "ids"), *id;
    int32_t *ids = mem_calloc((size_t)cJSON_GetArraySize(list), sizeof *ids);
    int n = 0;
    cJSON_ArrayForEach(id, list) ids[n++] = id->valueint;
    return (encoder_text){ids, n};
}

static void check_hidden(encoder *e, const cJSON *sequence, encoder_text text, const char *name) {
    const float *x;
    error err = {""};
    int width = encoder_width(e), wrong = 0, n = 0;
    if (!OK(encoder_hidden(e, text, &x, &err) == 0, "%s: %s", name, err.text)) return;
    const cJSON *item;
    cJSON_ArrayForEach(item, member(sequence, "hidden_first")) wrong += !near((double)x[n++], item->valuedouble, 1e-4);
    OK(n == width && wrong == 0, "%s: %d of the first position's %d components differ", name, wrong, width);
    wrong = 0;
    cJSON_ArrayForEach(item, member(sequence, "hidden_sample")) {
        int t = cJSON_GetArrayItem(item, 0)->valueint, i = cJSON_GetArrayItem(item, 1)->valueint;
        wrong += !near((double)x[t * width + i], cJSON_GetArrayItem(item, 2)->valuedouble, 1e-4);
    }
    OK(wrong == 0, "%s: %d sampled components differ", name, wrong);
}

static void check_embedding(const cJSON *sequence, const float *x, int width, const char *name) {
    const cJSON *list = member(sequence, "embedding"), *item;
    double worst = 0;
    int i = 0;
    cJSON_ArrayForEach(item, list) if (i < width) worst = fmax(worst, fabs((double)x[i++] - item->valuedouble));
    OK(i == width && worst <= 2e-5, "%s: the embedding is off by %g", name, worst);
}

static void check_cosines(const cJSON *rows, const float *x, int width, const char *name) {
    const cJSON *row, *item;
    double worst = 0;
    int i = 0;
    cJSON_ArrayForEach(row, rows) {
        int k = 0;
        cJSON_ArrayForEach(item, row) {
            worst = fmax(worst, fabs(dot(x + i * width, x + k * width, width) - item->valuedouble));
            k++;
        }
        i++;
    }
    OK(i > 1 && worst <= 2e-5, "%s: a cosine is off by %g", name, worst);
}

static void check_model(const char *model, const cJSON *json, int threads) {
    char *path = golden(model);
    error err = {""};
    model_file *f = path ? model_file_open(path, &err) : NULL;
    free(path);
    encoder *e = f ? encoder_open(f, threads, &err) : NULL;
    if (OK(e, "%s opens: %s", model, err.text)) {
        const cJSON *sequences = member(json, "sequences"), *sequence;
        int n = cJSON_GetArraySize(sequences), width = encoder_width(e), i = 0;
        encoder_text *texts = mem_calloc((size_t)n, sizeof *texts);
        float *all = mem_calloc((size_t)(n * width), sizeof *all);
        OK(encoder_is_one(f), "%s is an encoder", model);
        cJSON_ArrayForEach(sequence, sequences) {
            texts[i] = text_of(sequence);
            check_hidden(e, sequence, texts[i++], model);
        }
        if (OK(encoder_embed(e, texts, n, ENCODER_MEAN, true, all, &err) == 0, "%s: %s", model, err.text)) {
            i = 0;
            cJSON_ArrayForEach(sequence, sequences) check_embedding(sequence, all + i++ * width, width, model);
            check_cosines(member(json, "cosine"), all, width, model);
        }
        for (i = 0; i < n; i++) free((int32_t *)texts[i].ids);
        free(texts);
        free(all);
    }
    encoder_close(e);
    model_file_close(f);
}

static void references(void) {
    static const char *const files[][2] = {{"../forward/bert.json", "bert"},
                                           {"../forward/bert.json", "bert-legacy"},
                                           {"../forward/distilbert.json", "distilbert"}};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        cJSON *json = load(files[i][0]);
        if (!json) {
            SKIP("the reference values of %s are not here", files[i][1]);
            continue;
        }
        for (int threads = 1; threads <= 3; threads++) check_model(files[i][1], json, threads);
        cJSON_Delete(json);
    }
}

// ---- small models

enum { MAX_TENSORS = 64, N_VOCAB = 50, N_LAYERS = 2, N_HEADS = 2 };

typedef struct made_tensor {
    char name[64];
    int rows, cols;
    tensor_type type;
    buf bytes;
    bool leave_out;
    int add_rows; // told to the file, but not there
} made_tensor;

// A GGUF in the making, and the same weights as the plain calculation reads them.
typedef struct made {
    bool nomic;
    tensor_type type; // of the matrices
    int n_embd, n_ff, n_ctx, n_vocab;
    int n_heads, n_layers; // as told to the file
    float epsilon;
    const char *architecture;
    made_tensor tensors[MAX_TENSORS];
    int n;
    uint32_t seed;
} made;

static double next_random(made *m) { // -1 .. 1
    m->seed = m->seed * 1664525u + 1013904223u;
    return (double)(m->seed >> 8) / (double)(1 << 23) - 1;
}

static void put_weight(made *m, made_tensor *t, double scale, double centre) {
    float x = (float)(centre + scale * next_random(m));
    if (t->type == TENSOR_F32) {
        buf_append(&t->bytes, &x, sizeof x);
    } else {
        uint16_t half = t->type == TENSOR_F16 ? f32_to_f16(x) : f32_to_bf16(x);
        buf_append(&t->bytes, &half, sizeof half);
    }
}

// 32 weights: a half-precision scale, then an integer for each.
static void put_q8_block(made *m, made_tensor *t, double scale) {
    uint16_t d = f32_to_f16((float)(scale / 127));
    buf_append(&t->bytes, &d, sizeof d);
    for (int i = 0; i < 32; i++) buf_putc(&t->bytes, (char)(int)(127 * next_random(m)));
}

static void add_tensor(made *m, const char *name, int rows, int cols, tensor_type type, double scale, double centre) {
    made_tensor *t = &m->tensors[m->n++];
    *t = (made_tensor){.rows = rows, .cols = cols, .type = type};
    snprintf(t->name, sizeof t->name, "%s", name);
    for (int i = 0; i < rows * cols; i += type == TENSOR_Q8_0 ? 32 : 1) {
        if (type == TENSOR_Q8_0)
            put_q8_block(m, t, scale);
        else
            put_weight(m, t, scale, centre);
    }
}

static void add_linear(made *m, int layer, const char *name, int rows, int cols) {
    char full[96];
    snprintf(full, sizeof full, "blk.%d.%s.weight", layer, name);
    add_tensor(m, full, rows, cols, m->type, 2 / sqrt(cols), 0);
    snprintf(full, sizeof full, "blk.%d.%s.bias", layer, name);
    if (!m->nomic) add_tensor(m, full, 1, rows, TENSOR_F32, 0.5, 0);
}

static void add_norm(made *m, const char *name) {
    char full[96];
    snprintf(full, sizeof full, "%s.weight", name);
    add_tensor(m, full, 1, m->n_embd, TENSOR_F32, 0.3, 1);
    snprintf(full, sizeof full, "%s.bias", name);
    add_tensor(m, full, 1, m->n_embd, TENSOR_F32, 0.3, 0);
}

static void make(made *m, bool nomic, tensor_type type, int n_embd, int n_ctx) {
    char name[64];
    *m = (made){.nomic = nomic,
                .type = type,
                .n_embd = n_embd,
                .n_ff = 2 * n_embd,
                .n_ctx = n_ctx,
                .n_vocab = N_VOCAB,
                .n_heads = N_HEADS,
                .n_layers = N_LAYERS,
                .epsilon = 1e-5f,
                .architecture = nomic ? "nomic-bert" : "bert",
                .seed = 7};
    add_tensor(m, "token_embd.weight", N_VOCAB, n_embd, type, 1, 0);
    add_tensor(m, "token_types.weight", 2, n_embd, TENSOR_F32, 0.5, 0);
    if (!nomic) add_tensor(m, "position_embd.weight", n_ctx, n_embd, TENSOR_F32, 0.5, 0);
    add_norm(m, "token_embd_norm");
    for (int i = 0; i < N_LAYERS; i++) {
        if (nomic) {
            add_linear(m, i, "attn_qkv", 3 * n_embd, n_embd);
            add_linear(m, i, "ffn_gate", m->n_ff, n_embd);
        } else {
            add_linear(m, i, "attn_q", n_embd, n_embd);
            add_linear(m, i, "attn_k", n_embd, n_embd);
            add_linear(m, i, "attn_v", n_embd, n_embd);
        }
        add_linear(m, i, "attn_output", n_embd, n_embd);
        add_linear(m, i, "ffn_up", m->n_ff, n_embd);
        add_linear(m, i, "ffn_down", n_embd, m->n_ff);
        snprintf(name, sizeof name, "blk.%d.attn_output_norm", i);
        add_norm(m, name);
        snprintf(name, sizeof name, "blk.%d.layer_output_norm", i);
        add_norm(m, name);
    }
}

static void unmake(made *m) {
    for (int i = 0; i < m->n; i++) buf_free(&m->tensors[i].bytes);
}

static made_tensor *find_tensor(made *m, const char *name) {
    for (int i = 0; i < m->n; i++)
        if (strcmp(m->tensors[i].name, name) == 0) return &m->tensors[i];
    return NULL;
}

static void put_arch_u32(buf *b, const made *m, const char *name, int v) {
    char key[96];
    snprintf(key, sizeof key, "%s.%s", m->architecture, name);
    put_key_u32(b, key, (uint32_t)v);
}

static void write_gguf(const made *m, buf *b) {
    char key[96];
    uint64_t n = 0, at = 0;
    for (int i = 0; i < m->n; i++) n += !m->tensors[i].leave_out;
    put_header(b, 3, n, 7);
    put_key_text(b, "general.architecture", m->architecture);
    put_arch_u32(b, m, "block_count", m->n_layers);
    put_arch_u32(b, m, "embedding_length", m->n_embd);
    put_arch_u32(b, m, "feed_forward_length", m->n_ff);
    put_arch_u32(b, m, "attention.head_count", m->n_heads);
    put_arch_u32(b, m, "context_length", m->n_ctx);
    snprintf(key, sizeof key, "%s.attention.layer_norm_epsilon", m->architecture);
    put_key_f32(b, key, m->epsilon);
    for (int i = 0; i < m->n; i++) {
        const made_tensor *t = &m->tensors[i];
        if (t->leave_out) continue;
        put_tensor(b, t->name, (uint64_t)t->cols, (uint64_t)(t->rows + t->add_rows), t->type, at);
        size_t size = tensor_row_bytes(t->type, t->cols) * (size_t)(t->rows + t->add_rows);
        at += (size + 31) / 32 * 32;
    }
    put_padding(b, 32);
    for (int i = 0; i < m->n; i++) {
        const made_tensor *t = &m->tensors[i];
        if (t->leave_out) continue;
        buf_append(b, t->bytes.data, t->bytes.len);
        if (t->add_rows > 0) put_zeros(b, tensor_row_bytes(t->type, t->cols) * (size_t)t->add_rows);
        put_padding(b, 32);
    }
}

// An opened encoder and its file.
typedef struct opened {
    model_file *file;
    encoder *encoder;
    error err;
} opened;

static opened open_made(const made *m, const char *folder, int threads) {
    opened o = {0};
    buf bytes = {0};
    write_gguf(m, &bytes);
    write_file(folder, "model.gguf", bytes.data, bytes.len);
    char *path = path_of(folder, "model.gguf");
    o.file = model_file_open(path, &o.err);
    o.encoder = o.file ? encoder_open(o.file, threads, &o.err) : NULL;
    free(path);
    buf_free(&bytes);
    return o;
}

static void close_made(opened *o) {
    encoder_close(o->encoder);
    model_file_close(o->file);
}

// ---- the plain calculation

// Row of a tensor as doubles; the caller frees it.
static double *row_of(made *m, const char *name, int row) {
    made_tensor *t = find_tensor(m, name);
    float *x = mem_calloc((size_t)t->cols, sizeof *x);
    double *out = mem_calloc((size_t)t->cols, sizeof *out);
    quant_dequantize(t->type, t->bytes.data + (size_t)row * tensor_row_bytes(t->type, t->cols), 0, t->cols, x);
    for (int i = 0; i < t->cols; i++) out[i] = (double)x[i];
    free(x);
    return out;
}

static double *layer_vector(made *m, int layer, const char *name) {
    char full[128];
    snprintf(full, sizeof full, "blk.%d.%s", layer, name);
    return find_tensor(m, full) ? row_of(m, full, 0) : NULL;
}

// y (n, rows) = x (n, cols) W^T + b
static double *plain_linear(made *m, int layer, const char *name, const double *x, int n) {
    char full[96];
    snprintf(full, sizeof full, "blk.%d.%s.weight", layer, name);
    made_tensor *t = find_tensor(m, full);
    double *y = mem_calloc((size_t)(n * t->rows), sizeof *y);
    for (int r = 0; r < t->rows; r++) {
        double *w = row_of(m, full, r);
        for (int i = 0; i < n; i++)
            for (int c = 0; c < t->cols; c++) y[i * t->rows + r] += w[c] * x[i * t->cols + c];
        free(w);
    }
    snprintf(full, sizeof full, "%s.bias", name);
    double *b = layer_vector(m, layer, full);
    for (int i = 0; b && i < n * t->rows; i++) y[i] += b[i % t->rows];
    free(b);
    return y;
}

static void plain_norm(made *m, const char *name, double *x, int n) {
    char full[96];
    snprintf(full, sizeof full, "%s.weight", name);
    double *w = row_of(m, full, 0);
    snprintf(full, sizeof full, "%s.bias", name);
    double *b = row_of(m, full, 0);
    for (int t = 0; t < n; t++, x += m->n_embd) {
        double mean = 0, squares = 0;
        for (int i = 0; i < m->n_embd; i++) mean += x[i] / m->n_embd;
        for (int i = 0; i < m->n_embd; i++) squares += (x[i] - mean) * (x[i] - mean) / m->n_embd;
        for (int i = 0; i < m->n_embd; i++) x[i] = (x[i] - mean) / sqrt(squares + (double)m->epsilon) * w[i] + b[i];
    }
    free(w);
    free(b);
}

// Pairs (i, i + half) of a head turn by position / 10000^(2i / head_dim).
static void plain_turn(double *head, int head_dim, int position) {
    for (int i = 0; i < head_dim / 2; i++) {
        double angle = position * pow(10000, -2.0 * i / head_dim), a = head[i], b = head[i + head_dim / 2];
        head[i] = a * cos(angle) - b * sin(angle);
        head[i + head_dim / 2] = b * cos(angle) + a * sin(angle);
    }
}

// out (n, n_embd) += softmax(q k^T / sqrt(head_dim)) v for one head; q, k and v are `stride` apart from row to row.
static void plain_head(const double *q, const double *k, const double *v, int stride, int n, int head_dim, double *out,
                       int out_stride) {
    double *p = mem_calloc((size_t)n, sizeof *p);
    for (int t = 0; t < n; t++) {
        double top = -INFINITY, sum = 0;
        for (int s = 0; s < n; s++) {
            p[s] = 0;
            for (int i = 0; i < head_dim; i++) p[s] += q[t * stride + i] * k[s * stride + i] / sqrt(head_dim);
            top = fmax(top, p[s]);
        }
        for (int s = 0; s < n; s++) sum += p[s] = exp(p[s] - top);
        for (int s = 0; s < n; s++)
            for (int i = 0; i < head_dim; i++) out[t * out_stride + i] += p[s] / sum * v[s * stride + i];
    }
    free(p);
}

// q, k and v of all rows side by side (n, 3 n_embd), turned.
static double *plain_qkv(made *m, int layer, const double *x, int n) {
    int d = m->n_embd, head_dim = d / N_HEADS;
    double *qkv;
    if (m->nomic) {
        qkv = plain_linear(m, layer, "attn_qkv", x, n);
        for (int t = 0; t < n; t++)
            for (int h = 0; h < 2 * N_HEADS; h++) plain_turn(qkv + t * 3 * d + h * head_dim, head_dim, t);
        return qkv;
    }
    static const char *const names[] = {"attn_q", "attn_k", "attn_v"};
    qkv = mem_calloc((size_t)(n * 3 * d), sizeof *qkv);
    for (int part = 0; part < 3; part++) {
        double *y = plain_linear(m, layer, names[part], x, n);
        for (int t = 0; t < n; t++)
            for (int i = 0; i < d; i++) qkv[t * 3 * d + part * d + i] = y[t * d + i];
        free(y);
    }
    return qkv;
}

// x += y, which is freed
static void add_to(double *x, double *y, int n) {
    for (int i = 0; i < n; i++) x[i] += y[i];
    free(y);
}

static void plain_layer(made *m, int layer, double *x, int n) {
    char name[64];
    int d = m->n_embd, head_dim = d / N_HEADS;
    double *qkv = plain_qkv(m, layer, x, n), *attn = mem_calloc((size_t)(n * d), sizeof *attn);
    for (int h = 0; h < N_HEADS; h++) {
        const double *q = qkv + h * head_dim;
        plain_head(q, q + d, q + 2 * d, 3 * d, n, head_dim, attn + h * head_dim, d);
    }
    add_to(x, plain_linear(m, layer, "attn_output", attn, n), n * d);
    snprintf(name, sizeof name, "blk.%d.attn_output_norm", layer);
    plain_norm(m, name, x, n);
    double *up = plain_linear(m, layer, "ffn_up", x, n),
           *gate = m->nomic ? plain_linear(m, layer, "ffn_gate", x, n) : NULL;
    for (int i = 0; i < n * m->n_ff; i++)
        up[i] = gate ? gate[i] / (1 + exp(-gate[i])) * up[i] : up[i] / 2 * (1 + erf(up[i] / sqrt(2)));
    add_to(x, plain_linear(m, layer, "ffn_down", up, n), n * d);
    snprintf(name, sizeof name, "blk.%d.layer_output_norm", layer);
    plain_norm(m, name, x, n);
    free(qkv);
    free(attn);
    free(up);
    free(gate);
}

// The last hidden states (n, n_embd); the caller frees them.
static double *plain_hidden(made *m, const int32_t *ids, int n) {
    double *x = mem_calloc((size_t)(n * m->n_embd), sizeof *x), *segment = row_of(m, "token_types.weight", 0);
    for (int t = 0; t < n; t++) {
        double *word = row_of(m, "token_embd.weight", ids[t]);
        double *place = m->nomic ? NULL : row_of(m, "position_embd.weight", t);
        for (int i = 0; i < m->n_embd; i++) x[t * m->n_embd + i] = word[i] + segment[i] + (place ? place[i] : 0);
        free(word);
        free(place);
    }
    plain_norm(m, "token_embd_norm", x, n);
    for (int i = 0; i < N_LAYERS; i++) plain_layer(m, i, x, n);
    free(segment);
    return x;
}

// ---- encoders against it

static int32_t *some_ids(int n, int seed) {
    int32_t *ids = mem_calloc((size_t)n, sizeof *ids);
    for (int i = 0; i < n; i++) ids[i] = (int32_t)((i * 17 + i * i % 7 + seed) % N_VOCAB);
    return ids;
}

// Root of the mean square of x - ref over that of ref.
static double distance(const float *x, const double *ref, int n) {
    double off = 0, all = 0;
    for (int i = 0; i < n; i++) {
        off += ((double)x[i] - ref[i]) * ((double)x[i] - ref[i]);
        all += ref[i] * ref[i];
    }
    return sqrt(off / all);
}

static void compare(made *m, const char *what, const char *folder, int threads, double tolerance) {
    static const int lengths[] = {1, 2, 7, 8, 9, 16, 33, 530};
    opened o = open_made(m, folder, threads);
    if (OK(o.encoder, "%s: %s", what, o.err.text)) {
        for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
            int n = lengths[i];
            if (n > m->n_ctx) continue;
            int32_t *ids = some_ids(n, n);
            double *ref = plain_hidden(m, ids, n);
            const float *x;
            if (OK(encoder_hidden(o.encoder, (encoder_text){ids, n}, &x, &o.err) == 0, "%s: %s", what, o.err.text)) {
                double off = distance(x, ref, n * m->n_embd);
                OK(off < tolerance, "%s, %d tokens, %d threads: the hidden states are off by %g", what, n, threads,
                   off);
            }
            free(ref);
            free(ids);
        }
    }
    close_made(&o);
}

// Float weights differ by rounding only; with quantised ones the activations are 8-bit integers too.
static void small_models(const char *folder) {
    static const struct {
        const char *what;
        bool nomic;
        tensor_type type;
        int n_embd, n_ctx, threads;
        double tolerance;
    } cases[] = {
        {"bert f32", false, TENSOR_F32, 40, 64, 1, 1e-5},
        {"bert f32, long", false, TENSOR_F32, 24, 600, 2, 1e-5},
        {"bert f16", false, TENSOR_F16, 64, 64, 2, 1e-5},
        {"bert bf16", false, TENSOR_BF16, 64, 64, 3, 1e-5},
        {"bert q8_0", false, TENSOR_Q8_0, 64, 64, 2, 0.02},
        {"bert q8_0, long", false, TENSOR_Q8_0, 32, 600, 1, 0.02},
        {"nomic-bert f32", true, TENSOR_F32, 40, 600, 2, 1e-5},
        {"nomic-bert q8_0", true, TENSOR_Q8_0, 64, 64, 1, 0.02},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        made m;
        make(&m, cases[i].nomic, cases[i].type, cases[i].n_embd, cases[i].n_ctx);
        compare(&m, cases[i].what, folder, cases[i].threads, cases[i].tolerance);
        unmake(&m);
    }
}

// Many texts at once give what each gives alone.
static void batches(const char *folder) {
    enum { N = 40, WIDTH = 40 };
    made m;
    make(&m, false, TENSOR_F32, WIDTH, 600);
    opened o = open_made(&m, folder, 2);
    encoder_text texts[N];
    float all[N * WIDTH], one[WIDTH], worst = 0;
    for (int i = 0; i < N; i++) {
        int n = i == 20 ? 599 : 1 + i * 7 % 60;
        texts[i] = (encoder_text){some_ids(n, i), n};
    }
    OK(encoder_embed(o.encoder, texts, N, ENCODER_MEAN, true, all, &o.err) == 0, "%s", o.err.text);
    for (int i = 0; i < N; i++) {
        OK(encoder_embed(o.encoder, &texts[i], 1, ENCODER_MEAN, true, one, &o.err) == 0, "%s", o.err.text);
        for (int k = 0; k < WIDTH; k++) worst = fmaxf(worst, fabsf(one[k] - all[i * WIDTH + k]));
        OK(near(dot(one, one, WIDTH), 1, 1e-6), "an embedding has length 1");
    }
    OK(worst < 1e-5f, "in a batch an embedding differs by %g", (double)worst);
    OK(encoder_embed(o.encoder, NULL, 0, ENCODER_MEAN, true, NULL, &o.err) == 0, "no texts are no failure");
    for (int i = 0; i < N; i++) free((int32_t *)texts[i].ids);
    close_made(&o);
    unmake(&m);
}

static void poolings(const char *folder) {
    enum { N = 5, WIDTH = 40 };
    made m;
    make(&m, false, TENSOR_F32, WIDTH, 64);
    opened o = open_made(&m, folder, 1);
    int32_t *ids = some_ids(N, 3);
    encoder_text text = {ids, N};
    double *ref = plain_hidden(&m, ids, N), mean[WIDTH] = {0};
    float x[WIDTH];
    for (int i = 0; i < N * WIDTH; i++) mean[i % WIDTH] += ref[i] / N;
    encoder_embed(o.encoder, &text, 1, ENCODER_MEAN, false, x, &o.err);
    OK(distance(x, mean, WIDTH) < 1e-5, "the mean of all positions");
    encoder_embed(o.encoder, &text, 1, ENCODER_CLS, false, x, &o.err);
    OK(distance(x, ref, WIDTH) < 1e-5, "the first position");
    encoder_embed(o.encoder, &text, 1, ENCODER_CLS, true, x, &o.err);
    OK(near(dot(x, x, WIDTH), 1, 1e-6), "the first position at length 1");
    OK(encoder_default_pooling(o.encoder) == ENCODER_MEAN, "a file that says nothing means the mean");
    free(ref);
    free(ids);
    close_made(&o);
    unmake(&m);
}

// ---- what is refused

static void refused(const made *m, const char *folder, const char *what, const char *says) {
    opened o = open_made(m, folder, 1);
    OK(!o.encoder, "%s is refused", what);
    OK(strstr(o.err.text, says) && !strchr(o.err.text, '\n'), "%s: \"%s\" says %s", what, o.err.text, says);
    close_made(&o);
}

static void bad_tensors(const char *folder) {
    static const char *const optional[] = {"token_types.weight", ".bias"};
    made m;
    make(&m, false, TENSOR_F32, 40, 64);
    for (int i = 0; i < m.n; i++) {
        made_tensor *t = &m.tensors[i];
        bool needed = true;
        for (size_t k = 0; k < sizeof optional / sizeof *optional; k++)
            if (strstr(t->name, optional[k])) needed = false;
        t->leave_out = true;
        if (needed) {
            refused(&m, folder, t->name, "missing");
        } else {
            opened o = open_made(&m, folder, 1);
            OK(o.encoder, "without %s: %s", t->name, o.err.text);
            close_made(&o);
        }
        t->leave_out = false;
        t->add_rows = 1;
        if (strcmp(t->name, "token_types.weight") != 0 && strcmp(t->name, "token_embd.weight") != 0)
            refused(&m, folder, t->name, t->name);
        t->add_rows = 0;
    }
    unmake(&m);
}

static void bad_settings(const char *folder) {
    made m;
    make(&m, false, TENSOR_F32, 40, 64);
    m.n_heads = 3;
    refused(&m, folder, "heads that do not divide", "3 attention heads");
    m.n_heads = 0;
    refused(&m, folder, "no heads", "head_count");
    m.n_heads = N_HEADS;
    m.n_layers = 3;
    refused(&m, folder, "a layer too many", "blk.2.");
    m.n_layers = 1 << 30;
    refused(&m, folder, "a billion layers", "block_count");
    m.n_layers = N_LAYERS;
    m.n_ctx = 65;
    refused(&m, folder, "a position too many", "position_embd");
    m.n_ctx = 64;
    m.n_ff = 81;
    refused(&m, folder, "another width of the MLP", "ffn_up");
    m.n_ff = 80;
    m.epsilon = NAN;
    refused(&m, folder, "an epsilon that is no number", "epsilon");
    m.epsilon = 1e-5f;
    m.architecture = "llama";
    refused(&m, folder, "a decoder", "encoder");
    unmake(&m);
}

static void bad_texts(const char *folder) {
    enum { WIDTH = 40 };
    made m;
    make(&m, false, TENSOR_F32, WIDTH, 64);
    opened o = open_made(&m, folder, 1);
    int32_t *ids = some_ids(65, 1);
    float x[WIDTH];
    encoder_text text = {ids, 65};
    OK(encoder_embed(o.encoder, &text, 1, ENCODER_MEAN, true, x, &o.err) != 0 && strstr(o.err.text, "65 tokens"),
       "a text that is too long: %s", o.err.text);
    text.n = 0;
    OK(encoder_embed(o.encoder, &text, 1, ENCODER_MEAN, true, x, &o.err) != 0, "a text without tokens");
    text.n = 3;
    ids[2] = N_VOCAB;
    OK(encoder_embed(o.encoder, &text, 1, ENCODER_MEAN, true, x, &o.err) != 0 && strstr(o.err.text, "50"),
       "an id outside the vocabulary: %s", o.err.text);
    ids[2] = -1;
    OK(encoder_embed(o.encoder, &text, 1, ENCODER_MEAN, true, x, &o.err) != 0, "a negative id");
    ids[2] = 1;
    OK(encoder_embed(o.encoder, &text, 1, ENCODER_MEAN, true, x, &o.err) == 0, "it goes on after a bad text");
    close_made(&o);

    float *weights = (float *)find_tensor(&m, "blk.1.ffn_up.weight")->bytes.data;
    weights[5] = NAN;
    o = open_made(&m, folder, 1);
    OK(encoder_embed(o.encoder, &text, 1, ENCODER_MEAN, true, x, &o.err) != 0 && strstr(o.err.text, "no number"),
       "weights that are no numbers: %s", o.err.text);
    close_made(&o);
    free(ids);
    unmake(&m);
}

int main(void) {
    char *folder = make_folder();
    references();
    small_models(folder);
    batches(folder);
    poolings(folder);
    bad_tensors(folder);
    bad_settings(folder);
    bad_texts(folder);
    remove_file(folder, "model.gguf");
    rmdir(folder);
    free(folder);
    return test_end();
}
