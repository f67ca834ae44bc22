#include "ui/trainpane.h"

#include "ui/figures.h"
#include "ui/plot.h"
#include "ui/textblock.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { METER_CELLS = 4, SAMPLE_ROWS = 3, PLOT_ROWS = 3 };

bool trainpane_is_active(const background_state *s) {
    return s && s->phase >= BACKGROUND_STARTING && s->phase <= BACKGROUND_STOPPING;
}

bool trainpane_is_shown(const background_state *s) {
    bool is_gone = s && s->phase == BACKGROUND_DONE && s->reason && strcmp(s->reason, "discarded") == 0;
    return s && s->phase != BACKGROUND_IDLE && !is_gone;
}

// ---- how far it is

static double share_of(const background_state *s) {
    if (s->phase == BACKGROUND_DONE) return 1;
    double share = s->steps > 0 ? (double)s->step / s->steps : 0;
    return share < 0 ? 0 : share > 1 ? 1 : share;
}

void trainpane_status(const background_state *s, bool is_short, char *out) {
    char meter[METER_CELLS * 3 + 1] = "";
    out[0] = '\0';
    if (!trainpane_is_active(s)) return;
    double share = share_of(s);
    for (int i = 0; i < METER_CELLS; i++) strcat(meter, i < (int)lround(share * METER_CELLS) ? "▇" : "▁");
    snprintf(out, TRAINPANE_STATUS, "%s%d%% %s", is_short ? "" : "training ", (int)(share * 100), meter);
}

// What stands at the end of the progress bar.
static void print_phase(const background_state *s, char *out, size_t size, theme_style *style) {
    char left[FIGURES_BYTES];
    *style = STYLE_WARNING;
    switch (s->phase) {
    case BACKGROUND_STARTING: snprintf(out, size, "starting…"); break;
    case BACKGROUND_PAUSED:
        snprintf(out, size, "paused%s%s", s->pause_reason ? ": " : "", s->pause_reason ? s->pause_reason : "");
        break;
    case BACKGROUND_STOPPING: snprintf(out, size, "saving…"); break;
    case BACKGROUND_FAILED: snprintf(out, size, "failed"); break;
    case BACKGROUND_DONE:
        *style = STYLE_CHOSEN;
        snprintf(out, size, "%s",
                 s->reason && strcmp(s->reason, "interrupted") == 0  ? "stopped, kept"
                 : s->reason && strcmp(s->reason, "early-stop") == 0 ? "done, no more to gain"
                                                                     : "done");
        break;
    default:
        *style = STYLE_DIM;
        figures_time(left, s->eta_s);
        snprintf(out, size, "%s%s", *left ? left : "measuring…", *left ? " left" : "");
    }
}

static void draw_progress(canvas *c, rect row, const background_state *s) {
    char phase[64], percent[8];
    theme_style style;
    print_phase(s, phase, sizeof phase, &style);
    snprintf(percent, sizeof percent, "%3d%%", (int)(share_of(s) * 100));
    int width = cells_width(phase, strlen(phase)), bar = row.cols - width - 7;
    if (bar < 4) {
        int col = row.col + canvas_puts(c, row.row, row.col, row.cols, percent, STYLE_VALUE) + 1;
        canvas_puts(c, row.row, col, row.col + row.cols - col, phase, style);
        return;
    }
    int filled = (int)lround(share_of(s) * bar);
    canvas_fill(c, (rect){row.row, row.col, 1, bar}, 0x2500, STYLE_TRACK);
    canvas_fill(c, (rect){row.row, row.col, 1, filled}, 0x2501, STYLE_FILL);
    canvas_puts(c, row.row, row.col + bar + 1, 4, percent, STYLE_VALUE);
    canvas_puts(c, row.row, row.col + bar + 7, width, phase, style);
}

// ---- the curves

static plot_point *points_of(const background_point *from, size_t n) {
    plot_point *to = mem_calloc(n, sizeof *to);
    for (size_t i = 0; i < n; i++) to[i] = (plot_point){from[i].step, from[i].loss};
    return to;
}

static void draw_plot(canvas *c, rect area, const background_state *s) {
    plot_point *losses = points_of(s->losses, s->n_losses), *evals = points_of(s->evals, s->n_evals);
    plot_line lines[] = {{losses, s->n_losses, STYLE_FILL}, {evals, s->n_evals, STYLE_CHOSEN}};
    plot_draw(c, area, lines, 2);
    free(losses);
    free(evals);
}

// ---- figures

typedef struct figures {
    canvas *c;
    int row, col, end;
} figures;

// "name value" and two spaces, if there is room.
static void put_figure(figures *f, const char *name, theme_style style, const char *value) {
    int width = cells_width(name, strlen(name)) + cells_width(value, strlen(value)) + (*value != 0);
    if (f->col + width > f->end) return;
    f->col += canvas_puts(f->c, f->row, f->col, f->end - f->col, name, style);
    if (*value) f->col += 1 + canvas_puts(f->c, f->row, f->col + 1, f->end - f->col - 1, value, STYLE_VALUE);
    f->col += 2;
}

