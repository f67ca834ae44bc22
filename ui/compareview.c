#include "ui/compareview.h"

#include "app/chat_style.h"
#include "app/clean.h"
#include "ui/input.h"
#include "ui/state.h"
#include "ui/underline.h"

#include <stdlib.h>
#include <string.h>

enum { SIDE_BY_SIDE = 56, ESCAPE = 0x1b, WHEEL_ROWS = 3 }; // columns from which there are two columns

typedef struct view {
    ui *ui;
    int top;      // the first row of text in view
    bool follows; // the end, as it is written
    int page;     // rows in view when it was drawn last
} view;

// An answer laid out.
typedef struct column {
    const compare_side *side;
    buf shown;
    wrap wrap;
    copy_span *copied;
} column;

static chat_compare *compare_of(const view *v) {
    return &v->ui->chat->style->compare;
}

// ---- layout

static column lay_out(const compare_side *s, int cols) {
    column c = {.side = s};
    clean_text(buf_str(&s->text), s->text.len, &c.shown);
    wrap_layout(&c.wrap, buf_str(&c.shown), c.shown.len, cols > 1 ? cols : 1, SIZE_MAX);
    c.copied = underline_spans(&s->copied, &s->text, &c.shown);
    return c;
}

static void column_free(column *c) {
    buf_free(&c->shown);
    wrap_free(&c->wrap);
    free(c->copied);
}

static void draw_heading(const view *v, const column *col, int side, canvas *c, rect area) {
    buf label = {0}, shown = {0};
    const compare_side *s = col->side;
    clean_text(s->label, strlen(s->label), &label);
    buf_printf(&shown, "%d ", side + 1);
    int used = canvas_puts(c, area.row, area.col, area.cols, buf_str(&shown), STYLE_KEY);
    used += canvas_puts(c, area.row, area.col + used, area.cols - used, buf_str(&label),
                        side == COMPARE_BASE ? STYLE_TITLE : STYLE_MODEL);
    buf_clear(&shown);
    bool waits = s->request && s->text.len == 0 && side == COMPARE_STYLE && compare_of(v)->sides[COMPARE_BASE].request;
    if (s->copied.n > 0) buf_printf(&shown, "%zu copied", s->copied.n);
    canvas_puts_right(c, area.row, area.col + used + 1, area.cols - used - 1,
                      waits        ? "waits"
                      : s->request ? "writes"
                                   : buf_str(&shown),
                      STYLE_DIM);
    buf_free(&label);
    buf_free(&shown);
}

static void draw_row(const column *col, int i, canvas *c, rect area) {
    if (i < 0 || (size_t)i >= col->wrap.n_rows) return;
    wrap_row r = col->wrap.rows[i];
    const char *text = buf_str(&col->shown) + r.start;
    int used = canvas_put(c, area.row, area.col, area.cols, text, r.end - r.start,
                          col->side->failed ? STYLE_ERROR : STYLE_TEXT);
    underline_row(c, area.row, area.col, area.cols, &col->shown, r, col->copied, col->side->copied.n);
    if (col->side->request && (size_t)i + 1 == col->wrap.n_rows && col->side->text.len > 0)
        canvas_puts(c, area.row, area.col + used, area.cols - used, "▌", STYLE_MODEL);
}

// Which row of `rows` comes first when `shown` of them fit.
static int settle(view *v, int rows, int shown) {
    int last = rows > shown ? rows - shown : 0;
    v->page = shown > 1 ? shown - 1 : 1;
    if (v->follows || v->top > last) v->top = last;
    if (v->top < 0) v->top = 0;
    return v->top;
}

static void draw_side_by_side(view *v, canvas *c, rect area) {
    int cols = (area.cols - 3) / 2, rows = area.rows - 1, longest = 0;
    column columns[COMPARE_SIDES];
    for (int i = 0; i < COMPARE_SIDES; i++) {
        columns[i] = lay_out(&compare_of(v)->sides[i], cols);
        if ((int)columns[i].wrap.n_rows > longest) longest = (int)columns[i].wrap.n_rows;
    }
    int top = settle(v, longest, rows);
    canvas_fill(c, (rect){area.row, area.col + cols + 1, area.rows, 1}, 0x2502, STYLE_BORDER);
    for (int i = 0; i < COMPARE_SIDES; i++) {
        rect r = {area.row, area.col + i * (cols + 3), 1, cols};
        draw_heading(v, &columns[i], i, c, r);
        for (int y = 0; y < rows; y++) {
            r.row++;
            draw_row(&columns[i], top + y, c, r);
        }
        column_free(&columns[i]);
    }
}

