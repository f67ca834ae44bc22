// Tokenizers against reference ids, from GGUF files made here with every field good or bad, and the streaming decoder.
#include "model/text/chat_format.h"
#include "tests/models.h"
#include "tests/text_cases.h"

#include <pthread.h>

// ---- reference ids ----

static void run_golden_cases(const tokenizer *t, const char *name, json cases) {
    json one;
    buf text = {0};
    for (json_iter it = json_begin(cases); json_next(&it, NULL, &one);) {
        json_string(json_get(one, "text"), &text);
        json ids = json_get(one, "ids"), plain = json_get(one, "ids_plain");
        OK(encodes_to(t, &text, TOKENIZER_SPECIAL | TOKENIZER_BOS, ids), "%s: \"%s\"", name, buf_str(&text));
        if (json_type(plain) == JSON_ARRAY)
            OK(encodes_to(t, &text, TOKENIZER_BOS, plain), "%s, specials as text: \"%s\"", name, buf_str(&text));
        if (json_bool(json_get(one, "round_trip"), false))
            OK(decodes_to(t, ids, &text), "%s: decoding \"%s\"", name, buf_str(&text));
    }
    buf_free(&text);
}

static void test_file(const char *cases, tokenizer *t, const char *name) {
    buf text = {0};
    json root;
    if (!t)
        SKIP("%s is not there", name);
    else if (!read_case_file(cases, &text, &root))
        SKIP("%s is not there", cases);
    else
        run_golden_cases(t, name, json_get(root, "cases"));
    buf_free(&text);
    tokenizer_free(t);
}

static tokenizer *open_golden_dir(const char *name) {
    const char *tests = getenv("TESTS");
    buf path = {0};
    buf_printf(&path, "%s/../../shared/goldens/%s", tests ? tests : "tests", name);
    tokenizer *t = tokenizer_open_dir(buf_str(&path), NULL);
    buf_free(&path);
    return t;
}

static tokenizer *open_default_model(void) {
    const char *path = getenv("DOPPEL_TEST_MODEL");
    gguf *g = path ? gguf_open(path, NULL) : NULL;
    tokenizer *t = g ? tokenizer_open_gguf(g, NULL) : NULL;
    gguf_close(g);
    return t;
}

static void test_goldens(void) {
    buf text = {0}, name = {0};
    json root, one;
    test_file("../../shared/goldens/tokenizer/gpt2.json", open_golden_dir("tokenizer/gpt2-real"), "gpt2-real");
    test_file("../../shared/goldens/tokenizer/smollm2.json", open_default_model(), "the default model");
    test_file("../../shared/goldens/tokenizer/wordpiece.json", open_golden_dir("models/bert"), "bert");
    test_file("../../shared/goldens/tokenizer/wordpiece.json", open_golden_dir("models/bert-legacy"), "bert-legacy");
    if (!read_case_file("../../shared/goldens/tokenizer/tiny.json", &text, &root)) {
        SKIP("tiny.json is not there");
        return;
    }
    for (json_iter it = json_begin(json_get(root, "models")); json_next(&it, NULL, &one);) {
        json_string(json_get(one, "model"), &name);
        tokenizer *t = open_golden_dir(buf_str(&name));
        if (OK(t != NULL, "%s opens", buf_str(&name))) run_golden_cases(t, buf_str(&name), json_get(one, "cases"));
        tokenizer_free(t);
    }
    buf_free(&text);
    buf_free(&name);
}

// ---- GGUF files made here ----

// A byte-level vocabulary: the 256 byte characters, then these.
static const char *const more_tokens[] = {"he",    "ll",    "hell",  "\xC4\xA0w", "<|end|>", "<user>",
                                          "hello", "[dup]", "[dup]", "12",        "123"};
enum { N_MORE = sizeof more_tokens / sizeof *more_tokens, N_TOKENS = 256 + N_MORE, HELLO = 262 };

