// tokenizer.json: a whole pipeline as data. The members come in any order, so they are found first and read in ours:
// vocabulary, normaliser (added tokens may be normalised), added tokens, then the rest.
#include "model/text/tokenizer_open.h"
#include "model/text/json_steps.h"

#include <stdlib.h>
#include <string.h>

typedef struct reader {
    tokenizer *t;
    json root, model, decoder;
    buf a, b; // strings in work
    error *err;
} reader;

static int read_vocab_object(reader *r, json vocab) {
    json key, value;
    json_iter it = json_begin(vocab);
    while (json_next(&it, &key, &value)) {
        int64_t id;
        json_string(key, &r->a);
        if (!json_int(value, &id))
            return error_set(r->err, "the token \"%.64s\" has no id that is a number", buf_str(&r->a));
        if (vocab_set(&r->t->vocab, id, buf_str(&r->a), r->a.len, TOKEN_NORMAL, 0, r->err) != 0) return -1;
    }
    return 0;
}

// Unigram: a list of [text, score]; the id is the place in it.
static int read_vocab_list(reader *r, json vocab) {
    json entry, part;
    int64_t id = 0;
    for (json_iter it = json_begin(vocab); json_next(&it, NULL, &entry); id++) {
        double score = 0;
        json_iter pair = json_begin(entry);
        if (!json_next(&pair, NULL, &part) || !json_string(part, &r->a) || !json_next(&pair, NULL, &part) ||
            !json_double(part, &score))
            return error_set(r->err, "entry %lld of the vocabulary is not a text and its score", (long long)id);
        if (vocab_set(&r->t->vocab, id, buf_str(&r->a), r->a.len, TOKEN_NORMAL, score, r->err) != 0) return -1;
    }
    return 0;
}

// A merge is "left right" or ["left", "right"].
static int read_merges(reader *r) {
    json merge, part;
    uint32_t rank = 0;
    json list = json_get(r->model, "merges");
    bpe_init(&r->t->bpe, r->t->vocab.n);
    if (json_type(list) != JSON_ARRAY) return error_set(r->err, "a BPE model without its list of merges");
    for (json_iter it = json_begin(list); json_next(&it, NULL, &merge); rank++) {
        size_t left = 0, right = 0;
        const char *second = NULL;
        json_iter pair = json_begin(merge);
        if (json_next(&pair, NULL, &part) && json_string(part, &r->a) && json_next(&pair, NULL, &part) &&
            json_string(part, &r->b)) {
            left = r->a.len;
            second = buf_str(&r->b);
            right = r->b.len;
        } else if (json_string(merge, &r->a) && r->a.len > 2) {
            const char *space = memchr(r->a.data + 1, ' ', r->a.len - 1);
            left = space ? (size_t)(space - r->a.data) : 0;
            second = space ? space + 1 : NULL;
            right = space ? r->a.len - left - 1 : 0;
        }
        if (!second) return error_set(r->err, "merge %u is not a pair of texts", (unsigned)rank);
        if (bpe_add(&r->t->bpe, &r->t->vocab, rank, buf_str(&r->a), left, second, right, r->err) != 0) return -1;
    }
    return 0;
}

static int read_unknown(reader *r) {
    json name = json_get(r->model, "unk_token"), id = json_get(r->model, "unk_id");
    int64_t value;
    if (json_string(name, &r->a)) {
        r->t->unk = vocab_find(&r->t->vocab, buf_str(&r->a), r->a.len);
    } else if (json_int(id, &value)) {
        if (vocab_kind(&r->t->vocab, value) == TOKEN_ABSENT)
            return error_set(r->err, "unk_id is %lld, outside the vocabulary of %u tokens", (long long)value,
                             (unsigned)r->t->vocab.n);
        r->t->unk = (int32_t)value;
    }
    return 0;
}

static bool has_text(json v) {
    return json_type(v) == JSON_STRING && !json_is(v, "");
}

