// The generator thread, on a tiny model of the shared reference files (skipped without them).
#include "app/prompt.h"
#include "app/worker.h"
#include "tests/models.h"
#include "tests/test.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATIENCE_MS = 60000 };

static char tiny[1024]; // path of the model

// The next event of a request (0: of any), waiting for it; the others are passed over. False when nothing came.
static bool next_event(worker *w, uint64_t request, event *e) {
    for (;;) {
        while (worker_next(w, e)) {
            if (request == 0 || e->request == request) return true;
            event_free(e);
        }
        struct pollfd fd = {.fd = worker_fd(w), .events = POLLIN};
        if (poll(&fd, 1, PATIENCE_MS) <= 0) return false;
    }
}

typedef struct outcome {
    event_type last; // DONE, ERROR, LOADED
    gen_stop stop;
    int n_tokens, n_token_events, n_prefill, prefill_total, dropped, n_past, n_ctx;
    bool had_candidates, chosen_always, sums_up;
    buf streamed, text;
} outcome;

static void outcome_free(outcome *o) {
    buf_free(&o->streamed);
    buf_free(&o->text);
}

typedef struct script {
    int at;                 // after so many tokens
    void (*act)(worker *w); // do this
} script;

// Follows a request to its end.
static outcome follow(worker *w, uint64_t request, const script *s) {
    outcome o = {.last = EVENT_ERROR, .chosen_always = true, .sums_up = true};
    event e;
    while (next_event(w, request, &e)) {
        o.last = e.type;
        o.n_past = e.n_past;
        o.n_ctx = e.n_ctx;
        if (e.type == EVENT_PREFILL) o.n_prefill++, o.prefill_total = e.total;
        if (e.type == EVENT_TOKEN) {
            o.n_token_events++;
            buf_append(&o.streamed, e.text, e.n_text);
            int chosen = 0;
            for (int i = 0; i < e.n_candidates; i++) {
                chosen += e.candidates[i].chosen;
                o.sums_up &= e.candidates[i].before >= 0 && e.candidates[i].before <= 1 &&
                             utf8_valid(e.candidates[i].text, strlen(e.candidates[i].text));
            }
            o.had_candidates |= e.n_candidates >= 10;
            o.chosen_always &= chosen == 1;
            if (s && o.n_token_events == s->at) s->act(w);
        }
        bool ended = e.type == EVENT_DONE || e.type == EVENT_ERROR || e.type == EVENT_LOADED;
        if (ended) {
            buf_append(&o.text, e.text, e.n_text);
            o.stop = e.stop;
            o.n_tokens = e.n_tokens;
            o.dropped = e.dropped_turns;
        }
        event_free(&e);
        if (ended) return o;
    }
    OK(0, "no event came");
    return o;
}

static uint64_t ask(worker *w, const char *text) {
    return worker_ask(w, &(chat_message){"user", text}, 1);
}

static worker *open_with(const worker_options *options) {
    error err = {{0}};
    worker *w = worker_open(options, &err);
    OK(w != NULL, "%s", err.text);
    if (!w) exit(test_end());
    outcome o = follow(w, worker_load(w, tiny), NULL);
    OK(o.last == EVENT_LOADED && worker_model(w), "%s", buf_str(&o.text));
    outcome_free(&o);
    return w;
}

static worker *open_loaded(int n_ctx) {
    return open_with(&(worker_options){.threads = 2, .n_ctx = n_ctx});
}

// Answers of a tiny random model end anywhere; these do not.
static void set_endless(worker *w, int max_tokens) {
    gen_settings s = gen_settings_chat();
    s.ignore_eos = true;
    s.max_tokens = max_tokens;
    worker_set_settings(w, &s);
}

static void cut_to_eight(worker *w) {
    set_endless(w, 8);
}

static void test_answer(void) {
    worker *w = open_loaded(0);
    set_endless(w, 20);
    outcome o = follow(w, ask(w, "Hello"), NULL);
    OK(o.last == EVENT_DONE && o.stop == GEN_LENGTH, "ends at its limit: %s", buf_str(&o.text));
    OK(o.n_tokens == 20 && o.n_token_events == 20, "%d tokens, %d events", o.n_tokens, o.n_token_events);
    OK(o.streamed.len <= o.text.len && memcmp(buf_str(&o.streamed), buf_str(&o.text), o.streamed.len) == 0,
       "the stream is the beginning of the whole");
    OK(utf8_valid(buf_str(&o.text), o.text.len), "and UTF-8");
    OK(o.had_candidates && o.chosen_always && o.sums_up, "candidates: %d %d %d", o.had_candidates, o.chosen_always,
       o.sums_up);
    OK(o.n_past > 20 && o.n_ctx > o.n_past, "context %d of %d", o.n_past, o.n_ctx);
    outcome_free(&o);
    OK(!worker_busy(w) || !worker_next(w, &(event){0}), "idle");
    worker_close(w);
}

