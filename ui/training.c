// Three pages: the browser (browser.h), the form (trainform.h), and the training that runs (trainrun.h).
#include "ui/training.h"

#include "app/background.h"
#include "app/chat_train.h"
#include "app/paths.h"
#include "app/read_all.h"
#include "model/file/outfile.h"
#include "ui/browser.h"
#include "ui/input.h"
#include "ui/pasted.h"
#include "ui/screen.h"
#include "ui/state.h"
#include "ui/trainform.h"
#include "ui/trainpane.h"
#include "ui/trainrun.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef enum page { PAGE_BROWSER, PAGE_FORM, PAGE_RUN } page;

enum { COLS = 74, BROWSER_ROWS = 20, HINTED_ROWS = 8 };

struct training {
    page page;
    ui *ui;
    browser browser;
    trainform form;
    trainrun run;
    unsigned n_ended; // trainings whose end was told
    bool is_seen;     // the one that ended was looked at
};

static const background_state *state_of(const ui *u) {
    return background_look(u->chat->background);
}

// ---- the folder that was shown last, kept in a file

static void open_browser(training *t) {
    buf path = {0}, folder = {0};
    error err;
    t->page = PAGE_BROWSER;
    if (t->browser.folder)
        buf_puts(&folder, t->browser.folder);
    else if (paths_data("folder", &path, NULL) == 0)
        read_all_plain(buf_str(&path), &folder, &err);
    if (folder.len > 0 && folder.data[folder.len - 1] == '\n') buf_remove(&folder, folder.len - 1, 1);
    browser_show(&t->browser, buf_str(&folder));
    buf_free(&path);
    buf_free(&folder);
}

// Not being able to is no reason to complain.
static void remember_folder(const training *t) {
    buf path = {0}, text = {0};
    error err;
    buf_printf(&text, "%s\n", t->browser.folder);
    if (paths_data(NULL, &path, NULL) == 0 && paths_make_dir(buf_str(&path), NULL) == 0) {
        buf_puts(&path, "/folder");
        outfile_replace(buf_str(&path), text.data, text.len, &err);
    }
    buf_free(&path);
    buf_free(&text);
}

// ---- the source

static mode_result show_form(training *t, unsigned chat_flags) {
    ui *u = t->ui;
    if (!input_act(u, chat_flags)) return MODE_TAKEN;
    trainform_reset(&t->form);
    t->page = PAGE_FORM;
    return MODE_TAKEN;
}

static mode_result read_chosen(training *t) {
    size_t n;
    char **paths = browser_chosen(&t->browser, &n);
    unsigned flags = chat_train_files(t->ui->chat, (const char *const *)paths, n);
    for (size_t i = 0; i < n; i++) free(paths[i]);
    free(paths);
    remember_folder(t);
    return show_form(t, flags);
}

static mode_result read_text(training *t, const char *text, size_t n) {
    buf lines = {0};
    pasted_lines(text, n, &lines);
    unsigned flags = chat_train_text(t->ui->chat, buf_str(&lines), lines.len);
    buf_free(&lines);
    return show_form(t, flags);
}

// ---- keys

static bool is_text(const key *k) {
    return k->code == KEYS_PASTE &&
           (k->n_paste > PATH_MAX || memchr(k->paste, '\n', k->n_paste) || memchr(k->paste, '\r', k->n_paste));
}

static mode_result leave_browser(training *t) {
    if (t->ui->chat->tuning->stage == TUNING_EMPTY) return MODE_LEFT;
    t->page = PAGE_FORM;
    return MODE_TAKEN;
}

static mode_result take_for_browser(training *t, const key *k) {
    if (is_text(k)) return read_text(t, k->paste, k->n_paste);
    browser_result r = k->code == KEYS_MOUSE ? browser_mouse(&t->browser, k) : browser_key(&t->browser, k);
    if (t->browser.err.text[0]) input_say(t->ui, t->browser.err.text);
    if (r == BROWSER_CHOSEN) return read_chosen(t);
    return r == BROWSER_LEFT ? leave_browser(t) : MODE_TAKEN;
}

static mode_result start(training *t) {
    chat *c = t->ui->chat;
    if (!input_act(t->ui, chat_train_start(c))) return MODE_TAKEN;
    t->run = (trainrun){0};
    if (c->train->start_asked)
        input_say(t->ui, "it starts as soon as the forecast is there");
    else
        t->page = PAGE_RUN;
    return MODE_TAKEN;
}

static mode_result take_for_form(training *t, const key *k) {
    tuning *g = t->ui->chat->tuning;
    form_result r = k->code == KEYS_MOUSE ? trainform_mouse(&t->form, g, k) : trainform_key(&t->form, g, k);
    if (t->form.err.text[0]) input_say(t->ui, t->form.err.text);
    switch (r) {
    case FORM_CHOOSE: open_browser(t); return MODE_TAKEN;
    case FORM_GO: return start(t);
    case FORM_LEFT: return MODE_LEFT;
    default: return MODE_TAKEN;
    }
}

static void prepare(training *t) {
    if (t->ui->chat->tuning->stage == TUNING_EMPTY)
        open_browser(t);
    else
        t->page = PAGE_FORM;
}

