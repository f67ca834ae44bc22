#include "app/bench_machine.h"
#include "model/math/blas.h"

#include <stdio.h>
#include <sys/resource.h>
#include <time.h>

enum { SGEMM_SIZE = 768 };

double bench_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

// ---- memory ----

typedef uint64_t lanes __attribute__((vector_size(64)));

typedef struct stream_job {
    const lanes *data;
    int n, size; // of lanes; members
    uint64_t sums[TEAM_MAX];
} stream_job;

static void stream_share(void *arg, int rank) {
    stream_job *job = arg;
    int first, last;
    team_share(job->n / 4, rank, job->size, &first, &last);
    lanes a = {0}, b = a, c = a, d = a;
    for (const lanes *p = job->data + 4 * (size_t)first, *end = job->data + 4 * (size_t)last; p < end; p += 4) {
        a += p[0];
        b += p[1];
        c += p[2];
        d += p[3];
    }
    a += b + c + d;
    job->sums[rank] = a[0] + a[1] + a[2] + a[3] + a[4] + a[5] + a[6] + a[7];
}

double bench_stream(team *team, const void *data, size_t bytes) {
    stream_job job = {.data = data, .n = (int)(bytes / sizeof(lanes)), .size = team_size(team)};
    double start = bench_now();
    team_run(team, stream_share, &job);
    return (double)bytes / (bench_now() - start) * 1e-9;
}

// VmHWM of /proc/self/status; 0 when there is none.
static size_t high_water(void) {
    FILE *f = fopen("/proc/self/status", "r");
    char line[256];
    size_t kb = 0;
    while (f && kb == 0 && fgets(line, sizeof line, f)) sscanf(line, "VmHWM: %zu", &kb);
    if (f) fclose(f);
    return kb * 1024;
}

size_t bench_peak(void) {
    struct rusage use;
    size_t bytes = high_water();
    if (bytes) return bytes;
    getrusage(RUSAGE_SELF, &use);
    return (size_t)use.ru_maxrss * 1024;
}

void bench_forget_peak(void) {
    FILE *f = fopen("/proc/self/clear_refs", "w");
    if (!f) return;
    fputs("5", f);
    fclose(f);
}

// ---- sgemm ----

typedef struct sgemm_job {
    const bench_sgemm *matrices;
} sgemm_job;

static void sgemm_share(void *arg, int rank) {
    const bench_sgemm *s = ((sgemm_job *)arg)->matrices;
    size_t n = SGEMM_SIZE, size = n * n, all = (size_t)s->members * size;
    float *a = s->data + (size_t)rank * size;
    blas_sgemm_nt((int)n, (int)n, (int)n, a, n, a + all, n, a + 2 * all, n);
}

int bench_sgemm_open(bench_sgemm *s, team *team, error *err) {
    size_t n = (size_t)team_size(team) * SGEMM_SIZE * SGEMM_SIZE;
    *s = (bench_sgemm){.bytes = 3 * n * sizeof(float), .members = team_size(team)};
    s->data = mem_alloc_big(s->bytes);
    if (!s->data) return error_set(err, "no memory for %zu MB of matrices", s->bytes >> 20);
    for (size_t i = 0; i < 3 * n; i++) s->data[i] = (float)(i % 7) - 3;
    return 0;
}

double bench_sgemm_rate(const bench_sgemm *s, team *team) {
    sgemm_job job = {s};
    double start = bench_now(), n = SGEMM_SIZE;
    team_run(team, sgemm_share, &job);
    return 2 * n * n * n * s->members / (bench_now() - start) * 1e-9;
}

void bench_sgemm_close(bench_sgemm *s) {
    mem_free_big(s->data, s->bytes);
    *s = (bench_sgemm){0};
}
