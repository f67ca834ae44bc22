// How the file browser looks: path and what is typed in the first row; names, sizes and dates below.
#include "ui/browser.h"

#include "ui/figures.h"

#include <stdio.h>
#include <string.h>

enum { SIZE_COLS = 8, DATE_COLS = 10, DATED_COLS = 44 }; // DATED_COLS: below, there is no room for dates

// The end of a path is what matters: "…/exports/2026/".
static int put_path(const browser *b, canvas *c, rect row, int room) {
    buf path = {0};
    buf_printf(&path, "%s%s", b->folder, strcmp(b->folder, "/") == 0 ? "" : "/");
    const char *s = buf_str(&path);
    int col = row.col;
    if (cells_width(s, path.len) > room) {
        while (*s && cells_width(s, strlen(s)) > room - 1) {
            const char *next = strchr(s + 1, '/');
            if (!next || !next[1]) break;
            s = next;
        }
        col += canvas_puts(c, row.row, col, 1, "…", STYLE_DIM);
    }
    col += canvas_puts(c, row.row, col, row.col + room - col, s, STYLE_TITLE);
    buf_free(&path);
    return col;
}

static void draw_head(const browser *b, canvas *c, rect row) {
    int typed = cells_width(buf_str(&b->typed), b->typed.len), room = row.cols - typed - 2;
    if (room < row.cols / 3) room = row.cols / 3;
    int col = put_path(b, c, row, room), end = row.col + row.cols;
    const char *s = buf_str(&b->typed);
    size_t n = b->typed.len, cut = 0;
    while (cut < n && cells_width(s + cut, n - cut) > end - col - 1) { // its end is where one types
        int width;
        uint32_t first;
        cut += cells_next(s + cut, n - cut, &width, &first);
    }
    col += canvas_put(c, row.row, col, end - col - 1, s + cut, n - cut, STYLE_VALUE);
    c->cursor_row = row.row;
    c->cursor_col = col;
}

static void draw_entry(const browser *b, canvas *c, rect row, size_t index) {
    const browser_entry *e = &b->entries[b->shown[index]];
    bool is_selected = index == b->selected, has_date = row.cols >= DATED_COLS;
    theme_style quiet = is_selected ? STYLE_FOCUS : STYLE_DIM;
    int end = row.col + row.cols;
    if (is_selected) canvas_fill(c, row, ' ', STYLE_FOCUS);
    if (has_date) {
        char date[32];
        struct tm t;
        if (localtime_r(&e->changed, &t) && strftime(date, sizeof date, "%Y-%m-%d", &t) > 0)
            canvas_puts_right(c, row.row, end - DATE_COLS, DATE_COLS, date, quiet);
        end -= DATE_COLS + 2;
    }
    if (!e->is_folder) {
        char size[FIGURES_BYTES];
        figures_bytes(size, (double)e->bytes);
        canvas_puts_right(c, row.row, end - SIZE_COLS, SIZE_COLS, size, quiet);
    }
    end -= SIZE_COLS + 1;
    if (e->is_marked) canvas_puts(c, row.row, row.col, 1, "+", is_selected ? STYLE_FOCUS : STYLE_CHOSEN);
    theme_style style = is_selected ? STYLE_FOCUS : e->is_folder ? STYLE_USER : STYLE_TEXT;
    int col = row.col + 2;
    col += canvas_puts(c, row.row, col, end - col - 1, e->name, style);
    if (e->is_folder) canvas_puts(c, row.row, col, 1, "/", style);
}

void browser_draw(browser *b, canvas *c, rect area) {
    if (area.rows < 1 || !b->folder) return;
    draw_head(b, c, (rect){area.row, area.col, 1, area.cols});
    b->list = (rect){area.row + 1, area.col, area.rows - 1, area.cols};
    size_t rows = b->list.rows > 0 ? (size_t)b->list.rows : 1;
    if (b->selected < b->top) b->top = b->selected;
    if (b->selected >= b->top + rows) b->top = b->selected - rows + 1;
    for (size_t y = 0; y < rows && b->top + y < b->n_shown && b->list.rows > 0; y++)
        draw_entry(b, c, (rect){b->list.row + (int)y, area.col, 1, area.cols}, b->top + y);
    if (b->n_shown == 0 && b->list.rows > 0)
        canvas_puts(c, b->list.row, area.col + 2, area.cols - 2, b->typed.len ? "nothing here is called that" : "empty",
                    STYLE_DIM);
}
