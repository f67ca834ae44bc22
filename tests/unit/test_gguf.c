// GGUF files: what a good one says, and every way in which one can be bad.
#include "model/file/file.h"
#include "tests/models.h"
#include "tests/test.h"

#include <unistd.h>

// The places of a good file's fields, to be overwritten one at a time.
typedef enum place {
    VERSION,
    N_TENSORS,
    N_KEYS,
    ARCH_LENGTH,
    ALIGNMENT,
    ALIGNMENT_TYPE,
    LIST_TYPE,
    LIST_N,
    WORDS_N,
    WORD_LENGTH,
    DEEP_N,
    FLAG,
    KEY_LENGTH,
    KEY_TEXT,
    NAME_LENGTH,
    NAME_TEXT,
    N_DIMS,
    NE0,
    NE1,
    TYPE,
    OFFSET,
    SECOND_NAME,
    SECOND_NE0,
    SECOND_OFFSET,
    N_PLACES,
} place;

typedef struct good {
    buf bytes;
    size_t at[N_PLACES];
    size_t head; // where the data begin
} good;

enum { EMBEDDING_BYTES = 4 * 3 * 4, MATRIX_BYTES = 2 * 18 };

static void put_scalars(buf *b) {
    put_key(b, "n.u8", GGUF_UINT8);
    buf_append(b, "\xff", 1);
    put_key(b, "n.i8", GGUF_INT8);
    buf_append(b, "\xff", 1);
    put_key(b, "n.u16", GGUF_UINT16);
    buf_append(b, "\xfe\xff", 2);
    put_key(b, "n.i16", GGUF_INT16);
    buf_append(b, "\xfe\xff", 2);
    put_key(b, "n.i32", GGUF_INT32);
    put_u32(b, (uint32_t)-3);
    put_key(b, "n.u64", GGUF_UINT64);
    put_u64(b, 1ull << 40);
    put_key(b, "n.huge", GGUF_UINT64);
    put_u64(b, UINT64_MAX);
    put_key(b, "n.i64", GGUF_INT64);
    put_u64(b, (uint64_t)-5);
    put_key(b, "n.f64", GGUF_FLOAT64);
    double d = 0.25;
    buf_append(b, &d, sizeof d);
    put_key_f32(b, "n.f32", 1.5f);
}

static void put_arrays(good *g) {
    buf *b = &g->bytes;
    put_key(b, "a.list", GGUF_ARRAY);
    g->at[LIST_TYPE] = b->len;
    put_u32(b, GGUF_INT32);
    g->at[LIST_N] = b->len;
    put_u64(b, 3);
    for (uint32_t i = 0; i < 3; i++) put_u32(b, i * 10);
    put_key(b, "a.words", GGUF_ARRAY);
    put_u32(b, GGUF_STRING);
    g->at[WORDS_N] = b->len;
    put_u64(b, 2);
    put_text(b, "one");
    g->at[WORD_LENGTH] = b->len;
    put_text(b, "");
    put_key(b, "a.deep", GGUF_ARRAY);
    put_u32(b, GGUF_ARRAY);
    g->at[DEEP_N] = b->len;
    put_u64(b, 2);
    put_u32(b, GGUF_UINT8);
    put_u64(b, 1);
    put_zeros(b, 1);
    put_u32(b, GGUF_UINT8);
    put_u64(b, 0);
    put_key(b, "a.flag", GGUF_BOOL);
    g->at[FLAG] = b->len;
    buf_append(b, "\1", 1);
}

static void put_tensors(good *g) {
    buf *b = &g->bytes;
    g->at[NAME_LENGTH] = b->len;
    g->at[NAME_TEXT] = b->len + 8;
    put_tensor(b, "token_embd.weight", 4, 3, TENSOR_F32, 0);
    g->at[OFFSET] = b->len - 8;
    g->at[TYPE] = b->len - 12;
    g->at[NE1] = b->len - 20;
    g->at[NE0] = b->len - 28;
    g->at[N_DIMS] = b->len - 32;
    g->at[SECOND_NAME] = b->len + 8;
    put_tensor(b, "token_embd.weighs", 32, 2, TENSOR_Q4_0, 64);
    g->at[SECOND_OFFSET] = b->len - 8;
    g->at[SECOND_NE0] = b->len - 28;
}

