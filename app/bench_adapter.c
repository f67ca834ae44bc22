#include "app/bench_adapter.h"
#include "model/net/adapter.h"
#include "model/net/lora.h"

#include <stdio.h>
#include <time.h>

enum { RANK = 16, TOKENS = 64, ROUNDS = 6 };

static float *small_numbers(size_t n) {
    float *x = mem_calloc(n, sizeof *x);
    uint32_t state = 1;
    for (size_t i = 0; i < n; i++) {
        state = state * 1664525u + 1013904223u;
        x[i] = ((float)(state >> 8) / (float)(1 << 24) - 0.5f) * 0.01f;
    }
    return x;
}

// RANK on every matrix of every layer that can be adapted; free with lora_free.
static lora everywhere(const net *n) {
    static const char *const kinds[] = {"attn_q",      "attn_k",   "attn_v", "attn_qkv",
                                        "attn_output", "ffn_gate", "ffn_up", "ffn_down"};
    lora l = {0};
    for (int i = 0; i < net_get_config(n)->n_layers; i++)
        for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
            lora_part p = {.rank = RANK, .alpha = RANK};
            snprintf(p.name, sizeof p.name, "blk.%d.%s.weight", i, kinds[k]);
            if (!lora_find_place(n, p.name, &p.place)) continue;
            p.rows = p.place.matrix->rows;
            p.cols = p.place.matrix->cols;
            p.a = small_numbers((size_t)p.cols * RANK);
            p.b = small_numbers((size_t)p.rows * RANK);
            l.parts = mem_reserve(l.parts, &l.cap, l.n + 1, sizeof *l.parts);
            l.parts[l.n++] = p;
        }
    return l;
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

// Tokens per second from an empty context, -1 with a message.
static double decode(net_state *s, const adapter_use *use, int n_adapters, error *err) {
    net_set_adapters(s, use, n_adapters);
    net_truncate(s, 0);
    int n = TOKENS < net_n_ctx(s) ? TOKENS : net_n_ctx(s);
    double start = now();
    for (int32_t i = 0; i < n; i++) {
        int32_t id = i;
        if (net_eval(s, &id, 1, NULL, NULL, err) != 0) return -1;
    }
    return n / (now() - start);
}

int bench_adapter(const net *n, net_state *s, bool json, error *err) {
    lora l = everywhere(n);
    adapter *a = adapter_of(&l, n, err);
    lora_free(&l);
    if (!a) return -1;
    const adapter_use use = {a, 1.0f};
    double best[2] = {0, 0}; // without and with it
    bool failed = false;
    for (int i = 0; i < 2 * ROUNDS && !failed; i++) {
        double rate = decode(s, &use, i % 2, err);
        if (rate > best[i % 2]) best[i % 2] = rate;
        failed = rate < 0;
    }
    net_set_adapters(s, NULL, 0);
    adapter_close(a);
    if (failed) return -1;
    if (json)
        printf("{\"type\":\"adapter\",\"tok_s\":%.1f,\"plain_tok_s\":%.1f,\"ratio\":%.3f,\"rank\":%d}\n", best[1],
               best[0], best[1] / best[0], RANK);
    else
        printf("adapter  %8.1f tok/s   %.2fx without   (rank %d on every linear layer, not merged)\n", best[1],
               best[1] / best[0], RANK);
    return 0;
}
