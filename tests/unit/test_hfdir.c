// Hugging Face directories: the golden ones against the GGUF files made from the same weights, and small ones made
// here for what the golden ones do not have.
#include "model/file/file.h"
#include "tests/models.h"
#include "tests/test.h"

// --- directories made here ---

typedef struct made {
    char *folder;
    buf header, data;
} made;

static made make_directory(const char *config) {
    made m = {.folder = make_folder()};
    write_file(m.folder, "config.json", config, strlen(config));
    buf_puts(&m.header, "{");
    return m;
}

// A float tensor (rows, cols), or a vector for rows 0, counting up from `first` by 1.
static void add(made *m, const char *name, int rows, int cols, int first) {
    size_t n = (size_t)(rows ? rows : 1) * (size_t)cols, from = m->data.len;
    for (size_t i = 0; i < n; i++) {
        float v = (float)first + (float)i;
        buf_append(&m->data, &v, sizeof v);
    }
    buf_printf(&m->header, "%s\"%s\":{\"dtype\":\"F32\",\"shape\":[", m->header.len > 1 ? "," : "", name);
    if (rows) buf_printf(&m->header, "%d,", rows);
    buf_printf(&m->header, "%d],\"data_offsets\":[%zu,%zu]}", cols, from, m->data.len);
}

static void write_tensors(made *m, const char *file) {
    buf b = {0};
    buf_puts(&m->header, "}");
    put_safetensors(&b, m->header.data, m->data.data, m->data.len);
    write_file(m->folder, file, b.data, b.len);
    buf_free(&b);
    buf_free(&m->header);
    buf_free(&m->data);
    buf_puts(&m->header, "{");
}

static void remove_directory(made *m) {
    static const char *const names[] = {"config.json",   "model.safetensors",  "model.safetensors.index.json",
                                        "1.safetensors", "2.safetensors",      "pytorch_model.bin",
                                        "tiny.gguf",     "adapter_config.json"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) remove_file(m->folder, names[i]);
    rmdir(m->folder);
    free(m->folder);
    buf_free(&m->header);
    buf_free(&m->data);
}

static void fails(const made *m, const char *says) {
    error err = {{0}};
    model_file *f = model_file_open(m->folder, &err);
    OK(!f && strstr(err.text, says) && strncmp(err.text, m->folder, strlen(m->folder)) == 0, "wanted \"%s\": %s", says,
       f ? "opened" : err.text);
    model_file_close(f);
}

// Row r of a tensor holds first[r], first[r] + 1, ...
static void has_rows(const model_file *f, const char *name, int rows, int cols, const int *first) {
    const file_tensor *t = f ? model_file_tensor(f, name) : NULL;
    if (!OK(t && t->ne[0] == cols && t->ne[1] == rows, "%s is there, %d x %d", name, rows, cols)) return;
    int wrong = 0;
    for (int r = 0; r < rows; r++)
        for (int c = 0; c < cols; c++) wrong += ((const float *)t->data)[r * cols + c] != (float)(first[r] + c);
    OK(wrong == 0, "%d values of %s differ", wrong, name);
}

static void test_transposed(void) {
    made m = make_directory("{\"model_type\":\"gpt2\",\"n_layer\":1,\"n_embd\":2,\"n_head\":1}");
    add(&m, "transformer.h.0.mlp.c_fc.weight", 2, 40, 0);
    add(&m, "transformer.h.0.mlp.c_fc.bias", 0, 40, 0);
    add(&m, "h.0.attn.masked_bias", 0, 1, 0);
    add(&m, "h.0.attn.bias", 3, 3, 0);
    add(&m, "score.weight", 1, 2, 0);
    write_tensors(&m, "model.safetensors");
    error err = {{0}};
    model_file *f = model_file_open(m.folder, &err);
    if (OK(f != NULL, "%s", err.text)) {
        const file_tensor *t = model_file_tensor(f, "blk.0.ffn_up.weight");
        int wrong = 0;
        OK(t && t->ne[0] == 2 && t->ne[1] == 40, "(out, in)");
        for (int r = 0; t && r < 40; r++)
            for (int c = 0; c < 2; c++) wrong += ((const float *)t->data)[r * 2 + c] != (float)(c * 40 + r);
        OK(wrong == 0, "%d values differ", wrong);
        OK(model_file_n_tensors(f) == 2, "%zu tensors: masks and other heads are left out", model_file_n_tensors(f));
        model_file_drop(f, t);
        OK(t && ((const float *)t->data)[3] == 41, "memory of our own is not dropped");
        OK(model_file_json(f) && !model_file_gguf(f), "a directory");
    }
    model_file_close(f);
    remove_directory(&m);
}