typedef struct maker {
    const char *model, *pre, *merge;      // merge: one more, NULL for none
    uint64_t n_tokens, n_types, n_scores; // n_scores 0: no such array
    int64_t bos, embedding_rows;          // -1: left out
    int extra_keys;                       // 1: eos of the wrong type
} maker;

static const maker good = {"gpt2", "gpt-2", NULL, N_TOKENS, N_TOKENS, 0, -1, -1, 0};

static void put_tokens(buf *b, uint64_t n) {
    put_key(b, "tokenizer.ggml.tokens", GGUF_ARRAY);
    put_u32(b, GGUF_STRING);
    put_u64(b, n);
    for (uint64_t i = 0; i < n; i++) {
        char text[8] = {0};
        uint32_t c = (uint32_t)i;
        if (i >= 256) {
            put_text(b, i < N_TOKENS ? more_tokens[i - 256] : "x");
            continue;
        }
        // The same order of byte characters as GPT-2's: the visible ones first, then U+0100 onwards.
        if (i < 94)
            c = (uint32_t)i + 33;
        else if (i < 106)
            c = (uint32_t)i - 94 + 161;
        else if (i < 188)
            c = (uint32_t)i - 106 + 174;
        else
            c = 256 + (uint32_t)i - 188;
        utf8_encode(c, text);
        put_text(b, text);
    }
}

static void make(const maker *m, buf *b) {
    static const char *const merges[] = {"h e", "l l", "he ll", "\xC4\xA0 w", "hell o", "1 2", "12 3"};
    uint64_t n_own = sizeof merges / sizeof *merges, n_merges = n_own + (m->merge != NULL);
    put_header(b, 3, m->embedding_rows >= 0, 5 + (m->n_scores > 0) + (m->bos >= 0) + (m->extra_keys > 0));
    put_key_text(b, "tokenizer.ggml.model", m->model);
    put_key_text(b, "tokenizer.ggml.pre", m->pre);
    put_tokens(b, m->n_tokens);
    put_key(b, "tokenizer.ggml.token_type", GGUF_ARRAY);
    put_u32(b, GGUF_INT32);
    put_u64(b, m->n_types);
    for (uint64_t i = 0; i < m->n_types; i++) put_u32(b, i == 260 ? 3 : i == 261 ? 4 : 1);
    put_key(b, "tokenizer.ggml.merges", GGUF_ARRAY);
    put_u32(b, GGUF_STRING);
    put_u64(b, n_merges);
    for (uint64_t i = 0; i < n_merges; i++) put_text(b, i < n_own ? merges[i] : m->merge);
    if (m->n_scores) {
        put_key(b, "tokenizer.ggml.scores", GGUF_ARRAY);
        put_u32(b, GGUF_FLOAT32);
        put_u64(b, m->n_scores);
        put_zeros(b, 4 * m->n_scores);
    }
    if (m->bos >= 0) put_key_u32(b, "tokenizer.ggml.bos_token_id", (uint32_t)m->bos);
    if (m->extra_keys) put_key_text(b, "tokenizer.ggml.eos_token_id", "none");
    if (m->embedding_rows >= 0) {
        put_tensor(b, "token_embd.weight", 32, (uint64_t)m->embedding_rows, TENSOR_F32, 0);
        put_padding(b, 32);
        put_zeros(b, (size_t)m->embedding_rows * 128);
    }
    put_padding(b, 32);
}

static tokenizer *open_made(const maker *m, error *err) {
    buf b = {0};
    *err = (error){{0}};
    make(m, &b);
    gguf *g = gguf_open_memory(b.data, b.len, "made.gguf", err);
    tokenizer *t = g ? tokenizer_open_gguf(g, err) : NULL;
    gguf_close(g);
    buf_free(&b);
    return t;
}

static void refuses(maker m, const char *part) {
    error err;
    tokenizer *t = open_made(&m, &err);
    OK(!t && strstr(err.text, part) && strstr(err.text, "made.gguf"), "refused with \"%s\": \"%s\"", part, err.text);
    tokenizer_free(t);
}

