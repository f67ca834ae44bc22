// Members of cJSON objects by name and type.
#ifndef DOPPEL_CORPUS_CJSON_H
#define DOPPEL_CORPUS_CJSON_H

#include <cjson/cJSON.h>

#include <stdbool.h>
#include <stdint.h>

// NULL (0, false) when the object is NULL or no object, or the member absent or of another type.
const char *cjson_text(const cJSON *object, const char *name);
const cJSON *cjson_array(const cJSON *object, const char *name);
const cJSON *cjson_object(const cJSON *object, const char *name);
bool cjson_true(const cJSON *object, const char *name);
// A number or a string of digits; 0 for anything else.
uint64_t cjson_id(const cJSON *object, const char *name);

#endif
