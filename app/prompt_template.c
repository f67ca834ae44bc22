// Finding and reading NAME.prompt files.
#include "app/prompt_template.h"
#include "app/options.h"
#include "app/paths.h"
#include "app/read_all.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char placeholder[] = "{{input}}";
static const char suffix[] = ".prompt";

void prompt_template_free(prompt_template *t) {
    for (size_t i = 0; i < t->n_knobs; i++) free(t->knobs[i].value);
    free(t->knobs);
    free(t->about);
    free(t->system);
    free(t->text);
    *t = (prompt_template){0};
}

// ---- reading one

static int set_mode(prompt_template *t, const char *value, error *err) {
    if (strcmp(value, "chat") == 0)
        t->mode = PROMPT_CHAT;
    else if (strcmp(value, "raw") == 0)
        t->mode = PROMPT_RAW;
    else
        return error_set(err, "mode is \"%s\"; it takes raw or chat", value);
    return 0;
}

static int set_text(char **where, const char *value) {
    free(*where);
    *where = mem_strdup(value);
    return 0;
}

static int add_knob(prompt_template *t, const char *key, const char *value, error *err) {
    const gen_knob *k = gen_knob_find(key);
    gen_settings unused = gen_settings_raw();
    if (!k) return error_set(err, "\"%s\" is no setting; about, mode, system and the sampling knobs are", key);
    if (gen_knob_parse(k, value, &unused, err) != 0) return -1;
    t->knobs = mem_reserve(t->knobs, &t->cap_knobs, t->n_knobs + 1, sizeof *t->knobs);
    t->knobs[t->n_knobs++] = (struct prompt_knob){k, mem_strdup(value)};
    return 0;
}

// One line above ---, without its newline; it is cut into key and value.
static int parse_setting(prompt_template *t, char *line, error *err) {
    line += strspn(line, " \t");
    if (!*line || *line == '#') return 0;
    char *colon = strchr(line, ':');
    if (!colon) return error_set(err, "\"%s\" is no \"name: value\"; the text begins below a line ---", line);
    *colon = '\0';
    for (char *end = colon; end > line && (end[-1] == ' ' || end[-1] == '\t');) *--end = '\0';
    const char *value = colon + 1 + strspn(colon + 1, " \t");
    if (strcmp(line, "about") == 0) return set_text(&t->about, value);
    if (strcmp(line, "system") == 0) return set_text(&t->system, value);
    if (strcmp(line, "mode") == 0) return set_mode(t, value, err);
    return add_knob(t, line, value, err);
}

static int check_placeholders(prompt_template *t, error *err) {
    for (const char *p = t->text; (p = strstr(p, "{{")); p += 2) {
        if (strncmp(p, placeholder, strlen(placeholder)) != 0)
            return error_set(err, "\"%.20s\" in the text is no %s", p, placeholder);
        t->wants_input = true;
    }
    return 0;
}

int prompt_template_parse(prompt_template *t, const char *text, const char *name, error *err) {
    *t = (prompt_template){0};
    int line_number = 0;
    bool found = false;
    while (*text && !found) {
        size_t n = strcspn(text, "\n");
        char *line = mem_strndup(text, n > 0 && text[n - 1] == '\r' ? n - 1 : n);
        text += n + (text[n] == '\n');
        line_number++;
        found = strcmp(line, "---") == 0;
        int failed = found ? 0 : parse_setting(t, line, err);
        free(line);
        if (failed) return error_prefix(err, "%s:%d", name, line_number);
    }
    if (!found) return error_set(err, "%s: there is no line ---, below which the text begins", name);
    size_t n = strlen(text);
    t->text = mem_strndup(text, n > 0 && text[n - 1] == '\n' ? n - 1 : n);
    return check_placeholders(t, err) != 0 ? error_prefix(err, "%s", name) : 0;
}

// ---- finding

enum { N_PLACES = 4 };

