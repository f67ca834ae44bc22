// SentencePiece's tokenizer.model, a protocol buffer. Of its messages doppel reads: the pieces with score and type
// (field 1), the model type and whether there are bytes to fall back on (trainer_spec, field 2), and the normaliser
// (field 3: the table of replacements, the space in front, the squeezing of spaces). What it does not know it skips.
//
// A message is fields of (number << 3 | wire type) and a value; every length is compared with what is left.
#include "model/text/tokenizer_open.h"

#include <stdlib.h>
#include <string.h>

enum { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5 };

typedef struct field {
    uint64_t number;
    int wire;
    uint64_t value;    // VARINT, 64, 32
    const char *bytes; // BYTES
    size_t len;
} field;

typedef struct message {
    const unsigned char *at, *end;
    bool damaged;
} message;

static uint64_t varint(message *m) {
    uint64_t v = 0;
    for (int shift = 0; shift < 64 && m->at < m->end; shift += 7) {
        unsigned char byte = *m->at++;
        v |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80)) return v;
    }
    m->damaged = true;
    return 0;
}

static uint64_t fixed(message *m, size_t n) {
    uint64_t v = 0;
    if ((size_t)(m->end - m->at) < n) {
        m->damaged = true;
        return 0;
    }
    for (size_t i = 0; i < n; i++) v |= (uint64_t)m->at[i] << 8 * i;
    m->at += n;
    return v;
}

// The next field; false at the end and when the message is damaged (m->damaged tells which).
static bool next_field(message *m, field *f) {
    if (m->damaged || m->at == m->end) return false;
    uint64_t tag = varint(m);
    *f = (field){.number = tag >> 3, .wire = (int)(tag & 7)};
    switch (f->wire) {
    case WIRE_VARINT: f->value = varint(m); break;
    case WIRE_64: f->value = fixed(m, 8); break;
    case WIRE_32: f->value = fixed(m, 4); break;
    case WIRE_BYTES: {
        uint64_t len = varint(m);
        if (len > (uint64_t)(m->end - m->at)) m->damaged = true;
        if (m->damaged) return false;
        f->bytes = (const char *)m->at;
        f->len = (size_t)len;
        m->at += len;
        break;
    }
    default: m->damaged = true;
    }
    return !m->damaged;
}

static message message_of(const char *bytes, size_t len) {
    const unsigned char *at = (const unsigned char *)bytes;
    return (message){at, at + len, false};
}

