#include "ui/candidates.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { BAR_COLS = 8, PERCENT_COLS = 4 };

static void put_percent(canvas *c, int row, int col, float p, theme_style style) {
    char text[8];
    float percent = p >= 0 && p <= 1 ? p * 100 : 0;
    if (percent > 0 && percent < 0.5f)
        snprintf(text, sizeof text, " <1%%");
    else
        snprintf(text, sizeof text, "%3.0f%%", (double)percent);
    canvas_puts(c, row, col, PERCENT_COLS, text, style);
}

// A bar in eighths of a cell.
static void draw_bar(canvas *c, int row, int col, int cols, float p, theme_style style) {
    int eighths = p >= 0 && p <= 1 ? (int)lroundf(p * (float)cols * 8) : 0;
    for (int i = 0; i < cols && eighths > 0; i++, eighths -= 8)
        canvas_fill(c, (rect){row, col + i, 1, 1}, eighths >= 8 ? 0x2588 : 0x2590u - (unsigned)eighths, style);
}

void candidates_draw(canvas *c, rect area, const event *e) {
    int bar = area.cols >= 34 ? BAR_COLS : BAR_COLS / 2;
    int numbers = 2 * PERCENT_COLS + 3, text = area.cols - bar - numbers - 3;
    if (e->n_candidates == 0) {
        if (area.rows > 0) canvas_puts(c, area.row, area.col, area.cols, "shown while an answer streams", STYLE_DIM);
        return;
    }
    for (int i = 0; i < area.rows && i < e->n_candidates; i++) {
        int row = area.row + i, col = area.col;
        float before = e->candidates[i].before, after = e->candidates[i].after;
        bool chosen = e->candidates[i].chosen, cut = !(after > 0);
        theme_style style = chosen ? STYLE_CHOSEN : cut ? STYLE_CUT : STYLE_TEXT;
        draw_bar(c, row, col, bar, cut ? before : after, cut ? STYLE_CUT : chosen ? STYLE_CHOSEN : STYLE_BAR);
        col += bar;
        if (chosen) canvas_puts(c, row, col, 1, "›", STYLE_CHOSEN);
        canvas_puts(c, row, col + 1, text, e->candidates[i].text, style);
        col += 1 + text + 1;
        put_percent(c, row, col, before, style);
        canvas_puts(c, row, col + PERCENT_COLS, 3, " → ", STYLE_DIM);
        put_percent(c, row, col + PERCENT_COLS + 3, after, style);
    }
}
