// The sampling chain. At every token it passes once or twice over the whole vocabulary; everything after top-k sees
// only what is left. Nothing is allocated after chain_open.
//
// Survivors are kept in order of their ids, as three parallel arrays. Weights are e^((logit - largest) / temperature),
// not normalised: each filter works on weights and their total, which comes to the same as a softmax in between.
#include "model/gen/chain.h"
#include "model/gen/top.h"
#include "model/math/kernels.h"

#include <float.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct weighted {
    double key, weight;
} weighted;

struct chain {
    const kernels *kernels;
    int n_vocab;
    float *logits;       // (n_vocab) after penalties and bans; no NaN, no +inf
    float *maxima;       // (blocks) of logits
    float *model_maxima; // (blocks) of the model's own logits
    float *scratch;      // (n_vocab)
    int *count;          // (n_vocab) occurrences in prev; all zero between calls
    double log_sum;      // of the model's own logits

    int n_kept; // survivors, ids ascending
    int32_t *ids;
    float *level;      // (logit - largest) / temperature
    float *weight;     // e^level
    double total;      // of their weights
    weighted *sorting; // (n_vocab) scratch of keep_mass
    bool greedy;

    uint64_t random[4];
};

// ---- random numbers: xoshiro256** by Blackman and Vigna, its state filled by splitmix64

void chain_seed(chain *c, uint64_t seed) {
    for (int i = 0; i < 4; i++) {
        uint64_t z = seed += 0x9e3779b97f4a7c15;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        c->random[i] = z ^ (z >> 31);
    }
}

chain_random chain_get_random(const chain *c) {
    chain_random r;
    memcpy(r.state, c->random, sizeof r.state);
    return r;
}

// A generator of all zeros would stay there.
void chain_set_random(chain *c, const chain_random *r) {
    if (r->state[0] | r->state[1] | r->state[2] | r->state[3])
        memcpy(c->random, r->state, sizeof c->random);
    else
        chain_seed(c, 0);
}

static uint64_t rotate(uint64_t x, int k) {
    return x << k | x >> (64 - k);
}

// Uniform in [0, 1), with 53 random bits.
static double next_random(chain *c) {
    uint64_t *s = c->random, result = rotate(s[1] * 5, 7) * 9, t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate(s[3], 45);
    return (double)(result >> 11) * 0x1p-53;
}

// ---- opening

chain *chain_open(int n_vocab, uint64_t seed) {
    size_t n = (size_t)n_vocab, blocks = top_n_blocks(n);
    chain *c = mem_calloc(1, sizeof *c);
    c->kernels = kernels_get();
    c->n_vocab = n_vocab;
    c->logits = mem_calloc(n, sizeof *c->logits);
    c->maxima = mem_calloc(blocks, sizeof *c->maxima);
    c->model_maxima = mem_calloc(blocks, sizeof *c->model_maxima);
    c->scratch = mem_calloc(n, sizeof *c->scratch);
    c->count = mem_calloc(n, sizeof *c->count);
    c->ids = mem_calloc(n, sizeof *c->ids);
    c->level = mem_calloc(n, sizeof *c->level);
    c->weight = mem_calloc(n, sizeof *c->weight);
    c->sorting = mem_calloc(n, sizeof *c->sorting);
    chain_seed(c, seed);
    return c;
}

int chain_n_vocab(const chain *c) {
    return c->n_vocab;
}

void chain_close(chain *c) {
    if (!c) return;
    free(c->logits);
    free(c->maxima);
    free(c->model_maxima);
    free(c->scratch);
    free(c->count);
    free(c->ids);
    free(c->level);
    free(c->weight);
    free(c->sorting);
    free(c);
}

// ---- sums over the whole vocabulary

enum { LANES = 16, CHUNK = 256 };

static inline float number(float x) {
    x = x >= -FLT_MAX ? x : -INFINITY;
    return x <= FLT_MAX ? x : FLT_MAX;
}

// Copies logits (n), NaN as -inf and +inf as the largest number. Loops of a fixed length become vector instructions.
static void load(const float *restrict logits, float *restrict out, size_t n) {
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int j = 0; j < LANES; j++) out[i + j] = number(logits[i + j]);
    for (; i < n; i++) out[i] = number(logits[i]);
}

