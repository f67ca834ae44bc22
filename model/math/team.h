// A team of compute threads that work on one thing at a time, in step.
//
// The calling thread is member 0; the others wait, spinning briefly (a decode step follows the last one within
// microseconds) and then asleep. team_barrier lets the members of a running job wait for each other in the same way.
#ifndef DOPPEL_TEAM_H
#define DOPPEL_TEAM_H

#include "model/base/base.h"

typedef struct team team;
typedef void (*team_job)(void *arg, int rank);

enum { TEAM_MAX = 64 };

int team_cores(void); // processors this process may run on, 1..TEAM_MAX

// size: members including the caller; 1 needs no thread. NULL with a message.
team *team_open(int size, error *err);
void team_close(team *t); // NULL is fine
int team_size(const team *t);

// Members that take part in the following jobs (1..size): fewer while the machine is needed elsewhere.
void team_set_active(team *t, int active);
int team_active(const team *t);

// Members spin for longer before they sleep: for about as long as a few wake-ups take, which is more than most waits of a
// training. For who has the machine to itself; no effect with more members than processors. Between jobs.
void team_set_patient(team *t, bool patient);

// How often a member had to go to sleep so far. While jobs follow each other closely that means that other programs
// hold the processors.
unsigned team_naps(const team *t);

// Runs job(arg, rank) on every active member and returns when all have. One job at a time, always from one thread.
void team_run(team *t, team_job job, void *arg);
// Within a job: returns when every active member has called it. Everything written before is visible after.
void team_barrier(team *t);

// Within a job: member `rank` says that it is through with step 1, 2, ... of a way that the members go one behind the
// other, and waits until the one in front of it, rank - 1, is through with a step. The first waits for nobody.
void team_reached(team *t, int rank, unsigned step);
void team_follow(team *t, int rank, unsigned step);

// Hands out the items of a step: 0, 1, 2, ... to whichever member asks next, so that one that is held up holds up nobody.
// Barriers and the beginning of a job start from 0 again.
int team_take(team *t);

// The part [*first, *last) of n items that member rank of size works on: contiguous, sizes differ by at most one.
void team_share(int n, int rank, int size, int *first, int *last);

#endif
