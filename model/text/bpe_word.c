// The two kinds of byte-pair encoding: by a table of merges, and SentencePiece's by scores.
#include "model/text/byte_map.h"
#include "model/text/tokenizer_impl.h"

#include <stdlib.h>
#include <string.h>

static int by_score(const void *a, const void *b) {
    const vocab_token *x = *(const vocab_token *const *)a, *y = *(const vocab_token *const *)b;
    return (x->score < y->score) - (x->score > y->score);
}

// Scores are compared as ranks, so that both kinds use the same queue (and NaN, which compares with nothing, is last).
void tokenizer_rank_scores(tokenizer *t) {
    vocab *v = &t->vocab;
    const vocab_token **order = mem_calloc(v->n, sizeof *order);
    for (uint32_t i = 0; i < v->n; i++) {
        if (!(v->tokens[i].score == v->tokens[i].score)) v->tokens[i].score = -1e300;
        order[i] = &v->tokens[i];
    }
    qsort(order, v->n, sizeof *order, by_score);
    t->ranks = mem_calloc(v->n, sizeof *t->ranks);
    uint32_t rank = 0;
    for (uint32_t i = 0; i < v->n; i++) {
        if (i && order[i]->score != order[i - 1]->score) rank++;
        t->ranks[order[i] - v->tokens] = rank;
    }
    free(order);
}

// The word as one token; -1 when it is none, or an added token, which is found before a text is cut into words.
static int32_t whole_token(const tokenizer *t, const char *word, size_t len) {
    if (len > t->vocab.longest) return -1;
    buf mapped = {0};
    if (t->byte_level)
        byte_map_write(&mapped, word, len);
    else
        buf_append(&mapped, word, len);
    int32_t id = vocab_find(&t->vocab, buf_str(&mapped), mapped.len);
    buf_free(&mapped);
    token_kind kind = vocab_kind(&t->vocab, id);
    return kind == TOKEN_USER || kind == TOKEN_CONTROL ? -1 : id;
}

typedef struct spm_word {
    const tokenizer *t;
    const char *text;
} spm_word;

static bool find_by_text(const void *arg, const bpe_symbol *left, const bpe_symbol *right, uint32_t *rank,
                         int32_t *id) {
    const spm_word *w = arg;
    *id = vocab_find(&w->t->vocab, w->text + left->start, left->len + right->len);
    token_kind kind = vocab_kind(&w->t->vocab, *id);
    if (kind != TOKEN_NORMAL && kind != TOKEN_USER) return false;
    *rank = w->t->ranks[*id];
    return true;
}

// Characters (a byte that is no UTF-8 counts as one); id -1 where the vocabulary lacks it.
static size_t split_characters(const tokenizer *t, const char *word, size_t len, bpe_symbol *s) {
    size_t n = 0;
    for (size_t i = 0; i < len;) {
        uint32_t c;
        int size = utf8_decode(word + i, len - i, &c);
        if (size <= 0) size = 1;
        int32_t id = vocab_find(&t->vocab, word + i, (size_t)size);
        token_kind kind = vocab_kind(&t->vocab, id);
        if (kind == TOKEN_CONTROL || kind == TOKEN_UNKNOWN) id = -1;
        s[n++] = (bpe_symbol){.id = id, .start = (uint32_t)i, .len = (uint32_t)size};
        i += (size_t)size;
    }
    return n;
}

static size_t split_bytes(const tokenizer *t, const char *word, size_t len, bpe_symbol *s) {
    size_t n = 0;
    for (size_t i = 0; i < len; i++) {
        int32_t id = t->byte_ids[(unsigned char)word[i]];
        if (id < 0) id = t->unk;
        if (id >= 0) s[n++] = (bpe_symbol){.id = id, .start = (uint32_t)i, .len = 1};
    }
    return n;
}

void bpe_word(const tokenizer *t, const char *word, size_t len, bpe_scratch *scratch, id_list *out) {
    int32_t whole = t->ignore_merges ? whole_token(t, word, len) : -1;
    if (whole >= 0) {
        id_list_push(out, whole);
        return;
    }
    bpe_symbol *s = bpe_room(scratch, len);
    size_t n = t->byte_level ? split_bytes(t, word, len, s) : split_characters(t, word, len, s);
    spm_word w = {t, word};
    n = t->model == MODEL_SPM ? bpe_merge_all(scratch, n, find_by_text, &w)
                              : bpe_merge_all(scratch, n, bpe_find_pair, &t->bpe);
    bool was_unknown = false;
    for (size_t i = 0; i < n; i++) {
        if (s[i].id >= 0) {
            id_list_push(out, s[i].id);
            was_unknown = false;
        } else {
            tokenizer_put_unknown(t, word + s[i].start, s[i].len, &was_unknown, out);
        }
    }
}
