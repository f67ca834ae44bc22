// config.json through cJSON. Values become text again and go through gen_knob_parse, so that ranges and their messages
// are the same everywhere.
#include "app/config.h"
#include "app/options.h"
#include "app/paths.h"
#include "model/file/outfile.h"
#include "model/base/memory.h"
#include "model/base/plain_file.h"

#include <cjson/cJSON.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LARGEST_FILE = 1 << 20, N_TEXTS = 6 };

static const char *const text_names[N_TEXTS] = {"model", "system", "user", "theme", "hub", "kv-store"};

static char **text_field(config *c, int i) {
    char **fields[N_TEXTS] = {&c->model, &c->system, &c->user, &c->theme, &c->hub, &c->kv_store};
    return fields[i];
}

// The file's bytes: 1 read, 0 there is none, -1 with a message.
static int read_file(const char *path, buf *out, error *err) {
    error why;
    int fd = plain_file_open(path, &why);
    if (fd < 0) return errno == ENOENT ? 0 : error_set(err, "%s; the defaults are used", why.text);
    char piece[4096];
    ssize_t n;
    while ((n = read(fd, piece, sizeof piece)) > 0 && out->len <= LARGEST_FILE) buf_append(out, piece, (size_t)n);
    int failed = n < 0 ? errno : 0;
    close(fd);
    if (failed) return error_set(err, "%s: cannot be read: %s; the defaults are used", path, strerror(failed));
    if (out->len > LARGEST_FILE) return error_set(err, "%s: is larger than 1 MB; the defaults are used", path);
    return 1;
}

static int line_of(const char *text, const char *at) {
    int line = 1;
    for (const char *p = text; p < at; p++) line += *p == '\n';
    return line;
}

// The object in the file; NULL without a message when there is no file.
static cJSON *read_object(const char *path, error *err) {
    buf text = {0};
    cJSON *json = NULL;
    if (read_file(path, &text, err) == 1) {
        const char *end = NULL;
        json = cJSON_ParseWithLengthOpts(buf_str(&text), text.len + 1, &end, true);
        if (!json) {
            error_set(err, "%s: line %d is not JSON; correct it, the defaults are used", path,
                      line_of(buf_str(&text), end ? end : buf_str(&text)));
        } else if (!cJSON_IsObject(json)) {
            error_set(err, "%s: holds no JSON object; the defaults are used", path);
            cJSON_Delete(json);
            json = NULL;
        }
    }
    buf_free(&text);
    return json;
}

static int knob_value(const gen_knob *k, const cJSON *value, gen_settings *s, error *err) {
    char number[40];
    const char *text = number;
    if (cJSON_IsNumber(value))
        snprintf(number, sizeof number, "%.17g", value->valuedouble);
    else if (cJSON_IsBool(value))
        text = cJSON_IsTrue(value) ? "on" : "off";
    else if (cJSON_IsString(value))
        text = value->valuestring;
    else
        return error_set(err, "%s: wants a number, a text or true or false", k->name);
    return gen_knob_parse(k, text, s, err);
}

static int knob_values(const gen_knob *k, const cJSON *value, gen_settings *s, error *err) {
    if (!cJSON_IsArray(value) || (k->kind != KNOB_STOP && k->kind != KNOB_EOS)) return knob_value(k, value, s, err);
    const cJSON *item;
    cJSON_ArrayForEach(item, value) {
        if (knob_value(k, item, s, err) != 0) return -1;
    }
    return 0;
}

static int unknown_name(const char *name, error *err) {
    const char **names = mem_calloc(gen_n_knobs() + N_TEXTS + 1, sizeof *names);
    memcpy(names, text_names, sizeof text_names);
    for (size_t i = 0; i < gen_n_knobs(); i++) names[N_TEXTS + i] = gen_knob_at(i)->name;
    const char *near = options_nearest(name, names);
    free(names);
    if (near) return error_set(err, "there is no setting \"%s\"; did you mean \"%s\"?", name, near);
    return error_set(err, "there is no setting \"%s\"", name);
}

static int read_item(const cJSON *item, config *c, gen_settings *s, error *err) {
    for (int i = 0; i < N_TEXTS; i++) {
        if (strcmp(item->string, text_names[i]) != 0) continue;
        if (!cJSON_IsString(item)) return error_set(err, "\"%s\" wants a text", item->string);
        if (text_field(c, i) == &c->kv_store && memory_parse(item->valuestring) < 0)
            return error_set(err, "\"%s\" wants a number of bytes, as \"500M\" or \"2G\"; 0 for none", item->string);
        free(*text_field(c, i));
        *text_field(c, i) = mem_strdup(item->valuestring);
        return 0;
    }
    const gen_knob *k = gen_knob_find(item->string);
    return k ? knob_values(k, item, s, err) : unknown_name(item->string, err);
}

