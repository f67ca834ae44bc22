// Rows written by quantize.c and read by quant.c: no weight is farther off than its format allows, and files quantised
// elsewhere are met again exactly where their own numbers are written.
#include "model/math/quantize.h"
#include "model/math/quant.h"
#include "model/model.h"
#include "tests/models.h"
#include "tests/test.h"

#include <math.h>

enum { N = 2048 };

static uint64_t state = 1;

static float uniform(void) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (float)(state >> 40) / (float)(1 << 24) * 2 - 1;
}

static float normal(void) {
    float sum = 0;
    for (int i = 0; i < 12; i++) sum += uniform();
    return sum / 2;
}

static void round_trip(tensor_type type, const float *x, float *back) {
    static uint64_t bytes[N]; // room for the largest format, aligned
    quantize_row(type, x, N, bytes);
    quant_dequantize(type, bytes, 0, N, back);
}

// How far a weight of a block from low to high may be off: half a step of the format, and the rounding of its scale.
static double allowed(tensor_type type, const float *block) {
    float low = block[0], high = block[0];
    for (int i = 0; i < 32; i++) {
        low = fminf(low, block[i]);
        high = fmaxf(high, block[i]);
    }
    double most = fmax(fabs((double)low), fabs((double)high)), range = (double)high - (double)low, step;
    switch (type) {
    case TENSOR_Q8_0: step = most / 127; break;
    case TENSOR_Q4_0: step = 2 * most / 8; break; // the largest value of the other sign is cut
    case TENSOR_Q5_0: step = 2 * most / 16; break;
    case TENSOR_Q4_1: step = range / 15; break;
    case TENSOR_Q5_1: step = range / 31; break;
    default: step = 0;
    }
    return 0.5 * step + most / 1000 + 1e-7;
}

static void test_bounds(void) {
    static const tensor_type types[] = {TENSOR_Q4_0, TENSOR_Q4_1, TENSOR_Q5_0, TENSOR_Q5_1, TENSOR_Q8_0};
    float x[N], back[N];
    for (size_t t = 0; t < sizeof types / sizeof *types; t++)
        for (int shape = 0; shape < 4; shape++) {
            for (int i = 0; i < N; i++)
                x[i] = shape == 0   ? normal()
                       : shape == 1 ? uniform() * 1e-3f
                       : shape == 2 ? 5 + normal()
                                    : -normal() * 100;
            round_trip(types[t], x, back);
            int wrong = 0;
            for (int i = 0; i < N; i++)
                wrong += !(fabs((double)(back[i] - x[i])) <= allowed(types[t], x + i / 32 * 32));
            OK(wrong == 0, "%s, shape %d: %d weights are too far off", tensor_type_name(types[t]), shape, wrong);
        }
}

static double rms(tensor_type type, const float *x) {
    float back[N];
    double sum = 0;
    round_trip(type, x, back);
    for (int i = 0; i < N; i++) sum += (double)(back[i] - x[i]) * (double)(back[i] - x[i]);
    return sqrt(sum / N);
}

// Root mean squares over normal numbers.
static void test_loss(void) {
    static const struct {
        tensor_type type;
        double most;
    } cases[] = {
        {TENSOR_F32, 0},     {TENSOR_F16, 5e-4},  {TENSOR_BF16, 4e-3}, {TENSOR_Q8_0, 0.007}, {TENSOR_Q5_1, 0.045},
        {TENSOR_Q5_0, 0.05}, {TENSOR_Q4_1, 0.09}, {TENSOR_Q4_0, 0.1},  {TENSOR_Q4_K, 0.078},
    };
    float x[N];
    for (int i = 0; i < N; i++) x[i] = normal();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        OK(rms(cases[i].type, x) <= cases[i].most, "%s: %.4f, at most %.4f", tensor_type_name(cases[i].type),
           rms(cases[i].type, x), cases[i].most);
    OK(rms(TENSOR_Q4_K, x) < rms(TENSOR_Q4_1, x), "the search of q4_K is worth its bits");
}

