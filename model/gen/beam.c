// Beam search.
//
// Step n = 1, 2, ...: every running beam's next tokens are weighed by log-softmax, penalties and bans; the best
// K = max(2, 1 + number of end ids) * beams continuations of all beams are taken. Of the first `beams` of these, those
// that end (at the last step: all) join the pool of finished texts with score sum / n^length_penalty; the pool keeps its
// best `beams`. The best `beams` continuations that do not end run on. The search is over when the pool is full and
// early stopping is wanted or no running beam scores above the worst of the pool.
#include "model/gen/beam.h"
#include "model/gen/top.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct text {
    id_list ids;
    double *logprobs; // (ids.cap) the model's own
    double sum;       // of processed log-probabilities
    double score;     // of finished texts
    bool ended;       // by an end token
} text;

typedef struct continuation {
    int beam;
    int32_t id;
    double sum, logprob;
} continuation;

typedef struct search {
    chain *chain;
    const gen_request *request;
    const gen_settings *settings;
    int n_vocab, n_beams, max_tokens;
    id_list prev;            // what penalties look at: prompt and a beam's ids
    float *scores, *scratch; // (n_vocab)
    float *maxima;           // (blocks of n_vocab)
    int32_t *places;         // (n_wanted)
    continuation *best;      // (n_wanted) best first
    int n_best, n_wanted;
    net_state **states;   // (n_beams) state of running[i]; which is whose changes with every step
    text *running, *next; // (n_beams)
    int n_running;
    text *pool; // (n_beams) best first
    int n_pool;
} search;

static void text_free(text *t) {
    id_list_free(&t->ids);
    free(t->logprobs);
    *t = (text){0};
}

// from with one more token.
static text text_extend(const text *from, const continuation *c) {
    text t = {.sum = c->sum};
    id_list_append(&t.ids, from->ids.data, from->ids.len);
    id_list_push(&t.ids, c->id);
    t.logprobs = mem_calloc(t.ids.len, sizeof *t.logprobs);
    if (from->ids.len) memcpy(t.logprobs, from->logprobs, from->ids.len * sizeof *t.logprobs);
    t.logprobs[t.ids.len - 1] = c->logprob;
    return t;
}

static double score_of(const search *s, double sum, size_t n) {
    return sum / pow((double)n, s->settings->length_penalty);
}

// ---- one step

// Of equal sums the one that came first stays in front: beams in their order, ids ascending.
static void offer(search *s, const continuation *c) {
    if (s->n_best == s->n_wanted && !(c->sum > s->best[s->n_best - 1].sum)) return;
    int at = s->n_best < s->n_wanted ? s->n_best++ : s->n_best - 1;
    for (; at > 0 && s->best[at - 1].sum < c->sum; at--) s->best[at] = s->best[at - 1];
    s->best[at] = *c;
}

// Offers the best continuations of running beam b.
static int weigh(search *s, int b, error *err) {
    const text *t = &s->running[b];
    const float *logits = net_logits(s->states[b]);
    double log_sum = chain_log_sum(logits, s->n_vocab);
    if (!isfinite(log_sum))
        return error_set(err, "the model gave no numbers for the next token; its file is damaged, fetch it again");
    for (int i = 0; i < s->n_vocab; i++) s->scores[i] = (float)(logits[i] - log_sum);
    s->prev.len = s->request->penalise_prompt ? s->request->n_prompt : 0;
    id_list_append(&s->prev, t->ids.data, t->ids.len);
    chain_penalise(s->chain, s->settings, s->scores, s->prev.data, s->prev.len, NULL, 0);

    size_t n = (size_t)s->n_vocab;
    top_maxima(s->scores, n, s->maxima);
    n = top_places(s->scores, n, s->maxima, (size_t)s->n_wanted, s->scratch, s->places);
    for (size_t i = 0; i < n; i++) {
        int32_t id = s->places[i];
        offer(s, &(continuation){b, id, t->sum + s->scores[id], logits[id] - log_sum});
    }
    return 0;
}

static void finish(search *s, const text *from, const continuation *c, bool ended) {
    text t = text_extend(from, c);
    t.ended = ended;
    t.score = score_of(s, t.sum, t.ids.len);
    if (s->n_pool == s->n_beams) {
        if (!(t.score > s->pool[s->n_pool - 1].score)) {
            text_free(&t);
            return;
        }
        text_free(&s->pool[--s->n_pool]);
    }
    int at = s->n_pool++;
    for (; at > 0 && s->pool[at - 1].score < t.score; at--) s->pool[at] = s->pool[at - 1];
    s->pool[at] = t;
}

// Gives every beam of the next step a state: its parent's, or a copy where the parent has several children. parents
// (n): running beams.
static int hand_over_states(search *s, const int *parents, int n, error *err) {
    net_state **old = mem_calloc((size_t)s->n_beams, sizeof *old);
    bool *taken = mem_calloc((size_t)s->n_beams, sizeof *taken); // old states that stay with a child
    memcpy(old, s->states, (size_t)s->n_beams * sizeof *old);
    for (int i = 0; i < n; i++) {
        s->states[i] = taken[parents[i]] ? NULL : old[parents[i]];
        taken[parents[i]] = true;
    }
    int failed = 0, spare = 0;
    for (int i = 0; i < s->n_beams; i++) {
        if (i < n && s->states[i]) continue;
        while (taken[spare]) spare++;
        s->states[i] = old[spare++];
        if (i < n && !failed) failed = net_fork(s->states[i], old[parents[i]], err);
    }
    free(old);
    free(taken);
    return failed;
}