// version 2 and 3 are alike.
static good make_good(uint32_t version) {
    good g = {0};
    buf *b = &g.bytes;
    put_header(b, version, 2, 16);
    g.at[VERSION] = 4;
    g.at[N_TENSORS] = 8;
    g.at[N_KEYS] = 16;
    put_key(b, "general.architecture", GGUF_STRING);
    g.at[ARCH_LENGTH] = b->len;
    put_text(b, "llama");
    put_key_u32(b, "general.alignment", 64);
    g.at[ALIGNMENT] = b->len - 4;
    g.at[ALIGNMENT_TYPE] = b->len - 8;
    put_arrays(&g);
    put_scalars(b);
    put_tensors(&g);
    put_padding(b, 64);
    g.head = b->len;
    for (int i = 0; i < 12; i++) {
        float v = (float)i;
        buf_append(b, &v, sizeof v);
    }
    put_padding(b, 64);
    for (int i = 0; i < MATRIX_BYTES; i++) buf_putc(b, (char)i);
    return g;
}

static gguf *open_bytes(const buf *b, error *err) {
    return gguf_open_memory(b->data, b->len, "model.gguf", err);
}

static void test_values(void) {
    good g = make_good(3);
    error err = {{0}};
    gguf *f = open_bytes(&g.bytes, &err);
    if (!OK(f != NULL, "a good file: %s", err.text)) return;
    static const struct {
        const char *key;
        int64_t value;
    } integers[] = {{"n.u8", 255}, {"n.i8", -1},         {"n.u16", 65534}, {"n.i16", -2},
                    {"n.i32", -3}, {"n.u64", 1ll << 40}, {"n.i64", -5},    {"general.alignment", 64}};
    int64_t i;
    for (size_t k = 0; k < sizeof integers / sizeof *integers; k++)
        OK(gguf_get_int(f, integers[k].key, &i, &err) == 1 && i == integers[k].value, "%s: %lld", integers[k].key,
           (long long)i);
    double d = 0;
    bool flag = false;
    OK(gguf_get_float(f, "n.f32", &d, &err) == 1 && d == 1.5, "n.f32: %g", d);
    OK(gguf_get_float(f, "n.f64", &d, &err) == 1 && d == 0.25, "n.f64: %g", d);
    OK(gguf_get_bool(f, "a.flag", &flag, &err) == 1 && flag, "a.flag");
    i = 7;
    OK(gguf_get_int(f, "missing", &i, &err) == 0 && i == 7, "an absent key leaves the value alone");
    OK(gguf_get_int(f, "n.huge", &i, &err) == -1 && strstr(err.text, "out of range"), "above 2^63: %s", err.text);
    OK(gguf_get_int(f, "n.f32", &i, &err) == -1 && strstr(err.text, "n.f32"), "a float is no integer: %s", err.text);
    OK(gguf_get_float(f, "n.i8", &d, &err) == -1, "an integer is no float");
    OK(gguf_get_bool(f, "n.u8", &flag, &err) == -1, "an integer is no bool");
    const char *s;
    size_t len;
    OK(gguf_get_string(f, "general.architecture", &s, &len, &err) == 1 && len == 5 && memcmp(s, "llama", 5) == 0,
       "a string");
    OK(gguf_get_string(f, "a.list", &s, &len, &err) == -1, "an array is no string");
    OK(gguf_n_keys(f) == 16, "%zu keys", gguf_n_keys(f));
    gguf_type type;
    OK(strcmp(gguf_key(f, 0, &type), "general.architecture") == 0 && type == GGUF_STRING, "the first key");
    gguf_close(f);
    buf_free(&g.bytes);
}

