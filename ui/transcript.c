#include "ui/transcript.h"

#include "app/clean.h"
#include "ui/underline.h"
#include "ui/wrap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MARK_BYTES = 24 };

// One turn as it is shown. Its lines are: a header (not for notes), the rows of its text, a remark on how it ended if
// there is one to make, an empty line.
typedef struct item {
    chat_turn turn;                          // copy of everything but author and text, which are not ours
    char *author;                            // filtered
    size_t seen;                             // bytes of the turn's text taken in
    char head[MARK_BYTES], tail[MARK_BYTES]; // its first and last bytes, to notice another text in its place
    clean filter;
    buf shown; // filtered text
    wrap wrap;
    copy_span *copied; // what is underlined, as bytes of shown
    size_t n_copied;
} item;

struct transcript {
    item *items;
    size_t n_items, cap_items;
    int rows, cols;
    bool follow, has_new;
    size_t top, top_line; // the item and its line in the upper row of the view, when not following
};

transcript *transcript_new(void) {
    transcript *t = mem_calloc(1, sizeof *t);
    t->rows = t->cols = 1;
    t->follow = true;
    return t;
}

static void item_free(item *it) {
    free(it->author);
    buf_free(&it->shown);
    wrap_free(&it->wrap);
    free(it->copied);
}

void transcript_free(transcript *t) {
    if (!t) return;
    for (size_t i = 0; i < t->n_items; i++) item_free(&t->items[i]);
    free(t->items);
    free(t);
}

// ---- taking in turns

static size_t mark_length(const item *it) {
    return it->seen < MARK_BYTES ? it->seen : MARK_BYTES;
}

// Is what the item shows a beginning of this turn? A note's text may be rewritten while it runs.
static bool is_same_turn(const item *it, const chat_turn *turn) {
    size_t n = mark_length(it);
    if (turn->kind == TURN_NOTE && it->turn.running) return false;
    return it->turn.id == turn->id && turn->text.len >= it->seen &&
           (n == 0 ||
            (memcmp(turn->text.data, it->head, n) == 0 && memcmp(turn->text.data + it->seen - n, it->tail, n) == 0));
}

// Spans only grow and become more while the text does; all of them may go or come at once.
static bool sync_copied(item *it, const chat_turn *turn) {
    const copy_scan *s = &turn->copied;
    copy_span *spans = underline_spans(s, &turn->text, &it->shown);
    bool same = s->n == it->n_copied && (s->n == 0 || it->copied[s->n - 1].end == spans[s->n - 1].end);
    free(it->copied);
    it->copied = spans;
    it->n_copied = s->n;
    return !same;
}

// Who speaks may turn out while the answer is begun.
static bool sync_author(item *it, const chat_turn *turn) {
    if (it->author && !it->turn.running) return false;
    buf author = {0};
    clean_text(turn->author, strlen(turn->author), &author);
    bool same = it->author && strcmp(it->author, buf_str(&author)) == 0;
    free(it->author);
    it->author = buf_take(&author);
    return !same;
}

static bool sync_item(item *it, const chat_turn *turn) {
    bool changed = it->turn.running != turn->running || it->turn.waiting != turn->waiting ||
                   it->turn.failed != turn->failed || it->turn.stop != turn->stop || it->turn.nth != turn->nth ||
                   it->turn.n_alternatives != turn->n_alternatives;
    if (turn->text.len > it->seen) {
        clean_feed(&it->filter, turn->text.data + it->seen, turn->text.len - it->seen, &it->shown);
        it->seen = turn->text.len;
        size_t n = mark_length(it);
        memcpy(it->head, turn->text.data, n);
        memcpy(it->tail, turn->text.data + it->seen - n, n);
        changed = true;
    }
    changed = sync_copied(it, turn) || changed;
    changed = sync_author(it, turn) || changed;
    it->turn = *turn;
    return changed;
}

