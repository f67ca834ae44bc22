#include "app/style/voice.h"
#include "model/file/hfjson.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { MAX_JSON = 8 << 20, MAX_NAMES = 20000, MAX_NAME = 400, MAX_PATH = 4096 };

// The texts of a list, but empty and overlong ones.
static char **read_list(const cJSON *list, size_t longest, size_t *n) {
    char **out = NULL;
    size_t cap = 0;
    const cJSON *item;
    *n = 0;
    if (!cJSON_IsArray(list)) return NULL;
    cJSON_ArrayForEach(item, list) {
        size_t len = cJSON_IsString(item) ? strlen(item->valuestring) : 0;
        if (len == 0 || len > longest || *n == MAX_NAMES) continue;
        out = mem_reserve(out, &cap, *n + 1, sizeof *out);
        out[(*n)++] = mem_strdup(item->valuestring);
    }
    return out;
}

static void free_list(char **list, size_t n) {
    for (size_t i = 0; i < n; i++) free(list[i]);
    free(list);
}

// Names as they were typed for the training become those that stand in the data.
static void settle_imitates(voice *v) {
    for (size_t i = 0; i < v->n_imitates; i++) {
        const char *author = voice_author(v, v->imitates[i]);
        if (!author) continue;
        free(v->imitates[i]);
        v->imitates[i] = mem_strdup(author);
    }
}

static void read_gaps(voice *v, const cJSON *list) {
    static const double usual[VOICE_GAPS] = {5, 15, 45, 120, 300};
    const cJSON *item;
    double before = 0;
    int n = 0;
    cJSON_ArrayForEach(item, list) {
        bool good = n < VOICE_GAPS && cJSON_IsNumber(item) && item->valuedouble >= before && item->valuedouble < 1e6;
        if (!good) break;
        v->gaps[n++] = before = item->valuedouble;
    }
    if (n < VOICE_GAPS || item) memcpy(v->gaps, usual, sizeof usual);
}

static void read_run(voice *v, const cJSON *run) {
    const char *layout = NULL;
    int64_t gap = 0;
    v->files = read_list(cJSON_GetObjectItemCaseSensitive(run, "data"), MAX_PATH, &v->n_files);
    v->trained = v->n_files > 0;
    if (hfjson_get_string(run, "layout", &layout) != 1 || layout_kind_parse(layout, &v->layout, NULL) != 0) return;
    v->authors = read_list(cJSON_GetObjectItemCaseSensitive(run, "authors"), MAX_NAME, &v->n_authors);
    v->imitates = read_list(cJSON_GetObjectItemCaseSensitive(run, "imitate"), MAX_NAME, &v->n_imitates);
    v->speaks = v->n_authors > 0;
    settle_imitates(v);
    read_gaps(v, cJSON_GetObjectItemCaseSensitive(run, "gaps"));
    if (hfjson_get_int(run, "session_gap", &gap) == 1 && gap > 0 && gap < INT32_MAX) v->session_gap = (int)gap;
}

void voice_read(voice *v, const char *adapter) {
    buf path = {0};
    *v = (voice){0};
    buf_printf(&path, "%s/run.json", adapter);
    cJSON *run = hfjson_read_file(path.data, MAX_JSON, NULL);
    if (run) read_run(v, run);
    cJSON_Delete(run);
    buf_free(&path);
}

void voice_free(voice *v) {
    free_list(v->authors, v->n_authors);
    free_list(v->imitates, v->n_imitates);
    free_list(v->files, v->n_files);
    *v = (voice){0};
}

const char *voice_author(const voice *v, const char *name) {
    const char *near = NULL;
    for (size_t i = 0; i < v->n_authors; i++) {
        if (strcmp(v->authors[i], name) == 0) return v->authors[i];
        if (!near && strcasecmp(v->authors[i], name) == 0) near = v->authors[i];
    }
    return near;
}

const char *voice_speaker(const voice *v) {
    if (!v->speaks) return NULL;
    return v->n_imitates ? v->imitates[0] : v->authors[0];
}

const char *voice_partner(const voice *v, const char *speaker) {
    if (v->n_authors != 2 || !speaker) return NULL;
    if (strcmp(v->authors[0], speaker) == 0) return v->authors[1];
    return strcmp(v->authors[1], speaker) == 0 ? v->authors[0] : NULL;
}
