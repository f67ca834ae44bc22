// Exports: what is written holds, tensor by tensor, what the reference converters wrote from the same weights; merged
// models say what base and adapter say together; adapters come back as they were.
#include "model/file/safetensors.h"
#include "model/learn/export.h"
#include "model/learn/graph.h"
#include "model/learn/parity.h"
#include "model/net/adapter.h"
#include "tests/golden_model.h"

#include <dirent.h>
#include <math.h>

enum { N_IDS = 60 };

static void remove_all(const char *dir) {
    DIR *d = opendir(dir);
    for (struct dirent *e; d && (e = readdir(d));)
        if (e->d_name[0] != '.') remove_file(dir, e->d_name);
    if (d) closedir(d);
    rmdir(dir);
}

static double largest_difference(const parity_side *a, const parity_side *b) {
    int32_t ids[N_IDS];
    parity p;
    error err = {{0}};
    for (int i = 0; i < N_IDS; i++) ids[i] = (i * 7919 + 13) % 500;
    if (!OK(parity_compare((parity_side[]){*a, *b}, ids, N_IDS, 1, &p, &err) == 0, "comparing: %s", err.text))
        return 1e9;
    return p.max;
}

// ---- the same bytes as the reference converters' ----

static void same_tensor(const char *what, const file_tensor *a, const file_tensor *b) {
    if (!OK(a && b, "%s: is in both", what)) return;
    bool shape = a->type == b->type && a->n_dims == b->n_dims && memcmp(a->ne, b->ne, sizeof a->ne) == 0;
    OK(shape && a->size == b->size && memcmp(a->data, b->data, a->size) == 0, "%s: %s differs", what, a->name);
}

static void same_texts(const char *what, const gguf *a, const gguf *b, const char *key) {
    gguf_array x, y;
    const char *s, *t;
    size_t n, k;
    bool both = gguf_get_array(a, key, &x, NULL) == 1 && gguf_get_array(b, key, &y, NULL) == 1 && x.n == y.n;
    int differ = 0;
    while (both && gguf_array_next_string(&x, &s, &n) && gguf_array_next_string(&y, &t, &k))
        differ += n != k || memcmp(s, t, n) != 0;
    OK(both && differ == 0, "%s: %d of %s differ", what, differ, key);
}

static void same_text(const char *what, const gguf *a, const gguf *b, const char *key) {
    const char *s = "", *t = "";
    size_t n = 0, k = 0;
    int found = gguf_get_string(a, key, &s, &n, NULL), want = gguf_get_string(b, key, &t, &k, NULL);
    OK(found == want && n == k && memcmp(s, t, n) == 0, "%s: %s is \"%.*s\", not \"%.*s\"", what, key, (int)n, s,
       (int)k, t);
}

static void same_int(const char *what, const gguf *a, const gguf *b, const char *key) {
    int64_t x = -1, y = -1;
    gguf_get_int(a, key, &x, NULL);
    gguf_get_int(b, key, &y, NULL);
    OK(x == y, "%s: %s is %lld, not %lld", what, key, (long long)x, (long long)y);
}

static void same_settings(const char *what, const gguf *a, const gguf *b) {
    same_texts(what, a, b, "tokenizer.ggml.tokens");
    same_texts(what, a, b, "tokenizer.ggml.merges");
    same_text(what, a, b, "tokenizer.ggml.model");
    same_text(what, a, b, "tokenizer.ggml.pre");
    same_text(what, a, b, "tokenizer.chat_template");
    same_text(what, a, b, "general.architecture");
    same_int(what, a, b, "tokenizer.ggml.bos_token_id");
    same_int(what, a, b, "tokenizer.ggml.eos_token_id");
}

