// The loop of generation. What belongs to one answer is in one struct, `run`, on the stack of generate().
//
// With a drafter, a pass reads the token drawn last and a draft of what may follow. Then tokens are drawn as ever, each
// from the logits after the one before, for as long as the draft said what is drawn; the first other one ends the
// pass, and the draft's rest is taken back. That is rejection sampling for a draft that is certain of itself (Leviathan
// et al. 2023; Chen et al. 2023): drafted token x is accepted with probability p(x), and what is drawn in its place
// otherwise has p without x, normalised. One random number a token decides both, so a seed gives the same text with and
// without drafts, and sliders, penalties, stops and candidates know nothing of them.
#include "model/gen/generate.h"
#include "model/gen/answer.h"
#include "model/gen/beam.h"

#include <math.h>
#include <string.h>
#include <time.h>

typedef struct run {
    net_state *state;
    const tokenizer *tokenizer;
    chain *chain;
    const gen_request *request;
    gen_settings settings;
    id_list ids; // prompt and answer
    // End tokens that were drawn all the same (ignore_eos). A ban can only hit what was drawn before, so sparing these
    // spares every end token.
    id_list spared;
    answer answer;
    gen_result *out;

    // The last pass: the token it was made for, and a draft. Its logits after read[row] are to be drawn from.
    int32_t read[1 + DRAFT_MOST];
    int n_read, row;
    double pass_seconds;
    unsigned adapter_changes; // when it was made
} run;

const char *gen_stop_name(gen_stop s) {
    static const char *const names[] = {[GEN_EOS] = "eos",
                                        [GEN_LENGTH] = "length",
                                        [GEN_CHARS] = "chars",
                                        [GEN_STOP_TEXT] = "stop",
                                        [GEN_INTERRUPTED] = "interrupted"};
    return names[s];
}