static void test_settings_act_at_once(void) {
    worker *w = open_loaded(0);
    set_endless(w, 60);
    outcome o = follow(w, ask(w, "Hello"), &(script){2, cut_to_eight});
    // The thread runs ahead of this one by what it produced meanwhile.
    OK(o.last == EVENT_DONE && o.stop == GEN_LENGTH && o.n_tokens >= 8, "%d tokens", o.n_tokens);
    outcome_free(&o);
    worker_close(w);
}

static void test_stop(void) {
    worker *w = open_loaded(0);
    set_endless(w, 100000);
    outcome o = follow(w, ask(w, "Hello"), &(script){3, worker_stop});
    OK(o.last == EVENT_DONE && (o.stop == GEN_INTERRUPTED || o.stop == GEN_LENGTH), "stopped: %d", o.stop);
    OK(o.n_tokens >= 3, "what was written stays: %d", o.n_tokens);
    outcome_free(&o);

    uint64_t request = ask(w, "Hello again");
    worker_stop(w);
    o = follow(w, request, NULL);
    OK(o.last == EVENT_DONE && o.stop == GEN_INTERRUPTED, "a stop right after asking is not lost");
    outcome_free(&o);

    worker_stop(w);
    set_endless(w, 4);
    o = follow(w, ask(w, "And again"), NULL);
    OK(o.last == EVENT_DONE && o.stop == GEN_LENGTH, "a stop while nothing runs hits nothing");
    outcome_free(&o);
    worker_close(w);
}

static void test_seed(void) {
    worker *w = open_loaded(0);
    set_endless(w, 12);
    outcome first = follow(w, ask(w, "Hello"), NULL);
    worker_reseed(w);
    outcome again = follow(w, ask(w, "Hello"), NULL);
    outcome other = follow(w, ask(w, "Hello"), NULL);
    worker_reseed(w);
    outcome third = follow(w, ask(w, "Hello"), NULL);
    OK(strcmp(buf_str(&again.text), buf_str(&third.text)) == 0, "seeded anew, the same text");
    OK(strcmp(buf_str(&again.text), buf_str(&other.text)) != 0, "going on, another");
    outcome_free(&first);
    outcome_free(&again);
    outcome_free(&other);
    outcome_free(&third);
    worker_close(w);
}

static void test_drafts(void) {
    worker *plain = open_loaded(0);
    worker *drafting = open_with(&(worker_options){.threads = 2, .n_draft = 15, .draft_file = __FILE__});
    set_endless(plain, 80);
    set_endless(drafting, 80);
    for (int i = 0; i < 3; i++) {
        outcome a = follow(plain, ask(plain, "Hello, hello, hello"), NULL);
        outcome b = follow(drafting, ask(drafting, "Hello, hello, hello"), NULL);
        OK(a.n_tokens == 80 && a.text.len == b.text.len && memcmp(a.text.data, b.text.data, a.text.len) == 0,
           "the same text with drafts: \"%s\"", buf_str(&b.text));
        OK(a.n_past == b.n_past && b.n_token_events == 80, "token by token: %d and %d", a.n_past, b.n_past);
        outcome_free(&a);
        outcome_free(&b);
    }
    worker_close(plain);
    worker_close(drafting);
    error err;
    worker *w = worker_open(&(worker_options){.threads = 1, .n_draft = 3, .draft_file = "/nonexistent/log"}, &err);
    outcome o = follow(w, worker_load(w, tiny), NULL);
    OK(o.last == EVENT_ERROR && strstr(buf_str(&o.text), "/nonexistent/log"), "%s", buf_str(&o.text));
    outcome_free(&o);
    worker_close(w);
}

