// The line of trainings: one is given to the thread, the others wait.
//
// One that waits has its folder already, with what is needed to begin it: the name is taken, and a program that ends in
// any way leaves it there to be begun later.
#include "app/background_impl.h"
#include "app/headless.h"
#include "app/tree.h"

#include <stdlib.h>
#include <string.h>

static void begin(background *b, background_job *j) {
    b->current = j;
    b->paused = b->planned = b->discarding = b->asked_elsewhere = false;
    b->held_up = b->reason = NULL;
    background_state_begin(&b->state, j->name);
    free(b->state.path);
    b->state.path = mem_strdup(j->folder);
    b->state.is_elsewhere = j->follows;
    b->is_ending = false;
    pthread_mutex_lock(&b->lock);
    b->given = j;
    pthread_mutex_unlock(&b->lock);
    background_tell_thread(b);
}

bool background_begin_next(background *b) {
    background_job *j = b->waiting;
    if (!j || b->leaving) return false;
    b->waiting = j->next;
    b->state.n_waiting--;
    begin(b, j);
    return true;
}

static int put_in_line(background *b, background_job *j, error *err) {
    if (!j) return -1;
    background_job **end = &b->waiting;
    bool there = b->current && strcmp(b->current->folder, j->folder) == 0;
    for (; *end; end = &(*end)->next) there |= strcmp((*end)->folder, j->folder) == 0;
    if (there) {
        error_set(err, "%s is being trained already; choose another name", j->name);
        background_job_free(j);
        return -1;
    }
    if (!b->current) {
        begin(b, j);
        return 0;
    }
    if (!j->follows && !j->resume && background_job_keep(j, err) != 0) {
        background_job_free(j);
        return -1;
    }
    *end = j;
    b->state.n_waiting++;
    return 0;
}

int background_start(background *b, const train_settings *s, const char *arguments, held_model *m, error *err) {
    return put_in_line(b, background_job_new(s, arguments, m, err), err);
}

static int check_free(const background_job *j, error *err) {
    if (!j) return -1;
    pid_t holder = headless_holder(j->folder);
    return holder == 0 ? 0 : error_set(err, "%s is being trained by another process (%d)", j->name, (int)holder);
}

int background_resume_training(background *b, const char *name, held_model *m, error *err) {
    background_job *j = background_job_resumed(name, m, err);
    bool own = j && b->current && strcmp(b->current->folder, j->folder) == 0;
    if (!own && check_free(j, err) != 0) {
        background_job_free(j);
        return -1;
    }
    return put_in_line(b, j, err);
}

int background_attach(background *b, const char *name, error *err) {
    background_job *j = background_job_followed(name, err);
    if (!j) return -1;
    bool own = b->current && strcmp(b->current->folder, j->folder) == 0;
    if (own || headless_holder(j->folder) == 0) {
        error_set(err, "%s: no other process trains it", j->name);
        background_job_free(j);
        return -1;
    }
    return put_in_line(b, j, err);
}

static background_job **place_in_line(background *b, size_t i) {
    background_job **p = &b->waiting;
    while (*p && i-- > 0) p = &(*p)->next;
    return p;
}

const char *background_waiting(const background *b, size_t i) {
    const background_job *j = b->waiting;
    while (j && i-- > 0) j = j->next;
    return j ? j->name : NULL;
}

void background_drop_waiting(background *b, size_t i) {
    background_job **p = place_in_line(b, i), *j = *p;
    error err;
    if (!j) return;
    *p = j->next;
    b->state.n_waiting--;
    bool is_free = j->is_kept && headless_holder(j->folder) == 0; // another doppel may have begun it
    if (is_free && tree_remove(j->folder, &err) != 0) background_note(b, "%s", err.text);
    background_job_free(j);
}

void background_empty_line(background *b) {
    for (background_job *j; (j = b->waiting); background_job_free(j)) b->waiting = j->next;
    b->state.n_waiting = 0;
}
