// Messages to tokens: layouts, what the loss counts, sessions and rows. The vocabulary has one token for every byte, so
// that tokens can be read as text; bytes the loss counts are shown in capitals.
#include "app/corpus/examples.h"
#include "app/corpus/pieces.h"
#include "tests/test.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *end_mark = "<|im_end|>";

// GPT-2's alphabet: printable bytes stand for themselves, the others for characters from U+0100 on.
static void write_vocabulary(const char *dir) {
    buf json = {0};
    char path[256];
    buf_putc(&json, '{');
    for (int b = 0, shifted = 0; b < 256; b++) {
        bool plain = (b >= '!' && b <= '~') || (b >= 0xa1 && b != 0xad);
        char out[5] = {0};
        utf8_encode(plain ? (uint32_t)b : 256u + (uint32_t)shifted++, out);
        buf_json_string(&json, out, strlen(out));
        buf_printf(&json, ":%d,", b);
    }
    buf_puts(&json, "\"<|endoftext|>\":256}");
    snprintf(path, sizeof path, "%s/vocab.json", dir);
    FILE *f = fopen(path, "w");
    OK(f && fwrite(json.data, 1, json.len, f) == json.len, "%s", path);
    if (f) fclose(f);
    snprintf(path, sizeof path, "%s/merges.txt", dir);
    f = fopen(path, "w");
    if (f) fputs("#version: 0.2\n", f);
    if (f) fclose(f);
    buf_free(&json);
}

static tokenizer *byte_tokenizer(void) {
    char dir[] = "/tmp/doppel-bytes-XXXXXX", path[64];
    error err = {{0}};
    OK(mkdtemp(dir) != NULL, "%s", dir);
    write_vocabulary(dir);
    tokenizer *t = tokenizer_open_dir(dir, &err);
    OK(t != NULL, "%s", err.text);
    snprintf(path, sizeof path, "%s/vocab.json", dir);
    unlink(path);
    snprintf(path, sizeof path, "%s/merges.txt", dir);
    unlink(path);
    rmdir(dir);
    return t;
}

// ids as text: what counts in capitals, line breaks as '/', the end of a session as '$'.
static void show(const int32_t *ids, const uint8_t *learn, const int32_t *labels, size_t n, buf *out) {
    for (size_t i = 0; i < n; i++) {
        int c = ids[i] == 256 ? '$' : ids[i] == '\n' ? '/' : (int)ids[i];
        bool counts = learn ? learn[i] : labels[i] != -100;
        if (labels && counts) OK(labels[i] == ids[i], "a label is the token itself");
        buf_putc(out, (char)(counts ? (c == '/' ? '|' : toupper(c)) : c));
    }
}

typedef struct line {
    const char *author, *text, *time;
    bool imitated, border;
} line;

static void fill(examples *e, const example_options *o, const line *lines, size_t n) {
    error err;
    examples_start(e, o);
    for (size_t i = 0; i < n; i++) {
        corpus_message m = {.author = lines[i].author,
                            .text = lines[i].text,
                            .n_text = strlen(lines[i].text),
                            .time = lines[i].time,
                            .reply_to = -1,
                            .border = lines[i].border,
                            .imitated = lines[i].imitated};
        OK(examples_on_message(e, &m), "%s", e->err.text);
    }
    OK(examples_finish(e, &err) == 0, "finish");
}

static void check_stream(const char *what, const examples *e, const char *want) {
    buf got = {0};
    show(e->ids.data, e->learn, NULL, e->ids.len, &got);
    OK(strcmp(buf_str(&got), want) == 0, "%s: expected %s, got %s", what, want, buf_str(&got));
    buf_free(&got);
}

static const line chat[] = {{"ann", "hi", "2026-11-20T12:06:00", false, true},
                            {"bob", "yo\nyo", "2026-11-20T12:07:00", true, false},
                            {"bob", "ok", "2026-11-20T12:08:00", true, false},
                            {"ann", "late", "2026-11-20T13:08:01", false, false},
                            {"bob", "yes", "2026-11-20T13:09:00", true, false}};

