// Conversations: turns, waiting messages, slash commands, questions, completion, export. The parts that need answers
// use a tiny model of the shared reference files (skipped without them).
#include "app/chat.h"
#include "tests/test.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATIENCE_MS = 60000 };

static char folder[] = "/tmp/doppel-chat-XXXXXX";
static char tiny[1024];
static bool has_tiny;

static chat *open_chat(const char *model) {
    error err = {{0}};
    chat_options o = {.model_path = model, .worker.threads = 1, .settings = gen_settings_chat()};
    o.settings.max_tokens = 8;
    o.settings.ignore_eos = true;
    chat *c = chat_open(&o, &err);
    if (!OK(c != NULL, "%s", err.text)) exit(test_end());
    return c;
}

// Pumps until nothing runs; the flags of all that happened.
static unsigned settle(chat *c) {
    unsigned flags = chat_pump(c);
    while (chat_busy(c)) {
        struct pollfd fd = {.fd = worker_fd(c->worker), .events = POLLIN};
        if (poll(&fd, 1, PATIENCE_MS) <= 0) {
            OK(0, "nothing happens");
            break;
        }
        flags |= chat_pump(c);
    }
    return flags;
}

static const char *last_note(const chat *c) {
    for (size_t i = c->n_turns; i > 0; i--)
        if (c->turns[i - 1].kind == TURN_NOTE) return buf_str(&c->turns[i - 1].text);
    return "";
}

static bool last_note_is_error(const chat *c) {
    for (size_t i = c->n_turns; i > 0; i--)
        if (c->turns[i - 1].kind == TURN_NOTE) return c->turns[i - 1].is_error;
    return false;
}

static size_t count(const chat *c, turn_kind kind) {
    size_t n = 0;
    for (size_t i = 0; i < c->n_turns; i++) n += c->turns[i].kind == kind;
    return n;
}

static const chat_turn *last_of(const chat *c, turn_kind kind) {
    const chat_turn *t = NULL;
    for (size_t i = 0; i < c->n_turns; i++)
        if (c->turns[i].kind == kind) t = &c->turns[i];
    return t;
}

#define SAYS(c, part) OK(strstr(last_note(c), part), "\"%s\" says \"%s\"", last_note(c), part)

// ---- without a model

static void test_without_model(void) {
    chat *c = open_chat(NULL);
    SAYS(c, "/model pull");
    OK(c->question == QUESTION_FETCH && !c->loading, "it offers to fetch one");
    chat_submit(c, "Hello?");
    OK(count(c, TURN_USER) == 1 && last_of(c, TURN_USER)->waiting, "the message waits");
    SAYS(c, "waits");
    OK(c->turns[c->n_turns - 1].kind == TURN_USER, "behind the notes");
    chat_submit(c, "n");
    SAYS(c, "Not fetched");
    OK(c->question == QUESTION_NONE, "no is an answer");
    chat_submit(c, "/undo");
    char *draft = chat_take_draft(c);
    OK(draft && strcmp(draft, "Hello?") == 0 && count(c, TURN_USER) == 0, "/undo gives a waiting message back");
    free(draft);
    OK(!chat_take_draft(c), "once");
    chat_submit(c, "/again");
    OK(last_note_is_error(c), "nothing to answer again");
    chat_submit(c, "/model nosuchmodel");
    OK(last_note_is_error(c), "%s", last_note(c));
    SAYS(c, "nosuchmodel");
    chat_submit(c, "/model");
    SAYS(c, "No model is installed");
    chat_submit(c, "/model /dev/null");
    settle(c);
    SAYS(c, "No model is loaded");
    chat_close(c);
    chat_close(NULL);
}

static void test_commands(void) {
    chat *c = open_chat(NULL);
    chat_submit(c, "/help");
    for (size_t i = 0; i < chat_n_commands(); i++) {
        char name[32];
        snprintf(name, sizeof name, "/%s", chat_command_at(i)->name);
        SAYS(c, name);
    }
    chat_submit(c, "/help set");
    OK(strstr(last_note(c), "/set") && !strstr(last_note(c), "/clear"), "help for one");
    chat_submit(c, "/hlep");
    OK(last_note_is_error(c), "unknown");
    SAYS(c, "/help");
    chat_submit(c, "/xyzzyfoo");
    SAYS(c, "//");
    chat_submit(c, "/quit now");
    OK(last_note_is_error(c) && !c->quitting, "/quit takes nothing");
    size_t before = c->n_turns;
    OK(chat_submit(c, "   \n\t ") == 0 && c->n_turns == before, "blank lines do nothing");
    chat_submit(c, "//etc is a folder  \n");
    OK(strcmp(buf_str(&last_of(c, TURN_USER)->text), "/etc is a folder") == 0, "two slashes: a message with one");
    chat_submit(c, "/clear");
    OK(count(c, TURN_USER) == 0 && c->n_turns == 1, "/clear");
    chat_submit(c, "  indented");
    OK(strcmp(buf_str(&last_of(c, TURN_USER)->text), "  indented") == 0, "leading blanks of a message stay");
    chat_submit(c, "bad \xff\xc3(");
    OK(utf8_valid(buf_str(&last_of(c, TURN_USER)->text), last_of(c, TURN_USER)->text.len), "invalid UTF-8 is repaired");
    chat_submit(c, "/system Be brief.");
    OK(strcmp(c->system, "Be brief.") == 0, "/system");
    chat_submit(c, "/system");
    SAYS(c, "Be brief.");
    chat_submit(c, "/system -");
    OK(strcmp(c->system, "") == 0, "/system -");
    chat_submit(c, "/quit");
    OK(c->quitting, "/quit");
    chat_close(c);
}

