// From the bytes of a terminal to keys: characters, named keys, mouse reports, pastes. No terminal in it.
//
// Bytes are read raw, not through ncurses: libedit's bindings (~/.editrc) name byte sequences, which therefore travel
// along with every key; mouse reports and bracketed paste need their own reading anyway (SGR reports beyond column 223,
// a megabyte at once).
#ifndef DOPPEL_UI_KEYS_H
#define DOPPEL_UI_KEYS_H

#include "model/base/buf.h"

#include <stdbool.h>
#include <stdint.h>

typedef enum key_code {
    KEYS_NONE,
    KEYS_CHAR,    // ch
    KEYS_UNKNOWN, // a sequence without a name here
    KEYS_PASTE,   // paste, n_paste
    KEYS_MOUSE,   // mouse
    KEYS_UP,
    KEYS_DOWN,
    KEYS_LEFT,
    KEYS_RIGHT,
    KEYS_HOME,
    KEYS_END,
    KEYS_PAGE_UP,
    KEYS_PAGE_DOWN,
    KEYS_INSERT,
    KEYS_DELETE,
    KEYS_BACK_TAB,
    KEYS_NEW_LINE, // Alt-Enter or Shift-Enter
    KEYS_F1,       // the function keys, in a row
    KEYS_F2,
    KEYS_F3,
    KEYS_F4,
    KEYS_F5,
    KEYS_F6,
    KEYS_F12 = KEYS_F6 + 6,
} key_code;

enum { KEYS_SHIFT = 1, KEYS_ALT = 2, KEYS_CTRL = 4 };

typedef enum mouse_action { MOUSE_PRESS, MOUSE_DRAG, MOUSE_RELEASE, MOUSE_WHEEL_UP, MOUSE_WHEEL_DOWN } mouse_action;

enum { KEYS_SEQUENCE = 32 };

typedef struct key {
    key_code code;
    unsigned modifiers;
    bool is_alone; // KEYS_CHAR, ESC: the Escape key, not the beginning of an Alt chord
    uint32_t ch;
    char bytes[KEYS_SEQUENCE]; // what the terminal sent (not for pastes)
    int n_bytes;
    mouse_action action; // KEYS_MOUSE: the left button or the wheel
    int row, col;        // counted from 0
    const char *paste;   // KEYS_PASTE: valid until the next keys_ call
    size_t n_paste;
} key;

typedef struct keys { // (keys){0} is ready
    buf in;           // bytes not yet decoded
    size_t at;        // where in it
    buf paste;
    bool pasting;  // between the two marks of a bracketed paste, or
    bool bursting; // in one that has no marks: it ends when nothing more comes for a while
    bool latin1;   // the terminal's characters are single bytes (a locale without UTF-8)
} keys;

// Bytes that came at once. Several lines of them are no typing: a terminal without bracketed paste has sent a pasted text.
void keys_feed(keys *k, const void *bytes, size_t n);

// Takes the next key. False when there is none yet: what waits is the beginning of one (keys_waiting tells). timed_out:
// nothing more came for a while, so that a lone ESC is the Escape key and a cut-off character an invalid one.
bool keys_next(keys *k, bool timed_out, key *out);

// Is there a beginning of something that only time or more bytes can decide?
bool keys_waiting(const keys *k);

void keys_free(keys *k);

// The key that a footer or a help text calls by this name ("F3", "Esc", "Enter", "^C", "p"); false when it is no single
// key.
bool keys_named(const char *name, key *out);

#endif
