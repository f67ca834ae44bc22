// States saved and restored: bit for bit, by their rightful owner, and never from a file that is anything else.
#include "model/base/hash.h"
#include "model/net/snapshot.h"
#include "tests/test.h"
#include "tests/small.h"

#include <sys/stat.h>

enum { N_PROMPT = 77, N_CTX = 300 };

static small t;
static char *file; // the snapshot
static int32_t prompt[400];

static net_state *open_state(const net *n, net_cache cache, int threads, int n_ctx) {
    error err = {{0}};
    net_state *s = net_state_open(n, &(net_options){.n_ctx = n_ctx, .threads = threads, .cache = cache}, &err);
    if (s) return s;
    printf("%s\n", err.text);
    abort();
}

static net_state *filled_state(net_cache cache) {
    error err;
    net_state *s = open_state(t.model.net, cache, 2, N_CTX);
    net_eval(s, prompt, N_PROMPT - 3, NULL, NULL, &err);
    for (int i = N_PROMPT - 3; i < N_PROMPT; i++) net_eval(s, prompt + i, 1, NULL, NULL, &err);
    return s;
}

static bool same_logits(const net_state *a, const net_state *b) {
    return memcmp(net_logits(a), net_logits(b), SMALL_VOCAB * sizeof(float)) == 0;
}

static bool goes_on_alike(net_state *a, net_state *b) {
    error err;
    bool same = true;
    for (int i = 0; i < 20; i++) {
        net_eval(a, prompt + 200 + i, 1, NULL, NULL, &err);
        net_eval(b, prompt + 200 + i, 1, NULL, NULL, &err);
        same &= same_logits(a, b);
    }
    net_eval(a, prompt, 40, NULL, NULL, &err);
    net_eval(b, prompt, 40, NULL, NULL, &err);
    return same && same_logits(a, b) && net_n_past(a) == net_n_past(b);
}

static void bit_for_bit(net_cache cache) {
    error err = {{0}};
    snapshot_extra extra = {.n = 3, .bytes = "abc"}, back = {.n = 99};
    net_state *s = filled_state(cache), *r = open_state(t.model.net, cache, 2, N_CTX - 50);
    OK(snapshot_save(s, &extra, file, &err) == 0, "saved: %s", err.text);
    struct stat st;
    OK(stat(file, &st) == 0 && (st.st_mode & 0777) == 0600, "private");
    OK((uint64_t)st.st_size <= snapshot_size(s), "%lld bytes, expected at most %llu", (long long)st.st_size,
       (unsigned long long)snapshot_size(s));
    net_eval(r, prompt + 100, 120, NULL, NULL, &err); // what stood there before leaves no trace
    OK(snapshot_restore(r, &back, file, &err) == 0, "restored: %s", err.text);
    OK(snapshot_length(file) == N_PROMPT && snapshot_length("/dev/null") == 0 && snapshot_length("none") == 0,
       "the file says how many positions it has");
    OK(net_n_past(r) == N_PROMPT && memcmp(net_past(r), prompt, N_PROMPT * sizeof *prompt) == 0, "the ids are back");
    OK(same_logits(s, r), "the logits are back");
    OK(back.n == 3 && memcmp(back.bytes, "abc", 3) == 0, "the extra bytes are back");
    OK(net_reuse(r, prompt, N_PROMPT + 9) == N_PROMPT, "and are used again");
    OK(goes_on_alike(s, r), "cache %d: goes on as if never closed", (int)cache);
    net_state_close(r);
    net_state_close(s);
}

static void ends(void) {
    error err;
    net_state *s = open_state(t.model.net, NET_CACHE_AUTO, 1, 40), *r = open_state(t.model.net, NET_CACHE_AUTO, 1, 39);
    OK(snapshot_save(s, NULL, file, &err) == 0 && snapshot_restore(r, NULL, file, &err) == 0 && net_n_past(r) == 0,
       "an empty state");
    net_eval(s, prompt, 40, NULL, NULL, &err);
    OK(snapshot_save(s, NULL, file, &err) == 0, "a full one");
    OK(snapshot_restore(r, NULL, file, &err) == -1 && strstr(err.text, "40") && strstr(err.text, "39"),
       "which a smaller one has no room for: %s", err.text);
    OK(snapshot_restore(s, NULL, file, &err) == 0 && net_n_past(s) == 40, "but its own has");
    net_eval_few(s, prompt, 0, &err);
    net_truncate(s, 30);
    net_eval_few(s, prompt, 5, &err);
    net_keep_few(s, 2);
    OK(snapshot_save(s, NULL, file, &err) == 0 && snapshot_restore(r, NULL, file, &err) == 0 && net_n_past(r) == 32 &&
           same_logits(s, r),
       "after a draft that was taken back");
    net_state_close(s);
    net_state_close(r);
}

// ---- the same text