static void test_settings(void) {
    chat *c = open_chat(NULL);
    gen_settings s;
    chat_submit(c, "/set");
    for (size_t i = 0; i < gen_n_knobs(); i++) SAYS(c, gen_knob_at(i)->name);
    OK(chat_submit(c, "/set temperature 0.25") & CHAT_SETTINGS, "flag");
    worker_get_settings(c->worker, &s);
    OK(c->settings.temperature == 0.25 && s.temperature == 0.25, "set, for the worker too");
    SAYS(c, "temperature is 0.25");
    chat_submit(c, "/set top_k=3");
    OK(c->settings.top_k == 3, "other spellings");
    chat_submit(c, "/set temperature 5000");
    OK(last_note_is_error(c) && c->settings.temperature == 0.25, "out of range: %s", last_note(c));
    SAYS(c, "100");
    chat_submit(c, "/set temperature default");
    OK(c->settings.temperature == gen_settings_chat().temperature, "back to the default");
    chat_submit(c, "/set temprature 1");
    SAYS(c, "did you mean temperature");
    chat_submit(c, "/set stop END");
    chat_submit(c, "/set stop two words");
    OK(c->settings.n_stops == 2 && strcmp(c->settings.stops[1], "two words") == 0, "stop texts add up");
    chat_submit(c, "/set stop default");
    OK(c->settings.n_stops == 0, "and go");
    chat_submit(c, "/set seed 77");
    OK(c->settings.seed == 77 && c->settings.seed_given, "seed");
    chat_submit(c, "/set seed random");
    OK(!c->settings.seed_given, "from the clock");
    char number[32];
    snprintf(number, sizeof number, "seed is %llu", (unsigned long long)c->settings.seed);
    SAYS(c, number);
    chat_submit(c, "/set user Ada L.");
    OK(strcmp(c->user_name, "Ada L.") == 0, "user");
    chat_submit(c, "/set save");
    OK(!last_note_is_error(c), "%s", last_note(c));
    char path[128];
    snprintf(path, sizeof path, "%s/config/doppel/config.json", folder);
    OK(access(path, R_OK) == 0, "%s is written", path);
    unlink(path);
    chat_close(c);
}

// ---- completion

static bool offers(const buf *words, const char *word) {
    char line[256];
    snprintf(line, sizeof line, "\n%s\n", word);
    buf all = {0};
    buf_printf(&all, "\n%s", buf_str(words));
    bool found = strstr(buf_str(&all), line) != NULL;
    buf_free(&all);
    return found;
}

static void completes(const chat *c, const char *line, size_t start, const char *word, bool expected) {
    buf words = {0};
    size_t at = 0;
    chat_complete(c, line, strlen(line), &at, &words);
    OK(offers(&words, word) == expected, "\"%s\" %s \"%s\": %s", line, expected ? "offers" : "does not offer", word,
       buf_str(&words));
    if (expected) OK(at == start, "\"%s\": the word begins at %zu", line, at);
    buf_free(&words);
}

