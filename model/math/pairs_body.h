// Bringing both factors into pairs, with AVX-512; the same for fp16 and bf16. A file that includes this has defined
// before:
//   halves(x)       sixteen floats as sixteen 16-bit numbers
//   exponent_of(x)  the power of two that x is to be divided by, as its logarithm, when x is the largest of a row
//   SCALED          whether there is such a thing
#define INLINE static inline __attribute__((always_inline))

INLINE __mmask16 tail_mask(int left) {
    return left >= 16 ? 0xffff : left <= 0 ? 0 : (__mmask16)((1u << left) - 1);
}

// Neighbours: numbers of `low` in front of those of `high`.
INLINE __m512i interleaved(__m256i low, __m256i high) {
    return _mm512_or_si512(_mm512_cvtepu16_epi32(low), _mm512_slli_epi32(_mm512_cvtepu16_epi32(high), 16));
}

// x * by, where numbers are scaled at all.
INLINE __m512 scaled(__m512 x, __m512 by) {
    return SCALED ? _mm512_mul_ps(x, by) : x;
}

INLINE __m512 power_of_two(__m512 exponent) {
    return _mm512_scalef_ps(_mm512_set1_ps(1), exponent);
}

// What takes a number down by that power.
INLINE __m512 inverse_power(__m512 exponent) {
    return power_of_two(_mm512_sub_ps(_mm512_setzero_ps(), exponent));
}

// Several maxima side by side: one would wait for each of its own steps.
static __m512 row_exponent(const float *x, int n, float most) {
    __m512 max[4] = {_mm512_setzero_ps(), _mm512_setzero_ps(), _mm512_setzero_ps(), _mm512_setzero_ps()};
    int i = 0;
    if (!SCALED) return exponent_of(max[0], most);
    for (; i + 64 <= n; i += 64)
        for (int v = 0; v < 4; v++) max[v] = _mm512_max_ps(max[v], _mm512_abs_ps(_mm512_loadu_ps(x + i + 16 * v)));
    for (; i < n; i += 16)
        max[0] = _mm512_max_ps(max[0], _mm512_abs_ps(_mm512_maskz_loadu_ps(tail_mask(n - i), x + i)));
    max[0] = _mm512_max_ps(_mm512_max_ps(max[0], max[1]), _mm512_max_ps(max[2], max[3]));
    return exponent_of(_mm512_set1_ps(_mm512_reduce_max_ps(max[0])), most);
}

static void rows_avx512(const float *x, size_t ld, int rows, int cols, uint16_t *out, float *scale) {
    int even = cols + cols % 2;
    for (int r = 0; r < rows; r++, x += ld, out += even) {
        __m512 exponent = row_exponent(x, cols, LEFT_MOST), down = inverse_power(exponent);
        int i = 0;
        scale[r] = _mm512_cvtss_f32(power_of_two(exponent));
        for (; i + 16 <= cols; i += 16)
            _mm256_storeu_si256((__m256i *)(out + i), halves(scaled(_mm512_loadu_ps(x + i), down)));
        if (i == even) continue;
        __m512 v = _mm512_maskz_loadu_ps(tail_mask(cols - i), x + i);
        _mm256_mask_storeu_epi16(out + i, tail_mask(even - i), halves(scaled(v, down)));
    }
}

// ---- pairs of rows ----

// Where columns go, two vectors of sixteen at a time: their scales, and their numbers, with `pitch` numbers from one pair
// of rows to the next; the next two vectors have theirs scale_step and step further on.
typedef struct column_places {
    float *scale;
    size_t scale_step;
    uint16_t *out;
    size_t step, pitch;
} column_places;

INLINE __m512i pair16(__m512 low, __m512 high, __m512 down) {
    return interleaved(halves(scaled(low, down)), halves(scaled(high, down)));
}

