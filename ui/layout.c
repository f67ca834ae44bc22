#include "ui/layout.h"

static int min_int(int a, int b) {
    return a < b ? a : b;
}

static int max_int(int a, int b) {
    return a > b ? a : b;
}

int layout_prompt_limit(int rows) {
    return max_int(1, rows / 3);
}

rect layout_inside(rect frame) {
    return (rect){frame.row + 1, frame.col + 2, max_int(0, frame.rows - 2), max_int(0, frame.cols - 4)};
}

// Lines for each pane out of `lines`, a border between two of them included: first every pane's least, in the order of
// the list, then what it wants, then the rest for the last one. Returns how many panes have room.
static int share_lines(int lines, const layout_pane *panes, int n, int *out) {
    int shown = 0, left = lines;
    while (shown < n && left >= panes[shown].min_rows + (shown ? 1 : 0)) {
        out[shown] = panes[shown].min_rows;
        left -= out[shown] + (shown ? 1 : 0);
        shown++;
    }
    for (int i = 0; i < shown; i++) {
        int more = min_int(left, max_int(0, panes[i].want_rows - out[i]));
        out[i] += more;
        left -= more;
    }
    if (shown) out[shown - 1] += left;
    return shown;
}

layout layout_compute(int rows, int cols, int prompt_rows, const layout_pane *panes, int n_panes) {
    layout l = {0};
    if (rows < LAYOUT_MIN_ROWS || cols < LAYOUT_MIN_COLS) {
        l.too_small = true;
        return l;
    }
    int prompt = max_int(1, min_int(prompt_rows, layout_prompt_limit(rows)));
    int lines = rows - prompt - 4; // the status line, and the borders above the chat, above and below the prompt
    int heights[LAYOUT_MAX_PANES], side = 0;
    if (cols >= LAYOUT_SIDE_COLS) {
        l.n_panes = share_lines(lines, panes, min_int(n_panes, LAYOUT_MAX_PANES), heights);
        if (l.n_panes) side = max_int(34, min_int(48, cols * 38 / 100));
    }
    l.status = (rect){0, 0, 1, cols};
    l.chat = (rect){1, 0, lines + 2, side ? cols - side - 1 : cols};
    l.chat_text = layout_inside(l.chat);
    for (int i = 0, row = 1; i < l.n_panes; i++) {
        l.panes[i] = (rect){row, l.chat.cols - 1, heights[i] + 2, side + 2};
        row += heights[i] + 1;
    }
    l.prompt = (rect){rows - 1 - prompt, 2, prompt, cols - 4};
    l.footer = (rect){rows - 1, 1, 1, cols - 2};
    return l;
}

rect layout_overlay(const layout *l, int screen_cols, int rows, int cols) {
    int height = min_int(rows + 2, l->chat.rows), width = min_int(cols + 4, screen_cols);
    return (rect){l->chat.row + (l->chat.rows - height) / 2, (screen_cols - width) / 2, height, width};
}
