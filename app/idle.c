// Linux: SCHED_IDLE, which needs no privilege to enter (and one to leave). A thread made by an idle one is idle too.
#include "app/idle.h"

#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

enum { LEAST_NICE = 19 };

void idle_this_thread(void) {
#ifdef __linux__
    // Thread 0 is the caller, for both calls: on Linux niceness belongs to threads.
    if (sched_setscheduler(0, SCHED_IDLE, &(struct sched_param){0}) != 0) setpriority(PRIO_PROCESS, 0, LEAST_NICE);
#else
    int policy;
    struct sched_param p;
    if (pthread_getschedparam(pthread_self(), &policy, &p) != 0) return;
    p.sched_priority = sched_get_priority_min(policy);
    pthread_setschedparam(pthread_self(), policy, &p);
#endif
}

void idle_this_process(void) {
    setpriority(PRIO_PROCESS, 0, LEAST_NICE);
#ifdef __linux__
    sched_setscheduler(0, SCHED_IDLE, &(struct sched_param){0});
#endif
}
