// Folders by the XDG rules, and models by name.
#include "app/paths.h"
#include "app/config.h"
#include "app/fetch.h"

#include <dirent.h>
#include <errno.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

// ---- folders

static const char *home(void) {
    const char *dir = getenv("HOME");
    if (dir && *dir) return dir;
    struct passwd *user = getpwuid(getuid());
    return user && user->pw_dir && *user->pw_dir ? user->pw_dir : NULL;
}

static void add_name(const char *name, buf *out) {
    if (name) buf_printf(out, "/%s", name);
}

// $xdg/doppel, else ~/fallback/doppel. The XDG rules have a relative path ignored.
static int xdg_dir(const char *xdg, const char *fallback, buf *out, error *err) {
    const char *dir = getenv(xdg);
    if (dir && *dir == '/') {
        buf_printf(out, "%s/doppel", dir);
        return 0;
    }
    if (!home()) return error_set(err, "no home directory is known; set HOME or %s", xdg);
    buf_printf(out, "%s/%s/doppel", home(), fallback);
    return 0;
}

int paths_data(const char *name, buf *out, error *err) {
    const char *dir = getenv("DOPPEL_HOME");
    if (dir && *dir)
        buf_puts(out, dir);
    else if (xdg_dir("XDG_DATA_HOME", ".local/share", out, err) != 0)
        return -1;
    add_name(name, out);
    return 0;
}

int paths_config(const char *name, buf *out, error *err) {
    if (xdg_dir("XDG_CONFIG_HOME", ".config", out, err) != 0) return -1;
    add_name(name, out);
    return 0;
}

int paths_make_dir(const char *path, error *err) {
    char *part = mem_strdup(path);
    int failed = 0;
    for (char *p = part + (*part == '/'); !failed; p++) {
        if (*p && *p != '/') continue;
        char end = *p;
        *p = '\0';
        if (*part && mkdir(part, 0700) != 0 && errno != EEXIST) failed = errno;
        *p = end;
        if (!end) break;
    }
    free(part);
    struct stat st;
    if (!failed && (stat(path, &st) != 0 || !S_ISDIR(st.st_mode))) failed = ENOTDIR;
    return failed ? error_set(err, "%s: cannot make this folder: %s", path, strerror(failed)) : 0;
}

// ---- models

typedef struct entry {
    char *name, *path;
} entry;

typedef struct entries {
    entry *items;
    size_t n, cap;
} entries;

static bool ends_with(const char *s, const char *end) {
    size_t n = strlen(s), m = strlen(end);
    return n >= m && strcasecmp(s + n - m, end) == 0;
}

// A file, or a directory with a config.json in it.
static bool is_model(const char *path) {
    struct stat st;
    if (stat(path, &st) != 0) return false;
    if (!S_ISDIR(st.st_mode)) return true;
    buf config = {0};
    buf_printf(&config, "%s/config.json", path);
    bool is = stat(buf_str(&config), &st) == 0;
    buf_free(&config);
    return is;
}

static int by_name(const void *a, const void *b) {
    return strcmp(((const entry *)a)->name, ((const entry *)b)->name);
}

static entries list_models(void) {
    entries list = {0};
    buf dir = {0};
    DIR *d = paths_data("models", &dir, NULL) == 0 ? opendir(buf_str(&dir)) : NULL;
    for (struct dirent *e; d && (e = readdir(d));) {
        if (e->d_name[0] == '.') continue;
        buf path = {0};
        buf_printf(&path, "%s/%s", buf_str(&dir), e->d_name);
        struct stat st;
        bool is_dir = stat(buf_str(&path), &st) == 0 && S_ISDIR(st.st_mode);
        if (is_model(buf_str(&path)) && (is_dir || ends_with(e->d_name, ".gguf"))) {
            list.items = mem_reserve(list.items, &list.cap, list.n + 1, sizeof *list.items);
            list.items[list.n++] = (entry){mem_strdup(e->d_name), buf_take(&path)};
        }
        buf_free(&path);
    }
    if (d) closedir(d);
    buf_free(&dir);
    if (list.n) qsort(list.items, list.n, sizeof *list.items, by_name);
    return list;
}

