// Trainings in the background of a running program: one trains, others wait in line.
//
// The trainer is a thread with compute threads of its own, all at idle priority (app/idle.h). It runs train_run, or it
// reads along where another process trains (a follower). Everything below is called by one thread (main). What happens
// is taken in by background_pump once background_fd is readable; what there is to show stands in background_look, which
// changes only in background_ calls.
#ifndef DOPPEL_BACKGROUND_H
#define DOPPEL_BACKGROUND_H

#include "app/background_state.h"
#include "app/held_model.h"
#include "app/train_settings.h"

typedef struct background background;

// What background_pump took in.
enum {
    BACKGROUND_STEP = 1,
    BACKGROUND_EVAL = 2,
    BACKGROUND_SAMPLE = 4,
    BACKGROUND_RESULT = 8, // a better adapter (or model) was written: path
    BACKGROUND_PHASE = 16, // phase, name, pause_reason or n_waiting changed
    BACKGROUND_NOTE = 32,  // background_take_note has something
};

background *background_open(error *err);
// Stops what trains, with everything saved; what waits in line is kept to be begun later. False: so many milliseconds (-1: as long as it
// takes) were not enough, and it still saves.
bool background_end(background *b, int ms);
// Ends like that, however long it takes, and joins the thread. NULL is fine.
void background_close(background *b);

int background_fd(const background *b);
unsigned background_pump(background *b); // BACKGROUND_ flags
const background_state *background_look(const background *b);
char *background_take_note(background *b); // lines for the person, one by one (the caller frees them); NULL: none left

// Whether one trains, is followed, or waits: what would be lost or left by quitting.
bool background_busy(const background *b);

// Starts a training, or puts it in line behind the one that runs; there it is on disk already, as one that background_resume_training can begin. s: a name or a folder in out, threads, resume. arguments:
// all the rest, as train_settings_arguments writes them (after train_settings_locate). Both are only read
// during the call. m: a model that is open; if it is the one to be trained on, its weights are shared for as long as the
// training takes. NULL: none. 0, or -1 with a message about the settings; what fails later is BACKGROUND_FAILED.
int background_start(background *b, const train_settings *s, const char *arguments, held_model *m, error *err);
// Goes on with a training that was interrupted, as `doppel train --resume NAME` does. 0, or -1 with a message: there is
// none of that name, another doppel trains it.
int background_resume_training(background *b, const char *name, held_model *m, error *err);
// Reads along with one that another process runs. 0, or -1 with a message: nobody trains it.
int background_attach(background *b, const char *name, error *err);

// All of these act on the one that runs (not on those in line), at its next layer. Of one that another process runs
// only stop and discard do anything, and only when training is all that that process does; a note says so otherwise.
void background_pause(background *b);
void background_go_on(background *b);
void background_stop(background *b);    // ends it with everything saved and the best kept
void background_discard(background *b); // ends it and removes its folder
// Whether these two can do anything; false with a message when they cannot.
bool background_can_stop(background *b, error *err);

const char *background_waiting(const background *b, size_t i); // name of the i-th in line; NULL: there are not so many
void background_drop_waiting(background *b, size_t i);         // with its folder, unless it was begun before

// The generator works (or not). The trainer waits at its next layer while it does, but for a fortieth of the time, so that
// a generator that never ends does not starve it. Cheap to call often.
void background_yield(background *b, bool generator_is_busy);

// Where to look for power supplies (app/battery.h), and how often: trainings wait while the machine runs on its battery.
// Unless called: the system's folder, every ten seconds.
void background_watch_power(background *b, const char *root, double seconds);

// Leaves the running training to a process of its own: stops it with everything saved, and begins `doppel train --resume
// NAME` in a new session. Blocks until that process holds the training's lock (a second or two). Those in line are kept to be begun later. A
// training that another process runs already is let go.
// 0, or -1 with a message: it could not be begun; the training is saved and can be resumed.
int background_leave(background *b, error *err);

#endif
