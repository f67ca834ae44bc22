#include "app/corpus/cjson.h"

const char *cjson_text(const cJSON *object, const char *name) {
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
}

const cJSON *cjson_array(const cJSON *object, const char *name) {
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(object, name);
    return cJSON_IsArray(v) ? v : NULL;
}

const cJSON *cjson_object(const cJSON *object, const char *name) {
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(object, name);
    return cJSON_IsObject(v) ? v : NULL;
}

bool cjson_true(const cJSON *object, const char *name) {
    return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(object, name));
}

uint64_t cjson_id(const cJSON *object, const char *name) {
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(object, name);
    if (cJSON_IsNumber(value)) {
        double d = value->valuedouble;
        return d >= 1 && d < 9e15 ? (uint64_t)d : 0;
    }
    const char *s = cJSON_GetStringValue(value);
    uint64_t id = 0;
    if (!s || !*s) return 0;
    for (; *s; s++) {
        if (*s < '0' || *s > '9' || id > (UINT64_MAX - 9) / 10) return 0;
        id = id * 10 + (uint64_t)(*s - '0');
    }
    return id;
}
