// Selection by block maxima and three-way quickselect.
#include "model/gen/top.h"

#include <math.h>
#include <string.h>

enum { LANES = 16 };

size_t top_n_blocks(size_t n) {
    return (n + TOP_BLOCK - 1) / TOP_BLOCK;
}

static float max_of_few(const float *x, size_t n) {
    float max = -INFINITY;
    for (size_t i = 0; i < n; i++) max = x[i] > max ? x[i] : max;
    return max;
}

static float max_of_block(const float *x) {
    float lane[LANES];
    for (int j = 0; j < LANES; j++) lane[j] = -INFINITY;
    for (int i = 0; i < TOP_BLOCK; i += LANES)
        for (int j = 0; j < LANES; j++) lane[j] = x[i + j] > lane[j] ? x[i + j] : lane[j];
    return max_of_few(lane, LANES);
}

float top_max(const float *x, size_t n) {
    float max = -INFINITY;
    for (; n >= TOP_BLOCK; n -= TOP_BLOCK, x += TOP_BLOCK) {
        float most = max_of_block(x);
        max = most > max ? most : max;
    }
    float most = max_of_few(x, n);
    return most > max ? most : max;
}

void top_maxima(const float *x, size_t n, float *maxima) {
    size_t whole = n / TOP_BLOCK;
    for (size_t b = 0; b < whole; b++) maxima[b] = max_of_block(x + b * TOP_BLOCK);
    if (n % TOP_BLOCK) maxima[whole] = max_of_few(x + whole * TOP_BLOCK, n % TOP_BLOCK);
}

static void swap(float *a, float *b) {
    float t = *a;
    *a = *b;
    *b = t;
}

static float median(float a, float b, float c) {
    if (a > b) swap(&a, &b);
    return c < a ? a : c > b ? b : c;
}

// The k-th largest of v (n, no NaN), k in 1..n; v is reordered.
static float kth(float *v, size_t n, size_t k) {
    size_t lo = 0, hi = n, want = k - 1;
    for (;;) {
        // v[lo..above) > pivot, v[above..i) == pivot, v[below..hi) < pivot
        float pivot = median(v[lo], v[lo + (hi - lo) / 2], v[hi - 1]);
        size_t above = lo, below = hi;
        for (size_t i = lo; i < below;) {
            if (v[i] > pivot)
                swap(&v[i++], &v[above++]);
            else if (v[i] < pivot)
                swap(&v[i], &v[--below]);
            else
                i++;
        }
        if (want < above)
            hi = above;
        else if (want < below)
            return pivot;
        else
            lo = below;
    }
}

float top_kth(const float *x, size_t n, const float *maxima, size_t k, float *scratch) {
    size_t n_blocks = top_n_blocks(n), found = 0;
    float bound = -INFINITY;
    if (k <= n_blocks) {
        memcpy(scratch, maxima, n_blocks * sizeof *scratch);
        bound = kth(scratch, n_blocks, k);
    }
    for (size_t b = 0; b < n_blocks; b++) {
        if (maxima[b] < bound) continue;
        size_t end = (b + 1) * TOP_BLOCK < n ? (b + 1) * TOP_BLOCK : n;
        for (size_t i = b * TOP_BLOCK; i < end; i++)
            if (x[i] >= bound) scratch[found++] = x[i];
    }
    return k <= found ? kth(scratch, found, k) : -INFINITY;
}

size_t top_places(const float *x, size_t n, const float *maxima, size_t k, float *scratch, int32_t *out) {
    if (k > n) k = n;
    if (k == 0) return 0;
    float bound = top_kth(x, n, maxima, k, scratch);
    size_t found = 0, n_blocks = top_n_blocks(n);
    for (size_t b = 0; b < n_blocks; b++) {
        if (maxima[b] < bound) continue;
        size_t end = (b + 1) * TOP_BLOCK < n ? (b + 1) * TOP_BLOCK : n;
        for (size_t i = b * TOP_BLOCK; i < end; i++) {
            if (!(x[i] >= bound) || x[i] == -INFINITY || (found == k && !(x[i] > x[out[k - 1]]))) continue;
            size_t at = found < k ? found++ : k - 1;
            for (; at > 0 && x[out[at - 1]] < x[i]; at--) out[at] = out[at - 1];
            out[at] = (int32_t)i;
        }
    }
    return found;
}
