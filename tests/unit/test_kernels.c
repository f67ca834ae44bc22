// Every kernel tier against the plain one, and the packed layout against the formats it was packed from.
#include "model/math/half.h"
#include "model/math/bytes.h"
#include "model/math/kernels.h"
#include "tests/test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static uint32_t seed = 12345;

static uint32_t random_bits(void) {
    seed ^= seed << 13;
    seed ^= seed >> 17;
    return seed ^= seed << 5;
}

static float random_float(void) {
    return (float)(random_bits() % 20001) / 10000.0f - 1.0f;
}

static void fill_floats(float *x, size_t n, float scale) {
    for (size_t i = 0; i < n; i++) x[i] = random_float() * scale;
}

static const tensor_type formats[] = {TENSOR_Q4_0, TENSOR_Q4_1, TENSOR_Q5_0, TENSOR_Q5_1, TENSOR_Q8_0,
                                      TENSOR_Q2_K, TENSOR_Q3_K, TENSOR_Q4_K, TENSOR_Q5_K, TENSOR_Q6_K};
enum { N_FORMATS = sizeof formats / sizeof *formats };

// Random bytes are valid blocks but for their scales, which are set to small numbers.
static uint8_t *random_rows(tensor_type type, int rows, int cols) {
    size_t block = tensor_block_bytes(type), bytes = (size_t)rows * tensor_row_bytes(type, cols);
    uint8_t *data = mem_calloc(bytes, 1);
    for (size_t i = 0; i < bytes; i++) data[i] = (uint8_t)(random_bits() >> 11);
    size_t at[2] = {0, 2};
    if (type == TENSOR_Q2_K) at[0] = 80, at[1] = 82;
    if (type == TENSOR_Q3_K) at[0] = at[1] = 108;
    if (type == TENSOR_Q6_K) at[0] = at[1] = 208;
    bool two =
        type == TENSOR_Q4_1 || type == TENSOR_Q5_1 || type == TENSOR_Q2_K || type == TENSOR_Q4_K || type == TENSOR_Q5_K;
    for (size_t b = 0; b < bytes; b += block)
        for (int k = 0; k < (two ? 2 : 1); k++) {
            uint16_t h = f32_to_f16(random_float() * 0.05f);
            memcpy(data + b + at[k], &h, sizeof h);
        }
    return data;
}

typedef struct problem {
    pack p;
    float *w; // (rows, cols) dequantised
    int rows, cols;
} problem;

static problem make_problem(tensor_type type, int rows, int cols) {
    problem q = {.rows = rows, .cols = cols};
    error err;
    size_t row_bytes = tensor_row_bytes(type, cols);
    uint8_t *data = random_rows(type, rows, cols);
    q.w = mem_calloc((size_t)rows * (size_t)cols, sizeof(float));
    for (int r = 0; r < rows; r++)
        quant_dequantize(type, data + (size_t)r * row_bytes, 0, cols, q.w + (size_t)r * (size_t)cols);
    if (pack_open(&q.p, type, rows, cols, &err) != 0) abort();
    for (int b = 0; b < q.p.n_blocks; b++)
        pack_block(&q.p, b, data + (size_t)b * 16 * row_bytes, row_bytes, rows - b * 16 < 16 ? rows - b * 16 : 16);
    free(data);
    return q;
}

static void free_problem(problem *q) {
    pack_close(&q->p);
    free(q->w);
}

// Packing loses nothing: each row reads back exactly.
static void test_pack(void) {
    for (int f = 0; f < N_FORMATS; f++) {
        problem q = make_problem(formats[f], 21, 512);
        float row[512];
        int wrong = 0;
        for (int r = 0; r < q.rows; r++) {
            pack_row(&q.p, r, row);
            wrong += memcmp(row, q.w + r * q.cols, sizeof row) != 0;
        }
        OK(wrong == 0, "%s: %d of %d rows differ after packing", tensor_type_name(formats[f]), wrong, q.rows);
        free_problem(&q);
    }
}

// The largest difference, relative to the largest value: rounding of sums in another order stays far below 1e-5.
static double distance(const float *a, const float *b, size_t n) {
    double most = 0, scale = 1e-6;
    for (size_t i = 0; i < n; i++) {
        most = fmax(most, fabs((double)a[i] - b[i]));
        scale = fmax(scale, fabs((double)b[i]));
        if (isnan(a[i]) != isnan(b[i])) return INFINITY;
    }
    return most / scale;
}

