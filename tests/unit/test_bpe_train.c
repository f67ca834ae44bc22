// Vocabularies made from texts: which pairs become tokens, and that the result is a tokenizer.
#include "model/text/bpe_train.h"
#include "model/text/tokenizer.h"
#include "tests/models.h"
#include "tests/test.h"

static tokenizer *make(const char *folder, const char *text, size_t n, int n_vocab, int *ids) {
    buf json = {0};
    error err;
    tokenizer *t = NULL;
    *ids = bpe_train_tokenizer_json(text, n, n_vocab, &json, &err);
    if (OK(*ids > 0, "%s", err.text)) {
        write_file(folder, "tokenizer.json", json.data, json.len);
        t = tokenizer_open_dir(folder, &err);
        OK(t && tokenizer_n_vocab(t) == *ids, "it opens: %s", t ? "another size" : err.text);
    }
    buf_free(&json);
    return t;
}

static void test_merges(const char *folder) {
    // "ab" occurs five times, " ab" four times, "cd" twice, every other pair once.
    static const char text[] = "ab ab ab ab ab cd, cd. xy";
    int ids;
    tokenizer *t = make(folder, text, strlen(text), 300, &ids);
    if (!t) return;
    OK(ids == 256 + 4 + 1, "ab, _ab, cd and _cd: %d", ids - 257);
    OK(tokenizer_find(t, "ab") == 256, "the most frequent pair comes first");
    OK(tokenizer_find(t, "\xC4\xA0"
                         "ab") == 257,
       "then the one with the space");
    OK(tokenizer_eos(t) == -1 || tokenizer_eos(t) == ids - 1, "the end of a text is the last");
    OK(tokenizer_find(t, "<|endoftext|>") == ids - 1 && tokenizer_is_special(t, ids - 1), "and special");
    tokenizer_free(t);
}

static void test_limits(const char *folder) {
    static const char text[] = "the cat and the dog and the bird and the cat";
    buf a = {0}, b = {0};
    error err = {""};
    int ids;
    tokenizer *t = make(folder, text, strlen(text), 260, &ids);
    OK(ids == 260, "as many as wanted: %d", ids);
    tokenizer_free(t);
    t = make(folder, "", 0, 300, &ids);
    OK(ids == BPE_TRAIN_LEAST, "nothing to merge in nothing: %d", ids);
    tokenizer_free(t);
    OK(bpe_train_tokenizer_json(text, strlen(text), 256, &a, &err) == -1 && *err.text, "%s", err.text);
    buf_clear(&a);
    bpe_train_tokenizer_json(text, strlen(text), 290, &a, &err);
    bpe_train_tokenizer_json(text, strlen(text), 290, &b, &err);
    OK(a.len == b.len && memcmp(a.data, b.data, a.len) == 0, "the same every time");
    buf_free(&a);
    buf_free(&b);
}

// A text of words at random, with characters of several bytes and runs of one letter, in which pairs overlap.
static void test_round_trip(const char *folder) {
    static const char *const words[] = {
        "river", "aaaa", "aaa",  "stone", "\xC3\xA9t\xC3\xA9", "\xE6\xB0\xB4", "\xF0\x9F\x8C\x99", "don't",
        "1234",  "...",  "\n\n", "  "};
    buf text = {0}, back = {0};
    id_list ids = {0};
    error err;
    unsigned random = 1;
    int n;
    for (int i = 0; i < 4000; i++) {
        random = random * 1103515245u + 12345u;
        buf_printf(&text, "%s%s", random >> 16 & 1 ? " " : "", words[(random >> 20) % 12]);
    }
    tokenizer *t = make(folder, text.data, text.len, 400, &n);
    if (t && OK(tokenizer_encode(t, text.data, text.len, 0, &ids, &err) == 0, "%s", err.text)) {
        tokenizer_decode(t, ids.data, ids.len, false, &back);
        OK(back.len == text.len && memcmp(back.data, text.data, text.len) == 0, "text to ids and back");
        OK(ids.len * 3 < text.len, "a token stands for three bytes or more: %zu for %zu", ids.len, text.len);
    }
    tokenizer_free(t);
    buf_free(&text);
    buf_free(&back);
    id_list_free(&ids);
}

int main(void) {
    char *folder = make_folder();
    test_merges(folder);
    test_limits(folder);
    test_round_trip(folder);
    remove_file(folder, "tokenizer.json");
    rmdir(folder);
    free(folder);
    return test_end();
}
