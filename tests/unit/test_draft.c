// Drafts: where they are found, when they are made, and that nobody can see them in what is generated.
#include "model/gen/generate.h"
#include "tests/bigram.h"
#include "tests/test.h"
#include "tests/small.h"

static uint32_t random_state = 1;

static uint32_t random_below(uint32_t n) {
    random_state = random_state * 1664525 + 1013904223;
    return (random_state >> 8) % n;
}

// ---- what is found

static void expect(drafter *d, int room, const char *want, const char *what) {
    int32_t out[DRAFT_MOST];
    int n = drafter_propose(d, room, out);
    char got[DRAFT_MOST + 1] = "";
    for (int i = 0; i < n; i++) got[i] = (char)out[i];
    OK(strcmp(got, want) == 0, "%s: \"%s\", expected \"%s\"", what, got, want);
}

static void start(drafter *d, const char *text) {
    int32_t ids[256];
    size_t n = strlen(text);
    for (size_t i = 0; i < n; i++) ids[i] = text[i];
    drafter_start(d, ids, n);
}

static void lookups(void) {
    drafter *d = drafter_open(6, true);
    start(d, "");
    expect(d, 99, "", "nothing said");
    start(d, "abcdefgh");
    expect(d, 99, "", "nothing twice");
    start(d, "b");
    expect(d, 99, "", "one token alone");
    start(d, "hello world. hell");
    expect(d, 99, "o worl", "what followed");
    expect(d, 2, "o ", "no more than there is room for");
    expect(d, 0, "", "no room");
    expect(d, -3, "", "less than none");
    start(d, "xab1 yab2 ab");
    expect(d, 3, "2 a", "of equals the newest");
    start(d, "xab1 yab2 xab");
    expect(d, 3, "1 y", "the longest before the newest");
    start(d, "ab ab ab ab");
    expect(d, 99, " ab ab", "a round goes on beyond the end");
    start(d, "aaaa");
    expect(d, 99, "aaaaaa", "and so does one token");
    drafter_say(d, 'b');
    expect(d, 99, "", "a new token ends it");

    int32_t text[] = {'o', 'n', 'c', 'e', ' ', 'u', 'p', 'o', 'n', ' ', 'a'};
    drafter_add_text(d, text, sizeof text / sizeof *text);
    start(d, "now once");
    expect(d, 99, " upon ", "from an added text");
    start(d, "now upon");
    expect(d, 99, " a", "up to its end");
    start(d, "at once! at once");
    expect(d, 2, "! ", "the conversation agrees with more");
    start(d, "ce! once");
    expect(d, 2, " u", "the text agrees with more");
    drafter_close(d);
    drafter_close(NULL);
}

// Against looking at every place, in random text of three letters.
static void lookups_at_random(void) {
    enum { N = 3000 };
    static int32_t ids[N];
    drafter *d = drafter_open(1, true);
    drafter_start(d, ids, 0);
    int wrong = 0;
    for (int n = 0; n < N; n++) {
        ids[n] = (int32_t)random_below(n < 1500 ? 30 : 12);
        drafter_say(d, ids[n]);
        int best = -1, most = 1;
        for (int at = n - 1; at >= 0; at--) {
            int same = 0;
            while (same < 32 && same <= at && ids[at - same] == ids[n - same]) same++;
            if (same > most) most = same, best = at;
        }
        int32_t out;
        int found = drafter_propose(d, 1, &out);
        wrong += best < 0 ? found != 0 : found != 1 || out != ids[best + 1];
    }
    OK(wrong == 0, "%d of %d lookups differ", wrong, N);
    drafter_close(d);
}

// ---- when they are made

typedef struct machine {
    double one, extra; // seconds of a pass and of each further token
    double right;      // how often a drafted token comes true
} machine;