static int read_bpe(reader *r) {
    tokenizer *t = r->t;
    if (has_text(json_get(r->model, "continuing_subword_prefix")) || has_text(json_get(r->model, "end_of_word_suffix")))
        return error_set(r->err, "a BPE model with a prefix or suffix on its subwords, which doppel does not know");
    t->model = MODEL_BPE;
    t->byte_level =
        json_steps_has(json_get(r->root, "pre_tokenizer"), "ByteLevel") || json_steps_has(r->decoder, "ByteLevel");
    t->ignore_merges = json_bool(json_get(r->model, "ignore_merges"), false);
    t->fuse_unk = json_bool(json_get(r->model, "fuse_unk"), false);
    tokenizer_find_bytes(t);
    if (!t->byte_level) t->byte_fallback = t->byte_fallback && json_bool(json_get(r->model, "byte_fallback"), false);
    return read_merges(r);
}

static int read_unigram(reader *r) {
    tokenizer *t = r->t;
    t->model = MODEL_UNIGRAM;
    t->fuse_unk = true;
    tokenizer_find_bytes(t);
    t->byte_fallback = t->byte_fallback && json_bool(json_get(r->model, "byte_fallback"), false);
    return 0;
}

static int read_wordpiece(reader *r) {
    int64_t max = 100;
    json_int(json_get(r->model, "max_input_chars_per_word"), &max);
    r->t->model = MODEL_WORDPIECE;
    r->t->max_word = max > 0 ? (size_t)max : 0;
    if (!json_string(json_get(r->model, "continuing_subword_prefix"), &r->a)) {
        buf_clear(&r->a);
        buf_puts(&r->a, "##");
    }
    r->t->continuing = mem_strdup(buf_str(&r->a));
    return 0;
}

// Files from before "type" was written are told by what they hold.
static token_model model_of(const reader *r, error *err) {
    static const struct {
        const char *name;
        token_model model;
    } known[] = {
        {"BPE", MODEL_BPE}, {"Unigram", MODEL_UNIGRAM}, {"WordPiece", MODEL_WORDPIECE}, {"WordLevel", MODEL_WORDS}};
    json type = json_get(r->model, "type");
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (json_is(type, known[i].name)) return known[i].model;
    if (json_type(type) == JSON_STRING) {
        error_set(err, "the model of this tokenizer is not known; BPE, Unigram, WordPiece and WordLevel are");
        return (token_model)-1;
    }
    if (json_type(json_get(r->model, "merges")) == JSON_ARRAY) return MODEL_BPE;
    if (json_type(json_get(r->model, "vocab")) == JSON_ARRAY) return MODEL_UNIGRAM;
    return json_type(json_get(r->model, "continuing_subword_prefix")) == JSON_STRING ? MODEL_WORDPIECE : MODEL_WORDS;
}

static int read_model(reader *r) {
    json vocab = json_get(r->model, "vocab");
    token_model model = model_of(r, r->err);
    if (model == (token_model)-1) return -1;
    int rc = json_type(vocab) == JSON_ARRAY ? read_vocab_list(r, vocab) : read_vocab_object(r, vocab);
    if (rc != 0) return -1;
    if (r->t->vocab.n == 0) return error_set(r->err, "an empty vocabulary");
    if (read_unknown(r) != 0) return -1;
    r->t->model = model;
    switch (model) {
    case MODEL_BPE: return read_bpe(r);
    case MODEL_UNIGRAM: return read_unigram(r);
    case MODEL_WORDPIECE: return read_wordpiece(r);
    default: return 0;
    }
}