// Two heads of one component: rows q0 k0 v0 q1 k1 v1.
static void test_neox(void) {
    made m = make_directory("{\"model_type\":\"gpt_neox\",\"num_attention_heads\":2}");
    add(&m, "gpt_neox.layers.0.attention.query_key_value.weight", 6, 10, 0);
    add(&m, "gpt_neox.layers.0.attention.query_key_value.bias", 0, 6, 0);
    add(&m, "gpt_neox.layers.0.attention.rotary_emb.inv_freq", 0, 1, 0);
    add(&m, "embed_out.weight", 1, 2, 7);
    write_tensors(&m, "model.safetensors");
    error err = {{0}};
    model_file *f = model_file_open(m.folder, &err);
    OK(f != NULL, "%s", err.text);
    has_rows(f, "blk.0.attn_qkv.weight", 6, 10, (const int[]){0, 30, 10, 40, 20, 50});
    const file_tensor *bias = f ? model_file_tensor(f, "blk.0.attn_qkv.bias") : NULL;
    static const float order[] = {0, 3, 1, 4, 2, 5};
    OK(bias && memcmp(bias->data, order, sizeof order) == 0, "the bias goes along");
    has_rows(f, "output.weight", 1, 2, (const int[]){7});
    model_file_close(f);
    remove_directory(&m);
}

// Two groups of two queries, one key and one value: q0 q1 k0 v0 q2 q3 k1 v1.
static void test_falcon_grouped(void) {
    made m = make_directory("{\"model_type\":\"falcon\",\"num_attention_heads\":4,\"num_kv_heads\":2,"
                            "\"new_decoder_architecture\":true}");
    add(&m, "transformer.h.3.self_attention.query_key_value.weight", 8, 10, 0);
    add(&m, "transformer.h.3.ln_attn.weight", 0, 1, 1);
    add(&m, "transformer.h.3.ln_mlp.weight", 0, 1, 2);
    write_tensors(&m, "model.safetensors");
    error err = {{0}};
    model_file *f = model_file_open(m.folder, &err);
    OK(f != NULL, "%s", err.text);
    has_rows(f, "blk.3.attn_qkv.weight", 8, 10, (const int[]){0, 10, 40, 50, 20, 60, 30, 70});
    has_rows(f, "blk.3.attn_norm.weight", 1, 1, (const int[]){1});
    has_rows(f, "blk.3.ffn_norm.weight", 1, 1, (const int[]){2});
    model_file_close(f);
    remove_directory(&m);
}

// Falcon-7b has one key and one value behind all queries; Falcon-rw has q k v for each head.
static void test_falcon_others(void) {
    made m = make_directory("{\"model_type\":\"RefinedWebModel\",\"n_head\":2,\"multi_query\":true}");
    add(&m, "transformer.h.0.self_attention.query_key_value.weight", 4, 10, 0);
    write_tensors(&m, "model.safetensors");
    model_file *f = model_file_open(m.folder, NULL);
    has_rows(f, "blk.0.attn_qkv.weight", 4, 10, (const int[]){0, 10, 20, 30});
    model_file_close(f);
    remove_directory(&m);
    m = make_directory("{\"model_type\":\"falcon\",\"num_attention_heads\":2,\"multi_query\":false}");
    add(&m, "transformer.h.0.self_attention.query_key_value.weight", 6, 10, 0);
    write_tensors(&m, "model.safetensors");
    f = model_file_open(m.folder, NULL);
    has_rows(f, "blk.0.attn_qkv.weight", 6, 10, (const int[]){0, 30, 10, 40, 20, 50});
    model_file_close(f);
    remove_directory(&m);
}

// A tensor behind an odd number of bytes is moved to an address that floats may have.
static void test_alignment(void) {
    made m = make_directory("{\"model_type\":\"llama\"}");
    static const char header[] = "{\"odd\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},"
                                 "\"norm.weight\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[1,9]}}";
    const float values[] = {1.5f, -2};
    char data[9] = {0};
    memcpy(data + 1, values, sizeof values);
    buf b = {0};
    put_safetensors(&b, header, data, sizeof data);
    write_file(m.folder, "model.safetensors", b.data, b.len);
    error err = {{0}};
    model_file *f = model_file_open(m.folder, &err);
    const file_tensor *t = f ? model_file_tensor(f, "output_norm.weight") : NULL;
    OK(t && (uintptr_t)t->data % 4 == 0 && memcmp(t->data, values, sizeof values) == 0, "%s", err.text);
    model_file_close(f);
    buf_free(&b);
    remove_directory(&m);
}

