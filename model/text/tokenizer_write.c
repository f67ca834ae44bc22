// A directory's tokenizer as GGUF's keys. Texts and scores are taken as they were read; merges are listed in the order
// of their ranks. A GGUF only names its way of cutting a text (tokenizer.ggml.pre), so the name is found by trial: a
// text that holds what patterns differ in is cut in every way that has a name.
#include "model/text/tokenizer_write.h"
#include "model/text/pre.h"
#include "model/text/tokenizer_impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Values of tokenizer.ggml.token_type.
enum { TYPE_NORMAL = 1, TYPE_UNKNOWN, TYPE_CONTROL, TYPE_USER, TYPE_UNUSED, TYPE_BYTE };

// Unchanged by NFC: composed letters only.
static const char probe[] =
    "Hello world's DON'T we'll WE'LL I'm 1 12 123 1234 12345 x1 1x 3.14 1,000 a_b snake_case CamelCase HTMLParser  two   "
    "three    four\tTab\t\ttabs\n\nlines\r\n windows\n  indented\n\n\n end.\n!? ... --- <tag/> $5 #x @y \"q\" (p) [b] {c} "
    "a+b=c x^2 ~`| caf\xc3\xa9 \xc3\x9c"
    "ber na\xc3\xafve \xd0\x9f\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82 "
    "\xe4\xbd\xa0\xe5\xa5\xbd\xe4\xb8\x96\xe7\x95\x8c \xe3\x81\x93\xe3\x82\x93\xe3\x81\xab \xed\x95\x9c\xea\xb5\xad "
    "\xd8\xb3\xd9\x84\xd8\xa7\xd9\x85 \xf0\x9f\x98\x80\xf0\x9f\x91\x8d \xe2\x82\xac"
    "5 \xe2\x80\x94 \xe2\x80\xa6 "
    "\xd9\xa1\xd9\xa2\xd9\xa3 \xc2\xbd word! word, (word) 'quoted' it's9 \n x  ";

static int put_piece(void *arg, const char *piece, size_t len) {
    buf *out = arg;
    buf_append(out, piece, len);
    buf_putc(out, '\0');
    return 0;
}

static bool cuts_alike(const splitter *s, const buf *wanted) {
    buf got = {0};
    bool same = splitter_run(s, probe, sizeof probe - 1, true, put_piece, &got, NULL) == 0 && got.len == wanted->len &&
                memcmp(got.data, wanted->data, got.len) == 0;
    buf_free(&got);
    return same;
}

// The name of t's way of cutting; NULL when it has none.
static const char *find_pre(const tokenizer *t, size_t *len) {
    buf wanted = {0};
    const char *found = NULL, *name;
    if (splitter_run(t->splitter, probe, sizeof probe - 1, true, put_piece, &wanted, NULL) != 0) wanted.len = 0;
    for (size_t i = 0; wanted.len && !found && (name = pre_tokenizer_name(i, len)); i++) {
        splitter *s = splitter_new();
        pre_tokenizer p = pre_tokenizer_add(s, name, *len);
        if (p.ignore_merges == t->ignore_merges && cuts_alike(s, &wanted)) found = name;
        splitter_free(s);
    }
    buf_free(&wanted);
    return found;
}

// A normaliser has no place in a GGUF. NFC leaves nearly every text as it is and is left out, others are not.
static bool is_normalised(const tokenizer *t) {
    buf out = {0};
    bool same = !t->normalizer || (normalizer_run(t->normalizer, probe, sizeof probe - 1, true, &out, NULL) == 0 &&
                                   out.len == sizeof probe - 1 && memcmp(out.data, probe, out.len) == 0);
    buf_free(&out);
    return !same;
}

static int32_t type_of(token_kind kind) {
    switch (kind) {
    case TOKEN_ABSENT: return TYPE_UNUSED;
    case TOKEN_BYTE: return TYPE_BYTE;
    case TOKEN_USER: return TYPE_USER;
    case TOKEN_CONTROL: return TYPE_CONTROL;
    case TOKEN_UNKNOWN: return TYPE_UNKNOWN;
    default: return TYPE_NORMAL;
    }
}

static void write_tokens(const tokenizer *t, int n_vocab, gguf_writer *w) {
    int32_t *types = mem_calloc((size_t)n_vocab, sizeof *types);
    gguf_write_texts(w, "tokenizer.ggml.tokens", (uint64_t)n_vocab);
    for (int id = 0; id < n_vocab; id++) {
        token_kind kind = vocab_kind(&t->vocab, id);
        char unused[32];
        size_t len = (size_t)snprintf(unused, sizeof unused, "[PAD%d]", id);
        const char *text = kind == TOKEN_ABSENT ? unused : vocab_text(&t->vocab, (uint32_t)id, &len);
        types[id] = type_of(kind);
        gguf_write_next_text(w, text, len);
    }
    gguf_write_numbers(w, "tokenizer.ggml.token_type", GGUF_INT32, types, (uint64_t)n_vocab);
    free(types);
}

