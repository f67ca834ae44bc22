// Tokenizers from a GGUF file's tokenizer.ggml.* keys. gguf_open has checked that every array lies in the file; here
// the arrays are compared with one another and with the embedding.
#include "model/text/json_steps.h"
#include "model/text/pre.h"
#include "model/text/tokenizer_open.h"

#include <stdlib.h>
#include <string.h>

// Values of tokenizer.ggml.token_type.
enum { TYPE_NORMAL = 1, TYPE_UNKNOWN, TYPE_CONTROL, TYPE_USER, TYPE_UNUSED, TYPE_BYTE };

typedef struct reader {
    const gguf *g;
    tokenizer *t;
    uint64_t n;
    gguf_array texts, types, scores;
    bool has_types, has_scores;
    error *err;
} reader;

// An array that, when present, has one element per token. 1, 0 when absent, -1.
static int per_token_array(reader *r, const char *key, gguf_array *a) {
    int found = gguf_get_array(r->g, key, a, r->err);
    if (found == 1 && (a->n != r->n || a->type == GGUF_STRING || a->type == GGUF_ARRAY))
        return error_set(r->err, "%s: %s has %llu elements for %llu tokens; the file is damaged", gguf_path(r->g), key,
                         (unsigned long long)a->n, (unsigned long long)r->n);
    return found;
}

static int read_arrays(reader *r) {
    const char *path = gguf_path(r->g);
    int found = gguf_get_array(r->g, "tokenizer.ggml.tokens", &r->texts, r->err);
    if (found < 0) return -1;
    if (!found || r->texts.type != GGUF_STRING)
        return error_set(r->err, "%s: no list of tokens (tokenizer.ggml.tokens); use a GGUF with its tokenizer inside",
                         path);
    r->n = r->texts.n;
    if (r->n == 0 || r->n > VOCAB_MAX_TOKENS)
        return error_set(r->err, "%s: a vocabulary of %llu tokens; 1 to %d are possible", path,
                         (unsigned long long)r->n, VOCAB_MAX_TOKENS);
    const file_tensor *embedding = gguf_tensor(r->g, "token_embd.weight");
    if (embedding && (uint64_t)embedding->ne[1] != r->n)
        return error_set(r->err, "%s: %llu tokens but an embedding of %lld rows; the file is damaged", path,
                         (unsigned long long)r->n, (long long)embedding->ne[1]);
    int types = per_token_array(r, "tokenizer.ggml.token_type", &r->types);
    int scores = per_token_array(r, "tokenizer.ggml.scores", &r->scores);
    r->has_types = types == 1;
    r->has_scores = scores == 1;
    return types < 0 || scores < 0 ? -1 : 0;
}

static token_kind kind_of(const reader *r, uint64_t i) {
    switch (r->has_types ? gguf_array_int(&r->types, i) : TYPE_NORMAL) {
    case TYPE_UNKNOWN: return TOKEN_UNKNOWN;
    case TYPE_CONTROL: return TOKEN_CONTROL;
    case TYPE_USER: return TOKEN_USER;
    case TYPE_BYTE: return TOKEN_BYTE;
    default: return TOKEN_NORMAL;
    }
}

static int read_tokens(reader *r) {
    vocab *v = &r->t->vocab;
    const char *text;
    size_t len;
    for (uint64_t i = 0; gguf_array_next_string(&r->texts, &text, &len); i++) {
        token_kind kind = kind_of(r, i);
        double score = r->has_scores ? gguf_array_float(&r->scores, i) : 0;
        if (vocab_set(v, (int64_t)i, text, len, kind, score, r->err) != 0)
            return error_prefix(r->err, "%s", gguf_path(r->g));
        bool special = kind == TOKEN_CONTROL || kind == TOKEN_UNKNOWN;
        if (kind == TOKEN_UNKNOWN && r->t->unk < 0) r->t->unk = (int32_t)i;
        if (special || kind == TOKEN_USER)
            added_put(&r->t->added, text, len, (added_token){.id = (int32_t)i, .special = special});
    }
    return 0;
}