bool transcript_sync(transcript *t, const chat_turn *turns, size_t n) {
    bool changed = n != t->n_items, has_new = n > t->n_items;
    t->items = mem_reserve(t->items, &t->cap_items, n, sizeof *t->items);
    for (size_t i = n; i < t->n_items; i++) item_free(&t->items[i]);
    if (t->n_items > n) t->n_items = n;
    for (size_t i = 0; i < n; i++) {
        bool is_new = i >= t->n_items;
        if (!is_new && !is_same_turn(&t->items[i], &turns[i])) {
            item_free(&t->items[i]);
            is_new = true;
        }
        if (is_new) t->items[i] = (item){.author = NULL};
        bool grew = sync_item(&t->items[i], &turns[i]);
        has_new = has_new || grew;
        changed = changed || grew || is_new;
    }
    t->n_items = n;
    if (t->top >= n) {
        t->top = n ? n - 1 : 0;
        t->top_line = 0;
    }
    if (has_new && !t->follow) t->has_new = true;
    return changed;
}

// ---- lines

static size_t header_lines(const item *it) {
    return it->turn.kind == TURN_NOTE ? 0 : 1;
}

static int text_indent(const item *it) {
    return it->turn.kind == TURN_NOTE ? 2 : 0;
}

// Rows of text, without empty ones at the end unless the answer goes on there.
static size_t text_lines(const transcript *t, item *it) {
    wrap_layout(&it->wrap, buf_str(&it->shown), it->shown.len, t->cols - text_indent(it), SIZE_MAX);
    size_t n = it->wrap.n_rows;
    if (it->turn.running) return n;
    while (n > 0 && it->wrap.rows[n - 1].start == it->wrap.rows[n - 1].end) n--;
    return n;
}

// What there is to say below a turn; NULL for nothing.
static const char *remark(const chat_turn *turn) {
    if (turn->waiting) return "waiting";
    if (turn->failed) return "not answered; F5 tries again";
    if (turn->kind != TURN_MODEL || turn->running) return NULL;
    switch (turn->stop) {
    case GEN_INTERRUPTED: return "stopped";
    case GEN_LENGTH: return "cut at max-tokens";
    case GEN_CHARS: return "cut at max-chars";
    default: return NULL;
    }
}

static size_t item_lines(const transcript *t, size_t i) {
    item *it = &t->items[i];
    return header_lines(it) + text_lines(t, it) + (remark(&it->turn) ? 1 : 0) + (i + 1 < t->n_items ? 1 : 0);
}

// The uppermost line when the last one stands in the lowest row.
static void find_bottom(const transcript *t, size_t *top, size_t *line) {
    size_t left = (size_t)t->rows;
    *top = *line = 0;
    for (size_t i = t->n_items; i > 0; i--) {
        size_t lines = item_lines(t, i - 1);
        if (lines >= left) {
            *top = i - 1;
            *line = lines - left;
            return;
        }
        left -= lines;
    }
}

// ---- the view

static void leave_bottom(transcript *t) {
    if (t->follow) find_bottom(t, &t->top, &t->top_line);
    t->follow = t->has_new = false;
}

// At or below the bottom the view follows.
static void settle(transcript *t) {
    size_t top, line;
    find_bottom(t, &top, &line);
    if (t->top > top || (t->top == top && t->top_line >= line)) transcript_newest(t);
}

static void scroll_up(transcript *t, size_t n) {
    while (n > t->top_line) {
        if (t->top == 0) {
            t->top_line = 0;
            return;
        }
        n -= t->top_line;
        t->top--;
        t->top_line = item_lines(t, t->top);
    }
    t->top_line -= n;
}

static void scroll_down(transcript *t, size_t n) {
    while (t->top < t->n_items) {
        size_t left = item_lines(t, t->top) - t->top_line;
        if (n < left) {
            t->top_line += n;
            return;
        }
        n -= left;
        t->top++;
        t->top_line = 0;
    }
}

void transcript_scroll(transcript *t, int rows) {
    if (t->follow && rows >= 0) return;
    bool had_new = t->has_new;
    leave_bottom(t);
    t->has_new = had_new;
    if (rows < 0)
        scroll_up(t, (size_t)-rows);
    else
        scroll_down(t, (size_t)rows);
    settle(t);
}

