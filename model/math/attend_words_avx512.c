// Attention of many queries for AVX-512 with VNNI, in 16-bit integers: vpdpwssd adds two products a lane where an
// instruction for floats adds one.
//
// A chunk of the cache is brought into 16 bits once for all queries that look at it. Each position has scales of its
// own, so that no number depends on which positions stand beside it:
//     keys    12 bits and a sign, against queries of as many bits as 32-bit sums allow
//     values  12 bits and a sign, the scale a power of two. It becomes part of the weights: its logarithm is added to the
//             scores, which are logarithms to base 2
// Weights are 14 bits, relative to the largest of their row in the chunk; sums of 32 positions are added up in floats,
// as is all that a row has gathered so far.
#include "model/math/avx512.h"

#if defined(__AVX512F__)

enum {
    CHUNK = 128,        // positions
    STEP = 32,          // positions whose sums are integers
    ROWS = ATTEND_ROWS, // queries that pass through the registers together
    GROUPS = ATTEND_MANY / ROWS,
    MAX_DIM = ATTEND_MANY_HEAD_DIM,
    PAIRS = MAX_DIM / 2, // of neighbouring numbers that a row has at most
};

static const float KEY_MOST = 4095, VALUE_BITS = 12;
// The logarithm of the largest weight: 32 products with values stay below 2^31.
static const float WEIGHT_BITS = 13.9f;
// Scores of hidden positions, a floor for the largest score, and the logarithm below which weights are all the same
// nothing: what is hidden is further from the floor than that.
static const float HIDDEN = -1e30f, FLOOR = -1e20f, LEAST = -100;

typedef struct words {
    _Alignas(64) int16_t k[CHUNK * MAX_DIM];            // (tiles, head_dim / 2, 16 positions, 2)
    int16_t v[CHUNK * MAX_DIM];                         // (steps, 16, head_dim, 2): positions i and i + 16 of a step
    float k_scale[CHUNK], v_log[CHUNK], v_parts[CHUNK]; // scales; logarithm of the scale; 1 / scale
    int32_t q[ATTEND_MANY][PAIRS];                      // of each row head_dim / 2 pairs
    float q_scale[ATTEND_MANY];
    float top[GROUPS][16], sum[GROUPS][16]; // the largest score so far, and the sum of weights beside it
    float acc[ATTEND_MANY * MAX_DIM];       // (rows, head_dim)
    float scores[ROWS][CHUNK];              // of twelve rows in this chunk
    int32_t weights[ROWS][PAIRS];           // positions i and i + 16 of a step are a pair
    int32_t dot[ROWS][STEP];                // products of twelve rows on their way
    float share[16];                        // what a row's sums of this chunk count
    const attend_job *at;
    const attend_queries *job;
    int head_dim, group, n_rows;
    int p, n; // the chunk: positions p .. p + n - 1
} words;

_Static_assert(sizeof(words) <= ATTEND_MANY_SCRATCH, "what is worked in is larger than callers know");

// ---- into 16 bits ----

INLINE __m512 larger_magnitude(__m512 a, __m512 b) {
    return _mm512_range_ps(a, b, 11);
}

// Integers a and b as pairs of words.
INLINE __m512i pairs_of(__m512i a, __m512i b) {
    return _mm512_mask_blend_epi16(0xaaaaaaaa, a, _mm512_slli_epi32(b, 16));
}

// Sixteen positions from p on, of which those of the mask exist.
static void put_keys(const attend_job *at, int p, __mmask16 mask, int16_t *out, float *scale) {
    int n = at->head_dim;
    size_t base = (size_t)p * (size_t)n;
    __m512 x[MAX_DIM], most = _mm512_set1_ps(1e-30f);
    for (int i = 0; i < n; i++) {
        x[i] = _mm512_maskz_mov_ps(mask, load_cache(at->k, at->cache, base + 16 * (size_t)i));
        if (at->cache == CACHE_Q8_0)
            x[i] = _mm512_mul_ps(x[i], load_f16((const uint8_t *)(at->k_scale + (base + 16 * (size_t)i) / 512 * 16)));
        most = larger_magnitude(most, x[i]);
    }
    __m512 times = _mm512_div_ps(_mm512_set1_ps(KEY_MOST), most);
    _mm512_storeu_ps(scale, _mm512_mul_ps(most, _mm512_set1_ps(1 / KEY_MOST)));
    for (int i = 0; i < n; i += 2, out += 32)
        _mm512_storeu_si512(out, pairs_of(_mm512_cvtps_epi32(_mm512_mul_ps(x[i], times)),
                                          _mm512_cvtps_epi32(_mm512_mul_ps(x[i + 1], times))));
}