static void test_bad_gguf(void) {
    maker m = good;
    m.n_tokens = m.n_types = 0;
    refuses(m, "0 tokens");
    m = good;
    m.n_types = 5;
    refuses(m, "token_type has 5 elements");
    m = good;
    m.n_scores = N_TOKENS - 1;
    refuses(m, "scores has");
    m = good;
    m.bos = N_TOKENS;
    refuses(m, "bos_token_id");
    m = good;
    m.extra_keys = 1;
    refuses(m, "eos_token_id");
    m = good;
    m.merge = "nospace";
    refuses(m, "merge 7");
    m = good;
    m.model = "rwkv";
    refuses(m, "\"rwkv\"");
    m = good;
    m.model = "llama";
    refuses(m, "scores");
    m = good;
    m.embedding_rows = N_TOKENS + 1;
    refuses(m, "embedding");
}

static bool encodes(const tokenizer *t, const char *text, size_t n, unsigned flags, const int32_t *ids, size_t n_ids) {
    id_list got = {0};
    bool same = tokenizer_encode(t, text, n, flags, &got, NULL) == 0 && got.len == n_ids &&
                (n_ids == 0 || memcmp(got.data, ids, n_ids * sizeof *ids) == 0);
    if (!same)
        for (size_t i = 0; i < got.len; i++) printf("%d ", (int)got.data[i]);
    id_list_free(&got);
    return same;
}

