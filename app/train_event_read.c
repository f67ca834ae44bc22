#include "app/train_event_read.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <string.h>

static double number(const cJSON *line, const char *name) {
    const cJSON *x = cJSON_GetObjectItemCaseSensitive(line, name);
    return cJSON_IsNumber(x) ? x->valuedouble : NAN;
}

// 0 where it is missing or no count.
static int64_t count(const cJSON *line, const char *name) {
    double x = number(line, name);
    return x >= 0 && x <= 1e15 ? (int64_t)x : 0;
}

static int small(const cJSON *line, const char *name) {
    int64_t n = count(line, name);
    return n <= 1000000000 ? (int)n : 0;
}

static const char *text(const cJSON *line, const char *name) {
    const cJSON *x = cJSON_GetObjectItemCaseSensitive(line, name);
    return cJSON_IsString(x) ? x->valuestring : "";
}

static const char *reason_of(const char *word) {
    static const char *const known[] = {"finished", "early-stop", "interrupted"};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(word, known[i]) == 0) return known[i];
    return "finished";
}

static bool type_of(const char *word, train_event_type *out) {
    for (train_event_type t = TRAIN_PLAN; t <= TRAIN_END; t++)
        if (strcmp(word, train_event_name(t)) == 0) {
            *out = t;
            return true;
        }
    return false;
}

bool train_event_read(const cJSON *line, train_event *out) {
    *out = (train_event){0};
    if (!type_of(text(line, "type"), &out->type)) return false;
    bool has_path = out->type == TRAIN_PLAN || out->type == TRAIN_CHECKPOINT || out->type == TRAIN_END;
    out->step = small(line, "step");
    out->steps = small(line, "steps");
    out->text = text(line, has_path ? "path" : "text");
    out->name = text(line, "name");
    out->loss = number(line, "loss");
    out->rate = number(line, "lr");
    out->grad_norm = number(line, "grad_norm");
    out->tok_s = number(line, "tok_s");
    out->eta_s = number(line, "eta_s");
    out->tokens = count(line, "tokens");
    out->nll_char = number(line, "nll_char");
    out->copy_rate = number(line, "copy_rate");
    out->best = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(line, "best"));
    out->best_step = small(line, "best_step");
    out->reason = reason_of(text(line, "reason"));
    out->held_out_tokens = count(line, "held_out_tokens");
    out->seconds = number(line, "seconds");
    out->bytes = number(line, "bytes");
    return true;
}