// One position's value as integers; what does not exist is zero.
static void value_at(const attend_job *at, int p, bool exists, __m512i *out, float *v_log, float *v_parts) {
    size_t base = (size_t)p * (size_t)at->v_dim;
    __m512 x[MAX_DIM / 16], most = _mm512_set1_ps(0x1p-60f);
    for (int i = 0; i < at->head_dim / 16; i++) {
        size_t here = base + 16 * (size_t)i;
        x[i] = exists ? load_cache(at->v, at->cache, here) : _mm512_setzero_ps();
        if (exists && at->cache == CACHE_Q8_0)
            x[i] = _mm512_mul_ps(x[i], _mm512_set1_ps(_cvtsh_ss(at->v_scale[here / 32])));
        most = larger_magnitude(most, x[i]);
    }
    __m512 bits =
        _mm512_sub_ps(_mm512_getexp_ps(_mm512_set1_ps(_mm512_reduce_max_ps(most))), _mm512_set1_ps(VALUE_BITS - 1));
    __m512 times = _mm512_scalef_ps(_mm512_set1_ps(1), _mm512_sub_ps(_mm512_setzero_ps(), bits));
    *v_log = _mm512_cvtss_f32(bits);
    *v_parts = _mm512_cvtss_f32(times);
    for (int i = 0; i < at->head_dim / 16; i++) out[i] = _mm512_cvtps_epi32(_mm512_mul_ps(x[i], times));
}

static void put_chunk(words *w) {
    const attend_job *at = w->at;
    size_t n = (size_t)at->head_dim;
    for (int i = 0; i < (w->n + STEP - 1) / STEP * STEP; i += 16)
        put_keys(at, w->p + (i < w->n ? i : 0), tail_mask(i < w->n ? (size_t)(w->n - i) : 0), w->k + (size_t)i * n,
                 w->k_scale + i);
    for (int s = 0; s < w->n; s += STEP)
        for (int i = s; i < s + 16; i++) {
            __m512i a[MAX_DIM / 16], b[MAX_DIM / 16];
            value_at(at, w->p + i, i < w->n, a, w->v_log + i, w->v_parts + i);
            value_at(at, w->p + i + 16, i + 16 < w->n, b, w->v_log + i + 16, w->v_parts + i + 16);
            int16_t *out = w->v + ((size_t)s + 2 * (size_t)(i - s)) * n;
            for (size_t c = 0; c < n / 16; c++) _mm512_storeu_si512(out + 32 * c, pairs_of(a[c], b[c]));
        }
}

static void put_queries(words *w) {
    int n = w->head_dim;
    float limit = floorf(0x1p31f / ((float)n * (KEY_MOST + 1))) - 1, scale = w->at->scale * 1.44269504f;
    for (int r = 0; r < w->n_rows; r++) {
        const float *q = w->job->q + (size_t)(r / w->group) * w->job->ldq + (size_t)(r % w->group) * (size_t)n;
        __m512 most = _mm512_set1_ps(1e-30f);
        for (int i = 0; i < n; i += 16) most = larger_magnitude(most, _mm512_loadu_ps(q + i));
        float top = _mm512_reduce_max_ps(most);
        __m512 times = _mm512_set1_ps(limit / top);
        w->q_scale[r] = top / limit * scale;
        for (int i = 0; i < n; i += 16) {
            __m512i x = _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_loadu_ps(q + i), times));
            _mm256_store_si256((__m256i *)(w->q[r] + i / 2), _mm512_cvtsepi32_epi16(x));
        }
    }
}

// ---- products ----

