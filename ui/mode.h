// Overlays with keys of their own ("modes"): a page in a frame over the chat, one at a time. What they are for stands in
// their own files; frame.c and input.c only know this.
//
// A new one: fill in a mode_class, write a function that opens it (mode_open), and add that function to the table in
// mode.c with its function key and its command.
#ifndef DOPPEL_UI_MODE_H
#define DOPPEL_UI_MODE_H

#include "ui/canvas.h"
#include "ui/keys.h"

typedef struct ui ui;

typedef enum mode_result {
    MODE_IGNORED, // not for the mode: the key does what it does without it
    MODE_TAKEN,
    MODE_LEFT, // done: the mode is closed
} mode_result;

typedef struct mode_key { // for the footer
    const char *key, *what;
} mode_key;

enum { MODE_MAX_KEYS = 8 };

// Everything is called by main, with the arg given to mode_open. Only draw and key must be there.
typedef struct mode_class {
    // Its title: "" for none. NULL for no frame.
    const char *(*title)(void *arg);
    // Lines and columns it would like to have inside its frame on a screen of *rows x *cols. Without it: all there is.
    void (*size)(void *arg, int *rows, int *cols);
    // Draws into the area inside the frame, which may be smaller than wished (36x5 on the smallest screen). It may
    // place the canvas's cursor, which is hidden otherwise. It remembers where things stand for the mouse.
    void (*draw)(void *arg, canvas *c, rect area);
    // Keys and pastes (valid during the call).
    mode_result (*key)(void *arg, ui *u, const key *k);
    // Buttons and the wheel. Without it a press outside the frame closes the mode.
    mode_result (*mouse)(void *arg, ui *u, const key *k);
    // Keys to name in the footer, those that matter most first; returns how many.
    int (*footer)(void *arg, mode_key keys[MODE_MAX_KEYS]);
    // It was closed, by itself, by Ctrl-C, by another mode's key or at the end: frees what is its own.
    void (*close)(void *arg);
} mode_class;

typedef struct mode { // (mode){0}: none is open
    const mode_class *class;
    void *arg;
    rect frame; // where it was drawn last
} mode;

void mode_open(ui *u, const mode_class *class, void *arg); // closes what was open
void mode_close(ui *u);                                    // none open is fine
bool mode_is_open(const ui *u, const mode_class *class);   // class NULL: any

void mode_draw(ui *u); // over everything drawn so far
// A key that may be the open mode's, or open one: true when it was.
bool mode_take(ui *u, const key *k);
// The function keys that open modes, for the footer; returns how many.
int mode_function_keys(mode_key keys[MODE_MAX_KEYS]);
// Opens the mode that belongs to a submitted line ("/train"); false when none does.
bool mode_command(ui *u, const char *line);

#endif
