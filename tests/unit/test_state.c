// States: the ways in which a KV cache holds its numbers, and memory that does not suffice.
#include "model/base/memory.h"
#include "model/gen/chain.h"
#include "model/net/encoder.h"
#include "tests/test.h"
#include "tests/small.h"

#include <math.h>

static net_state *open_state(const net *n, net_cache cache, int n_ctx) {
    error err = {{0}};
    net_state *s = net_state_open(n, &(net_options){.n_ctx = n_ctx, .threads = 2, .cache = cache}, &err);
    if (!s) {
        printf("%s\n", err.text);
        abort();
    }
    return s;
}

static void fill_ids(int32_t *ids, int n, uint32_t seed) {
    for (int i = 0; i < n; i++) ids[i] = (int32_t)((small_random(&seed) + 0.5f) * SMALL_VOCAB);
}

// ---- the cache in 8 bits

typedef struct probabilities {
    const int32_t *ids;
    double *logprobs;
} probabilities;

static void on_logits(void *arg, int pos, const float *logits) {
    probabilities *p = arg;
    p->logprobs[pos] = chain_logprob(logits, SMALL_VOCAB, p->ids[pos + 1]);
}

// The mean difference of log-probabilities that the f32 cache and another give to the same text.
static double mean_difference(const net *n, net_cache cache) {
    enum { N = 400 };
    int32_t ids[N + 1];
    double exact[N], other[N], sum = 0;
    error err;
    fill_ids(ids, N + 1, 5);
    net_state *a = open_state(n, NET_CACHE_F32, N), *b = open_state(n, cache, N);
    net_eval_all(a, ids, N, on_logits, &(probabilities){ids, exact}, &err);
    net_eval_all(b, ids, N, on_logits, &(probabilities){ids, other}, &err);
    for (int i = 0; i < N; i++) sum += fabs(exact[i] - other[i]);
    net_state_close(a);
    net_state_close(b);
    return sum / N;
}

// With weights in floats: 8-bit activations would add noise of their own.
static void caches(void) {
    small t;
    small_open(&t, (small_options){.seed = 2, .floats = true});
    double f16 = mean_difference(t.model.net, NET_CACHE_F16), q8 = mean_difference(t.model.net, NET_CACHE_Q8_0);
    small_close(&t);
    OK(f16 > 0 && f16 < 3e-3, "f16: mean difference %g", f16);
    OK(q8 > f16 && q8 < 0.1, "q8_0: mean difference %g", q8);
}

// Decoding one by one sees the same cache as a pass over many; a fork goes on as its origin does.
static void ways_to_read(const net *n, net_cache cache) {
    enum { N = 90 };
    int32_t ids[N];
    error err;
    fill_ids(ids, N, 9);
    net_state *a = open_state(n, cache, 200), *b = open_state(n, cache, 300), *c = open_state(n, cache, 100);
    net_eval(a, ids, N, NULL, NULL, &err);
    for (int i = 0; i < N; i++) net_eval(b, ids + i, 1, NULL, NULL, &err);
    double most = 0;
    for (int i = 0; i < SMALL_VOCAB; i++) most = fmax(most, fabs(net_logits(a)[i] - net_logits(b)[i]));
    OK(most < 0.08, "cache %d: many and one differ by %g", (int)cache, most);
    OK(net_fork(c, a, &err) == 0 && net_n_past(c) == N, "fork");
    net_eval(a, ids, 5, NULL, NULL, &err);
    net_eval(c, ids, 5, NULL, NULL, &err);
    OK(memcmp(net_logits(a), net_logits(c), SMALL_VOCAB * sizeof(float)) == 0, "cache %d: a fork goes on alike",
       (int)cache);
    net_state *d = open_state(n, cache == NET_CACHE_F16 ? NET_CACHE_F32 : NET_CACHE_F16, 200);
    OK(net_fork(d, a, &err) == -1, "no fork to another kind: %s", err.text);
    net_state *e = net_state_beside(a, 150, &err);
    OK(e && net_fork(e, a, &err) == 0, "a state beside is of the same kind");
    net_state_close(e);
    net_state_close(d);
    net_state_close(c);
    net_state_close(b);
    net_state_close(a);
}

