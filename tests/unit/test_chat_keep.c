// Chats and their store: what is said is kept at once, goes on later, and has alternatives; states of the model are kept
// and forgotten with their conversation; a disk that is full costs nothing but the keeping. With a tiny model of the
// shared reference files (skipped without them).
#include "app/chat.h"
#include "app/chat_background.h"
#include "tests/test.h"

#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATIENCE_MS = 60000 };

static char folder[] = "/tmp/doppel-keep-XXXXXX";
static char path[64], kv_dir[64], tiny[1024];

static void settle(chat *c) {
    chat_pump(c);
    while (chat_busy(c)) {
        struct pollfd fds[CHAT_MAX_FDS];
        size_t n = chat_fds(c, fds);
        if (poll(fds, n, PATIENCE_MS) <= 0) {
            OK(0, "nothing happens");
            break;
        }
        chat_pump(c);
    }
}

// session 0: a new one; -1: nothing is kept.
static chat *open_chat(int64_t session, int max_tokens) {
    error err = {{0}};
    chat_options o = {
        .model_path = tiny,
        .worker = {.threads = 1, .kv_dir = kv_dir, .kv_cap = 1 << 28},
        .settings = gen_settings_chat(),
        .session = session > 0 ? session : 0,
        .remembers = true,
    };
    o.settings.max_tokens = max_tokens;
    o.settings.ignore_eos = true;
    if (session >= 0) o.store = store_open(path, NULL, &err);
    OK(session < 0 || o.store, "%s", err.text);
    chat *c = chat_open(&o, &err);
    if (!OK(c != NULL, "%s", err.text)) exit(test_end());
    settle(c);
    return c;
}

static void say(chat *c, const char *line) {
    chat_submit(c, line);
    settle(c);
}

// "you: hello / llama: ... *" with the alternatives of each: what stands in the conversation, by first letters.
static const char *shape(const chat *c) {
    static buf out;
    buf_clear(&out);
    for (size_t i = 0; i < c->n_turns; i++) {
        const chat_turn *t = &c->turns[i];
        if (t->kind == TURN_NOTE) continue;
        if (t->kind == TURN_USER) buf_printf(&out, "%s", buf_str(&t->text));
        if (t->kind == TURN_MODEL) buf_puts(&out, "=");
        if (t->failed) buf_puts(&out, "!");
        if (t->n_alternatives > 1) buf_printf(&out, "%d/%d", t->nth, t->n_alternatives);
        buf_putc(&out, ' ');
    }
    return buf_str(&out);
}

#define SHAPE(c, expected) OK(strcmp(shape(c), expected) == 0, "\"%s\", not \"%s\"", shape(c), expected)

static const char *last_note(const chat *c) {
    for (size_t i = c->n_turns; i > 0; i--)
        if (c->turns[i - 1].kind == TURN_NOTE) return buf_str(&c->turns[i - 1].text);
    return "";
}

static char *last_answer(const chat *c) {
    for (size_t i = c->n_turns; i > 0; i--)
        if (c->turns[i - 1].kind == TURN_MODEL) return mem_strdup(buf_str(&c->turns[i - 1].text));
    return mem_strdup("");
}

#define SAYS(c, part) OK(strstr(last_note(c), part), "\"%s\" says \"%s\"", last_note(c), part)

static int n_states(void) {
    DIR *d = opendir(kv_dir);
    int n = 0;
    for (struct dirent *e; d && (e = readdir(d));) n += strstr(e->d_name, ".kv") != NULL;
    if (d) closedir(d);
    return n;
}

// ---- alternatives

