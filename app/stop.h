// Ending a command that works for long: a signal asks, the command looks when it can end in good order.
#ifndef DOPPEL_STOP_H
#define DOPPEL_STOP_H

#include <stdbool.h>

// From now on SIGINT, SIGTERM and SIGHUP are noted instead of ending the program, each of them once: the second Ctrl-C
// ends it. A closed pipe is told by write, not by a signal.
void stop_watch(void);
void stop_unwatch(void); // they end the program again

bool stop_asked(void); // whether one came; any thread

#endif
