// Generation on a model whose next tokens are written down in the test (tests/bigram.h).
#include "model/gen/generate.h"
#include "tests/bigram.h"
#include "tests/test.h"

enum { END = BIGRAM_VOCAB - 1, MAX_SEEN = 64 };

static bigram
    story; // a b c d e f g END;  x y x y ...;  z z ...;  q (two halves of an accented e) r END;  p (one half) END
static net_state *state;
static chain *sampler;

static void open_story(void) {
    static const char *const words[] = {"a", "b", "c", "d", "e", "f", "g",      "x",
                                        "y", "q", "r", "p", "s", "z", "\u00c3", "\u00a9"};
    static const char *const path[][2] = {{"a", "b"}, {"b", "c"},      {"c", "d"},           {"d", "e"},
                                          {"e", "f"}, {"f", "g"},      {"x", "y"},           {"y", "x"},
                                          {"z", "z"}, {"q", "\u00c3"}, {"\u00c3", "\u00a9"}, {"\u00a9", "r"}};
    bigram_clear(&story);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) story.tokens[i] = words[i];
    story.tokens[END] = "<|endoftext|>";
    for (size_t i = 0; i < sizeof path / sizeof *path; i++) bigram_follow(&story, path[i][0], path[i][1], 5);
    bigram_follow(&story, "g", "<|endoftext|>", 5);
    bigram_follow(&story, "r", "<|endoftext|>", 5);
    bigram_follow(&story, "<|endoftext|>", "a", 5);
    bigram_follow(&story, "p", "\u00c3", 5);
    // A choice between three.
    bigram_follow(&story, "s", "a", 1);
    bigram_follow(&story, "s", "b", 0.5f);
    bigram_follow(&story, "s", "c", 0);
    bigram_open(&story, END);
}

typedef struct seen {
    int n;
    int32_t ids[MAX_SEEN];
    double logprobs[MAX_SEEN];
    char texts[MAX_SEEN][32];
    bool is_end[MAX_SEEN];
    buf streamed;
    int stop_after; // tokens; 0: never
    int refreshed, prefills;
    bool refuse_prefill;
    void (*change)(gen_settings *s, int n); // the sliders, before token n (from 0)
    gen_result result;
    int code;
    error err;
} seen;

static bool on_token(void *arg, const gen_token *t) {
    seen *v = arg;
    if (v->n < MAX_SEEN) {
        v->ids[v->n] = t->id;
        v->logprobs[v->n] = t->logprob;
        v->is_end[v->n] = t->is_end;
        snprintf(v->texts[v->n], sizeof v->texts[0], "%.*s", (int)t->n_text, t->text);
    }
    v->n++;
    buf_append(&v->streamed, t->text, t->n_text);
    OK(utf8_valid(t->text, t->n_text), "token %d brings half a character", v->n);
    return v->n != v->stop_after;
}

static void refresh(void *arg, gen_settings *s) {
    seen *v = arg;
    if (v->change) v->change(s, v->refreshed);
    v->refreshed++;
}

static bool on_prefill(void *arg, int done, int total) {
    seen *v = arg;
    (void)done, (void)total;
    v->prefills++;
    return !v->refuse_prefill;
}

static gen_settings greedy(void) {
    gen_settings s = gen_settings_raw();
    s.temperature = 0;
    s.max_tokens = 20;
    return s;
}

static gen_settings greedy_stop(const char *stop) {
    gen_settings s = greedy();
    if (gen_knob_parse(gen_knob_find("stop"), stop, &s, NULL) != 0) abort();
    return s;
}

// Goes on from the one token `word`, in a context that was used before or not.
static seen go_with(const char *word, const gen_settings *s, seen v, bool penalise_prompt) {
    int32_t prompt = bigram_id(&story, word);
    gen_request r = {.prompt = &prompt,
                     .n_prompt = 1,
                     .settings = s,
                     .penalise_prompt = penalise_prompt,
                     .refresh = refresh,
                     .on_token = on_token,
                     .on_prefill = on_prefill,
                     .arg = &v};
    v.code = generate(state, story.model.tokenizer, sampler, &r, &v.result, &v.err);
    return v;
}

static seen go(const char *word, const gen_settings *s) {
    return go_with(word, s, (seen){0}, true);
}

