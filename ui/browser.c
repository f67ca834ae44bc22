#include "ui/browser.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WHEEL_ROWS = 3, ESCAPE = 0x1b };

// ---- reading a folder

static void forget_entries(browser *b) {
    for (size_t i = 0; i < b->n_entries; i++) free(b->entries[i].name);
    b->n_entries = b->n_shown = b->selected = b->top = 0;
}

static int by_kind_and_name(const void *a, const void *b) {
    const browser_entry *x = a, *y = b;
    if (x->is_folder != y->is_folder) return x->is_folder ? -1 : 1;
    int order = strcasecmp(x->name, y->name);
    return order ? order : strcmp(x->name, y->name);
}

// Whatever is no file or folder (a device, a pipe, a dangling link) is left out.
static void add_entry(browser *b, int folder, const char *name) {
    struct stat s;
    if (strcmp(name, ".") == 0 || fstatat(folder, name, &s, 0) != 0 || !(S_ISDIR(s.st_mode) || S_ISREG(s.st_mode)))
        return;
    if (strcmp(name, "..") == 0 && strcmp(b->folder, "/") == 0) return;
    b->entries = mem_reserve(b->entries, &b->cap_entries, b->n_entries + 1, sizeof *b->entries);
    b->entries[b->n_entries++] = (browser_entry){
        .name = mem_strdup(name), .is_folder = S_ISDIR(s.st_mode), .bytes = s.st_size, .changed = s.st_mtime};
}

static bool matches(const browser *b, const browser_entry *e) {
    const char *typed = buf_str(&b->typed);
    if (strcmp(e->name, "..") == 0) return !*typed || strcmp(typed, "..") == 0;
    if (e->name[0] == '.' && typed[0] != '.') return false;
    return !*typed || strcasestr(e->name, typed);
}

// The exact name, else the first that begins with what is typed, else the first is selected.
static void narrow(browser *b) {
    const char *typed = buf_str(&b->typed);
    bool found_start = false;
    b->n_shown = b->selected = b->top = 0;
    b->shown = mem_reserve(b->shown, &b->cap_shown, b->n_entries + 1, sizeof *b->shown);
    for (size_t i = 0; i < b->n_entries; i++) {
        const char *name = b->entries[i].name;
        if (!matches(b, &b->entries[i])) continue;
        bool is_start = *typed && strncmp(name, typed, b->typed.len) == 0;
        if (strcmp(name, typed) == 0 || (is_start && !found_start)) b->selected = b->n_shown;
        found_start = found_start || is_start;
        b->shown[b->n_shown++] = i;
    }
    if (!*typed && b->n_shown > 1 && strcmp(b->entries[b->shown[0]].name, "..") == 0) b->selected = 1;
}

// 0, or -1 with a message; then nothing has changed.
static int enter(browser *b, const char *folder) {
    char *real = realpath(folder, NULL);
    DIR *d = real ? opendir(real) : NULL;
    if (!d) {
        error_set(&b->err, "%s: cannot be opened: %s", folder, strerror(errno));
        free(real);
        return -1;
    }
    free(b->folder);
    b->folder = real;
    forget_entries(b);
    for (struct dirent *e; (e = readdir(d));) add_entry(b, dirfd(d), e->d_name);
    closedir(d);
    if (b->n_entries) qsort(b->entries, b->n_entries, sizeof *b->entries, by_kind_and_name);
    buf_clear(&b->typed);
    narrow(b);
    return 0;
}

void browser_show(browser *b, const char *folder) {
    char *path = mem_strdup(folder && *folder ? folder : ".");
    buf_clear(&b->typed);
    while (enter(b, path) != 0 && strchr(path, '/') && strcmp(path, "/") != 0) {
        char *slash = strrchr(path, '/');
        slash[slash == path] = '\0';
    }
    if (!b->folder) enter(b, "/");
    b->err.text[0] = '\0';
    free(path);
}

void browser_close(browser *b) {
    forget_entries(b);
    free(b->entries);
    free(b->shown);
    free(b->folder);
    buf_free(&b->typed);
    *b = (browser){0};
}