void transcript_oldest(transcript *t) {
    t->follow = false;
    t->top = t->top_line = 0;
    settle(t);
}

void transcript_newest(transcript *t) {
    t->follow = true;
    t->has_new = false;
}

bool transcript_follows(const transcript *t) {
    return t->follow;
}

bool transcript_has_new(const transcript *t) {
    return t->has_new;
}

// Keeps the byte of text in the upper row when the width changes.
void transcript_resize(transcript *t, int rows, int cols) {
    if (cols < 4) cols = 4;
    if (rows < 1) rows = 1;
    if (rows == t->rows && cols == t->cols) return;
    if (t->follow || t->n_items == 0) {
        t->rows = rows;
        t->cols = cols;
        return;
    }
    item *it = &t->items[t->top];
    size_t lines = text_lines(t, it), row = t->top_line - header_lines(it), byte = 0;
    bool on_header = t->top_line < header_lines(it);
    if (!on_header && lines > 0) byte = it->wrap.rows[row < lines ? row : lines - 1].start;
    t->rows = rows;
    t->cols = cols;
    text_lines(t, it);
    if (!on_header) t->top_line = header_lines(it) + wrap_row_of(&it->wrap, byte);
    settle(t);
}

// ---- drawing

static void draw_header(const transcript *t, const item *it, canvas *c, int row, int col) {
    theme_style who = it->turn.kind == TURN_USER ? STYLE_USER : STYLE_MODEL;
    char clock[8] = "";
    struct tm tm;
    if (localtime_r(&it->turn.time, &tm)) strftime(clock, sizeof clock, "%H:%M", &tm);
    int used = canvas_puts(c, row, col, t->cols - 7, it->author, who);
    used += 2 + canvas_puts(c, row, col + used + 2, t->cols - used - 2, clock, STYLE_DIM);
    if (it->turn.n_alternatives < 2) return;
    char which[32];
    snprintf(which, sizeof which, "‹ %d/%d ›", it->turn.nth, it->turn.n_alternatives);
    canvas_puts_right(c, row, col + used + 1, t->cols - used - 1, which, STYLE_VALUE);
}

static void draw_text(const transcript *t, const item *it, size_t row_index, canvas *c, int row, int col) {
    static const theme_style STYLES[] = {[TURN_USER] = STYLE_TEXT, [TURN_MODEL] = STYLE_TEXT, [TURN_NOTE] = STYLE_NOTE};
    theme_style style = it->turn.is_error ? STYLE_ERROR : STYLES[it->turn.kind];
    int indent = text_indent(it), used = 0;
    if (it->turn.waiting) style = STYLE_DIM;
    if (indent && row_index == 0) canvas_puts(c, row, col, indent, it->turn.is_error ? "!" : "·", style);
    if (row_index < it->wrap.n_rows) {
        wrap_row r = it->wrap.rows[row_index];
        used =
            canvas_put(c, row, col + indent, t->cols - indent, buf_str(&it->shown) + r.start, r.end - r.start, style);
        underline_row(c, row, col + indent, t->cols - indent, &it->shown, r, it->copied, it->n_copied);
    }
    bool is_last = row_index + 1 >= it->wrap.n_rows;
    if (it->turn.running && it->turn.kind == TURN_MODEL && is_last)
        canvas_puts(c, row, col + indent + used, t->cols - indent - used, "▌", STYLE_MODEL);
}

void transcript_draw(transcript *t, canvas *c, int row, int col) {
    size_t i = t->top, line = t->top_line;
    if (t->follow) find_bottom(t, &i, &line);
    for (int y = 0; y < t->rows && i < t->n_items; y++) {
        item *it = &t->items[i];
        size_t header = header_lines(it), lines = header + text_lines(t, it);
        if (line < header)
            draw_header(t, it, c, row + y, col);
        else if (line < lines)
            draw_text(t, it, line - header, c, row + y, col);
        else if (line == lines && remark(&it->turn))
            canvas_puts(c, row + y, col, t->cols, remark(&it->turn), STYLE_WARNING);
        if (++line >= item_lines(t, i)) {
            i++;
            line = 0;
        }
    }
}