static void write_scores(const tokenizer *t, int n_vocab, gguf_writer *w) {
    float *scores = mem_calloc((size_t)n_vocab, sizeof *scores);
    for (int id = 0; id < n_vocab; id++)
        scores[id] = vocab_kind(&t->vocab, id) == TOKEN_ABSENT ? -1e4f : (float)t->vocab.tokens[id].score;
    gguf_write_numbers(w, "tokenizer.ggml.scores", GGUF_FLOAT32, scores, (uint64_t)n_vocab);
    free(scores);
}

static int by_rank(const void *a, const void *b) {
    uint32_t x = ((const bpe_merge *)a)->rank, y = ((const bpe_merge *)b)->rank;
    return (x > y) - (x < y);
}

static void write_merges(const tokenizer *t, gguf_writer *w) {
    const bpe *b = &t->bpe;
    bpe_merge *merges = mem_calloc(b->n_used, sizeof *merges);
    size_t n = 0;
    for (size_t i = 0; i < b->n_slots; i++)
        if (b->slots[i].rank) merges[n++] = b->slots[i];
    qsort(merges, n, sizeof *merges, by_rank);
    gguf_write_texts(w, "tokenizer.ggml.merges", n);
    buf text = {0};
    for (size_t i = 0; i < n; i++) {
        size_t len;
        const char *left = vocab_text(&t->vocab, (uint32_t)(merges[i].pair >> 32), &len);
        buf_clear(&text);
        buf_append(&text, left, len);
        buf_putc(&text, ' ');
        const char *right = vocab_text(&t->vocab, (uint32_t)merges[i].pair, &len);
        buf_append(&text, right, len);
        gguf_write_next_text(w, text.data, text.len);
    }
    buf_free(&text);
    free(merges);
}

static int write_bpe(const tokenizer *t, int n_vocab, const char *path, gguf_writer *w, error *err) {
    size_t len;
    const char *pre = is_normalised(t) ? NULL : find_pre(t, &len);
    if (!pre)
        return error_set(
            err, "%s: its tokenizer cuts texts in a way that has no name in GGUF; export it with --format hf", path);
    gguf_write_text(w, "tokenizer.ggml.model", "gpt2", 4);
    gguf_write_text(w, "tokenizer.ggml.pre", pre, len);
    write_tokens(t, n_vocab, w);
    write_merges(t, w);
    return 0;
}

static int write_spm(const tokenizer *t, int n_vocab, gguf_writer *w) {
    gguf_write_text(w, "tokenizer.ggml.model", "llama", 5);
    gguf_write_text(w, "tokenizer.ggml.pre", "default", 7);
    write_tokens(t, n_vocab, w);
    write_scores(t, n_vocab, w);
    gguf_write_bool(w, "tokenizer.ggml.add_space_prefix", t->drops_first_space);
    return 0;
}

static void write_id(gguf_writer *w, const char *key, int32_t id) {
    if (id >= 0) gguf_write_int(w, key, id);
}

int tokenizer_write_gguf(const tokenizer *t, const char *chat_template, size_t template_len, int n_vocab,
                         const char *path, gguf_writer *w, error *err) {
    int rc;
    if (t->vocab.n > (uint32_t)n_vocab)
        return error_set(err,
                         "%s: its tokenizer has %u tokens, the model only %d embeddings; the files do not belong "
                         "together",
                         path, (unsigned)t->vocab.n, n_vocab);
    if (t->model == MODEL_BPE && t->byte_level)
        rc = write_bpe(t, n_vocab, path, w, err);
    else if (t->model == MODEL_SPM)
        rc = write_spm(t, n_vocab, w);
    else
        rc = error_set(
            err, "%s: only byte-level BPE and SentencePiece's BPE are written into a GGUF; export it with --format hf",
            path);
    if (rc != 0) return -1;
    write_id(w, "tokenizer.ggml.bos_token_id", t->bos);
    write_id(w, "tokenizer.ggml.eos_token_id", t->eos);
    write_id(w, "tokenizer.ggml.unknown_token_id", t->unk);
    gguf_write_bool(w, "tokenizer.ggml.add_bos_token", tokenizer_adds_bos(t));
    if (chat_template) gguf_write_text(w, "tokenizer.chat_template", chat_template, template_len);
    return 0;
}
