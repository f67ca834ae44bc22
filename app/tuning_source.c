// What somebody wants to learn from: files by name, or pasted text, which is kept before anything is made of it.
#include "app/corpus/dataset.h"
#include "app/corpus/detect.h"
#include "app/tuning_job.h"
#include "model/file/outfile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char *base_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : path;
}

static void begin(tuning *t, const char *model_path, const char *const *paths, size_t n, const char *pasted) {
    tuning_private *p = t->p;
    tuning_forget_source(t);
    if (!p->model || strcmp(p->model, model_path) != 0) {
        p->last = (train_forecast){0};
        p->n_ctx = 0;
    }
    tuning_put_string(&p->model, mem_strdup(model_path));
    tuning_wish *w = mem_calloc(1, sizeof *w);
    *w = (tuning_wish){.read = true, .n_paths = n, .settings = train_settings_none()};
    w->paths = mem_calloc(n, sizeof *w->paths);
    w->pasted = mem_strdup(pasted);
    p->paths = mem_calloc(n, sizeof *p->paths);
    p->n_paths = n;
    for (size_t i = 0; i < n; i++) {
        buf path = {0};
        dataset_resolve(paths[i], &path);
        p->paths[i] = mem_strdup(buf_str(&path));
        w->paths[i] = buf_take(&path);
    }
    buf title = {0};
    buf_puts(&title, pasted ? "pasted text" : n > 0 ? base_name(paths[0]) : "");
    if (n > 1) buf_printf(&title, " and %zu more", n - 1);
    tuning_put_string(&t->title, buf_take(&title));
    t->stage = TUNING_READING;
    tuning_want(t, w);
}

void tuning_read_files(tuning *t, const char *model_path, const char *const *paths, size_t n) {
    begin(t, model_path, paths, n, NULL);
}

// datasets/pasted-2026-11-20.txt, or -2, -3 ... where that is there: an unused path for a data set.
static int new_path(buf *out, error *err) {
    char day[32];
    time_t now = time(NULL);
    struct tm local;
    localtime_r(&now, &local);
    strftime(day, sizeof day, "pasted-%Y-%m-%d", &local);
    for (int i = 1; i < 10000; i++) {
        char name[48];
        snprintf(name, sizeof name, i == 1 ? "%s" : "%s-%d", day, i);
        buf_clear(out);
        if (dataset_path(name, out, err) != 0) return -1;
        if (access(out->data, F_OK) == 0) continue;
        memcpy(strrchr(out->data, '.'), ".txt", 5);
        out->len = strlen(out->data);
        if (access(out->data, F_OK) != 0) return 0;
    }
    return error_set(err, "%s: there are too many pasted texts of today; remove some", out->data);
}

int tuning_read_text(tuning *t, const char *model_path, const char *text, size_t n, error *err) {
    buf path = {0};
    int rc = new_path(&path, err);
    if (rc == 0) rc = outfile_replace(path.data, text, n, err);
    const char *paths[] = {buf_str(&path)};
    if (rc == 0) begin(t, model_path, paths, 1, path.data);
    buf_free(&path);
    return rc;
}

bool tuning_is_log(const char *text, size_t n, char *format, size_t size) {
    enum { LOOK = 1 << 16, FEWEST_LINES = 4 };
    size_t lines = 0, look = n < LOOK ? n : LOOK;
    for (size_t i = 0; i < look; i++) lines += text[i] == '\n';
    if (lines < FEWEST_LINES) return false;
    text_in *in = text_in_open(byte_source_memory(text, look));
    const corpus_format *f = detect(in, NULL);
    bool log = f && !detect_is_prose(f);
    if (log) snprintf(format, size, "%s", f->name);
    text_in_close(in);
    return log;
}
