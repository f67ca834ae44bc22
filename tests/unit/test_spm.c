// SentencePiece: tokenizer.model files against reference ids (tests/data/make_tokenizers.py), damaged ones, and the
// vocabularies of GGUF files.
#include "model/text/tokenizer_open.h"
#include "tests/models.h"
#include "tests/text_cases.h"

static int base64_value(char c) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c ? strchr(digits, c) : NULL;
    return at ? (int)(at - digits) : -1;
}

static void read_base64(const buf *text, buf *out) {
    uint32_t bits = 0;
    int n_bits = 0;
    buf_clear(out);
    for (size_t i = 0; i < text->len && base64_value(text->data[i]) >= 0; i++) {
        bits = bits << 6 | (uint32_t)base64_value(text->data[i]);
        n_bits += 6;
        if (n_bits < 8) continue;
        n_bits -= 8;
        buf_putc(out, (char)(bits >> n_bits));
    }
}

static void test_models(void) {
    buf file = {0}, name = {0}, text = {0}, model = {0};
    json root, one;
    if (!OK(read_case_file("data/tokenizers.json", &file, &root), "tests/data/tokenizers.json is JSON")) return;
    for (json_iter it = json_begin(json_get(root, "sentencepiece")); json_next(&it, NULL, &one);) {
        error err = {{0}};
        json_string(json_get(one, "name"), &name);
        json_string(json_get(one, "tokenizer"), &text);
        read_base64(&text, &model);
        tokenizer *t = sentencepiece_open(model.data, model.len, &err);
        if (OK(t != NULL, "%s opens: %s", buf_str(&name), err.text))
            run_short_cases(t, buf_str(&name), 0, json_get(one, "cases"));
        tokenizer_free(t);
        // Cut anywhere, it opens or is refused with a sentence, but never crashes.
        for (size_t n = 0; n < model.len; n += n < 64 ? 1 : 97) {
            err = (error){{0}};
            t = sentencepiece_open(model.data, n, &err);
            if (!t && !*err.text) OK(false, "%s cut at %zu: no message", buf_str(&name), n);
            tokenizer_free(t);
        }
    }
    buf_free(&file);
    buf_free(&name);
    buf_free(&text);
    buf_free(&model);
}

// ---- damaged protocol buffers ----

static void refuses(const char *bytes, size_t n, const char *part) {
    error err = {{0}};
    tokenizer *t = sentencepiece_open(bytes, n, &err);
    OK(!t && strstr(err.text, part), "refused with \"%s\": \"%s\"", part, err.text);
    tokenizer_free(t);
}

#define REFUSES(bytes, part) refuses(bytes, sizeof bytes - 1, part)

