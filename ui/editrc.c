// el_source alone would not do: a "bind -v" in the file resets all bindings, ours included, and binding ours afterwards
// would override the user's. So the lines are obeyed one by one, and ours are bound again after each that switches
// modes. The sequences the file binds are noted, because the screen hands libedit only keys that mean something to it.
#include "ui/editrc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

// What today's terminals send and libedit does not know. In vi mode ESC ends the insertion, so there the rest of the
// sequence is bound in command mode, as libedit does with the arrow keys.
static const struct {
    const wchar_t *sequence, *emacs, *vi;
} DEFAULTS[] = {
    {L"\033[1;5C", L"em-next-word", L"vi-next-word"},
    {L"\033[1;5D", L"ed-prev-word", L"vi-prev-word"},
    {L"\033[1;3C", L"em-next-word", L"vi-next-word"},
    {L"\033[1;3D", L"ed-prev-word", L"vi-prev-word"},
    {L"\033[3~", L"ed-delete-next-char", L"ed-delete-next-char"},
    {L"\033[3;5~", L"em-delete-next-word", NULL},
    {L"\033[H", L"ed-move-to-beg", L"ed-move-to-beg"},
    {L"\033OH", L"ed-move-to-beg", L"ed-move-to-beg"},
    {L"\033[1~", L"ed-move-to-beg", L"ed-move-to-beg"},
    {L"\033[7~", L"ed-move-to-beg", L"ed-move-to-beg"},
    {L"\033[F", L"ed-move-to-end", L"ed-move-to-end"},
    {L"\033OF", L"ed-move-to-end", L"ed-move-to-end"},
    {L"\033[4~", L"ed-move-to-end", L"ed-move-to-end"},
    {L"\033[8~", L"ed-move-to-end", L"ed-move-to-end"},
};

bool editrc_is_vi(EditLine *el) {
    const wchar_t *mode = NULL;
    el_wget(el, EL_EDITOR, &mode);
    return mode && wcscmp(mode, L"vi") == 0;
}

static void bind_defaults(EditLine *el) {
    bool vi = editrc_is_vi(el);
    for (size_t i = 0; i < sizeof DEFAULTS / sizeof *DEFAULTS; i++) {
        if (!vi)
            el_wset(el, EL_BIND, DEFAULTS[i].sequence, DEFAULTS[i].emacs, NULL);
        else if (DEFAULTS[i].vi)
            el_wset(el, EL_BIND, L"-a", DEFAULTS[i].sequence + 1, DEFAULTS[i].vi, NULL);
    }
    if (!vi) el_wset(el, EL_BIND, L"^R", L"em-inc-search-prev", NULL);
}

// A key as "bind" spells it, to bytes: ^X, \e, \n and the like, \ooo, \c for any other c.
static void unescape(const char *s, buf *out) {
    static const char NAMES[] = "abefnrtv", VALUES[] = "\a\b\033\f\n\r\t\v";
    while (*s) {
        const char *name;
        if (s[0] == '^' && s[1]) {
            buf_putc(out, (char)(s[1] == '?' ? 0x7f : s[1] & 0x1f));
            s += 2;
        } else if (s[0] == '\\' && s[1] >= '0' && s[1] <= '7') {
            int value = 0, digits = 0;
            for (s++; digits < 3 && *s >= '0' && *s <= '7'; digits++) value = value * 8 + (*s++ - '0');
            buf_putc(out, (char)value);
        } else if (s[0] == '\\' && s[1]) {
            name = strchr(NAMES, s[1]);
            buf_putc(out, s[1] == 'E' ? '\033' : name ? VALUES[name - NAMES] : s[1]);
            s += 2;
        } else {
            buf_putc(out, *s++);
        }
    }
}

static void note_binding(editrc *rc, int argc, const char **argv) {
    if (argc < 2 || strcmp(argv[0], "bind") != 0) return;
    for (int i = 1; i < argc; i++) {
        if (argv[i][0] == '-' && argv[i][1]) continue;
        rc->bound = mem_reserve(rc->bound, &rc->cap_bound, rc->n_bound + 1, sizeof *rc->bound);
        rc->bound[rc->n_bound] = (buf){0};
        unescape(argv[i], &rc->bound[rc->n_bound++]);
        return;
    }
}

static FILE *open_file(void) {
    const char *path = getenv("EDITRC"), *home = getenv("HOME");
    if (path && *path) return fopen(path, "r");
    if (!home || !*home) return NULL;
    buf name = {0};
    buf_printf(&name, "%s/.editrc", home);
    FILE *f = fopen(name.data, "r");
    buf_free(&name);
    return f;
}

static void obey_line(editrc *rc, EditLine *el, Tokenizer *words, const char *line) {
    int argc;
    const char **argv;
    line += strspn(line, " \t\r\n");
    if (!*line || *line == '#') return;
    tok_reset(words);
    if (tok_str(words, line, &argc, &argv) != 0 || argc == 0) return;
    bool was_vi = editrc_is_vi(el), resets = argc == 2 && strcmp(argv[0], "bind") == 0 &&
                                             (strcmp(argv[1], "-v") == 0 || strcmp(argv[1], "-e") == 0);
    el_parse(el, argc, argv);
    if (resets || editrc_is_vi(el) != was_vi) bind_defaults(el);
    note_binding(rc, argc, argv);
}

void editrc_read(editrc *rc, EditLine *el) {
    el_wset(el, EL_EDITOR, L"emacs");
    bind_defaults(el);
    FILE *f = open_file();
    if (!f) return;
    Tokenizer *words = tok_init(NULL);
    char *line = NULL;
    size_t cap = 0;
    while (getline(&line, &cap, f) > 0) obey_line(rc, el, words, line);
    free(line);
    tok_end(words);
    fclose(f);
}

bool editrc_binds(const editrc *rc, const char *bytes, size_t n) {
    for (size_t i = 0; i < rc->n_bound; i++)
        if (rc->bound[i].len == n && memcmp(rc->bound[i].data, bytes, n) == 0) return true;
    return false;
}

void editrc_free(editrc *rc) {
    for (size_t i = 0; i < rc->n_bound; i++) buf_free(&rc->bound[i]);
    free(rc->bound);
    *rc = (editrc){0};
}