static mode_result take_for_run(training *t, const key *k) {
    mode_result r = trainrun_key(&t->run, t->ui, k);
    if (r != MODE_IGNORED) return r;
    if (k->code == KEYS_CHAR && k->ch == 'n') prepare(t);
    return MODE_TAKEN;
}

static bool is_outside(const ui *u, const key *k) {
    rect f = u->mode.frame;
    return k->code == KEYS_MOUSE && k->action == MOUSE_PRESS &&
           (k->row < f.row || k->row >= f.row + f.rows || k->col < f.col || k->col >= f.col + f.cols);
}

static mode_result take(void *arg, ui *u, const key *k) {
    training *t = arg;
    if (is_outside(u, k)) return MODE_LEFT;
    switch (t->page) {
    case PAGE_BROWSER: return take_for_browser(t, k);
    case PAGE_FORM: return take_for_form(t, k);
    default: return take_for_run(t, k);
    }
}

// ---- drawing

static const char *title(void *arg) {
    static const char *const TITLES[] = {"train: what to learn from", "train", "training"};
    return TITLES[((training *)arg)->page];
}

static void size(void *arg, int *rows, int *cols) {
    training *t = arg;
    *cols = COLS;
    *rows = t->page == PAGE_BROWSER ? BROWSER_ROWS
            : t->page == PAGE_FORM  ? trainform_rows(&t->form, t->ui->chat->tuning)
                                    : TRAINRUN_ROWS;
}

static void draw(void *arg, canvas *c, rect area) {
    training *t = arg;
    if (t->page == PAGE_FORM) {
        trainform_draw(&t->form, t->ui->chat->tuning, c, area);
    } else if (t->page == PAGE_RUN) {
        trainrun_draw(&t->run, t->ui, c, area);
    } else {
        if (area.rows >= HINTED_ROWS) {
            canvas_puts(c, area.row, area.col, area.cols, "Choose a chat log or any text, or paste it here.",
                        STYLE_DIM);
            area.row += 2;
            area.rows -= 2;
        }
        browser_draw(&t->browser, c, area);
    }
}

static int footer(void *arg, mode_key keys[MODE_MAX_KEYS]) {
    static const mode_key BROWSER[] = {
        {"Enter", "open"}, {"type", "filter or path"}, {"Tab", "complete"}, {"Space", "several"}, {"Esc", "back"}};
    training *t = arg;
    if (t->page == PAGE_RUN) return trainrun_footer(&t->run, t->ui, keys);
    if (t->page == PAGE_FORM) return trainform_footer(&t->form, keys);
    memcpy(keys, BROWSER, sizeof BROWSER);
    return sizeof BROWSER / sizeof *BROWSER;
}

// What was prepared stays; a training that has ended was seen.
static void close_mode(void *arg) {
    training *t = arg;
    t->run.asks = false;
    t->form.is_dragging = false;
    if (t->page == PAGE_RUN && !trainpane_is_active(state_of(t->ui))) t->is_seen = true;
}

const mode_class training_mode = {title, size, draw, take, take, footer, close_mode};

// ---- opening

static training *training_of(ui *u) {
    if (u->training) return u->training;
    u->training = mem_calloc(1, sizeof *u->training);
    u->training->ui = u;
    return u->training;
}

void training_open(ui *u) {
    training *t = training_of(u);
    t->page = PAGE_RUN;
    if (!training_has_pane(u)) prepare(t);
    mode_open(u, &training_mode, t);
}

void training_prepare(ui *u) {
    training *t = training_of(u);
    trainform_reset(&t->form);
    t->page = PAGE_FORM;
    mode_open(u, &training_mode, t);
}

void training_read(ui *u, const char *text, size_t n) {
    training *t = training_of(u);
    open_browser(t);
    read_text(t, text, n);
    mode_open(u, &training_mode, t);
}

void training_free(training *t) {
    if (!t) return;
    browser_close(&t->browser);
    trainform_free(&t->form);
    free(t);
}

// ---- elsewhere on the screen

void training_tell(ui *u) {
    training *t = training_of(u);
    const background_state *s = state_of(u);
    buf title = {0};
    if (t->page == PAGE_FORM && u->chat->tuning->stage == TUNING_EMPTY) t->page = PAGE_RUN; // it was started
    bool is_gone = s->phase == BACKGROUND_DONE && !trainpane_is_shown(s);                   // discarded
    if (is_gone && t->page == PAGE_RUN && mode_is_open(u, &training_mode)) mode_close(u);
    if (trainpane_is_active(s)) {
        t->is_seen = false;
        buf_printf(&title, "doppel: training %s", s->name);
        if (s->steps > 0) buf_printf(&title, " %d%%", (int)(100.0 * s->step / s->steps));
    }
    if (t->n_ended != s->n_ended) {
        t->n_ended = s->n_ended;
        screen_ring();
    }
    if (!title.len && trainpane_is_shown(s) && !t->is_seen)
        buf_printf(&title, "doppel: %s %s", s->name, s->phase == BACKGROUND_FAILED ? "failed" : "is trained");
    screen_title(buf_str(&title));
    buf_free(&title);
}

bool training_has_pane(const ui *u) {
    return trainpane_is_shown(state_of(u)) && !(u->training && u->training->is_seen);
}
