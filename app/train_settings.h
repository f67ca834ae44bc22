// What to train on what, and how: the options of `doppel train` in one struct, with defaults that depend on the method.
#ifndef DOPPEL_TRAIN_SETTINGS_H
#define DOPPEL_TRAIN_SETTINGS_H

#include "app/corpus/layout_kind.h"
#include "app/options.h"
#include "model/learn/adamw.h"

typedef enum train_method { TRAIN_LORA, TRAIN_FULL, TRAIN_SCRATCH } train_method;

// Numbers are -1 where the person said nothing; train_settings_finish puts the defaults there.
typedef struct train_settings {
    const char *model; // -m
    int threads;       // -t
    // Data
    option_list data, imitate;
    const char *ids, *layout_name, *scrub_names;
    int session_gap, block_size;
    double val_fraction;
    // Method
    const char *method_name, *targets, *init_adapter;
    int lora_r, top_layers;
    double lora_alpha, lora_dropout;
    bool rslora;
    // From scratch
    const char *tokenizer; // "char" or "bpe:VOCAB"
    int layers, heads, embed;
    double dropout;
    // Objective
    bool two_part;
    double lm_weight;
    // Steps
    double epochs, lr, weight_decay, adam_eps, clip;
    int max_steps, batch_size, micro_batch, warmup, seed;
    const char *schedule_name, *betas;
    int patience, eval_every, sample_every, save_every;
    bool no_shuffle, recompute, float32;
    // Where to
    const char *out, *resume;
    // Worked out by train_settings_finish
    train_method method;
    layout_kind layout;
    schedule_kind schedule;
    unsigned scrub; // SCRUB_ flags
    double beta1, beta2;
    int bpe_size; // 0: characters
    // Owned: paths as they are from everywhere (train_settings_locate), and what train_settings_keep was given
    char **paths;
    size_t n_paths, cap_paths;
} train_settings;

enum { TRAIN_MAX_OPTIONS = 48 };

train_settings train_settings_none(void); // nothing said
void train_settings_free(train_settings *s);

// A copy of text that lives as long as s: for strings of s that nobody else keeps.
const char *train_settings_keep(train_settings *s, const char *text);

// The options by name, for options_read; out has room for TRAIN_MAX_OPTIONS and ends with a nameless one.
void train_settings_table(train_settings *s, option *out);

// Finds the model and the data, and makes their paths absolute, so that the arguments mean the same from another folder.
// 0, or -1 with a message: there is no such model.
int train_settings_locate(train_settings *s, error *err);

// Checks what belongs together and puts in the defaults. 0, or -1 with a message about the usage.
int train_settings_finish(train_settings *s, error *err);

// Appends everything but -o, --resume and -t as a JSON array of words for options_read: ["--lr=0.001"]. To be called
// before train_settings_finish, which would add the defaults.
void train_settings_arguments(train_settings *s, buf *out);

const char *train_method_name(train_method m); // "lora"

#endif
