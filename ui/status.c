#include "ui/status.h"

#include "app/chat_copies.h"
#include "app/clean.h"
#include "app/background.h"
#include "ui/figures.h"
#include "ui/trainpane.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { MAX_FIELDS = 7, FIELD_BYTES = 80, BRAND_COLS = 60 }; // BRAND_COLS: below, there is no room for its own name

typedef struct fields {
    char text[MAX_FIELDS][FIELD_BYTES];
    theme_style style[MAX_FIELDS];
    int n;
} fields;

static char *add_field(fields *f, theme_style style) {
    f->style[f->n] = style;
    return f->text[f->n++];
}

static void add_training(fields *f, const chat *chat, bool is_short) {
    char text[TRAINPANE_STATUS];
    trainpane_status(chat->background ? background_look(chat->background) : NULL, is_short, text);
    if (*text) snprintf(add_field(f, STYLE_VALUE), FIELD_BYTES, "%s", text);
}

// In their order on the line; the last ones are given up first when it is short.
static void collect(fields *f, const chat *chat, bool is_short) {
    if (chat->loading) {
        snprintf(add_field(f, STYLE_WARNING), FIELD_BYTES, "loading…");
    } else if (chat->fetching && chat->fetch_total > 0) {
        double percent = 100.0 * chat->fetch_done / chat->fetch_total;
        snprintf(add_field(f, STYLE_WARNING), FIELD_BYTES, "fetching %.0f%%", percent);
    } else if (chat->fetching) {
        snprintf(add_field(f, STYLE_WARNING), FIELD_BYTES, "fetching…");
    } else if (chat->prefill_total > 0) {
        char done[FIGURES_BYTES], total[FIGURES_BYTES];
        figures_count(done, chat->prefill_done);
        figures_count(total, chat->prefill_total);
        snprintf(add_field(f, STYLE_VALUE), FIELD_BYTES, "reading %s/%s", done, total);
    } else if (chat->tok_s > 0) {
        snprintf(add_field(f, STYLE_VALUE), FIELD_BYTES, chat->tok_s < 10 ? "%.1f tok/s" : "%.0f tok/s", chat->tok_s);
    }
    if (is_short) add_training(f, chat, true);
    if (chat->n_ctx > 0) {
        int percent = (int)((100LL * chat->n_past + chat->n_ctx - 1) / chat->n_ctx);
        snprintf(add_field(f, percent >= 90 ? STYLE_WARNING : STYLE_TEXT), FIELD_BYTES, "ctx %d%%", percent);
    }
    if (chat_copies_count(chat) > 0)
        snprintf(add_field(f, STYLE_COPIED), FIELD_BYTES, "%zu copied", chat_copies_count(chat));
    if (!is_short) add_training(f, chat, false);
    if (chat->dropped_turns > 0)
        snprintf(add_field(f, STYLE_WARNING), FIELD_BYTES, "%d oldest left out", chat->dropped_turns);
    if (chat->settings.seed_given || chat->settings.seed)
        snprintf(add_field(f, STYLE_DIM), FIELD_BYTES, "seed %" PRIu64, chat->settings.seed);
}

// How many of the fields fit into so many columns; *used gets what they take, with three spaces between them.
static int count_fitting(const fields *f, int cols, int *used) {
    int n = 0;
    *used = 0;
    for (; n < f->n; n++) {
        int width = cells_width(f->text[n], strlen(f->text[n])) + (n ? 3 : 0);
        if (*used + width > cols) break;
        *used += width;
    }
    return n;
}

void status_draw(canvas *c, rect area, const chat *chat) {
    fields f = {0};
    collect(&f, chat, area.cols < BRAND_COLS);
    int name_col = area.col + 1, end = area.col + area.cols - 1, used;
    if (area.cols >= BRAND_COLS) name_col += 2 + canvas_puts(c, area.row, name_col, area.cols, "doppel", STYLE_BRAND);
    buf label = {0}, name = {0};
    chat_label(chat, &label);
    clean_text(buf_str(&label), label.len, &name);
    buf_free(&label);
    // A long name makes room for the first two fields, not for the others.
    int room = end - name_col - 3, name_cols = cells_width(buf_str(&name), name.len);
    int n = count_fitting(&f, room - name_cols, &used);
    if (n < 2 && f.n > n) {
        f.n = f.n < 2 ? f.n : 2;
        n = count_fitting(&f, room * 3 / 5, &used);
    }
    int col = end - used;
    for (int i = 0; i < n; i++) col += canvas_puts(c, area.row, col, end - col, f.text[i], f.style[i]) + 3;
    canvas_put(c, area.row, name_col, end - used - 3 - name_col, buf_str(&name), name.len, STYLE_TITLE);
    buf_free(&name);
}
