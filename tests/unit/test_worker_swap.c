// Adapters that are taken up while an answer runs, and a model that is kept by somebody else while another is loaded.
#include "app/worker.h"
#include "tests/small.h"
#include "tests/test.h"

#include <poll.h>

enum { PATIENCE_MS = 60000, TOKENS = 400 };

static char *folder, *model_path;

typedef struct outcome {
    event_type last;
    int adapted_at; // tokens that had come before; -1: not
    buf text;
} outcome;

// Follows request to its end; after `at` tokens act is called, which gives a request whose end is looked for as well.
static outcome follow(worker *w, uint64_t request, int at, uint64_t (*act)(worker *w)) {
    outcome o = {.last = EVENT_ERROR, .adapted_at = -1};
    uint64_t other = 0;
    int n = 0;
    bool ended = false;
    while (!ended || other) {
        event e;
        struct pollfd fd = {.fd = worker_fd(w), .events = POLLIN};
        if (poll(&fd, 1, PATIENCE_MS) <= 0) break;
        while (worker_next(w, &e)) {
            bool ours = e.request == request, last = e.type != EVENT_TOKEN && e.type != EVENT_PREFILL;
            if (ours && e.type == EVENT_TOKEN && ++n == at) other = act(w);
            if (other && e.request == other && last) {
                o.adapted_at = ended || e.type != EVENT_ADAPTED ? -1 : n;
                other = 0;
            }
            if (ours && last) {
                ended = true;
                o.last = e.type;
                buf_puts(&o.text, e.text);
            }
            event_free(&e);
        }
    }
    return o;
}

// The same, when only how it ended matters.
static event_type finish(worker *w, uint64_t request) {
    outcome o = follow(w, request, 0, NULL);
    buf_free(&o.text);
    return o.last;
}

static outcome ask(worker *w, int at, uint64_t (*act)(worker *w)) {
    static const chat_message message = {"user", "HelloThere"};
    worker_reseed(w);
    outcome o = follow(w, worker_ask(w, &message, 1), at, act);
    OK(o.last == EVENT_DONE, "an answer: %s", buf_str(&o.text));
    return o;
}

static uint64_t adapt(worker *w) {
    char *path = path_of(folder, "lora.gguf");
    uint64_t n = worker_adapt(w, &(worker_adapter){path, 1}, 1);
    free(path);
    return n;
}

static uint64_t adapt_to_nothing(worker *w) {
    return worker_adapt(w, NULL, 0);
}

static uint64_t adapt_badly(worker *w) {
    return worker_adapt(w, &(worker_adapter){"/no/such/adapter", 1}, 1);
}

static size_t common(const buf *a, const buf *b) {
    size_t n = 0;
    while (n < a->len && n < b->len && a->data[n] == b->data[n]) n++;
    return n;
}

// Whether the swap comes before the end of so short an answer is up to the system: one time of many is enough.
static void test_swap(worker *w) {
    outcome bare = ask(w, 0, NULL), swapped = {.adapted_at = -1};
    for (int i = 0; i < 50 && swapped.adapted_at < 0; i++) {
        finish(w, adapt_to_nothing(w));
        buf_free(&swapped.text);
        swapped = ask(w, 4, adapt);
    }
    OK(swapped.adapted_at >= 4 && swapped.adapted_at < TOKENS, "taken up after %d tokens", swapped.adapted_at);
    size_t same = common(&bare.text, &swapped.text);
    OK(same >= 4 && same < bare.text.len, "the answer is another one from byte %zu of %zu on", same, bare.text.len);
    outcome with = ask(w, 0, NULL);
    OK(common(&with.text, &bare.text) < bare.text.len, "the next answer has the adapter from its beginning");
    // Like the one after it, it finds the prompt evaluated: that is to the bit what makes two answers alike.
    outcome kept = ask(w, 0, NULL), refused = ask(w, 4, adapt_badly);
    OK(common(&refused.text, &kept.text) == kept.text.len && refused.text.len == kept.text.len,
       "one that cannot be opened changes nothing");
    finish(w, adapt_to_nothing(w));
    outcome again = ask(w, 0, NULL);
    OK(common(&again.text, &bare.text) == bare.text.len, "and back");
    buf_free(&bare.text);
    buf_free(&swapped.text);
    buf_free(&with.text);
    buf_free(&kept.text);
    buf_free(&refused.text);
    buf_free(&again.text);
}

// What was asked for before a question acts on all of its answer.
static void test_order(worker *w) {
    outcome bare = ask(w, 0, NULL);
    for (int i = 0; i < 20; i++) {
        static const chat_message message = {"user", "HelloThere"};
        worker_reseed(w);
        uint64_t first = worker_ask(w, &message, 1);
        adapt(w);
        worker_reseed(w);
        uint64_t second = worker_ask(w, &message, 1);
        finish(w, first);
        worker_reseed(w);
        outcome o = follow(w, second, 0, NULL), whole = ask(w, 0, NULL);
        if (!OK(o.last == EVENT_DONE && common(&o.text, &bare.text) < bare.text.len, "the second answer has it"))
            i = 20;
        buf_free(&o.text);
        buf_free(&whole.text);
        finish(w, adapt_to_nothing(w));
    }
    buf_free(&bare.text);
}

static void test_hold(worker *w) {
    held_model *m = worker_hold_model(w);
    OK(m && held_model_get(m) == worker_model(w) && held_model_is(m, model_path), "held");
    OK(finish(w, worker_load(w, model_path)) == EVENT_LOADED, "another is loaded");
    OK(held_model_get(m) != worker_model(w), "in place of it");
    const net_options o = {.n_ctx = 16, .threads = 1};
    error err = {{0}};
    net_state *s = net_state_open(held_model_get(m)->net, &o, &err);
    int32_t id = 3;
    OK(s && net_eval(s, &id, 1, NULL, NULL, &err) == 0, "what is held can be used: %s", err.text);
    net_state_close(s);
    held_model_drop(m);
}

// Closing while an adapter is being prepared, at many moments.
static void test_close(void) {
    error err = {{0}};
    for (int i = 0; i < 20; i++) {
        static const chat_message message = {"user", "Hello"};
        worker *w = worker_open(&(worker_options){.threads = 1}, &err);
        if (!OK(w != NULL, "%s", err.text)) return;
        worker_load(w, model_path);
        worker_ask(w, &message, 1);
        for (int k = 0; k < i; k++) adapt(w);
        worker_close(w);
    }
}

int main(void) {
    error err = {{0}};
    const small_options plain = {.seed = 1};
    folder = make_folder();
    small_write(folder, "small.gguf", &plain);
    small_write_adapter(folder, "lora.gguf", 0.2f);
    model_path = path_of(folder, "small.gguf");
    worker *w = worker_open(&(worker_options){.threads = 1}, &err);
    if (OK(w != NULL, "%s", err.text)) {
        gen_settings s = gen_settings_raw();
        s.temperature = 0;
        s.max_tokens = TOKENS;
        s.ignore_eos = true;
        worker_set_settings(w, &s);
        OK(finish(w, worker_load(w, model_path)) == EVENT_LOADED, "loading");
        test_swap(w);
        test_order(w);
        test_hold(w);
        worker_close(w);
    }
    test_close();
    remove_file(folder, "small.gguf");
    remove_file(folder, "lora.gguf");
    rmdir(folder);
    free(model_path);
    free(folder);
    return test_end();
}