enum { ROWS = 40, COLS = 768, T = 29 };
static const double sums = 1e-5; // tolerance of float sums in another order

static void test_products(const kernels *k) {
    static float x[T * COLS], y[48], ref[48];
    static int8_t q[COLS];
    static float d[COLS / 32], sum[COLS / 16];
    qtiles tiles = {COLS, mem_calloc(36 * COLS, 1), mem_calloc(36 * COLS / 32, 4), mem_calloc(36 * COLS / 32 * 3, 4)};
    fill_floats(x, T * COLS, 3);
    for (int t = 0; t < T; t++) {
        kernels_ref.quantize(x + t * COLS, COLS, q, d, sum);
        qtiles_put(&tiles, t, q, d, sum);
    }
    for (int f = 0; f < N_FORMATS; f++) {
        problem p = make_problem(formats[f], ROWS, COLS);
        const char *name = tensor_type_name(formats[f]);
        kernels_ref.quantize(x, COLS, q, d, sum);
        k->gemv(&p.p, 0, 3, 1, &(gemv_row){q, d, sum, y});
        // The definition, from dequantised weights and activations.
        for (int r = 0; r < ROWS; r++) {
            double total = 0;
            for (int i = 0; i < COLS; i++) total += (double)p.w[r * COLS + i] * d[i / 32] * q[i];
            ref[r] = (float)total;
        }
        OK(distance(y, ref, ROWS) < sums, "%s gemv %s: off by %g", k->name, name, distance(y, ref, ROWS));
        k->gemv(&p.p, 1, 2, 1, &(gemv_row){q, d, sum, y});
        OK(distance(y, ref + 16, 16) < sums, "%s gemv %s: a part is off by %g", k->name, name,
           distance(y, ref + 16, 16));

        for (int n = 2; n <= KERNELS_FEW; n++) { // several rows at once, each as alone
            static int8_t few_q[KERNELS_FEW][COLS];
            static float few_d[KERNELS_FEW][COLS / 32], few_sum[KERNELS_FEW][COLS / 16], few_y[KERNELS_FEW][48];
            gemv_row rows[KERNELS_FEW];
            int differ = 0;
            for (int t = 0; t < n; t++) {
                k->quantize(x + (t + n) * COLS, COLS, few_q[t], few_d[t], few_sum[t]);
                rows[t] = (gemv_row){few_q[t], few_d[t], few_sum[t], few_y[t]};
            }
            k->gemv(&p.p, 0, 3, n, rows);
            for (int t = 0; t < n; t++) {
                k->gemv(&p.p, 0, 3, 1, &(gemv_row){few_q[t], few_d[t], few_sum[t], ref});
                differ += memcmp(few_y[t], ref, sizeof ref) != 0;
            }
            OK(differ == 0, "%s gemv %s: %d of %d rows at once differ", k->name, name, differ, n);
        }

        float tile[16 * COLS];
        memset(tile, 0, sizeof tile);
        k->dequantize(&p.p, 1, 2, COLS / 32 - 2, tile, COLS);
        for (int r = 0; r < 16; r++) { // columns from 64 on, moved to the front by the call
            double off = distance(tile + r * COLS, p.w + (16 + r) * COLS + 64, COLS - 64);
            if (off > 1e-6) OK(0, "%s dequantize %s: row %d is off by %g", k->name, name, r, off);
        }
        OK(true, "%s dequantize", k->name);
        size_t units = COLS / 32, scales = units * 16 * (size_t)pack_halves(&p.p);
        uint8_t *u = aligned_alloc(64, 2 * units * PACK_UNIT_BYTES),
                *u_ref = aligned_alloc(64, 2 * units * PACK_UNIT_BYTES);
        float *scale = aligned_alloc(64, 2 * units * 32 * 4), *offset = aligned_alloc(64, 2 * units * 32 * 4);
        float *scale_ref = aligned_alloc(64, 2 * units * 32 * 4), *offset_ref = aligned_alloc(64, 2 * units * 32 * 4);
        for (int b = 0; b < 2; b++) {
            size_t at = (size_t)b * scales, u_at = (size_t)b * units * PACK_UNIT_BYTES;
            k->unpack(&p.p, b, u + u_at, scale + at, offset + at);
            kernels_ref.unpack(&p.p, b, u_ref + u_at, scale_ref + at, offset_ref + at);
        }
        OK(memcmp(u, u_ref, 2 * units * PACK_UNIT_BYTES) == 0, "%s unpack %s: integers differ", k->name, name);
        OK(distance(scale, scale_ref, 2 * scales) == 0 && distance(offset, offset_ref, 2 * scales) == 0,
           "%s unpack %s: scales differ", k->name, name);
        for (int n = 1; n <= 2 * KERNELS_TILE; n++) {
            enum { LD = 40 };
            unpacked w = {1 + n % 2, (int)units, pack_halves(&p.p), p.p.traits.bits, u, scale, offset};
            int rows = (n + 1) / 2;
            float out[KERNELS_TILE * LD], want[KERNELS_TILE * LD];
            fill_floats(out, KERNELS_TILE * LD, 1);
            memcpy(want, out, sizeof out);
            k->gemm(&w, &tiles, 1, rows, n % 3 == 0, out, LD);
            kernels_ref.gemm(&w, &tiles, 1, rows, n % 3 == 0, want, LD);
            double off = distance(out, want, KERNELS_TILE * LD);
            OK(off < sums, "%s gemm %s, %d rows, %d blocks: off by %g", k->name, name, rows, w.n_blocks, off);
        }
        // The first row of tile 1 through the other plain product.
        unpacked w = {1, (int)units, pack_halves(&p.p), p.p.traits.bits, u, scale, offset};
        float out[16];
        kernels_ref.gemm(&w, &tiles, 1, 1, false, out, 16);
        kernels_ref.quantize(x + KERNELS_TILE * COLS, COLS, q, d, sum);
        kernels_ref.gemv(&p.p, 0, 1, 1, &(gemv_row){q, d, sum, y});
        OK(distance(out, y, 16) < sums, "portable gemm and gemv %s differ by %g", name, distance(out, y, 16));
        free(u), free(u_ref), free(scale), free(scale_ref), free(offset), free(offset_ref);
        free_problem(&p);
    }
    free(tiles.q), free(tiles.d), free(tiles.sum);
}