static void test_arrays(void) {
    good g = make_good(3);
    error err = {{0}};
    gguf *f = open_bytes(&g.bytes, &err);
    gguf_array a;
    const char *s;
    size_t len;
    if (!OK(f != NULL, "a good file: %s", err.text)) return;
    OK(gguf_get_array(f, "a.list", &a, &err) == 1 && a.n == 3 && gguf_array_int(&a, 2) == 20, "integers");
    OK(gguf_array_float(&a, 1) == 10 && gguf_array_int(&a, 3) == 0, "as floats; beyond the end 0");
    OK(!gguf_array_next_string(&a, &s, &len), "integers are no strings");
    OK(gguf_get_array(f, "a.words", &a, &err) == 1 && a.n == 2, "words");
    OK(gguf_array_next_string(&a, &s, &len) && len == 3 && memcmp(s, "one", 3) == 0, "the first word");
    OK(gguf_array_next_string(&a, &s, &len) && len == 0, "an empty word");
    OK(!gguf_array_next_string(&a, &s, &len), "no third word");
    OK(gguf_get_array(f, "a.deep", &a, &err) == 1 && a.type == GGUF_ARRAY && a.n == 2, "an array of arrays");
    OK(gguf_get_array(f, "n.u8", &a, &err) == -1, "a number is no array");
    gguf_close(f);
    buf_free(&g.bytes);
}

static void test_tensors(uint32_t version) {
    good g = make_good(version);
    error err = {{0}};
    gguf *f = open_bytes(&g.bytes, &err);
    if (!OK(f != NULL, "version %u: %s", (unsigned)version, err.text)) return;
    const file_tensor *t = gguf_tensor(f, "token_embd.weight");
    OK(gguf_n_tensors(f) == 2 && t == gguf_tensor_at(f, 0), "two tensors");
    OK(t && t->n_dims == 2 && t->ne[0] == 4 && t->ne[1] == 3 && t->ne[2] == 1 && t->ne[3] == 1, "shape");
    OK(t && t->type == TENSOR_F32 && t->size == EMBEDDING_BYTES && ((const float *)t->data)[11] == 11, "values");
    t = gguf_tensor(f, "token_embd.weighs");
    OK(t && t->type == TENSOR_Q4_0 && t->size == MATRIX_BYTES && ((const unsigned char *)t->data)[35] == 35, "blocks");
    OK(!gguf_tensor(f, "output.weight") && !gguf_tensor(f, ""), "absent tensors");
    gguf_close(f);
    buf_free(&g.bytes);
}

