// Preparing a training: what is read, who is chosen, what it will cost, what is refused. The model is a tiny one made here.
#include "app/corpus/dataset.h"
#include "app/paths.h"
#include "app/train_base.h"
#include "app/tree.h"
#include "app/tuning.h"
#include "tests/models.h"
#include "tests/test.h"

#include <math.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { PATIENCE_MS = 60000, MESSAGES = 400 };

static char home[64];
static char model_path[160];

static const char *below(const char *name) {
    static char path[160];
    snprintf(path, sizeof path, "%s/%s", home, name);
    return path;
}

// ---- making

// Omar writes six words, Nadia V two; one of his messages holds an address and a number.
static void put_log(buf *out) {
    static const char *const words[] = {"the", "cat", "dog", "bird", "tree", "river", "house", "sat", "ran", "saw"};
    uint32_t seed = 1;
    for (int i = 0; i < MESSAGES; i++) {
        buf_printf(out, "0%d/01/2026, %02d:%02d - %s: ", 1 + i / 200, i / 10 % 20, i % 60, i % 2 ? "Nadia V" : "Omar");
        for (int k = 0; k < (i % 2 ? 2 : 6); k++) {
            seed = seed * 1664525 + 1013904223;
            buf_printf(out, "%s%s", k ? " " : "", words[(seed >> 16) % 10]);
        }
        buf_puts(out, i == 100 ? " ann@example.com +49 30 1234567\n" : "\n");
    }
}

static void put_files(void) {
    buf log = {0}, page = {0};
    put_log(&log);
    write_file(home, "log.txt", log.data, log.len);
    for (int i = 0; i < 200; i++) buf_printf(&page, "The cat sat near the river and saw bird %d.\n", i);
    write_file(home, "page.txt", page.data, page.len);
    write_file(home, "ten.txt", "one two three four five six seven eight nine ten\n", 49);
    write_file(home, "nothing.txt", "", 0);
    char junk[4096];
    for (size_t i = 0; i < sizeof junk; i++) junk[i] = (char)(i * 37);
    write_file(home, "junk.bin", junk, sizeof junk);
    buf_free(&log);
    buf_free(&page);
}

static bool put_model(void) {
    train_settings s = train_settings_none();
    error err = {{0}};
    s.method_name = "scratch";
    s.layers = 1;
    s.heads = 2;
    s.embed = 16;
    s.block_size = 48;
    option_list_push(&s.data, below("log.txt"));
    snprintf(model_path, sizeof model_path, "%s/model", home);
    mkdir(model_path, 0700);
    bool made = train_settings_finish(&s, &err) == 0 && train_base_make(model_path, &s, &err) == 0;
    OK(made, "a model: %s", err.text);
    train_settings_free(&s);
    return made;
}

// ---- waiting

static bool settle(tuning *t) {
    struct pollfd fd = {.fd = tuning_fd(t), .events = POLLIN};
    while (tuning_busy(t)) {
        if (poll(&fd, 1, PATIENCE_MS) <= 0) return false;
        tuning_pump(t);
    }
    return true;
}

static tuning *opened(void) {
    error err = {{0}};
    tuning *t = tuning_new(&err);
    OK(t != NULL, "%s", err.text);
    return t;
}

static void read_file(tuning *t, const char *name) {
    const char *paths[] = {below(name)};
    tuning_read_files(t, model_path, paths, 1);
    OK(settle(t), "%s is read", name);
}

// ---- tests

static void test_reading(void) {
    tuning *t = opened();
    OK(t->stage == TUNING_EMPTY && !tuning_busy(t) && !tuning_pump(t), "nothing yet");
    read_file(t, "log.txt");
    OK(t->stage == TUNING_READY && !*t->err.text, "ready: %s", t->err.text);
    OK(t->is_log && strcmp(t->format, "whatsapp") == 0 && strcmp(t->title, "log.txt") == 0, "%s %s", t->format,
       t->title);
    OK(t->messages == MESSAGES && strncmp(t->first, "2026-01-01", 10) == 0 && strncmp(t->last, "2026-01-02", 10) == 0,
       "%lld %s %s", (long long)t->messages, t->first, t->last);
    OK(t->n_authors == 2 && strcmp(t->authors[0].name, "Omar") == 0 && t->authors[0].words == 1204, "who wrote most");
    OK(t->authors[0].chosen && !t->authors[1].chosen && strcmp(t->name, "Omar") == 0, "is chosen: %s", t->name);
    OK(strstr(buf_str(&t->preview), "Omar: ") != NULL, "%s", buf_str(&t->preview));
    OK(strcmp(buf_str(&t->warning), "1 e-mail address, 1 phone number") == 0, "%s", buf_str(&t->warning));
    read_file(t, "page.txt");
    OK(t->stage == TUNING_READY && !t->is_log && t->n_authors == 0 && t->warning.len == 0, "prose");
    OK(t->forecast.known && strcmp(t->name, "page") == 0, "%s", t->name);
    tuning_cancel(t);
    OK(t->stage == TUNING_EMPTY && !t->forecast.known && t->preview.len == 0, "dropped");
    tuning_free(t);
    tuning_free(NULL);
}

