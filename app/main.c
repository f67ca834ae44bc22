// doppel: chat with a language model in the terminal, tune its sampling while it answers, teach it your voice.
// This file finds the command; `doppel` alone, or with options only, is the chat.
#include "app/commands.h"
#include "app/options.h"
#include "app/report.h"
#include "model/base/fault.h"
#include "model/math/blas.h"

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define DOPPEL_VERSION "0.1"

typedef struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *help;
} command;

static const command commands[] = {
    {"chat", cmd_chat, "chat on the full screen, or line by line with --plain (what doppel alone does)"},
    {"run", cmd_run, "stream a completion of a prompt"},
    {"tokenize", cmd_tokenize, "text to token ids, and back"},
    {"score", cmd_score, "log-probabilities of a text, loss and perplexity"},
    {"embed", cmd_embed, "sentence embeddings of the lines of a file"},
    {"search", cmd_search, "passages of files that are nearest in meaning to a question"},
    {"models", cmd_models, "list, show, fetch and remove models"},
    {"import", cmd_import, "read chat logs and texts of any format"},
    {"train", cmd_train, "teach a model from chat logs or texts"},
    {"adapters", cmd_adapters, "list, show and remove adapters"},
    {"sessions", cmd_sessions, "list, search, show, export and remove conversations"},
    {"export", cmd_export, "adapters and merged models for other programs"},
    {"forget", cmd_forget, "remove a person's messages from the stored data"},
    {"bench", cmd_bench, "measure this machine, and doppel on it"},
    {NULL, NULL, NULL},
};

enum { N_COMMANDS = sizeof commands / sizeof *commands - 1 };

static const command *find(const char *name) {
    for (const command *c = commands; c->name; c++)
        if (strcmp(c->name, name) == 0) return c;
    return NULL;
}

static int print_help(void) {
    printf("usage: doppel [chat] [options]\n       doppel COMMAND [options] [arguments]\n\nCommands:\n");
    for (const command *c = commands; c->name; c++) printf("  %-10s %s\n", c->name, c->help);
    printf("\n`doppel COMMAND -h` explains one.\n");
    return EXIT_DONE;
}

static int unknown(const char *name) {
    const char *names[N_COMMANDS + 1] = {0};
    for (int i = 0; i < N_COMMANDS; i++) names[i] = commands[i].name;
    const char *near = options_nearest(name, names);
    if (near) return report_usage("unknown command \"%s\"; is \"%s\" meant?", name, near);
    return report_usage("unknown command \"%s\"; `doppel --help` lists them", name);
}

// A closed descriptor 0, 1 or 2 would become the next file that is opened, and that file our input or output.
static void fill_standard_descriptors(void) {
    int fd;
    do fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= 2);
    if (fd > 2) close(fd);
}

// What a command wrote may still wait in stdio's buffer, and the disk behind it be full.
static int after_flush(int code) {
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout)) return code;
    if (code != EXIT_DONE) return code;
    return report_failure("standard output: %s", errno ? strerror(errno) : "not everything could be written");
}

static int run(int argc, char **argv) {
    const char *first = argc > 1 ? argv[1] : "chat";
    if (strcmp(first, "-h") == 0 || strcmp(first, "--help") == 0 || strcmp(first, "help") == 0) return print_help();
    if (strcmp(first, "--version") == 0) {
        printf("doppel %s\n", DOPPEL_VERSION);
        return EXIT_DONE;
    }
    const command *c = find(*first == '-' ? "chat" : first);
    if (!c) return unknown(first);
    return *first == '-' || argc < 2 ? c->run(argc, argv) : c->run(argc - 1, argv + 1);
}

int main(int argc, char **argv) {
    fill_standard_descriptors();
    fault_install();
    blas_prepare();
    // Characters are as wide as the person's locale says; numbers stay as C writes them.
    setlocale(LC_CTYPE, "");
    return after_flush(run(argc, argv));
}