static void test_extremes(void) {
    static const tensor_type types[] = {TENSOR_Q4_0, TENSOR_Q4_1, TENSOR_Q5_0, TENSOR_Q5_1, TENSOR_Q8_0, TENSOR_Q4_K};
    float x[N], back[N];
    for (size_t t = 0; t < sizeof types / sizeof *types; t++) {
        const char *name = tensor_type_name(types[t]);
        int wrong = 0;
        for (int i = 0; i < N; i++) x[i] = 0;
        round_trip(types[t], x, back);
        for (int i = 0; i < N; i++) wrong += back[i] != 0;
        OK(wrong == 0, "%s: zeros stay zeros", name);
        for (int i = 0; i < N; i++) x[i] = -0.75f;
        round_trip(types[t], x, back);
        for (int i = 0; i < N; i++) wrong += !(fabsf(back[i] + 0.75f) < 0.01f);
        OK(wrong == 0, "%s: equal values stay what they are (%g)", name, (double)back[0]);
        for (int i = 0; i < N; i++) x[i] = i == 700 ? 1e-30f : i == 900 ? 3e4f : i % 7 == 0 ? 1e-12f : 0;
        round_trip(types[t], x, back);
        for (int i = 0; i < N; i++) wrong += !isfinite(back[i]);
        OK(wrong == 0 && fabsf(back[900] - 3e4f) < 600, "%s: very small and large ones (%g)", name, (double)back[900]);
        for (int i = 0; i < N; i++) x[i] = 2 + (float)(i % 16) / 16; // nothing near zero
        round_trip(types[t], x, back);
        for (int i = 0; i < N; i++) wrong += !(fabsf(back[i] - x[i]) < 0.26f);
        OK(wrong == 0, "%s: only positive values", name);
    }
}

// What a format wrote and read once comes out the same a second time, or nearly.
static void test_settles(void) {
    static const tensor_type types[] = {TENSOR_Q4_0, TENSOR_Q4_1, TENSOR_Q5_0, TENSOR_Q5_1, TENSOR_Q8_0};
    float x[N], once[N], twice[N];
    for (int i = 0; i < N; i++) x[i] = normal();
    for (size_t t = 0; t < sizeof types / sizeof *types; t++) {
        double most = 0;
        round_trip(types[t], x, once);
        round_trip(types[t], once, twice);
        for (int i = 0; i < N; i++) most = fmax(most, fabs((double)(once[i] - twice[i])));
        OK(most < 0.004, "%s: a second time is %g off", tensor_type_name(types[t]), most);
    }
}

static void test_names(void) {
    tensor_type t = TENSOR_F32;
    OK(quantize_type("q4_k", &t) && t == TENSOR_Q4_K, "letter case does not matter");
    OK(quantize_type("f16", &t) && t == TENSOR_F16, "f16");
    OK(!quantize_type("q6_K", &t) && !quantize_type("", &t) && !quantize_type("q4", &t), "others are refused");
    OK(!quantize_writes(TENSOR_Q2_K) && quantize_writes(TENSOR_BF16), "what is written");
}

// The golden files' own rows, requantised to their type.
static void test_goldens(void) {
    static const struct {
        const char *file;
        tensor_type type;
        double most; // rms over rms of the weights
    } cases[] = {
        {"quant/llama-q4_0.gguf", TENSOR_Q4_0, 0.002}, {"quant/llama-q4_1.gguf", TENSOR_Q4_1, 0.002},
        {"quant/llama-q5_0.gguf", TENSOR_Q5_0, 0.002}, {"quant/llama-q5_1.gguf", TENSOR_Q5_1, 0.002},
        {"quant/llama-q8_0.gguf", TENSOR_Q8_0, 0.002}, {"quant/llama-q4_K_M.gguf", TENSOR_Q4_K, 0.03},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *path = golden(cases[i].file);
        error err = {{0}};
        if (!path) {
            SKIP("no golden models here");
            return;
        }
        model_file *f = model_file_open(path, &err);
        const file_tensor *t = f ? model_file_tensor(f, "blk.0.ffn_gate.weight") : NULL;
        if (OK(t && t->type == cases[i].type && t->ne[0] <= N, "%s: %s", cases[i].file, err.text)) {
            float x[N], back[N];
            uint64_t bytes[N];
            double lost = 0, all = 0;
            for (int64_t r = 0; r < t->ne[1]; r++) {
                quant_dequantize(t->type, (const char *)t->data + (size_t)r * tensor_row_bytes(t->type, t->ne[0]), 0,
                                 t->ne[0], x);
                quantize_row(t->type, x, t->ne[0], bytes);
                quant_dequantize(t->type, bytes, 0, t->ne[0], back);
                for (int64_t k = 0; k < t->ne[0]; k++) {
                    lost += (double)(back[k] - x[k]) * (double)(back[k] - x[k]);
                    all += (double)x[k] * (double)x[k];
                }
            }
            OK(sqrt(lost / all) <= cases[i].most, "%s: %.5f of the weights is lost", cases[i].file, sqrt(lost / all));
        }
        model_file_close(f);
        free(path);
    }
}

int main(void) {
    test_bounds();
    test_loss();
    test_extremes();
    test_settles();
    test_names();
    test_goldens();
    return test_end();
}