// Extremes of 8-bit weights and activations, where 16-bit pair sums come closest to overflowing.
static void test_extremes(const kernels *k) {
    enum { N = 256 };
    int8_t q[N];
    float d[N / 32], sum[N / 16], y[16], ref[16];
    for (int f = 0; f < N_FORMATS; f++)
        for (int sign = -1; sign <= 1; sign += 2) {
            problem p = make_problem(formats[f], 16, N);
            memset(p.p.data, 0xff, (size_t)p.p.n_units * p.p.plane_bytes);
            if (formats[f] == TENSOR_Q8_0 && sign < 0) memset(p.p.data, 0, (size_t)p.p.n_units * p.p.plane_bytes);
            memset(q, sign * 127, sizeof q);
            for (int i = 0; i < N / 32; i++) d[i] = 0.01f;
            for (int i = 0; i < N / 16; i++) sum[i] = 0.01f * 16 * 127 * (float)sign;
            k->gemv(&p.p, 0, 1, 1, &(gemv_row){q, d, sum, y});
            kernels_ref.gemv(&p.p, 0, 1, 1, &(gemv_row){q, d, sum, ref});
            OK(distance(y, ref, 16) < sums, "%s gemv %s: extremes are off by %g", k->name, tensor_type_name(formats[f]),
               distance(y, ref, 16));
            free_problem(&p);
        }
}

static void test_quantize(const kernels *k) {
    enum { N = 640 };
    float x[N], d[N / 32], sum[N / 16], d_ref[N / 32], sum_ref[N / 16];
    int8_t q[N], q_ref[N];
    fill_floats(x, N, 10);
    memset(x + 32, 0, 32 * sizeof *x); // a unit of zeros
    x[70] = 1e30f;
    k->quantize(x, N, q, d, sum);
    kernels_ref.quantize(x, N, q_ref, d_ref, sum_ref);
    OK(memcmp(q, q_ref, N) == 0, "%s quantize: integers differ", k->name);
    OK(distance(d, d_ref, N / 32) < 1e-7, "%s quantize: scales differ", k->name);
    OK(distance(sum, sum_ref, N / 16) < 1e-6, "%s quantize: sums differ", k->name);
    OK(q[32] == 0 && d[1] == 0, "%s quantize: zeros stay zero", k->name);
}