void gen_result_free(gen_result *r) {
    id_list_free(&r->ids);
    buf_free(&r->text);
    *r = (gen_result){0};
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

// The given end tokens, else the model's own.
static bool is_end(const run *r, int32_t id) {
    const gen_settings *s = &r->settings;
    if (s->n_eos == 0) return r->tokenizer && tokenizer_is_eog(r->tokenizer, id);
    for (int i = 0; i < s->n_eos; i++)
        if (s->eos[i] == id) return true;
    return false;
}

// 0 done, 1 stopped, -1 failed.
static int read_prompt(run *r, error *err) {
    const gen_request *q = r->request;
    int n_ctx = net_n_ctx(r->state);
    if (q->n_prompt == 0) return error_set(err, "the prompt is empty; there is nothing to go on from");
    if (q->n_prompt > (size_t)n_ctx)
        return error_set(err, "the prompt has %zu tokens, the context holds %d; shorten it or give a larger --ctx",
                         q->n_prompt, n_ctx);
    double start = now();
    int n = (int)q->n_prompt, reused = net_reuse(r->state, q->prompt, n);
    int result = net_eval(r->state, q->prompt + reused, n - reused, q->on_prefill, q->arg, err);
    r->out->n_prompt = n;
    r->out->n_reused = reused;
    r->out->prefill_seconds = now() - start;
    return result;
}

// Draws the next token and fills t but for its text. -1 when the model gave no numbers.
static int draw(run *r, gen_token *t, error *err) {
    const gen_request *q = r->request;
    const float *logits = net_few_logits(r->state, r->row);
    size_t skip = q->penalise_prompt ? 0 : q->n_prompt;
    int n_spared = q->penalise_prompt ? 0 : (int)r->spared.len;
    chain_apply(r->chain, &r->settings, logits, r->ids.data + skip, r->ids.len - skip, r->spared.data, n_spared);
    double log_sum = chain_applied_log_sum(r->chain);
    if (!isfinite(log_sum))
        return error_set(err, "the model gave no numbers for the next token; its file is damaged, fetch it again");
    t->id = chain_draw(r->chain);
    t->logprob = logits[t->id] - log_sum;
    if (q->n_candidates > 0) {
        int n = q->n_candidates < GEN_MAX_CANDIDATES ? q->n_candidates : GEN_MAX_CANDIDATES;
        t->n_candidates = chain_candidates(r->chain, logits, t->candidates, n);
    }
    return 0;
}

// Takes t into the answer. True when it is the last; *stop says why.
static bool take(run *r, gen_token *t, gen_stop *stop) {
    bool ends = is_end(r, t->id);
    t->is_end = ends && !r->settings.ignore_eos;
    id_list_push(&r->ids, t->id);
    id_list_push(&r->out->ids, t->id);
    if (ends) id_list_push(&r->spared, t->id);
    answer_end end = t->is_end ? ANSWER_GOES_ON : answer_add(&r->answer, &r->settings, t->id);
    bool full = net_n_past(r->state) - (r->n_read - 1 - r->row) >= net_n_ctx(r->state);
    bool last = true;
    if (t->is_end)
        *stop = GEN_EOS;
    else if (end == ANSWER_STOP_TEXT)
        *stop = GEN_STOP_TEXT;
    else if (end == ANSWER_MAX_CHARS)
        *stop = GEN_CHARS;
    else if (full || r->out->ids.len >= (size_t)r->settings.max_tokens)
        *stop = GEN_LENGTH;
    else
        last = false;
    if (last) answer_finish(&r->answer);
    t->text = answer_news(&r->answer, &r->settings, &t->n_text);
    return last;
}

static bool tell(const run *r, const gen_token *t) {
    return !r->request->on_token || r->request->on_token(r->request->arg, t);
}

// Takes back what the last pass read beyond the row at hand. n_tested: drafted tokens that were compared.
static void end_pass(run *r, int n_tested) {
    if (r->n_read > 1) net_keep_few(r->state, r->row + 1);
    if (r->request->drafter && r->pass_seconds > 0)
        drafter_learn(r->request->drafter, r->n_read - 1, n_tested, r->row, r->pass_seconds);
    r->n_read = 1;
    r->row = 0;
    r->pass_seconds = 0;
}

// Makes the pass for the token drawn last, with a draft where one is worth its time.
static int begin_pass(run *r, int32_t id, error *err) {
    drafter *d = r->request->drafter;
    int room = net_n_ctx(r->state) - net_n_past(r->state) - 1, left = r->settings.max_tokens - (int)r->out->ids.len - 1;
    r->read[0] = id;
    int n = d ? drafter_propose(d, room < left ? room : left, r->read + 1) : 0;
    // A text to look in may hold tokens that this model does not have.
    while (r->n_read <= n && r->read[r->n_read] >= 0 && r->read[r->n_read] < chain_n_vocab(r->chain)) r->n_read++;
    r->out->n_drafted += r->n_read - 1;
    r->adapter_changes = net_adapter_changes(r->state);
    double start = now();
    int failed =
        r->n_read > 1 ? net_eval_few(r->state, r->read, r->n_read, err) : net_eval(r->state, &id, 1, NULL, NULL, err);
    r->pass_seconds = now() - start;
    if (failed) r->n_read = 1;
    return failed;
}

// Makes the logits after the token drawn last those to be drawn from. 0, or -1 with a message.
static int advance(run *r, int32_t id, error *err) {
    if (r->request->drafter) drafter_say(r->request->drafter, id);
    r->out->n_decoded++;
    // A draft that was read with other adapters serves no more: these act on the next token.
    bool ahead = r->row + 1 < r->n_read && r->adapter_changes == net_adapter_changes(r->state);
    if (ahead && r->read[r->row + 1] == id) {
        r->row++;
        r->out->n_accepted++;
        return 0;
    }
    end_pass(r, r->row + ahead);
    return begin_pass(r, id, err);
}

// 0, or -1 with a message.
static int answer_by_drawing(run *r, error *err) {
    if (r->request->drafter) drafter_start(r->request->drafter, r->ids.data, r->ids.len);
    for (;;) {
        gen_token t = {0};
        if (r->request->refresh) r->request->refresh(r->request->arg, &r->settings);
        if (draw(r, &t, err) != 0) return -1;
        bool last = take(r, &t, &r->out->stop);
        if (!tell(r, &t) && !last) {
            r->out->stop = GEN_INTERRUPTED;
            return 0;
        }
        if (last) return 0;
        if (advance(r, t.id, err) != 0) return -1;
    }
}

static bool beam_is_end(void *arg, int32_t id) {
    const run *r = arg;
    return !r->settings.ignore_eos && is_end(r, id);
}

static int count_ends(run *r) {
    if (r->settings.n_eos > 0) return r->settings.ignore_eos ? 0 : r->settings.n_eos;
    int n = 0;
    for (int32_t id = 0; r->tokenizer && id < tokenizer_n_vocab(r->tokenizer); id++) n += beam_is_end(r, id);
    return n;
}

// Searches, then tells of the best text token by token.
static int answer_by_beams(run *r, error *err) {
    beam_result found = {0};
    int failed = beam_search(r->state, r->chain, r->request, beam_is_end, r, count_ends(r), &found, err);
    if (!failed) {
        r->out->score = found.score;
        r->out->n_decoded = found.n_passes;
        r->out->stop = found.interrupted ? GEN_INTERRUPTED : found.ended ? GEN_EOS : GEN_LENGTH;
    }
    r->settings.n_stops = 0;
    r->settings.max_chars = 0;
    for (size_t i = 0; !failed && i < found.ids.len; i++) {
        gen_token t = {.id = found.ids.data[i], .logprob = found.logprobs[i]};
        bool last = i + 1 == found.ids.len;
        t.is_end = last && found.ended;
        id_list_push(&r->out->ids, t.id);
        if (!t.is_end) answer_add(&r->answer, &r->settings, t.id);
        if (last) answer_finish(&r->answer);
        t.text = answer_news(&r->answer, &r->settings, &t.n_text);
        if (!tell(r, &t)) {
            if (!last) r->out->stop = GEN_INTERRUPTED;
            break;
        }
    }
    beam_result_free(&found);
    return failed;
}

int generate(net_state *s, const tokenizer *t, chain *c, const gen_request *q, gen_result *out, error *err) {
    *out = (gen_result){.stop = GEN_INTERRUPTED};
    run r = {.state = s, .tokenizer = t, .chain = c, .request = q, .settings = *q->settings, .out = out, .n_read = 1};
    int failed = read_prompt(&r, err);
    if (failed == 0) {
        id_list_append(&r.ids, q->prompt, q->n_prompt);
        r.answer = answer_start(t);
        double start = now();
        failed = r.settings.beams > 1 ? answer_by_beams(&r, err) : answer_by_drawing(&r, err);
        end_pass(&r, r.row);
        out->decode_seconds = now() - start;
        answer_finish(&r.answer);
        out->text = r.answer.text;
    }
    id_list_free(&r.ids);
    id_list_free(&r.spared);
    return failed < 0 ? -1 : 0;
}
