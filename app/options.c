// Parsing and printing the option table.
//
// A command's own options, the common ones and the knobs are three sources behind one type: `found` says which entry a
// word on the command line means, and `take` stores its value.
#include "app/options.h"
#include "app/report.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_COMMON = 8, HELP_COLUMN = 30, HELP_WIDTH = 80 };

typedef struct parser {
    options *o;
    const option_help *help;
    const option *own; // NULL or ended by a nameless entry
    option common[MAX_COMMON];
    size_t n_common;
    bool wants_help;
    gen_settings checked; // knob values are tried on this one
} parser;

typedef struct found {
    const option *option; // one of these two
    const gen_knob *knob;
} found;

void option_list_free(option_list *l) {
    free(l->items);
    *l = (option_list){0};
}

void option_list_push(option_list *l, const char *item) {
    l->items = mem_reserve(l->items, &l->cap, l->n + 1, sizeof *l->items);
    l->items[l->n++] = item;
}

void options_free(options *o) {
    option_list_free(&o->adapters);
    option_list_free(&o->knob_names);
    option_list_free(&o->knob_texts);
    free(o->args);
    *o = (options){0};
}

static void add_common(parser *p) {
    options *o = p->o;
    const struct {
        unsigned when;
        option option;
    } all[] = {
        {OPTIONS_MODEL,
         {"model", 'm', OPTION_TEXT, &o->model, "MODEL",
          "a name under models/, a .gguf file or a Hugging Face directory", 0, 0}},
        {OPTIONS_ADAPTER,
         {"adapter", 'a', OPTION_LIST, &o->adapters, "NAME[=X]", "an adapter and its strength; repeatable", 0, 0}},
        {OPTIONS_MODEL,
         {"threads", 't', OPTION_INT, &o->threads, "N", "compute threads; all cores unless given", 1, 1024}},
        {OPTIONS_JSON, {"json", 0, OPTION_FLAG, &o->json, NULL, "JSON lines on stdout, nothing else there", 0, 0}},
        {0, {"quiet", 'q', OPTION_FLAG, &o->quiet, NULL, "no notes on stderr, only errors", 0, 0}},
        {0, {"help", 'h', OPTION_FLAG, &p->wants_help, NULL, "this list", 0, 0}},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (!all[i].when || (p->help->takes & all[i].when)) p->common[p->n_common++] = all[i].option;
}

// ---- help

// Prints text in lines that end before HELP_WIDTH, indented by HELP_COLUMN from the second on.
static void print_wrapped(const char *text, size_t column) {
    while (*text) {
        size_t n = strcspn(text, " ");
        if (column + 1 + n > HELP_WIDTH && column > HELP_COLUMN) {
            printf("\n%*s", HELP_COLUMN, "");
            column = HELP_COLUMN;
        }
        if (column > HELP_COLUMN) column += (size_t)printf(" ");
        column += (size_t)printf("%.*s", (int)n, text);
        text += n + (text[n] == ' ');
    }
    printf("\n");
}

static void print_option(char letter, const char *name, const char *value, const char *text) {
    char letters[] = {'-', letter, ',', '\0'};
    size_t n = (size_t)printf("  %3s --%s%s%s", letter ? letters : "", name, value ? " " : "", value ? value : "");
    if (n + 2 > HELP_COLUMN) {
        printf("\n");
        n = 0;
    }
    printf("%*s", (int)(HELP_COLUMN - n), "");
    print_wrapped(text, HELP_COLUMN);
}

static void print_knobs(void) {
    static const char *const values[] = {[KNOB_REAL] = "X", [KNOB_INT] = "N",     [KNOB_FLAG] = NULL,
                                         [KNOB_SEED] = "N", [KNOB_STOP] = "TEXT", [KNOB_EOS] = "ID"};
    printf("\nSampling (these names also in config.json, /set and prompt templates):\n");
    for (size_t i = 0; i < gen_n_knobs(); i++) {
        const gen_knob *k = gen_knob_at(i);
        print_option(0, k->name, values[k->kind], k->help);
    }
}

static void print_help(const parser *p) {
    printf("usage: doppel %s\n\n%s\n\nOptions:\n", p->help->usage, p->help->about);
    for (const option *x = p->own; x && x->name; x++) print_option(x->letter, x->name, x->value, x->help);
    for (const option *x = p->common; x < p->common + p->n_common; x++)
        print_option(x->letter, x->name, x->value, x->help);
    if (p->help->takes & OPTIONS_SAMPLING) print_knobs();
    if (p->help->more) printf("\n%s\n", p->help->more);
}

// ---- complaints

static size_t min3(size_t a, size_t b, size_t c) {
    size_t m = a < b ? a : b;
    return m < c ? m : c;
}

// Levenshtein's distance: letters to insert, remove or replace.
static size_t distance(const char *a, const char *b) {
    enum { MAX = 40 };
    size_t n = strlen(b), row[MAX + 1];
    if (n > MAX) return MAX;
    for (size_t j = 0; j <= n; j++) row[j] = j;
    for (size_t i = 1; a[i - 1]; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= n; j++) {
            size_t above = row[j];
            row[j] = min3(above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1]));
            diagonal = above;
        }
    }
    return row[n];
}