static void same_text(void) {
    gen_settings settings = gen_settings_raw();
    settings.max_tokens = 40;
    settings.ignore_eos = true;
    error err;
    net_state *s = open_state(t.model.net, NET_CACHE_AUTO, 2, N_CTX);
    chain *c = chain_open(SMALL_VOCAB, 5);
    gen_request q = {.prompt = prompt, .n_prompt = 20, .settings = &settings};
    gen_result first, open, reopened;
    generate(s, t.model.tokenizer, c, &q, &first, &err);
    // The person answers with ten more tokens.
    id_list second = {0};
    id_list_append(&second, prompt, 20);
    id_list_append(&second, first.ids.data, first.ids.len);
    id_list_append(&second, prompt + 300, 10);
    q.prompt = second.data;
    q.n_prompt = second.len;
    snapshot_extra extra = {0};
    chain_random random = chain_get_random(c);
    memcpy(extra.bytes, &random, sizeof random);
    extra.n = sizeof random;
    OK(snapshot_save(s, &extra, file, &err) == 0, "saved");
    generate(s, t.model.tokenizer, c, &q, &open, &err);

    net_state *r = open_state(t.model.net, NET_CACHE_AUTO, 2, N_CTX);
    chain *d = chain_open(SMALL_VOCAB, 99);
    OK(snapshot_restore(r, &extra, file, &err) == 0 && extra.n == sizeof random, "restored");
    memcpy(&random, extra.bytes, sizeof random);
    chain_set_random(d, &random);
    generate(r, t.model.tokenizer, d, &q, &reopened, &err);
    OK(open.n_reused == reopened.n_reused && reopened.n_reused == 59, "%d and %d positions were used again",
       open.n_reused, reopened.n_reused);
    OK(open.ids.len == 40 && reopened.ids.len == 40 &&
           memcmp(open.ids.data, reopened.ids.data, 40 * sizeof *open.ids.data) == 0,
       "\"%s\", reopened \"%s\"", buf_str(&open.text), buf_str(&reopened.text));
    random = (chain_random){{0}};
    chain_set_random(d, &random);
    OK(memcmp(chain_get_random(d).state, random.state, sizeof random.state) != 0, "a generator never stands still");
    gen_result_free(&first);
    gen_result_free(&open);
    gen_result_free(&reopened);
    id_list_free(&second);
    chain_close(c);
    chain_close(d);
    net_state_close(s);
    net_state_close(r);
}

// ---- other owners

static void refused(net_state *s, const char *part, const char *what) {
    error err = {{0}};
    int result = snapshot_restore(s, NULL, file, &err);
    OK(result == -1 && strstr(err.text, part) && strstr(err.text, file) && net_n_past(s) == 0, "%s: %s", what,
       err.text);
}

static void other_owners(void) {
    error err;
    net_state *s = filled_state(NET_CACHE_F16);
    snapshot_save(s, NULL, file, &err);
    small other;
    small_open(&other, (small_options){.seed = 77});
    net_state *o = open_state(other.model.net, NET_CACHE_F16, 2, N_CTX);
    refused(o, "another model", "weights of other numbers");
    net_state_close(o);
    small_close(&other);
    small_open(&other, (small_options){.seed = 1, .window = 50});
    o = open_state(other.model.net, NET_CACHE_F16, 2, N_CTX);
    refused(o, "another model", "other settings");
    net_state_close(o);
    small_close(&other);
    o = open_state(t.model.net, NET_CACHE_Q8_0, 2, N_CTX);
    refused(o, "kind of cache", "another cache");
    net_state_close(o);

    adapter *a = small_adapter(&t, 0.05f), *b = small_adapter(&t, 0.06f);
    o = open_state(t.model.net, NET_CACHE_F16, 2, N_CTX);
    net_set_adapters(o, &(adapter_use){a, 1}, 1);
    refused(o, "adapters", "an adapter where there was none");
    net_eval(o, prompt, 9, NULL, NULL, &err);
    OK(snapshot_save(o, NULL, file, &err) == 0 && snapshot_restore(o, NULL, file, &err) == 0, "its own adapter");
    net_set_adapters(o, &(adapter_use){a, 0.5f}, 1);
    refused(o, "adapters", "another strength");
    net_set_adapters(o, &(adapter_use){b, 1}, 1);
    refused(o, "adapters", "another adapter");
    net_set_adapters(o, NULL, 0);
    refused(o, "adapters", "none where there was one");
    adapter *again = small_adapter(&t, 0.05f);
    net_set_adapters(o, &(adapter_use){again, 1}, 1);
    OK(snapshot_restore(o, NULL, file, &err) == 0, "the same adapter, opened again: %s", err.text);
    net_state_close(o);
    adapter_close(a);
    adapter_close(b);
    adapter_close(again);
    net_state_close(s);
}

// ---- damage

static void put_back(const buf *b, size_t n) {
    FILE *f = fopen(file, "wb");
    if (!f || fwrite(b->data, 1, n, f) != n || fclose(f) != 0) abort();
}

static void read_back(buf *b) {
    char piece[4096];
    FILE *f = fopen(file, "rb");
    for (size_t n; f && (n = fread(piece, 1, sizeof piece, f)) > 0;) buf_append(b, piece, n);
    if (f) fclose(f);
}