// One field of the good file overwritten by another value, and a part of what has to be said about it.
static const struct {
    const char *what;
    place place;
    int width;
    uint64_t value;
    const char *says;
} patches[] = {
    {"version 0", VERSION, 4, 0, "version 0, expected 2 or 3"},
    {"version 1", VERSION, 4, 1, "version 1, expected 2 or 3"},
    {"version 4", VERSION, 4, 4, "version 4, expected 2 or 3"},
    {"big endian", VERSION, 4, 0x03000000, "big-endian"},
    {"no end of tensors", N_TENSORS, 8, UINT64_MAX, "said to hold 18446744073709551615 tensors"},
    {"many tensors", N_TENSORS, 8, 1 << 20, "said to hold 1048576 tensors"},
    {"a tensor too many", N_TENSORS, 8, 3, "model.gguf: "},
    {"no end of keys", N_KEYS, 8, UINT64_MAX, "said to hold 18446744073709551615 keys"},
    {"2^61 keys", N_KEYS, 8, 1ull << 61, "keys"},
    {"a key too many", N_KEYS, 8, 17, "model.gguf: "},
    {"a key too few", N_KEYS, 8, 15, "model.gguf: "},
    {"a string past the end", ARCH_LENGTH, 8, 1 << 20, "needs 1048576 bytes at byte"},
    {"a string of 2^64 - 1", ARCH_LENGTH, 8, UINT64_MAX, "needs 18446744073709551615 bytes"},
    {"a string of 2^63", ARCH_LENGTH, 8, 1ull << 63, "needs 9223372036854775808 bytes"},
    {"alignment 0", ALIGNMENT, 4, 0, "general.alignment is 0"},
    {"alignment 1", ALIGNMENT, 4, 1, "general.alignment is 1"},
    {"alignment 48", ALIGNMENT, 4, 48, "general.alignment is 48, expected a power of two"},
    {"alignment 2^31", ALIGNMENT, 4, 1u << 31, "general.alignment is 2147483648"},
    {"alignment a float", ALIGNMENT_TYPE, 4, GGUF_FLOAT32, "key general.alignment is no integer"},
    {"a key of type 13", ALIGNMENT_TYPE, 4, 13, "general.alignment has the unknown type 13"},
    {"a key of type -1", ALIGNMENT_TYPE, 4, UINT32_MAX, "unknown type 4294967295"},
    {"a list of type 99", LIST_TYPE, 4, 99, "a.list has the unknown type 99"},
    {"a list past the end", LIST_N, 8, 1 << 20, "a.list is said to hold 1048576 values"},
    {"a list of 2^62", LIST_N, 8, 1ull << 62, "a.list is said to hold 4611686018427387904 values"},
    {"words past the end", WORDS_N, 8, UINT64_MAX, "a.words is said to hold"},
    {"a word past the end", WORD_LENGTH, 8, UINT64_MAX - 7, "a.words needs"},
    {"arrays past the end", DEEP_N, 8, 1ull << 60, "a.deep is said to hold"},
    {"a bool of 2", FLAG, 1, 2, "a.flag is a bool of value 2"},
    {"a name of 0 bytes", NAME_LENGTH, 8, 0, "the name of a tensor is 0 bytes long"},
    {"a name of 128 bytes", NAME_LENGTH, 8, 128, "the name of a tensor is 128 bytes long, 1 to 127"},
    {"a name of 2^64 - 1", NAME_LENGTH, 8, UINT64_MAX, "the name of a tensor is 18446744073709551615 bytes"},
    {"a NUL in a name", NAME_TEXT, 1, 0, "holds a NUL"},
    {"two tensors of a name", SECOND_NAME + 0, 0, 0, "token_embd.weight is there twice"},
    {"no dimensions", N_DIMS, 4, 0, "has 0 dimensions"},
    {"five dimensions", N_DIMS, 4, 5, "has 5 dimensions"},
    {"2^32 - 1 dimensions", N_DIMS, 4, UINT32_MAX, "has 4294967295 dimensions"},
    {"a dimension of 0", NE0, 8, 0, "has a dimension of 0"},
    {"another dimension of 0", NE1, 8, 0, "has a dimension of 0"},
    {"a dimension of 2^63", NE0, 8, 1ull << 63, "has a dimension of 9223372036854775808"},
    {"a dimension of 2^64 - 1", NE1, 8, UINT64_MAX, "has a dimension of"},
    {"a product above 2^64", NE1, 8, 1ull << 62, "has a dimension of"},
    {"2^57 rows", NE1, 8, 1ull << 57, "the file ends at byte"},
    {"more rows than data", NE1, 8, 1 << 20, "the file ends at byte"},
    {"half a block", SECOND_NE0, 8, 33, "has rows of 33, no multiple of the 32"},
    {"type 4", TYPE, 4, 4, "is of type 4, which doppel does not read"},
    {"type 2^32 - 1", TYPE, 4, UINT32_MAX, "is of type 4294967295"},
    {"an offset past the end", SECOND_OFFSET, 8, 1 << 20, "the file ends at byte"},
    {"an offset of 2^64 - 64", SECOND_OFFSET, 8, UINT64_MAX - 63, "beyond any file"},
    {"a crooked offset", SECOND_OFFSET, 8, 65, "lies at offset 65, no multiple of 64"},
    {"an offset within another", SECOND_OFFSET, 8, 0, "overlap"},
    {"no key name", KEY_LENGTH, 8, 0, "the name of a key is 0 bytes long"},
    {"a key name of 65536", KEY_LENGTH, 8, 65536, "the name of a key is 65536 bytes long"},
    {"a NUL in a key", KEY_TEXT, 1, 0, "holds a NUL"},
};

