// What is copied: words and their normalisation, the index against a plain search, texts made to annoy, spans of a text
// that grows byte by byte, and the thread that reads the training text.
#include "app/style/copies.h"
#include "app/style/sources.h"
#include "app/style/words.h"
#include "tests/models.h"
#include "tests/test.h"

#include <poll.h>

enum { PATIENCE_MS = 60000 };

static uint32_t random_state = 1;

static unsigned any(unsigned n) {
    random_state = random_state * 1664525 + 1013904223;
    return (random_state >> 8) % n;
}

// ---- words

// The words of a text joined by '|', as they stand there.
static char *words_of(const char *s) {
    buf out = {0};
    word w;
    for (size_t at = 0, n = strlen(s); word_next(s, n, &at, &w);) {
        if (out.len) buf_putc(&out, '|');
        buf_append(&out, s + w.start, w.end - w.start);
        if (!w.complete) buf_putc(&out, '~');
    }
    return buf_take(&out);
}

static void test_words(void) {
    static const struct {
        const char *text, *words;
    } CASES[] = {
        {"", ""},
        {"  ...  !? ", ""},
        {"Hello, world", "Hello|world~"},
        {"don't stop.", "don't|stop"},
        {"'quoted' words'", "quoted|words~"},
        {"the dogs' bowl", "the|dogs|bowl~"},
        {"it\xe2\x80\x99s", "it\xe2\x80\x99s~"},
        {"a-b_c/d", "a|b|c|d~"},
        {"x\xff\xfey\xc3", "x|y"},
        {"\xf0\x9f\x98\x82\xf0\x9f\x98\x82 lol \xe2\x9d\xa4\xef\xb8\x8f ok", "lol|ok~"},
        {"\xe4\xbd\xa0\xe5\xa5\xbd ok", "\xe4\xbd\xa0|\xe5\xa5\xbd|ok~"},
        {"e\xcc\x81t\xc3\xa9 2.50", "e\xcc\x81t\xc3\xa9|2|50~"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        char *words = words_of(CASES[i].text);
        OK(strcmp(words, CASES[i].words) == 0, "\"%s\" is %s", CASES[i].text, words);
        free(words);
    }
}

static void test_normal_forms(void) {
    static const char *const PAIRS[][2] = {
        {"HELLO", "hello"},
        {"don't", "Don\xe2\x80\x99T"},
        {"\xc3\x89t\xc3\xa9", "e\xcc\x81te\xcc\x81"}, // composed or not
        {"stra\xc3\x9f"
         "e",
         "STRASSE"},
        {"\xef\xbc\xa1\xef\xbc\xa2", "ab"}, // full width
    };
    for (size_t i = 0; i < sizeof PAIRS / sizeof *PAIRS; i++) {
        word a = {0}, b = {0};
        size_t at = 0, bt = 0;
        word_next(PAIRS[i][0], strlen(PAIRS[i][0]), &at, &a);
        word_next(PAIRS[i][1], strlen(PAIRS[i][1]), &bt, &b);
        OK(a.hash == b.hash && a.hash, "%s and %s are one word", PAIRS[i][0], PAIRS[i][1]);
    }
}

// ---- the index

static copies *index_of(const char *const *messages, size_t n) {
    copies *c = copies_new();
    for (size_t i = 0; i < n; i++) copies_add(c, messages[i], strlen(messages[i]), false);
    copies_finish(c, NULL);
    return c;
}

// The spans of text joined by '|'; step: bytes fed at a time.
static char *spans_of(const copies *c, const char *text, size_t n, size_t step) {
    copy_scan s = {0};
    buf out = {0};
    for (size_t at = 0; at < n; at += step) copy_scan_feed(&s, c, text, at + step < n ? at + step : n, false);
    copy_scan_feed(&s, c, text, n, true);
    for (size_t i = 0; i < s.n; i++) {
        if (i) buf_putc(&out, '|');
        buf_append(&out, text + s.spans[i].start, s.spans[i].end - s.spans[i].start);
    }
    copy_scan_free(&s);
    return buf_take(&out);
}

static void test_spans(void) {
    static const char *const LOG[] = {"One two three four five six seven eight.", "red green blue", "cyan pink grey",
                                      "well, I don\xe2\x80\x99t know what you mean by that"};
    static const struct {
        const char *text, *spans;
    } CASES[] = {
        {"one two three four five", ""},
        {"ONE, two - three \"four\" five six!", "ONE, two - three \"four\" five six"},
        {"say: two three four five six seven eight nine", "two three four five six seven eight"},
        {"one two three four five sixty", ""},
        {"red green blue cyan pink grey", ""}, // two messages
        {"two three four five six seven. One two three four five six!", "two three four five six seven|One two three "
                                                                        "four five six"},
        {"he said I don't know what you mean, so", "I don't know what you mean"},
        {"", ""},
    };
    copies *c = index_of(LOG, sizeof LOG / sizeof *LOG);
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        size_t n = strlen(CASES[i].text);
        for (size_t step = 1; step <= n + 1; step++) {
            char *spans = spans_of(c, CASES[i].text, n, step);
            OK(strcmp(spans, CASES[i].spans) == 0, "\"%s\" by %zu bytes: %s", CASES[i].text, step, spans);
            free(spans);
        }
    }
    copies_free(c);
}

