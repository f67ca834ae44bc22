// config.json and replaced files.
#include "app/config.h"
#include "model/file/outfile.h"
#include "tests/test.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/doppel-config-XXXXXX";
static char path[64];

static void write_file(const char *text) {
    FILE *f = fopen(path, "w");
    if (f) {
        fputs(text, f);
        fclose(f);
    }
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

static int n_files(void) {
    buf command = {0};
    int n = -1;
    buf_printf(&command, "ls -A %s | wc -l", folder);
    FILE *f = popen(buf_str(&command), "r");
    if (f && fscanf(f, "%d", &n) != 1) n = -1;
    if (f) pclose(f);
    buf_free(&command);
    return n;
}

static void test_missing(void) {
    config c;
    gen_settings s = gen_settings_chat();
    error err = {{0}};
    OK(config_load(path, &c, &s, &err) == 0, "a missing file is fine: %s", err.text);
    OK(!c.model && !c.system && !c.user && !c.theme, "and sets nothing");
}

static void test_read(void) {
    write_file("{\"model\": \"m\", \"system\": \"Be \\u00fcber-brief.\", \"user\": \"Ada\", \"theme\": \"dark\",\n"
               " \"kv-store\": \"500M\","
               " \"temperature\": 0.25, \"top_k\": 7, \"seed\": \"18446744073709551615\", \"ignore-eos\": true,\n"
               " \"stop\": [\"END\", \"a\\\\nb\"], \"eos\": [2, 3], \"min-p\": \"0.1\"}");
    config c;
    gen_settings s = gen_settings_chat();
    error err = {{0}};
    OK(config_load(path, &c, &s, &err) == 0, "%s", err.text);
    OK(c.model && strcmp(c.model, "m") == 0 && c.user && strcmp(c.user, "Ada") == 0, "names");
    OK(c.system && strcmp(c.system, "Be \xc3\xbc"
                                    "ber-brief.") == 0,
       "system text");
    OK(c.theme && strcmp(c.theme, "dark") == 0, "theme");
    OK(c.kv_store && strcmp(c.kv_store, "500M") == 0, "room for states");
    OK(s.temperature == 0.25 && s.top_k == 7 && s.min_p == 0.1, "numbers, also as text and with _ in the name");
    OK(s.seed_given && s.seed == UINT64_MAX, "a seed of 64 bits");
    OK(s.ignore_eos, "a flag");
    OK(s.n_stops == 2 && strcmp(s.stops[0], "END") == 0 && strcmp(s.stops[1], "a\nb") == 0, "stop texts");
    OK(s.n_eos == 2 && s.eos[1] == 3, "end tokens");
    config_free(&c);
}

static void test_mistakes(void) {
    static const struct {
        const char *text, *says;
    } bad[] = {
        {"", "not JSON"},
        {"{\"temperature\": 0.5,\n\n oops}", "line 3"},
        {"[1]", "no JSON object"},
        {"{\"temperature\": 1} x", "not JSON"},
        {"{\"user\": \"Ada\", \"temperature\": 1000}", "temperature"},
        {"{\"top-k\": 1.5}", "top-k"},
        {"{\"top-k\": null}", "top-k"},
        {"{\"top-k\": [1]}", "top-k"},
        {"{\"user\": 5}", "user"},
        {"{\"kv-store\": \"lots\"}", "kv-store"},
        {"{\"kv-store\": 5}", "kv-store"},
        {"{\"temprature\": 1}", "temperature"},
        {"{\"user\": \"Ada\", \"zzzzzz\": 1}", "zzzzzz"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        write_file(bad[i].text);
        config c;
        gen_settings s = gen_settings_chat(), before = s;
        error err = {{0}};
        OK(config_load(path, &c, &s, &err) == -1, "refused: %s", bad[i].text);
        OK(strstr(err.text, bad[i].says) && strstr(err.text, path) && !strchr(err.text, '\n'), "%s", err.text);
        OK(!c.user && memcmp(&s, &before, sizeof s) == 0, "nothing of a bad file is used: %s", bad[i].text);
        config_free(&c);

        config mine = {.user = "Eve"};
        OK(config_save(path, &mine, &s, &err) == -1, "a bad file is not written over: %s", bad[i].text);
        char *now = read_file(path);
        OK(strcmp(now, bad[i].text) == 0, "and is as it was: %s", now);
        free(now);
    }
    unlink(path);
    mkdir(path, 0700);
    config c;
    gen_settings s = gen_settings_chat();
    error err = {{0}};
    OK(config_load(path, &c, &s, &err) == -1 && strstr(err.text, path), "a directory: %s", err.text);
    rmdir(path);
}

static void test_save(void) {
    config c = {.model = "a/b.gguf", .system = "", .user = "Ada \"x\"", .theme = NULL};
    gen_settings s = gen_settings_chat(), again = gen_settings_chat();
    error err = {{0}};
    s.temperature = 0.1;
    s.top_k = 0;
    s.early_stopping = true;
    s.seed = 1ull << 63;
    s.seed_given = true;
    s.n_stops = 2;
    strcpy(s.stops[0], "x\ny");
    strcpy(s.stops[1], "back\\nslash");
    s.n_eos = 1;
    s.eos[0] = 17;
    OK(config_save(path, &c, &s, &err) == 0, "%s", err.text);
    config read;
    OK(config_load(path, &read, &again, &err) == 0, "%s", err.text);
    OK(read.model && strcmp(read.model, c.model) == 0 && read.user && strcmp(read.user, c.user) == 0, "names");
    OK(!read.system && !read.theme, "what is empty is not written");
    OK(again.temperature == 0.1 && again.top_k == 0 && again.early_stopping && again.seed == s.seed, "settings");
    OK(again.n_stops == 2 && strcmp(again.stops[0], "x\ny") == 0 && strcmp(again.stops[1], "back\\nslash") == 0,
       "stop texts with newlines and backslashes");
    OK(again.n_eos == 1 && again.eos[0] == 17, "end tokens");
    config_free(&read);
    struct stat st;
    OK(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600, "private");
    char *text = read_file(path);
    OK(!strstr(text, "top-p"), "what is as always is not written: %s", text);
    free(text);
    OK(n_files() == 1, "no temporary file is left");
}

static void test_replace(void) {
    error err = {{0}};
    char target[64], link[64];
    snprintf(target, sizeof target, "%s/target", folder);
    snprintf(link, sizeof link, "%s/link", folder);
    OK(outfile_replace(target, "one", 3, &err) == 0, "%s", err.text);
    chmod(target, 0644);
    OK(symlink("target", link) == 0 && outfile_replace(link, "two", 3, &err) == 0, "through a link: %s", err.text);
    char *now = read_file(target);
    struct stat st;
    OK(strcmp(now, "two") == 0, "the target is replaced, not the link");
    OK(stat(target, &st) == 0 && (st.st_mode & 0777) == 0644, "and keeps its permissions");
    free(now);
    OK(outfile_replace(folder, "x", 1, &err) == -1 && strstr(err.text, folder), "a directory: %s", err.text);
    char nowhere[80];
    snprintf(nowhere, sizeof nowhere, "%s/none/file", folder);
    OK(outfile_replace(nowhere, "x", 1, &err) == -1 && strstr(err.text, "none/file"), "no such folder: %s", err.text);
    if (access("/dev/full", W_OK) == 0) OK(outfile_replace("/dev/full", "x", 1, &err) == -1, "a device");
    unlink(link);
    unlink(target);
}

int main(void) {
    if (!mkdtemp(folder)) return 1;
    snprintf(path, sizeof path, "%s/config.json", folder);
    test_missing();
    test_read();
    test_mistakes();
    test_save();
    test_replace();
    unlink(path);
    rmdir(folder);
    return test_end();
}