static void test_floats(const kernels *k) {
    enum { R = 14, N = 83, LD = 90 };
    static float w[R * LD], x[N], y[R], ref[R], back[R * LD], back_ref[R * LD];
    static uint16_t h[R * LD], b[R * LD];
    fill_floats(w, R * LD, 2);
    fill_floats(x, N, 2);
    for (int i = 0; i < R * LD; i++) {
        h[i] = f32_to_f16(w[i]);
        b[i] = f32_to_bf16(w[i]);
    }
    k->gemv_f32(w, LD, R, N, x, y);
    kernels_ref.gemv_f32(w, LD, R, N, x, ref);
    OK(distance(y, ref, R) < sums, "%s gemv f32: off by %g", k->name, distance(y, ref, R));
    k->gemv_f16(h, LD, R, N, x, y);
    kernels_ref.gemv_f16(h, LD, R, N, x, ref);
    OK(distance(y, ref, R) < sums, "%s gemv f16: off by %g", k->name, distance(y, ref, R));
    k->gemv_bf16(b, LD, R, N, x, y);
    kernels_ref.gemv_bf16(b, LD, R, N, x, ref);
    OK(distance(y, ref, R) < sums, "%s gemv bf16: off by %g", k->name, distance(y, ref, R));
    for (int rank = 1; rank <= 37; rank += 12)
        for (int f32 = 0; f32 < 2; f32++) {
            static float t[5 * 40], sum[5 * 40], want[5 * 40];
            fill_floats(t, 5 * 40, 1);
            fill_floats(sum, 5 * 40, 1);
            memcpy(want, sum, sizeof want);
            k->rank_add(f32 ? (void *)w : (void *)h, f32, rank, 2, t, 40, 5, sum, 40);
            kernels_ref.rank_add(f32 ? (void *)w : (void *)h, f32, rank, 2, t, 40, 5, want, 40);
            OK(distance(sum, want, 5 * 40) < sums, "%s rank_add %d: off by %g", k->name, rank,
               distance(sum, want, 5 * 40));
        }
    k->f16_to_f32(h, R * LD - 1, back);
    kernels_ref.f16_to_f32(h, R * LD - 1, back_ref);
    OK(memcmp(back, back_ref, sizeof back) == 0, "%s f16 to f32", k->name);
    static uint16_t half[R * LD], half_ref[R * LD];
    k->f32_to_f16(w, R * LD - 1, half);
    kernels_ref.f32_to_f16(w, R * LD - 1, half_ref);
    OK(memcmp(half, half_ref, sizeof half) == 0, "%s f32 to f16", k->name);
    k->bf16_to_f32(b, R * LD - 1, back);
    kernels_ref.bf16_to_f32(b, R * LD - 1, back_ref);
    OK(memcmp(back, back_ref, sizeof back) == 0, "%s bf16 to f32", k->name);
}

// n random numbers as a cache of that type holds them: bytes, and scales of 32 in turn (of sixteen positions side by
// side, where `tiled`).
static void *random_cache(cache_type type, size_t n, bool tiled, uint16_t *scales) {
    float *x = mem_calloc(n, sizeof *x);
    fill_floats(x, n, 1);
    if (type == CACHE_F32) return x;
    uint16_t *half = mem_calloc(n, sizeof *half);
    int8_t *bytes = (int8_t *)half;
    for (size_t i = 0; i < n; i++) {
        if (type == CACHE_F16)
            half[i] = f32_to_f16(x[i]);
        else
            bytes[i] = (int8_t)(127 * x[i]);
    }
    for (size_t i = 0; i < n / 32; i++) scales[i] = f32_to_f16((random_float() + 1.5f) / 127 * (tiled ? 2 : 1));
    free(x);
    return half;
}

