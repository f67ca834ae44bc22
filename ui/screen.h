// The terminal. screen.c is the only file that calls ncurses; everybody else draws on a canvas.
//
// ncurses is used for output only: it knows the terminal and sends the least that turns the last frame into this one.
// Input is read raw (keys.h).
#ifndef DOPPEL_UI_SCREEN_H
#define DOPPEL_UI_SCREEN_H

#include "model/base/error.h"
#include "ui/canvas.h"

// Can the full screen be shown on a terminal of $TERM? 0, or -1 with a message that says why not.
int screen_check(error *err);

// Takes the terminal on descriptors 0 and 1: alternate screen, raw input, mouse reports, bracketed paste; and sees to it
// that it is given back on every way out, crashes included (restore.h). NO_COLOR is obeyed. -1 with a message.
int screen_open(theme t, error *err);
void screen_close(void);

// Gives the terminal back for a while (Ctrl-Z), and takes it again.
void screen_leave(void);
void screen_enter(void);

void screen_size(int *rows, int *cols);
// The terminal has another size now; the next frame is drawn whole.
void screen_resize(void);
// Draw everything again in the next frame, whatever is believed to stand there.
void screen_forget(void);

// Shows the canvas, which has the screen's size. Nothing on it can reach the terminal as a control character.
void screen_show(const canvas *c);

// The title of the terminal's window, where it has one that can be set: "" gives it its own back, and so does leaving.
void screen_title(const char *text);
void screen_ring(void); // the bell

// Are the terminal's characters single bytes (a locale without UTF-8)?
bool screen_is_narrow(void);

// The byte that the terminal's driver would take as interrupt or suspend (Ctrl-C, Ctrl-Z); -1 for none.
int screen_interrupt_key(void);
int screen_suspend_key(void);

#endif
