// Giving the terminal back when the program dies: by exit, by a fatal signal, by a failed allocation.
//
// Nothing can be worked out in a signal handler, so everything is prepared beforehand: bytes to write and the
// terminal's attributes.
#ifndef DOPPEL_UI_RESTORE_H
#define DOPPEL_UI_RESTORE_H

#include <stddef.h>
#include <termios.h>

// From now on, dying writes these bytes to descriptor 1 and sets these attributes on descriptor 0. Handlers for SIGSEGV,
// SIGABRT, SIGBUS, SIGFPE, SIGILL and SIGQUIT are installed once, in front of whatever was there before. The bytes are
// copied; what is too long is cut.
void restore_arm(const char *bytes, size_t n, const struct termios *attributes);

// The terminal has been given back in the orderly way.
void restore_disarm(void);

#endif