static void test_forecast(void) {
    tuning *t = opened();
    read_file(t, "log.txt");
    const tuning_forecast *f = &t->forecast;
    OK(f->known && !f->stale && f->measured && f->examples > 0 && f->tokens > 0, "a forecast");
    OK(f->seconds > 0 && isfinite(f->seconds) && f->bytes > 0, "%g s, %g bytes", f->seconds, f->bytes);
    int steps[TUNING_EFFORTS];
    double seconds[TUNING_EFFORTS];
    for (int e = 0; e < TUNING_EFFORTS; e++) {
        tuning_set_effort(t, (tuning_effort)e);
        OK(!tuning_busy(t) && !f->stale, "an effort's forecast is there at once");
        steps[e] = f->steps;
        seconds[e] = f->seconds;
    }
    OK(steps[0] < steps[1] && steps[1] < steps[2] && seconds[0] < seconds[1] && seconds[1] < seconds[2],
       "more effort: %d %d %d steps", steps[0], steps[1], steps[2]);
    double few = f->bytes, fast = f->seconds;
    tuning_set_rank(t, 64);
    OK(!tuning_busy(t) && f->bytes > few && f->seconds > fast, "a larger rank costs more");
    tuning_set_rank(t, 100000);
    OK(t->rank == TUNING_MOST_RANK, "cut to its range");
    tuning_set_scrub(t, true);
    OK(tuning_busy(t) && f->stale && f->known, "the old forecast stays while another is made");
    OK(settle(t) && f->known && !f->stale, "until it is there");
    tuning_free(t);
}

static int arguments_of(tuning *t, buf *arguments, error *err) {
    train_settings s;
    int rc = tuning_settings(t, &s, arguments, err);
    if (rc == 0) OK(s.lora_r == t->rank && s.max_steps == t->forecast.steps, "the settings are those of the forecast");
    train_settings_free(&s);
    return rc;
}

static void test_choosing(void) {
    error err = {{0}};
    buf arguments = {0};
    tuning *t = opened();
    OK(arguments_of(t, &arguments, &err) == -1 && strstr(err.text, "nothing to learn from"), "%s", err.text);
    read_file(t, "log.txt");
    const char *nadia[] = {"nadia v"}, *number[] = {"1"}, *both[] = {"1", "2"}, *all[] = {"all"}, *nobody[] = {"Bob"};
    OK(tuning_choose_words(t, nadia, 1, &err) == 0 && t->authors[1].chosen && !t->authors[0].chosen, "by name");
    OK(strcmp(t->name, "Nadia-V") == 0, "%s", t->name);
    OK(tuning_choose_words(t, nobody, 1, &err) == -1 && t->authors[1].chosen, "nobody of that name: %s", err.text);
    OK(tuning_choose_words(t, both, 2, &err) == 0 && tuning_n_chosen(t) == 2, "by numbers");
    OK(tuning_choose_words(t, all, 1, &err) == 0 && tuning_n_chosen(t) == 0, "everybody");
    OK(tuning_choose_words(t, number, 1, &err) == 0 && tuning_n_chosen(t) == 1, "one");
    tuning_choose(t, 1, true);
    tuning_choose(t, 7, true);
    OK(settle(t) && tuning_n_chosen(t) == 2, "two");
    tuning_set_rate(t, 0.002);
    OK(arguments_of(t, &arguments, &err) == 0, "%s", err.text);
    OK(strstr(arguments.data, "--imitate=Omar") && strstr(arguments.data, "--imitate=Nadia V"), "%s", arguments.data);
    OK(strstr(arguments.data, "--lr=0.002") && !strstr(arguments.data, "--scrub"), "%s", arguments.data);
    OK(strstr(arguments.data, "--block-size=48"), "no more than the model takes: %s", arguments.data);
    buf_free(&arguments);
    tuning_free(t);
}

static void test_names(void) {
    error err = {{0}};
    mkdir(below("adapters"), 0700);
    mkdir(below("adapters/Omar"), 0700);
    tuning *t = opened();
    read_file(t, "log.txt");
    OK(strcmp(t->name, "Omar-2") == 0, "another name is taken: %s", t->name);
    OK(tuning_set_name(t, "Omar", &err) == -1 && strstr(err.text, "Omar-2 is free"), "%s", err.text);
    OK(tuning_set_name(t, "a/b", &err) == -1 && tuning_set_name(t, "", &err) == -1, "no names");
    OK(tuning_set_name(t, "a=b", &err) == -1, "a strength would be read behind it: %s", err.text);
    OK(tuning_set_name(t, "mine", &err) == 0 && strcmp(t->name, "mine") == 0, "%s", err.text);
    tuning_choose(t, 1, true);
    OK(settle(t) && strcmp(t->name, "mine") == 0, "a given name stays");
    tuning_free(t);
    rmdir(below("adapters/Omar"));
}

