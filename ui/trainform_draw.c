// How the form looks: names of its items in a column on the left, what belongs to them on the right.
#include "ui/trainform.h"

#include "app/clean.h"
#include "ui/figures.h"
#include "ui/formslider.h"
#include "ui/slider.h"
#include "ui/textblock.h"

#include <stdio.h>
#include <string.h>

enum {
    LABEL_COLS = 10,
    VALUE_COLS = 10,
    MOST_TRACK = 30,
    MOST_PREVIEW = 4,
    LEAST_AUTHORS = 3,
    MOST_AUTHORS = 12,
    COUNT_COLS = 16,
    WORDS_COLS = 62, // below, there is no room for the number of words
    NARROW_COLS = 36,
};

static void print_counted(buf *out, int64_t n, const char *one, const char *many) {
    char count[FIGURES_BYTES];
    figures_count(count, n);
    buf_printf(out, "%s %s", count, n == 1 ? one : many);
}

// ---- which rows there are

static int count_lines(const buf *b) {
    int n = 0;
    for (size_t i = 0; i < b->len; i++) n += b->data[i] == '\n';
    return n + (b->len > 0 && b->data[b->len - 1] != '\n');
}

static void add(trainform *f, form_item item, int part) {
    if (f->n_rows < FORM_MAX_ROWS) f->rows[f->n_rows++] = (form_row){item, part};
}

// Rows of text: what draw_text shows.
enum { TEXT_EMPTY, TEXT_SPAN, TEXT_NOTES, TEXT_STRANGE, TEXT_WARNING, TEXT_FORECAST, TEXT_READING, TEXT_PREVIEW };

static void list_rows(trainform *f, const tuning *t, int n_preview, bool airy, int n_authors) {
    f->n_rows = 0;
    add(f, FORM_SOURCE, 0);
    if (t->stage == TUNING_READING) add(f, FORM_TEXT, TEXT_READING);
    // Room for what went wrong, at the narrowest.
    int n_failed = t->stage == TUNING_FAILED ? 2 + (int)strlen(t->err.text) / NARROW_COLS : 0;
    for (int i = 0; i < n_failed; i++) add(f, FORM_TEXT, TEXT_EMPTY);
    if (t->stage != TUNING_READY) return;
    add(f, FORM_TEXT, TEXT_SPAN);
    if (t->notes.len) add(f, FORM_TEXT, TEXT_NOTES);
    if (tuning_is_strange(t)) add(f, FORM_TEXT, TEXT_STRANGE);
    for (int i = 0; i < n_preview; i++) add(f, FORM_TEXT, TEXT_PREVIEW + i);
    if (airy) add(f, FORM_TEXT, TEXT_EMPTY);
    for (int i = 0; t->is_log && i <= n_authors; i++) add(f, FORM_AUTHORS, i);
    if (t->is_log && airy) add(f, FORM_TEXT, TEXT_EMPTY);
    if (t->warning.len) add(f, FORM_TEXT, TEXT_WARNING);
    if (t->warning.len) add(f, FORM_SCRUB, 0);
    if (t->warning.len && airy) add(f, FORM_TEXT, TEXT_EMPTY);
    for (form_item i = FORM_EFFORT; i <= FORM_NAME; i++) add(f, i, 0);
    if (airy) add(f, FORM_TEXT, TEXT_EMPTY);
    add(f, FORM_TEXT, TEXT_FORECAST);
    int wide = (f->area.cols ? f->area.cols : NARROW_COLS) - LABEL_COLS;
    for (int n = (int)strlen(t->err.text); wide > 0 && n > wide && !t->forecast.stale; n -= wide * 4 / 5)
        add(f, FORM_TEXT, TEXT_EMPTY); // of why there is none
    add(f, FORM_START, 0);
}

static int min_int(int a, int b) {
    return a < b ? a : b;
}

// Makes the list of rows for so much room.
static void fold(trainform *f, const tuning *t, int room) {
    trainform_filter(f, t);
    int n = f->n_shown > MOST_AUTHORS ? MOST_AUTHORS : (int)f->n_shown, authors = n;
    int least = min_int(n, LEAST_AUTHORS), preview = min_int(count_lines(&t->preview), MOST_PREVIEW);
    bool airy = true;
    list_rows(f, t, preview, airy, authors);
    while (f->n_rows > room && (preview > 0 || airy || authors > least)) {
        if (authors > 2 * least)
            authors--;
        else if (preview > 0)
            preview--;
        else if (airy)
            airy = false;
        else
            authors--;
        list_rows(f, t, preview, airy, authors);
    }
    f->author_rows = authors;
}