static int read_added(reader *r) {
    json entry;
    tokenizer *t = r->t;
    buf normal = {0};
    int rc = 0;
    for (json_iter it = json_begin(json_get(r->root, "added_tokens")); rc == 0 && json_next(&it, NULL, &entry);) {
        int64_t id = -1;
        bool special = json_bool(json_get(entry, "special"), false);
        if (!json_string(json_get(entry, "content"), &r->a) || !json_int(json_get(entry, "id"), &id)) {
            rc = error_set(r->err, "an added token without content or id");
            break;
        }
        rc = vocab_set(&t->vocab, id, buf_str(&r->a), r->a.len, special ? TOKEN_CONTROL : TOKEN_USER, 0, r->err);
        if (rc != 0) break;
        added_token a = {.id = (int32_t)id,
                         .special = special,
                         .single_word = json_bool(json_get(entry, "single_word"), false),
                         .lstrip = json_bool(json_get(entry, "lstrip"), false),
                         .rstrip = json_bool(json_get(entry, "rstrip"), false)};
        if (t->normalizer && json_bool(json_get(entry, "normalized"), !special) &&
            utf8_valid(buf_str(&r->a), r->a.len)) {
            rc = normalizer_run(t->normalizer, buf_str(&r->a), r->a.len, true, &normal, r->err);
            added_put(&t->added_normalized, buf_str(&normal), normal.len, a);
        } else {
            added_put(&t->added, buf_str(&r->a), r->a.len, a);
        }
    }
    buf_free(&normal);
    return rc;
}

// ---- the frame: what stands before and after a text ----

static int push_id(reader *r, int64_t id, id_list *list) {
    if (vocab_kind(&r->t->vocab, id) == TOKEN_ABSENT)
        return error_set(r->err, "the post-processor puts in the id %lld, which is no token", (long long)id);
    if (list->len >= 64) return error_set(r->err, "the post-processor puts in more than 64 tokens");
    id_list_push(list, (int32_t)id);
    return 0;
}

// "cls" and "sep" of BERT's and RoBERTa's: ["[CLS]", 101].
static int push_pair(reader *r, json pair, id_list *list) {
    json part;
    int64_t id;
    json_iter it = json_begin(pair);
    if (!json_next(&it, NULL, &part) || !json_next(&it, NULL, &part) || !json_int(part, &id))
        return error_set(r->err, "the post-processor lacks a token's id");
    return push_id(r, id, list);
}

static int read_template(reader *r, json v) {
    json piece, id;
    bool after = false;
    for (json_iter it = json_begin(json_get(v, "single")); json_next(&it, NULL, &piece);) {
        if (json_type(json_get(piece, "Sequence")) == JSON_OBJECT) {
            after = true;
            continue;
        }
        if (!json_string(json_get(json_get(piece, "SpecialToken"), "id"), &r->a))
            return error_set(r->err, "a part of the post-processor's template is neither a token nor the text");
        json special = json_get(json_get(v, "special_tokens"), buf_str(&r->a));
        json_iter ids = json_begin(json_get(special, "ids"));
        int64_t value;
        while (json_next(&ids, NULL, &id))
            if (!json_int(id, &value) || push_id(r, value, after ? &r->t->back : &r->t->front) != 0)
                return error_set(r->err, "the post-processor's token \"%.64s\" has an id that is no token",
                                 buf_str(&r->a));
    }
    return 0;
}

static int read_post_processor(reader *r, json v) {
    json type = json_get(v, "type"), x;
    if (json_type(type) != JSON_STRING || json_is(type, "ByteLevel")) return 0;
    if (json_is(type, "Sequence")) {
        json_iter it = json_begin(json_get(v, "processors"));
        while (json_next(&it, NULL, &x))
            if (read_post_processor(r, x) != 0) return -1;
        return 0;
    }
    if (json_is(type, "TemplateProcessing")) return read_template(r, v);
    if (json_is(type, "BertProcessing") || json_is(type, "RobertaProcessing"))
        return push_pair(r, json_get(v, "cls"), &r->t->front) || push_pair(r, json_get(v, "sep"), &r->t->back) ? -1 : 0;
    json_string(type, &r->a);
    return error_set(r->err, "the post-processor \"%.64s\" is not known to doppel", buf_str(&r->a));
}

// ---- decoding: which bytes each token stands for ----

// The decoder, or the part of it, that is of this type; absent when there is none.
static json decoder_of(json v, const char *type) {
    json x, found = {0};
    if (json_is(json_get(v, "type"), type)) return v;
    json_iter it = json_begin(json_get(v, "decoders"));
    while (json_type(found) == JSON_ABSENT && json_next(&it, NULL, &x)) found = decoder_of(x, type);
    return found;
}

