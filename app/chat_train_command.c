// /train WORD ...: one table for running and completion. What is no word of the table is a file to learn from.
#include "app/chat_impl.h"
#include "app/chat_train.h"
#include "app/options.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

// ---- words

typedef struct word_list {
    char **words;
    size_t n, cap;
} word_list;

static void free_words(word_list *l) {
    for (size_t i = 0; i < l->n; i++) free(l->words[i]);
    free(l->words);
}

// Words as a shell takes them: 'one word', "one word", one\ word.
static word_list split_words(const char *s) {
    word_list l = {0};
    while (*(s += strspn(s, " \t"))) {
        buf word = {0};
        char quote = 0;
        for (; *s && (quote || !strchr(" \t", *s)); s++) {
            if (quote ? *s == quote : *s == '"' || *s == '\'')
                quote = quote ? 0 : *s;
            else if (*s == '\\' && s[1] && quote != '\'')
                buf_putc(&word, *++s);
            else
                buf_putc(&word, *s);
        }
        l.words = mem_reserve(l.words, &l.cap, l.n + 1, sizeof *l.words);
        l.words[l.n++] = buf_take(&word);
    }
    return l;
}

// ~/ at the beginning is the home.
static void expand(char **word) {
    const char *home = getenv("HOME");
    if (!home || strncmp(*word, "~/", 2) != 0) return;
    buf path = {0};
    buf_printf(&path, "%s%s", home, *word + 1);
    free(*word);
    *word = buf_take(&path);
}

// ---- preparing

static unsigned tell_forecast(chat *c) {
    const tuning *t = c->tuning;
    if (t->stage != TUNING_READY || tuning_busy(t)) return CHAT_STATUS; // it is told when it is known
    buf text = {0};
    chat_train_forecast_line(t, &text);
    buf_remove(&text, text.len - 1, 1);
    chat_note(c, false, "%s", buf_str(&text));
    buf_free(&text);
    return CHAT_TURNS | CHAT_STATUS;
}

static unsigned run_files(chat *c, const char *args) {
    word_list l = {0};
    if (access(args, F_OK) == 0) {
        l.words = mem_calloc(1, sizeof *l.words);
        l.words[l.n++] = mem_strdup(args);
    } else {
        l = split_words(args);
    }
    for (size_t i = 0; i < l.n; i++) expand(&l.words[i]);
    unsigned flags = chat_train_files(c, (const char *const *)l.words, l.n);
    free_words(&l);
    return flags;
}

static unsigned run_paste(chat *c, const char *args) {
    (void)args;
    c->train->pasting = true;
    return chat_note(c, false, "Paste the text now; a line with a lone dot ends it.");
}

static unsigned run_imitate(chat *c, const char *args) {
    error err = {{0}};
    const char *whole[] = {args};
    if (!*args) return chat_note(c, true, "/train imitate takes a number of the list, a name, or all");
    // A name may have blanks in it.
    int rc = tuning_choose_words(c->tuning, whole, 1, &err);
    if (rc != 0 && strpbrk(args, " \t,")) {
        char *list = mem_strdup(args);
        for (char *s = list; (s = strchr(s, ',')); s++) *s = ' ';
        word_list l = split_words(list);
        rc = tuning_choose_words(c->tuning, (const char *const *)l.words, l.n, &err);
        free_words(&l);
        free(list);
    }
    if (rc != 0) return chat_note(c, true, "%s", err.text);
    c->train->described = false;
    return CHAT_STATUS;
}

static unsigned run_effort(chat *c, const char *args) {
    tuning_effort e;
    if (tuning_effort_find(args, &e) != 0) return chat_note(c, true, "/train effort takes quick, normal or thorough");
    tuning_set_effort(c->tuning, e);
    return tell_forecast(c);
}

static bool read_number(const char *args, double least, double most, double *out) {
    char *rest;
    *out = strtod(args, &rest);
    return rest != args && !*rest && *out >= least && *out <= most;
}

static unsigned run_rank(chat *c, const char *args) {
    double x;
    if (!read_number(args, TUNING_LEAST_RANK, TUNING_MOST_RANK, &x) || x != floor(x))
        return chat_note(c, true, "/train rank takes a whole number from %d to %d", TUNING_LEAST_RANK,
                         TUNING_MOST_RANK);
    tuning_set_rank(c->tuning, (int)x);
    return tell_forecast(c);
}

static unsigned run_rate(chat *c, const char *args) {
    double x;
    if (!read_number(args, TUNING_LEAST_RATE, TUNING_MOST_RATE, &x))
        return chat_note(c, true, "/train lr takes a number from %g to %g", TUNING_LEAST_RATE, TUNING_MOST_RATE);
    tuning_set_rate(c->tuning, x);
    return tell_forecast(c);
}

static unsigned run_name(chat *c, const char *args) {
    error err = {{0}};
    if (tuning_set_name(c->tuning, args, &err) != 0) return chat_note(c, true, "%s", err.text);
    return tell_forecast(c);
}