// The file with other bytes in its head and a checksum that is right all the same.
static void forge(const buf *b, size_t at, const void *bytes, size_t n) {
    buf copy = {0};
    buf_append(&copy, b->data, b->len);
    memcpy(copy.data + at, bytes, n);
    hash h = hash_start();
    hash_add(&h, copy.data, copy.len - 8);
    uint64_t sum = hash_finish(&h);
    memcpy(copy.data + copy.len - 8, &sum, sizeof sum);
    put_back(&copy, copy.len);
    buf_free(&copy);
}

static void damage(void) {
    enum { HEAD = 64, N_PAST_AT = 52, N_VOCAB_AT = 56, N_EXTRA_AT = 60 };
    error err;
    buf b = {0};
    net_state *s = filled_state(NET_CACHE_F16);
    OK(snapshot_save(s, NULL, file, &err) == 0, "saved");
    read_back(&b);
    int taken = 0, tried = 0;
    for (size_t n = 0; n < b.len; n += n < 100 ? 1 : 4001, tried++) {
        put_back(&b, n);
        taken += snapshot_restore(s, NULL, file, &err) == 0 || net_n_past(s) != 0;
    }
    OK(taken == 0, "%d of %d cut files were taken", taken, tried);
    buf_putc(&b, 'x');
    put_back(&b, b.len--);
    refused(s, "damaged", "a byte too many");
    taken = tried = 0;
    for (size_t i = 0; i < b.len; i += i < 200 ? 1 : 997, tried++) {
        b.data[i] ^= 4;
        put_back(&b, b.len);
        taken += snapshot_restore(s, NULL, file, &err) == 0;
        b.data[i] ^= 4;
    }
    OK(taken == 0, "%d of %d files with one bit changed were taken", taken, tried);
    static const uint32_t numbers[] = {0xffffffff, 0x7fffffff, 0x80000000, 1, N_CTX, N_CTX + 1, 1u << 28};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        for (size_t at = N_PAST_AT; at <= N_EXTRA_AT; at += 4) {
            forge(&b, at, &numbers[i], 4);
            refused(s, "", "a count that is wrong");
        }
    int32_t id = SMALL_VOCAB;
    forge(&b, HEAD, &id, sizeof id);
    refused(s, "damaged", "an id outside the vocabulary");
    forge(&b, 32, "quantum\0\0\0\0\0\0\0\0", 16);
    refused(s, "other kernels", "other kernels");
    forge(&b, 12, "\x09\0\0", 4);
    refused(s, "another version", "another version");
    forge(&b, 0, "d", 1);
    OK(snapshot_restore(s, NULL, file, &err) == 0, "an honest forgery: %s", err.text);
    buf_free(&b);
    remove(file);
    refused(s, "", "no file");
    mkdir(file, 0700);
    refused(s, "", "a folder");
    OK(snapshot_save(s, NULL, file, &err) == -1, "nothing is saved over a folder: %s", err.text);
    rmdir(file);
    mkfifo(file, 0600);
    refused(s, "", "a pipe");
    remove(file);
    char *nowhere = path_of(t.folder, "no/such/folder");
    OK(snapshot_save(s, NULL, nowhere, &err) == -1 && strstr(err.text, nowhere), "nowhere: %s", err.text);
    free(nowhere);
    net_state_close(s);
}

static void hashes(void) {
    unsigned char bytes[200];
    for (int i = 0; i < 200; i++) bytes[i] = (unsigned char)(i * 37);
    hash whole = hash_start();
    hash_add(&whole, bytes, 200);
    int wrong = 0;
    for (size_t a = 0; a <= 200; a += 7)
        for (size_t b = a; b <= 200; b += 11) {
            hash cut = hash_start();
            hash_add(&cut, bytes, a);
            hash_add(&cut, bytes + a, b - a);
            hash_add(&cut, bytes + b, 200 - b);
            wrong += hash_finish(&cut) != hash_finish(&whole);
        }
    OK(wrong == 0, "cutting changes %d hashes", wrong);
    hash zero = hash_start(), zeros = hash_start();
    hash_add(&zero, "\0", 1);
    hash_add(&zeros, "\0\0", 2);
    OK(hash_finish(&zero) != hash_finish(&zeros), "zeros count");
}

int main(void) {
    uint32_t seed = 3;
    for (size_t i = 0; i < sizeof prompt / sizeof *prompt; i++)
        prompt[i] = (int32_t)((small_random(&seed) + 0.5f) * SMALL_VOCAB);
    small_open(&t, (small_options){.seed = 1});
    file = path_of(t.folder, "state.kv");
    hashes();
    bit_for_bit(NET_CACHE_F16);
    bit_for_bit(NET_CACHE_F32);
    bit_for_bit(NET_CACHE_Q8_0);
    ends();
    same_text();
    other_owners();
    damage();
    free(file);
    small_close(&t);
    return test_end();
}
