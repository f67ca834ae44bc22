#include "model/net/kv.h"

#include <string.h>

static size_t element_bytes(cache_type type) {
    return type == CACHE_F32 ? sizeof(float) : type == CACHE_F16 ? sizeof(uint16_t) : sizeof(int8_t);
}

kv kv_plan(const net_config *g, cache_type type, int n_ctx) {
    kv c = {.type = type, .n_layers = g->n_layers, .n_heads = g->n_kv_heads, .head_dim = g->head_dim};
    c.v_dim = (g->head_dim + 15) / 16 * 16;
    c.positions = (n_ctx + 15) / 16 * 16;
    size_t element = element_bytes(type), blocks = (size_t)c.n_layers * (size_t)c.n_heads;
    c.part[KV_KEYS].each = (size_t)c.head_dim * element;
    c.part[KV_VALUES].each = (size_t)c.v_dim * element;
    if (type == CACHE_Q8_0)
        c.part[KV_KEY_SCALES].each = c.part[KV_VALUE_SCALES].each = (size_t)c.head_dim / 32 * sizeof(uint16_t);
    for (int p = 0; p < KV_PARTS; p++) {
        c.part[p].block = c.part[p].each * (size_t)c.positions;
        c.bytes += c.part[p].block * blocks;
    }
    return c;
}

int kv_open(kv *c) {
    char *data = mem_alloc_big(c->bytes);
    if (!data) return -1;
    for (int p = 0; p < KV_PARTS; p++) {
        c->part[p].data = data;
        data += c->part[p].block * (size_t)c->n_layers * (size_t)c->n_heads;
    }
    return 0;
}

void kv_close(kv *c) {
    mem_free_big(c->part[0].data, c->bytes);
    c->part[0].data = NULL;
}

char *kv_block(const kv *c, int part, int b) {
    return c->part[part].data + (size_t)b * c->part[part].block;
}

size_t kv_block_bytes(const kv *c, int part, int n) {
    return c->part[part].each * (size_t)((n + 15) / 16 * 16);
}

void kv_copy(kv *to, const kv *from, int n) {
    for (int p = 0; p < KV_PARTS; p++)
        for (int b = 0; b < from->n_layers * from->n_heads; b++)
            memcpy(kv_block(to, p, b), kv_block(from, p, b), kv_block_bytes(from, p, n));
}

static void put_f32(const kv *c, int b, int position, const float *key, const float *value) {
    size_t n = (size_t)c->head_dim, tile = (size_t)(position / 16) * n * 16 + (size_t)(position % 16);
    float *keys = (float *)(void *)kv_block(c, KV_KEYS, b) + tile;
    for (size_t i = 0; i < n; i++) keys[16 * i] = key[i];
    memcpy((float *)(void *)kv_block(c, KV_VALUES, b) + (size_t)position * (size_t)c->v_dim, value, n * sizeof *value);
}

static void put_f16(const kv *c, const kernels *k, int b, int position, const float *key, const float *value) {
    size_t n = (size_t)c->head_dim, tile = (size_t)(position / 16) * n * 16 + (size_t)(position % 16);
    uint16_t half[ATTEND_MAX_HEAD_DIM], *keys = (uint16_t *)(void *)kv_block(c, KV_KEYS, b) + tile;
    k->f32_to_f16(key, n, half);
    for (size_t i = 0; i < n; i++) keys[16 * i] = half[i];
    k->f32_to_f16(value, n, (uint16_t *)(void *)kv_block(c, KV_VALUES, b) + (size_t)position * (size_t)c->v_dim);
}

static void put_q8(const kv *c, const kernels *k, int b, int position, const float *key, const float *value) {
    size_t n = (size_t)c->head_dim, units = n / QUANT_UNIT, at = (size_t)position;
    int8_t q[ATTEND_MAX_HEAD_DIM], *keys = (int8_t *)kv_block(c, KV_KEYS, b) + at / 16 * n * 16 + at % 16;
    float d[ATTEND_MAX_HEAD_DIM / QUANT_UNIT], sum[ATTEND_MAX_HEAD_DIM / 16];
    uint16_t *scales = (uint16_t *)(void *)kv_block(c, KV_KEY_SCALES, b) + at / 16 * units * 16 + at % 16;
    k->quantize(key, c->head_dim, q, d, sum);
    for (size_t i = 0; i < n; i++) keys[16 * i] = q[i];
    for (size_t i = 0; i < units; i++) k->f32_to_f16(d + i, 1, scales + 16 * i);
    k->quantize(value, c->head_dim, (int8_t *)kv_block(c, KV_VALUES, b) + at * n, d, sum);
    k->f32_to_f16(d, units, (uint16_t *)(void *)kv_block(c, KV_VALUE_SCALES, b) + at * units);
}

void kv_put(const kv *c, const kernels *k, int layer, int position, const float *key, const float *value) {
    for (int h = 0; h < c->n_heads; h++, key += c->head_dim, value += c->head_dim) {
        int b = layer * c->n_heads + h;
        switch (c->type) {
        case CACHE_F32: put_f32(c, b, position, key, value); break;
        case CACHE_F16: put_f16(c, k, b, position, key, value); break;
        case CACHE_Q8_0: put_q8(c, k, b, position, key, value); break;
        }
    }
}

void kv_show(const kv *c, int layer, int head, attend_job *job) {
    int b = layer * c->n_heads + head;
    job->cache = c->type;
    job->head_dim = c->head_dim;
    job->v_dim = c->v_dim;
    job->k = kv_block(c, KV_KEYS, b);
    job->v = kv_block(c, KV_VALUES, b);
    job->k_scale = (const uint16_t *)(const void *)kv_block(c, KV_KEY_SCALES, b);
    job->v_scale = (const uint16_t *)(const void *)kv_block(c, KV_VALUE_SCALES, b);
}