static void test_patches(void) {
    for (size_t i = 0; i < sizeof patches / sizeof *patches; i++) {
        good g = make_good(3);
        g.at[KEY_LENGTH] = 24; // the first key
        g.at[KEY_TEXT] = 32;
        error err = {{0}};
        if (patches[i].width == 0) g.bytes.data[g.at[SECOND_NAME] + 16] = 't';
        memcpy(g.bytes.data + g.at[patches[i].place], &patches[i].value, (size_t)patches[i].width);
        gguf *f = open_bytes(&g.bytes, &err);
        OK(!f && strstr(err.text, patches[i].says), "%s: \"%s\"", patches[i].what, f ? "opened" : err.text);
        OK(strncmp(err.text, "model.gguf: ", 12) == 0 && !strchr(err.text, '\n'), "%s: %s", patches[i].what, err.text);
        gguf_close(f);
        buf_free(&g.bytes);
    }
}

// Cut anywhere, a file is refused; cut within its data, it says how long it should be.
static void test_cut(void) {
    good g = make_good(3);
    char expected[64];
    snprintf(expected, sizeof expected, "expected %zu:", g.bytes.len);
    int opened = 0, silent = 0;
    for (size_t n = 0; n < g.bytes.len; n++) {
        error err = {{0}};
        char *copy = malloc(n ? n : 1); // of exactly that size, so that a sanitizer sees a byte too far
        memcpy(copy, g.bytes.data, n);
        gguf *f = gguf_open_memory(copy, n, "model.gguf", &err);
        opened += f != NULL;
        if (n >= g.head) silent += !strstr(err.text, expected) || !strstr(err.text, "fetch it again");
        gguf_close(f);
        free(copy);
    }
    OK(opened == 0, "%d cut files opened", opened);
    OK(silent == 0, "%d cut files without their length", silent);
    buf_free(&g.bytes);
}

static void test_duplicate_key(void) {
    buf b = {0};
    error err = {{0}};
    put_header(&b, 3, 0, 2);
    put_key_u32(&b, "a", 1);
    put_key_u32(&b, "a", 2);
    put_padding(&b, 32);
    OK(!open_bytes(&b, &err) && strstr(err.text, "key a is there twice"), "%s", err.text);
    buf_free(&b);
}

static void test_deep_array(void) {
    buf b = {0};
    error err = {{0}};
    put_header(&b, 3, 0, 1);
    put_key(&b, "deep", GGUF_ARRAY);
    for (int i = 0; i < 100000; i++) {
        put_u32(&b, GGUF_ARRAY);
        put_u64(&b, 1);
    }
    OK(!open_bytes(&b, &err) && strstr(err.text, "array in an array"), "%s", err.text);
    buf_free(&b);
}

static void test_other_files(void) {
    static const struct {
        const char *bytes, *says;
    } others[] = {
        {"GGUF", "the version needs 4 bytes"},
        {"GGU", "is no model that doppel knows"},
        {"<!DOCTYPE html><title>404</title>", "a web page"},
        {"version https://git-lfs.github.com/spec/v1", "a git-lfs pointer"},
        {"PK\x03\x04 and so on", "a zip archive"},
        {"tjgg\x01", "an old GGML file"},
        {"12345678{\"a\":", "perhaps a safetensors file"},
        {"hello there, this is text", "no model that doppel knows"},
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        error err = {{0}};
        gguf *f = gguf_open_memory(others[i].bytes, strlen(others[i].bytes), "x", &err);
        OK(!f && strstr(err.text, others[i].says), "%s", err.text);
    }
}

static void fails(const char *path, const char *says) {
    error err = {{0}};
    model_file *f = model_file_open(path, &err);
    OK(!f && strncmp(err.text, path, strlen(path)) == 0 && strstr(err.text, says), "%s", f ? "opened" : err.text);
    model_file_close(f);
}