// n columns of x, `vectors` vectors at most, which are all written where `rounded`. Columns are read twice, and many side by
// side: a few of each row would crowd into few sets of the nearest cache. Whole vectors, when n is a constant, need no mask.
INLINE void pair_columns(int vectors, int n, const float *x, size_t ld, int rows, float most, bool rounded,
                         column_places to) {
    __m512 down[8];
    for (int v = 0; v < vectors; v++) down[v] = _mm512_setzero_ps();
    for (int r = 0; SCALED && r < rows; r++)
        for (int v = 0; v < vectors; v++) {
            __m512 a = _mm512_maskz_loadu_ps(tail_mask(n - 16 * v), x + (size_t)r * ld + 16 * v);
            down[v] = _mm512_max_ps(down[v], _mm512_abs_ps(a));
        }
    for (int v = 0; v < vectors; v++) {
        __m512 exponent = exponent_of(down[v], most);
        float *scale = to.scale + (size_t)(v / 2) * to.scale_step + 16 * (v % 2);
        _mm512_mask_storeu_ps(scale, rounded ? 0xffff : tail_mask(n - 16 * v), power_of_two(exponent));
        down[v] = inverse_power(exponent);
    }
    for (int r = 0; r < rows; r += 2, x += 2 * ld, to.out += to.pitch)
        for (int v = 0; v < vectors; v++) {
            __mmask16 mask = tail_mask(n - 16 * v);
            __m512 a = _mm512_maskz_loadu_ps(mask, x + 16 * v), b = _mm512_setzero_ps();
            if (r + 1 < rows) b = _mm512_maskz_loadu_ps(mask, x + ld + 16 * v);
            _mm512_mask_storeu_epi32(to.out + (size_t)(v / 2) * to.step + 32 * (v % 2), rounded ? 0xffff : mask,
                                     pair16(a, b, down[v]));
        }
}

static void columns_avx512(const float *x, size_t ld, int rows, int cols, size_t step, uint16_t *out, float *scale) {
    column_places to = {scale, 32, out, 64, 2 * step};
    int i = 0;
    for (; i + 96 <= cols; i += 96, to.scale += 96, to.out += 192)
        pair_columns(6, 96, x + i, ld, rows, LEFT_MOST, false, to);
    for (; i + 32 <= cols; i += 32, to.scale += 32, to.out += 64)
        pair_columns(2, 32, x + i, ld, rows, LEFT_MOST, false, to);
    if (i < cols) pair_columns(2, cols - i, x + i, ld, rows, LEFT_MOST, false, to);
}

static void panels_avx512(const float *x, size_t ld, int k, int n, size_t size, uint16_t *out) {
    column_places to = {(float *)out, size / 2, out + 2 * PAIRS_COLUMNS, size, 2 * PAIRS_COLUMNS};
    int i = 0;
    for (; i + 128 <= n; i += 128, to.scale += 2 * size, to.out += 4 * size)
        pair_columns(8, 128, x + i, ld, k, RIGHT_MOST, true, to);
    for (; i + 32 <= n; i += 32, to.scale += size / 2, to.out += size)
        pair_columns(2, 32, x + i, ld, k, RIGHT_MOST, true, to);
    if (i < n) pair_columns(2, n - i, x + i, ld, k, RIGHT_MOST, true, to);
}

// Transposes sixteen rows of sixteen words.
INLINE void transpose16(__m512i r[16]) {
    __m512i t[16];
    for (int i = 0; i < 16; i += 2) {
        t[i] = _mm512_unpacklo_epi32(r[i], r[i + 1]);
        t[i + 1] = _mm512_unpackhi_epi32(r[i], r[i + 1]);
    }
    for (int i = 0; i < 16; i += 4)
        for (int k = 0; k < 2; k++) {
            r[i + 2 * k] = _mm512_unpacklo_epi64(t[i + k], t[i + 2 + k]);
            r[i + 2 * k + 1] = _mm512_unpackhi_epi64(t[i + k], t[i + 2 + k]);
        }
    // r[4 a + c]: words of rows 4a .. 4a + 3 in column c of every 128-bit quarter.
    for (int c = 0; c < 4; c++) {
        __m512i p = _mm512_shuffle_i32x4(r[c], r[4 + c], 0x88), q = _mm512_shuffle_i32x4(r[c], r[4 + c], 0xdd);
        __m512i u = _mm512_shuffle_i32x4(r[8 + c], r[12 + c], 0x88),
                v = _mm512_shuffle_i32x4(r[8 + c], r[12 + c], 0xdd);
        t[c] = _mm512_shuffle_i32x4(p, u, 0x88);
        t[8 + c] = _mm512_shuffle_i32x4(p, u, 0xdd);
        t[4 + c] = _mm512_shuffle_i32x4(q, v, 0x88);
        t[12 + c] = _mm512_shuffle_i32x4(q, v, 0xdd);
    }
    for (int i = 0; i < 16; i++) r[i] = t[i];
}

