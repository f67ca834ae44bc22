// JSON files of a model directory, read whole.
#ifndef DOPPEL_HFJSON_H
#define DOPPEL_HFJSON_H

#include "model/base/base.h"

#include <cjson/cJSON.h>

// The object that n bytes hold; path is for messages. NULL with a message: no JSON, not an object, or more than white
// space behind it. Free with cJSON_Delete.
cJSON *hfjson_parse(const void *bytes, size_t n, const char *path, error *err);

// The same for a file of at most max bytes.
cJSON *hfjson_read_file(const char *path, size_t max, error *err);

// Members of an object (o may be NULL). 1 found; 0 absent or null (*out untouched); -1 of another kind, or no integer.
int hfjson_get_int(const cJSON *o, const char *name, int64_t *out);
int hfjson_get_number(const cJSON *o, const char *name, double *out);
int hfjson_get_bool(const cJSON *o, const char *name, bool *out);
int hfjson_get_string(const cJSON *o, const char *name, const char **out);

// The number of a JSON value as an integer from 0 to 2^53; -1 for anything else.
int64_t hfjson_count(const cJSON *value);

#endif
