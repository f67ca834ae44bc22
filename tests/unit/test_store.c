// The store of conversations: what is written is there, whoever is killed and whatever lies at its place.
#include "app/store.h"
#include "tests/test.h"

#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[] = "/tmp/doppel-store-XXXXXX";
static char path[64];

static store *open_store(void) {
    error err = {{0}};
    store *s = store_open(path, NULL, &err);
    if (!OK(s != NULL, "%s", err.text)) exit(test_end());
    return s;
}

static void remove_database(void) {
    static const char *const endings[] = {"", "-wal", "-shm", "-lock"};
    for (int i = 0; i < 4; i++) {
        char name[80];
        snprintf(name, sizeof name, "%s%s", path, endings[i]);
        unlink(name);
    }
}

static session_message message(int number, int parent, bool is_answer, const char *text) {
    return (session_message){
        .number = number,
        .parent = parent,
        .chosen = true,
        .is_answer = is_answer,
        .time = 1000 + number,
        .author = is_answer ? "clone" : "Ada",
        .text = (char *)text,
        .model = is_answer ? "/m.gguf" : "",
        .setup = is_answer ? "{\"settings\":{}}" : "",
        .n_tokens = is_answer ? 5 : 0,
    };
}

// A session of one exchange; its id.
static int64_t add(store *s, const char *title, const char *question, const char *answer, int64_t changed) {
    error err = {{0}};
    session head = {.title = (char *)title,
                    .created = 7,
                    .changed = changed,
                    .length = 2,
                    .system = "Be brief.",
                    .model = "/m.gguf",
                    .setup = "{}"};
    session_message q = message(1, 0, false, question), a = message(2, 1, true, answer);
    int failed = store_begin(s, &err) || store_put_session(s, &head, &err) || store_put_message(s, head.id, &q, &err) ||
                 store_put_message(s, head.id, &a, &err) || store_commit(s, &err);
    OK(!failed, "added: %s", err.text);
    return head.id;
}

typedef struct rows {
    int n;
    int64_t ids[16];
    char excerpt[256];
    int n_messages;
} rows;

static void take_row(void *arg, const store_row *r) {
    rows *all = arg;
    if (all->n < 16) all->ids[all->n++] = r->id;
    snprintf(all->excerpt, sizeof all->excerpt, "%s", r->excerpt);
    all->n_messages = r->n_messages;
}

static rows search(store *s, const char *words) {
    error err = {{0}};
    rows r = {.n = 0};
    OK(store_search(s, words, take_row, &r, &err) == 0, "search %s: %s", words, err.text);
    return r;
}

// ----

static void round_trip(void) {
    error err = {{0}};
    store *s = open_store();
    struct stat st;
    OK(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600, "private: %o", (unsigned)st.st_mode);
    int64_t id = add(s, "Greetings", "hello", "hi \xf0\x9f\x90\x89\nthere", 50);
    session_message other = message(3, 1, true, "hey");
    other.chosen = false;
    other.stop = GEN_LENGTH;
    OK(store_put_message(s, id, &other, &err) == 0, "%s", err.text);
    session back;
    OK(store_load(s, id, &back, &err) == 0, "%s", err.text);
    OK(back.n_messages == 3 && strcmp(back.title, "Greetings") == 0 && strcmp(back.system, "Be brief.") == 0 &&
           back.created == 7 && back.changed == 50 && !back.is_named,
       "the session is as it was");
    const session_message *m = &back.messages[1];
    OK(strcmp(m->text, "hi \xf0\x9f\x90\x89\nthere") == 0 && strcmp(m->author, "clone") == 0 && m->is_answer &&
           m->stop == GEN_EOS && m->n_tokens == 5 && m->parent == 1 && m->chosen && m->time == 1002,
       "so is an answer");
    OK(back.messages[2].stop == GEN_LENGTH && !back.messages[2].chosen, "and an alternative");
    size_t indices[3], n = session_path(&back, indices);
    OK(n == 2 && indices[0] == 0 && indices[1] == 1, "the path has %zu messages", n);
    session_free(&back);
    OK(store_load(s, id + 1, &back, &err) != 0 && strstr(err.text, "no conversation"), "none: %s", err.text);
    store_close(s);
    remove_database();
}

