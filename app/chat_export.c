// /save: the conversation as Markdown or plain text.
#define _POSIX_C_SOURCE 200809L
#include "app/chat.h"
#include "model/file/outfile.h"

#include <string.h>

static bool is_plain_text(const char *path) {
    size_t n = strlen(path);
    return n > 4 && strcmp(path + n - 4, ".txt") == 0;
}

// Markdown's blank line after a heading; in plain text the name and the time stand alone on a line.
static void write_turn(const chat_turn *t, bool plain, buf *out) {
    char when[32] = "";
    struct tm local;
    if (localtime_r(&t->time, &local)) strftime(when, sizeof when, "%Y-%m-%d %H:%M", &local);
    buf_printf(out, plain ? "%s, %s\n" : "**%s** (%s)\n\n", t->author, when);
    buf_append(out, buf_str(&t->text), t->text.len);
    if (t->stop == GEN_INTERRUPTED && t->kind == TURN_MODEL) buf_puts(out, plain ? " [stopped]" : " *[stopped]*");
    buf_puts(out, "\n\n");
}

int chat_export(const chat *c, const char *path, error *err) {
    bool plain = is_plain_text(path);
    buf out = {0};
    buf_printf(&out, plain ? "Chat with %s\n\n" : "# Chat with %s\n\n", c->model_name[0] ? c->model_name : "no model");
    if (c->system[0]) buf_printf(&out, plain ? "System: %s\n\n" : "> System: %s\n\n", c->system);
    for (size_t i = 0; i < c->n_turns; i++)
        if (c->turns[i].kind != TURN_NOTE) write_turn(&c->turns[i], plain, &out);
    int failed = outfile_replace(path, buf_str(&out), out.len, err);
    buf_free(&out);
    return failed;
}
