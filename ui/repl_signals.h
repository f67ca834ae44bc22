// Signals as the line REPL meets them: handlers set a flag and write a byte to a pipe that stands in poll.
#ifndef DOPPEL_REPL_SIGNALS_H
#define DOPPEL_REPL_SIGNALS_H

enum {
    SIGNAL_INTERRUPT = 1, // Ctrl-C
    SIGNAL_SUSPEND = 2,   // Ctrl-Z
    SIGNAL_RESIZE = 4,
    SIGNAL_END = 8, // SIGTERM, SIGHUP
};

int signals_open(void);      // installs the handlers; 0, or -1 with errno
void signals_close(void);    // puts back what was there before
int signals_fd(void);        // readable when something has come
unsigned signals_take(void); // what came since the last call, as SIGNAL_ flags
void signals_stop(void);     // stops the process as Ctrl-Z does; returns when it goes on
void signals_die(void);      // after signals_close: ends the process by the SIGNAL_END that came

#endif
