// Safetensors files: a good one, and headers that are wrong in every way.
#include "model/file/safetensors.h"
#include "tests/models.h"
#include "tests/test.h"

static const float numbers[8] = {0, 1, 2, 3, 4, 5, 6, 7};

static safetensors *open_text(const char *header, size_t n_data, error *err) {
    buf b = {0};
    put_safetensors(&b, header, numbers, n_data);
    char *exact = malloc(b.len);
    memcpy(exact, b.data, b.len);
    buf_free(&b);
    safetensors *s = safetensors_open_memory(exact, n_data + 8 + strlen(header), "model.safetensors", err);
    if (!s) free(exact);
    return s;
}

static void test_good(void) {
    error err = {{0}};
    buf b = {0};
    put_safetensors(&b,
                    "{\"__metadata__\":{\"format\":\"pt\"},"
                    "\"b\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[4,28]},"
                    "\"a\":{\"dtype\":\"BF16\",\"shape\":[],\"data_offsets\":[0,2]},"
                    "\"ids\":{\"dtype\":\"U8\",\"shape\":[1,2],\"data_offsets\":[2,4]},"
                    "\"odd\":{\"dtype\":\"X7\",\"shape\":[9],\"data_offsets\":[28,31]},"
                    "\"none\":{\"dtype\":\"F16\",\"shape\":[0,4],\"data_offsets\":[31,31]}}  ",
                    numbers, 31);
    safetensors *s = safetensors_open_memory(b.data, b.len, "model.safetensors", &err);
    if (!OK(s != NULL, "%s", err.text)) return;
    OK(safetensors_n(s) == 5, "%zu tensors", safetensors_n(s));
    const safetensor *t = safetensors_find(s, "b");
    OK(t && t->readable && t->type == TENSOR_F32 && t->n_dims == 2 && t->shape[0] == 2 && t->shape[1] == 3, "shape");
    OK(t && t->size == 24 && t->data == (unsigned char *)b.data + b.len - 31 + 4, "place");
    t = safetensors_find(s, "a");
    OK(t && t->readable && t->type == TENSOR_BF16 && t->n_dims == 0 && t->size == 2, "a scalar");
    t = safetensors_find(s, "ids");
    OK(t && !t->readable && strcmp(t->dtype, "U8") == 0, "integers can be passed over");
    t = safetensors_find(s, "odd");
    OK(t && !t->readable && t->size == 3, "an unknown dtype can be passed over");
    t = safetensors_find(s, "none");
    OK(t && t->size == 0, "no elements");
    OK(!safetensors_find(s, "__metadata__") && !safetensors_find(s, "c"), "absent names");
    safetensors_close(s);
    buf_free(&b);
}

#define A(shape, offsets) "{\"a\":{\"dtype\":\"F32\",\"shape\":" shape ",\"data_offsets\":" offsets "}}"

