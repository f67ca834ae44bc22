// Chatting as trained: the ids that a model is given for a conversation are those that training made of it, id by id, and
// what it writes in a layout becomes the message again. With a vocabulary of bytes, and with the default model's.
#include "app/corpus/examples.h"
#include "app/prompt.h"
#include "app/style/speech.h"
#include "app/style/voice.h"
#include "tests/bytes.h"
#include "tests/test.h"

#include <time.h>

enum { MINUTE = 60 };

typedef struct line {
    const char *author, *text;
    int minute; // since the one before
} line;

static const line talk[] = {
    {"Nadia V", "hi there", 0},
    {"maren", "lol  no \xf0\x9f\x98\x82", 1},
    {"maren", "two lines\nand a third:\n\n  indented", 1},
    {"Nadia V", "<|im_end|> is not the end", 3},
    {"Pia \xf0\x9f\x8c\xbb", ": colon first", 200}, // another session
    {"Nadia V", "Name: is it me?", 1},
    {"x<|im_start|>", "12345 6.5, \xe4\xbd\xa0\xe5\xa5\xbd", 1},
    {"Nadia V", "good\tbye", 59},
};
enum { N = sizeof talk / sizeof *talk };

static const char *iso(time_t t, char out[32]) {
    strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", gmtime(&t));
    return out;
}

static void times_of(time_t *times) {
    time_t t = 1700000000;
    for (int i = 0; i < N; i++) times[i] = t += talk[i].minute * MINUTE;
}

static void train_ids(const model *m, layout_kind kind, id_list *out) {
    layout l;
    error err = {{0}};
    time_t times[N];
    times_of(times);
    OK(layout_open(&l, kind, false, &m->chat, &err) == 0, "%s", err.text);
    const example_options o = {.tokenizer = m->tokenizer, .layout = &l, .session_gap = 60};
    examples e;
    examples_start(&e, &o);
    for (int i = 0; i < N; i++) {
        char time[32];
        const corpus_message message = {.author = talk[i].author,
                                        .text = talk[i].text,
                                        .n_text = strlen(talk[i].text),
                                        .time = iso(times[i], time),
                                        .border = i == 0,
                                        .imitated = true};
        OK(examples_add(&e, &message, &err) == 0, "%s", err.text);
    }
    OK(examples_finish(&e, &err) == 0, "%s", err.text);
    id_list_append(out, e.ids.data, e.ids.len);
    examples_free(&e);
    layout_free(&l);
}

// For each turn: the prompt that asks for it is where training stands before it.
static void test_equality(const model *m, layout_kind kind, const char *what) {
    id_list all = {0}, prompt = {0};
    time_t times[N];
    chat_message messages[N];
    times_of(times);
    for (int i = 0; i < N; i++) messages[i] = (chat_message){talk[i].author, talk[i].text};
    train_ids(m, kind, &all);
    for (int i = 1; i < N; i++) {
        if (i == 4) continue; // the first one of a session: who asks does not know yet that another one begins
        const prompt_layout p = {.kind = kind, .session_gap = 60, .speaker = talk[i].author, .times = times};
        error err = {{0}};
        int dropped;
        buf rest = {0};
        OK(prompt_fit_layout(m, &p, messages, (size_t)i, 1 << 20, 10, &prompt, &dropped, &err) == 0, "%s", err.text);
        bool same = prompt.len < all.len && memcmp(prompt.data, all.data, prompt.len * sizeof *all.data) == 0;
        OK(same, "%s: %zu ids before turn %d are those of training", what, prompt.len, i);
        if (same) tokenizer_decode(m->tokenizer, all.data + prompt.len, all.len - prompt.len, true, &rest);
        const char *said = buf_str(&rest) + (kind == LAYOUT_LINES);
        OK(strncmp(said, talk[i].text, strcspn(talk[i].text, "\n")) == 0, "%s: turn %d comes next: %.20s", what, i,
           said);
        buf_free(&rest);
    }
    id_list_free(&all);
    id_list_free(&prompt);
}

static void test_dropping(const model *m) {
    chat_message messages[N];
    for (int i = 0; i < N; i++) messages[i] = (chat_message){talk[i].author, talk[i].text};
    const prompt_layout p = {.kind = LAYOUT_LINES, .speaker = "maren"};
    id_list all = {0}, cut = {0};
    error err = {{0}};
    int dropped;
    OK(prompt_fit_layout(m, &p, messages, N, 1 << 20, 10, &all, &dropped, &err) == 0 && dropped == 0, "all fits");
    OK(prompt_fit_layout(m, &p, messages, N, (int)all.len, 10, &cut, &dropped, &err) == 0 && dropped > 0 &&
           cut.len + 10 <= all.len,
       "the oldest are left out: %d", dropped);
    id_list_free(&cut);
    OK(prompt_fit_layout(m, &p, messages, N, 12, 1, &cut, &dropped, &err) != 0 && *err.text, "too long: %s", err.text);
    id_list_free(&all);
    id_list_free(&cut);
}

// ---- what comes back

