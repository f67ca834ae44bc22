// Looking things up in a tokenizer, decoding, and the streaming decoder. Encoding is in encode.c.
#include "model/text/byte_map.h"
#include "model/text/tokenizer_open.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

tokenizer *tokenizer_new(size_t expected) {
    tokenizer *t = mem_calloc(1, sizeof *t);
    vocab_init(&t->vocab, expected);
    added_init(&t->added);
    added_init(&t->added_normalized);
    t->splitter = splitter_new();
    t->unk = t->bos = t->eos = -1;
    for (int i = 0; i < 256; i++) t->byte_ids[i] = -1;
    return t;
}

void tokenizer_free(tokenizer *t) {
    if (!t) return;
    vocab_free(&t->vocab);
    bpe_free(&t->bpe);
    free(t->ranks);
    trie_free(&t->pieces);
    free(t->continuing);
    normalizer_free(t->normalizer);
    splitter_free(t->splitter);
    added_free(&t->added);
    added_free(&t->added_normalized);
    id_list_free(&t->front);
    id_list_free(&t->back);
    id_list_free(&t->ends);
    free(t->warning);
    free(t);
}

tokenizer *tokenizer_open(const model_file *f, error *err) {
    const gguf *g = model_file_gguf(f);
    return g ? tokenizer_open_gguf(g, err) : tokenizer_open_dir(model_file_path(f), err);
}

void tokenizer_find_bytes(tokenizer *t) {
    int n_found = 0;
    for (int i = 0; i < 256; i++) {
        char text[8];
        int len = t->byte_level ? utf8_encode(byte_map_char((unsigned char)i), text)
                                : snprintf(text, sizeof text, "<0x%02X>", i);
        t->byte_ids[i] = vocab_find(&t->vocab, text, (size_t)len);
        if (t->byte_ids[i] >= 0) n_found++;
    }
    t->byte_fallback = !t->byte_level && n_found == 256;
}

void tokenizer_byte_pieces(tokenizer *t) {
    buf piece = {0};
    for (uint32_t id = 0; id < t->vocab.n; id++) {
        size_t len;
        const char *text = vocab_text(&t->vocab, id, &len);
        buf_clear(&piece);
        if (vocab_kind(&t->vocab, id) != TOKEN_NORMAL || !byte_map_read(&piece, text, len)) continue;
        if (piece.len != len || memcmp(buf_str(&piece), text, len) != 0)
            vocab_set_piece(&t->vocab, id, buf_str(&piece), piece.len);
    }
    buf_free(&piece);
}

void tokenizer_mark_pieces(tokenizer *t) {
    buf piece = {0};
    for (uint32_t id = 0; id < t->vocab.n; id++) {
        size_t len;
        const char *text = vocab_text(&t->vocab, id, &len);
        token_kind kind = vocab_kind(&t->vocab, id);
        unsigned byte;
        char end;
        if (kind == TOKEN_BYTE && len == 6 && sscanf(text, "<0x%2X%c", &byte, &end) == 2 && end == '>') {
            vocab_set_piece(&t->vocab, id, &(char){(char)byte}, 1);
            continue;
        }
        if (kind != TOKEN_NORMAL && kind != TOKEN_USER) continue;
        buf_clear(&piece);
        for (size_t i = 0; i < len;) {
            bool mark = len - i >= TOKENIZER_MARK_LEN && memcmp(text + i, TOKENIZER_MARK, TOKENIZER_MARK_LEN) == 0;
            buf_putc(&piece, mark ? ' ' : text[i]);
            i += mark ? TOKENIZER_MARK_LEN : 1;
        }
        if (piece.len != len) vocab_set_piece(&t->vocab, id, buf_str(&piece), piece.len);
    }
    buf_free(&piece);
}

const char tokenizer_mark_pattern[] = "\\x{2581}+[^\\x{2581}]*";

