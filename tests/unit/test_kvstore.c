// States of conversations on disk: kept, recalled, forgotten, and never more than the cap allows.
#include "app/kvstore.h"
#include "tests/test.h"
#include "tests/small.h"

#include <fcntl.h>
#include <sys/stat.h>

static small t;
static kvstore store;

static char *state_path(const char *name) {
    buf b = {0};
    buf_printf(&b, "%s/%s.kv", store.dir, name);
    return buf_take(&b);
}

static bool is_kept(const char *name) {
    char *path = state_path(name);
    bool there = access(path, F_OK) == 0;
    free(path);
    return there;
}

// Makes a state look as if it had been used at that second.
static void set_age(const char *name, long second) {
    char *path = state_path(name);
    const struct timespec times[2] = {{.tv_sec = second}, {.tv_sec = second}};
    if (utimensat(AT_FDCWD, path, times, 0) != 0) OK(0, "%s is not there", path);
    free(path);
}

static void fill(net_state *s, int n, int32_t first) {
    error err;
    int32_t ids[200];
    for (int i = 0; i < n; i++) ids[i] = (first + i) % SMALL_VOCAB;
    net_truncate(s, 0);
    net_eval(s, ids, n, NULL, NULL, &err);
}

static void names(void) {
    static const char *const good[] = {"1", "a-b_C9",
                                       "0123456789012345678901234567890123456789012345678901234567890123"};
    static const char *const bad[] = {
        "",  "a b",  "../a",   "a/b",
        ".", "a.kv", "\u00e9", "01234567890123456789012345678901234567890123456789012345678901234"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) OK(kvstore_is_name(good[i]), "%s", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) OK(!kvstore_is_name(bad[i]), "%s", bad[i]);
}

static void keeping(net_state *s, net_state *r) {
    error err = {{0}};
    snapshot_extra extra = {.n = 2, .bytes = "hi"}, back;
    fill(s, 50, 3);
    OK(kvstore_keep(&store, "one", s, &extra, &err) == 0, "kept: %s", err.text);
    struct stat st;
    OK(stat(store.dir, &st) == 0 && (st.st_mode & 0777) == 0700, "the folder is private");
    OK(kvstore_recall(&store, "one", r, &back, &err) == 0 && net_n_past(r) == 50 && back.n == 2, "recalled: %s",
       err.text);
    OK(memcmp(net_logits(r), net_logits(s), SMALL_VOCAB * sizeof(float)) == 0, "as it was");
    fill(s, 60, 9);
    OK(kvstore_keep(&store, "one", s, NULL, &err) == 0 && kvstore_recall(&store, "one", r, NULL, &err) == 0 &&
           net_n_past(r) == 60,
       "the newest state counts");
    OK(kvstore_recall(&store, "two", r, NULL, &err) == -1 && net_n_past(r) == 0, "none was kept: %s", err.text);
    OK(kvstore_keep(&store, "../two", s, NULL, &err) == -1 && strstr(err.text, "../two"), "a bad name: %s", err.text);
    kvstore_forget(&store, "one");
    OK(!is_kept("one"), "forgotten");
    kvstore_forget(&store, "one");

    // Damaged: said, and gone.
    kvstore_keep(&store, "one", s, NULL, &err);
    char *path = state_path("one");
    OK(truncate(path, 1000) == 0 && kvstore_recall(&store, "one", r, NULL, &err) == -1 && !is_kept("one"),
       "a damaged state goes: %s", err.text);
    free(path);

    kvstore none = {.dir = NULL, .cap = 1 << 20}, zero = {.dir = store.dir, .cap = 0};
    OK(kvstore_keep(&none, "one", s, NULL, &err) == -1 && kvstore_recall(&none, "one", r, NULL, &err) == -1,
       "no folder");
    OK(kvstore_keep(&zero, "one", s, NULL, &err) == -1 && !is_kept("one"), "no room: %s", err.text);
    kvstore_forget(&none, NULL);
    char *file = path_of(t.folder, "small.gguf");
    kvstore blocked = {.dir = file, .cap = 1 << 30};
    OK(kvstore_keep(&blocked, "one", s, NULL, &err) == -1, "a folder that is a file: %s", err.text);
    free(file);
}

static void cap(net_state *s) {
    error err;
    fill(s, 100, 1);
    int64_t each = (int64_t)snapshot_size(s);
    store.cap = 3 * each;
    const char *const order[] = {"a", "b", "c"};
    for (int i = 0; i < 3; i++) {
        OK(kvstore_keep(&store, order[i], s, NULL, &err) == 0, "kept %s", order[i]);
        set_age(order[i], 1000 + i);
    }
    OK(is_kept("a") && is_kept("b") && is_kept("c"), "three fit");
    write_file(store.dir, "notes.txt", "mine", 4);
    OK(kvstore_recall(&store, "a", s, NULL, &err) == 0, "a is used again");
    OK(kvstore_keep(&store, "d", s, NULL, &err) == 0, "a fourth");
    OK(is_kept("a") && !is_kept("b") && is_kept("c") && is_kept("d"), "that which was not used for longest is out");
    OK(kvstore_keep(&store, "c", s, NULL, &err) == 0 && is_kept("a") && is_kept("d"), "a state takes its own place");
    store.cap = each - 1;
    OK(kvstore_keep(&store, "c", s, NULL, &err) == -1 && !is_kept("c"), "too large alone: %s", err.text);
    OK(is_kept("a") && is_kept("d"), "which drops no other");
    kvstore_forget(&store, NULL);
    OK(!is_kept("a") && !is_kept("d"), "all forgotten");
    char *notes = path_of(store.dir, "notes.txt");
    OK(access(notes, F_OK) == 0, "what is not doppel's stays");
    remove(notes);
    free(notes);
}

int main(void) {
    error err;
    small_open(&t, (small_options){.seed = 1});
    store = (kvstore){.dir = path_of(t.folder, "kv"), .cap = (int64_t)1 << 30};
    net_state *s = net_state_open(t.model.net, &(net_options){.n_ctx = 200, .threads = 1}, &err);
    net_state *r = net_state_open(t.model.net, &(net_options){.n_ctx = 200, .threads = 1}, &err);
    names();
    keeping(s, r);
    cap(s);
    rmdir(store.dir);
    free(store.dir);
    net_state_close(s);
    net_state_close(r);
    small_close(&t);
    return test_end();
}
