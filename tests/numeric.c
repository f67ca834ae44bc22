// Holds what the command line cannot show against a folder of reference values: numeric DIR, where DIR has the layout
// of the golden files (sampling.json). Prints what differs and "N passed, N failed[, N skipped]".
#include "model/gen/chain.h"
#include "tests/test.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static char *read_file(const char *dir, const char *name) {
    buf path = {0}, text = {0};
    buf_printf(&path, "%s/%s", dir, name);
    FILE *f = fopen(buf_str(&path), "rb");
    buf_free(&path);
    if (!f) return NULL;
    char piece[65536];
    for (size_t n; (n = fread(piece, 1, sizeof piece, f)) > 0;) buf_append(&text, piece, n);
    fclose(f);
    return buf_take(&text);
}

// The parsed file; NULL when it is not there (counted as skipped) or no JSON (counted as failed).
static cJSON *load(const char *dir, const char *name) {
    char *text = read_file(dir, name);
    if (!text) {
        SKIP("%s/%s is not there", dir, name);
        return NULL;
    }
    cJSON *json = cJSON_Parse(text);
    free(text);
    OK(json, "%s/%s is JSON", dir, name);
    return json;
}

// ---- sampling.json: logits, what came before and settings -> probabilities

static void read_settings(const cJSON *json, gen_settings *s) {
    *s = (gen_settings){.temperature = 1, .top_p = 1, .typical_p = 1, .repetition_penalty = 1, .beams = 1};
    const cJSON *item;
    cJSON_ArrayForEach(item, json) {
        const char *name = strcmp(item->string, "no_repeat_ngram_size") == 0 ? "no-repeat-ngram" : item->string;
        const gen_knob *k = gen_knob_find(name);
        if (OK(k, "a knob is called %s", item->string)) gen_knob_set(k, s, item->valuedouble);
    }
}

static void sampling_case(const cJSON *json) {
    const cJSON *logits = cJSON_GetObjectItem(json, "logits"), *prev = cJSON_GetObjectItem(json, "prev"),
                *probs = cJSON_GetObjectItem(json, "probs"), *item;
    const char *name = cJSON_GetStringValue(cJSON_GetObjectItem(json, "name"));
    int id = (int)cJSON_GetNumberValue(cJSON_GetObjectItem(json, "id"));
    if (!OK(cJSON_IsArray(logits) && cJSON_IsArray(prev) && cJSON_IsArray(probs), "case %d is whole", id)) return;
    int n = cJSON_GetArraySize(logits), i = 0;
    float *x = mem_calloc((size_t)n, sizeof *x), *got = mem_calloc((size_t)n, sizeof *got);
    cJSON_ArrayForEach(item, logits) x[i++] = cJSON_IsNull(item) ? -INFINITY : (float)item->valuedouble;
    id_list before = {0};
    cJSON_ArrayForEach(item, prev) id_list_push(&before, item->valueint);
    gen_settings s;
    read_settings(cJSON_GetObjectItem(json, "settings"), &s);

    chain *c = chain_open(n, 1);
    int kept = chain_apply(c, &s, x, before.data, before.len, NULL, 0);
    chain_probs(c, got);
    const cJSON *want_kept = cJSON_GetObjectItem(json, "n_kept");
    int bad = -1;
    double largest = 0, ref;
    i = 0;
    cJSON_ArrayForEach(item, probs) {
        ref = item->valuedouble;
        double off = fabs(got[i] - ref);
        if (off > largest) largest = off;
        bool support = (got[i] > 0) == (ref > 0) || (ref < 1e-30 && got[i] < 1e-30);
        if (!(off <= 1e-5) || !support) bad = i;
        i++;
    }
    OK(bad < 0, "case %d %s: id %d has %g (largest difference %g)", id, name, bad, bad < 0 ? 0 : got[bad], largest);
    OK(!want_kept || kept == want_kept->valueint, "case %d %s: %d kept, expected %d", id, name, kept,
       want_kept ? want_kept->valueint : 0);
    int32_t drawn = chain_draw(c);
    OK(got[drawn] > 0, "case %d %s: drew %d, which was filtered out", id, name, drawn);
    chain_close(c);
    id_list_free(&before);
    free(x);
    free(got);
}

static void sampling(const char *dir) {
    cJSON *json = load(dir, "sampling.json");
    const cJSON *item;
    cJSON_ArrayForEach(item, cJSON_GetObjectItem(json, "cases")) sampling_case(item);
    cJSON_Delete(json);
}

int main(int argc, char **argv) {
    if (argc != 2) {
        fprintf(stderr, "usage: numeric DIR\n");
        return 2;
    }
    sampling(argv[1]);
    return test_end();
}
