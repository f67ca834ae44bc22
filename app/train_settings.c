#include "app/train_settings.h"
#include "app/corpus/dataset.h"
#include "app/corpus/scrub.h"
#include "app/paths.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

train_settings train_settings_none(void) {
    return (train_settings){.session_gap = -1,
                            .block_size = -1,
                            .val_fraction = -1,
                            .lora_r = -1,
                            .top_layers = -1,
                            .lora_alpha = -1,
                            .lora_dropout = -1,
                            .layers = -1,
                            .heads = -1,
                            .embed = -1,
                            .dropout = -1,
                            .lm_weight = -1,
                            .epochs = -1,
                            .lr = -1,
                            .weight_decay = -1,
                            .adam_eps = -1,
                            .clip = -1,
                            .max_steps = -1,
                            .batch_size = -1,
                            .micro_batch = -1,
                            .warmup = -1,
                            .seed = -1,
                            .patience = -1,
                            .eval_every = -1,
                            .sample_every = -1,
                            .save_every = -1};
}

void train_settings_free(train_settings *s) {
    option_list_free(&s->data);
    option_list_free(&s->imitate);
    for (size_t i = 0; i < s->n_paths; i++) free(s->paths[i]);
    free(s->paths);
}

void train_settings_table(train_settings *s, option *out) {
    const option all[] = {
        {"data", 0, OPTION_LIST, &s->data, "FILE", "chat logs, texts, JSONL, or a data set's name; several may follow",
         0, 0},
        {"imitate", 0, OPTION_LIST, &s->imitate, "NAME",
         "whose turns are learned; repeatable; everybody's unless given", 0, 0},
        {"layout", 0, OPTION_TEXT, &s->layout_name, "KIND", "lines (Name: text) or turns (the model's turn markers)", 0,
         0},
        {"scrub", 0, OPTION_TEXT, &s->scrub_names, "KINDS", "hide email, phone, card, ip, key (commas between), or all",
         0, 0},
        {"session-gap", 0, OPTION_INT, &s->session_gap, "MINUTES", "a conversation ends after (60)", 1, 1e6},
        {"method", 0, OPTION_TEXT, &s->method_name, "HOW", "lora (an adapter), full (all weights) or scratch", 0, 0},
        {"out", 'o', OPTION_TEXT, &s->out, "NAME", "what to call it, or a folder (with a slash)", 0, 0},
        {"resume", 0, OPTION_TEXT, &s->resume, "NAME", "go on with a training that was interrupted", 0, 0},
        {"epochs", 0, OPTION_REAL, &s->epochs, "X", "times through the data (3)", 0.001, 1e6},
        {"max-steps", 0, OPTION_INT, &s->max_steps, "N", "steps at most, in place of epochs", 0, 1e9},
        {"batch-size", 0, OPTION_INT, &s->batch_size, "N", "rows a step (4; 32 from scratch)", 1, 65536},
        {"micro-batch", 0, OPTION_INT, &s->micro_batch, "N", "rows a pass: memory, not results", 1, 65536},
        {"block-size", 0, OPTION_INT, &s->block_size, "N", "tokens a row (256; 128 from scratch)", 2, 1 << 20},
        {"lr", 0, OPTION_REAL, &s->lr, "X", "learning rate (lora 5e-4, full 5e-5, scratch 1e-3)", 0, 100},
        {"warmup", 0, OPTION_INT, &s->warmup, "N", "steps until it is reached (a tenth, 100 at most)", 0, 1e9},
        {"schedule", 0, OPTION_TEXT, &s->schedule_name, "KIND", "cosine, linear or constant afterwards", 0, 0},
        {"weight-decay", 0, OPTION_REAL, &s->weight_decay, "X", "of matrices (0.01; 0.1 from scratch)", 0, 100},
        {"adam-betas", 0, OPTION_TEXT, &s->betas, "B1,B2", "0.9,0.999 (0.9,0.99 from scratch)", 0, 0},
        {"adam-eps", 0, OPTION_REAL, &s->adam_eps, "X", "1e-8", 0, 1},
        {"clip", 0, OPTION_REAL, &s->clip, "X", "largest gradient norm (1); 0: any", 0, 1e9},
        {"val-fraction", 0, OPTION_REAL, &s->val_fraction, "X", "of the data to hold out (0.1)", 0, 0.9},
        {"patience", 0, OPTION_INT, &s->patience, "N", "evaluations without progress before it stops (3); 0: never", 0,
         1e6},
        {"eval-every", 0, OPTION_INT, &s->eval_every, "N", "steps (a twentieth of all)", 1, 1e9},
        {"sample-every", 0, OPTION_INT, &s->sample_every, "N", "steps (with every evaluation); 0: no samples", 0, 1e9},
        {"save-every", 0, OPTION_INT, &s->save_every, "N", "steps between checkpoints (one at least every 45 seconds)",
         1, 1e9},
        {"lora-r", 0, OPTION_INT, &s->lora_r, "N", "rank of the adapter (16)", 1, 1024},
        {"lora-alpha", 0, OPTION_REAL, &s->lora_alpha, "X", "its strength (twice the rank)", 0.001, 1e6},
        {"lora-dropout", 0, OPTION_REAL, &s->lora_dropout, "X", "share of its inputs left out at random (0)", 0, 0.95},
        {"target-modules", 0, OPTION_TEXT, &s->targets, "NAMES", "all-linear, or q_proj,v_proj ...", 0, 0},
        {"top-layers", 0, OPTION_INT, &s->top_layers, "N", "only the last N layers learn", 1, 512},
        {"rslora", 0, OPTION_FLAG, &s->rslora, NULL, "strength / square root of the rank", 0, 0},
        {"init-adapter", 0, OPTION_TEXT, &s->init_adapter, "DIR", "begin with this adapter", 0, 0},
        {"tokenizer", 0, OPTION_TEXT, &s->tokenizer, "KIND", "from scratch: char or bpe:VOCAB", 0, 0},
        {"layers", 0, OPTION_INT, &s->layers, "N", "from scratch (4)", 1, 512},
        {"heads", 0, OPTION_INT, &s->heads, "N", "from scratch (4)", 1, 1024},
        {"embed", 0, OPTION_INT, &s->embed, "N", "from scratch: width (128)", 8, 65536},
        {"dropout", 0, OPTION_REAL, &s->dropout, "X", "of a whole model: embeddings, attention, residuals (0)", 0,
         0.95},
        {"two-part", 0, OPTION_FLAG, &s->two_part, NULL, "loss on answers + lm-weight x loss on the whole text", 0, 0},
        {"lm-weight", 0, OPTION_REAL, &s->lm_weight, "X", "0.5", 0, 1000},
        {"seed", 0, OPTION_INT, &s->seed, "N", "of everything random (1)", 0, 2147483647},
        {"no-shuffle", 0, OPTION_FLAG, &s->no_shuffle, NULL, "rows in their order", 0, 0},
        {"recompute", 0, OPTION_FLAG, &s->recompute, NULL, "keep less, calculate layers twice: memory, not results", 0,
         0},
        {"float32", 0, OPTION_FLAG, &s->float32, NULL, "no reduced precision anywhere", 0, 0},
        {"ids", 0, OPTION_TEXT, &s->ids, "FILE", "batches of token ids (JSON), for reference runs", 0, 0},
        {0},
    };
    memcpy(out, all, sizeof all);
}