static void done(seen *v) {
    buf_free(&v->streamed);
    gen_result_free(&v->result);
}

static bool says(const seen *v, const char *text) {
    return v->code == 0 && strcmp(buf_str(&v->result.text), text) == 0;
}

static bool streams_what_it_says(const seen *v) {
    return strcmp(buf_str(&v->streamed), buf_str(&v->result.text)) == 0;
}

static void ends(void) {
    gen_settings s = greedy();
    seen v = go("a", &s);
    OK(says(&v, "bcdefg") && v.result.stop == GEN_EOS, "\"%s\", %s", buf_str(&v.result.text),
       gen_stop_name(v.result.stop));
    OK(v.result.ids.len == 7 && v.result.ids.data[6] == END, "the end token is among the ids");
    OK(v.n == 7 && v.is_end[6] && !v.is_end[5] && streams_what_it_says(&v), "the end token has no text");
    double p = 5 - log(exp(5) + (BIGRAM_VOCAB - 1) * exp(-30));
    OK(fabs(v.logprobs[0] - p) < 1e-5, "log-probability %g, expected %g", v.logprobs[0], p);
    done(&v);

    s.ignore_eos = true;
    v = go("a", &s);
    OK(v.result.stop == GEN_LENGTH && v.result.ids.len == 20 && says(&v, "bcdefgabcdefgabcde"), "ignore-eos: \"%s\"",
       buf_str(&v.result.text));
    done(&v);

    s = greedy();
    s.n_eos = 2;
    s.eos[0] = bigram_id(&story, "x");
    s.eos[1] = bigram_id(&story, "d");
    v = go("a", &s);
    OK(says(&v, "bc") && v.result.stop == GEN_EOS && v.result.ids.len == 3, "a given end token: \"%s\"",
       buf_str(&v.result.text));
    done(&v);
    s.eos[1] = bigram_id(&story, "y");
    v = go("a", &s);
    OK(v.result.stop == GEN_LENGTH, "given end tokens replace the model's own");
    done(&v);

    int32_t prompt = bigram_id(&story, "a");
    s = greedy();
    gen_request r = {.prompt = &prompt, .n_prompt = 1, .settings = &s};
    gen_result out;
    error err;
    OK(generate(state, NULL, sampler, &r, &out, &err) == 0 && out.stop == GEN_LENGTH && out.text.len == 0,
       "without a tokenizer there is no end and no text");
    gen_result_free(&out);
}

static void limits(void) {
    gen_settings s = greedy();
    s.max_tokens = 3;
    seen v = go("x", &s);
    OK(says(&v, "yxy") && v.result.stop == GEN_LENGTH && v.n == 3, "max-tokens: \"%s\"", buf_str(&v.result.text));
    done(&v);
    s.max_tokens = 1000;
    v = go("x", &s);
    OK(v.code == 0 && v.result.stop == GEN_LENGTH && v.result.ids.len == BIGRAM_CTX, "a full context: %zu tokens",
       v.result.ids.len);
    done(&v);
    s.max_tokens = 20;
    s.max_chars = 3;
    v = go("a", &s);
    OK(says(&v, "bcd") && v.result.stop == GEN_CHARS && v.result.ids.len == 3, "max-chars: \"%s\"",
       buf_str(&v.result.text));
    done(&v);
    s.max_chars = 1;
    v = go("q", &s);
    OK(says(&v, "\u00e9") && v.result.stop == GEN_CHARS && v.result.ids.len == 2, "max-chars counts characters: \"%s\"",
       buf_str(&v.result.text));
    done(&v);
}