// Plays n tokens of a conversation that goes round, on a made-up clock; returns seconds.
static double play(drafter *d, machine m, int n, int *drafted) {
    double seconds = 0;
    *drafted = 0;
    for (int i = 0; i < n;) {
        int32_t out[DRAFT_MOST];
        int k = drafter_propose(d, DRAFT_MOST, out), accepted = 0;
        while (accepted < k && random_below(1000) < 1000 * m.right) accepted++;
        double pass = m.one + k * m.extra;
        seconds += pass;
        *drafted += k;
        drafter_learn(d, k, accepted < k ? accepted + 1 : k, accepted, pass);
        i += 1 + accepted;
    }
    return seconds;
}

static void reckoning(void) {
    static const machine machines[] = {{2e-3, 0.5e-3, 0}, {2e-3, 0.5e-3, 0.2},   {2e-3, 0.5e-3, 0.9},
                                       {2e-3, 2e-3, 0.9}, {2e-3, 1.9e-3, 0.999}, {2e-3, 0.1e-3, 0.1},
                                       {2e-3, 5e-3, 1},   {2e-3, 0.2e-3, 1}};
    enum { N = 4000 };
    for (size_t i = 0; i < sizeof machines / sizeof *machines; i++) {
        const machine *m = &machines[i];
        drafter *d = drafter_open(DRAFT_MOST, false);
        start(d, "round and round and round and ");
        int drafted;
        double seconds = play(d, *m, N, &drafted), alone = N * m->one;
        OK(seconds < 1.015 * alone + 30e-3, "%g s a token drafted, %g right: %.3f s, alone %.3f", m->extra, m->right,
           seconds, alone);
        if (m->right >= 0.9 && m->extra < 1e-3)
            OK(seconds < 0.6 * alone, "what pays is done: %.3f s, alone %.3f", seconds, alone);
        if (m->right == 0) OK(drafted < 200, "%d tokens drafted in vain", drafted);
        drafter_close(d);
    }
    // Luck that turns: what was gained may be lost again, no more.
    drafter *d = drafter_open(DRAFT_MOST, false);
    start(d, "round and round and round and ");
    int drafted;
    double good = play(d, (machine){2e-3, 0.5e-3, 0.95}, N, &drafted),
           bad = play(d, (machine){2e-3, 0.5e-3, 0}, N, &drafted);
    OK(good + bad < 2 * N * 2e-3 && bad < 1.1 * N * 2e-3, "luck turns: %.3f s, then %.3f", good, bad);
    drafter_close(d);
}

// ---- a pass over a few positions

static bool same_floats(const float *a, const float *b, int n) {
    return memcmp(a, b, (size_t)n * sizeof *a) == 0;
}

// Reads random ids a few at a time and one by one; every logit must be the same.
static void few_as_one(const char *what, const net *n, net_cache cache, const adapter *a, int threads, int first) {
    error err;
    int n_vocab = net_get_config(n)->n_vocab, n_ctx = net_get_config(n)->n_ctx, wrong = 0;
    net_state *few = net_state_open(n, &(net_options){.n_ctx = n_ctx, .threads = threads, .cache = cache}, &err);
    if (a) net_set_adapters(few, &(adapter_use){a, 0.7f}, 1);
    net_state *one = net_state_beside(few, n_ctx, &err);
    int32_t *ids = mem_calloc((size_t)n_ctx, sizeof *ids);
    for (int i = 0; i < n_ctx; i++) ids[i] = (int32_t)random_below((uint32_t)n_vocab);
    int last = first + 130 < n_ctx ? first + 130 : n_ctx;
    net_eval(few, ids, first, NULL, NULL, &err);
    net_eval(one, ids, first, NULL, NULL, &err);
    for (int at = first, k = 2; at < last; at += k, k = k % NET_FEW + 1) {
        if (k > last - at) k = last - at;
        if (net_eval_few(few, ids + at, k, &err) != 0) wrong++;
        for (int i = 0; i < k; i++) {
            net_eval(one, ids + at + i, 1, NULL, NULL, &err);
            wrong += !same_floats(net_few_logits(few, i), net_logits(one), n_vocab);
        }
        wrong += !same_floats(net_logits(few), net_logits(one), n_vocab) || net_n_past(few) != at + k;
    }
    OK(wrong == 0, "%s, %d threads, from %d: %d differences", what, threads, first, wrong);
    free(ids);
    net_state_close(one);
    net_state_close(few);
}

