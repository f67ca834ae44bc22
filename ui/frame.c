#include "ui/frame.h"

#include "app/background.h"
#include "app/chat_style.h"
#include "app/clean.h"
#include "ui/candidates.h"
#include "ui/help.h"
#include "ui/status.h"
#include "ui/training.h"
#include "ui/trainpane.h"

#include <stdio.h>
#include <string.h>

enum { PANE_SAMPLING, PANE_CANDIDATES, PANE_TRAINING, N_PANES };
static const char *const PANE_TITLES[N_PANES] = {"sampling", "next token", "training"};

static void draw_too_small(ui *u) {
    char text[64];
    snprintf(text, sizeof text, "doppel needs %dx%d, here are %dx%d", LAYOUT_MIN_COLS, LAYOUT_MIN_ROWS, u->cols,
             u->rows);
    canvas_puts(&u->canvas, 0, 0, u->cols, text, STYLE_WARNING);
    u->sampling.area = u->entry.area = (rect){0};
}

static void put(canvas *c, int row, int col, const char *s) {
    canvas_puts(c, row, col, 1, s, STYLE_BORDER);
}

static void draw_frames(ui *u) {
    canvas *c = &u->canvas;
    const layout *l = &u->layout;
    int below = l->prompt.row - 1, right = u->cols - 1;
    canvas_box(c, (rect){below, 0, u->rows - below, u->cols}, "", STYLE_BORDER, STYLE_TITLE);
    canvas_box(c, l->chat, "chat", STYLE_BORDER, STYLE_TITLE);
    for (int i = 0; i < l->n_panes; i++) {
        canvas_box(c, l->panes[i], PANE_TITLES[i], STYLE_BORDER,
                   i == PANE_SAMPLING && u->sampling.focused ? STYLE_FOCUS : STYLE_TITLE);
        put(c, l->panes[i].row, l->panes[i].col, i == 0 ? "┬" : "├");
        if (i > 0) put(c, l->panes[i].row, right, "┤");
    }
    put(c, below, 0, "├");
    put(c, below, right, "┤");
    if (l->n_panes) put(c, below, l->panes[0].col, "┴");
}

// ---- the footer

static void draw_footer_keys(ui *u, const mode_key *keys, int n) {
    rect f = u->layout.footer;
    int col = f.col, end = f.col + f.cols;
    for (int i = 0; i < n; i++) {
        int width = cells_width(keys[i].key, strlen(keys[i].key)) + cells_width(keys[i].what, strlen(keys[i].what)) + 3;
        if (col + width > end || u->n_footer == STATE_FOOTER_KEYS) return;
        canvas_fill(&u->canvas, (rect){f.row, col, 1, width}, ' ', STYLE_TEXT);
        u->footer[u->n_footer++] = (footer_key){keys[i].key, col, width};
        col += 1 + canvas_puts(&u->canvas, f.row, col + 1, width, keys[i].key, STYLE_KEY);
        col += 1 + canvas_puts(&u->canvas, f.row, col + 1, width, keys[i].what, STYLE_DIM);
        col += 1;
    }
}

static void draw_footer_text(ui *u, const char *text, theme_style style) {
    rect f = u->layout.footer;
    int width = cells_width(text, strlen(text)) + 2;
    if (width > f.cols) width = f.cols;
    canvas_fill(&u->canvas, (rect){f.row, f.col, 1, width}, ' ', STYLE_TEXT);
    canvas_puts(&u->canvas, f.row, f.col + 1, width - 2, text, style);
}

static void draw_search(ui *u, const editor_view *v) {
    buf text = {0};
    const char *what = v->search_mark == ':'   ? "command: "
                       : v->search_failed      ? "not found: "
                       : v->search_mark == '>' ? "search newer: "
                                               : "search: ";
    buf_puts(&text, what);
    for (size_t i = 0; i < v->n_search; i++) {
        char bytes[4];
        buf_append(&text, bytes, (size_t)utf8_encode((uint32_t)v->search[i], bytes));
    }
    draw_footer_text(u, text.data, v->search_failed ? STYLE_ERROR : STYLE_WARNING);
    buf_free(&text);
}

static bool has_answer(const chat *c) {
    for (size_t i = c->n_turns; i > 0; i--)
        if (c->turns[i - 1].kind == TURN_MODEL) return true;
    return false;
}

static void draw_footer(ui *u, const editor_view *v) {
    static const mode_key SLIDERS[] = {
        {"Up/Down", "choose"}, {"Left/Right", "move"}, {"0-9", "type"}, {"Esc", "back"}, {"u", "unit"}};
    u->n_footer = 0;
    if (u->message.len) {
        draw_footer_text(u, u->message.data, STYLE_WARNING);
    } else if (v->search) {
        draw_search(u, v);
    } else if (mode_is_open(u, NULL)) {
        mode_key keys[MODE_MAX_KEYS];
        draw_footer_keys(u, keys, u->mode.class->footer ? u->mode.class->footer(u->mode.arg, keys) : 0);
    } else if (u->sampling.focused) {
        int n = sizeof SLIDERS / sizeof *SLIDERS;
        draw_footer_keys(u, SLIDERS, sampling_has_unit(&u->sampling) ? n : n - 1);
    } else {
        mode_key keys[STATE_FOOTER_KEYS] = {{"F1", "help"}, {"F2", "sampling"}};
        int n = 2;
        n += mode_function_keys(keys + n);
        keys[n++] =
            (mode_key){"^C", u->chat->answering || u->chat->fetching || chat_compare_runs(u->chat) ? "stop" : "leave"};
        if (has_answer(u->chat)) keys[n++] = (mode_key){"F5", "another answer"};
        if (u->chat->n_adapters > 0) keys[n++] = (mode_key){"F6", u->chat->style->off ? "style" : "base"};
        draw_footer_keys(u, keys, n);
    }
}

