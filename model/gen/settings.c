// The table of knobs, and how a value is read from text and written back.
#include "model/gen/settings.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const gen_settings neutral = {
    .temperature = 0.7,
    .top_k = 40,
    .top_p = 0.9,
    .typical_p = 1,
    .repetition_penalty = 1,
    .max_tokens = 128,
    .beams = 1,
    .length_penalty = 1,
};

gen_settings gen_settings_raw(void) {
    return neutral;
}

gen_settings gen_settings_chat(void) {
    gen_settings s = neutral;
    s.min_p = 0.05;
    s.repetition_penalty = 1.1;
    s.max_tokens = 512;
    s.whole_words = true;
    return s;
}

#define AT(field) offsetof(gen_settings, field)

static const gen_knob knobs[] = {
    {"temperature", KNOB_REAL, AT(temperature), 0, 100, 0, 2, 0.05,
     "how freely words are chosen; 0: always the likeliest"},
    {"top-k", KNOB_INT, AT(top_k), 0, 1e6, 0, 200, 1, "choose among the K likeliest tokens; 0: off"},
    {"top-p", KNOB_REAL, AT(top_p), 0, 1, 0, 1, 0.01,
     "choose among the likeliest that make up this probability; 1: off"},
    {"min-p", KNOB_REAL, AT(min_p), 0, 1, 0, 0.5, 0.01,
     "drop what is less likely than this share of the likeliest; 0: off"},
    {"typical-p", KNOB_REAL, AT(typical_p), 0, 1, 0, 0, 0,
     "choose among the most typical that make up this probability; 1: off"},
    {"repetition-penalty", KNOB_REAL, AT(repetition_penalty), 0.01, 100, 0.8, 2, 0.01,
     "divide the scores of tokens already used; 1: off"},
    {"presence-penalty", KNOB_REAL, AT(presence_penalty), -100, 100, 0, 0, 0,
     "lower the scores of tokens already used; 0: off"},
    {"frequency-penalty", KNOB_REAL, AT(frequency_penalty), -100, 100, 0, 0, 0,
     "the same for every time they were used; 0: off"},
    {"no-repeat-ngram", KNOB_INT, AT(no_repeat_ngram), 0, 1e6, 0, 10, 1, "never repeat a run of N tokens; 0: off"},
    {"seed", KNOB_SEED, AT(seed), 0, 0, 0, 0, 0, "of the random numbers; the same seed gives the same text"},
    {"max-tokens", KNOB_INT, AT(max_tokens), 1, 1e6, 16, 2048, 16, "stop after N new tokens"},
    {"max-chars", KNOB_INT, AT(max_chars), 0, 1e9, 20, 2000, 20,
     "stop after N new characters (in a chat: where a sentence or word ends near it); 0: no limit"},
    {"stop", KNOB_STOP, AT(stops), 0, 0, 0, 0, 0,
     "stop before this text (\\n, \\t and \\\\ are understood); repeatable"},
    {"beams", KNOB_INT, AT(beams), 1, 64, 0, 0, 0, "beam search with N beams; 1: none"},
    {"early-stopping", KNOB_FLAG, AT(early_stopping), 0, 1, 0, 0, 0, "beam search ends once it has N finished texts"},
    {"length-penalty", KNOB_REAL, AT(length_penalty), -100, 100, 0, 0, 0, "beam search: above 0 favours longer texts"},
    {"eos", KNOB_EOS, AT(eos), 0, INT32_MAX, 0, 0, 0, "end at this token instead of the model's own; repeatable"},
    {"ignore-eos", KNOB_FLAG, AT(ignore_eos), 0, 1, 0, 0, 0, "go on after an end token"},
};

enum { N_KNOBS = sizeof knobs / sizeof *knobs };

size_t gen_n_knobs(void) {
    return N_KNOBS;
}

const gen_knob *gen_knob_at(size_t i) {
    return i < N_KNOBS ? &knobs[i] : NULL;
}

static bool same_name(const char *a, const char *b) {
    for (; *a && *b; a++, b++)
        if ((*a == '_' ? '-' : *a) != (*b == '_' ? '-' : *b)) return false;
    return *a == *b;
}