static void few_positions(const net *n) {
    error err;
    int n_vocab = net_get_config(n)->n_vocab;
    net_state *s = net_state_open(n, &(net_options){.n_ctx = 40, .threads = 2}, &err);
    net_state *t = net_state_open(n, &(net_options){.n_ctx = 40, .threads = 2}, &err);
    int32_t ids[41];
    for (int i = 0; i < 41; i++) ids[i] = i % n_vocab;
    net_eval_few(s, ids, 6, &err);
    for (int i = 0; i < 3; i++) net_eval(t, ids + i, 1, NULL, NULL, &err);
    net_keep_few(s, 3);
    OK(net_n_past(s) == 3 && same_floats(net_logits(s), net_logits(t), n_vocab), "three of six are kept");
    net_eval(s, ids + 20, 1, NULL, NULL, &err);
    net_eval(t, ids + 20, 1, NULL, NULL, &err);
    OK(same_floats(net_logits(s), net_logits(t), n_vocab), "and what follows knows nothing of the rest");
    OK(net_eval_few(s, ids, NET_FEW + 1, &err) == -1 && net_n_past(s) == 4, "too many: %s", err.text);
    OK(net_eval_few(s, ids, 0, &err) == -1, "none: %s", err.text);
    net_eval(s, ids, 30, NULL, NULL, &err);
    OK(net_eval_few(s, ids, 7, &err) == -1 && net_n_past(s) == 34, "more than the context holds: %s", err.text);
    OK(net_eval_few(s, ids, 6, &err) == 0 && net_n_past(s) == 40, "exactly as many");
    ids[1] = n_vocab;
    net_truncate(s, 4);
    OK(net_eval_few(s, ids, 2, &err) == -1 && net_n_past(s) == 4, "an id outside the vocabulary: %s", err.text);
    net_state_close(t);
    net_state_close(s);
}

// ---- the same text

typedef struct trace {
    id_list ids;
    double *logprobs;
    candidate *candidates; // three a token
    size_t cap_logprobs, cap_candidates;
    buf streamed, text;
    gen_stop stop;
    int n_past, n_drafted, n_accepted, stop_after, code;
    void (*change)(gen_settings *s, int n);
    net_state *disturbed; // its adapters are set anew now and then
    int refreshed;
} trace;

static void trace_free(trace *t) {
    id_list_free(&t->ids);
    free(t->logprobs);
    free(t->candidates);
    buf_free(&t->streamed);
    buf_free(&t->text);
}

static bool on_token(void *arg, const gen_token *t) {
    trace *v = arg;
    size_t n = v->ids.len;
    id_list_push(&v->ids, t->id);
    v->logprobs = mem_reserve(v->logprobs, &v->cap_logprobs, n + 1, sizeof *v->logprobs);
    v->logprobs[n] = t->logprob;
    v->candidates = mem_reserve(v->candidates, &v->cap_candidates, 3 * (n + 1), sizeof *v->candidates);
    memcpy(v->candidates + 3 * n, t->candidates, 3 * sizeof *v->candidates);
    buf_append(&v->streamed, t->text, t->n_text);
    return (int)v->ids.len != v->stop_after;
}

static void refresh(void *arg, gen_settings *s) {
    trace *v = arg;
    if (v->change) v->change(s, v->refreshed);
    if (v->disturbed && v->refreshed % 3 == 1) net_set_adapters(v->disturbed, NULL, 0);
    v->refreshed++;
}

typedef struct question {
    const model *model;
    net_state *state;
    chain *chain;
    const int32_t *prompt;
    int n_prompt;
    gen_settings settings;
    bool chat, disturbed;
    int stop_after;
    void (*change)(gen_settings *s, int n);
} question;