// A conversation closed and opened again goes on as if it had never been closed.
static void test_reopening(void) {
    char *dir = make_folder();
    worker_options options = {.threads = 2, .kv_dir = dir, .kv_cap = (int64_t)1 << 30};
    chat_message talk[] = {{"user", "Tell me one more."}, {"assistant", ""}, {"user", "And another."}};
    outcome open[3];
    for (int way = 0; way < 3; way++) { // stays open; is kept; is asked anew
        worker *w = open_with(&options);
        set_endless(w, 30);
        outcome first = follow(w, worker_ask(w, talk, 1), NULL);
        talk[1].content = buf_str(&first.text);
        worker_keep(w, "one");
        if (way > 0) {
            worker_close(w); // what waits to be kept still is
            w = open_with(&options);
            set_endless(w, 30);
        }
        if (way == 1) worker_recall(w, "one");
        if (way == 2) worker_recall(w, "two");
        open[way] = follow(w, worker_ask(w, talk, 3), NULL);
        outcome_free(&first);
        worker_close(w);
    }
    OK(open[0].text.len == open[1].text.len && memcmp(open[0].text.data, open[1].text.data, open[0].text.len) == 0,
       "\"%s\", reopened \"%s\"", buf_str(&open[0].text), buf_str(&open[1].text));
    OK(open[0].prefill_total == open[1].prefill_total && open[1].prefill_total < open[2].prefill_total,
       "positions read: open %d, reopened %d, anew %d", open[0].prefill_total, open[1].prefill_total,
       open[2].prefill_total);
    for (int way = 0; way < 3; way++) outcome_free(&open[way]);
    remove_file(dir, "one.kv");
    OK(rmdir(dir) == 0, "one state was kept, and nothing else");
    free(dir);
}

static void test_bad_models(void) {
    error err = {{0}};
    worker *w = worker_open(&(worker_options){.threads = 1}, &err);
    outcome o = follow(w, ask(w, "Hello"), NULL);
    OK(o.last == EVENT_ERROR && strstr(buf_str(&o.text), "no model"), "%s", buf_str(&o.text));
    outcome_free(&o);
    o = follow(w, worker_load(w, "/nonexistent/model.gguf"), NULL);
    OK(o.last == EVENT_ERROR && strstr(buf_str(&o.text), "/nonexistent/model.gguf"), "%s", buf_str(&o.text));
    OK(!worker_model(w), "there is no model");
    outcome_free(&o);
    o = follow(w, worker_load(w, tiny), NULL);
    OK(o.last == EVENT_LOADED, "%s", buf_str(&o.text));
    outcome_free(&o);
    const model *m = worker_model(w);
    o = follow(w, worker_load(w, "/dev/null"), NULL);
    OK(o.last == EVENT_ERROR && worker_model(w) == m, "a bad file leaves the old model: %s", buf_str(&o.text));
    outcome_free(&o);
    set_endless(w, 4);
    uint64_t answer = ask(w, "Hello"), load = worker_load(w, tiny), second = ask(w, "Hello");
    o = follow(w, answer, NULL);
    OK(o.last == EVENT_DONE && o.n_tokens == 4, "which still answers");
    outcome_free(&o);
    o = follow(w, load, NULL);
    OK(o.last == EVENT_LOADED && worker_model(w), "loaded again while requests wait");
    outcome_free(&o);
    o = follow(w, second, NULL);
    OK(o.last == EVENT_DONE && o.n_tokens == 4, "and answers");
    outcome_free(&o);
    worker_close(w);
}

static void test_long_conversations(void) {
    enum { N_CTX = 96, N = 41 };
    worker *w = open_loaded(N_CTX);
    set_endless(w, 6);
    char *big = mem_calloc(20000, 1);
    memset(big, 'x', 19999);
    outcome o = follow(w, ask(w, big), NULL);
    OK(o.last == EVENT_ERROR && strstr(buf_str(&o.text), "96"), "too long alone: %s", buf_str(&o.text));
    outcome_free(&o);
    free(big);

    chat_message messages[N];
    for (int i = 0; i < N; i++) messages[i] = (chat_message){i % 2 ? "assistant" : "user", "One more thing."};
    o = follow(w, worker_ask(w, messages, N), NULL);
    OK(o.last == EVENT_DONE && o.dropped > 0 && o.dropped % 2 == 0 && o.dropped < N,
       "whole turns are left out: %d (%s)", o.dropped, buf_str(&o.text));
    OK(o.n_tokens == 6 && o.n_past <= N_CTX, "with room for the answer: %d tokens, %d used", o.n_tokens, o.n_past);
    outcome_free(&o);
    worker_close(w);
}

