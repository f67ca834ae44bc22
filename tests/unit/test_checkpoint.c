// Checkpoints: what is saved comes back to the last bit, and nothing else is taken for one.
#include "model/learn/checkpoint.h"
#include "tests/models.h"
#include "tests/test.h"

#include <math.h>
#include <signal.h>
#include <sys/resource.h>

static param_set make_set(int cols) {
    param_set set = {0};
    error err;
    param *a = param_add(&set, "blk.0.attn_q.weight.lora_a", 3, cols, true, &err);
    param *b = param_add(&set, "output_norm.weight", 1, 5, false, &err);
    if (!a || !b) abort();
    float x = 0.1f;
    for (size_t i = 0; i < set.n; i++)
        for (size_t k = 0, n = param_count(set.items[i]); k < n; k++, x *= -1.37f) {
            set.items[i]->w[k] = x;
            set.items[i]->m[k] = x / 3;
            set.items[i]->v[k] = x * x;
        }
    return set;
}

static const checkpoint sample = {.step = 120,
                                  .tokens = INT64_C(5000000000),
                                  .seconds = 61.0 / 7,
                                  .base = UINT64_C(0xfedcba9876543210),
                                  .data = 77,
                                  .seed = 1,
                                  .micro_batch = 2,
                                  .threads = 8,
                                  .kernels = "avx512",
                                  .products = "bf16",
                                  .evaluated = 100,
                                  .best_step = 80,
                                  .best_loss = 10.0 / 3,
                                  .worse = 1,
                                  .least_copied = INFINITY,
                                  .copying = 1};

static bool same_state(const checkpoint *a, const checkpoint *b) {
    return a->step == b->step && a->tokens == b->tokens && a->seconds == b->seconds && a->base == b->base &&
           a->data == b->data && a->seed == b->seed && a->micro_batch == b->micro_batch && a->threads == b->threads &&
           strcmp(a->kernels, b->kernels) == 0 && strcmp(a->products, b->products) == 0 &&
           a->evaluated == b->evaluated && a->best_step == b->best_step && a->best_loss == b->best_loss &&
           a->worse == b->worse && a->least_copied == b->least_copied && a->copying == b->copying;
}

static void test_round_trip(const char *path) {
    param_set set = make_set(7), other = make_set(7);
    checkpoint got, read;
    error err;
    for (size_t i = 0; i < other.n; i++) memset(other.items[i]->w, 0, 4 * param_count(other.items[i]) * sizeof(float));
    OK(checkpoint_save(path, &sample, &set, &err) == 0, "saving: %s", err.text);
    OK(checkpoint_read(path, &read, &err) == 0 && same_state(&read, &sample), "reading the numbers: %s", err.text);
    OK(checkpoint_load(path, &got, &other, &err) == 0 && same_state(&got, &sample), "loading: %s", err.text);
    for (size_t i = 0; i < set.n; i++) {
        const param *p = set.items[i], *q = other.items[i];
        size_t bytes = param_count(p) * sizeof(float);
        OK(memcmp(p->w, q->w, bytes) == 0 && memcmp(p->m, q->m, bytes) == 0 && memcmp(p->v, q->v, bytes) == 0,
           "%s to the last bit", p->name);
    }
    struct stat st;
    OK(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600, "it is private");
    param_set_free(&set);
    param_set_free(&other);
}

static void test_others(const char *path) {
    param_set wider = make_set(8), fewer = make_set(7);
    checkpoint got;
    error err = {""};
    OK(checkpoint_load(path, &got, &wider, &err) == -1 && strstr(err.text, "another model"), "another shape: %s",
       err.text);
    size_t n = fewer.n;
    fewer.n = 1;
    OK(checkpoint_load(path, &got, &fewer, &err) == -1, "fewer parameters: %s", err.text);
    fewer.n = n;
    OK(checkpoint_load("/nowhere/at/all", &got, &fewer, &err) == -1 && strstr(err.text, "no checkpoint"), "%s",
       err.text);
    param_set_free(&wider);
    param_set_free(&fewer);
}

// Every proper beginning of the file, and one byte more than it.
static void test_cut(const char *folder, const char *path) {
    static char bytes[4096];
    FILE *f = fopen(path, "rb");
    size_t n = f ? fread(bytes, 1, sizeof bytes - 1, f) : 0, taken = 0;
    if (f) fclose(f);
    param_set set = make_set(7);
    checkpoint got;
    error err;
    char *cut = path_of(folder, "cut");
    OK(n > 500 && n < sizeof bytes - 1, "the whole file: %zu bytes", n);
    for (size_t k = 0; k <= n + 1; k++) {
        write_file(folder, "cut", bytes, k);
        if (k != n) taken += checkpoint_load(cut, &got, &set, &err) == 0;
    }
    OK(taken == 0, "%zu damaged files were taken", taken);
    char *line = strstr(bytes, "step ");
    line[5] = '-';
    write_file(folder, "cut", bytes, n);
    OK(checkpoint_read(cut, &got, &err) == -1 && strstr(err.text, "damaged"), "a step that is no number: %s", err.text);
    remove_file(folder, "cut");
    free(cut);
    param_set_free(&set);
}

// A save that fails leaves what was there.
static void test_kept(const char *path) {
    param_set set = make_set(7);
    checkpoint got, newer = sample;
    error err = {""};
    newer.step = 121;
    // A limit on the size of files stands for a full disk.
    struct rlimit before, small;
    getrlimit(RLIMIT_FSIZE, &before);
    small = (struct rlimit){400, before.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
    OK(checkpoint_save(path, &newer, &set, &err) == -1 && strstr(err.text, path), "no room: %s", err.text);
    setrlimit(RLIMIT_FSIZE, &before);
    OK(checkpoint_read(path, &got, &err) == 0 && got.step == 120, "the old one is still there");
    OK(checkpoint_save(path, &newer, &set, &err) == 0 && checkpoint_read(path, &got, &err) == 0 && got.step == 121,
       "a newer one takes its place");
    param_set_free(&set);
}

int main(void) {
    char *folder = make_folder(), *path = path_of(folder, "state");
    test_round_trip(path);
    test_others(path);
    test_cut(folder, path);
    test_kept(path);
    remove(path);
    rmdir(folder);
    free(path);
    free(folder);
    return test_end();
}
