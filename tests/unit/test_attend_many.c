// Attention of many queries in 16-bit integers against the plain attention of each.
#include "model/math/half.h"
#include "model/math/kernels.h"
#include "tests/test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { POSITIONS = 400, MOST = 384 };

static uint32_t seed = 777;

static float random_float(void) {
    seed ^= seed << 13;
    seed ^= seed >> 17;
    seed ^= seed << 5;
    return (float)(seed % 20001) / 10000.0f - 1.0f;
}

typedef struct scene {
    attend_job at;
    void *keys, *values;
    uint16_t *k_scale, *v_scale;
    float *q, *out; // (MOST, group, head_dim)
} scene;

// Positions from `n` on hold what should never be looked at: in a cache of floats no numbers at all. Some keys are large in
// one component, some values are very small, as those of the first position of a text often are.
static scene make_scene(cache_type cache, int head_dim, int group, int n) {
    size_t dim = (size_t)head_dim, count = POSITIONS * dim, rows = (size_t)MOST * (size_t)group * dim;
    scene s = {.keys = mem_calloc(count, 2),
               .values = mem_calloc(count, 2),
               .k_scale = mem_calloc(count / 32, 2),
               .v_scale = mem_calloc(count / 32, 2),
               .q = mem_calloc(rows, sizeof(float)),
               .out = mem_calloc(rows, sizeof(float))};
    for (size_t p = 0; p < POSITIONS; p++)
        for (size_t i = 0; i < dim; i++) {
            size_t key = p / 16 * 16 * dim + i * 16 + p % 16, value = p * dim + i;
            float x = random_float() * (i == 5 ? 8 : 1), y = random_float() * (p % 7 == 0 ? 1e-4f : p % 3 == 0 ? 5 : 1);
            if (cache == CACHE_F16) {
                ((uint16_t *)s.keys)[key] = p < (size_t)n ? f32_to_f16(x) : 0x7e00;
                ((uint16_t *)s.values)[value] = p < (size_t)n ? f32_to_f16(y) : 0x7e00;
            } else {
                ((int8_t *)s.keys)[key] = (int8_t)(127 * random_float());
                ((int8_t *)s.values)[value] = (int8_t)(127 * random_float());
            }
        }
    for (size_t i = 0; i < count / 32; i++) {
        s.k_scale[i] = f32_to_f16((random_float() + 1.5f) / 127);
        s.v_scale[i] = f32_to_f16((random_float() + 1.5f) / 127);
    }
    for (size_t i = 0; i < rows; i++) s.q[i] = random_float() * 2;
    s.at = (attend_job){.head_dim = head_dim,
                        .v_dim = head_dim,
                        .k = s.keys,
                        .v = s.values,
                        .cache = cache,
                        .k_scale = s.k_scale,
                        .v_scale = s.v_scale,
                        .scale = 0.3f};
    return s;
}

static void close_scene(scene *s) {
    free(s->keys), free(s->values), free(s->k_scale), free(s->v_scale), free(s->q), free(s->out);
}

// Row r of `group` at position t, alone.
static void attend_alone(const scene *s, int group, int t, int position, int window, int h, float *out) {
    float m = -INFINITY, l = 0;
    int dim = s->at.head_dim;
    attend_job job = s->at;
    job.n_rows = 1;
    job.q[0] = s->q + (size_t)(t * group + h) * (size_t)dim;
    job.last[0] = position;
    job.first[0] = window > 0 && position >= window ? position - window + 1 : 0;
    job.p1 = position + 1;
    job.m = &m;
    job.l = &l;
    job.acc = out;
    memset(out, 0, (size_t)dim * sizeof *out);
    kernels_ref.attend(&job);
    for (int i = 0; i < dim; i++) out[i] /= l;
}

static void attend(const kernels *k, const scene *s, int group, int t, int n, int position, int window, float *out,
                   void *scratch) {
    size_t ld = (size_t)group * (size_t)s->at.head_dim;
    attend_queries job = {n, group, position + t, window, s->q + (size_t)t * ld, ld, out + (size_t)t * ld, ld};
    k->attend_many(&s->at, &job, scratch);
}

// n positions from `position` on: what they get, and that it is the same in pieces, bit for bit.
static void test_many(const kernels *k, cache_type cache, int head_dim, int group, int position, int n, int window) {
    scene s = make_scene(cache, head_dim, group, position + n);
    size_t row = (size_t)head_dim, rows = (size_t)n * (size_t)group;
    void *scratch = aligned_alloc(64, ATTEND_MANY_SCRATCH);
    float *want = mem_calloc(row, sizeof *want), *pieces = mem_calloc(rows * row, sizeof *pieces);
    memset(scratch, 0xff, ATTEND_MANY_SCRATCH);
    attend(k, &s, group, 0, n, position, window, s.out, scratch);
    double off = 0;
    for (int r = 0; r < n * group; r++) {
        attend_alone(&s, group, r / group, position + r / group, window, r % group, want);
        for (size_t i = 0; i < row; i++) off = fmax(off, fabs((double)(s.out[(size_t)r * row + i] - want[i])));
    }
    OK(off < 0.01, "%s, head_dim %d, %d heads, positions %d..%d, window %d: off by %g", k->name, head_dim, group,
       position, position + n - 1, window, off);
    for (int t = 0, step = 1; t < n; t += step, step = step % 5 + 2)
        attend(k, &s, group, t, t + step < n ? step : n - t, position, window, pieces, scratch);
    OK(memcmp(pieces, s.out, rows * row * sizeof *pieces) == 0, "%s, head_dim %d, position %d: the same in pieces",
       k->name, head_dim, position);
    free(scratch), free(want), free(pieces);
    close_scene(&s);
}

int main(void) {
    const kernels *all[8];
    int n = kernels_all(all, 8), tried = 0;
    for (int i = 0; i < n; i++) {
        if (!all[i]->attend_many) continue;
        tried++;
        for (cache_type cache = CACHE_F16; cache <= CACHE_Q8_0; cache++) {
            test_many(all[i], cache, 64, 3, 0, 64, 0);
            test_many(all[i], cache, 64, 3, 301, 64, 0);
            test_many(all[i], cache, 64, 1, 100, 192, 0);
            test_many(all[i], cache, 32, 8, 127, 24, 0);
            test_many(all[i], cache, 128, 2, 250, 96, 33);
            test_many(all[i], cache, 96, 71, 300, 2, 200);
            test_many(all[i], cache, 256, 5, 0, 3, 0);
        }
    }
    if (!tried) SKIP("no kernels for many queries on this processor");
    return test_end();
}