bool tokenizer_marks_lead(const tokenizer *t) {
    for (uint32_t id = 0; id < t->vocab.n; id++) {
        token_kind kind = vocab_kind(&t->vocab, id);
        if (kind != TOKEN_NORMAL && kind != TOKEN_USER) continue;
        size_t len, i = 0;
        const char *text = vocab_text(&t->vocab, id, &len);
        while (len - i >= TOKENIZER_MARK_LEN && memcmp(text + i, TOKENIZER_MARK, TOKENIZER_MARK_LEN) == 0)
            i += TOKENIZER_MARK_LEN;
        for (; i + TOKENIZER_MARK_LEN <= len; i++)
            if (memcmp(text + i, TOKENIZER_MARK, TOKENIZER_MARK_LEN) == 0) return false;
    }
    return true;
}

void tokenizer_find_ends(tokenizer *t) {
    static const char *const markers[] = {
        "<|im_end|>",      "<|eot_id|>", "<|eom_id|>", "<end_of_turn>", "<|endoftext|>",         "<|end_of_text|>",
        "<|end_of_turn|>", "<|end|>",    "<|eot|>",    "<EOT>",         "<｜end▁of▁sentence｜>", "</s>"};
    if (t->eos >= 0) id_list_push(&t->ends, t->eos);
    for (size_t i = 0; i < sizeof markers / sizeof *markers; i++) {
        int32_t id = vocab_find(&t->vocab, markers[i], strlen(markers[i]));
        token_kind kind = vocab_kind(&t->vocab, id);
        if ((kind == TOKEN_CONTROL || kind == TOKEN_USER) && !tokenizer_is_eog(t, id)) id_list_push(&t->ends, id);
    }
}

void tokenizer_add_special(tokenizer *t, int32_t id, bool control) {
    vocab_token *v = &t->vocab.tokens[id];
    if (v->kind == TOKEN_CONTROL || v->kind == TOKEN_USER) return;
    size_t len;
    const char *text = vocab_text(&t->vocab, (uint32_t)id, &len);
    v->kind = control ? TOKEN_CONTROL : TOKEN_USER;
    v->piece = v->text;
    v->piece_len = v->text_len;
    added_put(&t->added, text, len, (added_token){.id = id, .special = control});
}

void tokenizer_index_pieces(tokenizer *t) {
    double worst = 0;
    trie_init(&t->pieces);
    for (uint32_t id = 0; id < t->vocab.n; id++) {
        token_kind kind = vocab_kind(&t->vocab, id);
        if ((kind != TOKEN_NORMAL && kind != TOKEN_USER) || (int32_t)id == t->unk) continue;
        size_t len;
        const char *text = vocab_text(&t->vocab, id, &len);
        trie_add(&t->pieces, text, len, (int32_t)id);
        if (t->vocab.tokens[id].score < worst) worst = t->vocab.tokens[id].score;
    }
    t->unk_score = worst - 10;
}

// What English text wants after decoding; the list is that of Hugging Face's WordPiece decoder.
static void clean_up(buf *piece) {
    static const char *const from[] = {" .", " ?", " !", " ,", " ' ", " n't", " 'm", " do not", " 's", " 've", " 're"};
    static const char *const to[] = {".", "?", "!", ",", "'", "n't", "'m", " don't", "'s", "'ve", "'re"};
    for (size_t i = 0; i < sizeof from / sizeof *from; i++) {
        const char *at = piece->len ? strstr(piece->data, from[i]) : NULL;
        if (!at) continue;
        buf cleaned = {0};
        buf_append(&cleaned, piece->data, (size_t)(at - piece->data));
        buf_puts(&cleaned, to[i]);
        buf_puts(&cleaned, at + strlen(from[i]));
        buf_free(piece);
        *piece = cleaned;
    }
}