const char *train_method_name(train_method m) {
    static const char *const names[] = {"lora", "full", "scratch"};
    return names[m];
}

// ---- paths

const char *train_settings_keep(train_settings *s, const char *text) {
    s->paths = mem_reserve(s->paths, &s->cap_paths, s->n_paths + 1, sizeof *s->paths);
    return s->paths[s->n_paths++] = mem_strdup(text);
}

// The absolute path of what is there, else the word as it is; kept as long as s.
static const char *absolute(train_settings *s, const char *word) {
    char *path = realpath(word, NULL);
    const char *kept = train_settings_keep(s, path ? path : word);
    free(path);
    return kept;
}

int train_settings_locate(train_settings *s, error *err) {
    buf path = {0};
    if (!s->method_name || strcmp(s->method_name, "scratch") != 0) {
        if (paths_chosen_model(s->model, &path, err) != 0) {
            buf_free(&path);
            return -1;
        }
        s->model = absolute(s, path.data);
    }
    for (size_t i = 0; i < s->data.n; i++) {
        buf_clear(&path);
        dataset_resolve(s->data.items[i], &path);
        s->data.items[i] = absolute(s, buf_str(&path));
    }
    buf_free(&path);
    if (s->ids) s->ids = absolute(s, s->ids);
    if (s->init_adapter) s->init_adapter = absolute(s, s->init_adapter);
    return 0;
}