#define ENCODES(t, text, flags, ...)                                                                                   \
    OK(encodes(t, text, sizeof text - 1, flags, (const int32_t[]){__VA_ARGS__},                                        \
               sizeof(int32_t[]){__VA_ARGS__} / sizeof(int32_t)),                                                      \
       "%s -> " #__VA_ARGS__, text)

static void test_good_gguf(void) {
    error err;
    tokenizer *t = open_made(&good, &err);
    if (!OK(t != NULL, "the good file opens: %s", err.text)) return;
    OK(!tokenizer_warning(t), "nothing to warn of");
    OK(tokenizer_n_vocab(t) == N_TOKENS, "%d tokens", tokenizer_n_vocab(t));
    ENCODES(t, "hello", TOKENIZER_SPECIAL, HELLO);
    ENCODES(t, "hell w", TOKENIZER_SPECIAL, 258, 259);
    ENCODES(t, "he<|end|>ll", TOKENIZER_SPECIAL, 256, 260, 257);
    ENCODES(t, "he<user>ll", 0, 256, 261, 257);
    ENCODES(t, "<|end|>", 0, '<' - 33, '|' - 33, 'e' - 33, 'n' - 33, 'd' - 33, '|' - 33, '>' - 33);
    ENCODES(t, "a\0b", 0, 'a' - 33, 188, 'b' - 33);
    ENCODES(t, "he\xff\xfehe", 0, 256, 106 + 0xff - 174, 106 + 0xfe - 174, 256);
    ENCODES(t, "\xe4\xbd", 0, 106 + 0xe4 - 174, 106 + 0xbd - 174);
    OK(tokenizer_find(t, "<|end|>") == 260 && tokenizer_find(t, "nothing") == -1, "find");
    OK(tokenizer_find(t, "[dup]") == 263, "of two equal texts the first is found");
    OK(tokenizer_is_special(t, 260) && !tokenizer_is_special(t, 261) && !tokenizer_is_special(t, 9), "is_special");
    OK(tokenizer_is_eog(t, 260) && !tokenizer_is_eog(t, 261) && !tokenizer_is_eog(t, -1), "<|end|> ends an answer");
    OK(!tokenizer_is_special(t, -1) && !tokenizer_is_special(t, N_TOKENS), "ids outside are nothing");
    OK(tokenizer_bos(t) == -1 && tokenizer_eos(t) == -1 && !tokenizer_adds_bos(t), "no bos, no eos");
    size_t len;
    OK(strncmp(tokenizer_piece(t, 259, false, &len), " w", 2) == 0 && len == 2,
       "a piece is bytes, not byte characters");
    tokenizer_piece(t, 260, false, &len);
    OK(len == 0, "control tokens are not shown");
    tokenizer_piece(t, 260, true, &len);
    OK(len == 7, "unless wanted");
    tokenizer_piece(t, 1 << 30, true, &len);
    OK(len == 0, "an id outside has no piece");
    tokenizer_free(t);

    maker m = good;
    m.pre = "never-heard-of";
    m.merge = "zz yy"; // merges of unknown tokens are left out
    t = open_made(&m, &err);
    OK(t && tokenizer_warning(t) && strstr(tokenizer_warning(t), "never-heard-of"), "an unknown pre-tokenizer is told");
    if (t) ENCODES(t, "hello", 0, HELLO);
    tokenizer_free(t);
    m = good;
    m.pre = "llama-bpe"; // adds a BOS where the file does not say
    m.bos = 260;
    t = open_made(&m, &err);
    if (t) ENCODES(t, "hell", TOKENIZER_BOS, 260, 258);
    if (t) ENCODES(t, "hell", 0, 258);
    OK(t && tokenizer_adds_bos(t), "BOS");
    tokenizer_free(t);
}

// Every pre-tokenizer that a GGUF file may name: its patterns compile, lose nothing, and cut numbers as they should.
static void test_pre_tokenizers(void) {
    enum { WHOLE, SINGLE, THREES };
    static const struct {
        const char *name;
        int digits;
    } known[] = {{"gpt-2", WHOLE},           {"mpt", WHOLE},          {"smollm", SINGLE},    {"starcoder", SINGLE},
                 {"command-r", SINGLE},      {"llama3", THREES},      {"llama-bpe", THREES}, {"dbrx", THREES},
                 {"qwen2", SINGLE},          {"stablelm2", SINGLE},   {"falcon", THREES},    {"deepseek-llm", WHOLE},
                 {"deepseek-coder", SINGLE}, {"deepseek-v3", THREES}, {"tekken", SINGLE},    {"gpt-4o", THREES},
                 {"bloom", WHOLE},           {"viking", SINGLE}};
    static const char text[] =
        "He said: 'it's 12345 o'clock'\n\n  \t\xE4\xBD\xA0\xE5\xA5\xBD, caf\xC3\xA9 \xF0\x9F\x98\x80!? {x=1;}  \r\n ";
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        error err;
        maker m = good;
        m.pre = known[i].name;
        tokenizer *t = open_made(&m, &err);
        if (!OK(t && !tokenizer_warning(t), "%s is known", known[i].name)) continue;
        id_list ids = {0};
        buf back = {0};
        tokenizer_encode(t, text, sizeof text - 1, 0, &ids, &err);
        tokenizer_decode(t, ids.data, ids.len, true, &back);
        OK(back.len == sizeof text - 1 && memcmp(back.data, text, back.len) == 0, "%s loses nothing", known[i].name);
        ids.len = 0;
        tokenizer_encode(t, "12123", 5, 0, &ids, &err);
        // Whole: 12 123. One by one: five. In threes: 121 | 23, so 12 1 2 3.
        size_t want = known[i].digits == WHOLE ? 2 : known[i].digits == SINGLE ? 5 : 4;
        OK(ids.len == want, "%s cuts 12123 into %zu tokens, not %zu", known[i].name, want, ids.len);
        id_list_free(&ids);
        buf_free(&back);
        tokenizer_free(t);
    }
}

// ---- streaming ----

static void streams(const tokenizer *t, const int32_t *ids, size_t n, const char *want, size_t len, const char *what) {
    text_stream s = text_stream_start(t);
    buf out = {0};
    bool whole = true;
    for (size_t i = 0; i < n; i++) {
        text_stream_push(&s, ids[i], &out);
        whole = whole && utf8_valid(buf_str(&out), out.len);
    }
    text_stream_end(&s, &out);
    OK(whole && out.len == len && memcmp(buf_str(&out), want, len) == 0, "%s: \"%s\"", what, buf_str(&out));
    buf_free(&out);
}

