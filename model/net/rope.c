// Frequencies follow transformers' modeling_rope_utils (default, linear, llama3, yarn), calculated in float32 as there,
// because at large positions the rounding of pos * inv_freq shows.
#include "model/net/rope.h"
#include "model/math/kernels.h"

#include <math.h>

static const float two_pi = 6.283185307179586f;

// Llama 3: low frequencies are divided by the factor, high ones stay, those between are blended.
static float llama3_scaled(const net_config *c, float f) {
    float wavelength = two_pi / f, context = (float)c->rope_original_ctx;
    if (wavelength < context / c->rope_high_freq) return f;
    if (wavelength > context / c->rope_low_freq) return f / c->rope_factor;
    float blend = (context / wavelength - c->rope_low_freq) / (c->rope_high_freq - c->rope_low_freq);
    return (1 - blend) * f / c->rope_factor + blend * f;
}

// YaRN (Peng et al. 2023): the pair whose angle makes `turns` rotations over the original context.
static float yarn_pair(const net_config *c, float turns) {
    return (float)c->rope_dim * logf((float)c->rope_original_ctx / (turns * two_pi)) / (2 * logf(c->rope_theta));
}

static float yarn_scaled(const net_config *c, int i, float f) {
    float low = floorf(yarn_pair(c, c->rope_high_freq)), high = ceilf(yarn_pair(c, c->rope_low_freq));
    if (low < 0) low = 0;
    if (high > (float)c->rope_dim - 1) high = (float)c->rope_dim - 1;
    if (low == high) high += 0.001f;
    float ramp = ((float)i - low) / (high - low);
    ramp = ramp < 0 ? 0 : ramp > 1 ? 1 : ramp;
    return f / c->rope_factor * ramp + f * (1 - ramp);
}

void rope_frequencies(const net_config *c, const float *factors, float *inv_freq) {
    for (int i = 0; i < c->rope_dim / 2; i++) {
        float f = 1.0f / powf(c->rope_theta, (float)(2 * i) / (float)c->rope_dim);
        switch (c->rope_scale) {
        case ROPE_PLAIN: break;
        case ROPE_LINEAR: f /= c->rope_factor; break;
        case ROPE_LLAMA3: f = llama3_scaled(c, f); break;
        case ROPE_YARN: f = yarn_scaled(c, i, f); break;
        }
        inv_freq[i] = factors ? f / factors[i] : f;
    }
}

void rope_angles(const net_config *c, const float *inv_freq, int position, float *cos_out, float *sin_out) {
    float gain = c->rope_scale == ROPE_YARN ? c->rope_attn_factor : 1.0f;
    for (int i = 0; i < c->rope_dim / 2; i++) {
        float angle = (float)position * inv_freq[i];
        cos_out[i] = cosf(angle) * gain;
        sin_out[i] = sinf(angle) * gain;
    }
}

void rope_turn(const net_config *c, const float *cos_in, const float *sin_in, float *head) {
    kernels_get()->turn(head, cos_in, sin_in, c->rope_dim / 2, c->rope_neox);
}

// Powers of 2^(-max_bias / n) for the largest power of two n that fits; further heads take the odd powers of its root.
void alibi_slopes(const net_config *c, float *slopes) {
    int n = 1;
    while (2 * n <= c->n_heads) n *= 2;
    for (int h = 0; h < c->n_heads; h++) {
        float power = h < n ? (float)(h + 1) / (float)n : (float)(2 * (h - n) + 1) / (float)(2 * n);
        slopes[h] = powf(2.0f, -power * c->alibi_max_bias) * (c->alibi_scaled ? c->attn_scale : 1);
    }
}