static void panel_transposed_avx512(const float *x, size_t ld, int k, int n, uint16_t *out) {
    float *scale = (float *)out;
    out += 2 * PAIRS_COLUMNS;
    for (int half = 0; half < 2; half++) {
        __m512 down[16];
        for (int j = 0; j < 16; j++) {
            int row = 16 * half + j;
            __m512 exponent = row_exponent(x + (size_t)(row < n ? row : 0) * ld, row < n ? k : 0, RIGHT_MOST);
            down[j] = inverse_power(exponent);
            scale[row] = _mm512_cvtss_f32(power_of_two(exponent));
        }
        for (int i = 0; i < k; i += 32) {
            __mmask16 low = tail_mask(k - i), high = tail_mask(k - i - 16);
            __m512i r[16];
            for (int j = 0; j < 16; j++) {
                int row = 16 * half + j;
                r[j] = _mm512_setzero_si512();
                if (row >= n) continue;
                const float *from = x + (size_t)row * ld + i;
                __m512 a = _mm512_maskz_loadu_ps(low, from), b = _mm512_setzero_ps();
                if (high) b = _mm512_maskz_loadu_ps(high, from + 16);
                r[j] = _mm512_inserti64x4(_mm512_castsi256_si512(halves(scaled(a, down[j]))),
                                          halves(scaled(b, down[j])), 1);
            }
            transpose16(r);
            for (int j = 0; j < 16 && i + 2 * j < k; j++)
                _mm512_storeu_si512(out + (size_t)(i / 2 + j) * 2 * PAIRS_COLUMNS + 32 * half, r[j]);
        }
    }
}

// ---- products ----

INLINE int32_t pair_at(const uint16_t *p) {
    int32_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

// m rows of c, k from one end of the panel's numbers to the other; `scales` are those of its columns.
INLINE void multiply_tile(int m, int n, int k, pairs_left a, const float *scales, const uint16_t *panel, bool add,
                          float *c, size_t ldc);

#define TILE(rows)                                                                                                     \
    case rows: multiply_tile(rows, n, k, a, scales, panel, add, c, ldc); break;

// The inner tile is 12 rows by 32 columns: 24 sums, two vectors of the panel and a broadcast pair fill the registers;
// each broadcast serves two products. Rows that are no multiple of 12 are dealt out evenly: a tile of a few rows would
// take almost as long as one of twelve.
static void multiply_rows(int m, int n, int k, pairs_left a, const float *scales, const uint16_t *panel, bool add,
                          float *c, size_t ldc) {
    for (int tiles = (m + PAIRS_ROWS - 1) / PAIRS_ROWS, rows; tiles > 0; tiles--, m -= rows) {
        rows = (m + tiles - 1) / tiles;
        switch (rows) { // each number of rows is code of its own, with its sums in registers
            TILE(12)
            TILE(11)
            TILE(10)
            TILE(9)
            TILE(8)
            TILE(7)
            TILE(6)
            TILE(5)
            TILE(4)
            TILE(3)
            TILE(2)
            TILE(1)
        }
        a.data += 2 * (size_t)rows * a.row_step;
        a.scale += rows;
        c += (size_t)rows * ldc;
    }
}

// So much of a panel at a time that it stays in the second cache from tile to tile.
static void multiply_avx512(int m, int n, int k, pairs_left a, const uint16_t *panel, bool add, float *c, size_t ldc) {
    enum { DEPTH = 16 * PAIRS_CHAIN };
    const float *scales = (const float *)panel;
    panel += 2 * PAIRS_COLUMNS;
    for (int j = 0; j < k; j += DEPTH, panel += DEPTH * PAIRS_COLUMNS) {
        multiply_rows(m, n, k - j < DEPTH ? k - j : DEPTH, a, scales, panel, add || j > 0, c, ldc);
        a.data += DEPTH * a.pair_step;
    }
}
