// What a conversation, or one answer, is written with besides the model (adapters, names, settings), as a JSON object. Values of settings are texts,
// as gen_knob_parse reads them. Fields that are not known are passed over.
#include "app/chat_impl.h"
#include "app/chat_style.h"

#include <cjson/cJSON.h>

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static void write_adapters(const chat *c, buf *out) {
    buf_puts(out, "\"adapters\":[");
    for (size_t i = 0; i < c->n_adapters; i++) {
        const chat_adapter *a = &c->adapters[i];
        buf_puts(out, i ? ",{\"path\":" : "{\"path\":");
        buf_json_string(out, a->path, strlen(a->path));
        buf_printf(out, ",\"strength\":%.3g}", (double)a->strength);
    }
    buf_putc(out, ']');
}

static void write_settings(const gen_settings *s, buf *out) {
    buf_puts(out, ",\"settings\":{");
    for (size_t i = 0; i < gen_n_knobs(); i++) {
        const gen_knob *k = gen_knob_at(i);
        buf value = {0};
        if (k->kind == KNOB_SEED)
            buf_printf(&value, "%" PRIu64, s->seed);
        else
            gen_knob_print(k, s, &value);
        buf_printf(out, "%s\"%s\":", i ? "," : "", k->name);
        buf_json_string(out, buf_str(&value), value.len);
        buf_free(&value);
    }
    buf_putc(out, '}');
}

static void write_people(const chat *c, buf *out) {
    buf_puts(out, ",\"user\":");
    buf_json_string(out, c->user_name, strlen(c->user_name));
    if (!c->style->persona) return;
    buf_puts(out, ",\"persona\":");
    buf_json_string(out, c->style->persona, strlen(c->style->persona));
}

void chat_setup_write(const chat *c, bool with_settings, buf *out) {
    buf_putc(out, '{');
    write_adapters(c, out);
    write_people(c, out);
    if (with_settings) write_settings(&c->settings, out);
    buf_putc(out, '}');
}

// Who answers need not be known to the adapters any more: chat_style.c asks that whenever it matters.
static void read_people(chat *c, const cJSON *json) {
    const char *user = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "user"));
    const char *persona = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "persona"));
    if (user && *user) chat_set_string(&c->user_name, user);
    free(c->style->persona);
    c->style->persona = mem_strdup(persona);
}

unsigned chat_setup_read(chat *c, const char *setup) {
    unsigned flags = 0;
    cJSON *json = cJSON_Parse(setup);
    const cJSON *item;
    read_people(c, json);
    chat_adapters_clear(c);
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(json, "adapters")) {
        const char *path = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(item, "path"));
        double strength = cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(item, "strength"));
        error err = {{0}};
        buf word = {0};
        if (!path || !isfinite(strength)) continue;
        buf_printf(&word, "%s=%.3g", path, strength < 0 ? 0 : strength > 2 ? 2 : strength);
        if (chat_adapters_add(c, buf_str(&word), &err) != 0)
            flags |= chat_note(c, true, "%s; the conversation goes on without it", err.text);
        buf_free(&word);
    }
    cJSON_Delete(json);
    return flags;
}