static trace ask(const question *q, drafter *d) {
    trace v = {.stop_after = q->stop_after, .change = q->change, .disturbed = q->disturbed ? q->state : NULL};
    gen_request r = {.prompt = q->prompt,
                     .n_prompt = (size_t)q->n_prompt,
                     .settings = &q->settings,
                     .penalise_prompt = !q->chat,
                     .n_candidates = 3,
                     .refresh = refresh,
                     .on_token = on_token,
                     .arg = &v,
                     .drafter = d};
    gen_result out;
    error err;
    net_truncate(q->state, 0);
    chain_seed(q->chain, q->settings.seed);
    v.code = generate(q->state, q->model->tokenizer, q->chain, &r, &out, &err);
    buf_append(&v.text, buf_str(&out.text), out.text.len);
    v.stop = out.stop;
    v.n_past = net_n_past(q->state);
    v.n_drafted = out.n_drafted;
    v.n_accepted = out.n_accepted;
    gen_result_free(&out);
    return v;
}

static bool same_trace(const trace *a, const trace *b) {
    return a->code == b->code && a->stop == b->stop && a->n_past == b->n_past && a->ids.len == b->ids.len &&
           a->refreshed == b->refreshed && a->text.len == b->text.len &&
           memcmp(a->ids.data, b->ids.data, a->ids.len * sizeof *a->ids.data) == 0 &&
           memcmp(a->logprobs, b->logprobs, a->ids.len * sizeof *a->logprobs) == 0 &&
           memcmp(a->candidates, b->candidates, 3 * a->ids.len * sizeof *a->candidates) == 0 &&
           memcmp(buf_str(&a->text), buf_str(&b->text), a->text.len) == 0 &&
           strcmp(buf_str(&a->streamed), buf_str(&b->streamed)) == 0;
}

static int total_drafted, total_accepted;

// With and without drafts; the state afterwards must go on alike, too.
static void compare(const question *q, drafter *d, const char *what) {
    trace with = ask(q, d), without = ask(q, NULL);
    OK(with.code == 0 && same_trace(&with, &without), "%s: \"%s\" (%s), without drafts \"%s\" (%s)", what,
       buf_str(&with.text), gen_stop_name(with.stop), buf_str(&without.text), gen_stop_name(without.stop));
    OK(with.n_accepted <= with.n_drafted && without.n_drafted == 0, "%s: %d of %d accepted", what, with.n_accepted,
       with.n_drafted);
    total_drafted += with.n_drafted;
    total_accepted += with.n_accepted;
    trace_free(&with);
    trace_free(&without);
}

static void warm_up(gen_settings *s, int n) {
    s->temperature = n < 10 ? 0 : n < 20 ? 1.5 : 0.5;
    s->top_k = n % 3 ? 0 : 5;
}

static void stop_early(gen_settings *s, int n) {
    s->max_tokens = n < 12 ? 100 : 15;
}

static void same_texts(const model *m, int threads) {
    enum { N = 60 };
    error err;
    int32_t prompt[N];
    int n_vocab = net_get_config(m->net)->n_vocab;
    // A prompt that repeats itself, so that there is much to guess.
    for (int i = 0; i < N; i++) prompt[i] = i < 20 ? (int32_t)random_below((uint32_t)n_vocab) : prompt[i - 20];
    question q = {.model = m, .chain = chain_open(n_vocab, 1), .prompt = prompt, .n_prompt = N};
    q.state = net_state_open(m->net, &(net_options){.n_ctx = 200, .threads = threads}, &err);
    drafter *d = drafter_open(DRAFT_MOST, true);
    drafter_add_text(d, prompt + 7, 30);
    total_drafted = total_accepted = 0;
    for (int seed = 0; seed < 12; seed++) {
        q.settings = gen_settings_raw();
        q.settings.seed = (uint64_t)seed;
        q.settings.max_tokens = 60;
        q.settings.ignore_eos = seed % 2;
        q.settings.temperature = 0;
        compare(&q, d, "greedy");
        q.settings.temperature = 0.3;
        compare(&q, d, "temperature 0.3");
        q.settings.top_p = 1;
        q.settings.top_k = 0;
        q.settings.temperature = 1;
        compare(&q, d, "temperature 1");
        q.settings.repetition_penalty = 1.3;
        q.settings.frequency_penalty = 0.1;
        compare(&q, d, "penalties");
        q.chat = true;
        compare(&q, d, "penalties in the answer alone");
        q.settings.repetition_penalty = 1;
        q.settings.no_repeat_ngram = 2;
        compare(&q, d, "bans");
        q.chat = false;
        compare(&q, d, "bans of the prompt's runs");
        q.settings.no_repeat_ngram = 0;
        q.settings.temperature = 0.2;
        q.change = warm_up;
        compare(&q, d, "sliders that move");
        q.change = stop_early;
        compare(&q, d, "a limit that moves");
        q.change = NULL;
        q.disturbed = true;
        compare(&q, d, "adapters that change");
        q.disturbed = false;
        q.stop_after = 9;
        compare(&q, d, "interrupted");
        q.stop_after = 0;
        q.settings.max_chars = 11;
        compare(&q, d, "max-chars");
        q.settings.max_chars = 0;
        q.settings.max_tokens = 1000;
        q.settings.ignore_eos = true;
        compare(&q, d, "a full context");
        gen_knob_parse(gen_knob_find("stop"), seed % 2 ? "a" : "Bc", &q.settings, NULL);
        compare(&q, d, "a stop string");
    }
    OK(total_accepted > 60 && total_accepted < total_drafted, "%d of %d drafted tokens were accepted", total_accepted,
       total_drafted);
    drafter_close(d);
    chain_close(q.chain);
    net_state_close(q.state);
}

