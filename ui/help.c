#include "ui/help.h"

#include "app/chat.h"

#include <string.h>

static const struct {
    const char *key, *what; // key "": a heading
} KEYS[] = {
    {"", "Keys"},
    {"Enter", "send; Alt-Enter begins a new line"},
    {"Tab", "complete a command, knob, model or file"},
    {"Up, Down", "older and newer messages, or lines of this one"},
    {"Ctrl-R", "search the history"},
    {"Ctrl-C", "stop the answer; with none running, leave"},
    {"Ctrl-D", "leave (on an empty line)"},
    {"Ctrl-Z", "suspend; fg comes back"},
    {"F1", "this help"},
    {"F2", "the sampling sliders, and back"},
    {"F5", "another answer"},
    {"PgUp, PgDn", "scroll; so does the mouse wheel"},
    {"Ctrl-Home, -End", "the oldest and the newest text"},
    {"Ctrl-L", "draw the screen again"},
    {"", "Sliders (F2)"},
    {"Up, Down", "choose a knob"},
    {"Left, Right", "move it; with Shift, or by PgUp and PgDn, further"},
    {"0-9", "type a value, then Enter"},
    {"Esc, Enter, F2", "back to the prompt"},
    {"mouse", "click or drag; Shift-drag selects text as usual"},
    {"", "Editing keys are libedit's; ~/.editrc changes them."},
    {"", "Commands"},
};

enum { N_KEYS = sizeof KEYS / sizeof *KEYS, KEY_COLS = 18 };

int help_rows(void) {
    return N_KEYS + (int)chat_n_commands();
}

static void command_text(const chat_command *command, buf *out) {
    buf_printf(out, "/%s %s", command->name, command->args ? command->args : "");
}

static int widest_command(void) {
    int widest = KEY_COLS - 2;
    for (size_t i = 0; i < chat_n_commands(); i++) {
        buf text = {0};
        command_text(chat_command_at(i), &text);
        if ((int)text.len > widest) widest = (int)text.len;
        buf_free(&text);
    }
    return widest;
}

int help_cols(void) {
    int key_cols = widest_command() + 2, widest = 0;
    for (int i = 0; i < N_KEYS; i++) {
        int width = (int)strlen(KEYS[i].what) + (*KEYS[i].key ? key_cols : 0);
        if (width > widest) widest = width;
    }
    for (size_t i = 0; i < chat_n_commands(); i++) {
        const char *what = chat_command_at(i)->help;
        int width = key_cols + cells_width(what, strlen(what));
        if (width > widest) widest = width;
    }
    return widest;
}

static void draw_line(canvas *c, rect area, int y, const char *key, const char *what) {
    int key_cols = widest_command() + 2;
    if (key_cols > area.cols / 2) key_cols = KEY_COLS;
    int used = canvas_puts(c, area.row + y, area.col, area.cols, key, STYLE_KEY);
    if (used < key_cols) used = key_cols;
    canvas_puts(c, area.row + y, area.col + used, area.cols - used, what, STYLE_TEXT);
}

void help_draw(canvas *c, rect area, int top) {
    for (int y = 0; y < area.rows && top + y < help_rows(); y++) {
        int i = top + y;
        if (i >= N_KEYS) {
            const chat_command *command = chat_command_at((size_t)(i - N_KEYS));
            buf text = {0};
            command_text(command, &text);
            draw_line(c, area, y, text.data, command->help);
            buf_free(&text);
        } else if (!*KEYS[i].key) {
            canvas_puts(c, area.row + y, area.col, area.cols, KEYS[i].what, STYLE_TITLE);
        } else {
            draw_line(c, area, y, KEYS[i].key, KEYS[i].what);
        }
    }
}
