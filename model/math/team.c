// Threads in step. Words that are counted up do all the work: `start` changes when a job begins (its number, and in the
// low byte how many members take part, so that both are read at once), `phase` counts finished barriers, `reached` the
// steps that each member is through with. Waiting is the same for all: spin for some microseconds, then sleep on a
// condition. Who changes a counter looks at `sleepers` afterwards, who sleeps announces itself before looking at the
// counter a last time (both sequentially consistent), so that no wake-up is lost and an awake team never makes a system
// call.
#include "model/math/team.h"
#include "model/base/fault.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

// Pauses of 10 to 50 ns: a layer's step takes about as long as SPINS of them, waking up longer.
enum { SPINS = 1000, PATIENT_SPINS = 8000 };

// No two of them lie in one cache line.
typedef struct place {
    _Atomic unsigned step;
    char apart[64 - sizeof(unsigned)];
} place;

struct team {
    int size;
    int active; // of the running job; changed between jobs only
    _Atomic int spins;
    pthread_t threads[TEAM_MAX];
    team_job job;
    void *arg;
    _Atomic unsigned start; // job number << 8 | members that take part
    _Atomic unsigned phase;
    _Atomic int arrived;
    _Atomic int taken; // items of this step
    _Atomic int sleepers;
    _Atomic unsigned naps;
    atomic_bool closing;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    place *reached; // (size), since the job began
};

static inline void relax(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

int team_cores(void) {
#ifdef __linux__
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0) {
        int n = CPU_COUNT(&set);
        return n < 1 ? 1 : n > TEAM_MAX ? TEAM_MAX : n;
    }
#endif
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n < 1 ? 1 : n > TEAM_MAX ? TEAM_MAX : (int)n;
}

// Counters run over after 2^32.
static inline bool is_further(unsigned now, unsigned old) {
    return (int)(now - old) > 0;
}

// Waits until *word is further than `old` and returns what it is then.
static unsigned wait_change(team *t, _Atomic unsigned *word, unsigned old) {
    for (int i = 0, most = atomic_load_explicit(&t->spins, memory_order_relaxed); i < most; i++) {
        unsigned now = atomic_load_explicit(word, memory_order_acquire);
        if (is_further(now, old)) return now;
        relax();
    }
    pthread_mutex_lock(&t->lock);
    atomic_fetch_add(&t->sleepers, 1);
    atomic_fetch_add_explicit(&t->naps, 1, memory_order_relaxed);
    unsigned now;
    while (!is_further(now = atomic_load(word), old)) pthread_cond_wait(&t->wake, &t->lock);
    atomic_fetch_sub(&t->sleepers, 1);
    pthread_mutex_unlock(&t->lock);
    return now;
}

static void change(team *t, _Atomic unsigned *word, unsigned now) {
    atomic_store(word, now);
    if (atomic_load(&t->sleepers) > 0) {
        pthread_mutex_lock(&t->lock);
        pthread_cond_broadcast(&t->wake);
        pthread_mutex_unlock(&t->lock);
    }
}

typedef struct member {
    team *team;
    int rank;
} member;

static void *member_main(void *arg) {
    member m = *(member *)arg;
    free(arg);
    team *t = m.team;
    for (unsigned seen = 0;;) {
        seen = wait_change(t, &t->start, seen);
        if (t->closing) return NULL;
        if (m.rank >= (int)(seen & 255)) continue;
        t->job(t->arg, m.rank);
        team_barrier(t);
    }
}

team *team_open(int size, error *err) {
    team *t = mem_calloc(1, sizeof *t);
    t->size = size < 1 ? 1 : size > TEAM_MAX ? TEAM_MAX : size;
    t->active = t->size;
    t->spins = SPINS;
    t->reached = mem_calloc((size_t)t->size, sizeof *t->reached);
    pthread_mutex_init(&t->lock, NULL);
    pthread_cond_init(&t->wake, NULL);
    sigset_t before;
    fault_block_others(&before);
    int failed = 0;
    for (int i = 1; i < t->size && !failed; i++) {
        member *m = mem_calloc(1, sizeof *m);
        *m = (member){t, i};
        if (pthread_create(&t->threads[i], NULL, member_main, m) != 0) {
            free(m);
            t->size = i;
            failed = 1;
        }
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed) {
        error_set(err, "cannot start %d compute threads; use fewer with -t", size);
        team_close(t);
        return NULL;
    }
    return t;
}

void team_close(team *t) {
    if (!t) return;
    t->closing = true;
    change(t, &t->start, t->start + 256);
    for (int i = 1; i < t->size; i++) pthread_join(t->threads[i], NULL);
    pthread_mutex_destroy(&t->lock);
    pthread_cond_destroy(&t->wake);
    free(t->reached);
    free(t);
}

int team_size(const team *t) {
    return t->size;
}

void team_set_active(team *t, int active) {
    t->active = active < 1 ? 1 : active > t->size ? t->size : active;
}

void team_set_patient(team *t, bool patient) {
    t->spins = patient && t->size <= team_cores() ? PATIENT_SPINS : SPINS;
}

unsigned team_naps(const team *t) {
    return t->naps;
}

int team_active(const team *t) {
    return t->active;
}

void team_barrier(team *t) {
    unsigned phase = atomic_load_explicit(&t->phase, memory_order_acquire);
    int active = t->active; // read before arriving: whoever is through may change it
    if (atomic_fetch_add(&t->arrived, 1) + 1 == active) {
        atomic_store(&t->arrived, 0);
        atomic_store(&t->taken, 0);
        change(t, &t->phase, phase + 1);
    } else {
        wait_change(t, &t->phase, phase);
    }
}

void team_reached(team *t, int rank, unsigned step) {
    change(t, &t->reached[rank].step, step);
}

void team_follow(team *t, int rank, unsigned step) {
    if (rank > 0) wait_change(t, &t->reached[rank - 1].step, step - 1);
}

int team_take(team *t) {
    return atomic_fetch_add_explicit(&t->taken, 1, memory_order_relaxed);
}

void team_run(team *t, team_job job, void *arg) {
    t->job = job;
    t->arg = arg;
    atomic_store(&t->taken, 0);
    for (int i = 0; i < t->active; i++) atomic_store_explicit(&t->reached[i].step, 0, memory_order_relaxed);
    if (t->active > 1) change(t, &t->start, (((t->start >> 8) + 1) << 8) | (unsigned)t->active);
    job(arg, 0);
    if (t->active > 1) team_barrier(t);
}

void team_share(int n, int rank, int size, int *first, int *last) {
    *first = (int)((long long)n * rank / size);
    *last = (int)((long long)n * (rank + 1) / size);
}
