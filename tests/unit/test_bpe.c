// Byte-pair merging against a plain reference that looks for the best pair from the start every time.
#include "model/text/bpe.h"
#include "tests/test.h"

#include <stdlib.h>
#include <string.h>

typedef struct pairs {
    vocab v;
    bpe b;
} pairs;

static void add_token(pairs *p, const char *text) {
    vocab_set(&p->v, p->v.n, text, strlen(text), TOKEN_NORMAL, 0, NULL);
}

static void add_merge(pairs *p, uint32_t rank, const char *left, const char *right) {
    char whole[64];
    snprintf(whole, sizeof whole, "%s%s", left, right);
    if (vocab_find(&p->v, whole, strlen(whole)) < 0) add_token(p, whole);
    bpe_add(&p->b, &p->v, rank, left, strlen(left), right, strlen(right), NULL);
}

static void pairs_free(pairs *p) {
    vocab_free(&p->v);
    bpe_free(&p->b);
}

static size_t put_letters(const pairs *p, const char *text, size_t n, bpe_symbol *s) {
    for (size_t i = 0; i < n; i++)
        s[i] = (bpe_symbol){.id = vocab_find(&p->v, text + i, 1), .start = (uint32_t)i, .len = 1};
    return n;
}

static size_t merge_slowly(const pairs *p, bpe_symbol *s, size_t n) {
    for (;;) {
        size_t best = n;
        uint32_t best_rank = UINT32_MAX, rank;
        int32_t id, best_id = -1;
        for (size_t i = 0; i + 1 < n; i++)
            if (bpe_find_pair(&p->b, &s[i], &s[i + 1], &rank, &id) && rank < best_rank) {
                best = i;
                best_rank = rank;
                best_id = id;
            }
        if (best == n) return n;
        s[best].id = best_id;
        s[best].len += s[best + 1].len;
        memmove(&s[best + 1], &s[best + 2], (n - best - 2) * sizeof *s);
        n--;
    }
}

static bool agrees(const pairs *p, const char *text, size_t len) {
    bpe_scratch scratch = {0};
    bpe_symbol *slow = calloc(len + 1, sizeof *slow);
    size_t n = bpe_merge_all(&scratch, put_letters(p, text, len, bpe_room(&scratch, len)), bpe_find_pair, &p->b);
    size_t want = merge_slowly(p, slow, put_letters(p, text, len, slow));
    bool same = n == want;
    for (size_t i = 0; same && i < n; i++)
        same = scratch.symbols[i].id == slow[i].id && scratch.symbols[i].start == slow[i].start &&
               scratch.symbols[i].len == slow[i].len;
    free(slow);
    bpe_scratch_free(&scratch);
    return same;
}

static void merges_to(const pairs *p, const char *text, const char *want) {
    bpe_scratch scratch = {0};
    buf got = {0};
    size_t len = strlen(text),
           n = bpe_merge_all(&scratch, put_letters(p, text, len, bpe_room(&scratch, len)), bpe_find_pair, &p->b);
    for (size_t i = 0; i < n; i++)
        buf_printf(&got, i ? " %.*s" : "%.*s", (int)scratch.symbols[i].len, text + scratch.symbols[i].start);
    OK(strcmp(buf_str(&got), want) == 0, "%s -> %s, got %s", text, want, buf_str(&got));
    buf_free(&got);
    bpe_scratch_free(&scratch);
}

static void test_order(void) {
    pairs p;
    vocab_init(&p.v, 0);
    bpe_init(&p.b, 0);
    for (const char *c = "abc"; *c; c++) add_token(&p, (char[]){*c, '\0'});
    add_merge(&p, 0, "b", "c");
    add_merge(&p, 1, "a", "b");
    add_merge(&p, 2, "a", "a");
    add_merge(&p, 3, "aa", "aa");
    merges_to(&p, "abc", "a bc");
    merges_to(&p, "abab", "ab ab");
    merges_to(&p, "aaaaa", "aaaa a");
    merges_to(&p, "aaa", "aa a");
    merges_to(&p, "a", "a");
    merges_to(&p, "", "");
    merges_to(&p, "cba", "c b a");
    pairs_free(&p);
}

static void test_refused_merges(void) {
    pairs p;
    error err;
    vocab_init(&p.v, 0);
    bpe_init(&p.b, 0);
    add_token(&p, "a");
    add_token(&p, "b");
    add_token(&p, "ab");
    OK(bpe_add(&p.b, &p.v, 0, "a", 1, "x", 1, &err) != 0 && strstr(err.text, "merge 0"), "an unknown part: %s",
       err.text);
    OK(bpe_add(&p.b, &p.v, 7, "b", 1, "a", 1, &err) != 0 && strstr(err.text, "merge 7"), "an unknown whole: %s",
       err.text);
    OK(bpe_add(&p.b, &p.v, 0, "ab", 2, "ab", 2, &err) != 0, "a whole longer than any token");
    OK(bpe_add(&p.b, &p.v, 0, "a", 1, "b", 1, &err) == 0, "a good one");
    pairs_free(&p);
}

