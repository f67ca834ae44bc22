// Inside a tuning: what its files share. tuning.c holds the state and the thread, tuning_source.c and tuning_choose.c are
// what the person does, tuning_read.c and tuning_forecast.c what the thread does, tuning_settings.c makes settings of
// what was chosen.
#ifndef DOPPEL_TUNING_JOB_H
#define DOPPEL_TUNING_JOB_H

#include "app/corpus/scrub.h"
#include "app/train_forecast.h"
#include "app/tuning.h"
#include "app/wake.h"

#include <pthread.h>
#include <stdatomic.h>

// What main wishes. The thread owns the wish that it works on.
typedef struct tuning_wish {
    uint64_t number; // they count up; the newest counts
    bool read;       // READ the paths; else FORECAST with settings
    char **paths;
    size_t n_paths;
    char *pasted; // the path of pasted text, which becomes a data set of messages if it is a log; NULL: none
    // FORECAST
    train_settings settings;
    train_forecast known; // what was measured of this model before
    int n_ctx;            // positions of the model; 0: not known
} tuning_wish;

// What the thread found. main owns it once it was taken.
typedef struct tuning_result {
    uint64_t number;
    bool read; // of what kind the wish was
    int code;  // 0, or -1: err
    error err;
    // READ
    bool is_log;
    char *format, *kept; // kept: the path of the data set that a pasted log became; NULL: none
    int64_t messages, skipped, text_bytes;
    char first[32], last[32];
    tuning_author *authors;
    size_t n_authors;
    buf preview, notes;
    int64_t found[SCRUB_KINDS];
    // FORECAST
    train_forecast forecast;
    int n_ctx;
} tuning_result;

typedef struct tuning_private {
    pthread_t thread;
    wake news; // of the thread, for main

    pthread_mutex_t lock; // guards from here ...
    pthread_cond_t work;
    tuning_wish *wish;     // not yet taken
    tuning_result *result; // likewise
    bool closing;
    int64_t bytes_done, bytes_total;
    // ... to here
    atomic_uint_least64_t wanted; // number of the newest wish; the thread gives up older ones

    // main's
    char *model; // path
    char **paths;
    size_t n_paths;
    int64_t text_bytes;  // of all messages
    int n_ctx;           // of the model; 0: not known
    train_forecast last; // of the data as it is chosen
    bool name_given;     // by the person
    uint64_t waits_for;  // the number of the wish that is worked on; 0: none
} tuning_private;

void tuning_wish_free(tuning_wish *w);
void tuning_result_free(tuning_result *r);

// On the thread. go_on false: another wish came.
void tuning_read_run(tuning_private *p, const tuning_wish *w, tuning_result *r);
void tuning_forecast_run(tuning_private *p, tuning_wish *w, tuning_result *r);
void tuning_tell_progress(tuning_private *p, int64_t done, int64_t total);
bool tuning_is_wanted(tuning_private *p, uint64_t number);

// On main.
void tuning_want(tuning *t, tuning_wish *w); // in place of any wish before; w is taken over
void tuning_want_forecast(tuning *t);        // of what is chosen now
void tuning_forget_source(tuning *t);
void tuning_put_string(char **s, char *value); // frees what was there; value is taken over
// Works the forecast out anew from what is known.
void tuning_forecast_update(tuning *t);
// The settings as they are chosen, before train_settings_finish; block_size and max_steps are put in when they are known.
void tuning_settings_fill(const tuning *t, train_settings *s);
void tuning_settings_name(tuning *t); // a free name for the adapter, unless the person gave one

#endif
