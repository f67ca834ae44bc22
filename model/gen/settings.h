// The knobs of generation: one struct, and one table that names them for the command line, the config file, /set,
// prompt templates and the sliders alike.
#ifndef DOPPEL_GEN_SETTINGS_H
#define DOPPEL_GEN_SETTINGS_H

#include "model/base/base.h"

enum { GEN_MAX_STOPS = 16, GEN_MAX_STOP_BYTES = 64, GEN_MAX_EOS = 64 };

typedef struct gen_settings {
    double temperature; // 0: greedy
    int top_k;          // 0: off
    double top_p, min_p, typical_p;
    double repetition_penalty, presence_penalty, frequency_penalty;
    int no_repeat_ngram; // 0: off
    uint64_t seed;
    bool seed_given;  // false: whoever starts a context takes one from the clock and shows it
    int max_tokens;   // new tokens
    int max_chars;    // new characters; 0: no limit
    bool whole_words; // the limit of characters is about where to end: at the end of a sentence or of a word near it
    int n_stops;
    char stops[GEN_MAX_STOPS][GEN_MAX_STOP_BYTES]; // NUL-terminated UTF-8
    int n_eos;
    int32_t eos[GEN_MAX_EOS]; // given by --eos: they replace the model's own
    bool ignore_eos;
    int beams; // 1: none
    bool early_stopping;
    double length_penalty;
} gen_settings;

gen_settings gen_settings_chat(void); // design 1's defaults for chat
gen_settings gen_settings_raw(void);  // and for run --raw

typedef enum knob_kind { KNOB_REAL, KNOB_INT, KNOB_FLAG, KNOB_SEED, KNOB_STOP, KNOB_EOS } knob_kind;

typedef struct gen_knob {
    const char *name; // "top-k": --top-k, /set top-k, "top-k" in config.json
    knob_kind kind;
    size_t offset;                              // in gen_settings
    double min, max;                            // what a value may be
    double slider_min, slider_max, slider_step; // slider_step 0: no slider
    const char *help;
} gen_knob;

size_t gen_n_knobs(void);
const gen_knob *gen_knob_at(size_t i);
const gen_knob *gen_knob_find(const char *name); // NULL when unknown; '_' and '-' are the same

// Reads a value as a person writes it ("0.7", "on"); -1 with a message that names the knob and its range.
int gen_knob_parse(const gen_knob *k, const char *text, gen_settings *s, error *err);
double gen_knob_get(const gen_knob *k, const gen_settings *s);       // REAL, INT, FLAG
void gen_knob_set(const gen_knob *k, gen_settings *s, double value); // clamped to min..max
void gen_knob_print(const gen_knob *k, const gen_settings *s, buf *out);

// Why the value that k has in s changes nothing, given the others ("beam search takes the likeliest texts"); NULL when it
// acts, or is switched off itself.
const char *gen_knob_idle(const gen_knob *k, const gen_settings *s);

#endif