static void test_refused(void) {
    static const struct {
        const char *name, *says;
    } cases[] = {{"nosuch.txt", "cannot be read"},
                 {"nothing.txt", "empty"},
                 {"junk.bin", "no text"},
                 {"adapters", "no file"},
                 {"pipe", "a pipe or a device"}};
    tuning *t = opened();
    OK(mkfifo(below("pipe"), 0600) == 0, "a pipe that nobody writes to");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        read_file(t, cases[i].name);
        OK(t->stage == TUNING_FAILED && strstr(t->err.text, cases[i].says), "%s: %s", cases[i].name, t->err.text);
    }
    const char *const standard_input[] = {"-"};
    tuning_read_files(t, model_path, standard_input, 1);
    settle(t);
    OK(t->stage == TUNING_FAILED && strstr(t->err.text, "belongs to the chat"), "-: %s", t->err.text);
    error err = {{0}};
    read_file(t, "ten.txt");
    OK(t->stage == TUNING_READY && strstr(t->err.text, "hardly a sentence"), "ten words: %s", t->err.text);
    OK(arguments_of(t, &(buf){0}, &err) == -1 && strstr(err.text, "hardly"), "and no training: %s", err.text);
    const char *paths[] = {below("log.txt")};
    tuning_read_files(t, "/nonexistent.gguf", paths, 1);
    OK(settle(t) && t->stage == TUNING_READY && *t->err.text, "no such model: %s", t->err.text);
    read_file(t, "log.txt");
    OK(t->stage == TUNING_READY && !*t->err.text && t->forecast.known, "the next one is fine: %s", t->err.text);
    tuning_free(t);
}

static void test_paste(void) {
    char format[32];
    error err = {{0}};
    buf log = {0}, path = {0};
    put_log(&log);
    OK(tuning_is_log(log.data, log.len, format, sizeof format) && strcmp(format, "whatsapp") == 0, "a log is known");
    OK(!tuning_is_log("how are you\nfine\n", 17, format, sizeof format), "a message is none");
    OK(!tuning_is_log("", 0, format, sizeof format), "nothing is none");
    tuning *t = opened();
    OK(tuning_read_text(t, model_path, log.data, log.len, &err) == 0, "%s", err.text);
    OK(settle(t) && t->stage == TUNING_READY && t->messages == MESSAGES, "it is read: %s", t->err.text);
    OK(strcmp(t->title, "pasted text") == 0 && strcmp(t->format, "whatsapp") == 0, "%s", t->title);
    buf arguments = {0};
    OK(arguments_of(t, &arguments, &err) == 0, "%s", err.text);
    char *data = strstr(buf_str(&arguments), "--data="), *end = data ? strchr(data, '"') : NULL;
    OK(data && end && strstr(data, "/datasets/pasted-"), "%s", buf_str(&arguments));
    if (end) *end = '\0';
    struct stat st;
    OK(data && stat(data + 7, &st) == 0 && (st.st_mode & 0777) == 0600, "it is kept, and private");
    OK(data && strstr(data, ".jsonl"), "as messages: %s", data);
    buf_free(&arguments);
    // Prose stays the text it is.
    buf page = {0};
    for (int i = 0; i < 50; i++) buf_printf(&page, "A line of a story that nobody wrote, number %d.\n\n", i);
    OK(tuning_read_text(t, model_path, page.data, page.len, &err) == 0 && settle(t), "%s", err.text);
    OK(t->stage == TUNING_READY && !t->is_log && arguments_of(t, &arguments, &err) == 0, "%s %s", t->err.text,
       err.text);
    OK(strstr(buf_str(&arguments), "/datasets/pasted-") && strstr(buf_str(&arguments), ".txt\""), "%s",
       buf_str(&arguments));
    buf_free(&arguments);
    buf_free(&page);
    buf_free(&log);
    buf_free(&path);
    tuning_free(t);
}

// A wish that is overtaken by the next one leaves nothing behind, whatever the thread was at.
static void test_haste(void) {
    tuning *t = opened();
    const char *paths[] = {below("log.txt")};
    for (int i = 0; i < 20; i++) {
        tuning_read_files(t, model_path, paths, 1);
        if (i % 3 == 0) tuning_pump(t);
        if (i % 7 == 0) tuning_cancel(t);
    }
    tuning_read_files(t, model_path, paths, 1);
    OK(settle(t) && t->n_authors == 2 && t->forecast.known, "the last one counts");
    for (int i = 0; i < 50; i++) tuning_choose(t, 1, i % 2 == 0);
    tuning_set_scrub(t, true);
    OK(settle(t) && tuning_n_chosen(t) == 1 && !t->forecast.stale, "so does the last choice");
    tuning_read_files(t, model_path, paths, 1);
    tuning_free(t); // while it reads
}

int main(void) {
    snprintf(home, sizeof home, "/tmp/doppel-test-XXXXXX");
    if (!mkdtemp(home)) return 1;
    setenv("DOPPEL_HOME", home, 1);
    put_files();
    if (put_model()) {
        test_reading();
        test_forecast();
        test_choosing();
        test_names();
        test_refused();
        test_paste();
        test_haste();
    }
    tree_remove(home, NULL);
    return test_end();
}