static void join(const browser *b, const char *name, buf *out) {
    buf_puts(out, b->folder);
    if (strcmp(b->folder, "/") != 0) buf_putc(out, '/');
    buf_puts(out, name);
}

static int enter_child(browser *b, const char *name) {
    buf path = {0};
    join(b, name, &path);
    int failed = enter(b, buf_str(&path));
    buf_free(&path);
    return failed;
}

// Going up, the folder that was left is selected.
static void go_up(browser *b) {
    char *left = mem_strdup(strrchr(b->folder, '/') + 1);
    if (*left && enter_child(b, "..") == 0)
        for (size_t i = 0; i < b->n_shown; i++)
            if (strcmp(b->entries[b->shown[i]].name, left) == 0) b->selected = i;
    free(left);
}

// ---- typing

// What is typed ends in '/': the folder of that name.
static void enter_typed(browser *b) {
    char *name = mem_strndup(b->typed.data, b->typed.len - 1);
    const char *home = getenv("HOME");
    int failed;
    if (!*name)
        failed = enter(b, "/");
    else if (strcmp(name, "~") == 0 && home && *home)
        failed = enter(b, home);
    else
        failed = enter_child(b, name);
    if (failed) {
        b->typed.len--;
        b->typed.data[b->typed.len] = '\0';
    }
    free(name);
}

static void type(browser *b, const char *bytes, size_t n) {
    buf_append(&b->typed, bytes, n);
    if (b->typed.data[b->typed.len - 1] == '/')
        enter_typed(b);
    else
        narrow(b);
}

static void erase(browser *b) {
    if (b->typed.len == 0) {
        go_up(b);
        return;
    }
    do b->typed.len--;
    while (b->typed.len > 0 && ((unsigned char)b->typed.data[b->typed.len] & 0xc0) == 0x80);
    b->typed.data[b->typed.len] = '\0';
    narrow(b);
}

// A path in one line, in quotes if need be, as file managers put it on the clipboard.
static void paste(browser *b, const char *s, size_t n) {
    while (n > 0 && strchr(" \t\r\n'\"", s[n - 1])) n--;
    while (n > 0 && strchr(" \t'\"", *s)) s++, n--;
    if (n > 7 && strncmp(s, "file://", 7) == 0) s += 7, n -= 7;
    if (memchr(s, '\n', n) || memchr(s, '\0', n) || n > PATH_MAX) return;
    if (n > 0 && (*s == '/' || *s == '~')) buf_clear(&b->typed);
    for (size_t i = 0; i < n;) {
        size_t end = i;
        while (end < n && s[end] != '/') end++;
        if (end < n) end++;
        type(b, s + i, end - i);
        if (b->err.text[0]) return;
        i = end;
    }
}

// What all names that begin with what is typed have in common; a single folder is entered.
static void complete(browser *b) {
    const char *typed = buf_str(&b->typed), *first = NULL;
    size_t same = 0, n = 0;
    bool is_folder = false;
    for (size_t i = 0; i < b->n_shown; i++) {
        const browser_entry *e = &b->entries[b->shown[i]];
        if (strncmp(e->name, typed, b->typed.len) != 0 || strcmp(e->name, "..") == 0) continue;
        if (!first) {
            first = e->name;
            same = strlen(first);
        }
        size_t common = 0;
        while (common < same && e->name[common] == first[common]) common++;
        same = common;
        is_folder = e->is_folder;
        n++;
    }
    while (n > 0 && same > 0 && ((unsigned char)first[same] & 0xc0) == 0x80) same--;
    if (n == 0 || b->typed.len == 0) return;
    char *rest = mem_strndup(first + b->typed.len, same > b->typed.len ? same - b->typed.len : 0);
    if (*rest) type(b, rest, strlen(rest));
    if (n == 1 && is_folder) type(b, "/", 1);
    free(rest);
}

// ---- keys and mouse

static browser_entry *selected_entry(const browser *b) {
    return b->selected < b->n_shown ? &b->entries[b->shown[b->selected]] : NULL;
}

static size_t count_marked(const browser *b) {
    size_t n = 0;
    for (size_t i = 0; i < b->n_entries; i++) n += b->entries[i].is_marked;
    return n;
}

