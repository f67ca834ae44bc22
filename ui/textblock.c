#include "ui/textblock.h"

#include "app/clean.h"
#include "ui/wrap.h"

int textblock_draw(canvas *c, rect area, const char *s, size_t n, theme_style style) {
    buf shown = {0};
    wrap w = {0};
    int rows = 0;
    if (area.rows < 1 || area.cols < 1) return 0;
    clean_text(s, n, &shown);
    wrap_layout(&w, buf_str(&shown), shown.len, area.cols, (size_t)area.rows);
    for (; (size_t)rows < w.n_rows && rows < area.rows; rows++) {
        wrap_row r = w.rows[rows];
        canvas_put(c, area.row + rows, area.col, area.cols, buf_str(&shown) + r.start, r.end - r.start, style);
    }
    wrap_free(&w);
    buf_free(&shown);
    return rows;
}