// The sum of e^((x - max) / temperature) over n of them, none above max. Floats are added in short runs only.
static double sum_exp(const kernels *k, const float *x, size_t n, float max, double temperature) {
    float scale = (float)(1 / temperature), chunk[CHUNK];
    double sum = 0;
    for (size_t at = 0; at < n; at += CHUNK) {
        size_t len = n - at < CHUNK ? n - at : CHUNK;
        load(x + at, chunk, len);
        if (scale != 1)
            for (size_t i = 0; i < len; i++) chunk[i] = (chunk[i] - max) * scale;
        sum += k->exp_sub(chunk, (int)len, scale != 1 ? 0 : max);
    }
    return sum;
}

// ---- the model's own probabilities

static double log_sum_below(const float *logits, size_t n, float max) {
    if (max == -INFINITY) return -INFINITY;
    return max + log(sum_exp(kernels_get(), logits, n, max, 1));
}

double chain_log_sum(const float *logits, int n_vocab) {
    return log_sum_below(logits, (size_t)n_vocab, number(top_max(logits, (size_t)n_vocab)));
}

double chain_logprob(const float *logits, int n_vocab, int32_t id) {
    return logits[id] - chain_log_sum(logits, n_vocab);
}

double chain_applied_log_sum(const chain *c) {
    return c->log_sum;
}

// ---- penalties and bans

static float clip(double x) {
    return x > FLT_MAX ? FLT_MAX : (float)x;
}

static bool in_vocab(const chain *c, int32_t id) {
    return id >= 0 && id < c->n_vocab;
}

static bool has_penalties(const gen_settings *s) {
    return s->repetition_penalty != 1 || s->presence_penalty != 0 || s->frequency_penalty != 0;
}

static void penalise(chain *c, const gen_settings *s, float *scores, const int32_t *prev, size_t n_prev) {
    if (!has_penalties(s)) return;
    for (size_t i = 0; i < n_prev; i++)
        if (in_vocab(c, prev[i])) c->count[prev[i]]++;
    for (size_t i = 0; i < n_prev; i++) {
        if (!in_vocab(c, prev[i]) || c->count[prev[i]] == 0) continue;
        double score = scores[prev[i]];
        score = score < 0 ? score * s->repetition_penalty : score / s->repetition_penalty;
        score -= c->count[prev[i]] * s->frequency_penalty + s->presence_penalty;
        scores[prev[i]] = clip(score);
        c->count[prev[i]] = 0;
    }
}

// -inf for every id that would complete a run of n tokens that is already in prev.
static void ban_ngrams(const chain *c, int n_gram, float *scores, const int32_t *prev, size_t n_prev,
                       const int32_t *exempt, int n_exempt) {
    if (n_gram <= 0 || n_prev + 1 < (size_t)n_gram) return;
    size_t n = (size_t)n_gram - 1; // tokens in front of the banned one
    const int32_t *tail = prev + n_prev - n;
    for (size_t i = 0; i + n < n_prev; i++) {
        if (n > 0 && memcmp(prev + i, tail, n * sizeof *prev) != 0) continue;
        int32_t id = prev[i + n];
        bool spared = !in_vocab(c, id);
        for (int e = 0; e < n_exempt; e++) spared |= exempt[e] == id;
        if (!spared) scores[id] = -INFINITY;
    }
}

void chain_penalise(chain *c, const gen_settings *s, float *scores, const int32_t *prev, size_t n_prev,
                    const int32_t *exempt, int n_exempt) {
    penalise(c, s, scores, prev, n_prev);
    ban_ngrams(c, s->no_repeat_ngram, scores, prev, n_prev, exempt, n_exempt);
}

// ---- filters

static void keep_one(chain *c, int32_t id) {
    c->n_kept = 1;
    c->ids[0] = id;
    c->level[0] = 0;
    c->weight[0] = 1;
    c->total = 1;
}

static int32_t first_equal(const chain *c, float max) {
    size_t b = 0;
    while (c->maxima[b] != max) b++;
    int32_t id = (int32_t)(b * TOP_BLOCK);
    while (c->logits[id] != max) id++;
    return id;
}

// Makes everything at or above bound a survivor, and weighs it.
static void gather(chain *c, float bound, float max, double temperature) {
    int n = 0;
    size_t blocks = top_n_blocks((size_t)c->n_vocab);
    for (size_t b = 0; b < blocks; b++) {
        if (c->maxima[b] < bound || c->maxima[b] == -INFINITY) continue;
        int begin = (int)(b * TOP_BLOCK), end = begin + TOP_BLOCK < c->n_vocab ? begin + TOP_BLOCK : c->n_vocab;
        for (int i = begin; i < end; i++)
            if (c->logits[i] >= bound && c->logits[i] > -INFINITY) {
                c->ids[n] = i;
                c->level[n++] = (float)(((double)c->logits[i] - max) / temperature);
            }
    }
    c->n_kept = n;
    memcpy(c->weight, c->level, (size_t)n * sizeof *c->weight);
    c->kernels->exp_sub(c->weight, n, 0);
    c->total = 0;
    for (int i = 0; i < n; i++) c->total += c->weight[i];
}