const gen_knob *gen_knob_find(const char *name) {
    for (size_t i = 0; i < N_KNOBS; i++)
        if (same_name(knobs[i].name, name)) return &knobs[i];
    return NULL;
}

static double *real_of(const gen_knob *k, const gen_settings *s) {
    return (double *)((char *)s + k->offset);
}

static int *int_of(const gen_knob *k, const gen_settings *s) {
    return (int *)((char *)s + k->offset);
}

static bool *flag_of(const gen_knob *k, const gen_settings *s) {
    return (bool *)((char *)s + k->offset);
}

// ---- reading

static int parse_number(const gen_knob *k, const char *text, double *value, error *err) {
    char *end;
    errno = 0;
    *value = strtod(text, &end);
    bool whole = k->kind == KNOB_REAL || *value == floor(*value);
    if (end != text && !*end && whole && *value >= k->min && *value <= k->max) return 0;
    return error_set(err, "%s is \"%s\"; it takes a %snumber from %.15g to %.15g", k->name, text,
                     k->kind == KNOB_REAL ? "" : "whole ", k->min, k->max);
}

static int parse_flag(const gen_knob *k, const char *text, bool *value, error *err) {
    static const char *const words[][2] = {{"off", "on"}, {"no", "yes"}, {"false", "true"}, {"0", "1"}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        for (int v = 0; v < 2; v++)
            if (strcmp(text, words[i][v]) == 0) {
                *value = v;
                return 0;
            }
    return error_set(err, "%s is \"%s\"; it takes on or off", k->name, text);
}

static int parse_seed(const gen_knob *k, const char *text, gen_settings *s, error *err) {
    if (strcmp(text, "random") == 0) {
        s->seed_given = false;
        return 0;
    }
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end || errno)
        return error_set(err, "%s is \"%s\"; it takes a whole number from 0 to 18446744073709551615, or random",
                         k->name, text);
    s->seed = value;
    s->seed_given = true;
    return 0;
}

// What a backslash and c stand for; 0 for other letters.
static char unescape(char c) {
    switch (c) {
    case 'n': return '\n';
    case 't': return '\t';
    case '\\': return '\\';
    default: return 0;
    }
}

// Adds a stop string; the empty one removes all.
static int parse_stop(const gen_knob *k, const char *text, gen_settings *s, error *err) {
    char out[GEN_MAX_STOP_BYTES];
    size_t n = 0;
    if (!*text) {
        s->n_stops = 0;
        return 0;
    }
    if (s->n_stops == GEN_MAX_STOPS) return error_set(err, "%s: at most %d texts are possible", k->name, GEN_MAX_STOPS);
    for (const char *p = text; *p; p++) {
        char c = *p;
        if (c == '\\' && unescape(p[1])) c = unescape(*++p);
        if (n == GEN_MAX_STOP_BYTES - 1)
            return error_set(err, "%s: a text of more than %d bytes is not possible", k->name, GEN_MAX_STOP_BYTES - 1);
        out[n++] = c;
    }
    if (!utf8_valid(out, n)) return error_set(err, "%s: the text is not valid UTF-8", k->name);
    memcpy(s->stops[s->n_stops], out, n);
    s->stops[s->n_stops++][n] = '\0';
    return 0;
}

// Adds ids, separated by commas; the empty text removes all.
static int parse_eos(const gen_knob *k, const char *text, gen_settings *s, error *err) {
    if (!*text) {
        s->n_eos = 0;
        return 0;
    }
    for (const char *p = text;;) {
        char *end;
        errno = 0;
        long id = strtol(p, &end, 10);
        if (*p < '0' || *p > '9' || errno || id > INT32_MAX || (*end && *end != ','))
            return error_set(err, "%s is \"%s\"; it takes token ids, separated by commas", k->name, text);
        if (s->n_eos == GEN_MAX_EOS) return error_set(err, "%s: at most %d ids are possible", k->name, GEN_MAX_EOS);
        s->eos[s->n_eos++] = (int32_t)id;
        if (!*end) return 0;
        p = end + 1;
    }
}

