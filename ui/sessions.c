#include "ui/sessions.h"

#include "ui/input.h"
#include "ui/picker.h"

#include <stdlib.h>

enum { WANTED_COLS = 84, LEAST_ROWS = 4 };

static const char *title(void *arg) {
    (void)arg;
    return "conversations";
}

static void size(void *arg, int *rows, int *cols) {
    const picker *p = arg;
    int wanted = (int)p->n_rows + 1;
    if (p->typed.len || wanted < LEAST_ROWS) wanted = LEAST_ROWS > wanted ? LEAST_ROWS : wanted;
    if (wanted < *rows && !p->typed.len) *rows = wanted; // while one searches the frame keeps its size
    *cols = WANTED_COLS;
}

static void draw(void *arg, canvas *c, rect area) {
    picker_draw(arg, c, area);
}

static int footer(void *arg, mode_key keys[MODE_MAX_KEYS]) {
    return picker_footer(arg, keys);
}

static void refresh(picker *p, ui *u, unsigned flags) {
    p->current = u->chat->session.id;
    picker_load(p);
    input_changed(u, flags);
}

static mode_result act(picker *p, ui *u, picker_result r) {
    chat *c = u->chat;
    const picker_row *row = picker_selected(p);
    switch (r) {
    case PICKER_IGNORED: return MODE_IGNORED;
    case PICKER_TAKEN: return MODE_TAKEN;
    case PICKER_LEFT: return MODE_LEFT;
    case PICKER_OPEN:
        transcript_newest(u->transcript);
        input_changed(u, chat_session_open(c, row->id));
        return MODE_LEFT;
    case PICKER_NEW:
        transcript_newest(u->transcript);
        input_changed(u, chat_session_new(c, NULL));
        return MODE_LEFT;
    case PICKER_RENAMED: refresh(p, u, chat_session_rename(c, row->id, p->title.data)); break;
    case PICKER_REMOVED: refresh(p, u, chat_session_remove(c, row->id)); break;
    }
    return MODE_TAKEN;
}

// The chat may have had to change its store since the list was opened.
static mode_result take_key(void *arg, ui *u, const key *k) {
    picker *p = arg;
    p->store = u->chat->store;
    return act(p, u, picker_key(p, k));
}

static mode_result take_mouse(void *arg, ui *u, const key *k) {
    return act(arg, u, picker_mouse(arg, k));
}

static void free_picker(void *arg) {
    picker_free(arg);
    free(arg);
}

const mode_class sessions_mode = {.title = title,
                                  .size = size,
                                  .draw = draw,
                                  .key = take_key,
                                  .mouse = take_mouse,
                                  .footer = footer,
                                  .close = free_picker};

void sessions_open(ui *u) {
    picker *p = mem_calloc(1, sizeof *p);
    p->store = u->chat->store;
    p->current = u->chat->session.id;
    picker_load(p);
    mode_open(u, &sessions_mode, p);
}