static void prompts(void) {
    int32_t ids[BIGRAM_CTX + 1];
    for (int i = 0; i <= BIGRAM_CTX; i++) ids[i] = bigram_id(&story, i % 2 ? "y" : "x");
    gen_settings s = greedy();
    gen_request r = {.prompt = ids, .n_prompt = BIGRAM_CTX, .settings = &s};
    gen_result out;
    error err;
    OK(generate(state, NULL, sampler, &r, &out, &err) == 0 && out.ids.len == 1 && out.stop == GEN_LENGTH,
       "a prompt as long as the context gets one token");
    gen_result_free(&out);
    r.n_prompt = BIGRAM_CTX + 1;
    OK(generate(state, NULL, sampler, &r, &out, &err) == -1 && strstr(err.text, "601") && strstr(err.text, "600"),
       "a prompt too long: %s", err.text);
    gen_result_free(&out);
    r.n_prompt = 0;
    OK(generate(state, NULL, sampler, &r, &out, &err) == -1, "an empty prompt");
    gen_result_free(&out);
    ids[1] = BIGRAM_VOCAB;
    r.n_prompt = 3;
    OK(generate(state, NULL, sampler, &r, &out, &err) == -1 && strstr(err.text, "64"), "an id outside: %s", err.text);
    gen_result_free(&out);

    ids[1] = bigram_id(&story, "y");
    net_truncate(state, 0);
    r.n_prompt = 8;
    OK(generate(state, NULL, sampler, &r, &out, &err) == 0 && out.n_reused == 0, "nothing to reuse");
    gen_result_free(&out);
    OK(generate(state, NULL, sampler, &r, &out, &err) == 0 && out.n_prompt == 8 && out.n_reused == 7,
       "%d of 8 positions are used again", out.n_reused);
    gen_result_free(&out);
}

static void stop_texts(void) {
    static const struct {
        const char *stop, *text;
        gen_stop how;
    } cases[] = {
        {"de", "bc", GEN_STOP_TEXT},   // over two tokens
        {"b", "", GEN_STOP_TEXT},      // at once
        {"dx", "bcdefg", GEN_EOS},     // begins like one, is none
        {"gz", "bcdefg", GEN_EOS},     // held back until the end
        {"bcdefg", "", GEN_STOP_TEXT}, // all of it
        {"cdf", "bcdefg", GEN_EOS},    // breaks off in its middle
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        gen_settings s = greedy_stop(cases[i].stop);
        seen v = go("a", &s);
        OK(says(&v, cases[i].text) && v.result.stop == cases[i].how, "stop \"%s\": \"%s\", %s", cases[i].stop,
           buf_str(&v.result.text), gen_stop_name(v.result.stop));
        OK(streams_what_it_says(&v), "stop \"%s\": streamed \"%s\"", cases[i].stop, buf_str(&v.streamed));
        done(&v);
    }
    gen_settings s = greedy_stop("dx");
    seen v = go("a", &s);
    OK(!strcmp(v.texts[1], "c") && !strcmp(v.texts[2], "") && !strcmp(v.texts[3], "de"),
       "d is held back: \"%s\" \"%s\"", v.texts[2], v.texts[3]);
    done(&v);
    s = greedy_stop("ef");
    gen_knob_parse(gen_knob_find("stop"), "def", &s, NULL);
    v = go("a", &s);
    OK(says(&v, "bc"), "of two that end together the longer cuts: \"%s\"", buf_str(&v.result.text));
    done(&v);
    s = greedy_stop("\u00e9");
    v = go("q", &s);
    OK(says(&v, "") && v.result.stop == GEN_STOP_TEXT && v.result.ids.len == 2, "a stop in two half characters");
    done(&v);
}

static void half_characters(void) {
    gen_settings s = greedy();
    seen v = go("q", &s);
    OK(says(&v, "\u00e9r") && !strcmp(v.texts[0], "") && !strcmp(v.texts[1], "\u00e9"), "\"%s\"",
       buf_str(&v.result.text));
    done(&v);
    s.max_tokens = 1;
    v = go("p", &s);
    OK(says(&v, UTF8_REPLACEMENT) && streams_what_it_says(&v), "half a character at the end: \"%s\"",
       buf_str(&v.result.text));
    done(&v);
}

static void interruptions(void) {
    gen_settings s = greedy();
    seen v = go_with("a", &s, (seen){.stop_after = 2}, true);
    OK(says(&v, "bc") && v.result.stop == GEN_INTERRUPTED && v.result.ids.len == 2, "stopped after two: \"%s\"",
       buf_str(&v.result.text));
    done(&v);
    s = greedy_stop("cx");
    v = go_with("a", &s, (seen){.stop_after = 2}, true);
    OK(says(&v, "bc"), "what was held back stays in the text: \"%s\"", buf_str(&v.result.text));
    done(&v);
    static int32_t prompt[BIGRAM_CTX];
    seen w = {.refuse_prefill = true};
    gen_request r = {.prompt = prompt,
                     .n_prompt = BIGRAM_CTX,
                     .settings = &s,
                     .on_prefill = on_prefill,
                     .on_token = on_token,
                     .arg = &w};
    net_truncate(state, 0);
    w.code = generate(state, NULL, sampler, &r, &w.result, &w.err);
    OK(w.code == 0 && w.prefills == 1 && w.n == 0 && w.result.stop == GEN_INTERRUPTED,
       "stopped while reading the prompt");
    done(&w);
}

