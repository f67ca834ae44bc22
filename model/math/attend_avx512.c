// Attention for AVX-512 (attend_job in kernels.h): scores of a chunk of positions for all queries, softmax, weighted values.
#include "model/math/avx512.h"

#if defined(__AVX512F__)

enum { CHUNK = 256 }; // positions whose scores are held at once

// Queries lie so many floats apart: no power of two, which would crowd them into a few sets of the first cache.
enum { QUERY_STEP = ATTEND_MAX_HEAD_DIM + 16 };

// The score of row r at positions p .. p + 15: what the row may not see becomes -inf.
INLINE __m512 hide(const attend_job *job, int r, int p, __m512 v) {
    int first = job->first[r] > job->p0 ? job->first[r] : job->p0;
    int last = job->last[r] < job->p1 - 1 ? job->last[r] : job->p1 - 1;
    if (first <= p && p + 15 <= last && job->slope[r] == 0) return v;
    const __m512i lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    __m512i index = _mm512_add_epi32(_mm512_set1_epi32(p), lane);
    __m512 distance = _mm512_cvtepi32_ps(_mm512_sub_epi32(index, _mm512_set1_epi32(job->last[r])));
    v = _mm512_fmadd_ps(distance, _mm512_set1_ps(job->slope[r]), v);
    __mmask16 seen = _mm512_cmp_epi32_mask(index, _mm512_set1_epi32(first), _MM_CMPINT_NLT) &
                     _mm512_cmp_epi32_mask(index, _mm512_set1_epi32(last), _MM_CMPINT_LE);
    return _mm512_mask_mov_ps(_mm512_set1_ps(-INFINITY), seen, v);
}

// Scores of `tiles` (1 or 2) times sixteen positions for every row.
INLINE void score_tiles(const attend_job *job, const float *q, int rows, int tiles, cache_type cache, int p,
                        float (*scores)[CHUNK], int at) {
    __m512 acc[ATTEND_ROWS][2];
    for (int r = 0; r < rows; r++)
        for (int k = 0; k < tiles; k++) acc[r][k] = _mm512_setzero_ps();
    size_t tile = (size_t)job->head_dim * 16, base = (size_t)(p / 16) * tile;
    __m512 scale[2] = {_mm512_setzero_ps(), _mm512_setzero_ps()};
    for (int i = 0; i < job->head_dim; i++, base += 16) {
        __m512 key[2];
        for (int k = 0; k < tiles; k++) {
            size_t here = base + (size_t)k * tile;
            key[k] = load_cache(job->k, cache, here);
            if (cache != CACHE_Q8_0) continue;
            if (i % 32 == 0) scale[k] = load_f16((const uint8_t *)(job->k_scale + here / 32));
            key[k] = _mm512_mul_ps(key[k], scale[k]);
        }
        for (int r = 0; r < rows; r++) {
            __m512 component = _mm512_set1_ps(q[r * QUERY_STEP + i]);
            for (int k = 0; k < tiles; k++) acc[r][k] = _mm512_fmadd_ps(component, key[k], acc[r][k]);
        }
    }
    for (int r = 0; r < rows; r++)
        for (int k = 0; k < tiles; k++) _mm512_storeu_ps(scores[r] + at + 16 * k, hide(job, r, p + 16 * k, acc[r][k]));
}

// Turns a row's scores into weights relative to the new maximum and shrinks what was gathered under the old one.
INLINE void soften(const attend_job *job, int r, float *scores, int n) {
    __m512 max = _mm512_set1_ps(-INFINITY);
    for (int i = 0; i < n; i += 16) max = _mm512_max_ps(max, _mm512_loadu_ps(scores + i));
    float top = _mm512_reduce_max_ps(max);
    if (top == -INFINITY) {
        for (int i = 0; i < n; i += 16) _mm512_storeu_ps(scores + i, _mm512_setzero_ps());
        return;
    }
    if (top > job->m[r]) {
        float shrink = expf(job->m[r] - top);
        job->m[r] = top;
        job->l[r] *= shrink;
        float *acc = job->acc + (size_t)r * job->v_dim;
        for (int i = 0; i < job->v_dim; i += 16)
            _mm512_storeu_ps(acc + i, _mm512_mul_ps(_mm512_loadu_ps(acc + i), _mm512_set1_ps(shrink)));
    }
    __m512 m = _mm512_set1_ps(job->m[r]), sum = _mm512_setzero_ps();
    for (int i = 0; i < n; i += 16) {
        __m512 e = exp_ps(_mm512_sub_ps(_mm512_loadu_ps(scores + i), m));
        sum = _mm512_add_ps(sum, e);
        _mm512_storeu_ps(scores + i, e);
    }
    job->l[r] += _mm512_reduce_add_ps(sum);
}