// Against a plain search: which words of a text belong to six in a row that stand in a message.
static void test_at_random(void) {
    enum { MESSAGES = 60, LONGEST = 20, WORDS = 40, KINDS = 3 };
    for (int round = 0; round < 200; round++) {
        char log[MESSAGES][LONGEST + 1], text[WORDS + 1], spaced[2 * WORDS + 1];
        bool plain[WORDS] = {false}, found[WORDS] = {false};
        copies *c = copies_new();
        for (int i = 0; i < MESSAGES; i++) {
            char line[2 * LONGEST + 1];
            int n = 1 + (int)any(LONGEST);
            for (int k = 0; k < n; k++) {
                log[i][k] = line[2 * k] = (char)('a' + any(KINDS));
                line[2 * k + 1] = ' ';
            }
            log[i][n] = line[2 * n] = '\0';
            copies_add(c, line, strlen(line), false);
        }
        copies_finish(c, NULL);
        for (int k = 0; k < WORDS; k++) {
            text[k] = spaced[2 * k] = (char)('a' + any(KINDS));
            spaced[2 * k + 1] = ' ';
        }
        text[WORDS] = spaced[2 * WORDS] = '\0';
        for (int k = 0; k + COPIES_RUN <= WORDS; k++) {
            char run[COPIES_RUN + 1] = {0};
            memcpy(run, text + k, COPIES_RUN);
            for (int i = 0; i < MESSAGES; i++)
                if (strstr(log[i], run)) memset(plain + k, true, COPIES_RUN);
        }
        copy_scan s = {0};
        copy_scan_feed(&s, c, spaced, strlen(spaced), true);
        for (size_t i = 0; i < s.n; i++)
            for (size_t at = s.spans[i].start; at < s.spans[i].end; at += 2) found[at / 2] = true;
        OK(memcmp(plain, found, sizeof plain) == 0, "round %d", round);
        copy_scan_free(&s);
        copies_free(c);
    }
}

static void test_annoying(void) {
    buf same = {0}, noise = {0}, giant = {0};
    copies *c = copies_new();
    for (int i = 0; i < 1000000; i++) buf_puts(&same, "ha ");
    for (int i = 0; i < 100000; i++) buf_putc(&noise, (char)any(256));
    for (int i = 0; i < 3000000; i++) buf_putc(&giant, 'x');
    copies_add(c, same.data, same.len, false);
    copies_add(c, noise.data, noise.len, false);
    copies_add(c, giant.data, giant.len, false);
    copies_add(c, "", 0, false);
    copies_add(c, "first part of a", 15, false);
    copies_add(c, "paragraph that goes on", 22, true);
    OK(copies_finish(c, NULL) == 0 && !copies_is_full(c), "a word said a million times, noise, a giant word");
    char *spans = spans_of(c, "ha ha ha ha ha ha ha", 20, 1);
    OK(strcmp(spans, "ha ha ha ha ha ha ha") == 0, "%s", spans);
    free(spans);
    spans = spans_of(c, "First part of a paragraph that", 30, 3);
    OK(strcmp(spans, "First part of a paragraph that") == 0, "a run may cross from one part of a text into the next");
    free(spans);
    spans = spans_of(c, giant.data, giant.len, giant.len);
    OK(!*spans, "one word is no run");
    free(spans);
    copies_free(c);
    buf_free(&same);
    buf_free(&noise);
    buf_free(&giant);
}