const char *options_nearest(const char *word, const char *const *names) {
    const char *best = NULL;
    size_t least = strlen(word) < 5 ? 2 : 3; // farther than this is another word
    for (; *names; names++) {
        size_t d = distance(word, *names);
        if (d < least) {
            least = d;
            best = *names;
        }
    }
    return best;
}

// The first word of the usage line, which may stand in brackets.
static void command_name(const option_help *help, char *out, size_t size) {
    const char *word = help->usage + (*help->usage == '[');
    snprintf(out, size, "%.*s", (int)strcspn(word, " ]"), word);
}

static void complain_unknown(const parser *p, const char *name) {
    option_list names = {0};
    for (const option *x = p->own; x && x->name; x++) option_list_push(&names, x->name);
    for (size_t i = 0; i < p->n_common; i++) option_list_push(&names, p->common[i].name);
    if (p->help->takes & OPTIONS_SAMPLING)
        for (size_t i = 0; i < gen_n_knobs(); i++) option_list_push(&names, gen_knob_at(i)->name);
    option_list_push(&names, NULL);
    const char *near = options_nearest(name, names.items);
    char command[32];
    command_name(p->help, command, sizeof command);
    if (near)
        report_usage("unknown option --%s; is --%s meant?", name, near);
    else
        report_usage("unknown option --%s; `doppel %s -h` lists them", name, command);
    option_list_free(&names);
}

// ---- parsing

static bool take_number(const option *x, const char *value) {
    char *end;
    double number = strtod(value, &end);
    bool any = x->min == 0 && x->max == 0;
    bool whole = x->kind == OPTION_REAL || (number == floor(number) && fabs(number) <= INT32_MAX);
    if (end == value || *end || !isfinite(number) || !whole || (!any && (number < x->min || number > x->max))) {
        const char *kind = x->kind == OPTION_REAL ? "" : "whole ";
        if (any)
            report_usage("--%s is \"%s\"; it takes a %snumber", x->name, value, kind);
        else
            report_usage("--%s is \"%s\"; it takes a %snumber from %.15g to %.15g", x->name, value, kind, x->min,
                         x->max);
        return false;
    }
    if (x->kind == OPTION_INT)
        *(int *)x->out = (int)number;
    else
        *(double *)x->out = number;
    return true;
}

static bool take_knob(parser *p, const gen_knob *k, const char *value) {
    error err;
    if (gen_knob_parse(k, value, &p->checked, &err) != 0) {
        report_usage("--%s", err.text);
        return false;
    }
    option_list_push(&p->o->knob_names, k->name);
    option_list_push(&p->o->knob_texts, value);
    return true;
}

static bool take(parser *p, const found *f, const char *value) {
    if (f->knob) return take_knob(p, f->knob, value);
    switch (f->option->kind) {
    case OPTION_FLAG: *(bool *)f->option->out = true; return true;
    case OPTION_TEXT: *(const char **)f->option->out = value; return true;
    case OPTION_LIST: option_list_push(f->option->out, value); return true;
    case OPTION_INT:
    case OPTION_REAL: return take_number(f->option, value);
    }
    return false;
}

static bool is_flag(const found *f) {
    return f->knob ? f->knob->kind == KNOB_FLAG : f->option->kind == OPTION_FLAG;
}