static void test_completion(void) {
    chat *c = open_chat(NULL);
    completes(c, "/", 0, "/help", true);
    completes(c, "/s", 0, "/save", true);
    completes(c, "/s", 0, "/set", true);
    completes(c, "/s", 0, "/help", false);
    completes(c, "hello /s", 0, "/set", false);
    completes(c, "", 0, "/set", false);
    completes(c, "/set ", 5, "top-k", true);
    completes(c, "/set to", 5, "top-k", true);
    completes(c, "/set to", 5, "temperature", false);
    completes(c, "/set ignore-eos o", 16, "on", true);
    completes(c, "/set top-k d", 11, "default", true);
    completes(c, "/model p", 7, "pull", true);
    completes(c, "/help se", 6, "set", true);
    char path[128], line[160];
    snprintf(path, sizeof path, "%s/sub folder", folder);
    mkdir(path, 0700);
    snprintf(path, sizeof path, "%s/sub folder/", folder);
    snprintf(line, sizeof line, "/save %s/su", folder);
    completes(c, line, 6, path, true);
    snprintf(path, sizeof path, "%s/sub folder", folder);
    rmdir(path);
    completes(c, "/t", 0, "/train", true);
    completes(c, "/train im", 7, "imitate", true);
    completes(c, "/train effort ", 14, "thorough", true);
    completes(c, "/train effort ", 14, "start", false);
    completes(c, "/train scrub o", 13, "off", true);
    completes(c, "/train imitate ", 15, "all", true);
    completes(c, "/train /de", 7, "/dev/", true);
    completes(c, "/train one.txt /de", 15, "/dev/", true);
    completes(c, "/train start ", 13, "/dev/", false);
    // The cursor in the middle: only what stands before it counts.
    buf words = {0};
    size_t at;
    chat_complete(c, "/set top-k", 7, &at, &words);
    OK(at == 5 && offers(&words, "top-p"), "in the middle: %s", buf_str(&words));
    buf_free(&words);
    chat_close(c);
}

// ---- with a model

static void test_exchange(void) {
    chat *c = open_chat(tiny);
    OK(c->loading, "loading");
    chat_submit(c, "First");
    OK(last_of(c, TURN_USER)->waiting, "a message while loading waits");
    OK(settle(c) & CHAT_DONE, "and is answered then");
    OK(!last_of(c, TURN_USER)->waiting && count(c, TURN_MODEL) == 1, "once");
    const chat_turn *answer = last_of(c, TURN_MODEL);
    OK(!answer->running && answer->stop == GEN_LENGTH && answer->n_tokens == 8, "%d tokens", answer->n_tokens);
    OK(c->candidates.n_candidates > 0 && c->n_past > 8 && c->n_ctx > 0, "status");
    OK(strcmp(c->model_name, "llama-f32") == 0, "name: %s", c->model_name);

    chat_submit(c, "Second");
    chat_submit(c, "Third");
    chat_submit(c, "Fourth");
    OK(c->answering && c->turns[c->answer].running, "one is answered");
    OK(c->turns[c->n_turns - 1].waiting && c->turns[c->n_turns - 2].waiting, "two wait");
    chat_submit(c, "/help");
    OK(c->turns[c->n_turns - 1].waiting, "notes stand in front of them");
    settle(c);
    OK(count(c, TURN_USER) == 4 && count(c, TURN_MODEL) == 4, "all are answered");
    turn_kind expected = TURN_USER;
    bool in_turn = true;
    unsigned id = 0;
    bool unique = true;
    for (size_t i = 0; i < c->n_turns; i++) {
        for (size_t j = 0; j < i; j++) unique &= c->turns[i].id != c->turns[j].id;
        id = c->turns[i].id > id ? c->turns[i].id : id;
        if (c->turns[i].kind == TURN_NOTE) continue;
        in_turn &= c->turns[i].kind == expected;
        expected = expected == TURN_USER ? TURN_MODEL : TURN_USER;
    }
    OK(in_turn && unique && id == c->last_id, "messages and answers alternate");
    chat_close(c);
}

static void test_stop_undo_again(void) {
    chat *c = open_chat(tiny);
    settle(c);
    gen_settings s = c->settings;
    s.max_tokens = 100000;
    chat_set_settings(c, &s);
    chat_submit(c, "Tell me");
    chat_stop(c);
    settle(c);
    OK(last_of(c, TURN_MODEL)->stop == GEN_INTERRUPTED, "stopped");
    s.max_tokens = 8;
    chat_set_settings(c, &s);
    unsigned id = last_of(c, TURN_MODEL)->id;
    chat_submit(c, "/again");
    OK(settle(c) & CHAT_DONE, "another answer");
    OK(count(c, TURN_MODEL) == 1 && last_of(c, TURN_MODEL)->id != id && last_of(c, TURN_MODEL)->n_tokens == 8,
       "takes its place");
    chat_submit(c, "More");
    settle(c);
    chat_submit(c, "/undo");
    char *draft = chat_take_draft(c);
    OK(draft && strcmp(draft, "More") == 0, "the message comes back");
    free(draft);
    OK(count(c, TURN_USER) == 1 && count(c, TURN_MODEL) == 1, "the exchange is gone");

    // Commands that change the conversation end the answer that runs.
    s.max_tokens = 100000;
    chat_set_settings(c, &s);
    chat_submit(c, "Endless");
    chat_submit(c, "/clear");
    OK(!c->answering && count(c, TURN_USER) == 0, "/clear while answering");
    OK(c->n_past == 0 && c->candidates.n_candidates == 0 && c->tok_s == 0, "and nothing of it is shown any more");
    s.max_tokens = 8;
    chat_set_settings(c, &s);
    chat_submit(c, "Next");
    settle(c);
    OK(count(c, TURN_MODEL) == 1 && last_of(c, TURN_MODEL)->n_tokens == 8, "what the old answer still says is ignored");
    chat_close(c);
}