// An answer that grows costs a row a token, and is whole when read back, finished or not.
static void growing(void) {
    error err = {{0}};
    store *s = open_store();
    int64_t id = add(s, "Long", "tell me", "", 1);
    session_message m = message(3, 2, true, "One");
    m.is_unfinished = true;
    OK(store_put_message(s, id, &m, &err) == 0, "%s", err.text);
    for (int i = 0; i < 100; i++)
        if (store_grow_message(s, id, 3, " more", 5, &err) != 0) OK(0, "%s", err.text);
    session back;
    OK(store_load(s, id, &back, &err) == 0 && back.n_messages == 3, "%s", err.text);
    OK(strlen(back.messages[2].text) == 503 && back.messages[2].is_unfinished, "%zu bytes so far",
       strlen(back.messages[2].text));
    OK(search(s, "more").n == 0, "what grows is not in the index yet");
    session_free(&back);
    m.is_unfinished = false;
    m.text = "One more, the end";
    OK(store_put_message(s, id, &m, &err) == 0 && store_load(s, id, &back, &err) == 0, "%s", err.text);
    OK(strcmp(back.messages[2].text, m.text) == 0 && !back.messages[2].is_unfinished, "finished: %s",
       back.messages[2].text);
    OK(search(s, "more").n == 1, "now it is");
    session_free(&back);
    store_close(s);
    remove_database();
}

static void lists(void) {
    error err = {{0}};
    store *s = open_store();
    int64_t dragons = add(s, "About dragons", "Do Dragons fly?", "They do, over caf\xc3\xa9s.", 10);
    int64_t bread = add(s, "Bread", "How do I bake c++ bread?", "With 100% flour and a dragon.", 30);
    int64_t chinese = add(s, "\xe4\xbd\xa0\xe5\xa5\xbd", "\xe4\xbd\xa0\xe5\xa5\xbd\xe4\xb8\x96\xe7\x95\x8c", "ok", 20);
    rows r = {.n = 0};
    OK(store_list(s, take_row, &r, &err) == 0 && r.n == 3 && r.ids[0] == bread && r.ids[1] == chinese &&
           r.ids[2] == dragons && r.n_messages == 2,
       "the newest first");
    r = search(s, "dragon");
    OK(r.n == 2 && r.ids[0] == bread && strcmp(r.excerpt, "Do \2Dragons\3 fly?") == 0, "%d, \"%s\"", r.n, r.excerpt);
    OK(search(s, "DRAGONS fly").n == 1, "all the words, in any case");
    OK(search(s, "cafes").n == 1, "without accents");
    OK(search(s, "c++").n == 1 && search(s, "100%").n == 1 && search(s, "c++ bake").n == 1, "signs");
    OK(search(s, "\xe4\xb8\x96\xe7\x95\x8c").n == 1, "scripts without spaces");
    OK(search(s, "About dragons").n == 1, "titles");
    OK(search(s, "").n == 0 && search(s, "  ").n == 0 && search(s, "\"").n == 0, "nothing");
    OK(search(s, "a\" OR b*(").n == 0 && search(s, "NOT dragon").n == 0 && search(s, "'; DROP TABLE message").n == 0,
       "what means something to the index means nothing here");
    OK(store_find(s, "bread", &err) == bread && store_find(s, "abo", &err) == dragons, "by title and its beginning");
    char number[24];
    snprintf(number, sizeof number, "%lld", (long long)chinese);
    OK(store_find(s, number, &err) == chinese && store_find(s, "999", &err) == 0 && store_find(s, "x", &err) == 0,
       "by number");
    add(s, "Bread", "again", "yes", 40);
    OK(store_find(s, "Bread", &err) < 0 && strstr(err.text, "2 conversations"), "%s", err.text);

    OK(store_rename(s, chinese, "Renamed", &err) == 0 && store_find(s, "renamed", &err) == chinese, "renamed");
    OK(store_rename(s, 999, "x", &err) != 0, "there is none");
    OK(store_remove(s, dragons, &err) == 0 && search(s, "fly").n == 0 && store_remove(s, dragons, &err) != 0,
       "removed, from the index too: %s", err.text);
    int64_t next = add(s, "New", "q", "a", 50);
    OK(next > dragons && next > bread, "numbers are not used again");
    OK(store_last(s) == 0 && store_set_last(s, next) == 0 && store_last(s) == next, "the last one");
    store_remove(s, next, &err);
    OK(store_last(s) == 0, "is gone with it");
    store_close(s);
    remove_database();
}

// ---- several programs

