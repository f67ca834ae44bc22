// The layout at every size: nothing overlaps, nothing lies outside, panes fold in their order.
#include "tests/test.h"
#include "ui/layout.h"

static const layout_pane PANES[] = {{4, 7}, {3, 10}};

static bool is_inside(rect r, int rows, int cols) {
    return r.row >= 0 && r.col >= 0 && r.rows > 0 && r.cols > 0 && r.row + r.rows <= rows && r.col + r.cols <= cols;
}

// Complains once per size.
static bool is_sound(int rows, int cols, int prompt) {
    layout l = layout_compute(rows, cols, prompt, PANES, 2);
    if (l.too_small) return rows < LAYOUT_MIN_ROWS || cols < LAYOUT_MIN_COLS;
    bool ok = is_inside(l.status, rows, cols) && is_inside(l.chat, rows, cols) && is_inside(l.prompt, rows, cols) &&
              is_inside(l.footer, rows, cols) && is_inside(l.chat_text, rows, cols);
    ok = ok && l.chat.row == 1 && l.chat.row + l.chat.rows == l.prompt.row &&
         l.prompt.row + l.prompt.rows == l.footer.row;
    ok = ok && l.footer.row == rows - 1 && l.chat_text.rows >= 3 && l.chat_text.cols >= 36;
    ok = ok && l.prompt.rows <= layout_prompt_limit(rows) && l.prompt.rows >= 1;
    int row = 1;
    for (int i = 0; i < l.n_panes; i++) {
        rect p = l.panes[i];
        ok = ok && p.row == row && p.col == l.chat.col + l.chat.cols - 1 && p.col + p.cols == cols;
        ok = ok && p.rows - 2 >= PANES[i].min_rows;
        row += p.rows - 1;
    }
    return ok && (l.n_panes == 0 ? l.chat.cols == cols : row + 1 == l.chat.row + l.chat.rows);
}

static void test_every_size(void) {
    int bad = 0;
    for (int rows = 1; rows <= 110; rows++)
        for (int cols = 1; cols <= 410; cols += 3)
            for (int prompt = 1; prompt < 50; prompt += 12)
                if (!is_sound(rows, cols, prompt) && bad++ < 5) OK(0, "%dx%d with %d prompt rows", cols, rows, prompt);
    OK(bad == 0, "%d sizes are unsound", bad);
}

static void test_folding(void) {
    OK(layout_compute(9, 100, 1, PANES, 2).too_small && layout_compute(10, 39, 1, PANES, 2).too_small, "below 40x10");
    OK(!layout_compute(10, 40, 1, PANES, 2).too_small, "40x10 is enough");
    OK(layout_compute(30, 100, 1, PANES, 2).n_panes == 2, "both panes at 100x30");
    OK(layout_compute(30, 77, 1, PANES, 2).n_panes == 0, "none on a narrow screen");
    OK(layout_compute(12, 100, 1, PANES, 2).n_panes == 1, "only the first on a low one");
    OK(layout_compute(10, 100, 3, PANES, 2).n_panes == 0, "none when the prompt takes their room");
    layout l = layout_compute(30, 100, 1, PANES, 2);
    OK(l.panes[0].rows == 9, "the first has what it wants: %d", l.panes[0].rows);
}

static void test_overlay(void) {
    int bad = 0;
    for (int rows = LAYOUT_MIN_ROWS; rows < 60; rows++)
        for (int cols = LAYOUT_MIN_COLS; cols < 200; cols += 7) {
            layout l = layout_compute(rows, cols, 1, PANES, 2);
            rect o = layout_overlay(&l, cols, 30, 90);
            bad += !is_inside(o, rows, cols) || o.row + o.rows > l.prompt.row || layout_inside(o).rows < 1;
        }
    OK(bad == 0, "%d overlays lie outside", bad);
}

int main(void) {
    test_every_size();
    test_folding();
    test_overlay();
    return test_end();
}
