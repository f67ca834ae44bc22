// The line REPL's loop: read a line, submit it, write until nothing runs any more.
#include "ui/repl.h"
#include "app/chat_background.h"
#include "app/chat_copies.h"
#include "app/chat_train.h"
#include "app/report.h"
#include "ui/farewell.h"
#include "ui/repl_input.h"
#include "ui/repl_output.h"
#include "ui/repl_signals.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct repl {
    chat *chat;
    repl_input *input;
    repl_output output;
    bool interactive;
    bool ended; // a signal says that this is the end
    int exit_code;
} repl;

static void on_interrupt(repl *r) {
    // The first Ctrl-C stops what runs; without a person to say more, it is also the end.
    chat_stop(r->chat);
    chat_train_interrupt(r->chat);
    if (!r->interactive) r->exit_code = EXIT_INTERRUPTED;
}

static void tell_progress(repl *r) {
    if (!chat_train_busy(r->chat)) return;
    buf text = {0};
    chat_train_progress(r->chat, &text);
    repl_output_progress(&r->output, buf_str(&text));
    buf_free(&text);
}

// What is copied is told with the answer that a script reads, however long reading the training text takes; a person can
// ask again.
static bool looks_for_copies(const repl *r) {
    return r->chat->looking_up || (!r->interactive && r->output.asked && chat_copies_reading(r->chat));
}

// Writes until nothing runs. False: leave.
static bool settle(repl *r) {
    repl_input_hush(r->input, true);
    struct pollfd fds[1 + CHAT_MAX_FDS] = {{.fd = signals_fd(), .events = POLLIN}};
    for (;;) {
        chat_pump(r->chat);
        if (repl_output_update(&r->output, r->chat) != 0) {
            r->exit_code = report_failure("standard output: %s", strerror(errno));
            return false;
        }
        if (!chat_busy(r->chat) && !chat_train_busy(r->chat) && !looks_for_copies(r))
            return r->exit_code != EXIT_INTERRUPTED;
        tell_progress(r);
        size_t n = 1 + chat_fds(r->chat, fds + 1);
        if (poll(fds, n, -1) < 0 && errno != EINTR) return false;
        unsigned came = signals_take();
        if (came & SIGNAL_INTERRUPT) on_interrupt(r);
        if (came & SIGNAL_END) {
            r->ended = true;
            return false;
        }
        if (came & SIGNAL_SUSPEND) repl_input_suspend(r->input);
        // Loading cannot be stopped: an interrupt there leaves.
        if (came & SIGNAL_INTERRUPT && r->chat->loading) return false;
    }
}

static bool wants_to_leave(repl *r) {
    buf line = {0};
    bool draft;
    printf("\n");
    input_event e = repl_input_read(r->input, "Leave doppel? y or n: ", NULL, &draft, &line);
    bool leave = e != INPUT_LINE && e != INPUT_INTERRUPT_TYPED;
    if (e == INPUT_LINE) leave = line.len > 0 && (line.data[0] == 'y' || line.data[0] == 'Y');
    r->ended |= e == INPUT_END;
    if (e == INPUT_EOF || e == INPUT_INTERRUPT) printf("\n");
    buf_free(&line);
    return leave;
}

static bool ends_with(const buf *b, const char *end) {
    size_t n = strlen(end);
    return b->len >= n && memcmp(b->data + b->len - n, end, n) == 0;
}

// A message of one or more lines: a backslash at the end of a line goes on, """ opens a block that """ closes.
static input_event read_message(repl *r, char *draft, buf *out) {
    buf prompt = {0}, line = {0};
    clean_text(r->chat->user_name, strlen(r->chat->user_name), &prompt);
    for (size_t i = 0; i < prompt.len; i++)
        if (prompt.data[i] == '\n') prompt.data[i] = ' ';
    buf_puts(&prompt, "> ");
    bool block = false, draft_shown = false;
    input_event e = repl_input_read(r->input, buf_str(&prompt), draft, &draft_shown, &line);
    if (e == INPUT_LINE && line.len >= 3 && memcmp(line.data, "\"\"\"", 3) == 0) {
        block = true;
        buf_remove(&line, 0, 3);
    }
    while (e == INPUT_LINE) {
        bool closed = block && ends_with(&line, "\"\"\""), continued = !block && ends_with(&line, "\\");
        if (closed) buf_remove(&line, line.len - 3, 3);
        if (continued) buf_remove(&line, line.len - 1, 1);
        buf_append(out, line.data, line.len);
        if (closed || (!block && !continued)) break;
        if (out->len) buf_putc(out, '\n');
        buf_clear(&line);
        e = repl_input_read(r->input, "... ", NULL, &draft_shown, &line);
    }
    buf_free(&line);
    buf_free(&prompt);
    // A block that the input's end cuts off is still a message.
    if (e == INPUT_EOF && out->len > 0) e = INPUT_LINE;
    return e;
}

