// tokenizer.json: pipelines of every kind against reference ids (tests/data/make_tokenizers.py), and damaged ones.
#include "model/text/chars.h"
#include "model/text/normalizer.h"
#include "model/text/tokenizer_open.h"
#include "tests/text_cases.h"

static void test_pipelines(void) {
    buf file = {0}, name = {0};
    json root, one;
    if (!OK(read_case_file("data/tokenizers.json", &file, &root), "tests/data/tokenizers.json is JSON")) return;
    for (json_iter it = json_begin(json_get(root, "json")); json_next(&it, NULL, &one);) {
        error err = {{0}};
        json inner = json_get(one, "tokenizer");
        json_iter rest = json_begin(one);
        json key, value;
        const char *end = inner.at;
        // The slice ends where the next member begins: at the comma before "cases".
        while (json_next(&rest, &key, &value))
            if (json_is(key, "cases")) end = key.at - 1;
        json_string(json_get(one, "name"), &name);
        tokenizer *t = tokenizer_json_open(inner.at, (size_t)(end - inner.at), &err);
        if (OK(t != NULL, "%s opens: %s", buf_str(&name), err.text))
            run_short_cases(t, buf_str(&name), TOKENIZER_SPECIAL | TOKENIZER_BOS, json_get(one, "cases"));
        tokenizer_free(t);
    }
    buf_free(&file);
    buf_free(&name);
}

static void refuses(const char *text, const char *part) {
    error err = {{0}};
    tokenizer *t = tokenizer_json_open(text, strlen(text), &err);
    OK(!t && strstr(err.text, part), "refused with \"%s\": \"%s\"", part, err.text);
    tokenizer_free(t);
}

#define BPE(more) "{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0,\"b\":1,\"ab\":2},\"merges\":[\"a b\"]}" more "}"

static void test_damaged(void) {
    refuses("", "not JSON");
    refuses("[]", "no \"model\"");
    refuses("{}", "no \"model\"");
    refuses("{\"model\":7}", "no \"model\"");
    refuses("{\"model\":{\"type\":\"Neural\",\"vocab\":{\"a\":0}}}", "not known");
    refuses("{\"model\":{\"type\":\"BPE\",\"vocab\":{},\"merges\":[]}}", "empty vocabulary");
    refuses("{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0}}}", "merges");
    refuses("{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0},\"merges\":[\"a b\"]}}", "not in the vocabulary");
    refuses("{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0,\"b\":1},\"merges\":[\"a b\"]}}", "not in the vocabulary");
    refuses("{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0},\"merges\":[7]}}", "merge 0");
    refuses("{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0},\"merges\":[[\"a\"]]}}", "merge 0");
    refuses("{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0,\"b\":0},\"merges\":[]}}", "two texts");
    refuses("{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":-1},\"merges\":[]}}", "outside");
    refuses("{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":16777216},\"merges\":[]}}", "outside");
    refuses("{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":1e3},\"merges\":[]}}", "no id");
    refuses("{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0},\"merges\":[],\"end_of_word_suffix\":\"</w>\"}}",
            "suffix");
    refuses("{\"model\":{\"type\":\"Unigram\",\"vocab\":[[\"a\"]]}}", "entry 0");
    refuses("{\"model\":{\"type\":\"Unigram\",\"vocab\":[[\"a\",-1.0]],\"unk_id\":5}}", "unk_id");
    refuses(BPE(",\"added_tokens\":[{\"content\":\"x\"}]"), "added token");
    refuses(BPE(",\"added_tokens\":[{\"content\":\"x\",\"id\":1}]"), "two texts");
    refuses(BPE(",\"normalizer\":{\"type\":\"Magic\"}"), "Magic");
    refuses(BPE(",\"normalizer\":{\"type\":\"Replace\"}"), "Replace");
    refuses(BPE(",\"normalizer\":{\"type\":\"Replace\",\"pattern\":{\"Regex\":\"(\"},\"content\":\"\"}"), "pattern");
    refuses(BPE(",\"normalizer\":{\"type\":\"Precompiled\",\"precompiled_charsmap\":\"/////w==\"}"), "damaged");
    refuses(BPE(",\"pre_tokenizer\":{\"type\":\"Magic\"}"), "Magic");
    refuses(BPE(",\"pre_tokenizer\":{\"type\":\"Split\",\"pattern\":{\"Regex\":\"[\"}}"), "pattern");
    refuses(BPE(",\"pre_tokenizer\":{\"type\":\"Split\",\"pattern\":{\"String\":\"x\"},\"behavior\":\"Lost\"}"),
            "Lost");
    refuses(BPE(",\"post_processor\":{\"type\":\"Magic\"}"), "Magic");
    refuses(BPE(",\"post_processor\":{\"type\":\"BertProcessing\",\"sep\":[\"x\",9],\"cls\":[\"a\",0]}"), "no token");
    refuses(BPE(",\"post_processor\":{\"type\":\"BertProcessing\",\"sep\":[\"x\"],\"cls\":7}"), "lacks");
    refuses(BPE(",\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{\"id\":\"x\"}}],"
                "\"special_tokens\":{\"x\":{\"ids\":[77]}}}"),
            "no token");
}