// Softmax over a cache of 700 positions, in one call and in two stretches that are carried on.
static void test_attend(const kernels *k, cache_type cache, int head_dim, int n_rows, bool alibi) {
    enum { POSITIONS = 704, N = 700 };
    static const char *const names[] = {"f32", "f16", "q8_0"};
    int v_dim = (head_dim + 15) / 16 * 16;
    size_t nk = (size_t)POSITIONS * (size_t)head_dim, nv = (size_t)POSITIONS * (size_t)v_dim;
    float *q = mem_calloc((size_t)head_dim * 8, 4);
    uint16_t *k_scale = mem_calloc(nk / 32 + 1, 2), *v_scale = mem_calloc(nv / 32 + 1, 2);
    void *keys = random_cache(cache, nk, true, k_scale), *values = random_cache(cache, nv, false, v_scale);
    fill_floats(q, (size_t)head_dim * 8, 2);
    float m[2][8], l[2][8], *acc[2];
    for (int way = 0; way < 2; way++) {
        acc[way] = mem_calloc((size_t)v_dim * 8, 4);
        for (int r = 0; r < 8; r++) m[way][r] = -INFINITY, l[way][r] = 0;
        attend_job job = {.n_rows = n_rows,
                          .head_dim = head_dim,
                          .v_dim = v_dim,
                          .k = keys,
                          .v = values,
                          .cache = cache,
                          .k_scale = k_scale,
                          .v_scale = v_scale,
                          .scale = 0.3f,
                          .m = m[way],
                          .l = l[way],
                          .acc = acc[way]};
        for (int r = 0; r < n_rows; r++) {
            job.q[r] = q + r * head_dim;
            job.last[r] = N - n_rows + r;
            job.first[r] = r % 3 == 2 ? 650 : r;
            job.slope[r] = alibi ? 0.01f * (float)(r + 1) : 0;
        }
        const kernels *use = way == 0 ? k : &kernels_ref;
        int cut = way == 0 ? 320 : 0;
        job.p1 = cut;
        if (cut) use->attend(&job);
        job.p0 = cut;
        job.p1 = N;
        use->attend(&job);
        for (int r = 0; r < n_rows; r++)
            for (int i = 0; i < v_dim; i++) acc[way][r * v_dim + i] /= l[way][r];
    }
    double off = distance(acc[0], acc[1], (size_t)(n_rows * v_dim));
    OK(off < 2e-5, "%s attend, %s cache, head_dim %d, %d rows: off by %g", k->name, names[cache], head_dim, n_rows,
       off);
    free(keys), free(values), free(k_scale), free(v_scale), free(q), free(acc[0]), free(acc[1]);
}

static void test_turn(const kernels *k) {
    enum { MOST = 49 };
    float cosine[MOST], sine[MOST], x[2 * MOST], ref[2 * MOST];
    for (int n = 1; n <= MOST; n++)
        for (int apart = 0; apart < 2; apart++) {
            fill_floats(cosine, MOST, 1);
            fill_floats(sine, MOST, 1);
            fill_floats(x, 2 * MOST, 3);
            memcpy(ref, x, sizeof x);
            k->turn(x, cosine, sine, n, apart);
            kernels_ref.turn(ref, cosine, sine, n, apart);
            OK(distance(x, ref, 2 * MOST) < 1e-6 && (n == MOST || memcmp(x + 2 * n, ref + 2 * n, sizeof *x) == 0),
               "%s turn, %d pairs, apart %d: off by %g", k->name, n, apart, distance(x, ref, 2 * MOST));
        }
}

static void test_pointwise(const kernels *k) {
    enum { N = 203 };
    float x[N], w[N], b[N], y[N], ref[N];
    fill_floats(x, N, 8);
    fill_floats(w, N, 1);
    fill_floats(b, N, 1);
    k->rms_norm(x, w, N, 1e-5f, y);
    kernels_ref.rms_norm(x, w, N, 1e-5f, ref);
    OK(distance(y, ref, N) < 1e-6, "%s rms_norm: off by %g", k->name, distance(y, ref, N));
    k->layer_norm(x, w, b, N, 1e-5f, y);
    kernels_ref.layer_norm(x, w, b, N, 1e-5f, ref);
    OK(distance(y, ref, N) < 2e-6, "%s layer_norm: off by %g", k->name, distance(y, ref, N));
    x[0] = 100, x[1] = -100, x[2] = 0;
    memcpy(y, x, sizeof y);
    memcpy(ref, x, sizeof ref);
    k->silu_mul(y, w, N);
    kernels_ref.silu_mul(ref, w, N);
    OK(distance(y, ref, N) < 1e-6, "%s silu_mul: off by %g", k->name, distance(y, ref, N));
    memcpy(y, x, sizeof y);
    memcpy(ref, x, sizeof ref);
    float total = k->exp_sub(y, N, 30), want = kernels_ref.exp_sub(ref, N, 30);
    OK(distance(y, ref, N) < 1e-6 && distance(&total, &want, 1) < 1e-6, "%s exp_sub: off by %g", k->name,
       distance(y, ref, N));
    memcpy(y, x, sizeof y);
    memcpy(ref, x, sizeof ref);
    k->gelu_tanh(y, N);
    kernels_ref.gelu_tanh(ref, N);
    OK(distance(y, ref, N) < 1e-6, "%s gelu_tanh: off by %g", k->name, distance(y, ref, N));
    fill_floats(y, N, 9);
    memcpy(ref, y, sizeof y);
    k->gelu_erf(y, N);
    kernels_ref.gelu_erf(ref, N);
    OK(distance(y, ref, N) < 1e-6, "%s gelu_erf: off by %g", k->name, distance(y, ref, N));
}

