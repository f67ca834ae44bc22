// Attention for AVX2 (attend_job in kernels.h): scores of a chunk of positions for all queries, softmax, weighted values.
#include "model/math/avx2.h"

#if defined(__AVX2__)

enum { CHUNK = 256 }; // positions whose scores are held at once

// Eight numbers of a cache; those of CACHE_Q8_0 are still to be scaled.
INLINE __m256 load_cache(const void *base, cache_type cache, size_t i) {
    if (cache == CACHE_F32) return _mm256_loadu_ps((const float *)base + i);
    if (cache == CACHE_F16) return load_f16((const uint8_t *)base + 2 * i);
    return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)((const int8_t *)base + i))));
}

// Queries lie so many floats apart: no power of two, which would crowd them into a few sets of the first cache.
enum { QUERY_STEP = ATTEND_MAX_HEAD_DIM + 16 };

// The score of row r at positions p .. p + 7: what the row may not see becomes -inf.
INLINE __m256 hide(const attend_job *job, int r, int p, __m256 v) {
    int first = job->first[r] > job->p0 ? job->first[r] : job->p0;
    int last = job->last[r] < job->p1 - 1 ? job->last[r] : job->p1 - 1;
    if (first <= p && p + 7 <= last && job->slope[r] == 0) return v;
    __m256i index = _mm256_add_epi32(_mm256_set1_epi32(p), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
    __m256 distance = _mm256_cvtepi32_ps(_mm256_sub_epi32(index, _mm256_set1_epi32(job->last[r])));
    v = _mm256_fmadd_ps(distance, _mm256_set1_ps(job->slope[r]), v);
    __m256i hidden = _mm256_or_si256(_mm256_cmpgt_epi32(_mm256_set1_epi32(first), index),
                                     _mm256_cmpgt_epi32(index, _mm256_set1_epi32(last)));
    return _mm256_blendv_ps(v, _mm256_set1_ps(-INFINITY), _mm256_castsi256_ps(hidden));
}

// Scores of eight positions (p is a multiple of 8) for every row.
INLINE void score_strip(const attend_job *job, const float *q, int rows, cache_type cache, int p,
                        float (*scores)[CHUNK], int at) {
    __m256 acc[ATTEND_ROWS], scale = _mm256_setzero_ps();
    for (int r = 0; r < rows; r++) acc[r] = _mm256_setzero_ps();
    size_t base = (size_t)(p / 16) * (size_t)job->head_dim * 16 + (size_t)(p % 16);
    const uint16_t *scales = job->k_scale;
    if (cache == CACHE_Q8_0) scales += (size_t)(p / 16) * (size_t)(job->head_dim / 2) + (size_t)(p % 16);
    for (int i = 0; i < job->head_dim; i++) {
        __m256 k = load_cache(job->k, cache, base + (size_t)i * 16);
        if (cache == CACHE_Q8_0 && i % 32 == 0) scale = load_f16((const uint8_t *)(scales + i / 2));
        if (cache == CACHE_Q8_0) k = _mm256_mul_ps(k, scale);
        for (int r = 0; r < rows; r++) acc[r] = _mm256_fmadd_ps(_mm256_set1_ps(q[r * QUERY_STEP + i]), k, acc[r]);
    }
    for (int r = 0; r < rows; r++) _mm256_storeu_ps(scores[r] + at, hide(job, r, p, acc[r]));
}

// Turns a row's scores into weights relative to the new maximum and shrinks what was gathered under the old one.
INLINE void soften(const attend_job *job, int r, float *scores, int n) {
    __m256 max = _mm256_set1_ps(-INFINITY);
    for (int i = 0; i < n; i += 8) max = _mm256_max_ps(max, _mm256_loadu_ps(scores + i));
    float top = max_ps(max);
    if (top == -INFINITY) {
        for (int i = 0; i < n; i += 8) _mm256_storeu_ps(scores + i, _mm256_setzero_ps());
        return;
    }
    if (top > job->m[r]) {
        float shrink = expf(job->m[r] - top), *acc = job->acc + (size_t)r * (size_t)job->v_dim;
        job->m[r] = top;
        job->l[r] *= shrink;
        for (int i = 0; i < job->v_dim; i += 8)
            _mm256_storeu_ps(acc + i, _mm256_mul_ps(_mm256_loadu_ps(acc + i), _mm256_set1_ps(shrink)));
    }
    __m256 m = _mm256_set1_ps(job->m[r]), sum = _mm256_setzero_ps();
    for (int i = 0; i < n; i += 8) {
        __m256 e = exp_ps(_mm256_sub_ps(_mm256_loadu_ps(scores + i), m));
        sum = _mm256_add_ps(sum, e);
        _mm256_storeu_ps(scores + i, e);
    }
    job->l[r] += sum_ps(sum);
}

INLINE void gather_values(const attend_job *job, int rows, cache_type cache, int p, int n, float (*scores)[CHUNK]) {
    for (int c = 0; c < job->v_dim; c += 8) {
        __m256 acc[ATTEND_ROWS];
        for (int r = 0; r < rows; r++) acc[r] = _mm256_loadu_ps(job->acc + (size_t)r * (size_t)job->v_dim + c);
        for (int i = 0; i < n; i++) {
            size_t at = (size_t)(p + i) * (size_t)job->v_dim + (size_t)c;
            __m256 v = load_cache(job->v, cache, at);
            if (cache == CACHE_Q8_0) v = _mm256_mul_ps(v, _mm256_set1_ps(_cvtsh_ss(job->v_scale[at / 32])));
            for (int r = 0; r < rows; r++) acc[r] = _mm256_fmadd_ps(_mm256_set1_ps(scores[r][i]), v, acc[r]);
        }
        for (int r = 0; r < rows; r++) _mm256_storeu_ps(job->acc + (size_t)r * (size_t)job->v_dim + c, acc[r]);
    }
}

INLINE void attend_rows(const attend_job *job, int rows, cache_type cache) {
    float scores[ATTEND_ROWS][CHUNK], q[ATTEND_ROWS * QUERY_STEP];
    for (int r = 0; r < rows; r++)
        for (int i = 0; i < job->head_dim; i += 8) {
            __m256 v = load_as_float(job->q[r], F32, (size_t)i, job->head_dim - i);
            _mm256_storeu_ps(q + r * QUERY_STEP + i, _mm256_mul_ps(v, _mm256_set1_ps(job->scale)));
        }
    for (int p = job->p0 / 16 * 16; p < job->p1; p += CHUNK) {
        int end = p + CHUNK < job->p1 ? p + CHUNK : job->p1, n = (end - p + 15) / 16 * 16;
        for (int i = 0; i < n; i += 8) score_strip(job, q, rows, cache, p + i, scores, i);
        for (int r = 0; r < rows; r++) soften(job, r, scores[r], n);
        gather_values(job, rows, cache, p, end - p, scores);
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

void avx2_attend(const attend_job *job) {
    switch (job->cache) {
    case CACHE_F32: attend_rows(job, job->n_rows, CACHE_F32); break;
    case CACHE_F16: attend_cache(job, CACHE_F16); break;
    case CACHE_Q8_0: attend_cache(job, CACHE_Q8_0); break;
    }
}
#endif