static float float_of(uint64_t value) {
    uint32_t bits = (uint32_t)value;
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

// trainer_spec.model_type, and the types of pieces.
enum { TYPE_UNIGRAM = 1, TYPE_BPE, TYPE_WORD, TYPE_CHAR };
enum { PIECE_NORMAL = 1, PIECE_UNKNOWN, PIECE_CONTROL, PIECE_USER, PIECE_UNUSED, PIECE_BYTE };

typedef struct spec {
    uint64_t model_type;
    bool byte_fallback, dummy_prefix, squeeze, escape;
    const char *charsmap;
    size_t n_charsmap;
} spec;

static int read_piece(tokenizer *t, const field *f, uint32_t id, error *err) {
    static const token_kind kinds[] = {TOKEN_NORMAL, TOKEN_NORMAL, TOKEN_UNKNOWN, TOKEN_CONTROL,
                                       TOKEN_USER,   TOKEN_NORMAL, TOKEN_BYTE};
    message m = message_of(f->bytes, f->len);
    field x, piece = {0};
    uint64_t type = PIECE_NORMAL;
    float score = 0;
    while (next_field(&m, &x)) {
        if (x.number == 1 && x.wire == WIRE_BYTES) piece = x;
        if (x.number == 2 && x.wire == WIRE_32) score = float_of(x.value);
        if (x.number == 3 && x.wire == WIRE_VARINT) type = x.value;
    }
    if (m.damaged || !piece.bytes || type < PIECE_NORMAL || type > PIECE_BYTE)
        return error_set(err, "piece %u is damaged; fetch the file again", (unsigned)id);
    if (vocab_set(&t->vocab, id, piece.bytes, piece.len, kinds[type], score, err) != 0) return -1;
    if (type == PIECE_UNKNOWN) t->unk = (int32_t)id;
    if (type == PIECE_USER || type == PIECE_CONTROL)
        added_put(&t->added, piece.bytes, piece.len,
                  (added_token){.id = (int32_t)id, .special = type == PIECE_CONTROL});
    return 0;
}

static bool read_trainer(spec *s, const field *f, error *err) {
    message m = message_of(f->bytes, f->len);
    field x;
    while (next_field(&m, &x)) {
        if (x.number == 3 && x.wire == WIRE_VARINT) s->model_type = x.value;
        if (x.number == 35 && x.wire == WIRE_VARINT) s->byte_fallback = x.value != 0;
    }
    if (m.damaged) error_set(err, "its training settings are damaged; fetch the file again");
    return !m.damaged;
}

static bool read_normalizer(spec *s, const field *f, error *err) {
    message m = message_of(f->bytes, f->len);
    field x;
    while (next_field(&m, &x)) {
        if (x.number == 2 && x.wire == WIRE_BYTES) {
            s->charsmap = x.bytes;
            s->n_charsmap = x.len;
        }
        if (x.number == 3 && x.wire == WIRE_VARINT) s->dummy_prefix = x.value != 0;
        if (x.number == 4 && x.wire == WIRE_VARINT) s->squeeze = x.value != 0;
        if (x.number == 5 && x.wire == WIRE_VARINT) s->escape = x.value != 0;
    }
    if (m.damaged) error_set(err, "its normaliser is damaged; fetch the file again");
    return !m.damaged;
}

static int read_messages(tokenizer *t, spec *s, const char *bytes, size_t len, error *err) {
    message m = message_of(bytes, len);
    field f;
    uint32_t n = 0;
    while (next_field(&m, &f)) {
        if (f.wire != WIRE_BYTES) continue;
        if (f.number == 1 && read_piece(t, &f, n++, err) != 0) return -1;
        if (f.number == 2 && !read_trainer(s, &f, err)) return -1;
        if (f.number == 3 && !read_normalizer(s, &f, err)) return -1;
    }
    if (m.damaged) return error_set(err, "it is damaged or no SentencePiece model; fetch the file again");
    if (n == 0) return error_set(err, "no pieces in it; it is no SentencePiece model");
    return 0;
}

int tokenizer_marked_steps(tokenizer *t, const char *charsmap, size_t n_charsmap, bool squeeze, bool prefix,
                           error *err) {
    t->normalizer = normalizer_new();
    // The space in front is there even if the replacements leave nothing else, unless such a rest is squeezed away.
    if (prefix && !squeeze) normalizer_add_prepend(t->normalizer, " ", 1);
    if (n_charsmap && normalizer_add_charsmap(t->normalizer, charsmap, n_charsmap, err) != 0) return -1;
    if (squeeze) normalizer_add_squeeze(t->normalizer);
    if (prefix && squeeze) normalizer_add_prepend(t->normalizer, TOKENIZER_MARK, TOKENIZER_MARK_LEN);
    normalizer_add_replace(t->normalizer, " ", 1, TOKENIZER_MARK, TOKENIZER_MARK_LEN);
    // Unigram sums run through the whole text, as SentencePiece's do: begun anew at every word they would round otherwise.
    if (t->model == MODEL_SPM && tokenizer_marks_lead(t))
        splitter_add_regex(t->splitter, tokenizer_mark_pattern, strlen(tokenizer_mark_pattern), SPLIT_ISOLATED, false,
                           NULL);
    tokenizer_mark_pieces(t);
    t->drops_first_space = prefix;
    return 0;
}

static int open_model(tokenizer *t, const char *bytes, size_t len, error *err) {
    spec s = {.model_type = TYPE_UNIGRAM, .dummy_prefix = true, .squeeze = true, .escape = true};
    if (read_messages(t, &s, bytes, len, err) != 0) return -1;
    if (s.model_type != TYPE_UNIGRAM && s.model_type != TYPE_BPE)
        return error_set(err, "a SentencePiece model of type %llu; unigram and BPE are known",
                         (unsigned long long)s.model_type);
    if (!s.escape)
        return error_set(err, "a SentencePiece model that leaves spaces as they are, which doppel does not know");
    t->fuse_unk = true;
    t->model = s.model_type == TYPE_BPE ? MODEL_SPM : MODEL_UNIGRAM;
    t->single_scores = true;
    tokenizer_find_bytes(t);
    t->byte_fallback = t->byte_fallback && s.byte_fallback;
    if (t->model == MODEL_SPM)
        tokenizer_rank_scores(t);
    else
        tokenizer_index_pieces(t);
    return tokenizer_marked_steps(t, s.charsmap, s.n_charsmap, s.squeeze, s.dummy_prefix, err);
}

tokenizer *sentencepiece_open(const char *bytes, size_t len, error *err) {
    tokenizer *t = tokenizer_new(len / 32);
    if (open_model(t, bytes, len, err) == 0) return t;
    tokenizer_free(t);
    return NULL;
}