static void test_disk(void) {
    char *folder = make_folder(), *path = path_of(folder, "m.gguf"), *pipe = path_of(folder, "pipe");
    good g = make_good(3);
    error err = {{0}};
    write_file(folder, "m.gguf", g.bytes.data, g.bytes.len);
    model_file *f = model_file_open(path, &err);
    if (OK(f != NULL, "%s", err.text)) {
        const file_tensor *t = model_file_tensor(f, "token_embd.weight");
        OK(t && model_file_n_tensors(f) == 2 && t == model_file_tensor_at(f, 0), "the table of tensors");
        model_file_drop(f, t);
        OK(t && ((const float *)t->data)[11] == 11, "dropped pages stay readable");
        OK(model_file_gguf(f) && !model_file_json(f) && strcmp(model_file_path(f), path) == 0, "a GGUF file");
    }
    model_file_close(f);
    fails(folder, "is a directory with GGUF files in it");
    write_file(folder, "m.gguf", "", 0);
    fails(path, "the file is empty");
    remove_file(folder, "m.gguf");
    fails(path, "there is no such file");
    if (mkfifo(pipe, 0600) == 0) fails(pipe, "is no regular file");
    fails("/dev/null", "is no regular file");
    remove(pipe);
    rmdir(folder);
    free(path);
    free(pipe);
    free(folder);
    buf_free(&g.bytes);
}

static void test_parts(void) {
    char *folder = make_folder(), *path = path_of(folder, "m.gguf");
    buf b = {0};
    put_header(&b, 3, 0, 1);
    put_key_u32(&b, "split.count", 3);
    put_padding(&b, 32);
    write_file(folder, "m.gguf", b.data, b.len);
    fails(path, "one of 3 parts");
    buf_clear(&b);
    put_header(&b, 3, 0, 1);
    put_key_text(&b, "general.architecture", "llama");
    put_padding(&b, 32);
    write_file(folder, "m.gguf", b.data, b.len);
    fails(path, "holds no tensors");
    remove(path);
    rmdir(folder);
    free(path);
    free(folder);
    buf_free(&b);
}

// Falcon-40b's attn_norm is the MLP's: the table gives it the name that it has everywhere else.
static void test_falcon_norms(void) {
    char *folder = make_folder(), *path = path_of(folder, "m.gguf");
    buf b = {0};
    error err = {{0}};
    put_header(&b, 3, 2, 1);
    put_key_text(&b, "general.architecture", "falcon");
    put_tensor(&b, "blk.0.attn_norm.weight", 1, 1, TENSOR_F32, 0);
    put_tensor(&b, "blk.0.attn_norm_2.weight", 1, 1, TENSOR_F32, 32);
    put_padding(&b, 32);
    for (int i = 1; i <= 2; i++) {
        float v = (float)i;
        buf_append(&b, &v, sizeof v);
        put_padding(&b, 32);
    }
    write_file(folder, "m.gguf", b.data, b.len);
    model_file *f = model_file_open(path, &err);
    const file_tensor *mlp = f ? model_file_tensor(f, "blk.0.ffn_norm.weight") : NULL;
    const file_tensor *attn = f ? model_file_tensor(f, "blk.0.attn_norm.weight") : NULL;
    OK(mlp && *(const float *)mlp->data == 1, "the MLP's norm: %s", err.text);
    OK(attn && *(const float *)attn->data == 2, "attention's norm");
    OK(f && !model_file_tensor(f, "blk.0.attn_norm_2.weight"), "no third name");
    model_file_close(f);
    remove(path);
    rmdir(folder);
    free(path);
    free(folder);
    buf_free(&b);
}

static void test_types(void) {
    OK(tensor_block_elements(TENSOR_Q6_K) == 256 && tensor_block_bytes(TENSOR_Q6_K) == 210, "q6_K");
    OK(tensor_row_bytes(TENSOR_Q4_1, 576) == 360 && tensor_row_bytes(TENSOR_BF16, 7) == 14, "bytes of a row");
    OK(strcmp(tensor_type_name(TENSOR_Q4_K), "q4_K") == 0, "a name");
    OK(tensor_block_elements((tensor_type)9) == 0 && strcmp(tensor_type_name((tensor_type)9), "unknown") == 0,
       "unknown");
}

int main(void) {
    test_types();
    test_values();
    test_arrays();
    test_tensors(2);
    test_tensors(3);
    test_patches();
    test_cut();
    test_duplicate_key();
    test_deep_array();
    test_other_files();
    test_disk();
    test_parts();
    test_falcon_norms();
    gguf_close(NULL);
    return test_end();
}
