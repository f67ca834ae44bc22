#include "app/train_folder.h"
#include "app/paths.h"
#include "app/read_all.h"
#include "app/tree.h"
#include "model/file/outfile.h"

#include <cjson/cJSON.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static char *below(const char *path, const char *name) {
    buf b = {0};
    buf_printf(&b, "%s/%s", path, name);
    return buf_take(&b);
}

// ---- names

// A name that can stand for a folder: what could be taken for a path or an option becomes '-', ends at an ending.
char *train_folder_name(const char *text, bool is_path) {
    buf b = {0};
    if (is_path && strrchr(text, '/') && strrchr(text, '/')[1]) text = strrchr(text, '/') + 1;
    const char *dot = is_path ? strrchr(text, '.') : NULL;
    size_t n = dot && dot > text ? (size_t)(dot - text) : strlen(text);
    for (size_t i = 0; i < n && b.len < 60; i++) {
        unsigned char c = (unsigned char)text[i];
        bool plain = c > 0x20 && c != 0x7f && c != '/' && c != '=' && !(b.len == 0 && (c == '.' || c == '-'));
        if (plain || b.len > 0) buf_putc(&b, plain ? (char)c : '-');
    }
    while (b.len > 0 && ((unsigned char)b.data[b.len - 1] & 0xC0) == 0x80 && !utf8_valid(b.data, b.len))
        b.data[--b.len] = '\0';
    if (b.len == 0 || !utf8_valid(b.data, b.len)) {
        buf_clear(&b);
        buf_puts(&b, "trained");
    }
    return buf_take(&b);
}

static char *own_name(const train_settings *s) {
    if (s->imitate.n > 0) return train_folder_name(s->imitate.items[0], false);
    return train_folder_name(s->data.n > 0 ? s->data.items[0] : s->ids, true);
}

bool train_folder_is_name(const char *word) {
    if (!*word || *word == '.' || strchr(word, '/')) return false;
    for (; *word; word++)
        if ((unsigned char)*word < 0x20 || *word == 0x7f) return false;
    return true;
}

int train_folder_find(train_folder *f, const train_settings *s, const char *word, error *err) {
    *f = (train_folder){.lock = -1};
    buf path = {0};
    f->name = word ? mem_strdup(word) : own_name(s);
    if (strchr(f->name, '/')) {
        buf_puts(&path, f->name);
        while (path.len > 1 && path.data[path.len - 1] == '/') path.data[--path.len] = '\0';
    } else if (!train_folder_is_name(f->name)) {
        return error_set(err, "\"%s\" cannot be the name of a folder; choose another with -o", f->name);
    } else {
        if (paths_data(s->method == TRAIN_LORA ? "adapters" : "models", &path, err) != 0) return -1;
        buf_printf(&path, "/%s", f->name);
    }
    f->path = buf_take(&path);
    f->run = below(f->path, "run.json");
    f->state = below(f->path, "checkpoint/state");
    return 0;
}

// ---- making, locking

// flock belongs to the opened file, not to the process: asking about a lock never loses one that this process has. Who asks
// has it for a moment, though, so that one refusal is no proof.
static int take_lock(int fd) {
    enum { TRIES = 20 };
    const struct timespec moment = {.tv_nsec = 5000000};
    for (int i = 0; i < TRIES; i++) {
        if (flock(fd, LOCK_EX | LOCK_NB) == 0) return 0;
        nanosleep(&moment, NULL);
    }
    return -1;
}

static int lock(train_folder *f, error *err) {
    char *path = below(f->path, "lock");
    f->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    int failed = 0;
    if (f->lock < 0)
        failed = error_set(err, "%s: cannot be written: %s", path, strerror(errno));
    else if (take_lock(f->lock) != 0)
        failed = error_set(err,
                           "%s: another doppel trains here; wait for it (/train attach %s in a chat shows how far "
                           "it is), or choose another name",
                           f->path, f->name);
    else if (ftruncate(f->lock, 0) != 0 || dprintf(f->lock, "%ld%s\n", (long)getpid(), f->beside ? " beside" : "") < 0)
        failed = error_set(err, "%s: cannot be written: %s", path, strerror(errno));
    free(path);
    return failed;
}