static bool may_leave(repl *r) {
    unsigned flags = 0;
    return chat_train_may_leave(r->chat, &flags) || !settle(r);
}

// What is pasted is no message: line by line as it comes. False: leave.
static bool paste(repl *r) {
    buf line = {0};
    bool shown;
    input_event e = repl_input_read(r->input, "| ", NULL, &shown, &line);
    if (e == INPUT_LINE || e == INPUT_EOF) chat_train_paste_line(r->chat, e == INPUT_LINE ? buf_str(&line) : ".");
    if (e == INPUT_INTERRUPT || e == INPUT_INTERRUPT_TYPED) {
        printf("\n");
        chat_train_interrupt(r->chat);
    }
    r->ended |= e == INPUT_END;
    buf_free(&line);
    return e != INPUT_END && e != INPUT_FAILED && settle(r);
}

static bool trains_here(const chat *c) {
    return background_busy(c->background) && !background_look(c->background)->is_elsewhere;
}

// The input is at its end. A training that runs is waited for where nobody types, else it is asked about, once. False:
// leave.
static bool at_end(repl *r) {
    chat *c = r->chat;
    unsigned flags = 0;
    if (!r->interactive) {
        if (c->question != QUESTION_LEAVE && trains_here(c)) {
            c->train->waiting = true;
            settle(r);
        }
        return false;
    }
    printf("\n");
    return c->question != QUESTION_LEAVE && !chat_train_may_leave(c, &flags) && settle(r);
}

// One turn of the loop. False: leave.
static bool step(repl *r) {
    if (r->chat->train->pasting) return paste(r);
    buf text = {0};
    char *draft = chat_take_draft(r->chat);
    if (draft && strchr(draft, '\n') && !r->output.json) printf("%s\n", draft);
    input_event e = read_message(r, draft, &text);
    free(draft);
    bool go_on = true;
    switch (e) {
    case INPUT_LINE:
        r->output.asked = true;
        repl_input_remember(r->input, buf_str(&text));
        chat_submit(r->chat, buf_str(&text));
        go_on = settle(r) && !r->chat->quitting;
        break;
    case INPUT_INTERRUPT_TYPED: printf("\n"); break;
    case INPUT_INTERRUPT:
        if (!r->interactive) r->exit_code = EXIT_INTERRUPTED;
        go_on = r->interactive && (!wants_to_leave(r) || !may_leave(r));
        break;
    case INPUT_FAILED:
        repl_output_say(&r->output, true, "the input cannot be read, or a line of it is longer than 64 MB");
        go_on = false;
        break;
    case INPUT_END:
        r->ended = true;
        if (r->interactive) printf("\n");
        go_on = false;
        break;
    case INPUT_EOF: go_on = at_end(r);
    }
    buf_free(&text);
    return go_on;
}

static bool pump_meanwhile(void *arg) {
    repl *r = arg;
    chat_pump(r->chat);
    return repl_output_pending(&r->output, r->chat);
}

static void write_meanwhile(void *arg) {
    repl *r = arg;
    repl_output_update(&r->output, r->chat);
}

static bool has_unsent(const chat *c) {
    return c->n_turns > 0 && c->turns[c->n_turns - 1].waiting;
}

int repl_run(chat *c, const repl_options *o) {
    bool interactive = isatty(STDIN_FILENO) && !o->json;
    if (signals_open() != 0) return report_failure("cannot make a pipe: %s", strerror(errno));
    repl r = {.chat = c, .interactive = interactive};
    r.output = (repl_output){
        .json = o->json, .interactive = interactive, .terminal = isatty(STDOUT_FILENO), .quiet = o->quiet};
    r.input = repl_input_open(c, interactive, (repl_meanwhile){pump_meanwhile, write_meanwhile, &r});
    bool ready = settle(&r);
    // A script that named a model wants that one or none.
    if (!interactive && r.output.n_failed > 0) ready = false;
    while (ready && step(&r)) continue;
    if (!interactive && has_unsent(c)) repl_output_say(&r.output, true, "no model was there to answer");
    if (!interactive && r.exit_code == 0 && r.output.n_failed > 0) r.exit_code = EXIT_FAILED;
    fflush(stdout);
    repl_input_close(r.input);
    farewell_end_trainings(c, o->quiet);
    signals_close();
    if (r.ended) signals_die();
    return r.exit_code;
}