int gen_knob_parse(const gen_knob *k, const char *text, gen_settings *s, error *err) {
    double value;
    switch (k->kind) {
    case KNOB_REAL:
        if (parse_number(k, text, &value, err) != 0) return -1;
        *real_of(k, s) = value;
        return 0;
    case KNOB_INT:
        if (parse_number(k, text, &value, err) != 0) return -1;
        *int_of(k, s) = (int)value;
        return 0;
    case KNOB_FLAG: return parse_flag(k, text, flag_of(k, s), err);
    case KNOB_SEED: return parse_seed(k, text, s, err);
    case KNOB_STOP: return parse_stop(k, text, s, err);
    case KNOB_EOS: return parse_eos(k, text, s, err);
    }
    return -1;
}

// ---- numbers for sliders

double gen_knob_get(const gen_knob *k, const gen_settings *s) {
    switch (k->kind) {
    case KNOB_REAL: return *real_of(k, s);
    case KNOB_INT: return *int_of(k, s);
    case KNOB_FLAG: return *flag_of(k, s);
    default: return 0;
    }
}

void gen_knob_set(const gen_knob *k, gen_settings *s, double value) {
    if (isnan(value)) return;
    value = value < k->min ? k->min : value > k->max ? k->max : value;
    switch (k->kind) {
    case KNOB_REAL: *real_of(k, s) = value; break;
    case KNOB_INT: *int_of(k, s) = (int)lround(value); break;
    case KNOB_FLAG: *flag_of(k, s) = value >= 0.5; break;
    default: break;
    }
}

// ---- writing

static void print_stops(const gen_settings *s, buf *out) {
    if (s->n_stops == 0) buf_puts(out, "none");
    for (int i = 0; i < s->n_stops; i++) {
        if (i > 0) buf_puts(out, ", ");
        buf_json_string(out, s->stops[i], strlen(s->stops[i]));
    }
}

static void print_eos(const gen_settings *s, buf *out) {
    if (s->n_eos == 0) buf_puts(out, "the model's");
    for (int i = 0; i < s->n_eos; i++) buf_printf(out, "%s%d", i > 0 ? "," : "", s->eos[i]);
}

void gen_knob_print(const gen_knob *k, const gen_settings *s, buf *out) {
    switch (k->kind) {
    case KNOB_REAL: buf_printf(out, "%.6g", *real_of(k, s)); break;
    case KNOB_INT: buf_printf(out, "%d", *int_of(k, s)); break;
    case KNOB_FLAG: buf_puts(out, *flag_of(k, s) ? "on" : "off"); break;
    case KNOB_SEED:
        if (s->seed_given)
            buf_printf(out, "%llu", (unsigned long long)s->seed);
        else
            buf_puts(out, "random");
        break;
    case KNOB_STOP: print_stops(s, out); break;
    case KNOB_EOS: print_eos(s, out); break;
    }
}

// ---- knobs that others put out of action

static bool is_off(const gen_knob *k, const gen_settings *s) {
    switch (k->kind) {
    case KNOB_REAL: return *real_of(k, s) == (k->offset == AT(top_p) || k->offset == AT(typical_p) ? 1 : 0);
    case KNOB_INT: return *int_of(k, s) == 0;
    case KNOB_FLAG: return !*flag_of(k, s);
    case KNOB_SEED: return !s->seed_given;
    case KNOB_STOP: return s->n_stops == 0;
    case KNOB_EOS: return s->n_eos == 0;
    }
    return false;
}

const char *gen_knob_idle(const gen_knob *k, const gen_settings *s) {
    bool filters = k->offset == AT(top_k) || k->offset == AT(top_p) || k->offset == AT(min_p) ||
                   k->offset == AT(typical_p) || k->offset == AT(seed);
    bool of_texts = k->offset == AT(stops) || k->offset == AT(max_chars);
    bool of_beams = k->offset == AT(early_stopping) || k->offset == AT(length_penalty);
    if (is_off(k, s)) return NULL;
    if (of_beams && s->beams == 1) return "only beam search knows it (beams)";
    if (k->offset == AT(eos) && s->ignore_eos) return "ignore-eos is on";
    if (s->beams > 1 && (filters || k->offset == AT(temperature))) return "beam search takes the likeliest texts";
    if (s->beams > 1 && of_texts) return "beam search looks at tokens, not at text";
    if (filters && s->temperature == 0) return "temperature 0 always takes the likeliest token";
    return NULL;
}
