// The sampling chain against a slow and plain one: every step on the whole vocabulary, in double, with a sort.
#include "model/gen/chain.h"
#include "model/gen/top.h"
#include "tests/test.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 3000 };

static uint32_t random_state = 1;

static uint32_t any(uint32_t below) {
    random_state = random_state * 1664525 + 1013904223;
    return (random_state >> 8) % below;
}

static double unit(void) {
    return any(1 << 20) / (double)(1 << 20);
}

static gen_settings neutral(void) {
    return (gen_settings){.temperature = 1, .top_p = 1, .typical_p = 1, .repetition_penalty = 1, .beams = 1};
}

// ---- the plain chain

static const double *sorting;

static int by_falling(const void *a, const void *b) {
    int32_t i = *(const int32_t *)a, j = *(const int32_t *)b;
    if (sorting[i] != sorting[j]) return sorting[i] > sorting[j] ? -1 : 1;
    return i < j ? -1 : 1;
}

// order (n): places of keys by falling key, equal ones as they come.
static void sort_by(const double *keys, int n, int32_t *order) {
    for (int i = 0; i < n; i++) order[i] = i;
    sorting = keys;
    qsort(order, (size_t)n, sizeof *order, by_falling);
}

static void softmax(const double *x, int n, double *p) {
    double max = -INFINITY, sum = 0;
    for (int i = 0; i < n; i++) max = fmax(max, x[i]);
    for (int i = 0; i < n; i++) sum += p[i] = exp(x[i] - max);
    for (int i = 0; i < n; i++) p[i] /= sum;
}

static int occurrences(int32_t id, const int32_t *prev, int n_prev) {
    int n = 0;
    for (int i = 0; i < n_prev; i++) n += prev[i] == id;
    return n;
}

static bool completes_ngram(int32_t id, int n, const int32_t *prev, int n_prev) {
    for (int at = 0; n > 0 && at + n <= n_prev; at++) {
        bool same = prev[at + n - 1] == id;
        for (int k = 0; k < n - 1; k++) same = same && prev[at + k] == prev[n_prev - n + 1 + k];
        if (same) return true;
    }
    return false;
}

// x (n) -> p (n), and whether it is close to a border that rounding may move (top-p, min-p, typical-p).
static bool plain_chain(const gen_settings *s, double *x, int n, const int32_t *prev, int n_prev, double *p) {
    int32_t *order = malloc((size_t)n * sizeof *order);
    double *key = malloc((size_t)n * sizeof *key);
    bool fragile = false;
    for (int i = 0; i < n; i++) {
        int count = occurrences(i, prev, n_prev);
        if (count) x[i] = x[i] < 0 ? x[i] * s->repetition_penalty : x[i] / s->repetition_penalty;
        x[i] -= count * s->frequency_penalty + (count > 0) * s->presence_penalty;
        if (completes_ngram(i, s->no_repeat_ngram, prev, n_prev)) x[i] = -INFINITY;
    }
    if (s->temperature == 0) {
        sort_by(x, n, order);
        for (int i = 0; i < n; i++) p[i] = i == order[0];
        free(order);
        free(key);
        return false;
    }
    for (int i = 0; i < n; i++) x[i] = (float)x[i] / s->temperature;
    if (s->top_k > 0 && s->top_k < n) {
        sort_by(x, n, order);
        double border = x[order[s->top_k - 1]];
        for (int i = 0; i < n; i++)
            if (x[i] < border) x[i] = -INFINITY;
    }
    softmax(x, n, p);
    if (s->top_p < 1) {
        double sum = 0;
        sort_by(x, n, order);
        for (int i = 0; i < n; i++) {
            if (i > 0 && sum >= s->top_p) x[order[i]] = -INFINITY;
            sum += p[order[i]];
            fragile |= fabs(sum - s->top_p) < 1e-5;
        }
        softmax(x, n, p);
    }
    if (s->min_p > 0) {
        double most = 0;
        for (int i = 0; i < n; i++) most = fmax(most, p[i]);
        for (int i = 0; i < n; i++) {
            fragile |= p[i] > 0 && p[i] != most && fabs(p[i] / most - s->min_p) < 1e-5;
            if (p[i] < s->min_p * most) x[i] = -INFINITY;
        }
        softmax(x, n, p);
    }
    if (s->typical_p < 1) {
        double entropy = 0, sum = 0, border = INFINITY;
        for (int i = 0; i < n; i++) entropy -= p[i] > 0 ? p[i] * log(p[i]) : 0;
        for (int i = 0; i < n; i++) key[i] = p[i] > 0 ? -fabs(-log(p[i]) - entropy) : -INFINITY;
        sort_by(key, n, order);
        for (int i = 0; i < n && (i == 0 || sum < s->typical_p); i++) {
            sum += p[order[i]];
            border = key[order[i]];
            fragile |= fabs(sum - s->typical_p) < 1e-5;
        }
        for (int i = 0; i < n; i++) {
            fragile |= key[i] != border && fabs(key[i] - border) < 1e-5;
            if (key[i] < border) x[i] = -INFINITY;
        }
        softmax(x, n, p);
    }
    free(order);
    free(key);
    return fragile;
}

