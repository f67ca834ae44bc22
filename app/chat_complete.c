// Completion of slash commands: names of commands, settings, models and files.
#include "app/adapter_info.h"
#include "app/chat_impl.h"
#include "app/chat_style.h"
#include "app/chat_train.h"
#include "app/paths.h"
#include "app/train_list.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

static void offer(buf *out, const char *word, size_t n, const char *candidate, const char *after) {
    if (strncasecmp(candidate, word, n) == 0) buf_printf(out, "%s%s\n", candidate, after);
}

static void complete_command(const char *word, size_t n, const char *slash, buf *out) {
    for (size_t i = 0; i < chat_n_commands(); i++) {
        buf name = {0};
        buf_printf(&name, "%s%s", slash, chat_command_at(i)->name);
        offer(out, word, n, buf_str(&name), "");
        buf_free(&name);
    }
}

static bool printable(const char *name) {
    for (const char *p = name; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f) return false;
    return utf8_valid(name, strlen(name));
}

static int by_name(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

// The folder part of word stays as it was typed (with its ~); folders end in a slash. only_models: files ending in
// .gguf, and folders.
static void complete_file(const char *word, size_t n, bool only_models, buf *out) {
    size_t folder = n;
    while (folder > 0 && word[folder - 1] != '/') folder--;
    const char *home = getenv("HOME");
    buf dir = {0};
    if (folder >= 2 && word[0] == '~' && word[1] == '/' && home)
        buf_printf(&dir, "%s%.*s", home, (int)folder - 1, word + 1);
    else
        buf_append(&dir, word, folder);
    DIR *d = opendir(folder ? buf_str(&dir) : ".");
    char **found = NULL;
    size_t n_found = 0, cap = 0;
    for (struct dirent *e; d && (e = readdir(d));) {
        if (strncmp(e->d_name, word + folder, n - folder) != 0 || !printable(e->d_name)) continue;
        if (e->d_name[0] == '.' && (n == folder || strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0))
            continue;
        buf path = {0};
        struct stat st;
        buf_printf(&path, "%s%s", buf_str(&dir), e->d_name);
        bool is_folder = stat(buf_str(&path), &st) == 0 && S_ISDIR(st.st_mode);
        buf_clear(&path);
        buf_printf(&path, "%.*s%s%s", (int)folder, word, e->d_name, is_folder ? "/" : "");
        size_t len = strlen(e->d_name);
        bool wanted = !only_models || is_folder || (len > 5 && strcmp(e->d_name + len - 5, ".gguf") == 0);
        found = mem_reserve(found, &cap, n_found + 1, sizeof *found);
        if (wanted) found[n_found++] = buf_take(&path);
        buf_free(&path);
    }
    if (d) closedir(d);
    if (n_found) qsort(found, n_found, sizeof *found, by_name);
    for (size_t i = 0; i < n_found; i++) {
        buf_printf(out, "%s\n", found[i]);
        free(found[i]);
    }
    free(found);
    buf_free(&dir);
}

static void complete_setting(const char *word, size_t n, buf *out) {
    for (size_t i = 0; i < gen_n_knobs(); i++) offer(out, word, n, gen_knob_at(i)->name, "");
    offer(out, word, n, "user", "");
    offer(out, word, n, "save", "");
}

static void complete_value(const char *name, size_t name_len, const char *word, size_t n, buf *out) {
    char *copy = mem_strndup(name, name_len);
    const gen_knob *k = gen_knob_find(copy);
    free(copy);
    if (!k) return;
    offer(out, word, n, "default", "");
    if (k->kind != KNOB_FLAG) return;
    offer(out, word, n, "off", "");
    offer(out, word, n, "on", "");
}

typedef struct model_words {
    const char *word;
    size_t n;
    buf *out;
} model_words;

static void offer_model(void *arg, const char *name, const char *path) {
    (void)path;
    model_words *w = arg;
    if (printable(name)) offer(w->out, w->word, w->n, name, "");
}

static void offer_adapter(void *arg, const adapter_info *a) {
    offer_model(arg, a->name, a->path);
}

static void complete_author(const chat *c, const char *word, size_t n, buf *out) {
    const voice *v = chat_style_voice(c);
    for (size_t i = 0; i < v->n_authors; i++)
        if (printable(v->authors[i])) offer(out, word, n, v->authors[i], "");
}

static const char *const STYLE_WORDS[] = {"on", "off", "toggle", NULL};
static const char *const GROUP_WORDS[] = {"on", "off", "next", NULL};

static void complete_words(const char *const *words, const char *word, size_t n, buf *out) {
    for (; *words; words++) offer(out, word, n, *words, "");
}

static void complete_style(const chat *c, const char *word, size_t n, buf *out) {
    complete_words(STYLE_WORDS, word, n, out);
    for (size_t i = 0; i < c->n_adapters; i++)
        if (printable(c->adapters[i].name)) offer(out, word, n, c->adapters[i].name, "=");
}

static void offer_training(void *arg, const train_listed *t) {
    offer_model(arg, t->name, t->path);
}

static bool begins_with(const char *text, const char *word) {
    return strncmp(text, word, strlen(word)) == 0;
}

// What may follow a word of /train; false: it is none, so that a file is meant.
static bool complete_train_value(const chat *c, const char *line, const char *word, size_t n, buf *out) {
    const tuning *t = c->tuning;
    bool known = false;
    for (size_t i = 0; chat_train_word(i); i++) known |= begins_with(line, chat_train_word(i));
    if (begins_with(line, "imitate ")) {
        for (size_t i = 0; i < t->n_authors; i++)
            if (printable(t->authors[i].name)) offer(out, word, n, t->authors[i].name, "");
        offer(out, word, n, "all", "");
    } else if (begins_with(line, "effort ")) {
        for (int e = 0; e < TUNING_EFFORTS; e++) offer(out, word, n, tuning_effort_name((tuning_effort)e), "");
    } else if (begins_with(line, "scrub ")) {
        offer(out, word, n, "off", "");
        offer(out, word, n, "on", "");
    } else if (begins_with(line, "attach ") || begins_with(line, "continue ")) {
        train_list_all(chat_train_own_path(c), offer_training, &(model_words){word, n, out});
    }
    return known;
}

static void complete_train(const chat *c, const char *line, size_t n, size_t *start, buf *out) {
    size_t first = strcspn(line, " "), at = n;
    if (first >= n) {
        for (size_t i = 0; chat_train_word(i); i++) offer(out, line, n, chat_train_word(i), "");
        complete_file(line, n, false, out);
        return;
    }
    size_t value = first + strspn(line + first, " ");
    if (value > n) value = n;
    if (complete_train_value(c, line, line + value, n - value, out)) {
        *start += value;
        return;
    }
    while (at > 0 && line[at - 1] != ' ') at--;
    complete_file(line + at, n - at, false, out);
    *start += at;
}

void chat_complete(const chat *c, const char *line, size_t cursor, size_t *start, buf *out) {
    *start = cursor;
    if (line[0] != '/' || cursor == 0) return;
    size_t name = strcspn(line + 1, " ");
    if (cursor <= name + 1) {
        *start = 0;
        complete_command(line, cursor, "/", out);
        return;
    }
    size_t arg = 1 + name + strspn(line + 1 + name, " ");
    if (arg > cursor) arg = cursor;
    const char *word = line + arg;
    size_t n = cursor - arg;
    *start = arg;
    if (strncmp(line, "/help ", 6) == 0) {
        complete_command(word, n, "", out);
    } else if (strncmp(line, "/sessions ", 10) == 0) {
        if (strncmp(word, "export ", 7) == 0 && n >= 7) {
            *start = arg + 7;
            complete_file(word + 7, n - 7, false, out);
        } else {
            chat_sessions_complete(word, n, out);
        }
    } else if (strncmp(line, "/train ", 7) == 0) {
        complete_train(c, word, n, start, out);
    } else if (strncmp(line, "/save ", 6) == 0) {
        complete_file(word, n, false, out);
    } else if (strncmp(line, "/model ", 7) == 0) {
        offer(out, word, n, "pull", "");
        paths_models(offer_model, &(model_words){word, n, out});
        complete_file(word, n, true, out);
    } else if (strncmp(line, "/as ", 4) == 0 || strncmp(line, "/me ", 4) == 0) {
        complete_author(c, word, n, out);
    } else if (strncmp(line, "/group ", 7) == 0) {
        complete_words(GROUP_WORDS, word, n, out);
    } else if (strncmp(line, "/style ", 7) == 0) {
        complete_style(c, word, n, out);
    } else if (strncmp(line, "/adapter ", 9) == 0) {
        adapter_info_all(offer_adapter, &(model_words){word, n, out});
        complete_file(word, n, true, out);
    } else if (strncmp(line, "/set ", 5) == 0) {
        size_t first = strcspn(word, " ");
        if (first >= n) {
            complete_setting(word, n, out);
        } else {
            size_t value = first + strspn(word + first, " ");
            if (value > n) value = n;
            *start = arg + value;
            complete_value(word, first, word + value, n - value, out);
        }
    }
}