static void test_hf_to_gguf(void) {
    static const char *const cases[][2] = {
        {"gpt2", "gguf/gpt2-f32.gguf"}, {"llama", "gguf/llama-f32.gguf"}, {"qwen2", "gguf/qwen2-f32.gguf"}};
    for (int i = 0; i < 3; i++) {
        model from, want;
        error err = {{0}};
        if (!open_golden(cases[i][0], &from)) return;
        char *dir = make_folder(), *path = path_of(dir, "out.gguf");
        export_source s = {.net = from.net, .tokenizer = from.tokenizer};
        OK(export_gguf(&s, TENSOR_F32, path, &err) == 0, "%s: %s", cases[i][0], err.text);
        gguf *g = gguf_open(path, &err);
        if (OK(g != NULL, "%s: %s", cases[i][0], err.text) && open_golden(cases[i][1], &want)) {
            const gguf *reference = model_file_gguf(want.file);
            for (size_t k = 0; k < gguf_n_tensors(reference); k++) {
                const file_tensor *t = gguf_tensor_at(reference, k);
                same_tensor(cases[i][0], t, gguf_tensor(g, t->name));
            }
            OK(gguf_n_tensors(g) == gguf_n_tensors(reference), "%s: %zu tensors", cases[i][0], gguf_n_tensors(g));
            same_settings(cases[i][0], g, reference);
            model_close(&want);
        }
        gguf_close(g);
        remove_all(dir);
        free(dir);
        free(path);
        model_close(&from);
    }
}

// Whether two tokenizers cut a text alike.
static void same_tokenizers(const char *what, const model *a, const model *b) {
    static const char text[] = "Well, it's 12345 o'clock\n\n  caf\xc3\xa9 <|im_end|> x_y \xf0\x9f\x98\x80!";
    id_list x = {0}, y = {0};
    if (!OK(a->tokenizer && b->tokenizer, "%s: there is a tokenizer: %s", what, b->tokenizer_error.text)) return;
    for (unsigned flags = 0; flags <= (TOKENIZER_SPECIAL | TOKENIZER_BOS); flags++) {
        x.len = y.len = 0;
        tokenizer_encode(a->tokenizer, text, sizeof text - 1, flags, &x, NULL);
        tokenizer_encode(b->tokenizer, text, sizeof text - 1, flags, &y, NULL);
        OK(x.len == y.len && memcmp(x.data, y.data, x.len * sizeof *x.data) == 0, "%s: ids with flags %u", what, flags);
    }
    OK(a->chat.family == b->chat.family, "%s: the chat format", what);
    OK(tokenizer_eos(a->tokenizer) == tokenizer_eos(b->tokenizer), "%s: the end of text", what);
    id_list_free(&x);
    id_list_free(&y);
}

static void test_gguf_to_hf(void) {
    static const char *const cases[][2] = {{"gguf/gpt2-f32.gguf", "gpt2"},
                                           {"gguf/llama-f32.gguf", "llama"},
                                           {"gguf/llama-hd-f32.gguf", "llama-hd"},
                                           {"gguf/qwen2-f32.gguf", NULL},
                                           {"gguf/qwen3-f32.gguf", "qwen3"}};
    for (int i = 0; i < 5; i++) {
        model from, back;
        error err = {{0}};
        const char *name = cases[i][0];
        if (!open_golden(name, &from)) return;
        char *dir = make_folder();
        export_source s = {.net = from.net, .tokenizer = from.tokenizer};
        OK(export_hf(&s, TENSOR_F32, dir, &err) == 0, "%s: %s", name, err.text);
        if (OK(model_open(&back, dir, 1, 0, &err) == 0, "%s: %s", name, err.text)) {
            double d = largest_difference(&(parity_side){from.net, NULL, 0}, &(parity_side){back.net, NULL, 0});
            OK(d < 2e-5, "%s: says the same: %g", name, d);
            same_tokenizers(name, &from, &back);
            model_close(&back);
        }
        char *mine = path_of(dir, "model.safetensors"), *reference = cases[i][1] ? golden(cases[i][1]) : NULL;
        char *theirs = reference ? path_of(reference, "model.safetensors") : NULL;
        safetensors *a = safetensors_open(mine, &err), *b = theirs ? safetensors_open(theirs, &err) : NULL;
        for (size_t k = 0; a && b && k < safetensors_n(b); k++) {
            const safetensor *y = safetensors_at(b, k), *x = safetensors_find(a, y->name);
            OK(x && x->size == y->size && x->n_dims == y->n_dims && x->shape[0] == y->shape[0] &&
                   memcmp(x->data, y->data, x->size) == 0,
               "%s: %s", name, y->name);
        }
        safetensors_close(a);
        safetensors_close(b);
        free(mine);
        free(theirs);
        free(reference);
        remove_all(dir);
        free(dir);
        model_close(&from);
    }
}