// Heading and rows of the one, an empty row, heading and rows of the other.
static void draw_stacked(view *v, canvas *c, rect area) {
    column columns[COMPARE_SIDES];
    int rows = 1;
    for (int i = 0; i < COMPARE_SIDES; i++) {
        columns[i] = lay_out(&compare_of(v)->sides[i], area.cols);
        rows += 1 + (int)columns[i].wrap.n_rows;
    }
    int row = -settle(v, rows, area.rows);
    for (int i = 0; i < COMPARE_SIDES; i++) {
        for (int k = -1; k < (int)columns[i].wrap.n_rows; k++, row++) {
            rect r = {area.row + row, area.col, 1, area.cols};
            if (row < 0 || row >= area.rows) continue;
            if (k < 0)
                draw_heading(v, &columns[i], i, c, r);
            else
                draw_row(&columns[i], k, c, r);
        }
        row++;
        column_free(&columns[i]);
    }
}

static void draw(void *arg, canvas *c, rect area) {
    view *v = arg;
    buf message = {0};
    const char *text = compare_of(v)->message ? compare_of(v)->message : "";
    clean_text(text, strcspn(text, "\n"), &message);
    canvas_puts(c, area.row, area.col, area.cols, buf_str(&message), STYLE_USER);
    buf_free(&message);
    area.row++;
    area.rows--;
    if (area.cols >= SIDE_BY_SIDE)
        draw_side_by_side(v, c, area);
    else
        draw_stacked(v, c, area);
}

// ---- keys

static mode_result scroll(view *v, int rows) {
    v->follows = false;
    v->top += rows;
    return MODE_TAKEN;
}

static mode_result take_char(view *v, ui *u, uint32_t ch) {
    if (ch == ESCAPE || ch == 'q') return MODE_LEFT;
    if (ch == '1' || ch == '2') input_changed(u, chat_compare_pick(u->chat, (int)(ch - '1')));
    if (ch == ' ') return scroll(v, v->page);
    return MODE_TAKEN;
}

static mode_result take_key(void *arg, ui *u, const key *k) {
    view *v = arg;
    switch (k->code) {
    case KEYS_CHAR: return take_char(v, u, k->ch);
    case KEYS_UP: return scroll(v, -1);
    case KEYS_DOWN: return scroll(v, 1);
    case KEYS_PAGE_UP: return scroll(v, -v->page);
    case KEYS_PAGE_DOWN: return scroll(v, v->page);
    case KEYS_HOME: return scroll(v, -v->top);
    case KEYS_END: v->follows = true; return MODE_TAKEN;
    default: return MODE_TAKEN;
    }
}

static mode_result take_mouse(void *arg, ui *u, const key *k) {
    (void)u;
    if (k->action == MOUSE_WHEEL_UP) return scroll(arg, -WHEEL_ROWS);
    return k->action == MOUSE_WHEEL_DOWN ? scroll(arg, WHEEL_ROWS) : MODE_TAKEN;
}

static int footer(void *arg, mode_key keys[MODE_MAX_KEYS]) {
    view *v = arg;
    int n = 0;
    if (chat_compare_runs(v->ui->chat)) keys[n++] = (mode_key){"^C", "stop"};
    keys[n++] = (mode_key){"1", "take base"};
    keys[n++] = (mode_key){"2", "take style"};
    keys[n++] = (mode_key){"PgDn", "scroll"};
    keys[n++] = (mode_key){"Esc", "close"};
    return n;
}

static const char *title(void *arg) {
    (void)arg;
    return "compare";
}

static void close_view(void *arg) {
    view *v = arg;
    chat_compare_close(v->ui->chat);
    free(v);
}

const mode_class compareview_mode = {title, NULL, draw, take_key, take_mouse, footer, close_view};

void compareview_follow(ui *u) {
    bool open = u->chat->style->compare.open;
    if (open && !mode_is_open(u, &compareview_mode)) {
        view *v = mem_calloc(1, sizeof *v);
        *v = (view){.ui = u, .follows = true};
        mode_open(u, &compareview_mode, v);
    } else if (!open && mode_is_open(u, &compareview_mode)) {
        mode_close(u);
    }
}
