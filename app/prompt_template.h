// Prompt templates: NAME.prompt files that turn an input into a prompt, for `doppel run --prompt NAME`.
//
//     # Lines like this one are comments.
//     about: one sentence for the list
//     mode: chat                 (or raw; as the model has it unless given)
//     system: You are brief.     (chat only)
//     temperature: 0.3           (any sampling knob by its name)
//     stop: \n
//     ---
//     Say this in plain words: {{input}}
//
// Above the line `---` stand settings, below it the text, in which {{input}} stands for what the person gave (it may
// stand there several times, or not at all). One newline at the end of the text is left out.
#ifndef DOPPEL_PROMPT_TEMPLATE_H
#define DOPPEL_PROMPT_TEMPLATE_H

#include "model/gen/settings.h"

typedef enum prompt_mode { PROMPT_AS_MODEL, PROMPT_RAW, PROMPT_CHAT } prompt_mode;

typedef struct prompt_template {
    prompt_mode mode;
    char *about, *system; // NULL: none
    char *text;
    bool wants_input; // {{input}} stands in the text
    struct prompt_knob {
        const gen_knob *knob;
        char *value;
    } * knobs; // in their order, values checked
    size_t n_knobs, cap_knobs;
} prompt_template;

// name: a file (its path has a slash or ends in .prompt), or NAME for NAME.prompt, looked for in the prompts/ folder of
// the configuration, then of the installation or the source tree the program was built in, then here. 0, or -1 with a
// message (no such template, or FILE:LINE: what is wrong). Free with prompt_template_free in both cases.
int prompt_template_load(prompt_template *t, const char *name, error *err);
// The same from text; name is for messages.
int prompt_template_parse(prompt_template *t, const char *text, const char *name, error *err);
void prompt_template_free(prompt_template *t);

// Lays the knobs over s.
void prompt_template_settings(const prompt_template *t, gen_settings *s);
// Appends the text with every {{input}} replaced by len bytes of input.
void prompt_template_fill(const prompt_template *t, const char *input, size_t len, buf *out);
// Appends "NAME  what it is about" lines for all templates that can be found; those found first hide others.
void prompt_template_list(buf *out);

#endif