static void test_full(void) {
    buf text = {0};
    copies *c = copies_new();
    for (int i = 0; i < 1 << 16; i++) buf_puts(&text, "a b c d ");
    int rounds = 0;
    while (rounds < 1000 && copies_add(c, text.data, text.len, false)) rounds++;
    OK(rounds < 1000 && copies_is_full(c) && copies_n_words(c) == COPIES_MOST, "it is full after %zu words",
       copies_n_words(c));
    OK(!copies_add(c, "more", 4, false) && copies_finish(c, NULL) == 0, "and takes no more");
    char *spans = spans_of(c, "b c d a b c d", 13, 1);
    OK(strcmp(spans, "b c d a b c d") == 0, "what it has serves: %s", spans);
    free(spans);
    copies_free(c);
    copies_free(NULL);
    buf_free(&text);
}

// ---- the thread

static unsigned wait_for(sources *s, unsigned what) {
    unsigned news = 0;
    while (!(news & what)) {
        struct pollfd fd = {.fd = sources_fd(s), .events = POLLIN};
        if (poll(&fd, 1, PATIENCE_MS) <= 0) break;
        news |= sources_pump(s);
    }
    return news;
}

static const char LOG[] = "01/05/2026, 18:12 - Ines: Ok who left the cellar light on since Friday\n"
                          "01/05/2026, 18:13 - Gus: Not me.\n"
                          "01/05/2026, 18:14 - maren: who left the cellar light on since friday and why\n";

static void test_sources(const char *log, const char *prose) {
    const char *files[] = {log, prose, "/no/such/file.txt"};
    const char *spans[] = {"left the cellar light on since Friday and", "wind over the hill and down",
                           "words that stand in no file at all"};
    error err;
    size_t n;
    sources *s = sources_open(files, 3, &err);
    if (!OK(s != NULL, "%s", err.text)) return;
    OK(sources_are(s, files, 3) && !sources_are(s, files, 2), "these files");
    OK(!sources_find(s, spans, 3), "nothing is found before it has read");
    OK(wait_for(s, SOURCES_READY) & SOURCES_READY, "it reads");
    OK(sources_index(s) && strstr(sources_problem(s), "/no/such/file.txt"), "one is gone: %s", sources_problem(s));
    OK(sources_find(s, spans, 3) && !sources_find(s, spans, 3), "one search at a time");
    OK(wait_for(s, SOURCES_FOUND) & SOURCES_FOUND, "it finds");
    const source_hit *hits = sources_found(s, &n);
    if (OK(n == 3, "%zu", n)) {
        OK(hits[0].author && strcmp(hits[0].author, "maren") == 0 && strcmp(hits[0].file, log) == 0 &&
               strncmp(hits[0].time, "2026-05-01T18:14", 16) == 0,
           "the message that has most of it: %s", hits[0].author);
        OK(strncmp(hits[0].text + hits[0].start, "left the cellar", 15) == 0 && hits[0].end <= strlen(hits[0].text),
           "where in it");
        OK(!hits[1].author && hits[1].file && strcmp(hits[1].file, prose) == 0, "in prose nobody speaks");
        OK(!hits[2].text, "and what is nowhere is not found");
    }
    unlink(log);
    OK(sources_find(s, spans, 1), "again");
    wait_for(s, SOURCES_FOUND);
    hits = sources_found(s, &n);
    OK(n == 1 && !hits[0].text && sources_index(s), "a file that is gone meanwhile has no source; the index stays");
    sources_close(s);
    s = sources_open(files + 2, 1, &err);
    wait_for(s, SOURCES_READY);
    OK(!sources_index(s) && *sources_problem(s), "nothing to read: no index, and why: %s", sources_problem(s));
    sources_close(s);
    s = sources_open(files, 3, &err);
    sources_close(s); // while it reads
    sources_close(NULL);
}

int main(void) {
    char *folder = make_folder(), *log = path_of(folder, "log.txt"), *prose = path_of(folder, "prose.txt");
    static const char PROSE[] = "There was a wind over the hill\nand down to the sea.\n\nIt did not stop for days.\n";
    write_file(folder, "log.txt", LOG, strlen(LOG));
    write_file(folder, "prose.txt", PROSE, strlen(PROSE));
    test_words();
    test_normal_forms();
    test_spans();
    test_at_random();
    test_annoying();
    test_full();
    test_sources(log, prose);
    unlink(prose);
    rmdir(folder);
    free(log);
    free(prose);
    free(folder);
    return test_end();
}
