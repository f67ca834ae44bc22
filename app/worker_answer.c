// Answers: the prompt, the tokens as events, settings and adapters read afresh before each.
#include "app/prompt.h"
#include "app/worker_impl.h"
#include "app/corpus/span.h"
#include "app/style/speaker.h"
#include "app/style/speech.h"
#include "model/learn/random.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { N_CANDIDATES = 10 };

// What the callbacks of one answer share.
typedef struct answer {
    worker *w;
    uint64_t number;
    int n_tokens, dropped;
    double first_token; // when it came, in seconds
    const question *question;
    speech speech;  // of an answer in a layout
    buf said;       // likewise: what it says so far
    bool is_theirs; // it is the person's turn: nothing is said
} answer;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

// The settings as they are now, with the text that ends a turn in a model without turn markers.
static void current_settings(worker *w, const question *q, gen_settings *s) {
    worker_get_settings(w, s);
    const char *end = q->as_trained ? NULL : chat_stop_text(&w->model->chat);
    if (end && s->n_stops < GEN_MAX_STOPS && strlen(end) < GEN_MAX_STOP_BYTES) strcpy(s->stops[s->n_stops++], end);
}

static void refresh(void *arg, gen_settings *s) {
    answer *a = arg;
    current_settings(a->w, a->question, s);
    if (!a->question->own_strengths) worker_adapters_refresh(a->w);
}

static bool on_prefill(void *arg, int done, int total) {
    answer *a = arg;
    event e = worker_event(a->w, EVENT_PREFILL, a->number, "", 0);
    e.done = done;
    e.total = total;
    e.dropped_turns = a->dropped;
    worker_post(a->w, &e, NULL);
    return !worker_stopped(a->w, a->number);
}

// The most probable tokens; when a less probable one was drawn, it stands behind them.
static void fill_candidates(event *e, const worker *w, const gen_token *t) {
    bool found = false;
    int n = t->n_candidates < GEN_MAX_CANDIDATES - 1 ? t->n_candidates : GEN_MAX_CANDIDATES - 1;
    for (int i = 0; i < n; i++) {
        const candidate *c = &t->candidates[i];
        e->candidates[i].before = c->before;
        e->candidates[i].after = c->after;
        e->candidates[i].chosen = c->id == t->id;
        found |= c->id == t->id;
        prompt_show_token(w->model->tokenizer, c->id, e->candidates[i].text, sizeof e->candidates[i].text);
    }
    if (!found && n > 0) {
        e->candidates[n].before = (float)exp(t->logprob);
        e->candidates[n].after = chain_prob(w->chain, t->id);
        e->candidates[n].chosen = true;
        prompt_show_token(w->model->tokenizer, t->id, e->candidates[n].text, sizeof e->candidates[n].text);
        n++;
    }
    e->n_candidates = n;
}

static bool on_token(void *arg, const gen_token *t) {
    answer *a = arg;
    size_t said = a->said.len;
    if (a->question->as_trained)
        speech_feed(&a->speech, t->text, t->n_text, &a->said);
    else
        buf_append(&a->said, t->text, t->n_text);
    event e = worker_event(a->w, EVENT_TOKEN, a->number, buf_str(&a->said) + said, a->said.len - said);
    double time = now();
    if (a->n_tokens++ == 0)
        a->first_token = time;
    else if (time > a->first_token)
        e.tok_s = (a->n_tokens - 1) / (time - a->first_token);
    e.n_tokens = a->n_tokens;
    e.dropped_turns = a->dropped;
    fill_candidates(&e, a->w, t);
    worker_post(a->w, &e, NULL);
    return !a->speech.ended && !worker_stopped(a->w, a->number);
}

static void seed_chain(worker *w, uint64_t seed) {
    pthread_mutex_lock(&w->lock);
    bool anew = w->reseed || seed != w->seed;
    w->reseed = false;
    pthread_mutex_unlock(&w->lock);
    if (!anew) return;
    chain_seed(w->chain, seed);
    w->seed = seed;
}

