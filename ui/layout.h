// Where everything stands on a screen of a given size. Pure arithmetic.
#ifndef DOPPEL_UI_LAYOUT_H
#define DOPPEL_UI_LAYOUT_H

#include "ui/canvas.h"

enum {
    LAYOUT_MIN_ROWS = 10,
    LAYOUT_MIN_COLS = 40,
    LAYOUT_SIDE_COLS = 78, // from here on there is a column of panes beside the chat
    LAYOUT_MAX_PANES = 4,
};

// A pane of the side column. Those earlier in the list fold later.
typedef struct layout_pane {
    int min_rows, want_rows; // lines inside its frame; it has at least min_rows, or is folded
} layout_pane;

typedef struct layout {
    bool too_small; // below 40x10: nothing else is set
    rect status;    // one row
    rect chat;      // the frame; text goes inside, one column of padding left and right
    rect chat_text;
    int n_panes;                  // how many of the panes have room
    rect panes[LAYOUT_MAX_PANES]; // frames, which share their borders with their neighbours
    rect prompt;                  // the input rows inside the frame
    rect footer;                  // between the corners of the lowest border
} layout;

layout layout_compute(int rows, int cols, int prompt_rows, const layout_pane *panes, int n_panes);

// Most rows that the prompt takes: a third of the screen.
int layout_prompt_limit(int rows);

// A frame over the chat, in its middle, with room for rows x cols inside if the screen has it.
rect layout_overlay(const layout *l, int screen_cols, int rows, int cols);

// What is inside a frame, with a column of padding left and right.
rect layout_inside(rect frame);

#endif
