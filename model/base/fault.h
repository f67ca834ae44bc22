// Files that shrink while they are mapped. Reading past the new end raises SIGBUS, and the reading instruction is tried again
// after the handler, so a handler that only took a note would loop for ever: this one puts a page of zeros where the
// file's page was, notes it for that mapping, and lets the program go on. Whoever calculates with mapped bytes looks
// afterwards whether they were all there, and throws away what came of it otherwise.
//
// Everything here may be called by any thread.
#ifndef DOPPEL_FAULT_H
#define DOPPEL_FAULT_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

// From now on faults in [data, data + size) are mended. A number for fault_happened; -1 when too many are watched already
// (then such a fault ends the program, as any other).
int fault_watch(const void *data, size_t size);
void fault_unwatch(int watched);  // before the mapping goes; -1 is fine
bool fault_happened(int watched); // -1: false

// For handlers of SIGBUS: true when the fault lay in something watched and is mended. Safe in a signal handler.
bool fault_mend(const siginfo_t *info);
// A handler that does this and nothing else, for the whole program. Faults that are nobody's end it, as ever.
void fault_install(void);

// Blocks all signals for the calling thread but those that its own mistakes raise: threads made now leave signals to the
// main thread, and their faults can still be handled.
void fault_block_others(sigset_t *before);

#endif