static void print_loss(char *out, size_t size, double loss, size_t n_points) {
    snprintf(out, size, n_points && isfinite(loss) && fabs(loss) < 1e4 ? "%.2f" : "–", loss);
}

static void draw_losses(canvas *c, rect row, const background_state *s) {
    figures f = {c, row.row, row.col, row.col + row.cols};
    char text[32];
    print_loss(text, sizeof text, s->held_out, s->n_evals);
    put_figure(&f, "held-out", STYLE_CHOSEN, text);
    print_loss(text, sizeof text, s->loss, s->n_losses);
    put_figure(&f, "loss", STYLE_FILL, text);
    if (!(s->copy_rate >= 0)) return;
    snprintf(text, sizeof text, "%.0f%%", s->copy_rate * 100);
    put_figure(&f, "copied", STYLE_DIM, text);
}

static void draw_steps(canvas *c, rect row, const background_state *s) {
    figures f = {c, row.row, row.col, row.col + row.cols};
    char text[48];
    snprintf(text, sizeof text, s->steps > 0 ? "%d/%d" : "%d", s->step, s->steps);
    put_figure(&f, "step", STYLE_DIM, text);
    if (s->tok_s > 0) {
        if (s->tok_s < 9.95)
            snprintf(text, sizeof text, "%.1f", s->tok_s);
        else
            figures_count(text, (int64_t)llround(s->tok_s));
        put_figure(&f, text, STYLE_VALUE, "");
        f.col--;
        put_figure(&f, "tok/s", STYLE_DIM, "");
    }
    if (s->n_waiting == 0) return;
    snprintf(text, sizeof text, "%zu", s->n_waiting);
    put_figure(&f, "waiting", STYLE_DIM, text);
}

// ---- the newest sample

static void draw_sample(canvas *c, rect area, const background_state *s) {
    char title[48];
    if (s->sample.len == 0) {
        canvas_puts(c, area.row, area.col, area.cols, "no sample yet", STYLE_DIM);
        return;
    }
    snprintf(title, sizeof title, "sample of step %d", s->sample_step);
    canvas_puts(c, area.row, area.col, area.cols, title, STYLE_DIM);
    textblock_draw(c, (rect){area.row + 1, area.col, area.rows - 1, area.cols}, s->sample.data, s->sample.len,
                   STYLE_TEXT);
}

// ---- the pane

// "loss ⣀⡠⠤⠒⠉  held-out 2.31  4 min left"
static void draw_line(canvas *c, rect row, const background_state *s) {
    char phase[64], loss[16], text[128];
    theme_style style;
    print_phase(s, phase, sizeof phase, &style);
    print_loss(loss, sizeof loss, s->held_out, s->n_evals);
    snprintf(text, sizeof text, "held-out %s  %s", loss, phase);
    int width = cells_width(text, strlen(text)), plot = row.cols - width - 7;
    if (plot < 2) {
        draw_progress(c, row, s);
        return;
    }
    canvas_puts(c, row.row, row.col, 4, "loss", STYLE_DIM);
    draw_plot(c, (rect){row.row, row.col + 5, 1, plot < PLOT_LABELLED_COLS ? plot : PLOT_LABELLED_COLS - 1}, s);
    canvas_puts_right(c, row.row, row.col, row.cols, text, STYLE_TEXT);
}

void trainpane_draw(canvas *c, rect area, const background_state *s, bool with_sample) {
    if (area.rows < 1) return;
    if (area.rows == 1) {
        draw_line(c, area, s);
        return;
    }
    rect row = {area.row, area.col, 1, area.cols};
    draw_progress(c, row, s);
    row.row++;
    if (s->phase == BACKGROUND_FAILED) {
        textblock_draw(c, (rect){row.row, area.col, area.rows - 1, area.cols}, s->err.text, strlen(s->err.text),
                       STYLE_ERROR);
        return;
    }
    int left = area.rows - 1, n_figures = left >= 2 + PLOT_ROWS ? 2 : left >= 2 + 1 ? 1 : left;
    if (n_figures > 2) n_figures = 2;
    left -= n_figures;
    int sample = !with_sample ? 0 : left <= 2 * SAMPLE_ROWS ? left : s->sample.len ? left - left / 2 : 2;
    int plot = left - sample;
    if (plot > 0) draw_plot(c, (rect){row.row, area.col, plot, area.cols}, s);
    row.row += plot;
    draw_losses(c, row, s);
    row.row++;
    if (n_figures == 2) {
        draw_steps(c, row, s);
        row.row++;
    }
    if (sample > 1) draw_sample(c, (rect){row.row + 1, area.col, sample - 1, area.cols}, s);
}