// ---- merging ----

static void merges(const char *base, const char *const adapters[2], const float strengths[2]) {
    model m, back;
    error err = {{0}};
    lora l[2] = {{0}};
    adapter *a[2] = {0};
    adapter_use uses[2];
    export_merge merge[2];
    int n = 0;
    if (!open_golden(base, &m)) return;
    for (; n < 2 && adapters[n]; n++) {
        char name[64];
        snprintf(name, sizeof name, "../train/lora/%s", adapters[n]);
        char *path = golden(name);
        OK(lora_open(&l[n], path, m.net, &err) == 0, "%s: %s", adapters[n], err.text);
        a[n] = adapter_of(&l[n], m.net, NULL);
        uses[n] = (adapter_use){a[n], strengths[n]};
        merge[n] = (export_merge){&l[n], strengths[n]};
        free(path);
    }
    export_source s = {.net = m.net, .tokenizer = m.tokenizer, .merges = merge, .n_merges = n};
    parity_side with = {m.net, uses, n}, without = {m.net, NULL, 0};
    double effect = largest_difference(&with, &without);
    OK(effect > 0.01, "%s: the adapters do something: %g", base, effect);
    for (int hf = 0; hf < 2; hf++) {
        char *dir = make_folder(), *file = path_of(dir, "out.gguf");
        int rc = hf ? export_hf(&s, TENSOR_F32, dir, &err) : export_gguf(&s, TENSOR_F32, file, &err);
        if (OK(rc == 0 && model_open(&back, hf ? dir : file, 1, 0, &err) == 0, "%s: %s", base, err.text)) {
            double d = largest_difference(&with, &(parity_side){back.net, NULL, 0});
            OK(d < 2e-5, "%s, %s: merged says what base and adapters say: %g", base, hf ? "hf" : "gguf", d);
            model_close(&back);
        }
        remove_all(dir);
        free(dir);
        free(file);
    }
    for (int i = 0; i < n; i++) {
        adapter_close(a[i]);
        lora_free(&l[i]);
    }
    model_close(&m);
}

static void test_merges(void) {
    merges("llama", (const char *const[]){"llama-all-final", NULL}, (float[]){1, 0});
    merges("gguf/llama-f32.gguf", (const char *const[]){"llama-all-final", NULL}, (float[]){0.8f, 0});
    merges("gpt2", (const char *const[]){"gpt2-all-final", NULL}, (float[]){2, 0});
    merges("gguf/gpt2-f32.gguf", (const char *const[]){"gpt2-attn-final", NULL}, (float[]){1, 0});
    merges("llama", (const char *const[]){"llama-all-final", "llama-qv-final"}, (float[]){0.5f, 1.5f});
}

// ---- adapters as GGUF LoRA ----

static void same_lora(const char *what, const lora *a, const lora *b, double tolerance) {
    if (!OK(a->n == b->n, "%s: %zu and %zu parts", what, a->n, b->n)) return;
    for (size_t i = 0; i < a->n; i++) {
        const lora_part *p = &a->parts[i], *q = lora_find(b, p->name);
        if (!OK(q && q->rank == p->rank, "%s: %s", what, p->name)) continue;
        double worst = 0, x = lora_scale(a, p), y = lora_scale(b, q);
        for (int k = 0; k < p->rank * p->cols; k++) worst = fmax(worst, fabs((double)(p->a[k] - q->a[k])));
        for (int k = 0; k < p->rows * p->rank; k++)
            worst = fmax(worst, fabs(x * (double)p->b[k] - y * (double)q->b[k]));
        OK(worst <= tolerance, "%s: %s is off by %g", what, p->name, worst);
    }
}

