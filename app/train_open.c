// Bringing a training together: the model, the data, what of the model learns, the folder, and where it stood.
#include "app/train_job.h"

#include <stdlib.h>
#include <string.h>

static int open_lora(train_job *j) {
    const train_settings *s = j->s;
    learn_lora *o = &j->peft.lora;
    j->peft.base = j->base.path;
    j->peft.dropout = s->lora_dropout;
    if (s->init_adapter) {
        if (peft_read_settings(s->init_adapter, j->model->net, &j->peft, j->err) != 0) return -1;
        j->peft.base = j->base.path;
        j->peft.dropout = s->lora_dropout;
    } else {
        *o = (learn_lora){.rank = s->lora_r, .alpha = s->lora_alpha, .top_layers = s->top_layers, .rs = s->rslora};
        char *names = mem_strdup(s->targets ? s->targets : "all-linear"), *rest = names;
        int rc = 0;
        for (char *name; rc == 0 && (name = strsep(&rest, ", "));)
            if (*name) rc = peft_add_target(j->model->net, name, &o->targets, j->err);
        free(names);
        if (rc != 0) return error_prefix(j->err, "--target-modules");
    }
    o->seed = (uint64_t)s->seed;
    j->graph = learn_graph_lora(j->model->net, o, j->err);
    if (!j->graph) return -1;
    return s->init_adapter ? peft_load(s->init_adapter, j->graph, j->err) : 0;
}

static int open_model(train_job *j) {
    const train_settings *s = j->s;
    const char *path = s->method == TRAIN_SCRATCH ? j->folder.path : s->model;
    if (s->method == TRAIN_SCRATCH && !j->resumed && train_base_make(j->folder.path, s, j->err) != 0) return -1;
    j->model = j->watch->model ? j->watch->model : &j->own;
    if (j->model == &j->own && model_open(&j->own, path, s->threads, 0, j->err) != 0) return -1;
    train_base_describe(&j->base, path, j->model->file);
    return 0;
}

static int open_graph(train_job *j) {
    bool lora = j->s->method == TRAIN_LORA;
    if (lora && open_lora(j) != 0) return -1;
    if (!lora && !(j->graph = learn_graph_top(j->model->net, j->s->top_layers, j->err))) return -1;
    j->graph->lora_dropout = lora ? (float)j->peft.dropout : 0;
    j->graph->dropout = (float)j->s->dropout;
    return 0;
}

// A training goes on as it began.
product_mode train_open_products(const train_job *j) {
    for (product_mode m = PRODUCT_FLOAT32; j->resumed && m <= PRODUCT_FP16; m++)
        if (strcmp(j->state.products, product_mode_name(m)) == 0) return m;
    return j->s->float32 ? PRODUCT_FLOAT32 : PRODUCT_AUTO;
}

static int open_trainer(train_job *j) {
    const train_settings *s = j->s;
    learn_pass_options pass;
    if (train_plan_pass(j, &pass) != 0) return -1;
    trainer_options o = {.micro_batch = pass.max_rows,
                         .products = pass.products,
                         .recompute = pass.recompute,
                         .lm_weight = s->two_part ? s->lm_weight : 0,
                         .seed = (uint64_t)s->seed};
    int warmup = s->warmup >= 0 ? s->warmup : j->steps / 10 < 100 ? j->steps / 10 : 100;
    o.adamw = (adamw_options){.lr = s->lr,
                              .beta1 = s->beta1,
                              .beta2 = s->beta2,
                              .eps = s->adam_eps,
                              .weight_decay = s->weight_decay,
                              .clip = s->clip,
                              .schedule = s->schedule,
                              .warmup = warmup,
                              .steps = j->steps};
    j->team = team_open(s->threads > 0 ? s->threads : j->state.threads > 0 ? j->state.threads : team_cores(), j->err);
    if (!j->team) return -1;
    team_set_patient(j->team, !j->watch->give_way); // who gives way does not have the machine to itself
    batches *held_out = j->data.held_out.ids ? &j->data.held_out : NULL;
    if (trainer_open(&j->trainer, &o, j->graph, &j->data.train, held_out, j->team, j->err) != 0) return -1;
    j->trainer.go_on = j->watch->go_on;
    j->trainer.at_layer = j->watch->give_way;
    j->trainer.arg = j->watch->arg;
    return 0;
}

// With run.json at once, so that a training killed any time later can be begun again.
static int make_folder(train_job *j) {
    return train_folder_make(&j->folder, j->err) != 0 ? -1 : train_save_run(j, "running");
}

int train_open_learner(train_job *j) {
    train_plan_steps(j);
    train_plan_evaluations(j);
    return open_graph(j) != 0 ? -1 : open_trainer(j);
}

int train_open(train_job *j) {
    const train_settings *s = j->s;
    bool scratch = s->method == TRAIN_SCRATCH;
    if (train_folder_find(&j->folder, s, s->resume && *s->resume ? s->resume : s->out, j->err) != 0) return -1;
    j->folder.beside = j->watch->beside;
    if (s->resume && train_folder_reopen(&j->folder, j->err) != 0) return -1;
    // A model from scratch is made in the folder; anything else makes it once everything is known to be there.
    if (scratch && !s->resume && make_folder(j) != 0) return -1;
    if (train_save_read(j) != 0 || open_model(j) != 0) return -1;
    int rc = train_data_open(&j->data, s, j->model, j->watch->go_on, j->watch->arg, j->err);
    if (rc != TRAIN_DATA_DONE) return rc;
    train_sampler_open(&j->sampler, &j->data, j->model, s->threads, (uint64_t)s->seed);
    j->sampler.give_way = j->watch->give_way;
    j->sampler.arg = j->watch->arg;
    if (train_open_learner(j) != 0) return -1;
    if (!scratch && !s->resume && make_folder(j) != 0) return -1;
    return train_save_load(j);
}

void train_close(train_job *j) {
    train_sampler_close(&j->sampler);
    trainer_close(&j->trainer);
    team_close(j->team);
    learn_graph_free(j->graph);
    train_data_free(&j->data);
    train_base_free(&j->base);
    model_close(&j->own);
    train_folder_close(&j->folder);
}