static found find_name(const parser *p, const char *name) {
    for (const option *x = p->own; x && x->name; x++)
        if (strcmp(x->name, name) == 0) return (found){.option = x};
    for (size_t i = 0; i < p->n_common; i++)
        if (strcmp(p->common[i].name, name) == 0) return (found){.option = &p->common[i]};
    const gen_knob *k = p->help->takes & OPTIONS_SAMPLING ? gen_knob_find(name) : NULL;
    return (found){.knob = k};
}

static found find_letter(const parser *p, char letter) {
    for (const option *x = p->own; x && x->name; x++)
        if (x->letter == letter) return (found){.option = x};
    for (size_t i = 0; i < p->n_common; i++)
        if (p->common[i].letter == letter) return (found){.option = &p->common[i]};
    return (found){0};
}

// argv[*i] is "--name" or "--name=value"; takes the value from the next word if need be.
static bool parse_long(parser *p, char **argv, int *i) {
    const char *word = argv[*i] + 2, *equals = strchr(word, '=');
    char *name = equals ? mem_strndup(word, (size_t)(equals - word)) : mem_strdup(word);
    found f = find_name(p, name);
    const char *value = equals ? equals + 1 : NULL;
    bool ok = false;
    if (!f.option && !f.knob)
        complain_unknown(p, name);
    else if (is_flag(&f) && value && !f.knob)
        report_usage("--%s takes no value", name);
    else {
        if (!value) value = is_flag(&f) ? "on" : argv[*i + 1] ? argv[++*i] : NULL;
        if (value)
            ok = take(p, &f, value);
        else
            report_usage("--%s needs a value", name);
    }
    free(name);
    return ok;
}

// argv[*i] is "-x", "-xyz" (flags) or "-xVALUE".
static bool parse_letters(parser *p, char **argv, int *i) {
    for (const char *c = argv[*i] + 1; *c; c++) {
        found f = find_letter(p, *c);
        if (!f.option) {
            char command[32];
            command_name(p->help, command, sizeof command);
            report_usage("unknown option -%c; `doppel %s -h` lists them", *c, command);
            return false;
        }
        if (is_flag(&f)) {
            take(p, &f, NULL);
            continue;
        }
        const char *value = c[1] ? c + 1 : argv[*i + 1] ? argv[++*i] : NULL;
        if (!value) {
            report_usage("-%c needs a value", *c);
            return false;
        }
        return take(p, &f, value);
    }
    return true;
}

static bool parse(parser *p, int argc, char **argv) {
    bool ended = false;
    for (int i = 1; i < argc; i++) {
        const char *word = argv[i];
        if (ended || word[0] != '-' || !word[1])
            p->o->args[p->o->n_args++] = word;
        else if (strcmp(word, "--") == 0)
            ended = true;
        else if (!(word[1] == '-' ? parse_long(p, argv, &i) : parse_letters(p, argv, &i)))
            return false;
        if (p->wants_help) return true;
    }
    const option_help *h = p->help;
    if (p->o->n_args < h->min_args) {
        report_usage("something is missing: doppel %s", h->usage);
        return false;
    }
    if (h->max_args >= 0 && p->o->n_args > h->max_args) {
        const char *hint = h->max_args ? "quote a text of several words" : "a command comes before its options";
        report_usage("\"%s\" is one argument too many (%s): doppel %s", p->o->args[h->max_args], hint, h->usage);
        return false;
    }
    return true;
}

bool options_read(options *o, const option_help *help, const option *own, int argc, char **argv) {
    *o = (options){0};
    o->args = mem_calloc((size_t)argc + 1, sizeof *o->args);
    parser p = {.o = o, .help = help, .own = own, .checked = gen_settings_raw()};
    add_common(&p);
    bool ok = parse(&p, argc, argv);
    if (ok && !p.wants_help) return true;
    if (ok) print_help(&p);
    options_free(o);
    o->exit_code = ok ? EXIT_DONE : EXIT_USAGE;
    return false;
}

void options_settings(const options *o, gen_settings *s) {
    for (size_t i = 0; i < o->knob_names.n; i++)
        gen_knob_parse(gen_knob_find(o->knob_names.items[i]), o->knob_texts.items[i], s, NULL);
}

bool options_knob_given(const options *o, const char *name) {
    for (size_t i = 0; i < o->knob_names.n; i++)
        if (strcmp(o->knob_names.items[i], name) == 0) return true;
    return false;
}