static browser_result open_selected(browser *b) {
    browser_entry *e = selected_entry(b);
    if (count_marked(b)) return BROWSER_CHOSEN;
    if (!e) {
        error_set(&b->err, "nothing here is called that");
    } else if (!e->is_folder) {
        return BROWSER_CHOSEN;
    } else if (strcmp(e->name, "..") == 0) {
        go_up(b);
    } else {
        enter_child(b, e->name);
    }
    return BROWSER_TAKEN;
}

static void move_by(browser *b, int by) {
    if (by < 0)
        b->selected -= (size_t)-by > b->selected ? b->selected : (size_t)-by;
    else
        b->selected += (size_t)by;
    if (b->n_shown && b->selected >= b->n_shown) b->selected = b->n_shown - 1;
}

static void mark(browser *b) {
    browser_entry *e = selected_entry(b);
    if (!e || strcmp(e->name, "..") == 0) return;
    e->is_marked = !e->is_marked;
    move_by(b, 1);
}

static browser_result take_char(browser *b, uint32_t ch) {
    char bytes[4];
    if (ch == ESCAPE) {
        if (b->typed.len == 0) return BROWSER_LEFT;
        buf_clear(&b->typed);
        narrow(b);
    } else if (ch == '\r' || ch == '\n') {
        return open_selected(b);
    } else if (ch == '\t') {
        complete(b);
    } else if (ch == 0x7f || ch == '\b') {
        erase(b);
    } else if (ch == ' ' && b->typed.len == 0) {
        mark(b);
    } else if (ch >= 0x20 && !(ch >= 0x7f && ch < 0xa0)) {
        type(b, bytes, (size_t)utf8_encode(ch, bytes));
    } else {
        return BROWSER_IGNORED;
    }
    return BROWSER_TAKEN;
}

browser_result browser_key(browser *b, const key *k) {
    int page = b->list.rows > 1 ? b->list.rows - 1 : 1;
    b->err.text[0] = '\0';
    switch (k->code) {
    case KEYS_CHAR: return take_char(b, k->ch);
    case KEYS_PASTE: paste(b, k->paste, k->n_paste); break;
    case KEYS_UP: move_by(b, -1); break;
    case KEYS_DOWN: move_by(b, 1); break;
    case KEYS_PAGE_UP: move_by(b, -page); break;
    case KEYS_PAGE_DOWN: move_by(b, page); break;
    case KEYS_HOME: move_by(b, -INT_MAX); break;
    case KEYS_END: move_by(b, INT_MAX); break;
    case KEYS_LEFT: go_up(b); break;
    case KEYS_RIGHT:
        if (selected_entry(b) && selected_entry(b)->is_folder) return open_selected(b);
        break;
    default: return BROWSER_IGNORED;
    }
    return BROWSER_TAKEN;
}

browser_result browser_mouse(browser *b, const key *k) {
    b->err.text[0] = '\0';
    if (k->action == MOUSE_WHEEL_UP || k->action == MOUSE_WHEEL_DOWN) {
        move_by(b, k->action == MOUSE_WHEEL_UP ? -WHEEL_ROWS : WHEEL_ROWS);
        return BROWSER_TAKEN;
    }
    int row = k->row - b->list.row;
    size_t index = b->top + (size_t)(row > 0 ? row : 0);
    bool is_inside = row >= 0 && row < b->list.rows && k->col >= b->list.col && k->col < b->list.col + b->list.cols;
    if (k->action != MOUSE_PRESS || !is_inside || index >= b->n_shown) return BROWSER_IGNORED;
    if (index == b->selected) return open_selected(b);
    b->selected = index;
    return BROWSER_TAKEN;
}

char **browser_chosen(const browser *b, size_t *n) {
    size_t marked = count_marked(b);
    char **paths = mem_calloc(marked ? marked : 1, sizeof *paths);
    const browser_entry *selected = selected_entry(b);
    *n = 0;
    for (size_t i = 0; i < b->n_entries; i++) {
        const browser_entry *e = &b->entries[i];
        if (marked ? !e->is_marked : e != selected) continue;
        buf path = {0};
        join(b, e->name, &path);
        paths[(*n)++] = buf_take(&path);
    }
    return paths;
}