// ---- words

// The place of word in names (NULL-terminated), *out; the first one when word is NULL.
static int find_word(const char *option, const char *word, const char *const *names, int *out, error *err) {
    *out = 0;
    if (!word) return 0;
    buf list = {0};
    for (int i = 0; names[i]; i++) {
        if (strcmp(word, names[i]) == 0) {
            *out = i;
            buf_free(&list);
            return 0;
        }
        buf_printf(&list, "%s%s", i == 0 ? "" : names[i + 1] ? ", " : " or ", names[i]);
    }
    error_set(err, "--%s is \"%s\"; it takes %s", option, word, list.data);
    buf_free(&list);
    return -1;
}

static int read_words(train_settings *s, error *err) {
    static const char *const methods[] = {"lora", "full", "scratch", NULL}, *const layouts[] = {"lines", "turns", NULL};
    static const char *const schedules[] = {"cosine", "linear", "constant", NULL};
    int method, layout, schedule;
    if (find_word("method", s->method_name, methods, &method, err) != 0) return -1;
    if (find_word("layout", s->layout_name, layouts, &layout, err) != 0) return -1;
    if (find_word("schedule", s->schedule_name, schedules, &schedule, err) != 0) return -1;
    s->method = (train_method)method;
    s->layout = (layout_kind)layout;
    s->schedule = (schedule_kind)schedule;
    return 0;
}

static int read_betas(train_settings *s, error *err) {
    char rest;
    if (!s->betas) s->betas = s->method == TRAIN_SCRATCH ? "0.9,0.99" : "0.9,0.999";
    if (sscanf(s->betas, "%lf,%lf%c", &s->beta1, &s->beta2, &rest) == 2 && s->beta1 >= 0 && s->beta1 < 1 &&
        s->beta2 >= 0 && s->beta2 < 1)
        return 0;
    return error_set(err, "--adam-betas is \"%s\"; it takes two numbers from 0 to 1, as in 0.9,0.999", s->betas);
}

static int read_tokenizer(train_settings *s, error *err) {
    enum { LEAST = 257, MOST = 1 << 20 }; // 256 bytes and the end of a text
    char rest;
    if (!s->tokenizer || strcmp(s->tokenizer, "char") == 0) return 0;
    if (sscanf(s->tokenizer, "bpe:%d%c", &s->bpe_size, &rest) == 1 && s->bpe_size >= LEAST && s->bpe_size <= MOST)
        return 0;
    return error_set(err, "--tokenizer is \"%s\"; it takes char, or bpe:VOCAB with %d tokens at least", s->tokenizer,
                     LEAST);
}

// ---- defaults

static void set_int(int *x, int value) {
    if (*x < 0) *x = value;
}

static void set_real(double *x, double value) {
    if (*x < 0) *x = value;
}

static void set_defaults(train_settings *s) {
    bool scratch = s->method == TRAIN_SCRATCH;
    set_int(&s->session_gap, 60);
    set_int(&s->block_size, scratch ? 128 : 256);
    set_real(&s->val_fraction, s->ids ? 0 : 0.1);
    set_int(&s->lora_r, 16);
    set_real(&s->lora_alpha, 2 * s->lora_r);
    set_real(&s->lora_dropout, 0);
    set_int(&s->top_layers, 0);
    set_int(&s->layers, 4);
    set_int(&s->heads, 4);
    set_int(&s->embed, 128);
    set_real(&s->dropout, 0);
    set_real(&s->lm_weight, 0.5);
    set_real(&s->lr, s->method == TRAIN_LORA ? 5e-4 : scratch ? 1e-3 : 5e-5);
    set_real(&s->weight_decay, scratch ? 0.1 : 0.01);
    set_real(&s->adam_eps, 1e-8);
    set_real(&s->clip, 1);
    set_int(&s->batch_size, scratch ? 32 : 4);
    set_int(&s->patience, 3);
    set_int(&s->seed, 1);
    if (scratch && s->epochs < 0) set_int(&s->max_steps, 5000);
    set_real(&s->epochs, 3);
}