static void test_lines(const tokenizer *t) {
    layout l;
    examples e;
    OK(layout_open(&l, LAYOUT_LINES, false, NULL, NULL) == 0, "lines");
    example_options o = {.tokenizer = t, .layout = &l};
    fill(&e, &o, chat, 5);
    check_stream("lines", &e, "ann: hi/bob: YO|  YO|bob: OK|$ann: late/bob: YES|$");
    OK(e.n_sessions == 2 && e.sessions[0].turns == 3 && e.sessions[1].turns == 2, "an hour's silence ends a session");
    OK(e.sessions[0].n_learn == 13 && e.sessions[1].n_learn == 5, "%zu and %zu", e.sessions[0].n_learn,
       e.sessions[1].n_learn);
    OK(e.characters_learned == 10, "%lld characters", (long long)e.characters_learned);
    examples_free(&e);
    layout_free(&l);
}

static void test_times(const tokenizer *t) {
    layout l;
    examples e;
    OK(layout_open(&l, LAYOUT_LINES, true, NULL, NULL) == 0, "lines");
    example_options o = {.tokenizer = t, .layout = &l, .learn_headers = true, .session_gap = 90};
    fill(&e, &o, chat + 2, 2);
    check_stream("times, headers learned", &e, "[2026-11-20 12:08] BOB: OK|[2026-11-20 13:08] ANN: late/$");
    OK(e.n_sessions == 1, "a longer gap");
    examples_free(&e);
    layout_free(&l);
}

static void test_turns(const tokenizer *t) {
    static const char template[] = "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + "
                                   "message['content'] + '<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt "
                                   "%}{{ '<|im_start|>assistant\n' }}{% endif %}";
    chat_format format = chat_format_of_template(template, sizeof template - 1, t);
    layout l = {0};
    examples e;
    error err = {{0}};
    OK(format.family == CHAT_CHATML, "the template is ChatML");
    OK(layout_open(&l, LAYOUT_TURNS, false, &format, &err) == 0, "turns: %s", err.text);
    example_options o = {.tokenizer = t, .layout = &l};
    static const line two[] = {{"ann", "hi", NULL, false, true}, {"b<|im_end|>", "a<|im_end|>", NULL, true, false}};
    fill(&e, &o, two, 2);
    check_stream("turns", &e, "<|im_start|>ann/hi<|im_end|>/<|im_start|>b< |im_end|>/A<|IM_END|><|IM_END|>/$");
    OK(strcmp(layout_end(&l, "x"), end_mark) == 0, "the turn's end is %s", layout_end(&l, "x"));
    examples_free(&e);
    layout_free(&l);
    chat_format_free(&format);
    format = chat_format_of_template(NULL, 0, t);
    OK(layout_open(&l, LAYOUT_TURNS, false, &format, &err) == -1 && strstr(err.text, "--layout lines"), "%s", err.text);
    chat_format_free(&format);
}

static void test_prose(const tokenizer *t) {
    layout l;
    examples e;
    OK(layout_open(&l, LAYOUT_LINES, false, NULL, NULL) == 0, "lines");
    example_options o = {.tokenizer = t, .layout = &l};
    static const line two[] = {{NULL, "one\ntwo", NULL, true, true}, {NULL, "three", NULL, true, false}};
    fill(&e, &o, two, 2);
    check_stream("prose", &e, "ONE|TWO||THREE||$");
    examples_free(&e);
    layout_free(&l);
}

static void check_rows(const char *what, const examples *e, const bool *pick, int len, const char *want) {
    example_rows r;
    buf got = {0};
    size_t n_learn = 0;
    examples_pack(e, pick, len, &r);
    for (size_t i = 0; i < r.n; i++) {
        show(r.ids + i * (size_t)len, NULL, r.labels + i * (size_t)len, (size_t)len, &got);
        buf_putc(&got, '\n');
        for (int k = 0; k < len; k++) n_learn += r.labels[i * (size_t)len + (size_t)k] != -100;
    }
    OK(strcmp(buf_str(&got), want) == 0, "%s: expected\n%sgot\n%s", what, want, buf_str(&got));
    OK(n_learn == r.n_learn, "%s: labels counted", what);
    buf_free(&got);
    example_rows_free(&r);
}

