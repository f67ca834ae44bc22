// model/math: arithmetic. Threads (team.h), formats (quant.h, pack.h), and the inner loops: one table of functions per
// kind of processor, all with the same results up to rounding. kernels_ref.c is the plain version of each, the
// definition that the others are tested against, and what runs where no faster tier fits.
#ifndef DOPPEL_KERNELS_H
#define DOPPEL_KERNELS_H

#include "model/math/pack.h"

enum {
    KERNELS_TILE = 12,          // activation rows that stand together in qtiles
    KERNELS_BLOCKS = 2,         // row blocks that gemm multiplies at once
    KERNELS_FEW = 6,            // activation rows that gemv takes at once
    ATTEND_ROWS = 12,           // queries that attend takes at once
    ATTEND_MAX_HEAD_DIM = 1024, // larger ones are refused when a model is opened
    ATTEND_MANY = 192,          // queries that attend_many takes at once
    ATTEND_MANY_HEAD_DIM = 256, // and its largest head
    ATTEND_MANY_SCRATCH = 640 << 10,
};

// T rows of activations in 8-bit integers: each 32 columns share a scale, x[i] ~ d * q[i], |q| <= 127.
// Rows stand in tiles of 12 so that a kernel walks through memory: for tile, unit, group, row, 4 columns.
typedef struct qtiles {
    int cols;
    int8_t *q;  // (tiles, units, 8 groups, 12 rows, 4)
    float *d;   // (tiles, units, 12 rows)
    float *sum; // (tiles, units, 3, 12 rows): d * (sum of q over the first 16, the last 16, all 32 columns)
} qtiles;

// Row blocks of a pack, spread out by `unpack`.
typedef struct unpacked {
    int n_blocks; // 1 or 2
    int n_units, halves, bits;
    const uint8_t *u;    // (blocks, units, 8 groups, 16 rows, 4)
    const float *scale;  // (blocks, units, halves, 16 rows)
    const float *offset; // the same
} unpacked;

// How a KV cache holds its numbers. CACHE_Q8_0: 8-bit integers, each 32 components of a position with a scale.
typedef enum cache_type { CACHE_F32, CACHE_F16, CACHE_Q8_0 } cache_type;

// A share of attention: n_rows queries (heads or positions that look at the same cache) over positions [p0, p1).
// Softmax is kept online (Milakov & Gimelshein 2018): m, l, acc hold maximum, sum and weighted values so far.
typedef struct attend_job {
    int n_rows;                  // 1..ATTEND_ROWS
    int head_dim, v_dim;         // v_dim: head_dim rounded up to 16
    const float *q[ATTEND_ROWS]; // (head_dim) each
    const void *k;               // (positions / 16, head_dim, 16): sixteen positions side by side
    const void *v;               // (positions, v_dim)
    cache_type cache;            // what k and v are; CACHE_Q8_0 wants head_dim to be a multiple of 32
    const uint16_t *k_scale;     // CACHE_Q8_0: f16 (positions / 16, head_dim / 32, 16)
    const uint16_t *v_scale;     // CACHE_Q8_0: f16 (positions, v_dim / 32)
    int p0, p1;
    int first[ATTEND_ROWS], last[ATTEND_ROWS]; // what row i may see: first <= position <= last
    float scale;
    float slope[ATTEND_ROWS]; // ALiBi: slope * (position - last) is added to the score
    float *m, *l;             // (n_rows); m starts at -INFINITY, l at 0
    float *acc;               // (n_rows, v_dim); starts at 0
} attend_job;

// Neighbouring queries that attend_many takes at once: n positions from `position` on, and of each the `group` heads that
// look at the same cache; n * group <= ATTEND_MANY. Head h of position i is at q + i * ldq + h * head_dim, and its result
// goes to the same place in out.
typedef struct attend_queries {
    int n, group;
    int position;
    int window; // of positions that a query sees, itself included; 0: all before it
    const float *q;
    size_t ldq;
    float *out;
    size_t ld_out;
} attend_queries;

// A row of activations as `quantize` writes it, and where its product goes.
typedef struct gemv_row {
    const int8_t *q;
    const float *d, *sum;
    float *y;
} gemv_row;

