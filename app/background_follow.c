// Reading along: metrics.jsonl from where it was read last, until nobody holds the training's lock any more.
#include "app/background_impl.h"
#include "app/headless.h"
#include "app/train_event_read.h"
#include "app/train_run.h"

#include <cjson/cJSON.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct follower {
    background *background;
    const char *path;
    int fd;         // of the file as it was opened; -1: not yet
    buf rest;       // of a line that is not whole yet
    bool has_ended; // the last line was the end of a run
    bool only_past; // steps and evaluations up to this step; everything else of the file is passed over
    int last_step;
} follower;

static bool is_told(const follower *f, const train_event *e) {
    return !f->only_past || ((e->type == TRAIN_STEP || e->type == TRAIN_EVAL) && e->step <= f->last_step);
}

static void tell_line(follower *f, const char *line, size_t n) {
    cJSON *json = cJSON_ParseWithLength(line, n);
    background_item item = {.kind = ITEM_EVENT};
    if (json && train_event_read(json, &item.event) && is_told(f, &item.event)) {
        item.text = mem_strdup(item.event.text);
        item.name = mem_strdup(item.event.name);
        f->has_ended = item.event.type == TRAIN_END;
        background_post(f->background, &item);
    }
    cJSON_Delete(json);
}

static void read_news(follower *f) {
    char bytes[1 << 16];
    ssize_t n;
    while (f->fd >= 0 && (n = read(f->fd, bytes, sizeof bytes)) > 0) {
        buf_append(&f->rest, bytes, (size_t)n);
        size_t at = 0;
        for (const char *lf; (lf = memchr(f->rest.data + at, '\n', f->rest.len - at));) {
            size_t end = (size_t)(lf - f->rest.data);
            tell_line(f, f->rest.data + at, end - at);
            at = end + 1;
        }
        buf_remove(&f->rest, 0, at);
    }
}

// A training that goes on writes the file anew, up to the step it goes on from.
static void open_newest(follower *f) {
    struct stat now, then;
    bool there = stat(f->path, &now) == 0;
    if (!there || (f->fd >= 0 && fstat(f->fd, &then) == 0 && now.st_ino == then.st_ino && now.st_dev == then.st_dev))
        return;
    if (f->fd >= 0) {
        close(f->fd);
        background_post(f->background, &(background_item){.kind = ITEM_ANEW});
    }
    f->fd = open(f->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    buf_clear(&f->rest);
}

int background_follow(background *b, const background_job *j, error *err) {
    static const double SECONDS = 0.3;
    buf path = {0};
    buf_printf(&path, "%s/metrics.jsonl", j->folder);
    follower f = {.background = b, .path = buf_str(&path), .fd = -1};
    bool held = true;
    while (held && !b->is_ending) {
        held = headless_holder(j->folder) != 0; // asked first: what was written before is read below
        open_newest(&f);
        read_news(&f);
        if (held) background_doze(b, SECONDS);
    }
    if (f.fd >= 0) close(f.fd);
    buf_free(&f.rest);
    buf_free(&path);
    if (held) return TRAIN_RUN_INTERRUPTED;
    if (f.has_ended) return TRAIN_RUN_DONE;
    return error_set(err, "%s: the process that trained it ended before it was done; /train continue %s goes on",
                     j->name, j->name);
}

void background_recall(background *b, const background_job *j) {
    cJSON *run = headless_read_run(j->folder, NULL, NULL);
    const cJSON *step = cJSON_GetObjectItemCaseSensitive(run, "step");
    buf path = {0};
    buf_printf(&path, "%s/metrics.jsonl", j->folder);
    follower f = {.background = b, .path = buf_str(&path), .fd = -1, .only_past = true, .last_step = -1};
    if (cJSON_IsNumber(step)) f.last_step = step->valueint;
    open_newest(&f);
    read_news(&f);
    if (f.fd >= 0) close(f.fd);
    buf_free(&f.rest);
    buf_free(&path);
    cJSON_Delete(run);
}