int trainform_rows(trainform *f, const tuning *t) {
    fold(f, t, FORM_MAX_ROWS);
    return f->n_rows;
}

// ---- rows of text

// A text's line number `index`, cleaned and in one piece.
static void put_line(canvas *c, rect r, const buf *text, int index, theme_style style) {
    const char *s = buf_str(text), *end = s + text->len;
    while (index-- > 0 && s < end) {
        const char *next = memchr(s, '\n', (size_t)(end - s));
        s = next ? next + 1 : end;
    }
    const char *stop = memchr(s, '\n', (size_t)(end - s));
    buf shown = {0};
    clean_text(s, (size_t)((stop ? stop : end) - s), &shown);
    canvas_put(c, r.row, r.col, r.cols, buf_str(&shown), shown.len, style);
    buf_free(&shown);
}

static void print_span(const tuning *t, buf *out) {
    if (t->is_log)
        print_counted(out, t->messages, "message", "messages");
    else
        buf_puts(out, "running text, no authors");
    if (t->first[0] && t->last[0]) buf_printf(out, ", %.10s to %.10s", t->first, t->last);
}

static void print_forecast(const tuning *t, buf *out) {
    const tuning_forecast *w = &t->forecast;
    char text[FIGURES_BYTES];
    if (t->err.text[0] || !w->known) {
        buf_puts(out, t->err.text[0] ? t->err.text : w->stale ? "being worked out…" : "");
        return;
    }
    figures_time(text, w->seconds);
    if (w->measured) buf_printf(out, "about %s, ", text);
    figures_bytes(text, w->bytes);
    if (w->measured) buf_printf(out, "%s; ", text);
    print_counted(out, w->steps, "step", "steps");
    buf_puts(out, ", ");
    print_counted(out, w->examples, "example", "examples");
    if (w->stale) buf_puts(out, " …");
}

static void draw_reading(canvas *c, rect r, const tuning *t) {
    double share = t->bytes_total > 0 ? (double)t->bytes_done / (double)t->bytes_total : 0;
    char text[48], done[FIGURES_BYTES];
    figures_bytes(done, (double)t->bytes_done);
    snprintf(text, sizeof text, "reading, %s", done);
    int bar = min_int(r.cols - 20, MOST_TRACK), filled = share > 1 ? bar : (int)(share * bar);
    if (bar < 4 || t->bytes_total <= 0) {
        canvas_puts(c, r.row, r.col, r.cols, text, STYLE_DIM);
        return;
    }
    canvas_fill(c, (rect){r.row, r.col, 1, bar}, 0x2500, STYLE_TRACK);
    canvas_fill(c, (rect){r.row, r.col, 1, filled}, 0x2501, STYLE_FILL);
    canvas_puts(c, r.row, r.col + bar + 2, r.cols - bar - 2, text, STYLE_DIM);
}

// r: of the first row, and of those kept free below it.
static void draw_text(canvas *c, rect r, const tuning *t, int what) {
    buf text = {0};
    rect value = {r.row, r.col + LABEL_COLS, 1, r.cols - LABEL_COLS};
    switch (what) {
    case TEXT_EMPTY: break;
    case TEXT_READING: draw_reading(c, value, t); break;
    case TEXT_SPAN:
        print_span(t, &text);
        put_line(c, value, &text, 0, STYLE_TEXT);
        break;
    case TEXT_STRANGE:
        buf_puts(&text, "little known to the model: it will be learned less well");
        put_line(c, value, &text, 0, STYLE_WARNING);
        break;
    case TEXT_NOTES: put_line(c, value, &t->notes, 0, STYLE_DIM); break;
    case TEXT_WARNING: put_line(c, value, &t->warning, 0, STYLE_WARNING); break;
    case TEXT_FORECAST:
        print_forecast(t, &text);
        canvas_puts(c, r.row, r.col, LABEL_COLS, "forecast", STYLE_TEXT);
        if (t->err.text[0])
            textblock_draw(c, (rect){value.row, value.col, r.rows, value.cols}, buf_str(&text), text.len, STYLE_ERROR);
        else
            put_line(c, value, &text, 0, t->forecast.stale ? STYLE_DIM : STYLE_VALUE);
        break;
    default: put_line(c, value, &t->preview, what - TEXT_PREVIEW, STYLE_DIM);
    }
    buf_free(&text);
}

