#include "app/train_recall.h"
#include "app/paths.h"
#include "model/file/hfjson.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// The value of an option that stands at argv[i], in any of its forms; NULL when that is another word. *words: how many
// words it takes. A value that begins with '-' is the next option: *value is "" then.
static const char *value_at(char **argv, int i, const char *name, char letter, int *words) {
    size_t n = strlen(name);
    const char *word = argv[i];
    *words = 1;
    if (letter && word[0] == '-' && word[1] == letter && word[2]) return word + 2;
    bool is_long = strncmp(word, "--", 2) == 0 && strncmp(word + 2, name, n) == 0;
    if (is_long && word[2 + n] == '=') return word + 2 + n + 1;
    bool is_short = letter && word[0] == '-' && word[1] == letter && !word[2];
    if (!is_short && !(is_long && !word[2 + n])) return NULL;
    if (!argv[i + 1] || argv[i + 1][0] == '-') return "";
    *words = 2;
    return argv[i + 1];
}

int train_recall_find(const char *name, buf *out, error *err) {
    static const char *const folders[] = {"adapters", "models"};
    for (int i = 0; i < 2 && !strchr(name, '/'); i++) {
        buf_clear(out);
        if (paths_data(folders[i], out, err) != 0) return -1;
        buf_printf(out, "/%s/run.json", name);
        if (access(out->data, F_OK) == 0) return 0;
    }
    buf_clear(out);
    buf_printf(out, "%s/run.json", name);
    if (strchr(name, '/') && access(out->data, F_OK) == 0) return 0;
    return error_set(err,
                     "%s: there is no training of this name to go on with; `doppel train --data FILE -o %s` begins one",
                     name, name);
}

static int read_run(train_recall *r, const char *name, error *err) {
    enum { MOST = 64 << 20 };
    buf path = {0};
    if (train_recall_find(name, &path, err) == 0 && (r->run = hfjson_read_file(path.data, MOST, err))) {
        const cJSON *words = cJSON_GetObjectItemCaseSensitive(r->run, "arguments"), *word;
        bool good = cJSON_IsArray(words);
        cJSON_ArrayForEach(word, words) good = good && cJSON_IsString(word);
        if (!good) error_set(err, "%s: does not say how this training began; begin a new one", path.data);
        if (!good) {
            cJSON_Delete(r->run);
            r->run = NULL;
        }
    }
    buf_free(&path);
    return r->run ? 0 : -1;
}

int train_recall_open(train_recall *r, int argc, char **argv, error *err) {
    const char *name = NULL, *out = NULL;
    int words;
    *r = (train_recall){0};
    char **own = mem_calloc((size_t)argc + 1, sizeof *own);
    int n_own = 0;
    for (int i = 0; i < argc; i += words) {
        const char *value = value_at(argv, i, "resume", 0, &words);
        if (value) {
            name = value;
            continue;
        }
        value = value_at(argv, i, "out", 'o', &words);
        if (value) out = value;
        for (int k = 0; k < words; k++) own[n_own++] = argv[i + k];
    }
    if (name && !*name) name = out;
    if (name && read_run(r, name, err) != 0) {
        free(own);
        return -1;
    }
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(r->run, "arguments"), *word;
    r->argv = mem_calloc((size_t)argc + (size_t)cJSON_GetArraySize(list) + 2, sizeof *r->argv);
    r->argv[r->argc++] = own[0];
    cJSON_ArrayForEach(word, list) r->argv[r->argc++] = word->valuestring;
    if (name) {
        buf b = {0};
        buf_printf(&b, "--resume=%s", name);
        r->resume = r->argv[r->argc++] = buf_take(&b);
    }
    for (int i = 1; i < n_own; i++) r->argv[r->argc++] = own[i];
    free(own);
    return 0;
}

void train_recall_close(train_recall *r) {
    cJSON_Delete(r->run);
    free(r->argv);
    free(r->resume);
    *r = (train_recall){0};
}