static void test_fit(void) {
    model m;
    error err = {{0}};
    if (model_open(&m, tiny, 1, MODEL_NO_WEIGHTS, &err) != 0) {
        OK(0, "%s", err.text);
        return;
    }
    enum { N = 31 };
    chat_message messages[N + 1] = {{"system", "Be brief."}};
    for (int i = 0; i < N; i++) messages[i + 1] = (chat_message){i % 2 ? "assistant" : "user", "Tell me one more."};
    id_list all = {0}, cut = {0}, next = {0};
    int dropped;
    OK(prompt_fit(&m, messages, N + 1, 100000, 512, &all, &dropped, &err) == 0 && dropped == 0, "all fits: %s",
       err.text);
    int n_ctx = (int)all.len - 1;
    OK(prompt_fit(&m, messages, N + 1, n_ctx, 10, &cut, &dropped, &err) == 0 && dropped > 0, "one too many");
    OK(cut.len + 10 <= (size_t)n_ctx, "leaves room");
    // The system message stands in front, the last message at the end.
    size_t same = 0, tail = 0;
    while (same < cut.len && cut.data[same] == all.data[same]) same++;
    while (tail < cut.len && cut.data[cut.len - 1 - tail] == all.data[all.len - 1 - tail]) tail++;
    OK(same > 3 && same + tail >= cut.len, "front %zu and end %zu of %zu are kept", same, tail, cut.len);
    // One more exchange: mostly the same turns are left out, so that the cache's prefix serves again.
    int later;
    chat_message longer[N + 3];
    memcpy(longer, messages, sizeof messages);
    longer[N + 1] = (chat_message){"assistant", "Ok."};
    longer[N + 2] = (chat_message){"user", "Ok."};
    OK(prompt_fit(&m, longer, N + 3, n_ctx, 10, &next, &later, &err) == 0 && later == dropped,
       "left out before %d, after %d", dropped, later);
    char shown[24];
    bool fits = true;
    for (int32_t id = 0; id < tokenizer_n_vocab(m.tokenizer); id++) {
        memset(shown, 'Z', sizeof shown);
        prompt_show_token(m.tokenizer, id, shown, sizeof shown);
        size_t n = strnlen(shown, sizeof shown);
        fits &= n < sizeof shown && utf8_valid(shown, n) && !strpbrk(shown, " \n\r\t\x1b\x7f");
    }
    OK(fits, "every token can be shown");
    id_list_free(&all);
    id_list_free(&cut);
    id_list_free(&next);
    model_close(&m);
}

// A conversation that goes on and on: the turns left out change seldom, and in between each prompt begins with all of the
// one before, so that the cache serves again.
static void test_shifting(void) {
    enum { N_CTX = 400, EXCHANGES = 60 };
    model m;
    error err = {{0}};
    if (model_open(&m, tiny, 1, MODEL_NO_WEIGHTS, &err) != 0) {
        OK(0, "%s", err.text);
        return;
    }
    chat_message messages[2 * EXCHANGES + 1] = {{"system", "Be brief."}};
    id_list before = {0}, now = {0};
    int n = 1, shifts = 0, was_dropped = 0, too_long = 0, lost = 0;
    size_t added = 0;
    for (int i = 0; i < EXCHANGES; i++) {
        messages[n++] = (chat_message){"user", i % 3 ? "Tell me one more." : "And then?"};
        int dropped;
        if (prompt_fit(&m, messages, (size_t)n, N_CTX, 50, &now, &dropped, &err) != 0) lost++;
        too_long += now.len + 50 > N_CTX;
        size_t same = 0;
        while (same < before.len && same < now.len && before.data[same] == now.data[same]) same++;
        if (dropped != was_dropped)
            shifts++;
        else
            lost += same < before.len;
        if (dropped == was_dropped) added = now.len - before.len;
        was_dropped = dropped;
        before.len = 0;
        id_list_append(&before, now.data, now.len);
        messages[n++] = (chat_message){"assistant", i % 2 ? "It is so." : "No, it is not."};
    }
    OK(was_dropped > 0 && too_long == 0, "every prompt fits: %d left out", was_dropped);
    OK(lost == 0, "%d prompts do not begin with the one before", lost);
    OK(shifts > 2 && (size_t)shifts <= EXCHANGES * added / (N_CTX / 4) + 1, "%d shifts in %d exchanges of %zu tokens",
       shifts, EXCHANGES, added);
    id_list_free(&before);
    id_list_free(&now);
    model_close(&m);
}

static void test_close_while_busy(void) {
    worker *w = open_loaded(0);
    set_endless(w, 100000);
    ask(w, "Hello");
    ask(w, "Hello");
    worker_load(w, tiny);
    event e;
    if (next_event(w, 0, &e)) event_free(&e);
    worker_close(w);
    worker_close(NULL);
    OK(1, "closed");
}

int main(void) {
    const char *tests = getenv("TESTS");
    snprintf(tiny, sizeof tiny, "%s/../../shared/goldens/models/gguf/llama-f32.gguf", tests ? tests : "tests");
    if (access(tiny, R_OK) != 0) {
        SKIP("%s is not there", tiny);
        return test_end();
    }
    test_answer();
    test_settings_act_at_once();
    test_stop();
    test_seed();
    test_drafts();
    test_reopening();
    test_bad_models();
    test_long_conversations();
    test_fit();
    test_shifting();
    test_close_while_busy();
    return test_end();
}