static void test_bad_tensors(void) {
    static const struct {
        const char *config, *tensor;
        int rows, cols;
        const char *says;
    } cases[] = {
        {"{\"model_type\":\"llama\"}", "model.layers.0.mlp.experts.0.w1.weight", 1, 1, "is no part of a llama model"},
        {"{\"model_type\":\"llama\"}", "model.layers.0.mlp.up_proj.weight_scale", 1, 1, "is no part of a llama model"},
        {"{\"model_type\":\"llama\"}", "model.layers.x.mlp.up_proj.weight", 1, 1, "is no part of a llama model"},
        {"{\"model_type\":\"llama\"}", "model.layers.99999.mlp.up_proj.weight", 1, 1, "is no part of a llama model"},
        {"{\"model_type\":\"gpt_neox\",\"num_attention_heads\":2}", "layers.0.attention.query_key_value.weight", 5, 1,
         "has 5 rows, no multiple of the 6 heads"},
        {"{\"model_type\":\"gpt_neox\"}", "x", 1, 1, "heads make no sense"},
        {"{\"model_type\":\"gpt_neox\",\"num_attention_heads\":0}", "x", 1, 1, "heads make no sense"},
        {"{\"model_type\":\"gpt_neox\",\"num_attention_heads\":1e10}", "x", 1, 1, "heads make no sense"},
        {"{\"model_type\":\"falcon\",\"num_attention_heads\":4,\"num_kv_heads\":3,\"new_decoder_architecture\":true}",
         "x", 1, 1, "heads make no sense"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        made m = make_directory(cases[i].config);
        add(&m, cases[i].tensor, cases[i].rows, cases[i].cols, 0);
        write_tensors(&m, "model.safetensors");
        fails(&m, cases[i].says);
        remove_directory(&m);
    }
    made m = make_directory("{\"model_type\":\"gpt2\"}");
    add(&m, "wte.weight", 1, 1, 0);
    add(&m, "transformer.wte.weight", 1, 1, 0);
    write_tensors(&m, "model.safetensors");
    fails(&m, "transformer.wte.weight is there twice");
    remove_directory(&m);
}

static void test_bad_types(void) {
    made m = make_directory("{\"model_type\":\"llama\"}");
    static const struct {
        const char *header;
        size_t n;
        const char *says;
    } cases[] = {
        {"{\"norm.weight\":{\"dtype\":\"I64\",\"shape\":[1],\"data_offsets\":[0,8]}}", 8, "norm.weight is I64"},
        {"{\"norm.weight\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}}", 0,
         "no shape that a weight can have"},
        {"{\"norm.weight\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]}}", 4,
         "no shape that a weight can have"},
        {"{\"norm.weight\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1],\"data_offsets\":[0,4]}}", 4, "no shape"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        buf b = {0};
        put_safetensors(&b, cases[i].header, "01234567", cases[i].n);
        write_file(m.folder, "model.safetensors", b.data, b.len);
        fails(&m, cases[i].says);
        buf_free(&b);
    }
    remove_directory(&m);
}

static void test_bad_configs(void) {
    static const struct {
        const char *config, *says;
    } cases[] = {
        {"", "the file is empty"},
        {"{", "is no valid JSON"},
        {"[]", "no JSON object"},
        {"{} {}", "no JSON object, or more than one"},
        {"{}", "has no model_type"},
        {"{\"model_type\":3}", "has no model_type"},
        {"{\"model_type\":\"t5\"}", "the family \"t5\", which doppel does not run; it runs llama, mistral"},
        {"{\"model_type\":\"llama\",\"quantization_config\":{\"quant_method\":\"gptq\"}}", "quantised in a way"},
        {"{\"model_type\":\"llama\"}", "has no model.safetensors"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        made m = make_directory(cases[i].config);
        fails(&m, cases[i].says);
        remove_directory(&m);
    }
    made m = make_directory("{\"model_type\":\"gpt2\"}");
    write_file(m.folder, "pytorch_model.bin", "PK", 2);
    fails(&m, "in pytorch_model.bin only");
    remove_file(m.folder, "config.json");
    fails(&m, "without a config.json");
    write_file(m.folder, "adapter_config.json", "{}", 2);
    fails(&m, "is an adapter");
    write_file(m.folder, "tiny.gguf", "", 0);
    fails(&m, "tiny.gguf");
    remove_directory(&m);
}

static void write_index(const made *m, const char *text) {
    write_file(m->folder, "model.safetensors.index.json", text, strlen(text));
}

static void test_shards(void) {
    made m = make_directory("{\"model_type\":\"llama\"}");
    add(&m, "model.norm.weight", 0, 3, 5);
    write_tensors(&m, "1.safetensors");
    add(&m, "lm_head.weight", 2, 3, 50);
    write_tensors(&m, "2.safetensors");
    write_index(&m, "{\"metadata\":{},\"weight_map\":{\"model.norm.weight\":\"1.safetensors\","
                    "\"lm_head.weight\":\"2.safetensors\"}}");
    error err = {{0}};
    model_file *f = model_file_open(m.folder, &err);
    OK(f != NULL, "%s", err.text);
    has_rows(f, "output_norm.weight", 1, 3, (const int[]){5});
    has_rows(f, "output.weight", 2, 3, (const int[]){50, 53});
    model_file_close(f);
    static const struct {
        const char *index, *says;
    } cases[] = {
        {"{\"weight_map\":{\"model.norm.weight\":\"3.safetensors\"}}", "3.safetensors: there is no such file"},
        {"{\"weight_map\":{\"model.norm.weight\":\"2.safetensors\"}}", "lacks tensor model.norm.weight"},
        {"{\"weight_map\":{\"a\":\"../1.safetensors\"}}", "which is no name of a safetensors file"},
        {"{\"weight_map\":{\"a\":\"/etc/passwd\"}}", "which is no name of a safetensors file"},
        {"{\"weight_map\":{\"a\":\".safetensors\"}}", "which is no name of a safetensors file"},
        {"{\"weight_map\":{\"a\":\"config.json\"}}", "which is no name of a safetensors file"},
        {"{\"weight_map\":{\"a\":1}}", "which is no name of a safetensors file"},
        {"{\"weight_map\":{}}", "has no weight_map"},
        {"{\"weight_map\":[]}", "has no weight_map"},
        {"{}", "has no weight_map"},
        {"{\"weight_map\":", "is no valid JSON"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        write_index(&m, cases[i].index);
        fails(&m, cases[i].says);
    }
    add(&m, "model.norm.weight", 0, 3, 5);
    write_tensors(&m, "2.safetensors");
    write_index(&m, "{\"weight_map\":{\"model.norm.weight\":\"1.safetensors\",\"x\":\"2.safetensors\"}}");
    fails(&m, "lacks tensor x");
    remove_directory(&m);
}

// --- golden directories ---

static model_file *open_golden(const char *name) {
    char *path = golden(name);
    error err = {{0}};
    if (!path) {
        SKIP("no golden model %s here", name);
        return NULL;
    }
    model_file *f = model_file_open(path, &err);
    OK(f != NULL, "%s", err.text);
    free(path);
    return f;
}

static bool same(const file_tensor *a, const file_tensor *b) {
    return a && b && a->type == b->type && memcmp(a->ne, b->ne, sizeof a->ne) == 0 && a->size == b->size &&
           memcmp(a->data, b->data, a->size) == 0;
}

// Every tensor of the directory, but those whose name ends in one of the exceptions, is in the GGUF file and the same.
static void test_against_gguf(const char *directory, const char *file, bool permuted) {
    model_file *d = open_golden(directory), *g = open_golden(file);
    int differ = 0, compared = 0;
    for (size_t i = 0; d && g && i < model_file_n_tensors(d); i++) {
        const file_tensor *t = model_file_tensor_at(d, i);
        if (permuted && (strstr(t->name, "attn_q.") || strstr(t->name, "attn_k."))) continue;
        bool equal = same(t, model_file_tensor(g, t->name));
        if (!equal) printf("%s: %s differs\n", directory, t->name);
        differ += !equal;
        compared++;
    }
    if (d && g) OK(compared > 0 && differ == 0, "%s: %d of %d tensors differ", directory, differ, compared);
    model_file_close(d);
    model_file_close(g);
}

// Converters turn each head of q and k from two halves into pairs: row (i, half) of the directory is row (2 i + half)
// of the file.
static void test_permuted(void) {
    enum { HEADS = 6, HEAD_DIM = 16, WIDTH = 96 };
    model_file *d = open_golden("llama"), *g = open_golden("gguf/llama-f32.gguf");
    const file_tensor *a = d ? model_file_tensor(d, "blk.1.attn_q.weight") : NULL;
    const file_tensor *b = g ? model_file_tensor(g, "blk.1.attn_q.weight") : NULL;
    int wrong = 0;
    for (int h = 0; a && b && h < HEADS; h++)
        for (int i = 0; i < HEAD_DIM; i++) {
            int row = h * HEAD_DIM + i % 2 * (HEAD_DIM / 2) + i / 2;
            wrong += memcmp((const float *)a->data + row * WIDTH, (const float *)b->data + (h * HEAD_DIM + i) * WIDTH,
                            WIDTH * sizeof(float)) != 0;
        }
    if (d && g) OK(a && b && wrong == 0, "%d rows of q differ", wrong);
    model_file_close(d);
    model_file_close(g);
}

static void test_same_model(const char *one, const char *other, size_t n) {
    model_file *a = open_golden(one), *b = open_golden(other);
    if (a && b) {
        int differ = 0;
        OK(model_file_n_tensors(a) == n && model_file_n_tensors(b) == n, "%s and %s: %zu and %zu tensors", one, other,
           model_file_n_tensors(a), model_file_n_tensors(b));
        for (size_t i = 0; i < model_file_n_tensors(a); i++) {
            const file_tensor *t = model_file_tensor_at(a, i);
            differ += !same(t, model_file_tensor(b, t->name));
        }
        OK(differ == 0, "%s and %s: %d tensors differ", one, other, differ);
    }
    model_file_close(a);
    model_file_close(b);
}

static void test_golden_names(void) {
    static const struct {
        const char *model, *tensor;
        tensor_type type;
        int64_t rows, cols;
    } expected[] = {
        {"gpt_neo", "blk.3.attn_v.weight", TENSOR_F32, 64, 64},
        {"gpt_neo", "blk.0.attn_output.bias", TENSOR_F32, 1, 64},
        {"gpt_neo", "blk.0.ffn_up.weight", TENSOR_F32, 256, 64},
        {"llama-bf16", "blk.0.ffn_down.weight", TENSOR_BF16, 64, 128},
        {"llama-bf16", "output_norm.weight", TENSOR_BF16, 1, 64},
        {"bert", "token_types.weight", TENSOR_F32, 2, 64},
        {"bert", "token_embd_norm.bias", TENSOR_F32, 1, 64},
        {"bert", "blk.1.attn_output_norm.weight", TENSOR_F32, 1, 64},
        {"bert", "blk.1.layer_output_norm.bias", TENSOR_F32, 1, 64},
        {"bert", "blk.1.ffn_down.weight", TENSOR_F32, 64, 128},
        {"distilbert", "position_embd.weight", TENSOR_F32, 128, 48},
        {"distilbert", "blk.2.attn_k.bias", TENSOR_F32, 1, 48},
        {"distilbert", "blk.2.ffn_up.weight", TENSOR_F32, 96, 48},
        {"distilbert", "blk.0.layer_output_norm.weight", TENSOR_F32, 1, 48},
    };
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        model_file *f = open_golden(expected[i].model);
        if (!f) continue;
        const file_tensor *t = model_file_tensor(f, expected[i].tensor);
        OK(t && t->type == expected[i].type && t->ne[0] == expected[i].cols && t->ne[1] == expected[i].rows, "%s: %s",
           expected[i].model, expected[i].tensor);
        model_file_close(f);
    }
}

int main(void) {
    test_transposed();
    test_neox();
    test_falcon_grouped();
    test_falcon_others();
    test_alignment();
    test_bad_tensors();
    test_bad_types();
    test_bad_configs();
    test_shards();
    test_against_gguf("gpt2", "gguf/gpt2-f32.gguf", false);
    test_against_gguf("gpt2-hub", "gguf/gpt2-f32.gguf", false);
    test_against_gguf("qwen2", "gguf/qwen2-f32.gguf", false);
    test_against_gguf("qwen3", "gguf/qwen3-f32.gguf", false);
    test_against_gguf("llama", "gguf/llama-f32.gguf", true);
    test_against_gguf("llama-hd", "gguf/llama-hd-f32.gguf", true);
    test_permuted();
    test_same_model("gpt2", "gpt2-hub", 40);
    test_same_model("bert", "bert-legacy", 37);
    test_golden_names();
    return test_end();
}