static void post_done(const answer *a, const gen_result *result) {
    bool as_trained = a->question->as_trained;
    span said = as_trained ? span_trim(span_of_buf(&a->said)) : span_of_buf(&result->text);
    event e = worker_event(a->w, EVENT_DONE, a->number, said.s, said.n);
    e.stop = a->speech.ended || a->is_theirs ? GEN_EOS : result->stop;
    e.n_tokens = (int)result->ids.len;
    e.dropped_turns = a->dropped;
    if (result->decode_seconds > 0) e.tok_s = result->n_decoded / result->decode_seconds;
    if (result->prefill_seconds > 0) e.prefill_tok_s = (result->n_prompt - result->n_reused) / result->prefill_seconds;
    worker_post(a->w, &e, NULL);
}

static int render(worker *w, answer *a, const gen_settings *s, const char *speaker, id_list *prompt, error *err) {
    const question *q = a->question;
    const prompt_layout layout = {
        .kind = q->layout, .session_gap = q->session_gap, .speaker = speaker, .times = q->times};
    return prompt_fit_layout(w->model, q->as_trained ? &layout : NULL, q->messages, q->n, net_n_ctx(w->state),
                             s->max_tokens, prompt, &a->dropped, err);
}

// The prompt of whoever writes next.
static int choose_speaker(worker *w, answer *a, const gen_settings *s, id_list *prompt, error *err) {
    const question *q = a->question;
    int n = (int)q->n_speakers, failed = 0, chosen = 0;
    id_list *prompts = mem_calloc(q->n_speakers, sizeof *prompts);
    for (int i = 0; i < n && !failed; i++) failed = render(w, a, s, q->speakers[i], &prompts[i], err);
    if (!failed) {
        uint64_t random = random_seed(s->seed, prompts[0].len);
        chosen = speaker_choose(w->state, prompts, n, s->temperature > 0 ? &random : NULL, on_prefill, a, err);
        failed = chosen < 0 ? -1 : 0;
    }
    if (!failed) {
        worker_post_text(w, EVENT_SPEAKER, a->number, q->speakers[chosen]);
        a->is_theirs = chosen == q->person;
        id_list_append(prompt, prompts[chosen].data, prompts[chosen].len);
    }
    for (int i = 0; i < n; i++) id_list_free(&prompts[i]);
    free(prompts);
    return failed;
}

static int read_question(worker *w, answer *a, const gen_settings *s, id_list *prompt, error *err) {
    if (w->stale) net_truncate(w->state, 0);
    w->stale = false;
    if (a->question->n_speakers > 0) return choose_speaker(w, a, s, prompt, err);
    return render(w, a, s, a->question->speaker, prompt, err);
}

static int answer_question(worker *w, answer *a, gen_result *result, error *err) {
    const question *q = a->question;
    gen_settings s;
    id_list prompt = {0};
    current_settings(w, q, &s);
    seed_chain(w, s.seed);
    chain_random random = chain_get_random(w->chain);
    if (q->aside) chain_seed(w->chain, s.seed);
    worker_adapters_refresh(w);
    bool uses_others = q->own_strengths && worker_adapters_use(w, q->strengths);
    int failed = read_question(w, a, &s, &prompt, err);
    gen_request g = {.prompt = prompt.data,
                     .n_prompt = prompt.len,
                     .settings = &s,
                     .n_candidates = N_CANDIDATES,
                     .refresh = refresh,
                     .on_token = on_token,
                     .on_prefill = on_prefill,
                     .arg = a,
                     .drafter = w->drafter};
    if (!failed && !a->is_theirs) failed = generate(w->state, w->model->tokenizer, w->chain, &g, result, err);
    if (uses_others) worker_adapters_use(w, NULL);
    if (q->aside) chain_set_random(w->chain, &random);
    id_list_free(&prompt);
    return failed;
}

void worker_answer(worker *w, const request *r) {
    error err = {{0}};
    answer a = {.w = w, .number = r->number, .question = r->question, .speech = {.kind = r->question->layout}};
    gen_result result = {.stop = GEN_INTERRUPTED};
    int failed = 0;
    if (!w->model)
        failed = error_set(&err, "no model is loaded; load one first");
    else if (!worker_stopped(w, r->number))
        failed = answer_question(w, &a, &result, &err);
    if (failed)
        worker_post_text(w, EVENT_ERROR, r->number, err.text);
    else
        post_done(&a, &result);
    gen_result_free(&result);
    buf_free(&a.said);
}