// ---- random cases

static gen_settings random_settings(void) {
    static const double temperatures[] = {0, 0.1, 0.7, 1, 1.5, 3}, ps[] = {1, 0.99, 0.9, 0.5, 0.05, 0};
    static const int ks[] = {0, 0, 1, 2, 40, 200, 5000};
    gen_settings s = neutral();
    s.temperature = temperatures[any(6)];
    s.top_k = ks[any(7)];
    if (any(2)) s.top_p = ps[any(6)];
    if (any(3) == 0) s.min_p = unit() * unit();
    if (any(3) == 0) s.typical_p = ps[any(6)];
    if (any(2)) s.repetition_penalty = 0.5 + unit();
    if (any(3) == 0) s.presence_penalty = unit() * 2 - 1;
    if (any(3) == 0) s.frequency_penalty = unit() - 0.5;
    if (any(2)) s.no_repeat_ngram = (int)any(5);
    return s;
}

static void random_cases(void) {
    static float logits[MOST], got[MOST];
    static double x[MOST], want[MOST];
    int tried = 0, fragile = 0;
    for (int round = 0; round < 1500; round++) {
        int n = round % 3 == 0 ? 1 + (int)any(10) : round % 3 == 1 ? 1 + (int)any(300) : 1 + (int)any(MOST);
        int32_t prev[60];
        int n_prev = (int)any(60), kinds = 1 + (int)any(20);
        for (int i = 0; i < n_prev; i++) prev[i] = (int32_t)any((uint32_t)(n < kinds ? n : kinds));
        double spread = unit() * 8;
        for (int i = 0; i < n; i++) {
            logits[i] = (float)((unit() + unit() + unit() - 1.5) * spread);
            if (any(20) == 0) logits[i] = -INFINITY;
            if (any(10) == 0) logits[i] = roundf(logits[i]); // ties
        }
        gen_settings s = random_settings();
        bool alive = false;
        for (int i = 0; i < n; i++) {
            x[i] = logits[i];
            alive |= logits[i] > -INFINITY && !completes_ngram(i, s.no_repeat_ngram, prev, n_prev);
        }
        if (!alive) continue;
        chain *c = chain_open(n, 1);
        int kept = chain_apply(c, &s, logits, prev, (size_t)n_prev, NULL, 0);
        chain_probs(c, got);
        tried++;
        if (plain_chain(&s, x, n, prev, n_prev, want))
            fragile++;
        else {
            int bad = -1, support = 0;
            for (int i = 0; i < n; i++) {
                support += got[i] > 0;
                if (!(fabs(got[i] - want[i]) <= 1e-5) || (want[i] > 1e-30) != (got[i] > 1e-30)) bad = i;
            }
            OK(bad < 0, "round %d, n %d: id %d has %g, expected %g", round, n, bad, got[bad < 0 ? 0 : bad],
               want[bad < 0 ? 0 : bad]);
            OK(kept >= support && kept > 0, "round %d: %d kept, %d with a probability", round, kept, support);
            OK(chain_prob(c, n - 1) == got[n - 1] && chain_prob(c, 0) == got[0],
               "chain_prob says what chain_probs says");
            OK(got[chain_draw(c)] > 0, "round %d: what was drawn has a probability", round);
        }
        chain_close(c);
    }
    OK(tried > 1000 && fragile < tried / 3, "%d rounds, %d of them fragile", tried, fragile);
}

// ---- borders

static void single(const char *what, const gen_settings *s, const float *logits, int n, const int32_t *prev, int n_prev,
                   int want_kept, int32_t want_id) {
    chain *c = chain_open(n, 7);
    int kept = chain_apply(c, s, logits, prev, (size_t)n_prev, NULL, 0);
    int32_t id = chain_draw(c);
    OK(kept == want_kept, "%s: %d kept, expected %d", what, kept, want_kept);
    OK(want_id < 0 || id == want_id, "%s: drew %d, expected %d", what, id, want_id);
    OK(chain_prob(c, id) > 0 && chain_prob(c, id) <= 1, "%s: probability %g", what, chain_prob(c, id));
    chain_close(c);
}

