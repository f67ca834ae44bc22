// Shared by the files of the background: background.c is main's side, background_line.c the line that main keeps,
// background_thread.c the trainer's side, background_job.c what one training needs, background_follow.c reading along.
// Nobody else includes this.
//
// Main keeps the line of waiting jobs to itself and hands the thread one at a time; the thread answers with items, which
// lie in a list until main pumps them.
#ifndef DOPPEL_BACKGROUND_IMPL_H
#define DOPPEL_BACKGROUND_IMPL_H

#include "app/background.h"
#include "app/wake.h"

#include <pthread.h>
#include <stdatomic.h>

typedef struct cJSON cJSON;

typedef struct background_job {
    struct background_job *next; // in line
    bool follows;                // another process trains it: only its folder is read
    char *name, *folder;
    // A training: settings with the texts they point into
    train_settings settings;
    cJSON *words;
    buf arguments;
    char *out, *resume;
    held_model *model; // to be trained on; NULL: opened by the training itself
    bool is_kept;      // it waits, and its folder is there to be begun from (see background_job_keep)
} background_job;

typedef enum background_item_kind {
    ITEM_EVENT,   // event, with text and name of its own
    ITEM_ANEW,    // what was told so far is told again from its beginning
    ITEM_HELD_UP, // reason: why the thread waits; NULL: it goes on
    ITEM_ENDED,   // code: TRAIN_RUN_; err when it failed
} background_item_kind;

typedef struct background_item {
    struct background_item *next;
    background_item_kind kind;
    train_event event;
    char *text, *name;
    const char *reason;
    int code;
    error err;
} background_item;

struct background {
    // Main's alone:
    background_job *current, *waiting; // the job that the thread has; those in line
    background_state state;
    bool paused;              // by the person
    bool planned;             // the plan has come
    bool asked_elsewhere;     // the process that is followed was asked to end
    bool discarding, leaving; // what is to be done once it has ended
    const char *held_up;      // why the thread waits by itself
    const char *reason;       // of TRAIN_END
    char **notes;             // (n_notes) for the person
    size_t n_notes, cap_notes;

    pthread_t thread;
    wake news; // of the thread, for main
    pthread_mutex_t lock;
    pthread_cond_t wake;                     // given changed, or one of the wishes below
    background_job *given;                   // lock: to be begun; the thread takes it out
    background_item *first_item, *last_item; // lock
    bool closing;                            // lock
    bool wants_pause;                        // lock
    atomic_bool is_busy;                     // the generator works
    atomic_bool is_ending;                   // the job is to end
    atomic_bool is_unwanted;                 // and nothing of it is to be kept
    atomic_bool is_holding;                  // wants_pause, is_busy or is_ending: worth a look

    // The thread's alone:
    double waited;      // seconds, in this job
    double layer_begun; // when it last went on
    double looked;      // at the battery
    bool draining;
    char *power_root;     // lock; NULL: the system's
    double power_seconds; // lock: between looks
};

// background_job.c. NULL with a message.
background_job *background_job_new(const train_settings *s, const char *arguments, held_model *m, error *err);
background_job *background_job_resumed(const char *name, held_model *m, error *err);
background_job *background_job_followed(const char *name, error *err);
void background_job_free(background_job *j); // NULL is fine
// Makes the folder of one that has to wait: from then on it is a training to go on with, which has done nothing yet. -1
// with a message.
int background_job_keep(background_job *j, error *err);

// background.c
unsigned background_note(background *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void background_tell_thread(background *b); // what main wishes
bool background_is_elsewhere(background *b);

// background_line.c
bool background_begin_next(background *b); // false: nothing waits
void background_empty_line(background *b); // what waits stays on disk

// background_thread.c
int background_thread_start(background *b, error *err);
void background_post(background *b, const background_item *item); // takes over its texts; any thread
void background_item_free(background_item *item);
// Sleeps for so many seconds at most, or until main wishes something. Trainer thread.
void background_doze(background *b, double seconds);

// background_follow.c: tells what another process writes until that ends or main has enough. TRAIN_RUN_.
int background_follow(background *b, const background_job *j, error *err);
// Tells the steps and evaluations that a training to be gone on with has behind it.
void background_recall(background *b, const background_job *j);

#endif
