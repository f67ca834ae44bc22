// Inside a training: what its files share. train_run.c takes the steps, train_open.c brings together what they need,
// train_plan.c decides how many there are and forecasts them, train_save.c keeps what was learned.
#ifndef DOPPEL_TRAIN_JOB_H
#define DOPPEL_TRAIN_JOB_H

#include "app/train_base.h"
#include "app/train_data.h"
#include "app/train_folder.h"
#include "app/train_run.h"
#include "app/train_sample.h"
#include "model/learn/checkpoint.h"
#include "model/learn/peft.h"
#include "model/learn/trainer.h"

typedef struct train_job {
    const train_settings *s;
    const char *arguments;
    const train_watch *watch;
    error *err;

    train_folder folder;
    model own;          // opened here
    const model *model; // own, or the caller's
    train_base base;
    train_data data;
    learn_graph *graph;
    peft_settings peft; // TRAIN_LORA
    team *team;
    trainer trainer;
    train_sampler sampler;

    checkpoint state; // how far it is; saved as it is
    bool resumed;     // state comes from a checkpoint
    int steps, eval_every, sample_every;
    int saved;        // the step of the last checkpoint
    double saved_at;  // when that was
    double begun;     // when this run's steps began (train_clock)
    int first_step;   // steps done then
    double before;    // seconds that the runs before it took
    double last_loss; // of the last step
} train_job;

// All of these return 0, or -1 with the message in j->err, unless they return something else.

// Everything up to the first step. TRAIN_RUN_ (an interrupted one has read its data only in part).
int train_open(train_job *j);
void train_close(train_job *j);

// Of that: the plan, the graph and the trainer, when model and data are open.
int train_open_learner(train_job *j);

// The rules of a plan. epoch: steps that it takes to see every row once.
double train_plan_epoch(const batches *b);
int train_plan_n_steps(const train_settings *s, double epoch);
int train_plan_interval(const train_settings *s, int steps);   // steps between two evaluations
size_t train_plan_look(const train_settings *s, int interval); // most held-out rows that an evaluation reads

// What steps and evaluations cost.
typedef struct train_cost {
    int rows, micro_batch; // of a step, of a pass
    size_t held_out_rows;  // that an evaluation reads
    double pass;           // seconds that a pass takes
} train_cost;
double train_plan_seconds(const train_cost *c, int steps, int interval);
double train_plan_measure(train_job *j); // a pass, in seconds

// How many steps, and how often to look; then how much of the held-out data a look reads.
void train_plan_steps(train_job *j);
void train_plan_evaluations(train_job *j);
// The size of a pass, from the memory that is free. -1 when there is not enough even for one row.
int train_plan_pass(train_job *j, learn_pass_options *o);
product_mode train_open_products(const train_job *j); // that this training asks for, or was begun with
// Measures a pass and tells the plan with its forecast.
void train_plan_tell(train_job *j);

// What was learned so far becomes the result: the adapter, or the model.
int train_save_result(train_job *j);
int train_save_checkpoint(train_job *j); // with run.json; the result too where nothing is held out
int train_save_run(train_job *j, const char *status);
// Where the training to go on with stands, before anything that depends on it is opened; then the rest of it.
int train_save_read(train_job *j);
int train_save_load(train_job *j);
// The loss is no number any more (j->err says so): back to what was saved, which is the result then. Always -1.
int train_save_restore(train_job *j);

bool train_may_go_on(const train_job *j);
void train_tell(train_job *j, const train_event *e);
void train_tell_text(train_job *j, train_event_type type, const char *text);
double train_now(void);                 // seconds
double train_clock(const train_job *j); // the same without what was spent waiting

#endif