// Random merges over three letters, whose wholes may be reached in several ways and whose ranks follow no training.
static void test_random(void) {
    srand(1);
    int wrong = 0;
    for (int round = 0; round < 60; round++) {
        pairs p;
        vocab_init(&p.v, 0);
        bpe_init(&p.b, 0);
        for (const char *c = "abc"; *c; c++) add_token(&p, (char[]){*c, '\0'});
        for (uint32_t i = 0; i < 30; i++) {
            size_t n_left, n_right;
            const char *left = vocab_text(&p.v, (uint32_t)rand() % p.v.n, &n_left);
            char l[16], r[16];
            snprintf(l, sizeof l, "%.*s", (int)n_left, left);
            const char *right = vocab_text(&p.v, (uint32_t)rand() % p.v.n, &n_right);
            snprintf(r, sizeof r, "%.*s", (int)n_right, right);
            if (n_left + n_right <= 8) add_merge(&p, (uint32_t)rand() % 40, l, r);
        }
        for (int k = 0; k < 40; k++) {
            char text[64];
            size_t len = (size_t)rand() % sizeof text;
            for (size_t i = 0; i < len; i++) text[i] = (char)("abc"[rand() % 3]);
            wrong += !agrees(&p, text, len);
        }
        pairs_free(&p);
    }
    OK(wrong == 0, "%d of 2400 random words merge differently", wrong);
}

// A megabyte without a break: a loop of quadratic time would not end.
static void test_long_word(void) {
    enum { N = 1 << 20 };
    pairs p;
    vocab_init(&p.v, 0);
    bpe_init(&p.b, 0);
    add_token(&p, "a");
    char half[33] = {0};
    for (uint32_t n = 1, rank = 0; n <= 16; n *= 2) {
        memset(half, 'a', n);
        half[n] = '\0';
        add_merge(&p, rank++, half, half);
    }
    bpe_scratch scratch = {0};
    bpe_symbol *s = bpe_room(&scratch, N);
    for (int i = 0; i < N; i++) s[i] = (bpe_symbol){.id = 0, .start = (uint32_t)i, .len = 1};
    size_t n = bpe_merge_all(&scratch, N, bpe_find_pair, &p.b);
    OK(n == N / 32 && scratch.symbols[0].len == 32, "%zu symbols", n);
    bpe_scratch_free(&scratch);
    pairs_free(&p);
}

static void test_vocab(void) {
    vocab v;
    error err;
    vocab_init(&v, 0);
    OK(vocab_set(&v, 5, "x", 1, TOKEN_NORMAL, 0, &err) == 0 && v.n == 6, "ids may leave gaps");
    OK(vocab_kind(&v, 2) == TOKEN_ABSENT && vocab_kind(&v, -1) == TOKEN_ABSENT && vocab_kind(&v, 6) == TOKEN_ABSENT,
       "gaps");
    OK(vocab_set(&v, 5, "x", 1, TOKEN_CONTROL, 0, &err) == 0 && vocab_kind(&v, 5) == TOKEN_CONTROL, "the same again");
    OK(vocab_set(&v, 5, "y", 1, TOKEN_NORMAL, 0, &err) != 0, "another text: %s", err.text);
    OK(vocab_set(&v, -1, "y", 1, TOKEN_NORMAL, 0, &err) != 0 &&
           vocab_set(&v, VOCAB_MAX_TOKENS, "y", 1, TOKEN_NORMAL, 0, &err) != 0,
       "ids outside");
    OK(vocab_set(&v, 0, "", 0, TOKEN_NORMAL, 0, &err) == 0 && vocab_find(&v, "", 0) == 0, "the empty text");
    char text[16];
    int wrong = 0;
    for (int i = 10; i < 5000; i++)
        vocab_set(&v, i, text, (size_t)snprintf(text, sizeof text, "t%d", i), TOKEN_NORMAL, i, &err);
    for (int i = 10; i < 5000; i++) wrong += vocab_find(&v, text, (size_t)snprintf(text, sizeof text, "t%d", i)) != i;
    OK(wrong == 0 && vocab_find(&v, "t5", 2) == -1 && vocab_find(&v, "xx", 2) == -1, "%d of 4990 are not found", wrong);
    vocab_free(&v);
}

int main(void) {
    test_vocab();
    test_order();
    test_refused_merges();
    test_random();
    test_long_word();
    return test_end();
}