static void test_speech(void) {
    static const struct {
        layout_kind kind;
        const char *said, *text;
        bool ends;
    } CASES[] = {
        {LAYOUT_LINES, " hi\nNadia:", "hi", true},
        {LAYOUT_LINES, " hi\n", "hi", false},
        {LAYOUT_LINES, " a\n  b\n   c\nd", "a\nb\n c", true},
        {LAYOUT_LINES, " a\n  \n  b\n x", "a\n\nb", true},
        {LAYOUT_LINES, "\nNadia:", "", true},
        {LAYOUT_LINES, "\n  late\n\n", "late", true},
        {LAYOUT_LINES, "  two  spaces  ", "two  spaces  ", false},
        {LAYOUT_LINES, "", "", false},
        {LAYOUT_TURNS, "hi\nNadia:", "hi\nNadia:", false},
        {LAYOUT_TURNS, "\n hi", "hi", false},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        size_t n = strlen(CASES[i].said);
        for (size_t step = 1; step <= n + 1; step++) {
            speech p = {.kind = CASES[i].kind};
            buf out = {0};
            for (size_t at = 0; at < n; at += step)
                speech_feed(&p, CASES[i].said + at, n - at < step ? n - at : step, &out);
            OK(strcmp(buf_str(&out), CASES[i].text) == 0 && p.ended == CASES[i].ends, "case %zu by %zu bytes: \"%s\"",
               i, step, buf_str(&out));
            buf_free(&out);
        }
    }
}

static void test_round_trip(void) {
    for (int i = 0; i < N; i++) {
        layout l;
        buf body = {0}, out = {0};
        speech p = {.kind = LAYOUT_LINES};
        layout_open(&l, LAYOUT_LINES, false, NULL, NULL);
        layout_body(&l, talk[i].author, talk[i].text, strlen(talk[i].text), &body);
        buf_puts(&body, layout_end(&l, talk[i].author));
        buf_puts(&body, "Next:");
        OK(speech_feed(&p, body.data, body.len, &out) && strcmp(out.data, talk[i].text) == 0, "\"%s\" comes back",
           talk[i].text);
        buf_free(&body);
        buf_free(&out);
        layout_free(&l);
    }
}

// ---- run.json

static void test_voice(void) {
    static const char RUN[] = "{\"layout\":\"lines\",\"imitate\":[\"MAREN\"],\"authors\":[\"Gus\",\"maren\",7,\"\"],"
                              "\"data\":[\"/log.txt\"],\"session_gap\":30}";
    static const char *const BAD[] = {"", "[]", "{\"layout\":\"lines\"}", "{\"layout\":3,\"authors\":[\"a\"]}",
                                      "{\"layout\":\"verse\",\"authors\":[\"a\"],\"data\":[\"x\"]}"};
    char *folder = make_folder();
    voice v;
    write_file(folder, "run.json", RUN, strlen(RUN));
    voice_read(&v, folder);
    OK(v.speaks && v.trained && v.layout == LAYOUT_LINES && v.session_gap == 30 && v.n_authors == 2, "it speaks");
    OK(strcmp(voice_speaker(&v), "maren") == 0, "as the log writes the name: %s", voice_speaker(&v));
    OK(strcmp(voice_partner(&v, "maren"), "Gus") == 0 && !voice_partner(&v, "nobody"), "two people");
    OK(strcmp(voice_author(&v, "gus"), "Gus") == 0 && !voice_author(&v, "Pia"), "names by any case");
    voice_free(&v);
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        write_file(folder, "run.json", BAD[i], strlen(BAD[i]));
        voice_read(&v, folder);
        OK(!v.speaks && !voice_speaker(&v), "\"%s\" says nothing", BAD[i]);
        voice_free(&v);
    }
    remove_file(folder, "run.json");
    voice_read(&v, folder);
    OK(!v.trained && !v.speaks, "without a run.json");
    voice_free(&v);
    rmdir(folder);
    free(folder);
}

int main(void) {
    static const char CHATML[] = "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + "
                                 "message['content'] + '<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt "
                                 "%}{{ '<|im_start|>assistant\n' }}{% endif %}";
    char *folder = make_folder();
    model bytes = {.tokenizer = bytes_tokenizer(folder)}, real;
    bytes.chat = chat_format_of_template(CHATML, strlen(CHATML), bytes.tokenizer);
    test_equality(&bytes, LAYOUT_LINES, "bytes, lines");
    test_equality(&bytes, LAYOUT_TURNS, "bytes, turns");
    test_dropping(&bytes);
    test_speech();
    test_round_trip();
    test_voice();
    error err;
    const char *path = getenv("DOPPEL_TEST_MODEL");
    if (!path) {
        SKIP("the default model is not here");
    } else if (OK(model_open(&real, path, 1, MODEL_NO_WEIGHTS, &err) == 0, "%s", err.text)) {
        test_equality(&real, LAYOUT_LINES, "model, lines");
        test_equality(&real, LAYOUT_TURNS, "model, turns");
        model_close(&real);
    }
    chat_format_free(&bytes.chat);
    tokenizer_free(bytes.tokenizer);
    rmdir(folder);
    free(folder);
    return test_end();
}