// ---- the panes

static void draw_chat(ui *u) {
    rect area = u->layout.chat_text;
    transcript_resize(u->transcript, area.rows, area.cols);
    transcript_draw(u->transcript, &u->canvas, area.row, area.col);
    if (transcript_follows(u->transcript)) return;
    const char *hint = transcript_has_new(u->transcript) ? " new text below: Ctrl-End " : " more below: Ctrl-End ";
    canvas_puts_right(&u->canvas, u->layout.chat.row + u->layout.chat.rows - 1, area.col, area.cols, hint,
                      STYLE_WARNING);
}

static void draw_overlay(ui *u, const char *title, int rows, int cols, rect *inside) {
    rect frame = layout_overlay(&u->layout, u->cols, rows, cols);
    canvas_fill(&u->canvas, frame, ' ', STYLE_TEXT);
    canvas_box(&u->canvas, frame, title, STYLE_BORDER, STYLE_TITLE);
    *inside = layout_inside(frame);
}

static void set_dials(ui *u) {
    sampling_dial dials[WORKER_MAX_ADAPTERS] = {0};
    for (size_t i = 0; i < u->chat->n_adapters; i++) {
        buf name = {0};
        clean_text(u->chat->adapters[i].name, strlen(u->chat->adapters[i].name), &name);
        size_t n = cells_fit(buf_str(&name), name.len < SAMPLING_NAME ? name.len : SAMPLING_NAME - 1, SAMPLING_NAME);
        memcpy(dials[i].name, buf_str(&name), n);
        dials[i].value = (double)u->chat->adapters[i].strength;
        buf_free(&name);
    }
    sampling_set_dials(&u->sampling, dials, (int)u->chat->n_adapters, u->chat->style->off);
}

static void draw_sliders(ui *u) {
    rect area;
    if (u->layout.n_panes > PANE_SAMPLING) {
        area = layout_inside(u->layout.panes[PANE_SAMPLING]);
    } else if (u->sampling.focused) {
        draw_overlay(u, PANE_TITLES[PANE_SAMPLING], sampling_rows(&u->sampling), 40, &area);
    } else {
        u->sampling.area = (rect){0};
        return;
    }
    sampling_draw(&u->sampling, &u->canvas, area, &u->chat->settings);
}

static void draw_help(ui *u) {
    int cols = help_cols();
    rect area;
    if (cols > u->cols - 4) cols = u->cols - 4;
    int rows = help_rows(cols);
    draw_overlay(u, "help", rows, cols, &area);
    int last = rows - area.rows;
    if (u->help_top > last) u->help_top = last;
    if (u->help_top < 0) u->help_top = 0;
    help_draw(&u->canvas, area, u->help_top);
    const char *hint = u->help_top < last ? " PgDn: more, Esc: close " : " Esc: close ";
    canvas_puts_right(&u->canvas, area.row + area.rows, area.col, area.cols, hint, STYLE_WARNING);
}

static const char *prompt_hint(const chat *c) {
    if (c->question == QUESTION_LEAVE) return "k, s or c";
    if (c->question != QUESTION_NONE) return "y or n";
    return "message, or /command";
}

// A training takes room from the candidates, and shrinks to one line before its pane folds.
static layout arrange(const ui *u) {
    bool trains = training_has_pane(u);
    layout_pane panes[N_PANES] = {[PANE_SAMPLING] = {4, 7 + (int)u->chat->n_adapters},
                                  [PANE_CANDIDATES] = {3, trains ? 6 : 10},
                                  [PANE_TRAINING] = {TRAINPANE_MIN_ROWS, TRAINPANE_WANT_ROWS}};
    int n = trains ? N_PANES : PANE_TRAINING;
    layout l = layout_compute(u->rows, u->cols, u->entry.rows, panes, n);
    if (l.too_small || l.n_panes == n) return l;
    panes[PANE_TRAINING].min_rows = 1;
    return layout_compute(u->rows, u->cols, u->entry.rows, panes, n);
}

void frame_draw(ui *u) {
    canvas *c = &u->canvas;
    editor_view v;
    canvas_resize(c, u->rows, u->cols);
    editor_look(u->editor, &v);
    entry_layout(&u->entry, v.text, v.n, v.cursor, u->cols - 4, layout_prompt_limit(u->rows));
    set_dials(u);
    u->layout = arrange(u);
    if (u->layout.too_small) {
        draw_too_small(u);
        return;
    }
    status_draw(c, u->layout.status, u->chat);
    draw_frames(u);
    draw_chat(u);
    if (u->layout.n_panes > PANE_CANDIDATES)
        candidates_draw(c, layout_inside(u->layout.panes[PANE_CANDIDATES]), &u->chat->candidates);
    if (u->layout.n_panes > PANE_TRAINING)
        trainpane_draw(c, layout_inside(u->layout.panes[PANE_TRAINING]), background_look(u->chat->background), false);
    if (completion_is_open(&u->completion)) completion_draw(&u->completion, c, u->layout.chat_text);
    draw_sliders(u);
    draw_footer(u, &v);
    entry_draw(&u->entry, c, u->layout.prompt, prompt_hint(u->chat));
    mode_draw(u);
    if (u->shows_help) draw_help(u);
    if (u->shows_help || u->sampling.focused) c->cursor_row = -1;
}