// out[r][i] = the sum over n pairs j of x[r][j] times pair i at y + j * step; the second sixteen of i are `apart` from the
// first. A function of its own, so that all sums stay in registers.
static __attribute__((noinline)) void multiply(const int32_t (*x)[PAIRS], const int16_t *y, int n, size_t step,
                                               size_t apart, int32_t (*out)[STEP]) {
    __m512i sum[ROWS][2];
#pragma GCC unroll 12
    for (int r = 0; r < ROWS; r++) sum[r][0] = sum[r][1] = _mm512_setzero_si512();
    for (int j = 0; j < n; j++, y += step) {
        __m512i a = _mm512_load_si512(y), b = _mm512_load_si512(y + apart);
#pragma GCC unroll 12
        for (int r = 0; r < ROWS; r++) {
            __m512i both = _mm512_set1_epi32(x[r][j]);
            sum[r][0] = _mm512_dpwssd_epi32(sum[r][0], a, both);
            sum[r][1] = _mm512_dpwssd_epi32(sum[r][1], b, both);
        }
    }
#pragma GCC unroll 12
    for (int r = 0; r < ROWS; r++) {
        _mm512_store_si512(out[r], sum[r][0]);
        _mm512_store_si512(out[r] + 16, sum[r][1]);
    }
}

// ---- scores ----

// What row r sees; rows that do not exist (of the last twelve) see what the last one sees.
static void seen_by(const words *w, int r, int *first, int *last) {
    const attend_queries *job = w->job;
    *last = job->position + (r < w->n_rows ? r : w->n_rows - 1) / w->group;
    *first = job->window > 0 && *last >= job->window ? *last - job->window + 1 : 0;
}

INLINE __m512 hide(const words *w, int r, int i, __m512 s) {
    const __m512i lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    __m512i position = _mm512_add_epi32(_mm512_set1_epi32(w->p + i), lane);
    int first, last;
    seen_by(w, r, &first, &last);
    __mmask16 seen = _mm512_cmp_epi32_mask(position, _mm512_set1_epi32(first), _MM_CMPINT_NLT) &
                     _mm512_cmp_epi32_mask(position, _mm512_set1_epi32(last), _MM_CMPINT_LE);
    return _mm512_mask_mov_ps(_mm512_set1_ps(HIDDEN), seen, s);
}

// The scores of twelve rows from r0 on at positions i .. i + 31 of the chunk; `most` are each row's largest so far.
INLINE void score_step(words *w, int r0, int i, bool hides, __m512 most[16]) {
    size_t n = (size_t)w->head_dim;
    multiply(w->q + r0, w->k + (size_t)i * n, w->head_dim / 2, 32, 16 * n, w->dot);
    for (int h = 0; h < STEP; h += 16) {
        __m512 scale = _mm512_loadu_ps(w->k_scale + i + h), plus = _mm512_loadu_ps(w->v_log + i + h);
        for (int r = 0; r < ROWS; r++) {
            __m512 s = _mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_load_si512(w->dot[r] + h)), scale);
            s = _mm512_fmadd_ps(s, _mm512_set1_ps(w->q_scale[r0 + r]), plus);
            if (hides) s = hide(w, r0 + r, i + h, s);
            _mm512_storeu_ps(w->scores[r] + i + h, s);
            most[r] = _mm512_max_ps(most[r], s);
        }
    }
}

// ---- weights ----

// 2^x for x from LEAST to some 20, relative error 3e-6.
INLINE __m512 power_of_two(__m512 x) {
    const __m512 whole = _mm512_set1_ps(12582912.0f); // 1.5 * 2^23: adding it leaves no fraction
    __m512 t = _mm512_add_ps(x, whole), f = _mm512_sub_ps(x, _mm512_sub_ps(t, whole));
    __m512 y = _mm512_set1_ps(0.009570097f);
    y = _mm512_fmadd_ps(y, f, _mm512_set1_ps(0.05591786f));
    y = _mm512_fmadd_ps(y, f, _mm512_set1_ps(0.24024745f));
    y = _mm512_fmadd_ps(y, f, _mm512_set1_ps(0.6931218f));
    y = _mm512_fmadd_ps(y, f, _mm512_set1_ps(0.99999926f));
    return _mm512_castsi512_ps(_mm512_add_epi32(_mm512_castps_si512(y), _mm512_slli_epi32(_mm512_castps_si512(t), 23)));
}