static int read_items(const char *path, const cJSON *json, config *c, gen_settings *s, error *err) {
    const cJSON *item;
    cJSON_ArrayForEach(item, json) {
        if (read_item(item, c, s, err) == 0) continue;
        error why = *err;
        return error_set(err, "%s: %s; correct it, the defaults are used", path, why.text);
    }
    return 0;
}

int config_load(const char *path, config *c, gen_settings *s, error *err) {
    *c = (config){0};
    error own = {{0}};
    cJSON *json = read_object(path, &own);
    gen_settings read = *s;
    int failed = json ? read_items(path, json, c, &read, &own) : own.text[0] ? -1 : 0;
    cJSON_Delete(json);
    if (!failed) {
        *s = read;
        return 0;
    }
    config_free(c);
    return error_set(err, "%s", own.text);
}

void config_free(config *c) {
    for (int i = 0; i < N_TEXTS; i++) free(*text_field(c, i));
    *c = (config){0};
}

// ---- writing

// gen_knob_parse reads "\\n" as a newline, so a backslash is written twice.
static cJSON *stop_json(const char *stop) {
    buf text = {0};
    for (const char *p = stop; *p; p++) {
        if (*p == '\\') buf_putc(&text, '\\');
        buf_putc(&text, *p);
    }
    cJSON *json = cJSON_CreateString(buf_str(&text));
    buf_free(&text);
    return json;
}

// The knob's value as JSON; NULL when it is what a chat starts with.
static cJSON *knob_json(const gen_knob *k, const gen_settings *s) {
    gen_settings start = gen_settings_chat();
    cJSON *list = NULL;
    double value = 0;
    char seed[24];
    switch (k->kind) {
    case KNOB_REAL:
    case KNOB_INT:
    case KNOB_FLAG:
        value = gen_knob_get(k, s);
        if (value == gen_knob_get(k, &start)) return NULL;
        return k->kind == KNOB_FLAG ? cJSON_CreateBool(value != 0) : cJSON_CreateNumber(value);
    case KNOB_SEED:
        // A text, since a double holds no 64 bits.
        snprintf(seed, sizeof seed, "%llu", (unsigned long long)s->seed);
        return s->seed_given ? cJSON_CreateString(seed) : NULL;
    case KNOB_STOP:
        for (int i = 0; i < s->n_stops; i++) {
            if (!list) list = cJSON_CreateArray();
            cJSON_AddItemToArray(list, stop_json(s->stops[i]));
        }
        return list;
    case KNOB_EOS:
        for (int i = 0; i < s->n_eos; i++) {
            if (!list) list = cJSON_CreateArray();
            cJSON_AddItemToArray(list, cJSON_CreateNumber(s->eos[i]));
        }
        return list;
    }
    return NULL;
}

static int make_folder(const char *path, error *err) {
    char *folder = mem_strdup(path);
    char *slash = strrchr(folder, '/');
    int failed = 0;
    if (slash && slash != folder) {
        *slash = '\0';
        failed = paths_make_dir(folder, err);
    }
    free(folder);
    return failed;
}

int config_save(const char *path, const config *c, const gen_settings *s, error *err) {
    config old;
    gen_settings scratch = *s;
    error why = {{0}};
    int bad = config_load(path, &old, &scratch, &why);
    if (bad) return error_set(err, "not saved, since a mistake in the file comes first: %s", why.text);
    cJSON *json = cJSON_CreateObject();
    config copy = *c;
    if (!copy.hub) copy.hub = old.hub;
    if (!copy.kv_store) copy.kv_store = old.kv_store;
    for (int i = 0; i < N_TEXTS; i++) {
        const char *text = *text_field(&copy, i);
        if (text && *text) cJSON_AddStringToObject(json, text_names[i], text);
    }
    for (size_t i = 0; i < gen_n_knobs(); i++) {
        cJSON *value = knob_json(gen_knob_at(i), s);
        if (value) cJSON_AddItemToObject(json, gen_knob_at(i)->name, value);
    }
    config_free(&old);
    char *text = cJSON_Print(json);
    buf out = {0};
    buf_printf(&out, "%s\n", text);
    int failed = make_folder(path, err) || outfile_replace(path, buf_str(&out), out.len, err) ? -1 : 0;
    buf_free(&out);
    free(text);
    cJSON_Delete(json);
    return failed;
}