static void test_rows(const tokenizer *t) {
    layout l;
    examples e;
    OK(layout_open(&l, LAYOUT_LINES, false, NULL, NULL) == 0, "lines");
    example_options o = {.tokenizer = t, .layout = &l};
    fill(&e, &o, chat, 5);
    check_rows("rows are cut between turns", &e, NULL, 24,
               "ann: hi/bob: YO|  YO|$$$\nbob: OK|$ann: late/$$$$$\nbob: YES|$$$$$$$$$$$$$$$\n");
    check_rows("long turns are cut", &e, NULL, 8, "bob: YO|\n  YO|bob\n: OK|$an\nbob: YES\n");
    static const bool second[] = {false, true};
    check_rows("only the picked sessions", &e, second, 24, "ann: late/bob: YES|$$$$$\n");
    examples_free(&e);
    static const line mine[] = {{"ann", "abcdefgh", NULL, false, true}, {"bob", "x", NULL, false, false}};
    fill(&e, &o, mine, 2);
    check_rows("nothing counts", &e, NULL, 8, "");
    examples_free(&e);
    layout_free(&l);
}

static void test_unwrap(void) {
    layout l;
    buf out = {0};
    OK(layout_open(&l, LAYOUT_LINES, false, NULL, NULL) == 0, "lines");
    layout_unwrap(&l, " a\n  b\n    c\n", 13, &out);
    OK(strcmp(buf_str(&out), "a\nb\n  c") == 0, "unwrapped: %s", buf_str(&out));
    buf_clear(&out);
    layout_header(&l, "a\nb", "2026-11-20T12:06:00", &out);
    OK(strcmp(out.data, "a b:") == 0, "%s", out.data);
    buf_free(&out);
}

// ---- pieces

static bool put_piece(void *arg, const char *s, size_t n) {
    buf *out = arg;
    buf_append(out, s, n);
    buf_putc(out, '|');
    return true;
}

static void cut(const char *text, size_t most, piece_boundary b, const char *want) {
    buf got = {0};
    pieces_cut(text, strlen(text), most, b, put_piece, &got);
    OK(strcmp(buf_str(&got), want) == 0, "\"%s\" in %zu: expected %s, got %s", text, most, want, buf_str(&got));
    buf_free(&got);
}

static void test_pieces(const tokenizer *t) {
    cut("One. Two two. Three!", 10, PIECE_SENTENCES, "One.|Two two.|Three!|");
    cut("One. Two two. Three!", 13, PIECE_SENTENCES, "One. Two two.|Three!|");
    cut("One. Two two. Three!", 100, PIECE_SENTENCES, "One. Two two. Three!|");
    cut("\"Why?\" she said. (No.) 3.5 is", 17, PIECE_SENTENCES, "\"Why?\" she said.|(No.) 3.5 is|");
    cut("a b\nc d\ne f", 7, PIECE_LINES, "a b\nc d|e f|");
    cut("One. Two\nThree. Four", 9, PIECE_LINES, "One. Two|Three.|Four|");
    cut("\xE7\x8C\xAB\xE3\x80\x82\xE7\x8A\xAC\xE3\x80\x82", 2, PIECE_SENTENCES,
        "\xE7\x8C\xAB\xE3\x80\x82|\xE7\x8A\xAC\xE3\x80\x82|");
    cut("abcdefgh", 3, PIECE_SENTENCES, "abc|def|gh|");
    cut("", 3, PIECE_SENTENCES, "");
    cut(" \n ", 3, PIECE_SENTENCES, "");
    buf got = {0};
    error err;
    static const char text[] = "One two. Three four five. Six. Seven eight.";
    OK(pieces_of_tokens(t, text, sizeof text - 1, 8, PIECE_SENTENCES, put_piece, &got, &err) == 0, "tokens");
    OK(strcmp(buf_str(&got), "One two.|Three fo|Six. Sev|") == 0, "eight tokens each: %s", buf_str(&got));
    buf_free(&got);
}

int main(void) {
    tokenizer *t = byte_tokenizer();
    if (t) {
        test_lines(t);
        test_times(t);
        test_turns(t);
        test_prose(t);
        test_rows(t);
        test_unwrap();
        test_pieces(t);
    }
    tokenizer_free(t);
    return test_end();
}