static const struct {
    const char *what, *header;
    size_t n_data;
    const char *says;
} bad[] = {
    {"no JSON", "{\"a\":", 0, "no valid JSON near byte"},
    {"an array", "[1]", 0, "is no safetensors file"},
    {"two objects", "{}{}", 0, "no JSON object, or more than one"},
    {"a tensor that is a number", "{\"a\":1}", 0, "tensor a has no dtype"},
    {"a dtype that is a number", "{\"a\":{\"dtype\":1}}", 0, "tensor a has no dtype"},
    {"no shape", "{\"a\":{\"dtype\":\"F32\"}}", 0, "tensor a has no shape"},
    {"no offsets", "{\"a\":{\"dtype\":\"F32\",\"shape\":[]}}", 0, "tensor a has no pair of data_offsets"},
    {"a shape that is a number", A("4", "[0,16]"), 16, "tensor a has no shape"},
    {"a dimension of -1", A("[-1]", "[0,16]"), 16, "a dimension that is no whole number"},
    {"a dimension of 1.5", A("[1.5]", "[0,16]"), 16, "a dimension that is no whole number"},
    {"a dimension of 1e300", A("[1e300]", "[0,16]"), 16, "a dimension that is no whole number"},
    {"a dimension that is text", A("[\"4\"]", "[0,16]"), 16, "a dimension that is no whole number"},
    {"nine dimensions", A("[1,1,1,1,1,1,1,1,1]", "[0,4]"), 4, "more than 8 dimensions"},
    {"a product above 2^64", A("[4294967296,4294967296]", "[0,16]"), 16, "more elements than any file"},
    {"one offset", A("[4]", "[16]"), 16, "no pair of data_offsets"},
    {"three offsets", A("[4]", "[0,16,16]"), 16, "no pair of data_offsets"},
    {"offsets in the wrong order", A("[4]", "[16,0]"), 16, "no pair of data_offsets"},
    {"a negative offset", A("[4]", "[-16,0]"), 16, "no pair of data_offsets"},
    {"offsets of text", A("[4]", "[\"0\",\"16\"]"), 16, "no pair of data_offsets"},
    {"too few bytes for the shape", A("[4]", "[0,12]"), 12, "takes 12 bytes, its shape asks for 16"},
    {"too many bytes for the shape", A("[2]", "[0,12]"), 12, "takes 12 bytes, its shape asks for 8"},
    {"cut data", A("[4]", "[0,16]"), 15, "ends at byte 78, expected 79"},
    {"no data", A("[4]", "[0,16]"), 0, "ends at byte 63, expected 79"},
    {"bytes too many", A("[4]", "[0,16]"), 17, "ends at byte 80, expected 79"},
    {"a hole in front", A("[4]", "[4,20]"), 20, "tensor a begins at 4, where 0 was expected"},
    {"overlapping tensors",
     "{\"a\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0,16]},"
     "\"b\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[12,28]}}",
     28, "tensor b begins at 12, where 16 was expected"},
    {"a name twice",
     "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
     "\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}",
     8, "tensor a is there twice"},
    {"no name", "{\"\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "a tensor has no name"},
};

static void test_bad(void) {
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        error err = {{0}};
        safetensors *s = open_text(bad[i].header, bad[i].n_data, &err);
        OK(!s && strstr(err.text, bad[i].says), "%s: \"%s\"", bad[i].what, s ? "opened" : err.text);
        OK(strncmp(err.text, "model.safetensors: ", 19) == 0, "%s: %s", bad[i].what, err.text);
    }
}

// A header's length that is wrong.
static void test_lengths(void) {
    static const struct {
        uint64_t length;
        const char *says;
    } lengths[] = {
        {UINT64_MAX, "a header of 18446744073709551615 bytes"},
        {1 << 20, "its header at 1048584"},
        {0, "no valid JSON"},
        {5, "no valid JSON"},
    };
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        buf b = {0};
        error err = {{0}};
        put_safetensors(&b, A("[4]", "[0,16]"), numbers, 16);
        memcpy(b.data, &lengths[i].length, 8);
        safetensors *s = safetensors_open_memory(b.data, b.len, "x", &err);
        OK(!s && strstr(err.text, lengths[i].says), "%s", s ? "opened" : err.text);
        buf_free(&b);
    }
}

static void test_nesting(void) {
    buf b = {0};
    error err = {{0}};
    buf_puts(&b, "{\"a\":");
    for (int i = 0; i < 100000; i++) buf_putc(&b, '[');
    OK(!open_text(b.data, 0, &err) && strstr(err.text, "no valid JSON"), "%s", err.text);
    buf_free(&b);
}

static void test_cut(void) {
    buf b = {0};
    int opened = 0;
    put_safetensors(&b, A("[4]", "[0,16]"), numbers, 16);
    for (size_t n = 0; n < b.len; n++) {
        char *copy = malloc(n ? n : 1);
        memcpy(copy, b.data, n);
        safetensors *s = safetensors_open_memory(copy, n, "x", NULL);
        opened += s != NULL;
        safetensors_close(s);
        free(copy);
    }
    OK(opened == 0, "%d cut files opened", opened);
    buf_free(&b);
}

int main(void) {
    test_good();
    test_bad();
    test_lengths();
    test_nesting();
    test_cut();
    safetensors_close(NULL);
    return test_end();
}
