// WordPiece: vocab.txt, cased and uncased, and the vocabulary of a GGUF file.
#include "tests/models.h"
#include "tests/text_cases.h"

static void gives(const tokenizer *t, const char *text, size_t n, unsigned flags, const char *want) {
    id_list ids = {0};
    buf got = {0};
    error err;
    tokenizer_encode(t, text, n, flags, &ids, &err);
    for (size_t i = 0; i < ids.len; i++) {
        size_t len;
        const char *piece = tokenizer_piece(t, ids.data[i], true, &len);
        buf_printf(&got, "%s%.*s", i ? "|" : "", (int)len, piece);
    }
    OK(strcmp(buf_str(&got), want) == 0, "\"%s\" -> \"%s\", got \"%s\"", text, want, buf_str(&got));
    buf_free(&got);
    id_list_free(&ids);
}

#define GIVES(t, text, want) gives(t, text, sizeof text - 1, TOKENIZER_SPECIAL, want)

// Pieces are shown as they are written into a text: " " in front of those that begin a word.
static const char vocabulary[] =
    "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nun\n##aff\n##able\n##a\ncafe\ncaf\xC3\xA9\nCafe\nhello\nHello\n!\n,\n"
    ".\n$\nn\n##o\n\xE4\xBD\xA0\n\xE5\xA5\xBD\na\n##\n";

static tokenizer *open_vocab(const char *config) {
    error err = {{0}};
    char *folder = make_folder();
    write_file(folder, "vocab.txt", vocabulary, sizeof vocabulary - 1);
    if (config) write_file(folder, "tokenizer_config.json", config, strlen(config));
    tokenizer *t = tokenizer_open_dir(folder, &err);
    OK(t != NULL, "vocab.txt opens: %s", err.text);
    remove_file(folder, "vocab.txt");
    remove_file(folder, "tokenizer_config.json");
    rmdir(folder);
    free(folder);
    return t;
}

static void test_uncased(void) {
    tokenizer *t = open_vocab(NULL);
    if (!t) return;
    GIVES(t, "unaffable", " un|aff|able");
    GIVES(t, "UNAFFABLE", " un|aff|able");
    GIVES(t, "unaffabley", " [UNK]");
    GIVES(t, "Caf\xC3\xA9", " cafe");
    GIVES(t, "cafe\xCC\x81", " cafe");
    GIVES(t, "hello,hello!", " hello|,| hello|!");
    GIVES(t, "hello$", " hello| $");
    GIVES(t, "\xE4\xBD\xA0\xE5\xA5\xBD", " \xE4\xBD\xA0| \xE5\xA5\xBD");
    GIVES(t, "hel\xC2\xADlo he\x01llo", " hello| hello");
    GIVES(t, "hello\xE3\x80\x80hello\thello", " hello| hello| hello");
    GIVES(t, "hello [MASK] hello", " hello| [MASK]| hello");
    GIVES(t, "", "");
    GIVES(t, " \n ", "");
    gives(t, "hello", 5, TOKENIZER_SPECIAL | TOKENIZER_BOS, " [CLS]| hello| [SEP]");
    gives(t, "", 0, TOKENIZER_BOS, " [CLS]| [SEP]");
    gives(t, "he\xFFllo", 6, 0, " hello"); // the byte becomes U+FFFD, which is cleaned away
    buf out = {0};
    tokenizer_decode(t, (int32_t[]){2, 12, 14, 5, 6, 7, 16, 3}, 8, false, &out);
    OK(strcmp(buf_str(&out), "hello! unaffable.") == 0, "decoded \"%s\"", buf_str(&out));
    buf_free(&out);
    tokenizer_free(t);
}

static void test_cased(void) {
    tokenizer *t = open_vocab("{\"do_lower_case\":false}");
    if (!t) return;
    GIVES(t, "Hello hello Cafe caf\xC3\xA9", " Hello| hello| Cafe| caf\xC3\xA9");
    GIVES(t, "HELLO", " [UNK]");
    tokenizer_free(t);
    t = open_vocab("{\"do_lower_case\":true,\"strip_accents\":false}");
    if (!t) return;
    GIVES(t, "CAF\xC3\x89", " caf\xC3\xA9");
    tokenizer_free(t);
    t = open_vocab("{\"tokenize_chinese_chars\":false}");
    if (!t) return;
    GIVES(t, "\xE4\xBD\xA0\xE5\xA5\xBD", " [UNK]");
    tokenizer_free(t);
}

// A word of more than a hundred characters is unknown, whatever its pieces.
static void test_long_words(void) {
    tokenizer *t = open_vocab(NULL);
    if (!t) return;
    buf word = {0}, want = {0};
    for (int i = 0; i < 100; i++) {
        buf_putc(&word, 'a');
        buf_puts(&want, i ? "|a" : " a");
    }
    gives(t, word.data, word.len, 0, buf_str(&want));
    buf_putc(&word, 'a');
    gives(t, word.data, word.len, 0, " [UNK]");
    while (word.len < 1 << 20) buf_putc(&word, 'a');
    gives(t, word.data, word.len, 0, " [UNK]");
    buf_free(&word);
    buf_free(&want);
    tokenizer_free(t);
}

#define MARK "\xE2\x96\x81"

static void test_gguf(void) {
    static const char *const pieces[] = {"[PAD]", "[UNK]", "[CLS]",      "[SEP]",  MARK "un",
                                         "aff",   "able",  MARK "hello", MARK "!", MARK "["};
    enum { N = sizeof pieces / sizeof *pieces };
    buf b = {0};
    error err = {{0}};
    put_header(&b, 3, 0, 5);
    put_key_text(&b, "tokenizer.ggml.model", "bert");
    put_key_u32(&b, "tokenizer.ggml.bos_token_id", 2);
    put_key_u32(&b, "tokenizer.ggml.seperator_token_id", 3);
    put_key_u32(&b, "tokenizer.ggml.unknown_token_id", 1);
    put_key(&b, "tokenizer.ggml.tokens", GGUF_ARRAY);
    put_u32(&b, GGUF_STRING);
    put_u64(&b, N);
    for (int i = 0; i < N; i++) put_text(&b, pieces[i]);
    put_padding(&b, 32);
    gguf *g = gguf_open_memory(b.data, b.len, "made.gguf", &err);
    tokenizer *t = g ? tokenizer_open_gguf(g, &err) : NULL;
    gguf_close(g);
    buf_free(&b);
    if (!OK(t != NULL, "opens: %s", err.text)) return;
    gives(t, "Unaffable hello!", 16, TOKENIZER_BOS, " [CLS]| un|aff|able| hello|!| [SEP]");
    GIVES(t, "affable [ [SEP]", " [UNK]| [| [SEP]");
    tokenizer_free(t);
}

int main(void) {
    test_uncased();
    test_cased();
    test_long_words();
    test_gguf();
    return test_end();
}
