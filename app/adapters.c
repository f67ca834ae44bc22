// Names to adapters.
#include "app/adapters.h"
#include "app/adapter_info.h"
#include "app/paths.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// Cuts "=STRENGTH" off the end of word. A name may hold a = of its own: only a number behind the last one counts.
static char *split_strength(const char *word, float *strength, error *err) {
    const char *equals = strrchr(word, '=');
    char *end = NULL;
    double value = equals ? strtod(equals + 1, &end) : 1;
    *strength = 1;
    if (!equals || end == equals + 1 || *end) return mem_strdup(word);
    if (!(value >= 0 && value <= 2)) {
        error_set(err, "-a %s: the strength is a number from 0 to 2", word);
        return NULL;
    }
    *strength = (float)value;
    return mem_strndup(word, (size_t)(equals - word));
}

// Appends the path that name means: what is there, else adapters/NAME, else adapters/NAME.gguf.
static int find(const char *name, buf *path, error *err) {
    static const char *const endings[] = {"", ".gguf"};
    if (!*name) return error_set(err, "an adapter without a name; `doppel adapters` lists them");
    buf_puts(path, name);
    if (access(name, F_OK) == 0) return 0;
    if (strchr(name, '/')) return error_set(err, "%s: there is no such adapter; check the path", name);
    for (int i = 0; i < 2; i++) {
        buf_clear(path);
        if (paths_data("adapters", path, err) != 0) return -1;
        buf_printf(path, "/%s%s", name, endings[i]);
        if (access(buf_str(path), F_OK) == 0) return 0;
    }
    buf_clear(path);
    paths_data("adapters", path, NULL);
    return error_set(err, "%s: no such adapter, neither here nor under %s", name, buf_str(path));
}

int adapters_find(const char *word, buf *path, float *strength, error *err) {
    char *name = split_strength(word, strength, err);
    int rc = name ? find(name, path, err) : -1;
    free(name);
    return rc;
}

static int open_one(adapters *a, const char *word, const net *n, error *err) {
    float strength;
    buf path = {0};
    adapter *opened = adapters_find(word, &path, &strength, err) == 0 ? adapter_open(buf_str(&path), n, err) : NULL;
    buf_free(&path);
    if (!opened) return -1;
    a->opened[a->n] = opened;
    a->uses[a->n++] = (adapter_use){opened, strength};
    return 0;
}

int adapters_open(adapters *a, const option_list *words, const net *n, error *err) {
    *a = (adapters){0};
    a->opened = mem_calloc(words->n, sizeof *a->opened);
    a->uses = mem_calloc(words->n, sizeof *a->uses);
    for (size_t i = 0; i < words->n; i++)
        if (open_one(a, words->items[i], n, err) != 0) return -1;
    return 0;
}

void adapters_close(adapters *a) {
    for (int i = 0; i < a->n; i++) adapter_close(a->opened[i]);
    free(a->opened);
    free(a->uses);
    *a = (adapters){0};
}

int adapters_chosen_model(const options *o, buf *out, error *err) {
    buf path = {0};
    float strength;
    bool found = false;
    if (!o->model && o->adapters.n > 0 && adapters_find(o->adapters.items[0], &path, &strength, NULL) == 0) {
        adapter_info a;
        adapter_info_read(&a, "", buf_str(&path));
        found = a.trained && *a.base && access(a.base, F_OK) == 0;
        if (found) buf_puts(out, a.base);
        adapter_info_free(&a);
    }
    buf_free(&path);
    return found ? 0 : paths_chosen_model(o->model, out, err);
}
