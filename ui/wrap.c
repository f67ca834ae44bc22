// A row is filled greedily, so that where it ends depends only on the text from its start to the first word of the next
// row. This is why a change needs the layout of one row before it, and growth at the end only the last row, again.
#include "ui/wrap.h"

#include "model/base/mem.h"
#include "ui/cells.h"

#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>

typedef struct place { // a cluster in the row being filled
    uint32_t ch;       // its first character
    int width;
} place;

static bool is_space(uint32_t c) {
    return c == ' ' || c == '\t' || c == 0x3000;
}

static bool is_any_of(uint32_t c, const uint32_t *set) {
    while (*set && *set != c) set++;
    return *set != 0;
}

// No row begins with a closing mark or ends with an opening one.
static bool is_closing(uint32_t c) {
    static const uint32_t SET[] = {0x3001, 0x3002, 0xff0c, 0xff0e, 0xff01, 0xff1f, 0xff1a, 0xff1b, 0x300d, 0x300f,
                                   0xff09, 0x3011, 0x300b, 0x3009, 0x3015, 0x30fc, 0x2026, 0x201d, 0x2019, ')',
                                   ']',    '}',    '.',    ',',    '!',    '?',    ':',    ';',    0};
    return is_any_of(c, SET);
}

static bool is_opening(uint32_t c) {
    static const uint32_t SET[] = {0x300c, 0x300e, 0xff08, 0x3010, 0x300a, 0x3008, 0x3014,
                                   0x201c, 0x2018, '(',    '[',    '{',    0};
    return is_any_of(c, SET);
}

static bool is_word(uint32_t c) {
    return c >= 0x80 || isalnum((int)c);
}

// May a row end between clusters b and c, neither of them a space? a stands before b.
static bool may_break(place a, place b, place c) {
    if (b.ch == 0x200b) return true;
    if (b.ch == '-') return is_word(a.ch) && c.ch > '9' && is_word(c.ch);
    if (b.width != 2 && c.width != 2) return false;
    return !is_closing(c.ch) && !is_opening(b.ch);
}

// Fills one row from byte p on; returns where the next one begins. *hard: the row ended at a '\n'.
static size_t fill_row(const char *s, size_t n, size_t p, int width, wrap_row *row, bool *hard) {
    place before = {' ', 0}, last = {' ', 0};
    size_t break_end = p, break_next = p; // the last place where the row may end, and where the next would begin
    int col = 0;
    *hard = false;
    for (size_t i = p; i < n;) {
        if (s[i] == '\n') {
            *hard = true;
            *row = (wrap_row){p, i};
            return i + 1;
        }
        place here;
        size_t len = cells_next(s + i, n - i, &here.width, &here.ch);
        if (is_space(here.ch)) { // spaces hang over the edge; an indentation is no place to break
            if (here.ch == '\t') here.width = CELLS_TAB - col % CELLS_TAB;
            if (!is_space(last.ch)) break_end = i;
            if (break_end > p) break_next = i + len;
        } else {
            if (!is_space(last.ch) && may_break(before, last, here)) break_end = break_next = i;
            if (col + here.width > width) {
                if (break_next > p) {
                    *row = (wrap_row){p, break_end};
                    return break_next;
                }
                size_t end = i > p ? i : i + len; // a character wider than the row stands alone
                *row = (wrap_row){p, end};
                return end;
            }
        }
        col += here.width;
        before = last;
        last = here;
        i += len;
    }
    *row = (wrap_row){p, n};
    return n;
}

void wrap_layout(wrap *w, const char *s, size_t n, int width, size_t want) {
    if (width < 1) width = 1;
    if (width != w->width) wrap_cut(w, 0);
    w->width = width;
    if (w->done && n > w->next) { // the text grew: its last row is open again
        w->done = false;
        w->next = w->rows[--w->n_rows].start;
    }
    while (!w->done && w->n_rows < want) {
        wrap_row row;
        bool hard;
        size_t next = fill_row(s, n, w->next, width, &row, &hard);
        w->rows = mem_reserve(w->rows, &w->cap_rows, w->n_rows + 1, sizeof *w->rows);
        w->rows[w->n_rows++] = row;
        w->next = next;
        w->done = next == n && !hard;
    }
}

void wrap_cut(wrap *w, size_t at) {
    size_t row = w->n_rows ? wrap_row_of(w, at) : 0;
    if (row > 0) row--;
    if (row < w->n_rows) {
        w->n_rows = row;
        w->next = w->rows[row].start;
        w->done = false;
    }
}

size_t wrap_row_of(const wrap *w, size_t at) {
    size_t low = 0, high = w->n_rows;
    while (high - low > 1) {
        size_t mid = low + (high - low) / 2;
        if (w->rows[mid].start <= at)
            low = mid;
        else
            high = mid;
    }
    return low;
}

void wrap_free(wrap *w) {
    free(w->rows);
    *w = (wrap){0};
}