pid_t train_folder_holder(const char *path, bool *beside) {
    char *file = below(path, "lock"), text[32] = "";
    int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    bool held = fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) != 0;
    ssize_t n = held ? read(fd, text, sizeof text - 1) : 0;
    if (fd >= 0) close(fd);
    free(file);
    text[n > 0 ? n : 0] = '\0';
    long pid = strtol(text, NULL, 10);
    if (beside) *beside = strstr(text, "beside") != NULL;
    return !held ? 0 : pid > 0 ? (pid_t)pid : -1;
}

bool train_folder_is_locked(const char *path) {
    return train_folder_holder(path, NULL) != 0;
}

static bool is_empty(const char *path) {
    DIR *d = opendir(path);
    bool empty = d != NULL;
    for (struct dirent *e; d && empty && (e = readdir(d));)
        empty = strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0;
    if (d) closedir(d);
    return empty;
}

// What stands in the way of a new training.
static int occupied(train_folder *f, error *err) {
    if (access(f->run, F_OK) != 0)
        return error_set(err, "%s: is there already, and was not trained by doppel; choose another name with -o",
                         f->path);
    if (lock(f, err) != 0) return -1;
    if (access(f->state, F_OK) == 0)
        return error_set(err, "%s: is there already; --resume %s goes on with it, -o names another", f->path, f->name);
    return error_set(err, "%s: is there already; choose another name with -o", f->path);
}

static int make_checkpoint_folder(const train_folder *f, error *err) {
    char *inner = below(f->path, "checkpoint");
    int failed = paths_make_dir(inner, err);
    free(inner);
    return failed;
}

int train_folder_make(train_folder *f, error *err) {
    char *parent = mem_strdup(f->path), *slash = strrchr(parent, '/');
    int failed = 0;
    if (slash && slash > parent) {
        *slash = '\0';
        failed = paths_make_dir(parent, err);
    }
    free(parent);
    if (failed) return -1;
    if (mkdir(f->path, 0700) != 0) {
        if (errno != EEXIST) return error_set(err, "%s: cannot make this folder: %s", f->path, strerror(errno));
        if (!is_empty(f->path)) return occupied(f, err);
    } else {
        f->made = true;
    }
    return lock(f, err) != 0 ? -1 : make_checkpoint_folder(f, err);
}

int train_folder_reopen(train_folder *f, error *err) {
    if (access(f->run, F_OK) != 0)
        return error_set(err, "%s: there is no training to go on with; `doppel train --data FILE -o %s` begins one",
                         f->path, f->name);
    // What cannot be saved at the end is better known before the work is done.
    return lock(f, err) != 0 ? -1 : make_checkpoint_folder(f, err);
}

// ---- metrics

// Appends the lines of text that tell of no step behind this one.
static void keep_lines(const buf *text, int step, buf *out) {
    for (size_t at = 0; at < text->len;) {
        const char *s = text->data + at, *lf = memchr(s, '\n', text->len - at);
        size_t n = lf ? (size_t)(lf + 1 - s) : text->len - at;
        cJSON *line = cJSON_ParseWithLength(s, n);
        const cJSON *of = cJSON_GetObjectItemCaseSensitive(line, "step");
        if (line && lf && (!of || of->valuedouble <= step)) buf_append(out, s, n);
        cJSON_Delete(line);
        at += n;
    }
}

int train_folder_open_metrics(train_folder *f, int step, error *err) {
    char *path = below(f->path, "metrics.jsonl");
    buf text = {0}, kept = {0};
    int failed = 0;
    if (access(path, F_OK) == 0) failed = read_all_plain(path, &text, err);
    keep_lines(&text, step, &kept);
    if (!failed) failed = outfile_replace(path, buf_str(&kept), kept.len, err);
    if (!failed && !(f->metrics = fopen(path, "ae"))) failed = error_set(err, "%s: %s", path, strerror(errno));
    buf_free(&text);
    buf_free(&kept);
    free(path);
    return failed;
}

void train_folder_note(train_folder *f, const buf *line) {
    if (!f->metrics) return;
    fwrite(line->data, 1, line->len, f->metrics);
    fflush(f->metrics);
}

void train_folder_close(train_folder *f) {
    if (f->metrics) fclose(f->metrics);
    if (f->lock >= 0) close(f->lock);
    if (f->made) tree_remove(f->path, NULL);
    free(f->path);
    free(f->name);
    free(f->run);
    free(f->state);
    *f = (train_folder){.lock = -1};
}