typedef enum fold { FOLD_MAX, FOLD_SUM } fold;

INLINE __m512 fold_two(fold f, __m512 a, __m512 b) {
    return f == FOLD_MAX ? _mm512_max_ps(a, b) : _mm512_add_ps(a, b);
}

// Lane r of the result: all lanes of x[r] folded into one.
INLINE __m512 fold_rows(fold f, __m512 x[16]) {
    for (int i = 0; i < 8; i++)
        x[i] = fold_two(f, _mm512_unpacklo_ps(x[2 * i], x[2 * i + 1]), _mm512_unpackhi_ps(x[2 * i], x[2 * i + 1]));
    for (int i = 0; i < 4; i++) {
        __m512d a = _mm512_castps_pd(x[2 * i]), b = _mm512_castps_pd(x[2 * i + 1]);
        x[i] = fold_two(f, _mm512_castpd_ps(_mm512_unpacklo_pd(a, b)), _mm512_castpd_ps(_mm512_unpackhi_pd(a, b)));
    }
    for (int n = 2; n > 0; n--) // quarters
        for (int i = 0; i < n; i++)
            x[i] = fold_two(f, _mm512_shuffle_f32x4(x[2 * i], x[2 * i + 1], 0x88),
                            _mm512_shuffle_f32x4(x[2 * i], x[2 * i + 1], 0xdd));
    return x[0];
}

// What the rows of a group gathered under another largest score counts less now.
static void shrink(words *w, int r0, __mmask16 rows, __m512 by) {
    float times[16];
    _mm512_storeu_ps(times, by);
    for (int r = 0; r < ROWS; r++) {
        if (!(rows >> r & 1)) continue;
        float *acc = w->acc + (size_t)(r0 + r) * (size_t)w->head_dim;
        for (int c = 0; c < w->head_dim; c += 16)
            _mm512_storeu_ps(acc + c, _mm512_mul_ps(_mm512_loadu_ps(acc + c), _mm512_set1_ps(times[r])));
    }
}

// Weights of positions i0 .. i1 - 1 of the chunk, relative to the largest score of each row there.
static void soften(words *w, int r0, int i0, int i1, __m512 most[16]) {
    float base[16], *all_top = w->top[r0 / ROWS], *all_sum = w->sum[r0 / ROWS];
    const __m512 whole = _mm512_set1_ps(8388608.0f), least = _mm512_set1_ps(LEAST);
    __m512 top = _mm512_max_ps(fold_rows(FOLD_MAX, most), _mm512_set1_ps(FLOOR)), sums[16];
    _mm512_storeu_ps(base, _mm512_sub_ps(_mm512_set1_ps(WEIGHT_BITS), top));
    for (int r = 0; r < 16; r++) sums[r] = _mm512_setzero_ps();
    for (int r = 0; r < ROWS; r++)
        for (int i = i0; i < i1; i += STEP) {
            __m512i y[2];
            for (int h = 0; h < 2; h++) {
                __m512 x = _mm512_add_ps(_mm512_loadu_ps(w->scores[r] + i + 16 * h), _mm512_set1_ps(base[r]));
                x = power_of_two(_mm512_max_ps(x, least));
                sums[r] = _mm512_fmadd_ps(x, _mm512_loadu_ps(w->v_parts + i + 16 * h), sums[r]);
                y[h] = _mm512_castps_si512(_mm512_add_ps(x, whole)); // the integer is in the low bits
            }
            _mm512_storeu_si512(w->weights[r] + i / 2, pairs_of(y[0], y[1]));
        }
    __m512 before = _mm512_loadu_ps(all_top), now = _mm512_max_ps(before, top);
    __mmask16 grown = _mm512_cmp_ps_mask(now, before, _CMP_GT_OQ);
    __m512 less = power_of_two(_mm512_max_ps(_mm512_sub_ps(before, now), least));
    less = _mm512_mask_mov_ps(_mm512_set1_ps(1), grown, less); // exactly
    __m512 share = power_of_two(_mm512_max_ps(_mm512_sub_ps(top, now), least));
    if (grown) shrink(w, r0, grown, less);
    _mm512_storeu_ps(all_top, now);
    _mm512_storeu_ps(all_sum,
                     _mm512_fmadd_ps(_mm512_loadu_ps(all_sum), less, _mm512_mul_ps(share, fold_rows(FOLD_SUM, sums))));
    _mm512_storeu_ps(w->share, share);
}

