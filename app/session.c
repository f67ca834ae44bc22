#include "app/session.h"
#include "app/clean.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { TITLE_CHARACTERS = 60 };

void session_message_free(session_message *m) {
    free(m->author);
    free(m->text);
    free(m->model);
    free(m->setup);
    *m = (session_message){0};
}

void session_free(session *s) {
    for (size_t i = 0; i < s->n_messages; i++) session_message_free(&s->messages[i]);
    free(s->messages);
    free(s->title);
    free(s->system);
    free(s->model);
    free(s->setup);
    *s = (session){0};
}

static size_t chosen_after(const session *s, int parent) {
    for (size_t i = s->n_messages; i > 0; i--)
        if (s->messages[i - 1].parent == parent && s->messages[i - 1].chosen) return i - 1;
    return s->n_messages;
}

size_t session_path(const session *s, size_t *out) {
    size_t n = 0;
    for (int parent = 0; n < s->n_messages; n++) {
        size_t i = chosen_after(s, parent);
        if (i == s->n_messages) break;
        out[n] = i;
        parent = s->messages[i].number;
    }
    return n;
}

char *session_title(const char *text) {
    buf shown = {0};
    text += strspn(text, " \t\r\n");
    clean_text(text, strcspn(text, "\r\n"), &shown);
    const char *s = buf_str(&shown);
    size_t at = 0, space = 0;
    for (int i = 0; i < TITLE_CHARACTERS && at < shown.len; i++) {
        uint32_t c;
        int len = utf8_decode(s + at, shown.len - at, &c);
        if (c == ' ' || c == '\t') space = at;
        at += len > 0 ? (size_t)len : 1;
    }
    bool is_cut = at < shown.len;
    if (is_cut && space > at / 2) at = space;
    buf out = {0};
    buf_append(&out, s, at);
    while (out.len > 0 && strchr(" \t", out.data[out.len - 1])) buf_remove(&out, out.len - 1, 1);
    if (is_cut) buf_puts(&out, "…");
    buf_free(&shown);
    return buf_take(&out);
}

const char *session_when(int64_t time, char out[32]) {
    time_t t = (time_t)time;
    struct tm local;
    if (!localtime_r(&t, &local) || !strftime(out, 32, "%Y-%m-%d %H:%M", &local)) strcpy(out, "?");
    return out;
}