static void odd_heads(void) {
    small t;
    error err;
    small_open(&t, (small_options){.seed = 3, .head_dim = 16});
    OK(!net_state_open(t.model.net, &(net_options){.threads = 1, .cache = NET_CACHE_Q8_0}, &err) &&
           strstr(err.text, "16") && strstr(err.text, "f16"),
       "heads of 16 take no q8_0 cache: %s", err.text);
    small_close(&t);
}

// ---- memory

static int64_t with_memory(const char *text) {
    setenv("DOPPEL_MEMORY", text, 1);
    return memory_available();
}

static void amounts(void) {
    unsetenv("DOPPEL_MEMORY");
    int64_t real = memory_available();
    OK(real == -1 || (real > 1 << 20 && real < (int64_t)1 << 50), "this machine has %lld bytes", (long long)real);
    OK(with_memory("1000000") == 1000000, "plain bytes");
    OK(with_memory("3k") == 3072 && with_memory("2M") == 2 << 20 && with_memory("1.5G") == 3 << 29, "units");
    OK(with_memory("0") == 0, "none");
    static const char *const bad[] = {"", "x", "-5", "5X", "5GB", "nan", "1e30"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int64_t got = with_memory(bad[i]);
        OK((got == -1) == (real == -1) && (got == -1 || llabs(got - real) < real / 2), "\"%s\" is passed over: %lld",
           bad[i], (long long)got);
    }
    OK(strcmp(memory_amount(3.26e9).text, "3.3 GB") == 0 && strcmp(memory_amount(41e6).text, "41 MB") == 0 &&
           strcmp(memory_amount(10).text, "1 MB") == 0,
       "amounts as text");
    with_memory("1M");
    int64_t there;
    OK(memory_suffices(1 << 20, &there) && there == 1 << 20 && !memory_suffices((1 << 20) + 1, NULL), "exactly enough");
    unsetenv("DOPPEL_MEMORY");
}

// The same for an encoder.
static void too_little_for_an_encoder(void) {
    char *path = golden("bert");
    error err = {{0}};
    model_file *f = path ? model_file_open(path, &err) : NULL;
    if (!f) {
        SKIP("there is no encoder here");
    } else {
        with_memory("1K");
        OK(!encoder_open(f, 1, &err) && strstr(err.text, "memory"), "an encoder that does not fit: %s", err.text);
        unsetenv("DOPPEL_MEMORY");
    }
    model_file_close(f);
    free(path);
}

static void too_little(const small *t) {
    model m;
    error err = {{0}};
    with_memory("100K");
    OK(model_open(&m, t->path, 1, 0, &err) == -1 && strstr(err.text, t->path) && strstr(err.text, "memory"),
       "weights that do not fit: %s", err.text);
    OK(!net_state_open(t->model.net, &(net_options){.threads = 1}, &err) && strstr(err.text, "512 tokens") &&
           strstr(err.text, "--ctx"),
       "a context that does not fit: %s", err.text);
    unsetenv("DOPPEL_MEMORY");
    if (OK(model_open(&m, t->path, 1, 0, &err) == 0, "and again with memory: %s", err.text)) model_close(&m);
}

int main(void) {
    small t;
    small_open(&t, (small_options){.seed = 1});
    caches();
    ways_to_read(t.model.net, NET_CACHE_F32);
    ways_to_read(t.model.net, NET_CACHE_F16);
    ways_to_read(t.model.net, NET_CACHE_Q8_0);
    odd_heads();
    amounts();
    too_little(&t);
    too_little_for_an_encoder();
    small_close(&t);
    return test_end();
}
