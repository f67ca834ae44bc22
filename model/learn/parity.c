// Each side is evaluated by a state of its own, which is gone before the other side's is made.
#include "model/learn/parity.h"
#include "model/gen/chain.h"

#include <math.h>
#include <stdlib.h>

typedef struct scoring {
    const int32_t *ids;
    int n, n_vocab;
    double *logprobs; // (n), the first unused
} scoring;

static void on_logits(void *arg, int pos, const float *logits) {
    scoring *s = arg;
    if (pos + 1 < s->n) s->logprobs[pos + 1] = logits[s->ids[pos + 1]] - chain_log_sum(logits, s->n_vocab);
}

static int score(const parity_side *side, scoring *s, int threads, error *err) {
    net_state *state = net_state_open(side->net, &(net_options){.n_ctx = s->n, .threads = threads}, err);
    if (!state) return -1;
    s->n_vocab = net_get_config(side->net)->n_vocab;
    net_set_adapters(state, side->adapters, side->n_adapters);
    int rc = net_eval_all(state, s->ids, s->n, on_logits, s, err);
    net_state_close(state);
    return rc;
}

int parity_compare(const parity_side sides[2], const int32_t *ids, int n, int threads, parity *out, error *err) {
    double *logprobs = mem_calloc(2 * (size_t)n, sizeof *logprobs);
    int rc = 0;
    *out = (parity){.n = n - 1};
    for (int side = 0; rc == 0 && side < 2; side++) {
        scoring s = {.ids = ids, .n = n, .logprobs = logprobs + (size_t)side * (size_t)n};
        rc = score(&sides[side], &s, threads, err);
    }
    for (int i = 1; rc == 0 && i < n; i++) {
        double d = fabs(logprobs[i] - logprobs[n + i]);
        if (isnan(d)) d = INFINITY;
        out->mean += d / (n - 1);
        out->max = d > out->max ? d : out->max;
        for (int side = 0; side < 2; side++) out->nll[side] -= logprobs[side * n + i] / (n - 1);
    }
    free(logprobs);
    return rc;
}
