#include "ui/choices.h"

enum { KEY_COLS = 5 };

static int take_mouse(const choices *p, const key *k) {
    int row = k->row - p->area.row;
    bool is_inside =
        row >= 0 && row < p->area.rows && row < p->n && k->col >= p->area.col && k->col < p->area.col + p->area.cols;
    return k->action == MOUSE_PRESS && is_inside ? row : -1;
}

int choices_take(choices *p, const key *k) {
    bool is_tab = k->code == KEYS_CHAR && k->ch == '\t';
    if (k->code == KEYS_MOUSE) return take_mouse(p, k);
    if (k->code == KEYS_UP || k->code == KEYS_BACK_TAB) p->selected = (p->selected + p->n - 1) % p->n;
    if (k->code == KEYS_DOWN || is_tab) p->selected = (p->selected + 1) % p->n;
    if (k->code != KEYS_CHAR) return -1;
    if (k->ch == '\r' || k->ch == '\n') return p->selected;
    for (int i = 0; i < p->n; i++)
        if (p->list[i].ch == k->ch) return i;
    return -1;
}

void choices_draw(choices *p, canvas *c, rect area) {
    p->area = area;
    for (int i = 0; i < p->n && i < area.rows; i++) {
        rect row = {area.row + i, area.col, 1, area.cols};
        bool is_selected = i == p->selected;
        if (is_selected) canvas_fill(c, row, ' ', STYLE_FOCUS);
        canvas_puts(c, row.row, row.col, KEY_COLS - 1, p->list[i].key, is_selected ? STYLE_FOCUS : STYLE_KEY);
        canvas_puts(c, row.row, row.col + KEY_COLS, row.cols - KEY_COLS, p->list[i].what,
                    is_selected ? STYLE_FOCUS : STYLE_TEXT);
    }
}