// The best continuations that do not end become the running beams.
static int run_on(search *s, bool (*is_end)(void *arg, int32_t id), void *arg, error *err) {
    int *parents = mem_calloc((size_t)s->n_beams, sizeof *parents), n = 0;
    for (int i = 0; i < s->n_best && n < s->n_beams; i++) {
        if (is_end(arg, s->best[i].id)) continue;
        parents[n] = s->best[i].beam;
        s->next[n++] = text_extend(&s->running[s->best[i].beam], &s->best[i]);
    }
    for (int i = 0; i < s->n_running; i++) text_free(&s->running[i]);
    text *old = s->running;
    s->running = s->next;
    s->next = old;
    s->n_running = n;
    int failed = hand_over_states(s, parents, n, err);
    free(parents);
    return failed;
}

static bool is_over(const search *s, int step) {
    if (s->n_running == 0) return true;
    if (s->n_pool < s->n_beams) return false;
    return s->settings->early_stopping || score_of(s, s->running[0].sum, (size_t)step) <= s->pool[s->n_pool - 1].score;
}

// 0 done, 1 stopped, -1 failed.
static int run_search(search *s, bool (*is_end)(void *arg, int32_t id), void *arg, beam_result *out, error *err) {
    const gen_request *q = s->request;
    for (int step = 1; step <= s->max_tokens; step++) {
        if (q->on_prefill && !q->on_prefill(q->arg, step - 1, s->max_tokens)) return 1;
        s->n_best = 0;
        for (int b = 0; b < s->n_running; b++)
            if (weigh(s, b, err) != 0) return -1;
        for (int i = 0; i < s->n_best && i < s->n_beams; i++) {
            bool ends = is_end(arg, s->best[i].id);
            if (ends || step == s->max_tokens) finish(s, &s->running[s->best[i].beam], &s->best[i], ends);
        }
        if (step == s->max_tokens || s->n_best == 0) return 0;
        if (run_on(s, is_end, arg, err) != 0) return -1;
        if (is_over(s, step)) return 0;
        for (int b = 0; b < s->n_running; b++)
            if (net_eval(s->states[b], &s->running[b].ids.data[step - 1], 1, NULL, NULL, err) != 0) return -1;
        out->n_passes += s->n_running;
    }
    return 0;
}

// ---- around it

static void give(beam_result *out, text *t, double score) {
    out->ids = t->ids;
    out->logprobs = t->logprobs;
    out->score = score;
    out->ended = t->ended;
    *t = (text){0};
}

static int open_states(search *s, net_state *first, error *err) {
    s->states[0] = first;
    int n_ctx = (int)s->request->n_prompt + s->max_tokens;
    for (int i = 1; i < s->n_beams; i++) {
        s->states[i] = net_state_beside(first, n_ctx < net_n_ctx(first) ? n_ctx : net_n_ctx(first), err);
        if (!s->states[i]) return -1;
    }
    return 0;
}

static void search_free(search *s, net_state *first) {
    for (int i = 0; i < s->n_beams; i++) {
        text_free(&s->running[i]);
        text_free(&s->next[i]);
        text_free(&s->pool[i]);
        if (s->states[i] != first) net_state_close(s->states[i]);
    }
    id_list_free(&s->prev);
    free(s->scores);
    free(s->scratch);
    free(s->maxima);
    free(s->places);
    free(s->best);
    free(s->states);
    free(s->running);
    free(s->next);
    free(s->pool);
}

int beam_search(net_state *first, chain *c, const gen_request *q, bool (*is_end)(void *arg, int32_t id), void *arg,
                int n_ends, beam_result *out, error *err) {
    const gen_settings *settings = q->settings;
    // The last token is drawn but not evaluated.
    int room = net_n_ctx(first) - (int)q->n_prompt + 1, n_beams = settings->beams;
    size_t n_vocab = (size_t)chain_n_vocab(c), beams = (size_t)n_beams;
    search s = {.chain = c,
                .request = q,
                .settings = settings,
                .n_vocab = (int)n_vocab,
                .n_beams = n_beams,
                .max_tokens = settings->max_tokens < room ? settings->max_tokens : room,
                .n_wanted = (n_ends > 1 ? 1 + n_ends : 2) * n_beams,
                .n_running = 1};
    s.scores = mem_calloc(n_vocab, sizeof *s.scores);
    s.scratch = mem_calloc(n_vocab, sizeof *s.scratch);
    s.maxima = mem_calloc(top_n_blocks(n_vocab), sizeof *s.maxima);
    s.places = mem_calloc((size_t)s.n_wanted, sizeof *s.places);
    s.best = mem_calloc((size_t)s.n_wanted, sizeof *s.best);
    s.states = mem_calloc(beams, sizeof *s.states);
    s.running = mem_calloc(beams, sizeof *s.running);
    s.next = mem_calloc(beams, sizeof *s.next);
    s.pool = mem_calloc(beams, sizeof *s.pool);
    id_list_append(&s.prev, q->prompt, q->n_prompt);

    int result = open_states(&s, first, err);
    if (result == 0) result = run_search(&s, is_end, arg, out, err);
    out->interrupted = result == 1;
    if (result >= 0 && s.n_pool > 0)
        give(out, &s.pool[0], s.pool[0].score);
    else if (result >= 0 && s.n_running > 0 && s.running[0].ids.len > 0)
        give(out, &s.running[0], score_of(&s, s.running[0].sum, s.running[0].ids.len));
    search_free(&s, first);
    net_truncate(first, (int)q->n_prompt);
    return result < 0 ? -1 : 0;
}

void beam_result_free(beam_result *b) {
    id_list_free(&b->ids);
    free(b->logprobs);
    *b = (beam_result){0};
}