static unsigned run_scrub(chat *c, const char *args) {
    bool on = strcasecmp(args, "on") == 0;
    if (!on && strcasecmp(args, "off") != 0) return chat_note(c, true, "/train scrub takes on or off");
    tuning_set_scrub(c->tuning, on);
    if (tuning_busy(c->tuning)) c->train->described = false;
    return tell_forecast(c);
}

// ---- a running one

static unsigned none_runs(chat *c) {
    return chat_note(c, true, "nothing is in training here; /train FILE prepares one, /train list shows what there is");
}

static unsigned run_start(chat *c, const char *args) {
    (void)args;
    unsigned flags = chat_train_start(c);
    if (c->train->start_asked && c->train->has_pane)
        flags |= chat_note(c, false, "It starts as soon as its forecast is there.");
    return flags;
}

static unsigned run_pause(chat *c, const char *args) {
    (void)args;
    if (!chat_train_runs(c)) return none_runs(c);
    background_pause(c->background);
    return CHAT_STATUS;
}

static unsigned run_resume(chat *c, const char *args) {
    (void)args;
    if (!chat_train_runs(c)) return none_runs(c);
    background_go_on(c->background);
    return CHAT_STATUS;
}

static unsigned run_stop(chat *c, const char *args) {
    (void)args;
    if (!chat_train_runs(c)) return none_runs(c);
    background_stop(c->background);
    return CHAT_STATUS;
}

static unsigned run_discard(chat *c, const char *args) {
    (void)args;
    return chat_train_discard(c);
}

static unsigned run_try(chat *c, const char *args) {
    (void)args;
    return chat_train_try(c);
}

static unsigned run_wait(chat *c, const char *args) {
    (void)args;
    if (!chat_train_runs(c)) return none_runs(c);
    c->train->waiting = true;
    return CHAT_STATUS;
}

static unsigned run_attach(chat *c, const char *args) {
    error err = {{0}};
    if (!*args) return chat_note(c, true, "/train attach wants the name of a training; /train list shows them");
    if (background_attach(c->background, args, &err) != 0) return chat_note(c, true, "%s", err.text);
    return CHAT_STATUS;
}

static unsigned run_continue(chat *c, const char *args) {
    error err = {{0}};
    if (!*args) return chat_note(c, true, "/train continue wants the name of a training; /train list shows them");
    held_model *m = worker_hold_model(c->worker);
    int rc = background_resume_training(c->background, args, m, &err);
    held_model_drop(m);
    return rc != 0 ? chat_note(c, true, "%s", err.text) : CHAT_STATUS;
}

// ---- the table

typedef struct word {
    const char *name;
    const char *takes; // NULL: nothing may follow it
    const char *help;
    unsigned (*run)(chat *c, const char *args);
} word;

static const word words[] = {
    {"paste", NULL, "learn from pasted text, up to a line with a lone dot", run_paste},
    {"imitate", "N|NAME|all ...", "whose messages are learned", run_imitate},
    {"effort", "quick|normal|thorough", "how long it may take", run_effort},
    {"rank", "N", "size of the adapter (16)", run_rank},
    {"lr", "X", "learning rate (0.001)", run_rate},
    {"name", "NAME", "of the adapter", run_name},
    {"scrub", "on|off", "hide e-mail addresses, numbers and keys from the training", run_scrub},
    {"start", NULL, "begin what was prepared; a second training waits in line", run_start},
    {"pause", NULL, "until /train resume", run_pause},
    {"resume", NULL, "after a pause", run_resume},
    {"stop", NULL, "end it with everything saved", run_stop},
    {"discard", NULL, "end it and remove what it wrote", run_discard},
    {"try", NULL, "chat with what is learned so far", run_try},
    {"wait", NULL, "take no message until it has ended", run_wait},
    {"list", NULL, "all trainings: running, interrupted, done", chat_train_list},
    {"attach", "NAME", "show one that another doppel runs", run_attach},
    {"continue", "NAME", "go on with one that was interrupted", run_continue},
};

enum { N_WORDS = sizeof words / sizeof *words };

void chat_train_help(buf *out) {
    buf_puts(out, "/train                                how far it is, or what is prepared\n");
    buf_puts(out,
             "/train FILE ...                       read logs or texts; tell authors and what a training would cost\n");
    for (size_t i = 0; i < N_WORDS; i++) {
        buf usage = {0};
        buf_printf(&usage, "/train %s %s", words[i].name, words[i].takes ? words[i].takes : "");
        buf_printf(out, "%-36s  %s\n", buf_str(&usage), words[i].help);
        buf_free(&usage);
    }
}

const char *chat_train_word(size_t i) {
    return i < N_WORDS ? words[i].name : NULL;
}

unsigned chat_train_run(chat *c, const char *args) {
    size_t n = strcspn(args, " \t");
    const char *rest = args + n + strspn(args + n, " \t");
    if (!*args) return chat_train_show(c);
    for (size_t i = 0; i < N_WORDS; i++) {
        if (strlen(words[i].name) != n || strncmp(args, words[i].name, n) != 0) continue;
        if (!words[i].takes && *rest) return chat_note(c, true, "/train %s takes nothing after it", words[i].name);
        return words[i].run(c, rest);
    }
    return run_files(c, args);
}
