#include "ui/help.h"

#include "app/chat.h"
#include "ui/wrap.h"

#include <string.h>

static const struct {
    const char *key, *what; // key "": a heading
} KEYS[] = {
    {"", "Keys"},
    {"Enter", "send; Alt-Enter begins a new line"},
    {"Tab", "complete a command, knob, model or file"},
    {"Up, Down", "older and newer messages, or lines of this one"},
    {"Ctrl-R", "search the history"},
    {"Ctrl-C", "stop the answer; with none running, twice leaves"},
    {"Ctrl-D", "leave (on an empty line)"},
    {"Ctrl-Z", "suspend; fg comes back"},
    {"F1", "this help"},
    {"F2", "the sampling sliders, and back"},
    {"F3", "learn from a chat log or a text; the training that runs"},
    {"F4", "conversations: open, search, rename, remove"},
    {"F5", "another answer; the earlier ones are kept"},
    {"Alt-Left, -Right", "on an empty line: the answers there are (\u2039 2/3 \u203a)"},
    {"F6", "the style of the adapters off and on, from the next word on"},
    {"PgUp, PgDn", "scroll; so does the mouse wheel"},
    {"Ctrl-Home, -End", "the oldest and the newest text"},
    {"Ctrl-L", "draw the screen again"},
    {"", "Sliders (F2)"},
    {"Up, Down", "choose a knob"},
    {"Left, Right", "move it; with Shift, or by PgUp and PgDn, further"},
    {"0-9", "type a value, then Enter"},
    {"u", "the length in tokens or in characters"},
    {"Esc, Enter, F2", "back to the prompt"},
    {"mouse", "click or drag; Shift-drag selects text as usual"},
    {"", "Training (F3)"},
    {"type, Enter, Space", "a file or folder; several; or paste a log"},
    {"Up, Down, Tab", "go through what can be chosen"},
    {"Left, Right", "move a slider"},
    {"p, e, d", "while it trains: pause, end and keep, discard"},
    {"t, s, n, q", "try what it learned, its sample, another, the line"},
    {"", "Editing keys are libedit's; ~/.editrc changes them."},
    {"", "Commands"},
};

enum { N_KEYS = sizeof KEYS / sizeof *KEYS, GAP = 2 };

// A line: what to press or type, and what it does. An empty key makes a heading of the rest.
typedef struct help_line {
    buf key;
    const char *what;
} help_line;

static int n_lines(void) {
    return N_KEYS + (int)chat_n_commands();
}

static help_line line_at(int i) {
    help_line line = {0};
    if (i < N_KEYS) {
        buf_puts(&line.key, KEYS[i].key);
        line.what = KEYS[i].what;
    } else {
        const chat_command *command = chat_command_at((size_t)(i - N_KEYS));
        buf_printf(&line.key, "/%s %s", command->name, command->args ? command->args : "");
        line.what = command->help;
    }
    return line;
}

static int key_columns(void) {
    int widest = 0;
    for (int i = 0; i < n_lines(); i++) {
        help_line line = line_at(i);
        int width = cells_width(buf_str(&line.key), line.key.len);
        if (width > widest) widest = width;
        buf_free(&line.key);
    }
    return widest + GAP;
}

int help_cols(void) {
    int keys = key_columns(), widest = 0;
    for (int i = 0; i < n_lines(); i++) {
        help_line line = line_at(i);
        int width = cells_width(line.what, strlen(line.what)) + (line.key.len ? keys : 0);
        if (width > widest) widest = width;
        buf_free(&line.key);
    }
    return widest;
}

// Lays out every row; draws those in view when there is a canvas. Returns how many rows there are.
static int walk(canvas *c, rect area, int top) {
    int keys = key_columns(), rows = 0;
    if (keys > area.cols / 2) keys = area.cols / 2;
    for (int i = 0; i < n_lines(); i++) {
        help_line line = line_at(i);
        int indent = line.key.len ? keys : 0;
        wrap w = {0};
        wrap_layout(&w, line.what, strlen(line.what), area.cols - indent, SIZE_MAX);
        for (size_t j = 0; j < w.n_rows; j++, rows++) {
            if (!c || rows < top || rows >= top + area.rows) continue;
            int y = area.row + rows - top;
            const char *text = line.what + w.rows[j].start;
            if (j == 0) canvas_puts(c, y, area.col, keys, buf_str(&line.key), STYLE_KEY);
            canvas_put(c, y, area.col + indent, area.cols - indent, text, w.rows[j].end - w.rows[j].start,
                       line.key.len ? STYLE_TEXT : STYLE_TITLE);
        }
        wrap_free(&w);
        buf_free(&line.key);
    }
    return rows;
}

int help_rows(int cols) {
    return walk(NULL, (rect){.cols = cols}, 0);
}

void help_draw(canvas *c, rect area, int top) {
    walk(c, area, top);
}