static void end_at_e(gen_settings *s, int n) {
    s->n_eos = n >= 3;
    s->eos[0] = bigram_id(&story, "e");
}

static void sliders(void) {
    gen_settings s = greedy();
    seen v = go_with("a", &s, (seen){.change = end_at_e}, true);
    OK(says(&v, "bcd") && v.refreshed == 4, "a change acts on the next token: \"%s\", %d times",
       buf_str(&v.result.text), v.refreshed);
    done(&v);
}

static void scopes(void) {
    gen_settings s = greedy();
    s.no_repeat_ngram = 1;
    s.max_tokens = 2;
    seen v = go("x", &s);
    OK(v.code == 0 && v.ids[0] == bigram_id(&story, "y") && v.ids[1] != bigram_id(&story, "x"),
       "in run a ban sees the prompt");
    done(&v);
    v = go_with("x", &s, (seen){0}, false);
    OK(v.code == 0 && v.ids[1] == bigram_id(&story, "x"), "in chat a ban sees the answer only");
    done(&v);

    // The end token comes again and again; a ban of single tokens must not touch it in chat, and must in run.
    s.ignore_eos = true;
    s.max_tokens = 9;
    s.n_eos = 1;
    s.eos[0] = bigram_id(&story, "z");
    for (int chat = 0; chat < 2; chat++) {
        v = go_with("z", &s, (seen){0}, !chat);
        int ends_seen = 0;
        for (int i = 0; i < v.n; i++) ends_seen += v.ids[i] == s.eos[0];
        OK(ends_seen == (chat ? 9 : 0), "%s: the end token came %d times", chat ? "chat" : "run", ends_seen);
        done(&v);
    }
}

static void seeds(void) {
    gen_settings s = gen_settings_raw();
    s.temperature = 1;
    s.max_tokens = 1;
    int count[3] = {0};
    for (uint64_t seed = 0; seed < 600; seed++) {
        chain_seed(sampler, seed);
        seen v = go("s", &s), again;
        if (v.code == 0 && v.ids[0] < 3) count[v.ids[0]]++;
        chain_seed(sampler, seed);
        again = go("s", &s);
        if (again.ids[0] != v.ids[0]) OK(false, "seed %d gives two answers", (int)seed);
        done(&v);
        done(&again);
    }
    // Probabilities after top-p 0.9 (c stays, since a and b sum to 0.81): 0.506, 0.307, 0.186; 5 standard deviations.
    OK(abs(count[0] - 304) < 61 && abs(count[1] - 184) < 57 && abs(count[2] - 112) < 48, "600 seeds: %d %d %d",
       count[0], count[1], count[2]);
}

static void no_numbers(void) {
    static bigram broken;
    bigram_clear(&broken);
    for (int i = 0; i < BIGRAM_VOCAB; i++) broken.logits[0][i] = NAN;
    bigram_open(&broken, END);
    gen_settings s = greedy();
    int32_t prompt = 0;
    gen_request r = {.prompt = &prompt, .n_prompt = 1, .settings = &s};
    gen_result out;
    error err = {{0}};
    net_state *of_broken = net_state_open(broken.model.net, &(net_options){.threads = 1}, &err);
    for (int beams = 1; beams <= 2; beams++) {
        s.beams = beams;
        OK(generate(of_broken, NULL, sampler, &r, &out, &err) == -1 && strstr(err.text, "damaged"),
           "logits that are no numbers, %d beams: %s", beams, err.text);
        gen_result_free(&out);
    }
    net_state_close(of_broken);
    bigram_close(&broken);
}

static bool candidates_seen;

static bool on_candidates(void *arg, const gen_token *t) {
    (void)arg;
    candidates_seen = t->n_candidates == 3 && t->candidates[0].id == 0 && t->candidates[1].id == 1 &&
                      t->candidates[2].id == 2 && fabs(t->candidates[0].before - 0.5065) < 1e-3 &&
                      t->candidates[0].after == 1 && t->candidates[1].after == 0;
    return true;
}

