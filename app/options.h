// Command-line options from a table: a command names its own, the common ones and the sampling knobs are known here.
//
// `--name value`, `--name=value`, `-m value`, `-mvalue`; letters without a value may stand together (-qh). `--` ends the
// options, a lone `-` is an argument (standard input). A later value replaces an earlier one, except in lists.
// `--help` is printed from the same table that is parsed, so that it cannot go stale.
#ifndef DOPPEL_OPTIONS_H
#define DOPPEL_OPTIONS_H

#include "model/gen/settings.h"

typedef enum option_kind {
    OPTION_FLAG, // bool *
    OPTION_TEXT, // const char **
    OPTION_INT,  // int *, min..max
    OPTION_REAL, // double *, min..max
    OPTION_LIST, // option_list *: every value given, in order
} option_kind;

typedef struct option_list {
    const char **items; // point into argv
    size_t n, cap;
} option_list;

// One option of a command. `out` holds the default before parsing. A table ends with a nameless entry.
typedef struct option {
    const char *name; // "ids": --ids
    char letter;      // 'o': -o; 0 for none
    option_kind kind;
    void *out;
    const char *value; // what the value is called in the help: "FILE"; NULL for flags
    const char *help;
    double min, max; // INT, REAL; both 0: any
} option;

// What a command is and takes.
enum {
    OPTIONS_MODEL = 1,    // -m and -t
    OPTIONS_ADAPTER = 2,  // -a
    OPTIONS_JSON = 4,     // --json
    OPTIONS_SAMPLING = 8, // the knobs of model/gen/settings.h
};

typedef struct option_help {
    const char *usage;      // "run [options] PROMPT"
    const char *about;      // one or more paragraphs; newlines are kept
    const char *more;       // printed after the options; may be NULL
    unsigned takes;         // OPTIONS_ flags; -q and -h are always known
    int min_args, max_args; // arguments besides options; max_args -1: any number
} option_help;

typedef struct options {
    const char *model;    // NULL: the default one (paths_model knows it)
    option_list adapters; // NAME[=STRENGTH]
    int threads;          // 0: all cores
    bool json, quiet;
    const char **args; // NULL-terminated
    int n_args;
    option_list knob_names, knob_texts; // sampling knobs as given, in order (options_settings)
    int exit_code;                      // when options_read returned false
} options;

// Reads argv[1..]. True: go on; free o with options_free. False: help was printed or one line of complaint; return
// o->exit_code. own may be NULL.
bool options_read(options *o, const option_help *help, const option *own, int argc, char **argv);
void options_free(options *o);
void option_list_push(option_list *l, const char *item); // item is not copied
void option_list_free(option_list *l);

// Lays the knobs given on the command line over s (all of them were checked by options_read).
void options_settings(const options *o, gen_settings *s);
bool options_knob_given(const options *o, const char *name);

// The name in names (NULL-terminated) nearest to a mistyped word; NULL when none is near.
const char *options_nearest(const char *word, const char *const *names);

#endif
