// A session is collected as text with marked parts and tokenised in stretches. Byte-level and SentencePiece vocabularies
// give back their bytes, so one walk over the tokens of a stretch finds the part that each belongs to; where that fails
// (a vocabulary that normalises), each part is tokenised by itself.
#include "app/corpus/examples.h"

#include <stdlib.h>
#include <string.h>

enum { STRETCH = 1 << 16, IGNORED = -100 };

typedef struct example_part part;

void examples_start(examples *e, const example_options *o) {
    *e = (examples){.options = *o, .splitter = {.gap_minutes = o->session_gap}};
}

static void end_part(examples *e, bool learn, bool begins_turn, bool special) {
    size_t begin = e->n_parts ? e->parts[e->n_parts - 1].end : 0;
    if (e->text.len == begin) return;
    e->parts = mem_reserve(e->parts, &e->cap_parts, e->n_parts + 1, sizeof *e->parts);
    e->parts[e->n_parts++] = (part){e->text.len, learn, begins_turn, special};
}

// ---- tokens

static void put_token(examples *e, int32_t id, bool learn) {
    id_list_push(&e->ids, id);
    e->learn = mem_reserve(e->learn, &e->cap_learn, e->ids.len, 1);
    e->learn[e->ids.len - 1] = learn;
    example_session *s = &e->sessions[e->n_sessions - 1];
    s->n++;
    s->n_learn += learn;
}

static void put_turn(examples *e) {
    if (e->n_turns && e->turns[e->n_turns - 1] == e->ids.len) return;
    e->turns = mem_reserve(e->turns, &e->cap_turns, e->n_turns + 1, sizeof *e->turns);
    e->turns[e->n_turns++] = e->ids.len;
}

// Where each token of a stretch begins in its text. False when the tokens do not spell the text.
static bool find_places(const tokenizer *t, const id_list *ids, const buf *text, size_t *places) {
    size_t at = 0;
    for (size_t i = 0; i < ids->len; i++) {
        size_t n;
        const char *piece = tokenizer_piece(t, ids->data[i], true, &n);
        places[i] = at;
        // SentencePiece puts a space in front of the first word.
        if (i == 0 && n && *piece == ' ' && text->data[0] != ' ') {
            piece++;
            n--;
        }
        if (n > text->len - at || memcmp(piece, text->data + at, n) != 0) return false;
        at += n;
    }
    return at == text->len;
}

static void put_spelled(examples *e, const id_list *ids, const size_t *places) {
    size_t k = 0;
    bool turn_open = false;
    for (size_t i = 0; i < ids->len; i++) {
        while (k + 1 < e->n_parts && places[i] >= e->parts[k].end) {
            k++;
            turn_open = false;
        }
        if (e->parts[k].begins_turn && !turn_open) put_turn(e);
        turn_open = true;
        // A token that reaches into the next part counts when its last byte does.
        size_t last = i + 1 < ids->len ? places[i + 1] - 1 : e->text.len - 1, m = k;
        if (last < places[i]) last = places[i];
        while (m + 1 < e->n_parts && last >= e->parts[m].end) m++;
        put_token(e, ids->data[i], e->parts[m].learn);
    }
}

static int put_parts(examples *e, error *err) {
    for (size_t k = 0, begin = 0; k < e->n_parts; begin = e->parts[k++].end) {
        id_list ids = {0};
        unsigned flags = e->parts[k].special ? TOKENIZER_SPECIAL : 0;
        int result =
            tokenizer_encode(e->options.tokenizer, e->text.data + begin, e->parts[k].end - begin, flags, &ids, err);
        if (result == 0 && e->parts[k].begins_turn) put_turn(e);
        for (size_t i = 0; result == 0 && i < ids.len; i++) put_token(e, ids.data[i], e->parts[k].learn);
        id_list_free(&ids);
        if (result != 0) return -1;
    }
    return 0;
}

static bool has_special_parts(const examples *e) {
    for (size_t k = 0; k < e->n_parts; k++)
        if (e->parts[k].special) return true;
    return false;
}

// Turns the collected text into tokens.
static int put_stretch(examples *e, error *err) {
    int result = 0;
    if (!e->text.len) return 0;
    if (has_special_parts(e)) {
        result = put_parts(e, err);
    } else {
        id_list ids = {0};
        result = tokenizer_encode(e->options.tokenizer, e->text.data, e->text.len, 0, &ids, err);
        size_t *places = mem_calloc(ids.len, sizeof *places);
        if (result == 0 && find_places(e->options.tokenizer, &ids, &e->text, places))
            put_spelled(e, &ids, places);
        else if (result == 0)
            result = put_parts(e, err);
        free(places);
        id_list_free(&ids);
    }
    buf_clear(&e->text);
    e->n_parts = 0;
    return result;
}

// ---- sessions

static int end_session(examples *e, error *err) {
    if (!e->n_sessions) return 0;
    if (put_stretch(e, err) != 0) return -1;
    int32_t eos = tokenizer_eos(e->options.tokenizer);
    if (eos >= 0 && e->sessions[e->n_sessions - 1].n) put_token(e, eos, false);
    return 0;
}