// Whether there is such a part whose `key` is this text.
static bool decoder_with(json v, const char *type, const char *key, const char *text) {
    json value = json_get(decoder_of(v, type), key), string = json_get(value, "String");
    return json_is(json_type(string) == JSON_STRING ? string : value, text);
}

static void read_marked_decoder(reader *r) {
    tokenizer *t = r->t;
    for (uint32_t id = 0; id < t->vocab.n && json_steps_has(r->decoder, "ByteFallback"); id++) {
        size_t len;
        const char *text = vocab_text(&t->vocab, id, &len);
        if (t->vocab.tokens[id].kind == TOKEN_NORMAL && len == 6 && memcmp(text, "<0x", 3) == 0)
            t->vocab.tokens[id].kind = TOKEN_BYTE;
    }
    tokenizer_mark_pieces(t);
    json metaspace = decoder_of(r->decoder, "Metaspace");
    t->drops_first_space = json_type(metaspace) == JSON_OBJECT
                               ? !json_is(json_get(metaspace, "prepend_scheme"), "never") &&
                                     json_bool(json_get(metaspace, "add_prefix_space"), true)
                               : decoder_with(r->decoder, "Strip", "content", " ");
}

static void read_decoder(reader *r) {
    json_kind kind = json_type(r->decoder);
    if (r->t->byte_level)
        tokenizer_byte_pieces(r->t);
    else if (json_steps_has(r->decoder, "WordPiece"))
        tokenizer_spaced_pieces(r->t, r->t->continuing ? r->t->continuing : "##",
                                json_bool(json_get(r->decoder, "cleanup"), true));
    else if (json_steps_has(r->decoder, "Metaspace") || decoder_with(r->decoder, "Replace", "pattern", TOKENIZER_MARK))
        read_marked_decoder(r);
    else if (kind != JSON_OBJECT)
        tokenizer_spaced_pieces(r->t, "", false);
}

static int read_all(reader *r) {
    tokenizer *t = r->t;
    if (json_type(r->model) != JSON_OBJECT) return error_set(r->err, "no \"model\" in it");
    if (read_model(r) != 0) return -1;
    normalizer *n = normalizer_new();
    if (json_steps_normalizer(json_get(r->root, "normalizer"), n, r->err) != 0) {
        normalizer_free(n);
        return -1;
    }
    if (normalizer_n_steps(n))
        t->normalizer = n;
    else
        normalizer_free(n);
    if (read_added(r) != 0) return -1;
    if (json_steps_splitter(json_get(r->root, "pre_tokenizer"), t->splitter, r->err) != 0) return -1;
    if (!t->byte_level && splitter_n_steps(t->splitter) == 0 && t->model == MODEL_BPE && tokenizer_marks_lead(t))
        splitter_add_regex(t->splitter, tokenizer_mark_pattern, strlen(tokenizer_mark_pattern), SPLIT_ISOLATED, false,
                           NULL);
    if (read_post_processor(r, json_get(r->root, "post_processor")) != 0) return -1;
    if (t->model == MODEL_UNIGRAM || t->model == MODEL_WORDPIECE) tokenizer_index_pieces(t);
    read_decoder(r);
    return 0;
}

tokenizer *tokenizer_json_open(const char *text, size_t len, error *err) {
    reader r = {.err = err};
    // Its strings go into texts on which patterns run, and these rely on valid text.
    if (!utf8_valid(text, len)) {
        error_set(err, "not JSON: it is no valid UTF-8; the file is damaged, fetch it again");
        return NULL;
    }
    if (json_check(text, len, &r.root, err) != 0) return NULL;
    r.model = json_get(r.root, "model");
    r.decoder = json_get(r.root, "decoder");
    r.t = tokenizer_new(len / 64);
    int rc = read_all(&r);
    buf_free(&r.a);
    buf_free(&r.b);
    if (rc == 0) return r.t;
    tokenizer_free(r.t);
    return NULL;
}
