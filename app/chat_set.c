// The command /set: what can be set, as it is, and as it is wished.
#include "app/chat_impl.h"
#include "app/config.h"
#include "app/options.h"
#include "app/paths.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static void describe_range(const gen_knob *k, buf *out) {
    switch (k->kind) {
    case KNOB_REAL:
    case KNOB_INT: buf_printf(out, "%.15g to %.15g", k->min, k->max); break;
    case KNOB_FLAG: buf_puts(out, "on or off"); break;
    case KNOB_SEED: buf_puts(out, "a whole number, or random"); break;
    case KNOB_STOP: buf_puts(out, "a text, added to the list"); break;
    case KNOB_EOS: buf_puts(out, "a token id, added to the list"); break;
    }
}

static void print_value(const gen_knob *k, const gen_settings *s, buf *out) {
    if (k->kind == KNOB_SEED)
        buf_printf(out, "%llu", (unsigned long long)s->seed); // also when it came from the clock
    else
        gen_knob_print(k, s, out);
}

// "temperature is 0.7 (0 to 2): how freely ..."
static void describe_knob(const gen_knob *k, const gen_settings *s, buf *out) {
    buf_printf(out, "%s is ", k->name);
    print_value(k, s, out);
    buf_puts(out, " (");
    describe_range(k, out);
    buf_printf(out, "): %s", k->help);
    const char *idle = gen_knob_idle(k, s);
    if (idle) buf_printf(out, ". It has no effect now: %s", idle);
}

static unsigned list_knobs(chat *c) {
    buf out = {0};
    int width = 0;
    for (size_t i = 0; i < gen_n_knobs(); i++) {
        int n = (int)strlen(gen_knob_at(i)->name);
        if (n > width) width = n;
    }
    for (size_t i = 0; i < gen_n_knobs(); i++) {
        const gen_knob *k = gen_knob_at(i);
        buf value = {0};
        print_value(k, &c->settings, &value);
        buf_printf(&out, "%-*s %-8s %s\n", width, k->name, buf_str(&value), k->help);
        buf_free(&value);
    }
    buf_printf(&out, "%-*s %-8s your name in this chat\n", width, "user", c->user_name);
    buf_puts(&out,
             "/set NAME VALUE changes one, /set NAME default puts it back, /set save keeps them for the next time.");
    chat_note(c, false, "%s", buf_str(&out));
    buf_free(&out);
    return CHAT_TURNS;
}

static unsigned save_settings(chat *c) {
    error err = {{0}};
    buf path = {0};
    config keep = {.model = c->model_path, .system = c->system, .user = c->user_name, .theme = c->theme};
    unsigned flags =
        paths_config("config.json", &path, &err) == 0 && config_save(buf_str(&path), &keep, &c->settings, &err) == 0
            ? chat_note(c, false, "Saved to %s: model, system text, name and settings.", buf_str(&path))
            : chat_note(c, true, "%s", err.text);
    buf_free(&path);
    return flags;
}

static unsigned set_user(chat *c, const char *value) {
    if (*value) {
        free(c->user_name);
        c->user_name = mem_strdup(value);
    }
    return chat_note(c, false, "Your name here is %s.", c->user_name) | CHAT_SETTINGS;
}

// Back to what a chat starts with.
static void reset_knob(const gen_knob *k, gen_settings *s) {
    gen_settings start = gen_settings_chat();
    switch (k->kind) {
    case KNOB_REAL:
    case KNOB_INT:
    case KNOB_FLAG: gen_knob_set(k, s, gen_knob_get(k, &start)); break;
    case KNOB_SEED: s->seed_given = false; break;
    case KNOB_STOP: s->n_stops = 0; break;
    case KNOB_EOS: s->n_eos = 0; break;
    }
}

static unsigned set_knob(chat *c, const gen_knob *k, const char *value) {
    error err = {{0}};
    gen_settings s = c->settings;
    if (*value && strcasecmp(value, "default") == 0)
        reset_knob(k, &s);
    else if (*value && gen_knob_parse(k, value, &s, &err) != 0)
        return chat_note(c, true, "%s", err.text);
    if (*value) {
        if (k->kind == KNOB_SEED && !s.seed_given) s.seed = chat_clock_seed();
        chat_set_settings(c, &s);
        if (k->kind == KNOB_SEED) worker_reseed(c->worker);
    }
    buf out = {0};
    describe_knob(k, &s, &out);
    chat_note(c, false, "%s", buf_str(&out));
    buf_free(&out);
    return CHAT_TURNS | CHAT_SETTINGS;
}

static unsigned unknown_setting(chat *c, const char *name) {
    const char **names = mem_calloc(gen_n_knobs() + 3, sizeof *names);
    for (size_t i = 0; i < gen_n_knobs(); i++) names[i] = gen_knob_at(i)->name;
    names[gen_n_knobs()] = "user";
    names[gen_n_knobs() + 1] = "save";
    const char *near = options_nearest(name, names);
    free(names);
    if (near) return chat_note(c, true, "there is no setting %s; did you mean %s?", name, near);
    return chat_note(c, true, "there is no setting %s; /set lists them", name);
}

unsigned chat_set_run(chat *c, const char *args) {
    if (!*args) return list_knobs(c);
    size_t n = strcspn(args, " \t=");
    char *name = mem_strndup(args, n);
    const char *value = args + n + strspn(args + n, " \t=");
    const gen_knob *k = gen_knob_find(name);
    unsigned flags;
    if (k)
        flags = set_knob(c, k, value);
    else if (strcmp(name, "user") == 0)
        flags = set_user(c, value);
    else if (strcmp(name, "save") == 0 || strcmp(name, "--save") == 0)
        flags = save_settings(c);
    else
        flags = unknown_setting(c, name);
    free(name);
    return flags;
}
