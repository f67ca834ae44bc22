// AdamW with decoupled weight decay (Loshchilov & Hutter 2019), bias-corrected, as torch.optim.AdamW; gradient clipping
// by the global norm as torch.nn.utils.clip_grad_norm_; and the learning-rate schedules of transformers.
#ifndef DOPPEL_LEARN_ADAMW_H
#define DOPPEL_LEARN_ADAMW_H

#include "model/learn/param.h"
#include "model/math/team.h"

typedef enum schedule_kind { SCHEDULE_COSINE, SCHEDULE_LINEAR, SCHEDULE_CONSTANT } schedule_kind;

typedef struct adamw_options {
    double lr, beta1, beta2, eps, weight_decay;
    double clip; // largest gradient norm; 0: none
    schedule_kind schedule;
    int warmup, steps;
} adamw_options;

// The learning rate of step t (0-based): rises linearly over the warm-up, then falls to zero at `steps` along a half
// cosine or a line, or stays.
double adamw_rate(const adamw_options *o, int t);

// One update from the gradients, step t (0-based); returns the gradient norm before clipping. The members of the team
// share the parameters out in a fixed way.
double adamw_step(const adamw_options *o, param_set *set, int t, team *team);

#endif