// Runs fn in a process of its own; its exit code, or -1 when it was killed.
static int in_child(int (*fn)(int64_t), int64_t id) {
    pid_t pid = fork();
    if (pid == 0) _exit(fn(id));
    int status;
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int takes(int64_t id) {
    store *s = store_open(path, NULL, NULL);
    pid_t owner = s ? store_take(s, id) : -1;
    error err = {{0}};
    bool refused = owner > 0 && store_remove(s, id, &err) != 0 && strstr(err.text, "another doppel");
    store_close(s);
    return owner == 0 ? 1 : owner == getppid() && refused ? 2 : 0;
}

static int dies_while_writing(int64_t id) {
    store *s = store_open(path, NULL, NULL);
    if (!s || store_take(s, id) != 0) return 1;
    for (int i = 0; i < 10; i++) store_grow_message(s, id, 2, "x", 1, NULL);
    store_begin(s, NULL);
    store_grow_message(s, id, 2, "lost", 4, NULL);
    raise(SIGKILL);
    return 1;
}

static void several(void) {
    error err = {{0}};
    store *s = open_store();
    int64_t id = add(s, "Ours", "q", "", 1);
    OK(store_take(s, id) == 0 && store_take(s, id) == 0, "taken");
    OK(in_child(takes, id) == 2, "another process is told whose it is, and cannot remove it");
    OK(in_child(takes, id + 1) == 1, "another session is free");
    store_let_go(s, id);
    OK(in_child(takes, id) == 1 && store_owner(s, id) == 0, "and this one, once it is left");

    int64_t version = store_version(s);
    OK(store_version(s) == version, "nothing has changed");
    OK(in_child(dies_while_writing, id) == -1, "killed");
    OK(store_version(s) != version, "another process has written");
    OK(store_take(s, id) == 0, "the lock of a dead process is void");
    session back;
    OK(store_load(s, id, &back, &err) == 0 && strcmp(back.messages[1].text, "xxxxxxxxxx") == 0,
       "what was written is there, what was not finished is not: %s", err.text);
    session_free(&back);
    store_close(s);
    remove_database();
}

// ---- faults

static void put_file(const char *bytes, size_t n) {
    FILE *f = fopen(path, "w");
    fwrite(bytes, 1, n, f);
    fclose(f);
}

static void rubbish(void) {
    error err = {{0}};
    char bytes[5000], aside[80];
    memset(bytes, 'r', sizeof bytes);
    put_file(bytes, sizeof bytes);
    buf note = {0};
    store *s = store_open(path, &note, &err);
    OK(s && strstr(buf_str(&note), "damaged"), "%s %s", buf_str(&note), err.text);
    if (s) add(s, "After", "q", "a", 1);
    snprintf(aside, sizeof aside, "%s.damaged", path);
    struct stat st;
    OK(stat(aside, &st) == 0 && st.st_size == sizeof bytes, "it is kept aside");
    store_close(s);
    buf_clear(&note);
    put_file(bytes, sizeof bytes);
    s = store_open(path, &note, &err);
    OK(s && strstr(buf_str(&note), "damaged-2"), "a second one, too: %s", buf_str(&note));
    store_close(s);
    unlink(aside);
    snprintf(aside, sizeof aside, "%s.damaged-2", path);
    OK(unlink(aside) == 0, "removed");
    buf_free(&note);
    remove_database();
}

static void execute(const char *sql) {
    sqlite3 *db;
    sqlite3_open(path, &db);
    char *why = NULL;
    OK(sqlite3_exec(db, sql, NULL, NULL, &why) == SQLITE_OK, "%s: %s", sql, why ? why : "");
    sqlite3_free(why);
    sqlite3_close(db);
}

static void refused(const char *sql, const char *why) {
    error err = {{0}};
    struct stat before, after;
    execute(sql);
    stat(path, &before);
    store *s = store_open(path, NULL, &err);
    stat(path, &after);
    OK(!s && strstr(err.text, why), "%s: %s", why, err.text);
    OK(before.st_size == after.st_size && before.st_mtim.tv_nsec == after.st_mtim.tv_nsec, "it is not touched");
    store_close(s);
    remove_database();
}

static void strangers(void) {
    refused("PRAGMA user_version = 99; CREATE TABLE future (x)", "newer doppel");
    refused("CREATE TABLE recipes (x)", "another program's");
    error err = {{0}};
    store *s = store_open("/proc/nothing/here.db", NULL, &err);
    OK(!s && err.text[0], "no folder: %s", err.text);
}

// Rows that no doppel writes: they are read as what they can be.
static void hostile(void) {
    error err = {{0}};
    store *s = open_store();
    int64_t id = add(s, "T", "q", "a", 1);
    execute(
        "UPDATE message SET parent = 2, text = CAST(x'ff41c328' AS TEXT), author = x'00', time = 'noon',"
        " state = 'nonsense' WHERE number = 1;"
        "INSERT INTO message (session, number, parent, chosen, role, state, author, time, tokens, model, setup, text)"
        " VALUES (1, 1e15, -5, 'x', 'ghost', '', '', 9e18, -1, '', '', ''), (1, -3, 0, 1, '', '', '', 0, 0, '', '', '');"
        "INSERT INTO growth (session, number, text) VALUES (1, 77, 'nobody');");
    session back;
    OK(store_load(s, id, &back, &err) == 0, "%s", err.text);
    size_t *indices = mem_calloc(back.n_messages + 1, sizeof *indices);
    OK(session_path(&back, indices) <= back.n_messages, "a circle has an end");
    for (size_t i = 0; i < back.n_messages; i++)
        OK(utf8_valid(back.messages[i].text, strlen(back.messages[i].text)) && back.messages[i].author, "text");
    free(indices);
    session_free(&back);
    store_close(s);
    remove_database();
}

// The disk is full: nothing of a transaction is written, and it goes on when there is room.
static void full(void) {
    error err = {{0}};
    store *s = open_store();
    int64_t id = add(s, "T", "q", "a", 1);
    char big[60000];
    memset(big, 'b', sizeof big);
    struct rlimit before, tight = {.rlim_cur = 100000};
    getrlimit(RLIMIT_FSIZE, &before);
    tight.rlim_max = before.rlim_max;
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &tight);
    int failed = 0;
    for (int i = 0; i < 20 && !failed; i++) {
        failed = store_begin(s, &err) || store_grow_message(s, id, 2, big, sizeof big, &err);
        if (!failed)
            failed = store_commit(s, &err);
        else
            store_rollback(s);
    }
    OK(failed && err.text[0], "full: %s", err.text);
    setrlimit(RLIMIT_FSIZE, &before);
    OK(store_begin(s, &err) == 0 && store_grow_message(s, id, 2, "z", 1, &err) == 0 && store_commit(s, &err) == 0,
       "there is room again: %s", err.text);
    session back;
    OK(store_load(s, id, &back, &err) == 0 && strlen(back.messages[1].text) % sizeof big == 2, "whole writes only");
    session_free(&back);
    store_close(s);
    remove_database();
}