// ---- values ----

// Adds the weighted values of the same positions.
static void gather(words *w, int r0, int i0, int i1) {
    size_t n = (size_t)w->head_dim;
    for (size_t c = 0; c < n; c += 32)
        for (int i = i0; i < i1; i += STEP) {
            const int32_t(*weights)[PAIRS] = (const int32_t(*)[PAIRS])(w->weights[0] + i / 2);
            int pairs = i1 - i < STEP / 2 ? i1 - i : STEP / 2;
            multiply(weights, w->v + (size_t)i * n + 2 * c, pairs, 2 * n, 32, w->dot);
            for (int r = 0; r < ROWS; r++)
                for (size_t h = 0; h < 32; h += 16) {
                    float *acc = w->acc + (size_t)(r0 + r) * n + c + h;
                    __m512 x = _mm512_cvtepi32_ps(_mm512_load_si512(w->dot[r] + h));
                    _mm512_store_ps(acc, _mm512_fmadd_ps(x, _mm512_set1_ps(w->share[r]), _mm512_load_ps(acc)));
                }
        }
}

// Twelve rows from r0 on look at the chunk.
static void attend_group(words *w, int r0) {
    int begin, end, from, to;
    seen_by(w, r0, &begin, &from); // all see positions to .. from, some see begin .. end
    seen_by(w, r0 + ROWS - 1, &to, &end);
    int i0 = begin > w->p ? (begin - w->p) / STEP * STEP : 0, i1 = end + 1 - w->p < w->n ? end + 1 - w->p : w->n;
    if (i0 >= i1) return;
    __m512 most[16];
    for (int r = 0; r < 16; r++) most[r] = _mm512_set1_ps(HIDDEN);
    for (int i = i0; i < i1; i += STEP) {
        bool hides = w->p + i < to || w->p + i + STEP - 1 > from;
        if (hides)
            score_step(w, r0, i, true, most);
        else
            score_step(w, r0, i, false, most);
    }
    soften(w, r0, i0, i1, most);
    gather(w, r0, i0, i1);
}

static void put_out(const words *w) {
    int n = w->head_dim;
    for (int r = 0; r < w->n_rows; r++) {
        float *out = w->job->out + (size_t)(r / w->group) * w->job->ld_out + (size_t)(r % w->group) * (size_t)n;
        const float *acc = w->acc + (size_t)r * (size_t)n;
        __m512 times = _mm512_set1_ps(1 / w->sum[r / ROWS][r % ROWS]);
        for (int c = 0; c < n; c += 16) _mm512_storeu_ps(out + c, _mm512_mul_ps(_mm512_loadu_ps(acc + c), times));
    }
}

void avx512_attend_many(const attend_job *at, const attend_queries *job, void *scratch) {
    words *w = scratch;
    w->at = at;
    w->job = job;
    w->head_dim = at->head_dim;
    w->group = job->group;
    w->n_rows = job->n * job->group;
    put_queries(w);
    memset(w->acc, 0, (size_t)w->n_rows * (size_t)w->head_dim * sizeof *w->acc);
    for (int g = 0; g < GROUPS; g++)
        for (int r = 0; r < 16; r++) {
            w->top[g][r] = FLOOR;
            w->sum[g][r] = 0;
        }
    int begin, last, end = job->position + job->n;
    seen_by(w, 0, &begin, &last);
    for (w->p = begin / CHUNK * CHUNK; w->p < end; w->p += CHUNK) {
        w->n = end - w->p < CHUNK ? end - w->p : CHUNK;
        put_chunk(w);
        for (int r0 = 0; r0 < w->n_rows; r0 += ROWS) attend_group(w, r0);
    }
    put_out(w);
}
#endif
