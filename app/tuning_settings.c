// What was chosen as the settings of a training: what an effort means, how the adapter is called.
#include "app/paths.h"
#include "app/train_folder.h"
#include "app/tuning_job.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

// Times through the data, and at most so many steps, whichever is less: a small text is learned by heart when it is
// read too often, and of a large one there is no need to read all. On two cores a step of the default model takes about
// a second.
static const struct {
    const char *name;
    double epochs;
    int most_steps, patience;
} efforts[TUNING_EFFORTS] = {
    [TUNING_QUICK] = {"quick", 4, 120, 2},
    [TUNING_NORMAL] = {"normal", 10, 400, 3},
    [TUNING_THOROUGH] = {"thorough", 20, 3000, 5},
};

const char *tuning_effort_name(tuning_effort e) {
    return efforts[e].name;
}

int tuning_effort_find(const char *word, tuning_effort *out) {
    for (int i = 0; i < TUNING_EFFORTS; i++)
        if (strcasecmp(word, efforts[i].name) == 0) return *out = (tuning_effort)i, 0;
    return -1;
}

// Tokens a row: MOST, or fewer where the text would make too few rows. A token is about four bytes of English.
static int block_size(const tuning *t) {
    enum { MOST = 256, LEAST = 32, FEWEST_ROWS = 8, BYTES = 4 };
    int len = MOST;
    while (len > LEAST && t->p->text_bytes / BYTES / len < FEWEST_ROWS) len /= 2;
    return t->p->n_ctx > 0 && len > t->p->n_ctx ? t->p->n_ctx : len;
}

static int most_steps(const tuning *t) {
    double steps = ceil(efforts[t->effort].epochs * t->p->last.epoch);
    return steps < efforts[t->effort].most_steps ? (int)steps : efforts[t->effort].most_steps;
}

void tuning_settings_fill(const tuning *t, train_settings *s) {
    const tuning_private *p = t->p;
    s->model = train_settings_keep(s, p->model);
    for (size_t i = 0; i < p->n_paths; i++) option_list_push(&s->data, train_settings_keep(s, p->paths[i]));
    for (size_t i = 0; i < t->n_authors; i++)
        if (t->authors[i].chosen) option_list_push(&s->imitate, train_settings_keep(s, t->authors[i].name));
    s->block_size = block_size(t);
    s->lora_r = t->rank;
    s->lr = t->rate;
    s->max_steps = most_steps(t);
    s->patience = efforts[t->effort].patience;
    if (t->scrub) s->scrub_names = "all";
    s->out = train_settings_keep(s, t->name);
}

// ---- names

static bool is_taken(const char *name) {
    buf path = {0};
    struct stat st;
    bool taken = paths_data("adapters", &path, NULL) == 0;
    if (taken) buf_printf(&path, "/%s", name);
    taken = taken && lstat(buf_str(&path), &st) == 0;
    buf_free(&path);
    return taken;
}

// name, or name-2, name-3 ...
static char *free_name(const char *name) {
    buf b = {0};
    buf_puts(&b, name);
    for (int i = 2; is_taken(buf_str(&b)) && i < 10000; i++) {
        buf_clear(&b);
        buf_printf(&b, "%s-%d", name, i);
    }
    return buf_take(&b);
}

void tuning_settings_name(tuning *t) {
    if (t->p->name_given) return;
    const char *who = NULL;
    for (size_t i = 0; i < t->n_authors && !who; i++)
        if (t->authors[i].chosen) who = t->authors[i].name;
    char *name = train_folder_name(who ? who : t->title, !who);
    free(t->name);
    t->name = free_name(name);
    free(name);
}

int tuning_set_name(tuning *t, const char *name, error *err) {
    if (!train_folder_is_name(name) || strchr(name, '='))
        return error_set(err, "\"%s\" is no name; use letters, digits and '-'", name);
    if (is_taken(name)) {
        char *other = free_name(name);
        error_set(err, "there is an adapter %s already; %s is free", name, other);
        free(other);
        return -1;
    }
    free(t->name);
    t->name = mem_strdup(name);
    t->p->name_given = true;
    return 0;
}

// ---- ready to train

static int check(const tuning *t, error *err) {
    if (t->stage == TUNING_FAILED) return *err = t->err, -1;
    if (t->stage == TUNING_EMPTY) return error_set(err, "there is nothing to learn from yet; choose a file");
    if (t->stage == TUNING_READING || t->forecast.stale)
        return error_set(err, "%s is still being read; wait a moment", t->title);
    if (t->err.text[0]) return *err = t->err, -1;
    if (!is_taken(t->name)) return 0;
    char *other = free_name(t->name);
    error_set(err, "there is an adapter %s already; %s is free", t->name, other);
    free(other);
    return -1;
}

int tuning_settings(tuning *t, train_settings *s, buf *arguments, error *err) {
    *s = train_settings_none();
    if (check(t, err) != 0) return -1;
    tuning_settings_fill(t, s);
    if (train_settings_locate(s, err) != 0) return -1;
    train_settings_arguments(s, arguments);
    return train_settings_finish(s, err);
}