// A pattern that needs exponential time on this text is given up, with a sentence, not waited for.
static void test_runaway_pattern(void) {
    static const char text[] =
        "{\"model\":{\"type\":\"WordLevel\",\"vocab\":{\"a\":0},\"unk_token\":\"a\"},"
        "\"pre_tokenizer\":{\"type\":\"Split\",\"pattern\":{\"Regex\":\"(?:a+)+(?:a+)+(?:a+)+$\"},\"behavior\":\"Isolated\"}}";
    error err = {{0}};
    id_list ids = {0};
    buf input = {0};
    tokenizer *t = tokenizer_json_open(text, sizeof text - 1, &err);
    if (!OK(t != NULL, "a pattern may be foolish: %s", err.text)) return;
    for (int i = 0; i < 400; i++) buf_putc(&input, 'a');
    buf_putc(&input, 'b');
    int rc = tokenizer_encode(t, input.data, input.len, 0, &ids, &err);
    OK(rc == 0 || strstr(err.text, "gave up"), "it ends: \"%s\"", err.text);
    buf_free(&input);
    id_list_free(&ids);
    tokenizer_free(t);
}

// Steps that each double a text must not fill the memory.
static void test_growing_normaliser(void) {
    buf text = {0};
    error err = {{0}};
    id_list ids = {0};
    buf_puts(
        &text,
        "{\"model\":{\"type\":\"WordLevel\",\"vocab\":{\"a\":0}},\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[");
    for (int i = 0; i < 50; i++)
        buf_printf(&text, "%s{\"type\":\"Replace\",\"pattern\":{\"String\":\"a\"},\"content\":\"aaaaaaaaaaaaaaaa\"}",
                   i ? "," : "");
    buf_puts(&text, "]}}");
    tokenizer *t = tokenizer_json_open(text.data, text.len, &err);
    if (OK(t != NULL, "opens: %s", err.text))
        OK(tokenizer_encode(t, "aaaa", 4, 0, &ids, &err) != 0 && strstr(err.text, "longer"), "refused: \"%s\"",
           err.text);
    id_list_free(&ids);
    tokenizer_free(t);
    buf_free(&text);
}

// Patterns rely on valid text, and crash on what is none: it must not come from a file.
static void test_invalid_text(void) {
    enum { UNITS = 0x62 };
    refuses(BPE(",\"normalizer\":{\"type\":\"Replace\",\"pattern\":{\"String\":\"a\"},\"content\":\"\xff\"}"), "UTF-8");
    // A map that makes 0xff of 'a': from the root over the letter to the place of its text.
    uint32_t blob[1 + UNITS + 1] = {4 * UNITS, [1 + 'a'] = 'a' | 1 << 8 | 1 << 10};
    memcpy(blob + 1 + UNITS, "\xff", 2);
    normalizer *n = normalizer_new();
    buf out = {0};
    error err = {{0}};
    OK(normalizer_add_charsmap(n, (const char *)blob, 4 * (1 + UNITS) + 1, &err) == 0, "%s", err.text);
    OK(normalizer_run(n, "bab", 3, true, &out, &err) == 0 && strcmp(buf_str(&out), "b\xEF\xBF\xBD"
                                                                                   "b") == 0,
       "it is repaired: \"%s\"", buf_str(&out));
    buf_free(&out);
    normalizer_free(n);
}

// ---- characters ----