enum {
    E2 = 106 + 0xe2 - 174,
    X98 = 188 + 33 + 0x98 - 127,
    X83 = 188 + 33 + 0x83 - 127,
    FF = 106 + 0xff - 174,
    A = 'a' - 33
};

static void test_streaming(void) {
    error err;
    tokenizer *t = open_made(&good, &err);
    if (!t) return;
    streams(t, (int32_t[]){E2, X98, X83}, 3, "\xe2\x98\x83", 3, "a character over three tokens");
    streams(t, (int32_t[]){E2, X98, A}, 3, UTF8_REPLACEMENT UTF8_REPLACEMENT "a", 7, "a cut character, then a letter");
    streams(t, (int32_t[]){FF, A, FF}, 3, UTF8_REPLACEMENT "a" UTF8_REPLACEMENT, 7, "bytes that begin nothing");
    streams(t, (int32_t[]){A, E2}, 2, "a" UTF8_REPLACEMENT, 4, "the end comes early");
    streams(t, (int32_t[]){E2, E2, X98, X83}, 4, UTF8_REPLACEMENT "\xe2\x98\x83", 6, "begun twice");
    streams(t, (int32_t[]){A, 188, A}, 3, "a\0a", 3, "NUL");
    streams(t, (int32_t[]){A, 260, -5, 1 << 20, A}, 5, "aa", 2, "control tokens and ids outside");
    streams(t, (int32_t[]){259, 259}, 2, " w w", 4, "spaces stay");
    tokenizer_free(t);
}

// ---- threads ----

typedef struct job {
    const tokenizer *t;
    const buf *text;
    id_list ids;
} job;

static void *encode_job(void *arg) {
    job *j = arg;
    for (int i = 0; i < 3; i++) {
        j->ids.len = 0;
        tokenizer_encode(j->t, buf_str(j->text), j->text->len, TOKENIZER_SPECIAL, &j->ids, NULL);
    }
    return NULL;
}

static void test_threads(void) {
    enum { N = 4 };
    error err;
    tokenizer *t = open_made(&good, &err);
    if (!t) return;
    buf text = {0};
    for (int i = 0; i < 2000; i++) buf_printf(&text, "hello w%d <|end|> he's %d\n", i % 37, i);
    pthread_t threads[N];
    job jobs[N];
    for (int i = 0; i < N; i++) {
        jobs[i] = (job){t, &text, {0}};
        pthread_create(&threads[i], NULL, encode_job, &jobs[i]);
    }
    for (int i = 0; i < N; i++) pthread_join(threads[i], NULL);
    for (int i = 1; i < N; i++) OK(same_ids(&jobs[0].ids, &jobs[i].ids), "thread %d gives the same ids", i);
    buf back = {0};
    tokenizer_decode(t, jobs[0].ids.data, jobs[0].ids.len, true, &back);
    OK(back.len == text.len && memcmp(back.data, text.data, text.len) == 0, "and they decode to the text");
    for (int i = 0; i < N; i++) id_list_free(&jobs[i].ids);
    buf_free(&back);
    buf_free(&text);
    tokenizer_free(t);
}

// ---- large texts ----

static void test_large(void) {
    error err;
    tokenizer *t = open_made(&good, &err);
    if (!t) return;
    static const char *const fills[] = {"l", " ", "\n", "7", "hello", "\xff", "\xe2\x98\x83", "he \t"};
    for (size_t k = 0; k < sizeof fills / sizeof *fills; k++) {
        buf text = {0}, back = {0};
        id_list ids = {0};
        while (text.len < 1 << 20) buf_puts(&text, fills[k]);
        OK(tokenizer_encode(t, text.data, text.len, 0, &ids, &err) == 0, "a megabyte of \"%s\": %s", fills[k],
           err.text);
        tokenizer_decode(t, ids.data, ids.len, true, &back);
        OK(back.len == text.len && memcmp(back.data, text.data, text.len) == 0, "and back");
        buf_free(&text);
        buf_free(&back);
        id_list_free(&ids);
    }
    tokenizer_free(t);
}