// Keeps survivor `from` as survivor number `to`.
static void move(chain *c, int from, int to) {
    c->ids[to] = c->ids[from];
    c->level[to] = c->level[from];
    c->weight[to] = c->weight[from];
}

static void end_filter(chain *c, int n_kept) {
    c->n_kept = n_kept;
    c->total = 0;
    for (int i = 0; i < n_kept; i++) c->total += c->weight[i];
}

static void swap(weighted *a, weighted *b) {
    weighted t = *a;
    *a = *b;
    *b = t;
}

static double median(double a, double b, double c) {
    double low = a < b ? a : b, high = a < b ? b : a;
    return c < low ? low : c > high ? high : c;
}

typedef struct cut {
    double key; // what lies above stays, what lies below goes
    int n_ties; // how many of those equal to key are needed
} cut;

// Where a list sorted by falling key reaches the given mass: quickselect by weight. v (n, n > 0) is reordered.
static cut find_cut(weighted *v, int n, double mass) {
    int lo = 0, hi = n;
    double before = 0; // weight of v[0..lo), all of it above the rest
    for (;;) {
        double pivot = median(v[lo].key, v[lo + (hi - lo) / 2].key, v[hi - 1].key);
        double weight_above = 0, weight_equal = 0, largest_equal = 0;
        int above = lo, below = hi;
        for (int i = lo; i < below;) {
            if (v[i].key > pivot) {
                weight_above += v[i].weight;
                swap(&v[i++], &v[above++]);
            } else if (v[i].key < pivot) {
                swap(&v[i], &v[--below]);
            } else {
                weight_equal += v[i].weight;
                if (v[i].weight > largest_equal) largest_equal = v[i].weight;
                i++;
            }
        }
        if (before + weight_above >= mass && above > lo) {
            hi = above;
        } else if (before + weight_above + weight_equal >= mass || below == hi) {
            double missing = mass - before - weight_above;
            int needed = missing > 0 && largest_equal > 0 ? (int)ceil(missing / largest_equal) : 1;
            return (cut){pivot, needed < 1 ? 1 : needed};
        } else {
            before += weight_above + weight_equal;
            lo = below;
        }
    }
}

// The smallest set of most probable ids whose weight reaches p * total, where total may count more than the survivors
// (but they reach it). Of equal ones the lowest ids stay.
static void keep_top_p(chain *c, double p, double total) {
    for (int i = 0; i < c->n_kept; i++) c->sorting[i] = (weighted){c->level[i], c->weight[i]};
    cut at = find_cut(c->sorting, c->n_kept, p * total);
    int n = 0;
    for (int i = 0; i < c->n_kept; i++)
        if (c->level[i] > at.key || (c->level[i] == at.key && at.n_ties-- > 0)) move(c, i, n++);
    end_filter(c, n);
}

// The most probable survivor has weight 1: filters before this one never drop it.
static void keep_min_p(chain *c, double min_p) {
    int n = 0;
    for (int i = 0; i < c->n_kept; i++)
        if (c->weight[i] >= min_p) move(c, i, n++);
    end_filter(c, n);
}

// In order of |-ln p - H|, where H is the entropy of the survivors. Of equal ones all stay.
static void keep_typical(chain *c, double typical_p) {
    double log_total = log(c->total), entropy = 0;
    for (int i = 0; i < c->n_kept; i++)
        if (c->weight[i] > 0) entropy -= c->weight[i] / c->total * (c->level[i] - log_total);
    for (int i = 0; i < c->n_kept; i++)
        c->sorting[i] = (weighted){-fabs(log_total - c->level[i] - entropy), c->weight[i]};
    cut at = find_cut(c->sorting, c->n_kept, typical_p * c->total);
    int n = 0;
    for (int i = 0; i < c->n_kept; i++)
        if (-fabs(log_total - c->level[i] - entropy) >= at.key) move(c, i, n++);
    end_filter(c, n);
}

