#include "app/style/speaker.h"
#include "model/learn/random.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static size_t common_length(const id_list *prompts, int n) {
    size_t len = prompts[0].len;
    for (int i = 1; i < n; i++) {
        size_t same = 0;
        while (same < len && same < prompts[i].len && prompts[i].data[same] == prompts[0].data[same]) same++;
        len = same;
    }
    return len;
}

// The tokens at place `at` of those still in the running, each once; returns how many. One that ends there has none.
static int next_tokens(const id_list *prompts, const bool *runs, int n, size_t at, int32_t *out) {
    int count = 0;
    for (int i = 0; i < n; i++) {
        bool known = !runs[i] || at >= prompts[i].len;
        for (int k = 0; k < count && !known; k++) known = out[k] == prompts[i].data[at];
        if (!known) out[count++] = prompts[i].data[at];
    }
    return count;
}

// By the logits, among these tokens alone.
static int32_t draw(const float *logits, const int32_t *tokens, int n, uint64_t *random) {
    float most = -INFINITY;
    int best = 0;
    double sum = 0;
    for (int i = 0; i < n; i++)
        if (logits[tokens[i]] > most) most = logits[tokens[best = i]];
    if (!random) return tokens[best];
    for (int i = 0; i < n; i++) sum += exp((double)(logits[tokens[i]] - most));
    double u = random_unit(random) * sum;
    for (int i = 0; i + 1 < n; i++) {
        u -= exp((double)(logits[tokens[i]] - most));
        if (u < 0) return tokens[i];
    }
    return tokens[n - 1];
}

static int choose_from(net_state *s, const id_list *prompts, int n, size_t at, uint64_t *random, bool *runs,
                       int32_t *tokens, error *err) {
    int left = n;
    for (; left > 1; at++) {
        int count = next_tokens(prompts, runs, n, at, tokens);
        if (count == 0) break; // the same header twice
        int32_t id = count == 1 ? tokens[0] : draw(net_logits(s), tokens, count, random);
        left = 0;
        for (int i = 0; i < n; i++) {
            runs[i] = runs[i] && at < prompts[i].len && prompts[i].data[at] == id;
            left += runs[i];
        }
        if (left > 1 && net_eval(s, &id, 1, NULL, NULL, err) != 0) return -1;
    }
    for (int i = 0; i < n; i++)
        if (runs[i]) return i;
    return 0;
}

int speaker_choose(net_state *s, const id_list *prompts, int n, uint64_t *random, net_progress progress, void *arg,
                   error *err) {
    if (n <= 1) return 0;
    size_t common = common_length(prompts, n);
    for (int i = 0; i < n; i++)
        if (prompts[i].len >= (size_t)net_n_ctx(s))
            return error_set(err, "the conversation leaves no room in the context of %d tokens", net_n_ctx(s));
    if (common == 0) return random ? (int)random_below(random, (size_t)n) : 0;
    int reused = net_reuse(s, prompts[0].data, (int)common);
    int stopped = net_eval(s, prompts[0].data + reused, (int)common - reused, progress, arg, err);
    if (stopped) return stopped < 0 ? -1 : 0;
    bool *runs = mem_calloc((size_t)n, sizeof *runs);
    int32_t *tokens = mem_calloc((size_t)n, sizeof *tokens);
    memset(runs, true, (size_t)n);
    int chosen = choose_from(s, prompts, n, common, random, runs, tokens, err);
    free(runs);
    free(tokens);
    return chosen;
}