// A merge is two texts with a space between them. Merges of texts that are no tokens are left out: some converted
// models carry them, and they can never apply.
static int read_merges(reader *r) {
    gguf_array merges;
    int found = gguf_get_array(r->g, "tokenizer.ggml.merges", &merges, r->err);
    if (found < 0) return -1;
    if (!found || merges.type != GGUF_STRING)
        return error_set(r->err, "%s: a byte-pair vocabulary without its merges (tokenizer.ggml.merges)",
                         gguf_path(r->g));
    bpe_init(&r->t->bpe, merges.n);
    const char *text;
    size_t len;
    for (uint32_t rank = 0; gguf_array_next_string(&merges, &text, &len); rank++) {
        const char *space = len > 1 ? memchr(text + 1, ' ', len - 1) : NULL;
        if (!space)
            return error_set(r->err, "%s: merge %u is not two texts with a space between them; the file is damaged",
                             gguf_path(r->g), (unsigned)rank);
        size_t left = (size_t)(space - text);
        bpe_add(&r->t->bpe, &r->t->vocab, rank, text, left, space + 1, len - left - 1, NULL);
    }
    return 0;
}

// An optional id that must be one of the vocabulary's.
static int read_id(reader *r, const char *name, int32_t *id) {
    char key[64];
    strcpy(key, "tokenizer.ggml.");
    strcat(key, name);
    int64_t value;
    int found = gguf_get_int(r->g, key, &value, r->err);
    if (found < 0) return -1;
    if (!found) return 0;
    if (value < 0 || (uint64_t)value >= r->n)
        return error_set(r->err, "%s: %s is %lld, outside the vocabulary of %llu tokens; the file is damaged",
                         gguf_path(r->g), key, (long long)value, (unsigned long long)r->n);
    *id = (int32_t)value;
    return 1;
}

static int read_specials(reader *r, bool adds_bos, bool adds_eos) {
    tokenizer *t = r->t;
    int32_t end = -1;
    if (read_id(r, "bos_token_id", &t->bos) < 0 || read_id(r, "eos_token_id", &t->eos) < 0 ||
        read_id(r, "unknown_token_id", &t->unk) < 0)
        return -1;
    if (gguf_get_bool(r->g, "tokenizer.ggml.add_bos_token", &adds_bos, r->err) < 0 ||
        gguf_get_bool(r->g, "tokenizer.ggml.add_eos_token", &adds_eos, r->err) < 0)
        return -1;
    if (adds_bos && t->bos >= 0) id_list_push(&t->front, t->bos);
    if (adds_eos && t->eos >= 0) id_list_push(&t->back, t->eos);
    static const char *const ends[] = {"eot_token_id", "eom_token_id"};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        int found = read_id(r, ends[i], &end);
        if (found < 0) return -1;
        if (found) id_list_push(&t->ends, end);
    }
    tokenizer_find_ends(t);
    return 0;
}

// Byte-level BPE ("gpt2").
static int open_bpe(reader *r) {
    const char *pre = "";
    size_t len = 0;
    if (gguf_get_string(r->g, "tokenizer.ggml.pre", &pre, &len, r->err) < 0) return -1;
    tokenizer *t = r->t;
    pre_tokenizer p = pre_tokenizer_add(t->splitter, pre, len);
    t->model = MODEL_BPE;
    t->byte_level = true;
    t->ignore_merges = p.ignore_merges;
    if (!p.known) {
        buf w = {0};
        buf_printf(&w, "the pre-tokenizer \"%.*s\" is not known; GPT-2's is used, so some texts may be cut differently",
                   (int)(len < 64 ? len : 64), pre);
        t->warning = buf_take(&w);
    }
    if (read_tokens(r) != 0) return -1;
    tokenizer_byte_pieces(t);
    tokenizer_find_bytes(t);
    if (read_merges(r) != 0) return -1;
    if (read_specials(r, p.adds_bos, false) != 0) return -1;
    t->unk = -1; // a byte that is missing is dropped, as the models' own tokenizers do
    return 0;
}

// SentencePiece's BPE ("llama") and unigram ("t5").
static int open_sentencepiece(reader *r, token_model model) {
    tokenizer *t = r->t;
    const char *charsmap = NULL;
    gguf_array map;
    bool unigram = model == MODEL_UNIGRAM, prefix = true, squeeze = unigram;
    if (!r->has_scores)
        return error_set(r->err, "%s: a SentencePiece vocabulary without its scores (tokenizer.ggml.scores)",
                         gguf_path(r->g));
    if (gguf_get_bool(r->g, "tokenizer.ggml.add_space_prefix", &prefix, r->err) < 0 ||
        gguf_get_bool(r->g, "tokenizer.ggml.remove_extra_whitespaces", &squeeze, r->err) < 0)
        return -1;
    int mapped = unigram ? gguf_get_array(r->g, "tokenizer.ggml.precompiled_charsmap", &map, r->err) : 0;
    if (mapped < 0) return -1;
    if (mapped == 1 && (map.type == GGUF_UINT8 || map.type == GGUF_INT8)) charsmap = (const char *)map.data;
    t->model = model;
    t->fuse_unk = t->single_scores = true;
    if (read_tokens(r) != 0 || read_specials(r, !unigram, unigram) != 0) return -1;
    tokenizer_find_bytes(t);
    if (unigram)
        tokenizer_index_pieces(t);
    else
        tokenizer_rank_scores(t);
    if (tokenizer_marked_steps(t, charsmap, charsmap ? map.n : 0, squeeze, prefix, r->err) != 0)
        return error_prefix(r->err, "%s", gguf_path(r->g));
    return 0;
}