static void lora_there_and_back(const char *base, const char *name, bool rs, tensor_type type, double tolerance) {
    model m;
    error err = {{0}};
    lora l, back;
    char golden_name[64], *dir = make_folder(), *out = path_of(dir, "lora.gguf");
    if (!open_golden(base, &m)) return;
    snprintf(golden_name, sizeof golden_name, "../train/lora/%s", name);
    char *path = golden(golden_name);
    if (OK(lora_open(&l, path, m.net, &err) == 0, "%s: %s", name, err.text)) {
        l.rs = rs;
        l.parts[1].alpha *= 3; // an alpha of its own
        OK(export_gguf_lora(m.net, &l, 1, type, out, &err) == 0, "%s: %s", name, err.text);
        if (OK(lora_open(&back, out, m.net, &err) == 0, "%s: %s", name, err.text))
            same_lora(name, &l, &back, tolerance);
        lora_free(&back);
        OK(export_gguf_lora(m.net, &l, 0, type, out, &err) == -1, "an adapter of no strength is refused");
    }
    lora_free(&l);
    free(path);
    remove_all(dir);
    free(dir);
    free(out);
    model_close(&m);
}

static void test_gguf_lora(void) {
    lora_there_and_back("llama", "llama-all-final", false, TENSOR_F32, 1e-6);
    lora_there_and_back("gguf/llama-f32.gguf", "llama-all-final", true, TENSOR_F32, 1e-6);
    lora_there_and_back("gpt2", "gpt2-all-final", false, TENSOR_F16, 1e-3);
}

// A GGUF LoRA written over a directory's net fits the net of the GGUF file, and the other way.
static void test_lora_between_nets(void) {
    model hf, gg;
    error err = {{0}};
    if (!open_golden("llama", &hf)) return;
    if (open_golden("gguf/llama-f32.gguf", &gg)) {
        char *dir = make_folder(), *out = path_of(dir, "lora.gguf"), *path = golden("../train/lora/llama-all-final");
        lora a, b, c;
        OK(lora_open(&a, path, hf.net, &err) == 0 && export_gguf_lora(hf.net, &a, 1, TENSOR_F32, out, &err) == 0 &&
               lora_open(&b, out, gg.net, &err) == 0 && lora_open(&c, path, gg.net, &err) == 0,
           "%s", err.text);
        same_lora("between nets", &b, &c, 1e-7);
        lora_free(&a);
        lora_free(&b);
        lora_free(&c);
        remove_all(dir);
        free(dir);
        free(out);
        free(path);
        model_close(&gg);
    }
    model_close(&hf);
}

// ---- weights of a full training ----

static void test_params(void) {
    model m, back;
    error err = {{0}};
    if (!open_golden("gguf/llama-f32.gguf", &m)) return;
    learn_graph *g = learn_graph_full(m.net, &err);
    char *dir = make_folder();
    if (OK(g != NULL, "%s", err.text)) {
        for (size_t i = 0; i < g->params.n; i++) g->params.items[i]->w[0] += 1;
        export_source s = {.net = m.net, .tokenizer = m.tokenizer, .params = &g->params};
        OK(export_hf(&s, TENSOR_F32, dir, &err) == 0, "%s", err.text);
        if (OK(model_open(&back, dir, 1, 0, &err) == 0, "%s", err.text)) {
            size_t checked = 0;
            for (size_t i = 0; i < model_file_n_tensors(m.file); i++) {
                const file_tensor *was = model_file_tensor_at(m.file, i), *is = model_file_tensor(back.file, was->name);
                if (!is) continue;
                checked++;
                OK(((const float *)is->data)[0] == ((const float *)was->data)[0] + 1, "%s carries its new value",
                   was->name);
            }
            OK(checked == g->params.n, "all %zu of %zu", checked, g->params.n);
            model_close(&back);
        }
    }
    learn_graph_free(g);
    remove_all(dir);
    free(dir);
    model_close(&m);
}

// ---- types, and what is refused ----