// A text to look in may hold ids that the model does not have.
static void strange_texts(const model *m) {
    error err;
    int n_vocab = net_get_config(m->net)->n_vocab;
    const int32_t prompt[] = {5, 6, 7, 8}, texts[][6] = {{6, 7, 8, n_vocab, 1, 2}, {6, 7, 8, 9, -1, 1 << 30}};
    question q = {.model = m, .chain = chain_open(n_vocab, 1), .prompt = prompt, .n_prompt = 4};
    q.settings = gen_settings_raw();
    q.settings.max_tokens = 8;
    q.state = net_state_open(m->net, &(net_options){.n_ctx = 64, .threads = 1}, &err);
    for (int i = 0; i < 2; i++) {
        drafter *d = drafter_open(DRAFT_MOST, true);
        int32_t out[DRAFT_MOST];
        drafter_add_text(d, texts[i], 6);
        drafter_start(d, prompt, 3);
        drafter_say(d, 8);
        OK(drafter_propose(d, 9, out) == 3, "it is found");
        // The first token drawn is told the drafter after the prompt, so the text must follow on any: all are added.
        for (int32_t id = 0; id < n_vocab; id++) {
            const int32_t text[] = {7, 8, id, i ? 9 : n_vocab, -1, 1 << 30};
            drafter_add_text(d, text, 6);
        }
        compare(&q, d, "ids outside the vocabulary");
        drafter_close(d);
    }
    chain_close(q.chain);
    net_state_close(q.state);
}

// ---- the same distribution

enum { LETTERS = 3, DEPTH = 5, TEXTS = 243 };