static void candidates(void) {
    gen_settings s = greedy();
    s.max_tokens = 1;
    int32_t prompt = bigram_id(&story, "s");
    gen_request r = {.prompt = &prompt, .n_prompt = 1, .settings = &s, .n_candidates = 3, .on_token = on_candidates};
    gen_result out;
    error err;
    OK(generate(state, story.model.tokenizer, sampler, &r, &out, &err) == 0 && candidates_seen,
       "candidates carry both probabilities");
    gen_result_free(&out);
}

// ---- beams, against every possible text

enum { LETTERS = 4, DEPTH = 4 };

static bigram maze; // a b c END follow each other with logits of their own

static void open_maze(void) {
    static const char *const words[] = {"a", "b", "c", "<|endoftext|>"};
    bigram_clear(&maze);
    uint32_t x = 12345;
    for (int i = 0; i < LETTERS; i++) maze.tokens[i] = words[i];
    for (int i = 0; i < LETTERS; i++)
        for (int j = 0; j < LETTERS; j++) {
            x = x * 1664525 + 1013904223;
            maze.logits[i][j] = (float)(x >> 8) / (1 << 24) * 3;
        }
    bigram_open(&maze, LETTERS - 1);
}

typedef struct best_text {
    int32_t ids[DEPTH];
    int n;
    double score;
} best_text;

// Tries everything behind ids[0..n) and keeps the best finished text.
static void try_all(const gen_settings *s, int last, int32_t *ids, int n, double sum, best_text *best) {
    for (int next = 0; next < LETTERS; next++) {
        double more = sum + chain_logprob(maze.logits[last], BIGRAM_VOCAB, next);
        ids[n] = next;
        if (next != LETTERS - 1 && n + 1 < s->max_tokens) {
            try_all(s, next, ids, n + 1, more, best);
            continue;
        }
        double score = more / pow(n + 1, s->length_penalty);
        if (score <= best->score) continue;
        *best = (best_text){.n = n + 1, .score = score};
        memcpy(best->ids, ids, (size_t)(n + 1) * sizeof *ids);
    }
}

static void beams(void) {
    error err;
    net_state *st = net_state_open(maze.model.net, &(net_options){.threads = 1}, &err);
    static const double penalties[] = {-1, 0, 0.5, 1, 2};
    for (int start = 0; start < LETTERS - 1; start++)
        for (size_t i = 0; i < sizeof penalties / sizeof *penalties; i++) {
            gen_settings s = greedy();
            s.beams = 64; // wide enough to lose nothing in four steps
            s.max_tokens = DEPTH;
            s.length_penalty = penalties[i];
            int32_t prompt = start, ids[DEPTH];
            best_text best = {.score = -INFINITY};
            try_all(&s, start, ids, 0, 0, &best);
            seen v = {0};
            gen_request r = {.prompt = &prompt, .n_prompt = 1, .settings = &s, .on_token = on_token, .arg = &v};
            v.code = generate(st, maze.model.tokenizer, sampler, &r, &v.result, &v.err);
            bool same = v.code == 0 && v.result.ids.len == (size_t)best.n &&
                        memcmp(v.result.ids.data, best.ids, (size_t)best.n * sizeof *best.ids) == 0;
            OK(same && fabs(v.result.score - best.score) < 1e-4, "from %d, length penalty %g: score %g, expected %g",
               start, penalties[i], v.result.score, best.score);
            OK(v.n == best.n && streams_what_it_says(&v), "the best text is told token by token");
            OK(v.is_end[v.n - 1] == (best.ids[best.n - 1] == LETTERS - 1), "its end is told");
            OK(net_n_past(st) == 1, "the state holds the prompt");
            done(&v);
        }
    net_state_close(st);
}

int main(void) {
    error err;
    open_story();
    state = net_state_open(story.model.net, &(net_options){.threads = 1}, &err);
    sampler = chain_open(BIGRAM_VOCAB, 1);
    ends();
    limits();
    prompts();
    stop_texts();
    half_characters();
    interruptions();
    sliders();
    scopes();
    seeds();
    no_numbers();
    candidates();
    open_maze();
    beams();
    bigram_close(&maze);
    chain_close(sampler);
    net_state_close(state);
    bigram_close(&story);
    return test_end();
}
