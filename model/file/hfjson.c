// cJSON with the checks it leaves to its callers.
#include "model/file/hfjson.h"
#include "model/file/map.h"

#include <string.h>

static const double max_exact = 9007199254740992.0; // 2^53: above it doubles skip integers

cJSON *hfjson_parse(const void *bytes, size_t n, const char *path, error *err) {
    const char *text = bytes, *end = text;
    cJSON *root = cJSON_ParseWithLengthOpts(text, n, &end, 0);
    size_t at = end >= text && (size_t)(end - text) <= n ? (size_t)(end - text) : n;
    if (!root) {
        error_set(err, "%s: is no valid JSON near byte %zu; fetch it again", path, at);
        return NULL;
    }
    while (at < n && memchr(" \t\r\n", text[at], 4)) at++;
    if (at == n && cJSON_IsObject(root)) return root;
    error_set(err, "%s: holds no JSON object, or more than one; fetch it again", path);
    cJSON_Delete(root);
    return NULL;
}

cJSON *hfjson_read_file(const char *path, size_t max, error *err) {
    file_map map;
    cJSON *root = NULL;
    if (file_map_open(&map, path, err) != 0) return NULL;
    if (map.size > max)
        error_set(err, "%s: is %zu bytes long, at most %zu were expected; fetch it again", path, map.size, max);
    else
        root = hfjson_parse(map.data, map.size, path, err);
    file_map_close(&map);
    return root;
}

static const cJSON *member(const cJSON *o, const char *name) {
    const cJSON *m = cJSON_GetObjectItemCaseSensitive(o, name);
    return cJSON_IsNull(m) ? NULL : m;
}

int hfjson_get_int(const cJSON *o, const char *name, int64_t *out) {
    double v;
    int found = hfjson_get_number(o, name, &v);
    if (found != 1) return found;
    if (!(v >= -max_exact && v <= max_exact) || v != (double)(int64_t)v) return -1;
    *out = (int64_t)v;
    return 1;
}

int hfjson_get_number(const cJSON *o, const char *name, double *out) {
    const cJSON *m = member(o, name);
    if (!m) return 0;
    if (!cJSON_IsNumber(m)) return -1;
    *out = m->valuedouble;
    return 1;
}

int hfjson_get_bool(const cJSON *o, const char *name, bool *out) {
    const cJSON *m = member(o, name);
    if (!m) return 0;
    if (!cJSON_IsBool(m)) return -1;
    *out = cJSON_IsTrue(m);
    return 1;
}

int hfjson_get_string(const cJSON *o, const char *name, const char **out) {
    const cJSON *m = member(o, name);
    if (!m) return 0;
    if (!cJSON_IsString(m)) return -1;
    *out = m->valuestring;
    return 1;
}

int64_t hfjson_count(const cJSON *value) {
    if (!cJSON_IsNumber(value)) return -1;
    double v = value->valuedouble;
    return v >= 0 && v <= max_exact && v == (double)(int64_t)v ? (int64_t)v : -1;
}