// WordPiece ("bert"). GGUF writes the pieces that begin a word with U+2581 and the others bare; doppel keeps BERT's own
// way, "##" in front of the others. A text in brackets, as [CLS], is a token by itself.
static int read_bert_tokens(reader *r) {
    const char *text;
    size_t len;
    buf own = {0};
    int rc = 0;
    for (uint64_t i = 0; rc == 0 && gguf_array_next_string(&r->texts, &text, &len); i++) {
        bool starts = len >= 3 && memcmp(text, TOKENIZER_MARK, 3) == 0,
             named = len > 2 && text[0] == '[' && text[len - 1] == ']';
        token_kind kind = named && kind_of(r, i) != TOKEN_USER ? TOKEN_CONTROL : kind_of(r, i);
        buf_clear(&own);
        if (!starts && !named) buf_puts(&own, "##");
        buf_append(&own, starts ? text + 3 : text, starts ? len - 3 : len);
        rc = vocab_set(&r->t->vocab, (int64_t)i, buf_str(&own), own.len, TOKEN_NORMAL, 0, r->err);
        if (rc == 0 && kind != TOKEN_NORMAL) tokenizer_add_special(r->t, (int32_t)i, kind != TOKEN_USER);
    }
    buf_free(&own);
    return rc == 0 ? 0 : error_prefix(r->err, "%s", gguf_path(r->g));
}

static int open_bert(reader *r) {
    tokenizer *t = r->t;
    int32_t cls = -1, sep = -1;
    t->model = MODEL_WORDPIECE;
    t->max_word = 100;
    t->continuing = mem_strdup("##");
    t->normalizer = normalizer_new();
    json_steps_bert(t->normalizer, true, true, true, true);
    json_steps_bert_splitter(t->splitter);
    if (read_bert_tokens(r) != 0) return -1;
    // The key is misspelt in the format, and spelt rightly in newer files.
    if (read_specials(r, false, false) != 0 || read_id(r, "cls_token_id", &cls) < 0 ||
        read_id(r, "seperator_token_id", &sep) < 0 || read_id(r, "separator_token_id", &sep) < 0)
        return -1;
    if (cls < 0) cls = t->bos >= 0 ? t->bos : tokenizer_find(t, "[CLS]");
    if (sep < 0) sep = tokenizer_find(t, "[SEP]");
    if (t->unk < 0) t->unk = tokenizer_find(t, "[UNK]");
    t->front.len = t->back.len = 0;
    if (cls >= 0) id_list_push(&t->front, cls);
    if (sep >= 0) id_list_push(&t->back, sep);
    tokenizer_index_pieces(t);
    tokenizer_spaced_pieces(t, "##", true);
    return 0;
}

static int open_model(reader *r, const char *model, size_t len) {
    if (len == 4 && memcmp(model, "gpt2", len) == 0) return open_bpe(r);
    if (len == 5 && memcmp(model, "llama", len) == 0) return open_sentencepiece(r, MODEL_SPM);
    if (len == 2 && memcmp(model, "t5", len) == 0) return open_sentencepiece(r, MODEL_UNIGRAM);
    if (len == 4 && memcmp(model, "bert", len) == 0) return open_bert(r);
    return error_set(r->err, "%s: the tokenizer model \"%.*s\" is not known; gpt2, llama, t5 and bert are",
                     gguf_path(r->g), (int)(len < 64 ? len : 64), model);
}

tokenizer *tokenizer_open_gguf(const gguf *g, error *err) {
    const char *model;
    size_t len;
    int found = gguf_get_string(g, "tokenizer.ggml.model", &model, &len, err);
    if (found < 0) return NULL;
    if (!found) {
        error_set(err, "%s: the file has no tokenizer (tokenizer.ggml.model); use one that was converted with it",
                  gguf_path(g));
        return NULL;
    }
    reader r = {.g = g, .err = err};
    if (read_arrays(&r) != 0) return NULL;
    r.t = tokenizer_new(r.n);
    if (open_model(&r, model, len) == 0) return r.t;
    tokenizer_free(r.t);
    return NULL;
}
