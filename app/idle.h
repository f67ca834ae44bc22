// Idle priority: work that gets what nobody else wants of the processors.
#ifndef DOPPEL_IDLE_H
#define DOPPEL_IDLE_H

// The calling thread, and the threads it makes from now on. Where the system has no such thing for a thread, it gets
// the lowest priority there is. It cannot be taken back.
void idle_this_thread(void);
// The calling process, also across exec.
void idle_this_process(void);

#endif