static void test_too_long(void) {
    chat *c = open_chat(tiny);
    settle(c);
    char *big = mem_calloc(1 << 20, 1);
    memset(big, 'x', (1 << 20) - 1);
    chat_submit(c, big);
    settle(c);
    OK(last_note_is_error(c), "too long: %s", last_note(c));
    OK(last_of(c, TURN_USER)->failed && last_of(c, TURN_USER)->text.len == (1 << 20) - 1, "nothing is lost");
    OK(count(c, TURN_MODEL) == 0 && !c->answering, "no answer");
    chat_submit(c, "Short");
    settle(c);
    OK(count(c, TURN_MODEL) == 1, "the next message is answered: %s", last_note(c));
    free(big);
    chat_close(c);
}

static void test_models(void) {
    chat *c = open_chat(tiny);
    settle(c);
    chat_submit(c, "/model /dev/null");
    settle(c);
    OK(last_note_is_error(c) && worker_model(c->worker), "a bad model: %s", last_note(c));
    SAYS(c, "stays");
    char line[1100];
    snprintf(line, sizeof line, "/model %s", tiny);
    chat_submit(c, line);
    chat_submit(c, "After loading");
    settle(c);
    OK(count(c, TURN_MODEL) == 1, "loaded anew and answered");
    chat_submit(c, "While it answers");
    chat_submit(c, line);
    OK(strstr(last_note(c), "once what runs is done") != NULL, "loading waits, and says so: %s", last_note(c));
    settle(c);
    OK(count(c, TURN_MODEL) == 2, "answered before it is loaded");
    chat_close(c);
}

static char *read_file(const char *name) {
    buf all = {0};
    char piece[512];
    size_t n;
    FILE *f = fopen(name, "r");
    while (f && (n = fread(piece, 1, sizeof piece, f)) > 0) buf_append(&all, piece, n);
    if (f) fclose(f);
    return buf_take(&all);
}

static void test_save(void) {
    chat *c = open_chat(tiny);
    settle(c);
    chat_submit(c, "A question");
    settle(c);
    char line[160], path[128];
    snprintf(path, sizeof path, "%s/chat.md", folder);
    snprintf(line, sizeof line, "/save %s", path);
    chat_submit(c, line);
    char *text = read_file(path);
    OK(strstr(text, "A question") && strstr(text, "**you**") && !strstr(text, "is ready"), "Markdown: %s", text);
    free(text);
    struct stat st;
    OK(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600, "private");
    chat_submit(c, "/clear");
    chat_submit(c, line);
    SAYS(c, "Replace it?");
    chat_submit(c, "n");
    text = read_file(path);
    OK(strstr(text, "A question"), "no: as it was");
    free(text);
    chat_submit(c, line);
    chat_submit(c, "yes");
    text = read_file(path);
    OK(!strstr(text, "A question") && strstr(text, "# Chat with"), "yes: replaced");
    free(text);
    chat_submit(c, line);
    chat_submit(c, "/help");
    chat_submit(c, "y");
    OK(strcmp(buf_str(&last_of(c, TURN_USER)->text), "y") == 0, "another line drops the question");
    settle(c);
    unlink(path);
    chat_submit(c, "/save /nonexistent/folder/chat.txt");
    OK(last_note_is_error(c), "%s", last_note(c));
    chat_submit(c, "/save");
    OK(last_note_is_error(c), "%s", last_note(c));
    chat_close(c);
}

int main(void) {
    const char *tests = getenv("TESTS");
    snprintf(tiny, sizeof tiny, "%s/../../shared/goldens/models/gguf/llama-f32.gguf", tests ? tests : "tests");
    has_tiny = access(tiny, R_OK) == 0;
    if (!mkdtemp(folder)) return 1;
    char config[64];
    snprintf(config, sizeof config, "%s/config", folder);
    setenv("DOPPEL_HOME", folder, 1);
    setenv("XDG_CONFIG_HOME", config, 1);
    test_without_model();
    test_commands();
    test_settings();
    test_completion();
    if (has_tiny) {
        test_exchange();
        test_stop_undo_again();
        test_too_long();
        test_models();
        test_save();
    } else {
        SKIP("%s is not there", tiny);
    }
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    OK(system(command) == 0, "clean up");
    return test_end();
}
