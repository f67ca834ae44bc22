// The KV cache of one sequence: keys and values of every layer and kv head, in one allocation.
//
// It consists of parts. In each part every (layer, kv head) has a block of its own, in which positions follow each other
// in groups of sixteen, so that the first n positions are the first bytes of every block:
//     keys          (positions / 16, head_dim, 16): sixteen positions side by side
//     values        (positions, v_dim), v_dim: head_dim rounded up to 16
//     key scales    CACHE_Q8_0: f16 (positions / 16, head_dim / 32, 16)
//     value scales  CACHE_Q8_0: f16 (positions, v_dim / 32)
#ifndef DOPPEL_NET_KV_H
#define DOPPEL_NET_KV_H

#include "model/math/kernels.h"
#include "model/net/config.h"

enum { KV_KEYS, KV_VALUES, KV_KEY_SCALES, KV_VALUE_SCALES, KV_PARTS };

typedef struct kv {
    cache_type type;
    int n_layers, n_heads, head_dim, v_dim; // n_heads: kv heads of a layer
    int positions;                          // a multiple of 16
    struct {
        char *data;
        size_t each;  // bytes of one position of one block
        size_t block; // positions * each
    } part[KV_PARTS];
    size_t bytes; // of all parts
} kv;

// Describes the cache of n_ctx positions without its memory.
kv kv_plan(const net_config *c, cache_type type, int n_ctx);
// 0; -1 when there is no memory.
int kv_open(kv *c);
void kv_close(kv *c); // never opened is fine

// Writes one position of a layer: key and value (n_heads, head_dim).
void kv_put(const kv *c, const kernels *k, int layer, int position, const float *key, const float *value);
// Where attention over one head finds its cache.
void kv_show(const kv *c, int layer, int head, attend_job *job);

// The first bytes of block b (layer * n_heads + head) of a part that n positions take, rounded up to whole groups.
char *kv_block(const kv *c, int part, int b);
size_t kv_block_bytes(const kv *c, int part, int n);

// Copies the first n positions; both are caches of the same net and type, `to` has room.
void kv_copy(kv *to, const kv *from, int n);

#endif
