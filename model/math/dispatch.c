// Choosing the kernels: what the processor has, or less where DOPPEL_KERNELS asks for it.
#include "model/math/bytes.h"
#include "model/math/kernels.h"
#include "model/math/pairs.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif
#if defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#endif

#if defined(__aarch64__)
// Whether the dot-product instruction is there.
static bool has_dot(void) {
#if defined(__APPLE__)
    return true;
#elif defined(HWCAP_ASIMDDP)
    return getauxval(AT_HWCAP) & HWCAP_ASIMDDP;
#else
    return false;
#endif
}
#endif

#if defined(__x86_64__)
// AVX512_FP16, which compilers learned to ask for only lately: bit 23 of EDX in leaf 7. That the system keeps the
// registers is known from AVX-512 itself.
static bool has_fp16(void) {
    unsigned a, b, c, d;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (d >> 23 & 1);
}
#endif

int kernels_all(const kernels **out, int max) {
    int n = 0;
#if defined(__x86_64__)
    __builtin_cpu_init();
    bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                  __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
                  __builtin_cpu_supports("avx512vnni");
    if (avx512 && n < max) out[n++] = &kernels_avx512;
    if (avx2 && n < max) out[n++] = &kernels_avx2;
#elif defined(__aarch64__)
    if (has_dot() && n < max) out[n++] = &kernels_neon_dot;
    if (n < max) out[n++] = &kernels_neon;
#endif
    if (n < max) out[n++] = &kernels_ref;
    return n;
}

static const kernels *chosen;
#if defined(__x86_64__)
static bool fp16; // asked once: in a virtual machine the question costs more than a small product
#endif

static void choose(void) {
    const kernels *all[8];
    int n = kernels_all(all, 8);
    const char *wish = getenv("DOPPEL_KERNELS");
    chosen = all[0];
    for (int i = 0; wish && i < n; i++)
        if (strcmp(all[i]->name, wish) == 0) chosen = all[i];
#if defined(__x86_64__)
    fp16 = chosen == &kernels_avx512 && has_fp16();
#endif
}

const kernels *kernels_get(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, choose);
    return chosen;
}

const pairs *pairs_bf16(void) {
#if defined(__x86_64__)
    if (kernels_get() == &kernels_avx512 && __builtin_cpu_supports("avx512bf16")) return &pairs_bf16_avx512;
#endif
    return NULL;
}

bool pairs_bf16_pays(void) {
#if defined(__x86_64__)
    return pairs_bf16() && __builtin_cpu_is("amd");
#else
    return false;
#endif
}

const pairs *pairs_fp16(void) {
#if defined(__x86_64__)
    kernels_get();
    if (fp16) return &pairs_fp16_avx512;
#endif
    return NULL;
}

const bytes *bytes_get(void) {
#if defined(__x86_64__)
    if (kernels_get() == &kernels_avx512) return &bytes_avx512;
#endif
    return NULL;
}

void qtiles_put(const qtiles *tiles, int t, const int8_t *q, const float *d, const float *sum) {
    int units = tiles->cols / QUANT_UNIT, row = t % KERNELS_TILE;
    size_t tile = (size_t)(t / KERNELS_TILE) * units;
    int8_t *tq = tiles->q + tile * QUANT_UNIT * KERNELS_TILE + 4 * row;
    float *td = tiles->d + tile * KERNELS_TILE + row, *ts = tiles->sum + tile * 3 * KERNELS_TILE + row;
    for (int i = 0; i < units * 8; i++) memcpy(tq + (size_t)i * 4 * KERNELS_TILE, q + 4 * i, 4);
    for (int s = 0; s < units; s++, ts += 3 * KERNELS_TILE) {
        td[s * KERNELS_TILE] = d[s];
        ts[0] = sum[2 * s];
        ts[KERNELS_TILE] = sum[2 * s + 1];
        ts[2 * KERNELS_TILE] = sum[2 * s] + sum[2 * s + 1];
    }
}

void qtiles_put_unit(const qtiles *tiles, int tile, int unit, int n, const int8_t *q, const float *d,
                     const float *sum) {
    size_t at = ((size_t)tile * (size_t)(tiles->cols / QUANT_UNIT) + (size_t)unit) * KERNELS_TILE;
    int8_t *tq = tiles->q + at * QUANT_UNIT;
    float *td = tiles->d + at, *ts = tiles->sum + 3 * at;
    for (int g = 0; g < 8; g++, tq += 4 * KERNELS_TILE)
        for (int r = 0; r < n; r++) memcpy(tq + 4 * r, q + r * QUANT_UNIT + 4 * g, 4);
    for (int r = 0; r < n; r++) {
        td[r] = d[r];
        ts[r] = sum[2 * r];
        ts[KERNELS_TILE + r] = sum[2 * r + 1];
        ts[2 * KERNELS_TILE + r] = sum[2 * r] + sum[2 * r + 1];
    }
}