void tokenizer_spaced_pieces(tokenizer *t, const char *prefix, bool cleanup) {
    size_t n_prefix = strlen(prefix);
    buf piece = {0};
    t->drops_first_space = true;
    for (uint32_t id = 0; id < t->vocab.n; id++) {
        if (t->vocab.tokens[id].kind == TOKEN_ABSENT) continue;
        size_t len;
        const char *text = vocab_text(&t->vocab, id, &len);
        bool inside = n_prefix && len >= n_prefix && memcmp(text, prefix, n_prefix) == 0;
        buf_clear(&piece);
        if (!inside) buf_putc(&piece, ' ');
        buf_append(&piece, text + (inside ? n_prefix : 0), len - (inside ? n_prefix : 0));
        if (cleanup) clean_up(&piece);
        vocab_set_piece(&t->vocab, id, buf_str(&piece), piece.len);
    }
    buf_free(&piece);
}

int tokenizer_n_vocab(const tokenizer *t) {
    return (int)t->vocab.n;
}

bool tokenizer_is_special(const tokenizer *t, int32_t id) {
    token_kind kind = vocab_kind(&t->vocab, id);
    return kind == TOKEN_CONTROL || kind == TOKEN_UNKNOWN;
}

const char *tokenizer_piece(const tokenizer *t, int32_t id, bool with_special, size_t *len) {
    *len = 0;
    if (vocab_kind(&t->vocab, id) == TOKEN_ABSENT) return "";
    if (!with_special && tokenizer_is_special(t, id)) return "";
    return vocab_piece(&t->vocab, (uint32_t)id, len);
}

void tokenizer_decode(const tokenizer *t, const int32_t *ids, size_t n, bool with_special, buf *out) {
    size_t start = out->len;
    for (size_t i = 0; i < n; i++) {
        size_t len;
        const char *piece = tokenizer_piece(t, ids[i], with_special, &len);
        buf_append(out, piece, len);
    }
    if (t->drops_first_space && out->len > start && out->data[start] == ' ') buf_remove(out, start, 1);
}

int32_t tokenizer_find(const tokenizer *t, const char *piece) {
    return vocab_find(&t->vocab, piece, strlen(piece));
}

int32_t tokenizer_bos(const tokenizer *t) {
    return t->bos;
}

int32_t tokenizer_eos(const tokenizer *t) {
    return t->eos;
}

bool tokenizer_adds_bos(const tokenizer *t) {
    return t->front.len > 0;
}

const char *tokenizer_warning(const tokenizer *t) {
    return t->warning;
}

bool tokenizer_is_eog(const tokenizer *t, int32_t id) {
    for (size_t i = 0; i < t->ends.len; i++)
        if (t->ends.data[i] == id) return true;
    return false;
}

text_stream text_stream_start(const tokenizer *t) {
    return (text_stream){.tokenizer = t};
}

void text_stream_push(text_stream *s, int32_t id, buf *out) {
    size_t len;
    const char *piece = tokenizer_piece(s->tokenizer, id, false, &len);
    if (len && !s->started) {
        s->started = true;
        if (s->tokenizer->drops_first_space && piece[0] == ' ') {
            piece++;
            len--;
        }
    }
    for (size_t i = 0; i < len; i++) {
        s->pending[s->n_pending++] = piece[i];
        // Give out what is whole or hopeless; what is cut off waits. One byte may settle two characters: "\xE2" "a".
        while (s->n_pending) {
            uint32_t c;
            int n = utf8_decode(s->pending, (size_t)s->n_pending, &c);
            if (n == 0) break;
            n > 0 ? buf_append(out, s->pending, (size_t)n) : buf_puts(out, UTF8_REPLACEMENT);
            int taken = n > 0 ? n : 1;
            s->n_pending -= taken;
            memmove(s->pending, s->pending + taken, (size_t)s->n_pending);
        }
    }
}

void text_stream_end(text_stream *s, buf *out) {
    for (; s->n_pending; s->n_pending--) buf_puts(out, UTF8_REPLACEMENT);
}