// Top-p over the whole vocabulary. It seldom needs more than a few ids, so ever less probable ones are taken in until
// their share of the whole is enough.
static void gather_top_p(chain *c, double p, float max, double temperature) {
    double total = sum_exp(c->kernels, c->logits, (size_t)c->n_vocab, max, temperature);
    for (double depth = 4; depth < 32; depth *= 2) {
        gather(c, (float)(max - depth * temperature), max, temperature);
        if (c->total >= p * total) {
            keep_top_p(c, p, total);
            return;
        }
    }
    gather(c, -INFINITY, max, temperature);
    keep_top_p(c, p, c->total);
}

static void filter(chain *c, const gen_settings *s, float max) {
    double temperature = s->temperature > 1e-30 ? s->temperature : 1e-30;
    size_t n = (size_t)c->n_vocab;
    bool top_k = s->top_k > 0 && s->top_k < c->n_vocab;
    if (top_k)
        gather(c, top_kth(c->logits, n, c->maxima, (size_t)s->top_k, c->scratch), max, temperature);
    else if (s->top_p >= 1) // what lies clearly below min-p need not be looked at
        gather(c, s->min_p > 0 ? (float)(max + temperature * (log(s->min_p) - 0.01)) : -INFINITY, max, temperature);
    if (s->top_p < 1) {
        if (top_k)
            keep_top_p(c, s->top_p, c->total);
        else
            gather_top_p(c, s->top_p, max, temperature);
    }
    if (s->min_p > 0) keep_min_p(c, s->min_p);
    if (s->typical_p < 1) keep_typical(c, s->typical_p);
}

int chain_apply(chain *c, const gen_settings *s, const float *logits, const int32_t *prev, size_t n_prev,
                const int32_t *exempt, int n_exempt) {
    size_t n = (size_t)c->n_vocab, blocks = top_n_blocks(n);
    load(logits, c->logits, n);
    top_maxima(c->logits, n, c->model_maxima);
    c->log_sum = log_sum_below(c->logits, n, top_max(c->model_maxima, blocks));
    if (n_prev > 0 && (has_penalties(s) || s->no_repeat_ngram > 0)) {
        chain_penalise(c, s, c->logits, prev, n_prev, exempt, n_exempt);
        top_maxima(c->logits, n, c->maxima);
    } else
        memcpy(c->maxima, c->model_maxima, blocks * sizeof *c->maxima);
    float max = top_max(c->maxima, blocks);
    if (max == -INFINITY) { // the bans left nothing
        load(logits, c->logits, n);
        penalise(c, s, c->logits, prev, n_prev);
        top_maxima(c->logits, n, c->maxima);
        max = top_max(c->maxima, blocks);
    }
    c->greedy = s->temperature <= 0;
    if (max == -INFINITY)
        keep_one(c, 0);
    else if (c->greedy)
        keep_one(c, first_equal(c, max));
    else
        filter(c, s, max);
    return c->n_kept;
}

// ---- what came out

float chain_prob(const chain *c, int32_t id) {
    int lo = 0, hi = c->n_kept;
    while (lo < hi) {
        int middle = lo + (hi - lo) / 2;
        if (c->ids[middle] < id)
            lo = middle + 1;
        else
            hi = middle;
    }
    return lo < c->n_kept && c->ids[lo] == id ? (float)(c->weight[lo] / c->total) : 0;
}

void chain_probs(const chain *c, float *probs) {
    for (int i = 0; i < c->n_vocab; i++) probs[i] = 0;
    for (int i = 0; i < c->n_kept; i++) probs[c->ids[i]] = (float)(c->weight[i] / c->total);
}

int32_t chain_draw(chain *c) {
    if (c->greedy) return c->ids[0];
    double left = next_random(c) * c->total;
    int chosen = 0;
    for (int i = 0; i < c->n_kept; i++) {
        if (c->weight[i] == 0) continue;
        chosen = i; // rounding may leave a rest behind the last one
        left -= c->weight[i];
        if (left < 0) break;
    }
    return c->ids[chosen];
}

int chain_candidates(chain *c, const float *logits, candidate *out, int n) {
    int32_t ids[CHAIN_MAX_CANDIDATES];
    if (n > CHAIN_MAX_CANDIDATES) n = CHAIN_MAX_CANDIDATES;
    if (n <= 0) return 0;
    n = (int)top_places(logits, (size_t)c->n_vocab, c->model_maxima, (size_t)n, c->scratch, ids);
    for (int i = 0; i < n; i++) {
        float before = (float)exp(number(logits[ids[i]]) - c->log_sum);
        out[i] = (candidate){ids[i], before, chain_prob(c, ids[i])};
    }
    return n;
}