// Folder i that templates are looked for in; false when there is no such one. The program lies in build/ or in bin/.
static bool place(int i, buf *out) {
    buf_clear(out);
    if (i == 0) return paths_config("prompts", out, NULL) == 0;
    if (i == 3) return buf_puts(out, "prompts"), true;
    char program[4096];
    ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);
    if (n <= 0) return false;
    program[n] = '\0';
    char *slash = strrchr(program, '/');
    if (!slash) return false;
    *slash = '\0';
    buf_printf(out, "%s/%s", program, i == 1 ? "../share/doppel/prompts" : "../prompts");
    return true;
}

// Appends the path of the template.
static int find(const char *name, buf *path, error *err) {
    size_t n = strlen(name), m = strlen(suffix);
    if (strchr(name, '/') || (n > m && strcmp(name + n - m, suffix) == 0)) {
        buf_puts(path, name);
        return 0;
    }
    for (int i = 0; i < N_PLACES; i++) {
        if (!place(i, path)) continue;
        buf_printf(path, "/%s%s", name, suffix);
        if (access(buf_str(path), R_OK) == 0) return 0;
    }
    buf_clear(path);
    paths_config("prompts", path, NULL);
    return error_set(err,
                     "there is no prompt template \"%s\"; `doppel run --prompt list` lists them, your own go to %s",
                     name, buf_str(path));
}

typedef int read_fn(const char *path, buf *out, error *err);

static int load(prompt_template *t, const char *path, read_fn *read, error *err) {
    buf text = {0};
    int failed = read(path, &text, err);
    if (!failed) failed = prompt_template_parse(t, buf_str(&text), path, err);
    buf_free(&text);
    return failed;
}

int prompt_template_load(prompt_template *t, const char *name, error *err) {
    *t = (prompt_template){0};
    buf path = {0};
    int failed = find(name, &path, err);
    // A path that was given may be that of a pipe, as a shell makes them.
    if (!failed) failed = load(t, buf_str(&path), strchr(name, '/') ? read_all : read_all_plain, err);
    buf_free(&path);
    return failed;
}

// ---- using

void prompt_template_settings(const prompt_template *t, gen_settings *s) {
    for (size_t i = 0; i < t->n_knobs; i++) gen_knob_parse(t->knobs[i].knob, t->knobs[i].value, s, NULL);
}

void prompt_template_fill(const prompt_template *t, const char *input, size_t len, buf *out) {
    const char *text = t->text;
    for (const char *p; (p = strstr(text, placeholder)); text = p + strlen(placeholder)) {
        buf_append(out, text, (size_t)(p - text));
        buf_append(out, input, len);
    }
    buf_puts(out, text);
}

static void add_to_list(option_list *seen, const char *dir, const char *file, buf *out) {
    size_t n = strlen(file), m = strlen(suffix);
    if (n <= m || strcmp(file + n - m, suffix) != 0) return;
    for (size_t i = 0; i < seen->n; i++)
        if (strcmp(seen->items[i], file) == 0) return;
    option_list_push(seen, mem_strdup(file));
    buf path = {0};
    buf_printf(&path, "%s/%s", dir, file);
    prompt_template t = {0};
    error err;
    int failed = load(&t, buf_str(&path), read_all_plain, &err);
    buf_printf(out, "%-12.*s %s\n", (int)(n - m), file, failed ? err.text : t.about ? t.about : "");
    prompt_template_free(&t);
    buf_free(&path);
}

void prompt_template_list(buf *out) {
    option_list seen = {0};
    buf dir = {0};
    for (int i = 0; i < N_PLACES; i++) {
        struct dirent **entries;
        int n = place(i, &dir) ? scandir(buf_str(&dir), &entries, NULL, alphasort) : -1;
        for (int j = 0; j < n; j++) {
            add_to_list(&seen, buf_str(&dir), entries[j]->d_name, out);
            free(entries[j]);
        }
        if (n >= 0) free(entries);
    }
    for (size_t i = 0; i < seen.n; i++) free((char *)seen.items[i]);
    option_list_free(&seen);
    buf_free(&dir);
}