// ---- directories ----

static void refuses_folder(const char *folder, const char *part) {
    error err = {{0}};
    tokenizer *t = tokenizer_open_dir(folder, &err);
    OK(!t && strstr(err.text, part), "refused with \"%s\": \"%s\"", part, err.text);
    tokenizer_free(t);
}

static void write_text(const char *folder, const char *name, const char *text) {
    write_file(folder, name, text, strlen(text));
}

static void test_folders(void) {
    char *folder = make_folder();
    refuses_folder(folder, "no tokenizer in it");
    write_text(folder, "vocab.json", "{\"a\":0,\"b\":1,\"ab\":2,\"<|endoftext|>\":3}");
    refuses_folder(folder, "without merges.txt");
    write_text(folder, "merges.txt", "#version: 0.2\na b\n\nb c\n");
    refuses_folder(folder, "merges.txt");
    write_text(folder, "merges.txt", "#version: 0.2\r\na b\r\n");
    tokenizer *t = tokenizer_open_dir(folder, NULL);
    if (OK(t != NULL, "vocab.json with merges.txt")) {
        ENCODES(t, "abba<|endoftext|>", TOKENIZER_SPECIAL, 2, 1, 0, 3);
        OK(tokenizer_eos(t) == 3 && tokenizer_is_eog(t, 3) && tokenizer_is_special(t, 3), "<|endoftext|> is special");
    }
    tokenizer_free(t);
    write_text(
        folder, "tokenizer_config.json",
        "{\"added_tokens_decoder\":{\"7\":{\"content\":\"<x>\",\"special\":true}},\"eos_token\":{\"content\":\"<x>\"}}");
    t = tokenizer_open_dir(folder, NULL);
    if (OK(t != NULL, "with tokenizer_config.json")) {
        ENCODES(t, "a<x>", TOKENIZER_SPECIAL, 0, 7);
        OK(tokenizer_eos(t) == 7 && tokenizer_n_vocab(t) == 8, "an added token beyond the vocabulary");
    }
    tokenizer_free(t);
    write_text(folder, "tokenizer_config.json", "{\"eos_token\":");
    refuses_folder(folder, "tokenizer_config.json: not JSON");
    remove_file(folder, "tokenizer_config.json");
    write_text(folder, "vocab.json", "{\"a\":0,\"b\":0}");
    refuses_folder(folder, "vocab.json");
    write_text(folder, "vocab.json", "{\"a\":\"0\"}");
    refuses_folder(folder, "no id");
    write_text(folder, "vocab.json", "{\"a\":99999999}");
    refuses_folder(folder, "outside");
    write_text(folder, "vocab.json", "{}");
    refuses_folder(folder, "no tokens");
    remove_file(folder, "vocab.json");
    remove_file(folder, "merges.txt");
    write_text(folder, "vocab.txt", "just\na\nlist\n");
    refuses_folder(folder, "[UNK]");
    remove_file(folder, "vocab.txt");
    write_text(folder, "tokenizer.model", "no protocol buffer");
    refuses_folder(folder, "tokenizer.model");
    remove_file(folder, "tokenizer.model");
    write_text(folder, "tokenizer.json", "");
    refuses_folder(folder, "tokenizer.json");
    remove_file(folder, "tokenizer.json");
    char *pipe = path_of(folder, "tokenizer.json");
    mkfifo(pipe, 0600);
    refuses_folder(folder, "no regular file");
    remove(pipe);
    free(pipe);
    rmdir(folder);
    free(folder);
}

int main(void) {
    test_goldens();
    test_good_gguf();
    test_bad_gguf();
    test_pre_tokenizers();
    test_streaming();
    test_threads();
    test_large();
    test_folders();
    return test_end();
}