static void test_damaged(void) {
    REFUSES("", "no pieces");
    REFUSES("\x0a", "damaged");
    REFUSES("\x0a\x7f"
            "abc",
            "damaged");
    REFUSES("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "damaged");
    REFUSES("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", "damaged");
    REFUSES("\x0a\x02\x0a\x05", "piece 0");
    REFUSES("\x0a\x00", "piece 0");
    REFUSES("\x0a\x05\x0a\x01"
            "a\x18\x09",
            "piece 0");
    REFUSES("\x0f\x00", "damaged");
    REFUSES("\x0a\x03\x0a\x01"
            "a\x12\x02\x18\x03",
            "type 3");
    REFUSES("\x0a\x03\x0a\x01"
            "a\x12\x01\x18",
            "training settings");
    REFUSES("\x0a\x03\x0a\x01"
            "a\x1a\x06\x12\x04\xff\xff\xff\xff",
            "replacements");
    REFUSES("\x0a\x03\x0a\x01"
            "a\x1a\x02\x28\x00",
            "spaces");
}

// ---- GGUF ----

typedef struct piece {
    const char *text;
    float score;
    uint32_t type; // of tokenizer.ggml.token_type
} piece;

static tokenizer *open_gguf(const char *model, const piece *pieces, size_t n, bool bytes, int prefix, error *err) {
    buf b = {0};
    uint64_t n_all = n + (bytes ? 256 : 0);
    *err = (error){{0}};
    put_header(&b, 3, 0, 5 + (prefix >= 0));
    put_key_text(&b, "tokenizer.ggml.model", model);
    put_key_u32(&b, "tokenizer.ggml.bos_token_id", 1);
    if (prefix >= 0) {
        put_key(&b, "tokenizer.ggml.add_space_prefix", GGUF_BOOL);
        buf_putc(&b, (char)prefix);
    }
    put_key(&b, "tokenizer.ggml.tokens", GGUF_ARRAY);
    put_u32(&b, GGUF_STRING);
    put_u64(&b, n_all);
    for (size_t i = 0; i < n; i++) put_text(&b, pieces[i].text);
    for (int i = 0; bytes && i < 256; i++) {
        char text[8];
        snprintf(text, sizeof text, "<0x%02X>", i);
        put_text(&b, text);
    }
    put_key(&b, "tokenizer.ggml.scores", GGUF_ARRAY);
    put_u32(&b, GGUF_FLOAT32);
    put_u64(&b, n_all);
    for (size_t i = 0; i < n_all; i++) buf_append(&b, i < n ? &pieces[i].score : &(float){0}, sizeof(float));
    put_key(&b, "tokenizer.ggml.token_type", GGUF_ARRAY);
    put_u32(&b, GGUF_INT32);
    put_u64(&b, n_all);
    for (size_t i = 0; i < n_all; i++) put_u32(&b, i < n ? pieces[i].type : 6);
    put_padding(&b, 32);
    gguf *g = gguf_open_memory(b.data, b.len, "made.gguf", err);
    tokenizer *t = g ? tokenizer_open_gguf(g, err) : NULL;
    gguf_close(g);
    buf_free(&b);
    return t;
}

static void gives(const tokenizer *t, const char *text, size_t n, unsigned flags, const char *want) {
    id_list ids = {0};
    buf got = {0};
    error err;
    tokenizer_encode(t, text, n, flags, &ids, &err);
    for (size_t i = 0; i < ids.len; i++) buf_printf(&got, i ? " %d" : "%d", (int)ids.data[i]);
    OK(strcmp(buf_str(&got), want) == 0, "\"%s\" -> %s, got %s", text, want, buf_str(&got));
    buf_free(&got);
    id_list_free(&ids);
}

#define GIVES(t, text, flags, want) gives(t, text, sizeof text - 1, flags, want)
#define MARK                        "\xE2\x96\x81"

static const piece llama[] = {
    {"<unk>", 0, 2},   {"<s>", 0, 3},      {"</s>", 0, 3},      {MARK, -9, 1},    {"a", -9, 1},
    {"b", -9, 1},      {"c", -9, 1},       {"ab", -1, 1},       {"bc", -2, 1},    {"abc", -3, 1},
    {MARK "a", -4, 1}, {MARK MARK, -5, 1}, {MARK "abc", -6, 1}, {"<user>", 0, 4}, {"aa", -7, 1},
};
enum { N_LLAMA = sizeof llama / sizeof *llama };

static void test_llama(void) {
    error err;
    tokenizer *t = open_gguf("llama", llama, N_LLAMA, true, -1, &err);
    if (!OK(t != NULL, "opens: %s", err.text)) return;
    GIVES(t, "abc", 0, "12"); // (a b) c, then with the mark in front
    GIVES(t, "abc", TOKENIZER_BOS, "1 12");
    GIVES(t, "bca", 0, "3 8 4");
    GIVES(t, " a", 0, "3 10"); // the mark and a (-4) merge before the two marks (-5)
    GIVES(t, "aaa", 0, "10 14");
    GIVES(t, "x", 0, "3 135");
    GIVES(t, "\xC3\xA9", 0, "3 210 184");
    GIVES(t, "\xFF", 0, "270");
    GIVES(t, "a</s>b", TOKENIZER_SPECIAL, "10 2 3 5");
    GIVES(t, "a<user>b", 0, "10 13 3 5");
    GIVES(t, "", 0, "");
    buf out = {0};
    tokenizer_decode(t, (int32_t[]){1, 12, 3, 5, 210, 184}, 6, false, &out);
    OK(strcmp(buf_str(&out), "abc b\xC3\xA9") == 0, "decoded \"%s\"", buf_str(&out));
    buf_clear(&out);
    text_stream s = text_stream_start(t);
    const int32_t ids[] = {12, 10, 210, 184, 2, 3};
    for (int i = 0; i < 6; i++) text_stream_push(&s, ids[i], &out);
    text_stream_end(&s, &out);
    OK(strcmp(buf_str(&out), "abc a\xC3\xA9 ") == 0, "streamed \"%s\"", buf_str(&out));
    buf_clear(&out);
    s = text_stream_start(t);
    s.started = true; // goes on from another text: its space stays
    text_stream_push(&s, 12, &out);
    OK(strcmp(buf_str(&out), " abc") == 0, "continued \"%s\"", buf_str(&out));
    OK(tokenizer_is_eog(t, 2) && tokenizer_adds_bos(t), "</s> ends; a BOS is added unless the file says no");
    buf_free(&out);
    tokenizer_free(t);

    t = open_gguf("llama", llama, N_LLAMA, false, 0, &err);
    if (!OK(t != NULL, "opens: %s", err.text)) return;
    GIVES(t, "abc", 0, "9");
    GIVES(t, "axyb", 0, "4 0 5"); // neither bytes nor characters for x and y: one unknown
    GIVES(t,
          "a\xFF"
          "b",
          0, "4 0 5");
    tokenizer_free(t);
}

static void test_unigram(void) {
    static const piece pieces[] = {{"<unk>", 0, 2}, {"<s>", 0, 3}, {MARK, -2, 1}, {"a", -3, 1},
                                   {"b", -3, 1},    {"ab", -4, 1}, {"ba", -7, 1}, {MARK "ab", -9, 1}};
    error err;
    tokenizer *t = open_gguf("t5", pieces, 8, false, 0, &err);
    if (!OK(t != NULL, "opens: %s", err.text)) return;
    GIVES(t, "ab", 0, "5");
    GIVES(t, "aba", 0, "5 3");
    GIVES(t, "bab", 0, "4 5");
    GIVES(t, "a  ab", 0, "3 2 5"); // runs of spaces are squeezed; -2 and -4 beat -9
    GIVES(t, "a??b", 0, "3 0 4");
    GIVES(t, "   ", 0, "");
    tokenizer_free(t);
}

int main(void) {
    test_models();
    test_damaged();
    test_llama();
    test_unigram();
    return test_end();
}
