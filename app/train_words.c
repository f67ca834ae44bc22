#include "app/train_words.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static int take_number(const option *x, const char *value, error *err) {
    char *end;
    double v = strtod(value, &end);
    bool whole = x->kind != OPTION_INT || v == floor(v);
    bool any = x->min == 0 && x->max == 0;
    if (end == value || *end || !isfinite(v) || !whole || (!any && (v < x->min || v > x->max)))
        return error_set(err, "--%s is \"%.80s\", which it does not take", x->name, value);
    if (x->kind == OPTION_INT)
        *(int *)x->out = (int)v;
    else
        *(double *)x->out = v;
    return 0;
}

static int take(const option *x, const char *value, error *err) {
    if ((x->kind == OPTION_FLAG) != (value == NULL))
        return error_set(err, "--%s %s a value", x->name, value ? "takes no" : "needs");
    switch (x->kind) {
    case OPTION_FLAG: *(bool *)x->out = true; return 0;
    case OPTION_TEXT: *(const char **)x->out = value; return 0;
    case OPTION_LIST: option_list_push(x->out, value); return 0;
    case OPTION_INT:
    case OPTION_REAL: return take_number(x, value, err);
    }
    return 0;
}

static int take_word(train_settings *s, const option *table, const char *word, error *err) {
    const char *equals = strchr(word, '='), *name = word + 2;
    size_t n = equals ? (size_t)(equals - name) : strlen(word) > 2 ? strlen(name) : 0;
    const option model = {"model", 'm', OPTION_TEXT, &s->model, NULL, NULL, 0, 0}, *found = NULL;
    if (strncmp(word, "--", 2) != 0) n = 0;
    if (n == strlen(model.name) && memcmp(name, model.name, n) == 0) found = &model;
    for (const option *x = table; x->name && !found; x++)
        if (strlen(x->name) == n && memcmp(x->name, name, n) == 0) found = x;
    if (!found) return error_set(err, "\"%.80s\" is no option of a training", word);
    return take(found, equals ? equals + 1 : NULL, err);
}

int train_words_read(train_settings *s, const cJSON *words, error *err) {
    option table[TRAIN_MAX_OPTIONS];
    const cJSON *word;
    train_settings_table(s, table);
    if (!cJSON_IsArray(words)) return error_set(err, "it does not say how this training began; begin a new one");
    cJSON_ArrayForEach(word, words) {
        if (!cJSON_IsString(word)) return error_set(err, "its arguments are no words; begin a new training");
        if (take_word(s, table, word->valuestring, err) != 0) return -1;
    }
    return 0;
}