static void test_characters(void) {
    static const char text[] = "ba\"b\n\0\xE2\x98\x83", other[] = "abx\xFF\n";
    buf file = {0}, back = {0};
    id_list ids = {0};
    error err = {{0}};
    OK(chars_tokenizer_json(text, sizeof text - 1, &file) == 7, "six characters and U+FFFD");
    tokenizer *t = tokenizer_json_open(file.data, file.len, &err);
    if (!OK(t != NULL, "opens: %s", err.text)) return;
    tokenizer_encode(t, text, sizeof text - 1, TOKENIZER_SPECIAL | TOKENIZER_BOS, &ids, &err);
    const int32_t want[] = {4, 3, 2, 4, 1, 0, 5};
    OK(ids.len == 7 && memcmp(ids.data, want, sizeof want) == 0, "ids in the order of the characters");
    tokenizer_decode(t, ids.data, ids.len, true, &back);
    OK(back.len == sizeof text - 1 && memcmp(back.data, text, back.len) == 0, "and back");
    ids.len = 0;
    tokenizer_encode(t, other, sizeof other - 1, 0, &ids, &err);
    OK(ids.len == 5 && ids.data[2] == 6 && ids.data[3] == 6 && ids.data[4] == 1, "others are U+FFFD");
    tokenizer_free(t);
    buf_free(&file);
    buf_free(&back);
    id_list_free(&ids);
}

// ---- the JSON reader by itself ----

static void test_json(void) {
    static const char *const bad[] = {
        "{",   "[1,]",  "{\"a\"}", "{\"a\":1,}", "01",   "1.", "-",  "tru", "\"\\x\"", "\"\n\"",   "\"\\u12\"", "[1 2]",
        "nul", "\"abc", "1 2",     "{a:1}",      "\"\\", "[",  "+1", "1e",  ".5",      "{\"a\":}", "[\"a\"]]",  " "};
    json root, v;
    error err = {{0}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        OK(json_check(bad[i], strlen(bad[i]), &root, &err) != 0 && *err.text, "no JSON: %s", bad[i]);
    buf deep = {0}, s = {0};
    for (int i = 0; i < 100000; i++) buf_putc(&deep, '[');
    OK(json_check(deep.data, deep.len, &root, &err) != 0 && strstr(err.text, "deep"), "depth: %s", err.text);
    static const char text[] =
        "{\"n\":-12, \"big\":123456789012345678901, \"f\":1.5e2,\n \"a\":[1,[2,{}],\"]\"], \"a\":null,"
        "\"s\":\"\\u0000\\ud83d\\ude00\\ud800x\\\"\\n\\/\", \"t\":true, \"k\\u0065y\":\"v\"}";
    if (!OK(json_check(text, sizeof text - 1, &root, &err) == 0, "good JSON: %s", err.text)) return;
    int64_t n = 0;
    double d = 0;
    OK(json_int(json_get(root, "n"), &n) && n == -12, "an integer");
    OK(!json_int(json_get(root, "big"), &n), "an integer beyond 64 bits is none");
    OK(!json_int(json_get(root, "f"), &n) && json_double(json_get(root, "f"), &d) && d == 150, "a fraction");
    OK(json_type(json_get(root, "a")) == JSON_NULL, "the last of equal keys");
    OK(json_type(json_get(root, "none")) == JSON_ABSENT && json_type(json_get(json_get(root, "n"), "x")) == JSON_ABSENT,
       "absent");
    OK(json_bool(json_get(root, "t"), false) && json_bool(json_get(root, "none"), true), "booleans");
    OK(json_is(json_get(root, "key"), "v"), "a key with an escape");
    OK(json_string(json_get(root, "s"), &s) && s.len == 1 + 4 + 3 + 1 + 1 + 1 + 1 &&
           memcmp(s.data, "\0\xF0\x9F\x98\x80\xEF\xBF\xBDx\"\n/", s.len) == 0,
       "escapes, NUL and a lone surrogate");
    OK(!json_string(json_get(root, "n"), &s) && s.len == 0, "a number is no string");
    int members = 0;
    for (json_iter it = json_begin(root); json_next(&it, NULL, &v);) members++;
    OK(members == 8, "%d members", members);
    buf_free(&deep);
    buf_free(&s);
}

int main(void) {
    test_json();
    test_pipelines();
    test_characters();
    test_damaged();
    test_runaway_pattern();
    test_growing_normaliser();
    test_invalid_text();
    return test_end();
}