// ---- rows that can have the focus

static void draw_source(canvas *c, rect value, const tuning *t) {
    buf text = {0};
    clean_text(t->title ? t->title : "", t->title ? strlen(t->title) : 0, &text);
    int col = value.col + canvas_puts(c, value.row, value.col, value.cols, buf_str(&text), STYLE_VALUE) + 2;
    if (t->stage == TUNING_READY && t->format && col < value.col + value.cols)
        canvas_puts(c, value.row, col, value.col + value.cols - col, t->format, STYLE_DIM);
    buf_free(&text);
}

static void draw_authors_head(const trainform *f, canvas *c, rect value, const tuning *t, bool is_focus) {
    size_t chosen = tuning_n_chosen(t);
    char text[64];
    snprintf(text, sizeof text, chosen ? "%zu of %zu" : "everybody", chosen, t->n_authors);
    int col = value.col + canvas_puts(c, value.row, value.col, value.cols, text, STYLE_DIM);
    if (!f->filter.len) return;
    col += 2 + canvas_puts(c, value.row, col + 2, value.col + value.cols - col - 2, "named ", STYLE_DIM);
    col += canvas_puts(c, value.row, col, value.col + value.cols - col - 1, f->filter.data, STYLE_VALUE);
    if (!is_focus) return;
    c->cursor_row = value.row;
    c->cursor_col = col;
}

static void draw_author(const trainform *f, canvas *c, rect value, const tuning *t, int part, bool is_focus) {
    size_t at = f->author_top + (size_t)part - 1;
    if (at >= f->n_shown) return;
    const tuning_author *a = &t->authors[f->shown[at]];
    theme_style style = is_focus && at == f->author ? STYLE_FOCUS : STYLE_TEXT;
    int end = value.col + value.cols;
    buf name = {0}, text = {0};
    if (style == STYLE_FOCUS) canvas_fill(c, value, ' ', STYLE_FOCUS);
    theme_style quiet = style == STYLE_FOCUS ? style : STYLE_DIM;
    if (value.cols >= WORDS_COLS - LABEL_COLS) {
        print_counted(&text, a->words, "word", "words");
        canvas_puts_right(c, value.row, end - COUNT_COLS, COUNT_COLS, buf_str(&text), quiet);
        end -= COUNT_COLS;
        buf_clear(&text);
    }
    print_counted(&text, a->messages, "message", "messages");
    canvas_puts_right(c, value.row, end - COUNT_COLS, COUNT_COLS, buf_str(&text), quiet);
    end -= COUNT_COLS + 1;
    clean_text(a->name, strlen(a->name), &name);
    canvas_puts(c, value.row, value.col, 1, a->chosen ? "●" : "·",
                style == STYLE_FOCUS ? style
                : a->chosen          ? STYLE_CHOSEN
                                     : STYLE_DIM);
    canvas_puts(c, value.row, value.col + 2, end - value.col - 2, buf_str(&name), style);
    buf_free(&text);
    buf_free(&name);
}

static void draw_slider(trainform *f, canvas *c, rect value, const tuning *t, form_item item) {
    f->track_col = value.col;
    f->track_cols = min_int(value.cols - VALUE_COLS, MOST_TRACK);
    if (f->track_cols < 2) f->track_cols = 2;
    slider_draw(c, value.row, f->track_col, f->track_cols, formslider_cell(t, item, f->track_cols));
    buf text = {0};
    formslider_print(t, item, &text);
    canvas_puts(c, value.row, f->track_col + f->track_cols + 1, VALUE_COLS - 1, buf_str(&text), STYLE_VALUE);
    buf_free(&text);
}