static void entries_free(entries *list) {
    for (size_t i = 0; i < list->n; i++) {
        free(list->items[i].name);
        free(list->items[i].path);
    }
    free(list->items);
}

void paths_models(paths_model_fn fn, void *arg) {
    entries list = list_models();
    for (size_t i = 0; i < list.n; i++) fn(arg, list.items[i].name, list.items[i].path);
    entries_free(&list);
}

static bool names_whole(const char *entry_name, const char *name) {
    size_t n = strlen(name);
    return strncasecmp(entry_name, name, n) == 0 && (!entry_name[n] || strcasecmp(entry_name + n, ".gguf") == 0);
}

// The entry that name means: the whole name, else the only one that begins with it. *n_found: how many did.
static const entry *find_model(const entries *list, const char *name, size_t *n_found) {
    const entry *found = NULL;
    *n_found = 0;
    for (size_t i = 0; i < list->n; i++)
        if (names_whole(list->items[i].name, name)) return &list->items[i];
    for (size_t i = 0; i < list->n; i++)
        if (strncasecmp(list->items[i].name, name, strlen(name)) == 0) {
            found = &list->items[i];
            ++*n_found;
        }
    return *n_found == 1 ? found : NULL;
}

static int no_such_model(const char *name, size_t n_found, error *err) {
    buf dir = {0};
    paths_data("models", &dir, NULL);
    if (n_found > 1)
        error_set(err, "%s: %zu models under %s begin with this name; write more of it", name, n_found, buf_str(&dir));
    else
        error_set(err, "%s: no such file, and no model of this name under %s; `doppel models` lists what is there",
                  name, buf_str(&dir));
    buf_free(&dir);
    return -1;
}

static int choose_default(const entries *list, buf *out, error *err) {
    size_t n_found;
    const entry *e = find_model(list, fetch_default()->file, &n_found);
    if (!e && list->n == 1) e = &list->items[0];
    if (e) {
        buf_puts(out, e->path);
        return 0;
    }
    if (list->n == 0) return error_set(err, "no model yet: run `doppel models pull default`");
    return error_set(err, "there are %zu models; choose one with -m (`doppel models` lists them)", list->n);
}

int paths_model(const char *name, buf *out, error *err) {
    if (name && !*name) return error_set(err, "-m \"\": the name of a model is missing");
    if (name && (strchr(name, '/') || is_model(name))) {
        struct stat st;
        if (stat(name, &st) != 0)
            return error_set(err, "%s: cannot be opened: %s; check the path", name, strerror(errno));
        buf_puts(out, name);
        return 0;
    }
    entries list = list_models();
    int failed = 0;
    if (!name)
        failed = choose_default(&list, out, err);
    else {
        size_t n_found;
        const fetch_package *known = fetch_find(name);
        const entry *e = find_model(&list, known ? known->file : name, &n_found);
        if (e)
            buf_puts(out, e->path);
        else if (known)
            failed = error_set(err, "%s: is not there yet: run `doppel models pull %s`", name, name);
        else
            failed = no_such_model(name, n_found, err);
    }
    entries_free(&list);
    return failed;
}

int paths_chosen_model(const char *name, buf *out, error *err) {
    if (name) return paths_model(name, out, err);
    config c = {0};
    gen_settings unused = gen_settings_chat();
    buf path = {0};
    int failed = 0;
    if (paths_config("config.json", &path, NULL) == 0) failed = config_load(buf_str(&path), &c, &unused, err);
    if (!failed) failed = paths_model(c.model, out, err);
    if (failed && c.model) error_prefix(err, "%s", buf_str(&path));
    config_free(&c);
    buf_free(&path);
    return failed;
}