// Texts of five letters by a model of which every probability is known, drawn with drafts. Pearson's chi-square over all
// 243 texts has 242 degrees of freedom: mean 242, standard deviation 22.
static void distribution(void) {
    static bigram b;
    static double expected[TEXTS];
    static int count[TEXTS];
    enum { DRAWS = 60000 };
    bigram_clear(&b);
    for (int i = 0; i < LETTERS; i++) {
        static const char *const words[LETTERS] = {"a", "b", "c"};
        b.tokens[i] = words[i];
        for (int j = 0; j < LETTERS; j++) b.logits[i][j] = (float)((i * 5 + j * 3) % 7) * 0.25f;
    }
    bigram_open(&b, BIGRAM_VOCAB - 1);
    static const int32_t prompt[] = {0, 1, 2, 0, 1, 1, 2, 0, 0, 1, 2};
    question q = {.model = &b.model,
                  .chain = chain_open(BIGRAM_VOCAB, 1),
                  .prompt = prompt,
                  .n_prompt = sizeof prompt / sizeof *prompt,
                  .settings = gen_settings_raw()};
    error err;
    q.state = net_state_open(b.model.net, &(net_options){.n_ctx = 32, .threads = 1}, &err);
    q.settings.temperature = 1.2;
    q.settings.top_k = LETTERS;
    q.settings.top_p = 1;
    q.settings.max_tokens = DEPTH;
    for (int text = 0; text < TEXTS; text++) {
        double p = 1;
        int last = 2, rest = text;
        for (int i = 0; i < DEPTH; i++, last = rest % LETTERS, rest /= LETTERS) {
            double sum = 0;
            for (int j = 0; j < LETTERS; j++) sum += exp(b.logits[last][j] / 1.2);
            p *= exp(b.logits[last][rest % LETTERS] / 1.2) / sum;
        }
        expected[text] = p * DRAWS;
    }
    drafter *d = drafter_open(DRAFT_MOST, true);
    int drafted = 0, accepted = 0;
    for (int i = 0; i < DRAWS; i++) {
        q.settings.seed = (uint64_t)i;
        trace v = ask(&q, d);
        int text = 0;
        for (int k = DEPTH; k-- > 0;) text = text * LETTERS + (v.ids.data[k] < LETTERS ? v.ids.data[k] : 0);
        count[text]++;
        drafted += v.n_drafted;
        accepted += v.n_accepted;
        trace_free(&v);
    }
    double chi2 = 0, least = DRAWS;
    for (int i = 0; i < TEXTS; i++) {
        chi2 += (count[i] - expected[i]) * (count[i] - expected[i]) / expected[i];
        least = fmin(least, expected[i]);
    }
    OK(least > 5, "the rarest text is expected %g times", least);
    OK(chi2 > 242 - 4 * 22 && chi2 < 242 + 4 * 22, "chi-square %.1f over 242 degrees of freedom", chi2);
    OK(accepted > DRAWS / 4 && drafted > accepted, "%d of %d drafted tokens were accepted", accepted, drafted);
    drafter_close(d);
    chain_close(q.chain);
    net_state_close(q.state);
    bigram_close(&b);
}

static void golden_models(void) {
    static const char *const names[] = {"gguf/llama-f32.gguf",
                                        "gguf/llama-f16.gguf",
                                        "gguf/gpt2-f32.gguf",
                                        "gguf/qwen2-f16.gguf",
                                        "gguf/qwen3-f32.gguf",
                                        "quant/llama-q4_1.gguf",
                                        "quant/llama-q6_K.gguf",
                                        "quant/llama-q3_K_M.gguf",
                                        "gpt_neo",
                                        "llama-bf16"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char *path = golden(names[i]);
        model m;
        error err;
        if (!path) {
            SKIP("%s is not there", names[i]);
            continue;
        }
        if (OK(model_open(&m, path, 1, 0, &err) == 0, "%s: %s", names[i], err.text)) {
            few_as_one(names[i], m.net, NET_CACHE_AUTO, NULL, 2, 21);
            model_close(&m);
        }
        free(path);
    }
}

int main(void) {
    lookups();
    lookups_at_random();
    reckoning();
    static const small_options kinds[] = {
        {.seed = 1}, {.seed = 2, .floats = true}, {.seed = 3, .window = 40}, {.seed = 4, .head_dim = 16}};
    static const char *const names[] = {"Q4_0", "F32", "a window", "heads of 16"};
    for (int i = 0; i < 4; i++) {
        small t;
        small_open(&t, kinds[i]);
        for (int threads = 1; threads <= 3; threads++) {
            few_as_one(names[i], t.model.net, NET_CACHE_AUTO, NULL, threads, 1);
            few_as_one(names[i], t.model.net, NET_CACHE_AUTO, NULL, threads, 250);
        }
        if (kinds[i].head_dim == 0) few_as_one(names[i], t.model.net, NET_CACHE_Q8_0, NULL, 2, 250);
        adapter *a = small_adapter(&t, 0.05f);
        few_as_one(names[i], t.model.net, NET_CACHE_AUTO, a, 2, 100);
        adapter_close(a);
        few_positions(t.model.net);
        same_texts(&t.model, 1 + i % 2);
        strange_texts(&t.model);
        small_close(&t);
    }
    golden_models();
    distribution();
    return test_end();
}
