#include "app/engine.h"
#include "app/read_all.h"
#include "app/report.h"

#include <string.h>

bool engine_cache(const char *name, net_cache *out) {
    static const char *const names[] = {[NET_CACHE_F32] = "f32", [NET_CACHE_F16] = "f16", [NET_CACHE_Q8_0] = "q8_0"};
    *out = NET_CACHE_AUTO;
    for (int i = NET_CACHE_F32; name && i <= NET_CACHE_Q8_0; i++)
        if (strcmp(name, names[i]) == 0) *out = (net_cache)i;
    if (!name || *out != NET_CACHE_AUTO) return true;
    report_usage("--kv is \"%.80s\"; it takes f16, q8_0 or f32", name);
    return false;
}

static int add_file(drafter *d, const char *file, const model *m, error *err) {
    buf text = {0};
    id_list ids = {0};
    int failed = 0;
    if (!m->tokenizer)
        failed = error_set(err, "%s: drafts from a text want a tokenizer: %s", file, m->tokenizer_error.text);
    if (!failed) failed = read_all(file, &text, err);
    if (!failed) failed = tokenizer_encode(m->tokenizer, buf_str(&text), text.len, 0, &ids, err);
    if (!failed) drafter_add_text(d, ids.data, ids.len);
    buf_free(&text);
    id_list_free(&ids);
    return failed;
}

int engine_drafter(int most, const char *file, const model *m, drafter **out, error *err) {
    *out = most > 0 ? drafter_open(most, false) : NULL;
    return *out && file ? add_file(*out, file, m, err) : 0;
}