static void alternatives(void) {
    chat *c = open_chat(0, 4);
    say(c, "A");
    SHAPE(c, "A = ");
    char *first = last_answer(c);
    say(c, "/again");
    SHAPE(c, "A =2/2 ");
    char *second = last_answer(c);
    say(c, "/again");
    SHAPE(c, "A =3/3 ");
    chat_walk(c, -1);
    SHAPE(c, "A =2/3 ");
    char *back = last_answer(c);
    OK(strcmp(back, second) == 0, "it is the one that was given second");
    free(back);
    say(c, "B");
    say(c, "/undo");
    SHAPE(c, "A =2/3 ");
    free(chat_take_draft(c));
    say(c, "C");
    SHAPE(c, "A =2/3 C2/2 = "); // the exchange that was taken back is an alternative to the new one
    chat_walk(c, 1);
    SHAPE(c, "A =2/3 B1/2 = ");
    say(c, "/alternative 2");
    SHAPE(c, "A =2/3 C2/2 = ");
    size_t at = 0;
    while (c->turns[at].kind != TURN_MODEL) at++;
    chat_alternative(c, at, 1);
    SHAPE(c, "A =1/3 "); // what followed stays with the answer it followed
    back = last_answer(c);
    OK(strcmp(back, first) == 0, "the first one");
    free(back);
    chat_alternative(c, at, 2);
    SHAPE(c, "A =2/3 C2/2 = ");
    say(c, "/alternative 9");
    SAYS(c, "no alternative");
    int64_t id = c->session.id;
    chat_close(c);

    c = open_chat(id, 4);
    SHAPE(c, "A =2/3 C2/2 = ");
    chat_walk(c, 1);
    SHAPE(c, "A =2/3 B1/2 = ");
    back = last_answer(c);
    free(back);
    say(c, "/clear");
    SHAPE(c, "");
    say(c, "/alternative");
    SAYS(c, "one answer only");
    chat_close(c);
    free(first);
    free(second);
}

// An answer stopped before its first word is none; one that fails gives its place back.
static void abandoned(void) {
    chat *c = open_chat(0, 4);
    say(c, "A");
    gen_settings s = c->settings;
    s.max_tokens = 100000;
    chat_set_settings(c, &s);
    chat_submit(c, "/again");
    OK(c->answering, "another one is being written");
    chat_alternative(c, 0, 1);
    chat_submit(c, "/again");
    chat_stop(c);
    settle(c);
    OK(strstr(shape(c), "A ="), "%s", shape(c));
    chat_submit(c, "Endless");
    chat_submit(c, "/undo");
    free(chat_take_draft(c));
    say(c, "/sessions delete");
    SAYS(c, "for good?");
    say(c, "y");
    SAYS(c, "is removed");
    SHAPE(c, "");
    chat_close(c);
}

// ---- keeping

static void continuing(void) {
    chat *c = open_chat(0, 4);
    say(c, "/system Be kind.");
    OK(c->session.id == 0, "nothing is stored before there is something to store");
    say(c, "Hello \xf0\x9f\x90\x89 there");
    int64_t id = c->session.id;
    OK(id > 0 && strcmp(c->session.title, "Hello \xf0\x9f\x90\x89 there") == 0, "title: %s", c->session.title);
    say(c, "/set user Ada");
    say(c, "More");
    OK(store_last(c->store) == id, "it is the last one");
    say(c, "/sessions rename Dragons");
    say(c, "/clear");
    OK(c->session.id == 0 && store_last(c->store) == 0, "a new one is no stored one yet");
    say(c, "Other");
    int64_t other = c->session.id;
    OK(other != id, "another one");
    char line[64];
    say(c, "/sessions");
    OK(strstr(last_note(c), "Dragons (4)") && strstr(last_note(c), "Other (2)"), "%s", last_note(c));
    say(c, "/sessions search ada");
    SAYS(c, "Nothing was found");
    say(c, "/sessions search mor hello");
    SAYS(c, "Nothing was found"); // not in one message
    say(c, "/sessions search mor");
    SAYS(c, "Dragons (4)");
    snprintf(line, sizeof line, "/sessions open %lld", (long long)id);
    say(c, line);
    SHAPE(c, "Hello \xf0\x9f\x90\x89 there = More = ");
    OK(strcmp(c->system, "Be kind.") == 0 && strcmp(c->turns[2].author, "Ada") == 0 && c->session.is_named,
       "system text and names are as they were");
    say(c, "/sessions open Oth");
    OK(c->session.id == other, "by the beginning of the title");
    say(c, "/sessions open nowhere");
    SAYS(c, "no conversation nowhere");
    say(c, "/sessions delete Dragons");
    say(c, "n");
    SAYS(c, "It stays.");
    say(c, "/sessions delete Dragons");
    say(c, "y");
    OK(store_find(c->store, "Dragons", NULL) == 0 && c->session.id == other, "another one is removed");
    say(c, "/sessions wrong");
    SAYS(c, "/sessions help");
    say(c, "/sessions serch 1");
    SAYS(c, "did you mean search");
    snprintf(line, sizeof line, "/sessions export %s/x.json", folder);
    say(c, line);
    SAYS(c, "saved");
    snprintf(line, sizeof line, "%s/x.json", folder);
    unlink(line);
    chat_close(c);
}