// Adds the weighted values of n positions: `width` (1 or 2) times sixteen components from c on.
INLINE void gather_strip(const attend_job *job, int rows, int width, cache_type cache, int p, int n,
                         float (*scores)[CHUNK], int c) {
    __m512 acc[ATTEND_ROWS][2];
    size_t v_dim = (size_t)job->v_dim, at = (size_t)p * v_dim + (size_t)c;
    for (int r = 0; r < rows; r++)
        for (int k = 0; k < width; k++) acc[r][k] = _mm512_loadu_ps(job->acc + (size_t)r * v_dim + c + 16 * k);
    for (int i = 0; i < n; i++, at += v_dim) {
        __m512 v[2];
        for (int k = 0; k < width; k++) v[k] = load_cache(job->v, cache, at + 16 * (size_t)k);
        if (cache == CACHE_Q8_0) { // width is 2, and c a multiple of 32
            __m512 scale = _mm512_set1_ps(_cvtsh_ss(job->v_scale[at / 32]));
            for (int k = 0; k < width; k++) v[k] = _mm512_mul_ps(v[k], scale);
        }
        for (int r = 0; r < rows; r++) {
            __m512 weight = _mm512_set1_ps(scores[r][i]);
            for (int k = 0; k < width; k++) acc[r][k] = _mm512_fmadd_ps(weight, v[k], acc[r][k]);
        }
    }
    for (int r = 0; r < rows; r++)
        for (int k = 0; k < width; k++) _mm512_storeu_ps(job->acc + (size_t)r * v_dim + c + 16 * k, acc[r][k]);
}

INLINE void attend_rows(const attend_job *job, int rows, cache_type cache) {
    float scores[ATTEND_ROWS][CHUNK], q[ATTEND_ROWS * QUERY_STEP];
    for (int r = 0; r < rows; r++)
        for (int i = 0; i < job->head_dim; i += 16) {
            __mmask16 mask = tail_mask((size_t)(job->head_dim - i));
            __m512 v = _mm512_maskz_loadu_ps(mask, job->q[r] + i);
            _mm512_storeu_ps(q + r * QUERY_STEP + i, _mm512_mul_ps(v, _mm512_set1_ps(job->scale)));
        }
    for (int p = job->p0 / 16 * 16; p < job->p1; p += CHUNK) {
        int end = p + CHUNK < job->p1 ? p + CHUNK : job->p1, n = (end - p + 15) / 16 * 16, i = 0, c = 0;
        for (; i + 32 <= n; i += 32) score_tiles(job, q, rows, 2, cache, p + i, scores, i);
        if (i < n) score_tiles(job, q, rows, 1, cache, p + i, scores, i);
        for (int r = 0; r < rows; r++) soften(job, r, scores[r], n);
        for (; c + 32 <= job->v_dim; c += 32) gather_strip(job, rows, 2, cache, p, end - p, scores, c);
        if (c < job->v_dim) gather_strip(job, rows, 1, cache, p, end - p, scores, c);
    }
}

// The numbers of rows that are frequent get code of their own: whole pieces, and the heads that share a kv head.
INLINE void attend_cache(const attend_job *job, cache_type cache) {
    switch (job->n_rows) {
    case 1: attend_rows(job, 1, cache); break;
    case 2: attend_rows(job, 2, cache); break;
    case 3: attend_rows(job, 3, cache); break;
    case 4: attend_rows(job, 4, cache); break;
    case 7: attend_rows(job, 7, cache); break;
    case 8: attend_rows(job, 8, cache); break;
    case ATTEND_ROWS: attend_rows(job, ATTEND_ROWS, cache); break;
    default: attend_rows(job, job->n_rows, cache);
    }
}

void avx512_attend(const attend_job *job) {
    switch (job->cache) {
    case CACHE_F32: attend_rows(job, job->n_rows, CACHE_F32); break;
    case CACHE_F16: attend_cache(job, CACHE_F16); break;
    case CACHE_Q8_0: attend_cache(job, CACHE_Q8_0); break;
    }
}
#endif
