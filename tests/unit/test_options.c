// Command-line parsing. What it complains about goes to stderr; here only the outcome counts.
#include "app/options.h"
#include "tests/test.h"

#include <string.h>

typedef struct own_values {
    bool flag;
    const char *text;
    int number;
    double real;
    option_list list;
} own_values;

// Reads the words of `line`; the values land in *v and *o.
static bool parse(const char *line, unsigned takes, int max_args, own_values *v, options *o) {
    static char words[512];
    static char *argv[40];
    int argc = 1;
    argv[0] = "test";
    snprintf(words, sizeof words, "%s", line);
    for (char *w = strtok(words, " "); w; w = strtok(NULL, " ")) argv[argc++] = strcmp(w, "EMPTY") ? w : "";
    argv[argc] = NULL;
    *v = (own_values){.number = 7, .real = 0.5};
    const option own[] = {
        {"flag", 'f', OPTION_FLAG, &v->flag, NULL, "a flag", 0, 0},
        {"text", 'x', OPTION_TEXT, &v->text, "TEXT", "a text", 0, 0},
        {"number", 'n', OPTION_INT, &v->number, "N", "a number", 1, 9},
        {"real", 0, OPTION_REAL, &v->real, "X", "a real number", 0, 0},
        {"list", 'l', OPTION_LIST, &v->list, "ITEM", "a list", 0, 0},
        {0},
    };
    option_help help = {.usage = "test [options]", .about = "A test.", .takes = takes, .max_args = max_args};
    return options_read(o, &help, own, argc, argv);
}

static const unsigned everything = OPTIONS_MODEL | OPTIONS_ADAPTER | OPTIONS_JSON | OPTIONS_SAMPLING;

static void good(void) {
    own_values v;
    options o;
    OK(parse("", everything, 0, &v, &o) && o.n_args == 0 && !o.json && v.number == 7, "nothing");
    options_free(&o);
    OK(parse("-m one --model two --json -q -t 3 a - b", everything, -1, &v, &o), "common options");
    OK(!strcmp(o.model, "two") && o.json && o.quiet && o.threads == 3, "the last model wins");
    OK(o.n_args == 3 && !strcmp(o.args[1], "-") && !o.args[3], "arguments, - among them");
    options_free(&o);
    OK(parse("-a x=0.5 -a y", everything, 0, &v, &o) && o.adapters.n == 2 && !strcmp(o.adapters.items[0], "x=0.5"),
       "adapters repeat");
    options_free(&o);
    OK(parse("--text=a=b --number=9 --real -2.5 -f", 0, 0, &v, &o) && !strcmp(v.text, "a=b") && v.number == 9 &&
           v.real == -2.5 && v.flag,
       "values of every kind");
    options_free(&o);
    OK(parse("-fxword -n3 -qf", 0, 0, &v, &o) && !strcmp(v.text, "word") && v.number == 3 && v.flag && o.quiet,
       "letters together, values stuck to them");
    options_free(&o);
    OK(parse("--list a --list=b -lc --text EMPTY", 0, 0, &v, &o) && v.list.n == 3 && !strcmp(v.list.items[2], "c") &&
           !strcmp(v.text, ""),
       "a list, an empty value");
    option_list_free(&v.list);
    options_free(&o);
    OK(parse("--text --flag -- -f --nonsense", 0, -1, &v, &o) && !strcmp(v.text, "--flag") && !v.flag && o.n_args == 2,
       "a value may look like an option; -- ends the options");
    options_free(&o);
}

static void knobs(void) {
    own_values v;
    options o;
    OK(parse("--temperature 0.2 --top-k=5 --stop a --stop b --ignore-eos --presence-penalty -1 --temperature 0.3",
             everything, 0, &v, &o),
       "sampling knobs");
    gen_settings s = gen_settings_chat();
    options_settings(&o, &s);
    OK(s.temperature == 0.3 && s.top_k == 5 && s.n_stops == 2 && s.ignore_eos && s.presence_penalty == -1,
       "their values");
    OK(s.min_p == 0.05, "what was not given stays");
    OK(options_knob_given(&o, "top-k") && !options_knob_given(&o, "top-p"), "which were given");
    options_free(&o);
    OK(parse("--early-stopping=off", everything, 0, &v, &o), "a flag may be switched off");
    options_free(&o);
}

static void bad(void) {
    static const char *const lines[] = {
        "--nonsense",
        "--flag=yes",
        "--text",
        "-x",
        "-n",
        "-z",
        "--number 0",
        "--number 10",
        "--number 1.5",
        "--number x",
        "--real inf",
        "--real nan",
        "--real 1e999",
        "--number EMPTY",
        "-t 0",
        "-t -1",
        "--temperature hot",
        "--temperature",
        "--top-k -1",
        "one two",
        "--beams 0",
        "--=x",
        "---",
        "--seed 1.5",
        "--json=1",
        "--eos x",
    };
    own_values v;
    options o;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        OK(!parse(lines[i], everything, 1, &v, &o) && o.exit_code == 2, "\"%s\" is refused", lines[i]);
    OK(!parse("--json", 0, 0, &v, &o) && o.exit_code == 2, "an option that this command does not take");
    OK(!parse("--temperature 1", OPTIONS_MODEL, 0, &v, &o) && o.exit_code == 2, "a knob where nothing is sampled");
}

static void nearest(void) {
    static const char *const names[] = {"chat", "run", "score", "temperature", NULL};
    static const char *const cases[][2] = {
        {"rum", "run"}, {"caht", NULL}, {"scor", "score"}, {"char", "chat"}, {"tempreture", "temperature"},
        {"xyz", NULL},  {"", NULL}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *near = options_nearest(cases[i][0], names);
        OK(cases[i][1] ? near && !strcmp(near, cases[i][1]) : !near, "\"%s\" is near %s", cases[i][0],
           near ? near : "nothing");
    }
    char monster[5000];
    memset(monster, 'x', sizeof monster - 1);
    monster[sizeof monster - 1] = '\0';
    OK(!options_nearest(monster, names), "a very long word");
}

int main(void) {
    good();
    knobs();
    bad();
    nearest();
    return test_end();
}