static void test_types(void) {
    static const struct {
        tensor_type type, embedding, matrix;
        const char *base;
    } cases[] = {
        {TENSOR_Q8_0, TENSOR_Q8_0, TENSOR_Q8_0, "quant/llama-q8_0.gguf"},
        {TENSOR_Q4_K, TENSOR_Q8_0, TENSOR_Q4_K, "quant/llama-q8_0.gguf"},
        {TENSOR_Q4_0, TENSOR_Q8_0, TENSOR_Q4_0, "quant/llama-q8_0.gguf"},
        {TENSOR_BF16, TENSOR_BF16, TENSOR_BF16, "quant/llama-q4_1.gguf"},
        {TENSOR_Q4_K, TENSOR_Q8_0, TENSOR_Q5_1, "llama"}, // rows of 96
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        model m;
        error err = {{0}};
        if (!open_golden(cases[i].base, &m)) return;
        char *dir = make_folder(), *out = path_of(dir, "out.gguf");
        export_source s = {.net = m.net, .tokenizer = m.tokenizer};
        OK(export_gguf(&s, cases[i].type, out, &err) == 0, "%s", err.text);
        model_file *f = model_file_open(out, &err);
        if (OK(f != NULL, "%s", err.text)) {
            OK(model_file_tensor(f, "token_embd.weight")->type == cases[i].embedding, "the embedding's type");
            OK(model_file_tensor(f, "blk.0.attn_q.weight")->type == cases[i].matrix, "a matrix's type");
            OK(model_file_tensor(f, "blk.0.attn_norm.weight")->type == TENSOR_F32, "a norm's type");
        }
        // What had the type already is the same, bit for bit.
        const file_tensor *was = model_file_tensor(m.file, "blk.1.ffn_up.weight"),
                          *is = f ? model_file_tensor(f, "blk.1.ffn_up.weight") : NULL;
        if (is && was->type == is->type) same_tensor(cases[i].base, was, is);
        model_file_close(f);
        remove_all(dir);
        free(dir);
        free(out);
        model_close(&m);
    }
}

static bool refuse(void *arg, size_t done, size_t total) {
    (void)total;
    *(size_t *)arg = done;
    return done < 3;
}

static void test_failures(void) {
    model m;
    error err = {{0}};
    if (!open_golden("llama", &m)) return;
    char *dir = make_folder(), *out = path_of(dir, "out.gguf"), *below = path_of(dir, "none/out.gguf");
    write_file(dir, "out.gguf", "precious", 8);
    export_source s = {.net = m.net, .tokenizer = m.tokenizer};
    OK(export_gguf(&s, TENSOR_F32, below, &err) == -1 && strstr(err.text, below), "no such folder: %s", err.text);
    size_t reached = 0;
    s.progress = refuse;
    s.arg = &reached;
    OK(export_gguf(&s, TENSOR_F32, out, &err) == -1 && reached == 3, "stopped: %s", err.text);
    s.progress = NULL;
    // A value that F16 cannot hold.
    lora l;
    char *path = golden("../train/lora/llama-all-final");
    OK(lora_open(&l, path, m.net, &err) == 0, "%s", err.text);
    for (int i = 0; i < l.parts[0].rank * l.parts[0].cols; i++) l.parts[0].a[i] = 1e6f;
    s.merges = &(export_merge){&l, 1};
    s.n_merges = 1;
    OK(export_gguf(&s, TENSOR_F16, out, &err) == -1 && strstr(err.text, "bf16"), "too large for f16: %s", err.text);
    s.tokenizer = NULL;
    OK(export_gguf(&s, TENSOR_F32, out, &err) == -1 && strstr(err.text, "tokenizer"), "no tokenizer: %s", err.text);
    FILE *f = fopen(out, "rb");
    char left[16] = "";
    OK(f && fread(left, 1, sizeof left, f) == 8 && memcmp(left, "precious", 8) == 0, "what was there is still there");
    if (f) fclose(f);
    int files = 0;
    DIR *d = opendir(dir);
    for (struct dirent *e; (e = readdir(d));) files += e->d_name[0] != '.';
    closedir(d);
    OK(files == 1, "nothing half written is left: %d files", files);
    lora_free(&l);
    free(path);
    remove_all(dir);
    free(dir);
    free(out);
    free(below);
    model_close(&m);
}

static void test_no_place(void) {
    model m;
    error err = {{0}};
    if (!open_golden("gpt_neo", &m)) return;
    char *dir = make_folder(), *out = path_of(dir, "out.gguf");
    export_source s = {.net = m.net, .tokenizer = m.tokenizer};
    OK(export_gguf(&s, TENSOR_F32, out, &err) == -1 && strstr(err.text, "gpt_neo"), "GGUF has no gpt_neo: %s",
       err.text);
    remove_all(dir);
    free(dir);
    free(out);
    model_close(&m);
}

int main(void) {
    test_hf_to_gguf();
    test_gguf_to_hf();
    test_merges();
    test_gguf_lora();
    test_lora_between_nets();
    test_params();
    test_types();
    test_failures();
    test_no_place();
    return test_end();
}