static void borders(void) {
    gen_settings s = neutral(), greedy = neutral();
    greedy.temperature = 0;
    const float nan[] = {NAN, 1, NAN, 0}, none[] = {NAN, -INFINITY, NAN}, huge[] = {FLT_MAX, -FLT_MAX, FLT_MAX, 0};
    const float infinite[] = {0, INFINITY, 1}, flat[] = {2, 2, 2, 2, 2}, one[] = {-3};
    single("NaN counts as -inf", &s, nan, 4, NULL, 0, 2, -1);
    single("NaN, greedy", &greedy, nan, 4, NULL, 0, 1, 1);
    single("no numbers at all", &s, none, 3, NULL, 0, 1, 0);
    single("no numbers at all, greedy", &greedy, none, 3, NULL, 0, 1, 0);
    single("the largest floats", &s, huge, 4, NULL, 0, 4, -1);
    single("infinity", &s, infinite, 3, NULL, 0, 3, 1);
    single("a vocabulary of one", &s, one, 1, NULL, 0, 1, 0);
    single("ties, greedy", &greedy, flat, 5, NULL, 0, 1, 0);
    s.top_k = 2;
    single("ties at top-k's border", &s, flat, 5, NULL, 0, 5, -1);
    s.top_k = 0;
    s.top_p = 0.5;
    single("ties under top-p: the first three make up a half", &s, flat, 5, NULL, 0, 3, -1);
    s.top_p = 0;
    single("top-p 0 keeps one", &s, flat, 5, NULL, 0, 1, 0);
    s.top_p = 1;
    s.min_p = 1;
    single("min-p 1 keeps the largest", &s, huge, 4, NULL, 0, 2, -1);
    s.min_p = 0;
    s.typical_p = 0;
    single("typical-p 0 keeps the most typical, all that are equal", &s, huge, 4, NULL, 0, 2, -1);
    s = neutral();
    s.temperature = 1e-300;
    single("next to no temperature", &s, flat, 5, NULL, 0, 5, -1);
    s = neutral();
    s.no_repeat_ngram = 1;
    const int32_t all[] = {0, 1, 2, 3, 4}, most[] = {4, 3, 1, 0}, wild[] = {-1, 5, 1 << 30, 0};
    single("when everything is banned the bans are lifted", &s, flat, 5, all, 5, 5, -1);
    single("all but one banned", &s, flat, 5, most, 4, 1, 2);
    single("ids outside the vocabulary are no matter", &s, flat, 5, wild, 4, 4, -1);
    s.no_repeat_ngram = 1000000;
    s.repetition_penalty = 2;
    single("an n-gram longer than the text", &s, flat, 5, wild, 4, 5, -1);
    s.repetition_penalty = 0.01;
    single("a penalty that overflows", &s, huge, 4, all, 4, 4, -1);

    chain *c = chain_open(5, 1);
    s = greedy;
    s.no_repeat_ngram = 1;
    chain_apply(c, &s, flat, all, 5, &all[3], 1);
    OK(chain_draw(c) == 3, "an exempt id is not banned");
    s.no_repeat_ngram = 0;
    chain_apply(c, &s, flat, NULL, 0, NULL, 0);
    OK(chain_draw(c) == 0, "nothing stays behind from the call before");
    chain_close(c);
}

// ---- the rest of the contract

static void draws(void) {
    const float logits[] = {0, 1, 2, -INFINITY, 0.5f};
    gen_settings s = neutral();
    chain *a = chain_open(5, 42), *b = chain_open(5, 43);
    int count[5] = {0}, same = 0;
    enum { N = 20000 };
    for (int i = 0; i < N; i++) {
        chain_apply(a, &s, logits, NULL, 0, NULL, 0);
        chain_apply(b, &s, logits, NULL, 0, NULL, 0);
        int32_t id = chain_draw(a);
        count[id]++;
        same += id == chain_draw(b);
    }
    double chi = 0;
    for (int i = 0; i < 5; i++) {
        double expected = N * (double)chain_prob(a, i);
        if (expected > 0) chi += (count[i] - expected) * (count[i] - expected) / expected;
    }
    OK(chi < 25 && count[3] == 0, "%d draws: chi squared %g with 3 degrees of freedom", N, chi);
    OK(same < N * 9 / 10, "another seed draws others");
    chain_seed(a, 9);
    chain_seed(b, 9);
    same = 0;
    for (int i = 0; i < 100; i++) same += chain_draw(a) == chain_draw(b);
    OK(same == 100, "the same seed draws the same");
    chain_close(a);
    chain_close(b);
}

