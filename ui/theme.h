// The look: what each kind of text is drawn with, for terminals of 256, 16 and 8 colours and for none.
#ifndef DOPPEL_UI_THEME_H
#define DOPPEL_UI_THEME_H

#include <stdbool.h>

typedef enum theme_style {
    STYLE_TEXT,
    STYLE_DIM,
    STYLE_BORDER,
    STYLE_TITLE,
    STYLE_BRAND, // the program's name
    STYLE_USER,  // who speaks
    STYLE_MODEL,
    STYLE_NOTE, // what doppel says
    STYLE_ERROR,
    STYLE_WARNING, // must be seen, is no failure
    STYLE_KEY,     // a key's name
    STYLE_VALUE,
    STYLE_TRACK, // the part of a slider beyond its knob
    STYLE_FILL,
    STYLE_KNOB,
    STYLE_FOCUS, // what the keys act on
    STYLE_BAR,   // a candidate's bar
    STYLE_CUT,   // a candidate that the chain filtered out
    STYLE_CHOSEN,
    STYLE_COPIED, // what an answer copied from the training text
    STYLE_COUNT
} theme_style;

enum { THEME_BOLD = 1, THEME_DIM = 2, THEME_REVERSE = 4, THEME_UNDERLINE = 8 };

typedef struct theme_look {
    short foreground; // a colour of the terminal's palette; -1 the default
    unsigned attributes;
} theme_look;

typedef enum theme { THEME_DEFAULT, THEME_DARK, THEME_LIGHT, THEME_MONO } theme;

// By the name in config.json: "dark" and "light" for a background of that kind, "mono" for no colour, "" or "default"
// for what can be read on both. False when there is no such theme.
bool theme_find(const char *name, theme *out);

// colours: what the terminal has (0: none, or the person wants none). Themes differ where there are 256.
theme_look theme_of(theme t, theme_style style, int colours);

// NO_COLOR (no-color.org): set and not empty.
bool theme_no_colour(void);

#endif