static void test_half(void) {
    int wrong = 0;
    for (uint32_t i = 0; i < 65536; i++) {
        uint16_t h = (uint16_t)i;
        float f = f16_to_f32(h);
        wrong += !isnan(f) && f32_to_f16(f) != h;
        f = bf16_to_f32(h);
        wrong += !isnan(f) && f32_to_bf16(f) != h;
    }
    OK(wrong == 0, "%d half-precision numbers do not come back", wrong);
    OK(f32_to_f16(65519.0f) == 0x7bff && f32_to_f16(65520.0f) == 0x7c00, "f16 rounds to infinity from 65520 on");
    OK(f32_to_f16(1.0f + 0x1p-11f) == 0x3c00 && f32_to_f16(1.0f + 0x1.8p-10f) == 0x3c02, "f16 ties go to even");
    OK(f32_to_f16(0x1p-25f) == 0 && f32_to_f16(0x1.8p-25f) == 1, "f16 subnormals round");
}

// A panel of 8-bit products made from packed weights (bytes.h): rows that have a single 1 read it back, each number to half
// of a step, of which 127 hold the largest that the scales allow.
static void test_panel(const bytes *b, tensor_type type) {
    enum { ROWS = 120, COLS = 512, BLOCK = BYTES_BLOCK, ROOM = BLOCK + BYTES_ROWS };
    static float one[ROWS * ROWS], got[ROWS * BYTES_COLUMNS], steps[ROOM];
    static _Alignas(64) uint8_t left[ROOM * BLOCK], panel[BYTES_PANEL];
    problem q = make_problem(type, BLOCK + ROWS, COLS);
    double worst = 0;
    bool made = true;
    for (int i = 0; i < ROWS; i++) one[i * ROWS + i] = 1;
    b->rows(one, ROWS, ROWS, ROWS, left, steps);
    for (int unit = 0; unit < COLS / QUANT_UNIT && made; unit += 5) {
        made = b->panel_packed(&q.p, BLOCK, ROWS, unit, panel);
        if (!made) break;
        b->multiply(ROWS, BYTES_COLUMNS, ROWS, left, steps, panel, false, got, BYTES_COLUMNS);
        float step;
        memcpy(&step, panel + 4 * BYTES_COLUMNS, sizeof step);
        for (int i = 0; i < ROWS; i++)
            for (int c = 0; c < BYTES_COLUMNS; c++) {
                float want = q.w[(size_t)(BLOCK + i) * COLS + (size_t)(unit * QUANT_UNIT + c)];
                double off = fabs((double)got[i * BYTES_COLUMNS + c] - (double)want) / (double)step;
                if (!(off <= worst)) worst = off;
            }
    }
    OK(made == (q.p.traits.bits <= 5), "%s: which types are made into panels", tensor_type_name(type));
    OK(worst < 0.6, "%s: a panel is off by %g steps", tensor_type_name(type), worst);
    free_problem(&q);
}

int main(void) {
    const kernels *all[8];
    int n = kernels_all(all, 8);
    test_half();
    test_pack();
    for (int i = 0; i < n; i++) {
        test_quantize(all[i]);
        test_products(all[i]);
        test_extremes(all[i]);
        test_floats(all[i]);
        test_turn(all[i]);
        test_pointwise(all[i]);
        for (int rows = 1; rows <= 8; rows++) {
            test_attend(all[i], CACHE_F32, rows == 5 ? 20 : 64, rows, rows > 6);
            test_attend(all[i], CACHE_F16, rows == 5 ? 20 : 64, rows, rows > 6);
            test_attend(all[i], CACHE_Q8_0, rows % 3 * 32 + 32, rows, rows > 6);
        }
    }
    for (int f = 0; f < N_FORMATS && bytes_get(); f++) test_panel(bytes_get(), formats[f]);
    return test_end();
}