static void begin_session(examples *e) {
    const tokenizer *t = e->options.tokenizer;
    e->sessions = mem_reserve(e->sessions, &e->cap_sessions, e->n_sessions + 1, sizeof *e->sessions);
    e->sessions[e->n_sessions++] = (example_session){.first = e->ids.len};
    put_turn(e);
    if (tokenizer_adds_bos(t) && tokenizer_bos(t) >= 0) put_token(e, tokenizer_bos(t), false);
}

static void write_turn(examples *e, const corpus_message *m) {
    const layout *l = e->options.layout;
    bool learn = m->imitated, turns = l->kind == LAYOUT_TURNS && m->author;
    if (m->author) {
        layout_header(l, m->author, m->time, &e->text);
        end_part(e, e->options.learn_headers, true, turns);
    }
    layout_body(l, m->author, m->text, m->n_text, &e->text);
    if (!turns) buf_puts(&e->text, layout_end(l, m->author));
    end_part(e, learn, !m->author, false);
    if (turns) {
        buf_puts(&e->text, layout_end(l, m->author));
        end_part(e, learn, false, true);
        buf_puts(&e->text, layout_tail(l));
        end_part(e, false, false, true);
    }
    if (learn) e->characters_learned += (int64_t)utf8_length(m->text, m->n_text);
    e->sessions[e->n_sessions - 1].turns++;
}

int examples_add(examples *e, const corpus_message *m, error *err) {
    if (session_begins(&e->splitter, m)) {
        if (end_session(e, err) != 0) return -1;
        begin_session(e);
    }
    write_turn(e, m);
    return e->text.len >= STRETCH ? put_stretch(e, err) : 0;
}

bool examples_on_message(void *arg, const corpus_message *m) {
    examples *e = arg;
    e->failed = examples_add(e, m, &e->err) != 0;
    return !e->failed;
}

int examples_finish(examples *e, error *err) {
    if (!e->failed) return end_session(e, err);
    *err = e->err;
    return -1;
}

int examples_ask(examples *e, const char *author, const char *time, error *err) {
    const layout *l = e->options.layout;
    if (!e->n_sessions) begin_session(e);
    if (author) {
        layout_header(l, author, time, &e->text);
        end_part(e, false, true, l->kind == LAYOUT_TURNS);
    }
    return put_stretch(e, err);
}

void examples_free(examples *e) {
    id_list_free(&e->ids);
    free(e->learn);
    free(e->turns);
    free(e->sessions);
    free(e->parts);
    buf_free(&e->text);
    *e = (examples){0};
}

// ---- rows

typedef struct packer {
    const examples *e;
    example_rows *rows;
    size_t cap;
    int32_t *row, *labels; // the row being filled
    int used;
    size_t learn; // labels in it
    int32_t pad;
} packer;

static void end_row(packer *p) {
    example_rows *r = p->rows;
    size_t len = (size_t)r->len;
    for (int i = p->used; i < r->len; i++) {
        p->row[i] = p->pad;
        p->labels[i] = IGNORED;
    }
    if (p->learn) {
        size_t cap = p->cap;
        r->ids = mem_reserve(r->ids, &cap, r->n + 1, len * sizeof *r->ids);
        r->labels = mem_realloc(r->labels, cap, len * sizeof *r->labels);
        p->cap = cap;
        memcpy(r->ids + r->n * len, p->row, len * sizeof *p->row);
        memcpy(r->labels + r->n * len, p->labels, len * sizeof *p->labels);
        r->n++;
        r->n_learn += p->learn;
    }
    p->used = 0;
    p->learn = 0;
}

static void put_tokens(packer *p, size_t first, size_t n) {
    for (size_t i = first; i < first + n; i++) {
        if (p->used == p->rows->len) end_row(p);
        // The first place of a row is predicted from nothing: it never counts.
        bool learn = p->e->learn[i] && p->used > 0;
        p->row[p->used] = p->e->ids.data[i];
        p->labels[p->used++] = learn ? p->e->ids.data[i] : IGNORED;
        p->learn += learn;
    }
}

void examples_pack(const examples *e, const bool *pick, int len, example_rows *out) {
    *out = (example_rows){.len = len};
    packer p = {.e = e, .rows = out, .pad = tokenizer_eos(e->options.tokenizer)};
    if (p.pad < 0) p.pad = 0;
    p.row = mem_calloc((size_t)len, sizeof *p.row);
    p.labels = mem_calloc((size_t)len, sizeof *p.labels);
    size_t turn = 0;
    for (size_t s = 0; s < e->n_sessions; s++) {
        size_t at = e->sessions[s].first, end = at + e->sessions[s].n;
        while (at < end) {
            while (turn < e->n_turns && e->turns[turn] <= at) turn++;
            size_t next = turn < e->n_turns && e->turns[turn] < end ? e->turns[turn] : end;
            if (!pick || pick[s]) {
                // A turn that does not fit the rest of the row but fits a row begins the next one.
                if (p.used + (int64_t)(next - at) > len && next - at <= (size_t)len && p.used) end_row(&p);
                put_tokens(&p, at, next - at);
            }
            at = next;
        }
    }
    if (p.used) end_row(&p);
    free(p.row);
    free(p.labels);
}

void example_rows_free(example_rows *r) {
    free(r->ids);
    free(r->labels);
    *r = (example_rows){0};
}