typedef struct kernels {
    const char *name; // "portable", "avx2", "avx512", "neon", "neon-dot"

    // One row: q (n), d (n / 32), sum (n / 16). n is a multiple of 32.
    void (*quantize)(const float *x, int n, int8_t *q, float *d, float *sum);

    // y[16 (b - b0) ..] = W x for row blocks [b0, b1) of w and n (1..KERNELS_FEW) rows, each bit for bit as it would be
    // alone. y has room for whole blocks.
    void (*gemv)(const pack *w, int b0, int b1, int n, const gemv_row *rows);

    // Spreads out row block b: u, scale, offset as in `unpacked`.
    void (*unpack)(const pack *w, int b, uint8_t *u, float *scale, float *offset);

    // Units [s0, s0 + n) of row block b as floats: out (16, ld), 32 n columns.
    void (*dequantize)(const pack *w, int b, int s0, int n, float *out, size_t ld);

    // y[t * ld + 16 block + 0..15] = W x_t for the first n (1..12) rows of tile `tile` of x; += where add is set.
    void (*gemm)(const unpacked *w, const qtiles *x, int tile, int n, bool add, float *y, size_t ld);

    // y[r] = w[r] . x for `rows` rows of floats, `ld` elements apart.
    void (*gemv_f32)(const float *w, size_t ld, int rows, int cols, const float *x, float *y);
    void (*gemv_f16)(const uint16_t *w, size_t ld, int rows, int cols, const float *x, float *y);
    void (*gemv_bf16)(const uint16_t *w, size_t ld, int rows, int cols, const float *x, float *y);
    // y[i * ld + 16 j + 0..15] += sum over k < rank of t[i * ldt + k] * b[(j * rank + k) * 16 + 0..15], for n rows i and
    // `blocks` blocks j. b is f32 or f16.
    void (*rank_add)(const void *b, bool f32, int rank, int blocks, const float *t, size_t ldt, int n, float *y,
                     size_t ld);
    void (*f16_to_f32)(const uint16_t *x, size_t n, float *y);
    void (*bf16_to_f32)(const uint16_t *x, size_t n, float *y);
    void (*f32_to_f16)(const float *x, size_t n, uint16_t *y); // to nearest, ties to even

    void (*attend)(const attend_job *job);
    // Attention of many queries from beginning to end, in 16-bit integers: as exact as a cache of CACHE_F16 or CACHE_Q8_0.
    // Of `at` it reads the cache and scale; head_dim must be a multiple of 32. A query's result does not depend on the
    // others. scratch: ATTEND_MANY_SCRATCH bytes on a border of 64. NULL where `attend` is as fast.
    void (*attend_many)(const attend_job *at, const attend_queries *job, void *scratch);

    // y = x / sqrt(mean(x^2) + eps) * w. y may be x.
    void (*rms_norm)(const float *x, const float *w, int n, float eps, float *y);
    // y = (x - mean) / sqrt(variance + eps) * w + b; b may be NULL. y may be x.
    void (*layer_norm)(const float *x, const float *w, const float *b, int n, float eps, float *y);
    // Rotary positions: pairs (x, y) of numbers become (x cos - y sin, y cos + x sin). Pair i of n is at 2i and 2i + 1, or
    // at i and n + i where the halves stand apart.
    void (*turn)(float *head, const float *cosine, const float *sine, int n, bool apart);
    // g = g / (1 + exp(-g)) * u
    void (*silu_mul)(float *g, const float *u, int n);
    // x = exp(x - shift); returns the sum.
    float (*exp_sub)(float *x, int n, float shift);
    // x = x / 2 * (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))), calculated as x * sigmoid(2 ...)
    void (*gelu_tanh)(float *x, int n);
    // x = x / 2 * (1 + erf(x / sqrt(2))), to 1e-7 of the larger of |x| and 1
    void (*gelu_erf)(float *x, int n);
} kernels;

// The best tier of this processor; DOPPEL_KERNELS=portable|avx2|avx512|neon|neon-dot in the environment forces a lower
// one. Decided at the first call, the same ever after. Any thread may call.
const kernels *kernels_get(void);
// Every tier this processor can run, best first (for tests and benchmarks); returns how many.
int kernels_all(const kernels **out, int max);

// Writes row t of x (as `quantize` wrote it) into its place in tiles.
void qtiles_put(const qtiles *tiles, int t, const int8_t *q, const float *d, const float *sum);
// Writes one unit of the first n rows of a tile, which stand one after the other as `quantize` wrote them.
void qtiles_put_unit(const qtiles *tiles, int tile, int unit, int n, const int8_t *q, const float *d, const float *sum);

extern const kernels kernels_ref;
#if defined(__x86_64__)
extern const kernels kernels_avx2, kernels_avx512;
#elif defined(__aarch64__)
extern const kernels kernels_neon, kernels_neon_dot;
#endif

#endif