static int reads_only(int64_t id) {
    if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0)) return 9;
    error err = {{0}};
    store *s = store_open(path, NULL, &err);
    session back;
    if (!s || !store_is_read_only(s) || store_load(s, id, &back, &err) != 0) return 2;
    bool same = strcmp(back.title, "Read me") == 0;
    session_free(&back);
    int failed = store_rename(s, id, "x", &err);
    store_close(s);
    return same && failed && strstr(err.text, "may not be written") ? 1 : 3;
}

static int makes_none(int64_t unused) {
    (void)unused;
    if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0)) return 9;
    error err = {{0}};
    return !store_open(path, NULL, &err) && strstr(err.text, "Permission denied") ? 1 : 3;
}

// A home that may only be read can be read.
static void read_only(void) {
    chmod(folder, 0555);
    OK(in_child(makes_none, 0) == 1, "why there can be none is told");
    chmod(folder, 0700);
    store *s = open_store();
    int64_t id = add(s, "Read me", "q", "a", 1);
    store_close(s);
    chmod(path, 0444);
    chmod(folder, 0555);
    OK(in_child(reads_only, id) == 1, "it is read, and not written");
    chmod(folder, 0700);
    remove_database();
}

static void titles(void) {
    static const struct {
        const char *text, *title;
    } cases[] = {
        {"Hello", "Hello"},
        {"  Hello \nthere", "Hello"},
        {"\n\n line", "line"},
        {"", ""},
        {"\x1b[31mred\x1b[0m", "red"},
        {"one two three four five six seven eight nine ten eleven twelve thirteen",
         "one two three four five six seven eight nine ten eleven\xe2\x80\xa6"},
        {"abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghij",
         "abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghij\xe2\x80\xa6"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *title = session_title(cases[i].text);
        OK(strcmp(title, cases[i].title) == 0, "\"%s\" gives \"%s\"", cases[i].text, title);
        free(title);
    }
}

int main(void) {
    if (!mkdtemp(folder)) return 1;
    snprintf(path, sizeof path, "%s/doppel.db", folder);
    titles();
    round_trip();
    growing();
    lists();
    several();
    rubbish();
    strangers();
    hostile();
    full();
    read_only();
    rmdir(folder);
    return test_end();
}