static void not_keeping(void) {
    chat *c = open_chat(-1, 4);
    say(c, "A");
    say(c, "/again");
    SHAPE(c, "A =2/2 ");
    say(c, "/sessions");
    SAYS(c, "not kept");
    say(c, "/clear");
    SHAPE(c, "");
    OK(!chat_unkept(c), "nothing is missing where nothing is kept");
    chat_close(c);
}

// What the store has of the growing answer after every pump is what is shown.
static void every_token(void) {
    chat *c = open_chat(0, 100000);
    store *reader = store_open(path, NULL, NULL);
    chat_submit(c, "Grow");
    int n_compared = 0, n_different = 0;
    while (chat_busy(c)) {
        struct pollfd fds[CHAT_MAX_FDS];
        size_t n = chat_fds(c, fds);
        poll(fds, n, PATIENCE_MS);
        chat_pump(c);
        session s;
        if (!c->answering || c->turns[c->answer].text.len == 0 || store_load(reader, c->session.id, &s, NULL) != 0)
            continue;
        n_compared++;
        n_different += strcmp(s.messages[s.n_messages - 1].text, buf_str(&c->turns[c->answer].text)) != 0;
        session_free(&s);
    }
    OK(n_compared > 3 && n_different == 0, "%d of %d differ", n_different, n_compared);
    store_close(reader);
    chat_close(c);
}

// ---- the model's state

static int tokens_read(chat *c, const char *line) {
    say(c, line);
    return c->n_read;
}

static void states(void) {
    char text[121];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    chat *c = open_chat(0, 4);
    int all = tokens_read(c, text);
    OK(all > 100, "a long message: %d tokens: %s", all, last_note(c));
    int64_t id = c->session.id;
    chat_close(c);
    int kept = n_states();
    OK(kept > 0, "kept at the end");

    c = open_chat(id, 4);
    int again = tokens_read(c, "short");
    OK(again > 0 && again < all / 2, "a conversation that goes on is not read again: %d of %d tokens", again, all);
    say(c, "/clear");
    char line[64];
    snprintf(line, sizeof line, "/sessions open %lld", (long long)id);
    say(c, line);
    again = tokens_read(c, "shorter");
    OK(again > 0 && again < all / 2, "nor when it is come back to: %d", again);
    chat_close(c);

    // Another kind of cache makes the state stale: it is read again, and all is well.
    chat_options o = {.model_path = tiny,
                      .worker = {.threads = 1, .kv_dir = kv_dir, .kv_cap = 1 << 28, .cache = NET_CACHE_F16},
                      .settings = gen_settings_chat(),
                      .session = id,
                      .store = store_open(path, NULL, NULL)};
    o.settings.max_tokens = 4;
    error err = {{0}};
    c = chat_open(&o, &err);
    settle(c);
    again = tokens_read(c, "other cache");
    OK(again >= all, "a stale state is not used: %d", again);
    snprintf(line, sizeof line, "/sessions delete");
    say(c, line);
    say(c, "y");
    chat_close(c);
    OK(n_states() < kept || kept == 0, "the state goes with its conversation: %d, %d", n_states(), kept);
}

// ---- faults

// Whatever process is killed, what it showed is there.
static int64_t killed_while_answering(void) {
    int ends[2];
    int64_t id = 0;
    if (pipe(ends) != 0) return 0;
    pid_t pid = fork();
    if (pid == 0) {
        chat *c = open_chat(0, 100000);
        chat_submit(c, "Cut me off");
        while (!c->answering || c->turns[c->answer].n_tokens < 20) {
            struct pollfd fds[CHAT_MAX_FDS];
            size_t n = chat_fds(c, fds);
            poll(fds, n, PATIENCE_MS);
            chat_pump(c);
        }
        const char *text = buf_str(&c->turns[c->answer].text);
        if (write(ends[1], &c->session.id, sizeof id) < 0 || write(ends[1], text, strlen(text)) < 0) _exit(1);
        raise(SIGKILL);
    }
    close(ends[1]);
    buf shown = {0};
    char piece[4096];
    OK(read(ends[0], &id, sizeof id) == sizeof id, "the child tells its session");
    for (ssize_t n; (n = read(ends[0], piece, sizeof piece)) > 0;) buf_append(&shown, piece, (size_t)n);
    close(ends[0]);
    waitpid(pid, NULL, 0);
    store *s = store_open(path, NULL, NULL);
    session back;
    OK(store_load(s, id, &back, NULL) == 0 && back.n_messages == 2 && shown.len > 0 &&
           strncmp(back.messages[1].text, shown.data, shown.len) == 0,
       "everything that was shown is there");
    session_free(&back);
    store_close(s);
    buf_free(&shown);
    return id;
}