static int check_together(const train_settings *s, error *err) {
    bool scratch = s->method == TRAIN_SCRATCH, lora = s->method == TRAIN_LORA;
    if (!s->ids && s->data.n == 0) return error_set(err, "there is nothing to learn from; give --data FILE");
    if (s->ids && s->data.n > 0)
        return error_set(err, "--ids and --data both say what to learn from; give one of them");
    if (scratch && s->ids) return error_set(err, "--ids needs a model; training from scratch takes --data");
    if (scratch && s->model) return error_set(err, "training from scratch begins with no model; leave -m away");
    if (!scratch && (s->tokenizer || s->layers >= 0 || s->heads >= 0 || s->embed >= 0))
        return error_set(err, "--tokenizer, --layers, --heads and --embed are for --method scratch");
    if (!lora &&
        (s->init_adapter || s->lora_r >= 0 || s->lora_alpha >= 0 || s->lora_dropout >= 0 || s->targets || s->rslora))
        return error_set(err, "--init-adapter, --target-modules and the --lora options are for --method lora");
    if (s->init_adapter && (s->lora_r >= 0 || s->lora_alpha >= 0 || s->targets || s->top_layers >= 0 || s->rslora))
        return error_set(err, "--init-adapter brings its own rank, alpha and targets; leave the other options away");
    if (s->top_layers >= 0 && scratch) return error_set(err, "--top-layers is for models that know something already");
    if (s->dropout > 0 && lora) return error_set(err, "--dropout is for whole models; adapters have --lora-dropout");
    if (s->lm_weight >= 0 && !s->two_part) return error_set(err, "--lm-weight is for --two-part");
    return 0;
}

int train_settings_finish(train_settings *s, error *err) {
    if (read_words(s, err) != 0 || check_together(s, err) != 0) return -1;
    if (s->scrub_names && scrub_flags(s->scrub_names, &s->scrub, err) != 0) return -1;
    if (read_betas(s, err) != 0 || read_tokenizer(s, err) != 0) return -1;
    set_defaults(s);
    if (s->method == TRAIN_SCRATCH && s->embed % s->heads != 0)
        return error_set(err, "--embed is %d, which %d heads cannot share; make it a multiple", s->embed, s->heads);
    return 0;
}

// ---- back to words

static void put_word(buf *out, const char *name, const char *value) {
    buf word = {0};
    buf_printf(&word, "--%s%s%s", name, value ? "=" : "", value ? value : "");
    if (out->data[out->len - 1] != '[') buf_putc(out, ',');
    buf_json_string(out, word.data, word.len);
    buf_free(&word);
}

static void put_option(buf *out, const option *x) {
    char number[32];
    switch (x->kind) {
    case OPTION_FLAG:
        if (*(bool *)x->out) put_word(out, x->name, NULL);
        break;
    case OPTION_TEXT:
        if (*(const char **)x->out) put_word(out, x->name, *(const char **)x->out);
        break;
    case OPTION_INT:
        snprintf(number, sizeof number, "%d", *(int *)x->out);
        if (*(int *)x->out >= 0) put_word(out, x->name, number);
        break;
    case OPTION_REAL:
        snprintf(number, sizeof number, "%.17g", *(double *)x->out);
        if (*(double *)x->out >= 0) put_word(out, x->name, number);
        break;
    case OPTION_LIST:
        for (size_t i = 0; i < ((option_list *)x->out)->n; i++)
            put_word(out, x->name, ((option_list *)x->out)->items[i]);
        break;
    }
}

void train_settings_arguments(train_settings *s, buf *out) {
    option table[TRAIN_MAX_OPTIONS];
    train_settings_table(s, table);
    buf_putc(out, '[');
    if (s->model) put_word(out, "model", s->model);
    for (const option *x = table; x->name; x++)
        if (strcmp(x->name, "out") != 0 && strcmp(x->name, "resume") != 0) put_option(out, x);
    buf_putc(out, ']');
}
