// Adapters in the generator thread: taken up, refused, weakened while an answer runs. On a tiny model of the shared
// reference files (skipped without them).
#include "app/worker.h"
#include "tests/models.h"
#include "tests/test.h"

#include <poll.h>
#include <time.h>

enum { PATIENCE_MS = 60000, TOKENS = 24, MANY_TOKENS = 200 };

// Waits for the end of a request; *text is the answer of an EVENT_DONE, the message of an EVENT_ERROR. act is called
// after `at` tokens.
static event_type follow(worker *w, uint64_t request, int at, void (*act)(worker *w), buf *text) {
    event e;
    int n_tokens = 0;
    for (;;) {
        while (worker_next(w, &e)) {
            event_type type = e.type;
            bool ours = e.request == request, ended = ours && type != EVENT_TOKEN && type != EVENT_PREFILL;
            if (ours && type == EVENT_TOKEN && ++n_tokens == at && act) act(w);
            if (ended) {
                buf_clear(text);
                buf_puts(text, e.text);
            }
            event_free(&e);
            if (ended) return type;
        }
        struct pollfd fd = {.fd = worker_fd(w), .events = POLLIN};
        if (poll(&fd, 1, PATIENCE_MS) <= 0) return EVENT_ERROR;
    }
}

static void ask(worker *w, int at, void (*act)(worker *w), buf *text) {
    static const chat_message question = {"user", "Tell me about the sea and about the mountains."};
    uint64_t n = worker_ask(w, &question, 1);
    OK(follow(w, n, at, act, text) == EVENT_DONE, "an answer: %s", buf_str(text));
}

static void weaken(worker *w) {
    worker_set_strength(w, 0, 0);
}

static bool same(const buf *a, const buf *b) {
    return strcmp(buf_str(a), buf_str(b)) == 0;
}

// The strength has to change before the answer ends. On a busy machine this thread may not get a turn in so short a
// time: the answer is a long one, and there are as many as it takes.
static void test_running(worker *w) {
    buf strong = {0}, text = {0};
    gen_settings s, before;
    worker_get_settings(w, &before);
    s = before;
    s.max_tokens = MANY_TOKENS;
    s.ignore_eos = true;
    worker_set_settings(w, &s);
    ask(w, 0, NULL, &strong);
    bool acted = false;
    for (time_t until = time(NULL) + PATIENCE_MS / 1000; !acted && time(NULL) < until;) {
        worker_set_strength(w, 0, 2);
        ask(w, 4, weaken, &text);
        acted = !same(&strong, &text);
    }
    OK(acted, "a strength that is changed while the answer runs acts on the rest of it");
    worker_set_settings(w, &before);
    buf_free(&strong);
    buf_free(&text);
}

static void test_strengths(worker *w, const char *path) {
    buf bare = {0}, strong = {0}, text = {0};
    ask(w, 0, NULL, &bare);
    uint64_t n = worker_adapt(w, &(worker_adapter){path, 2}, 1);
    OK(follow(w, n, 0, NULL, &text) == EVENT_ADAPTED, "taken up: %s", buf_str(&text));
    ask(w, 0, NULL, &strong);
    OK(!same(&bare, &strong), "the adapter changes the answer");
    weaken(w);
    ask(w, 0, NULL, &text);
    OK(same(&bare, &text), "strength 0 is the bare model, with nothing left over in the cache");
    worker_set_strength(w, 0, 2);
    ask(w, 0, NULL, &text);
    OK(same(&strong, &text), "and back");
    test_running(w);
    ask(w, 0, NULL, &text);
    OK(same(&bare, &text), "and on the next answer");
    buf_free(&bare);
    buf_free(&strong);
    buf_free(&text);
}

static void test_lists(worker *w, const char *path) {
    buf bare = {0}, strong = {0}, text = {0};
    follow(w, worker_adapt(w, NULL, 0), 0, NULL, &text);
    ask(w, 0, NULL, &bare);
    const worker_adapter twice[] = {{path, 1}, {path, 1}};
    OK(follow(w, worker_adapt(w, twice, 2), 0, NULL, &text) == EVENT_ADAPTED, "two at once: %s", buf_str(&text));
    ask(w, 0, NULL, &strong);
    OK(!same(&bare, &strong), "two adapters change the answer");
    const worker_adapter bad[] = {{path, 0.5f}, {"/no/such/adapter", 1}};
    OK(follow(w, worker_adapt(w, bad, 2), 0, NULL, &text) == EVENT_ERROR && strstr(buf_str(&text), "/no/such"),
       "one that is not there: %s", buf_str(&text));
    ask(w, 0, NULL, &text);
    OK(same(&strong, &text), "the others stay as they were");
    worker_set_strength(w, 0, 0);
    worker_set_strength(w, 1, 0);
    worker_set_strength(w, 99, 0);
    ask(w, 0, NULL, &text);
    OK(same(&bare, &text), "and their strengths can be changed");
    buf_free(&bare);
    buf_free(&strong);
    buf_free(&text);
}

int main(void) {
    error err = {{0}};
    char *model = golden("llama"), *path = golden("../train/lora/llama-all-final");
    if (!model || !path) {
        SKIP("no golden models here");
        return test_end();
    }
    worker *w = worker_open(&(worker_options){.threads = 1}, &err);
    if (OK(w != NULL, "%s", err.text)) {
        buf text = {0};
        OK(follow(w, worker_adapt(w, &(worker_adapter){path, 1}, 1), 0, NULL, &text) == EVENT_ERROR,
           "no model, no adapter: %s", buf_str(&text));
        gen_settings s = gen_settings_chat();
        s.temperature = 0;
        s.max_tokens = TOKENS;
        s.seed = 1;
        worker_set_settings(w, &s);
        OK(follow(w, worker_load(w, model), 0, NULL, &text) == EVENT_LOADED, "loading: %s", buf_str(&text));
        test_strengths(w, path);
        test_lists(w, path);
        OK(follow(w, worker_load(w, model), 0, NULL, &text) == EVENT_LOADED, "loading again with adapters in use");
        buf_free(&text);
        worker_close(w);
    }
    free(model);
    free(path);
    return test_end();
}
