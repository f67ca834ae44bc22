// What the machine itself can do, for doppel bench to stand beside what the program does on it in the same run.
#ifndef DOPPEL_BENCH_MACHINE_H
#define DOPPEL_BENCH_MACHINE_H

#include "model/base/base.h"
#include "model/math/team.h"

double bench_now(void); // seconds

// GB/s of one pass over `bytes` of memory, read by all members.
double bench_stream(team *team, const void *data, size_t bytes);

// Square matrices of each member's own, and GFLOP/s of one product of them by sgemm.
typedef struct bench_sgemm {
    float *data;
    size_t bytes;
    int members;
} bench_sgemm;
int bench_sgemm_open(bench_sgemm *s, team *team, error *err); // 0, or -1 with a message
double bench_sgemm_rate(const bench_sgemm *s, team *team);
void bench_sgemm_close(bench_sgemm *s);

// The process's largest resident size since the last call of bench_forget_peak, or since it began where the system does
// not forget.
size_t bench_peak(void);
void bench_forget_peak(void);

#endif
