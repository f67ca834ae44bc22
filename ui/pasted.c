#include "ui/pasted.h"

#include "app/tuning.h"
#include "ui/choices.h"
#include "ui/input.h"
#include "ui/state.h"
#include "ui/textblock.h"
#include "ui/training.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PREVIEW_ROWS = 3, COLS = 64, ESCAPE = 0x1b };

typedef enum answer { LEARN, INSERT, NEITHER, ANSWERS } answer;
static const choice CHOICE[ANSWERS] = {
    [LEARN] = {'t', "t", "train: learn from it"},
    [INSERT] = {'m', "m", "put it into the message"},
    [NEITHER] = {ESCAPE, "Esc", "neither"},
};

typedef struct pasted {
    buf text;
    char format[32];
    size_t lines;
    choices choices;
} pasted;

static const char *title(void *arg) {
    (void)arg;
    return "pasted";
}

static void size(void *arg, int *rows, int *cols) {
    (void)arg;
    *rows = 2 + PREVIEW_ROWS + 1 + ANSWERS;
    *cols = COLS;
}

// First the preview folds, then the empty rows.
static void draw(void *arg, canvas *c, rect area) {
    pasted *p = arg;
    char head[128];
    snprintf(head, sizeof head, "This looks like a chat log (%s) with %zu lines.", p->format, p->lines);
    canvas_puts(c, area.row, area.col, area.cols, head, STYLE_TEXT);
    int preview = area.rows - 1 - ANSWERS - 2, row = area.row + 1;
    if (preview > PREVIEW_ROWS) preview = PREVIEW_ROWS;
    if (preview > 0) {
        size_t n = p->text.len < 4096 ? p->text.len : 4096;
        textblock_draw(c, (rect){row + 1, area.col, preview, area.cols}, p->text.data, n, STYLE_DIM);
        row += preview + 2;
    }
    choices_draw(&p->choices, c, (rect){row, area.col, ANSWERS, area.cols});
}

// The text leaves the question before the question is closed.
static mode_result take(void *arg, ui *u, const key *k) {
    pasted *p = arg;
    int chosen = choices_take(&p->choices, k);
    if (chosen < 0) return MODE_TAKEN;
    buf text = p->text;
    p->text = (buf){0};
    mode_close(u);
    if (chosen == LEARN) training_read(u, text.data, text.len);
    if (chosen == INSERT) input_insert(u, text.data, text.len);
    if (chosen == NEITHER) input_say(u, "left out; paste it again to be asked again");
    buf_free(&text);
    return MODE_TAKEN;
}

static int footer(void *arg, mode_key keys[MODE_MAX_KEYS]) {
    (void)arg;
    keys[0] = (mode_key){"t", "learn from it"};
    keys[1] = (mode_key){"m", "into the message"};
    keys[2] = (mode_key){"Esc", "neither"};
    return ANSWERS;
}

static void close_question(void *arg) {
    pasted *p = arg;
    buf_free(&p->text);
    free(p);
}

const mode_class pasted_mode = {title, size, draw, take, take, footer, close_question};

void pasted_lines(const char *text, size_t n, buf *out) {
    for (size_t i = 0; i < n;) {
        size_t end = i;
        while (end < n && text[end] != '\r') end++;
        buf_append(out, text + i, end - i);
        if (end < n) buf_putc(out, '\n');
        i = end + 1;
        if (i < n && text[i] == '\n') i++;
    }
}

bool pasted_ask(ui *u, const char *text, size_t n) {
    pasted *p = mem_calloc(1, sizeof *p);
    p->choices = (choices){.list = CHOICE, .n = ANSWERS};
    pasted_lines(text, n, &p->text);
    if (!tuning_is_log(buf_str(&p->text), p->text.len, p->format, sizeof p->format)) {
        close_question(p);
        return false;
    }
    for (size_t i = 0; i < p->text.len; i++) p->lines += p->text.data[i] == '\n';
    p->lines += p->text.data[p->text.len - 1] != '\n';
    mode_open(u, &pasted_mode, p);
    return true;
}
