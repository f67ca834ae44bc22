// The conversation as rows on the screen: what is shown of each turn, and which rows are in view.
//
// A turn's text passes the filter once, as it arrives, and is wrapped when its rows come into view; text that streams
// costs its last row. The view is anchored at a row of a turn, not at a row number, so that it stays put while text
// arrives below and when the width changes. The last rows are followed as long as nobody scrolled up.
#ifndef DOPPEL_UI_TRANSCRIPT_H
#define DOPPEL_UI_TRANSCRIPT_H

#include "app/chat.h"
#include "ui/canvas.h"

typedef struct transcript transcript;

transcript *transcript_new(void);
void transcript_free(transcript *t); // NULL is fine

// Takes in what changed in the turns. Call it after every call that may change them. True when anything did.
bool transcript_sync(transcript *t, const chat_turn *turns, size_t n);

void transcript_resize(transcript *t, int rows, int cols);

// Moves the view by rows (negative: towards older text); to the oldest row; to the newest, which is followed again.
void transcript_scroll(transcript *t, int rows);
void transcript_oldest(transcript *t);
void transcript_newest(transcript *t);

bool transcript_follows(const transcript *t);
// Not following, and text has arrived below since.
bool transcript_has_new(const transcript *t);

// Draws the view with its upper left corner at (row, col).
void transcript_draw(transcript *t, canvas *c, int row, int col);

#endif