static void draw_name(const trainform *f, canvas *c, rect value, const tuning *t, bool is_focus) {
    const char *name = f->is_naming ? buf_str(&f->name) : t->name ? t->name : "";
    size_t n = strlen(name), cut = 0;
    while (cut < n && cells_width(name + cut, n - cut) > value.cols - 1) { // its end is where one types
        int width;
        uint32_t first;
        cut += cells_next(name + cut, n - cut, &width, &first);
    }
    int used = canvas_puts(c, value.row, value.col, value.cols - 1, name + cut, STYLE_VALUE);
    if (!is_focus) return;
    c->cursor_row = value.row;
    c->cursor_col = value.col + used;
}

static void draw_item(trainform *f, canvas *c, rect r, const tuning *t, const form_row *row) {
    static const char *const LABELS[] = {"text", "imitate", "scrub", "effort", "rank", "rate", "name", ""};
    bool is_focus = f->focus == row->item;
    rect value = {r.row, r.col + LABEL_COLS, 1, r.cols - LABEL_COLS};
    if (row->part == 0 && row->item != FORM_START)
        canvas_puts(c, r.row, r.col, LABEL_COLS - 1, LABELS[row->item],
                    is_focus && row->item != FORM_AUTHORS ? STYLE_FOCUS : STYLE_TEXT);
    switch (row->item) {
    case FORM_SOURCE: draw_source(c, value, t); break;
    case FORM_AUTHORS:
        if (row->part == 0)
            draw_authors_head(f, c, value, t, is_focus);
        else
            draw_author(f, c, value, t, row->part, is_focus);
        break;
    case FORM_SCRUB:
        canvas_puts(c, r.row, value.col, value.cols,
                    t->scrub ? "on: they are replaced before it learns" : "off: it learns them as they are",
                    STYLE_VALUE);
        break;
    case FORM_NAME: draw_name(f, c, value, t, is_focus); break;
    case FORM_START:
        canvas_puts(c, r.row, value.col - 1, value.cols + 1, " Start ", is_focus ? STYLE_FOCUS : STYLE_KEY);
        break;
    default: draw_slider(f, c, value, t, row->item);
    }
}

// ---- all of it

// The row of the focus is in view, and so are its neighbours if possible.
static void scroll_to_focus(trainform *f, int rows) {
    int at = 0;
    for (int i = 0; i < f->n_rows; i++) {
        bool is_it = f->rows[i].item == f->focus;
        if (is_it && f->focus == FORM_AUTHORS && f->rows[i].part > 0)
            is_it = f->author_top + (size_t)f->rows[i].part - 1 == f->author;
        if (is_it) at = i;
    }
    if (f->focus == FORM_SOURCE) f->top = 0;
    int spare = rows > 2 ? 1 : 0;
    if (at - spare < f->top) f->top = at - spare;
    if (at + spare >= f->top + rows) f->top = at + spare + 1 - rows;
    if (f->top > f->n_rows - rows) f->top = f->n_rows - rows;
    if (f->top < 0) f->top = 0;
}

static bool is_empty(const form_row *row) {
    return row->item == FORM_TEXT && row->part == TEXT_EMPTY;
}

void trainform_draw(trainform *f, const tuning *t, canvas *c, rect area) {
    f->area = area;
    trainform_settle(f, t);
    fold(f, t, area.rows);
    size_t in_view = f->author_rows > 0 ? (size_t)f->author_rows : 1;
    if (f->author < f->author_top) f->author_top = f->author;
    if (f->author >= f->author_top + in_view) f->author_top = f->author - in_view + 1;
    if (f->author_top + in_view > f->n_shown) f->author_top = f->n_shown > in_view ? f->n_shown - in_view : 0;
    scroll_to_focus(f, area.rows);
    for (int y = 0; y < area.rows && f->top + y < f->n_rows; y++) {
        const form_row *row = &f->rows[f->top + y];
        rect r = {area.row + y, area.col, 1, area.cols};
        if (row->item == FORM_TEXT)
            for (int i = f->top + y + 1; i < f->n_rows && y + r.rows < area.rows && is_empty(&f->rows[i]); i++)
                r.rows++;
        if (row->item == FORM_TEXT)
            draw_text(c, r, t, row->part);
        else
            draw_item(f, c, r, t, row);
    }
    if (t->stage == TUNING_FAILED)
        textblock_draw(c, (rect){area.row + 2, area.col, area.rows - 2, area.cols}, t->err.text, strlen(t->err.text),
                       STYLE_ERROR);
}