static void killed(void) {
    int64_t id = killed_while_answering();
    chat *c = open_chat(id, 4);
    SHAPE(c, "Cut me off = ");
    for (size_t i = 0; i < c->n_turns; i++)
        if (c->turns[i].kind == TURN_MODEL)
            OK(!c->turns[i].running && c->turns[i].stop == GEN_INTERRUPTED, "the answer is a stopped one");
    say(c, "On");
    SHAPE(c, "Cut me off = On = ");
    chat_close(c);
}

static void full(void) {
    chat *c = open_chat(0, 4);
    say(c, "Before");
    struct rlimit before, tight = {.rlim_cur = 4096};
    getrlimit(RLIMIT_FSIZE, &before);
    tight.rlim_max = before.rlim_max;
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &tight);
    say(c, "During");
    OK(chat_wait_ms(c) >= 0, "it is tried again");
    while (!strstr(last_note(c), "Nothing is being kept")) {
        int wait = chat_wait_ms(c);
        if (!OK(wait >= 0, "it is tried again")) break;
        poll(NULL, 0, wait);
        chat_pump(c);
    }
    SAYS(c, "doppel tries again");
    say(c, "Still");
    say(c, "/clear");
    SAYS(c, "would be lost");
    SHAPE(c, "Before = During = Still = ");
    setrlimit(RLIMIT_FSIZE, &before);
    while (chat_wait_ms(c) >= 0) {
        poll(NULL, 0, chat_wait_ms(c));
        chat_pump(c);
    }
    SAYS(c, "kept again");
    int64_t id = c->session.id;
    chat_close(c);
    c = open_chat(id, 4);
    SHAPE(c, "Before = During = Still = ");
    chat_close(c);
}

// The database is removed, and later overwritten, while a chat uses it.
static void removed(void) {
    char log[80], aside[80];
    snprintf(log, sizeof log, "%s-wal", path);
    snprintf(aside, sizeof aside, "%s.damaged", path);
    chat *c = open_chat(0, 4);
    say(c, "Before");
    unlink(path);
    unlink(log);
    say(c, "After");
    OK(store_find(c->store, "Before", NULL) == c->session.id && access(path, R_OK) == 0, "written anew");
    int64_t id = c->session.id;
    chat_close(c);
    c = open_chat(id, 4);
    SHAPE(c, "Before = After = ");
    chat_close(c);
    FILE *f = fopen(path, "w");
    for (int i = 0; i < 10000; i++) fputs("rubbish ", f);
    fclose(f);
    c = open_chat(0, 4);
    say(c, "Once more");
    OK(c->session.id > 0 && !chat_unkept(c), "kept: %s", last_note(c));
    chat_close(c);
    unlink(aside);
}

int main(void) {
    const char *tests = getenv("TESTS");
    snprintf(tiny, sizeof tiny, "%s/../../shared/goldens/models/gguf/llama-f32.gguf", tests ? tests : "tests");
    if (!mkdtemp(folder)) return 1;
    snprintf(path, sizeof path, "%s/doppel.db", folder);
    snprintf(kv_dir, sizeof kv_dir, "%s/kv", folder);
    setenv("DOPPEL_HOME", folder, 1);
    setenv("XDG_CONFIG_HOME", folder, 1);
    if (access(tiny, R_OK) == 0) {
        alternatives();
        abandoned();
        continuing();
        not_keeping();
        every_token();
        states();
        killed();
        full();
        removed();
    } else {
        SKIP("%s is not there", tiny);
    }
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    OK(system(command) == 0, "clean up");
    return test_end();
}