static void log_sums(void) {
    static float x[MOST];
    for (int n = 1; n < MOST; n += 97) {
        double sum = 0;
        for (int i = 0; i < n; i++) sum += exp(x[i] = (float)(unit() * 40 - 20));
        OK(fabs(chain_log_sum(x, n) - log(sum)) < 1e-6, "log-sum-exp of %d: %.9g, expected %.9g", n,
           chain_log_sum(x, n), log(sum));
        OK(fabs(chain_logprob(x, n, n - 1) - (x[n - 1] - log(sum))) < 1e-6, "log-probability of the last of %d", n);
    }
    const float none[] = {-INFINITY, NAN}, large[] = {1e30f, 0, NAN};
    OK(chain_log_sum(none, 2) == -INFINITY, "nothing to sum");
    OK(chain_log_sum(large, 3) == 1e30f, "one large number among small ones");
}

static void candidates(void) {
    static float x[MOST];
    candidate out[40];
    gen_settings s = neutral();
    s.top_k = 3;
    for (int round = 0; round < 30; round++) {
        int n = 1 + (int)any(MOST), wanted = 1 + (int)any(40);
        for (int i = 0; i < n; i++) x[i] = roundf((float)unit() * 50) / 10;
        if (n > 5) x[any((uint32_t)n)] = NAN;
        chain *c = chain_open(n, 1);
        const int32_t prev[] = {0};
        s.repetition_penalty = 1.5;
        chain_apply(c, &s, x, prev, 1, NULL, 0);
        int found = chain_candidates(c, x, out, wanted);
        int numbers = 0, bad = 0;
        for (int i = 0; i < n; i++) numbers += !isnan(x[i]);
        OK(found == (wanted < numbers ? wanted : numbers), "%d of %d candidates", found, wanted);
        for (int i = 0; i < found; i++) {
            bad += fabs(out[i].before - exp(chain_logprob(x, n, out[i].id))) > 1e-6;
            bad += out[i].after != chain_prob(c, out[i].id);
            if (i > 0) bad += x[out[i].id] > x[out[i - 1].id];
            if (i > 0) bad += x[out[i].id] == x[out[i - 1].id] && out[i].id < out[i - 1].id;
        }
        for (int i = 0; i < n; i++) {
            bool listed = false;
            for (int k = 0; k < found; k++) listed |= out[k].id == i;
            bad += !listed && x[i] > x[out[found - 1].id];
        }
        OK(bad == 0, "n %d: candidates are the most probable, in order, lowest ids first", n);
        chain_close(c);
    }
}

static void penalties_alone(void) {
    float scores[] = {-1, 2, -3, 4};
    const int32_t prev[] = {0, 1, 1};
    gen_settings s = neutral();
    s.repetition_penalty = 2;
    s.presence_penalty = 0.5;
    s.frequency_penalty = 0.25;
    s.no_repeat_ngram = 2;
    chain *c = chain_open(4, 1);
    chain_penalise(c, &s, scores, prev, 3, NULL, 0);
    OK(scores[0] == -2.75f && scores[1] == -INFINITY && scores[2] == -3 && scores[3] == 4, "%g %g %g %g", scores[0],
       scores[1], scores[2], scores[3]);
    chain_close(c);
}

static void tops(void) {
    static float x[MOST], maxima[MOST], scratch[MOST];
    for (int round = 0; round < 200; round++) {
        size_t n = 1 + any(MOST), k = 1 + any((uint32_t)n + 5);
        for (size_t i = 0; i < n; i++) x[i] = any(4) ? (float)any(50) : -INFINITY;
        top_maxima(x, n, maxima);
        float got = top_kth(x, n, maxima, k, scratch);
        size_t above = 0, equal = 0;
        for (size_t i = 0; i < n; i++) {
            above += x[i] > got;
            equal += x[i] == got;
        }
        OK(got == -INFINITY ? above < k : above < k && above + equal >= k, "largest number %zu of %zu", k, n);
    }
}

int main(void) {
    random_cases();
    borders();
    draws();
    log_sums();
    candidates();
    penalties_alone();
    tops();
    return test_end();
}
