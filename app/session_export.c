#include "app/session_export.h"

#include <cjson/cJSON.h>

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

static const char *const names[] = {[SESSION_MARKDOWN] = "md", [SESSION_TEXT] = "txt", [SESSION_JSON] = "json"};

bool session_format_named(const char *name, session_format *out) {
    for (int i = SESSION_MARKDOWN; i <= SESSION_JSON; i++) {
        if (strcasecmp(name, names[i]) != 0) continue;
        *out = (session_format)i;
        return true;
    }
    return false;
}

session_format session_format_of(const char *path) {
    session_format f = SESSION_MARKDOWN;
    const char *dot = strrchr(path, '.');
    if (dot) session_format_named(dot + 1, &f);
    return f;
}

// ---- for people

static const char *base_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : path;
}

// Markdown's blank line after a heading; in plain text the name and the time stand alone on a line.
static void write_message(const session_message *m, bool plain, buf *out) {
    char when[32];
    buf_printf(out, plain ? "%s, %s\n" : "**%s** (%s)\n\n", m->author, session_when(m->time, when));
    buf_puts(out, m->text);
    if (m->is_answer && (m->is_unfinished || m->stop == GEN_INTERRUPTED))
        buf_puts(out, plain ? " [stopped]" : " *[stopped]*");
    buf_puts(out, "\n\n");
}

static void write_text(const session *s, bool plain, buf *out) {
    const char *model = *s->model ? base_name(s->model) : "no model";
    if (*s->title) buf_printf(out, plain ? "%s\n\nChat with %s\n\n" : "# %s\n\nChat with %s\n\n", s->title, model);
    if (!*s->title) buf_printf(out, plain ? "Chat with %s\n\n" : "# Chat with %s\n\n", model);
    if (*s->system) buf_printf(out, plain ? "System: %s\n\n" : "> System: %s\n\n", s->system);
    size_t *path = mem_calloc(s->n_messages + 1, sizeof *path), n = session_path(s, path);
    for (size_t i = 0; i < n; i++) write_message(&s->messages[path[i]], plain, out);
    free(path);
}

// ---- for programs

static void put_text(const char *name, const char *text, buf *out) {
    buf_printf(out, ",\"%s\":", name);
    buf_json_string(out, text, strlen(text));
}

static void put_time(const char *name, int64_t time, buf *out) {
    char text[32] = "";
    time_t t = (time_t)time;
    struct tm local;
    if (localtime_r(&t, &local)) strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &local);
    put_text(name, text, out);
}

// It came from a file: what is no JSON object is left out.
static void put_setup(const char *setup, buf *out) {
    cJSON *json = cJSON_Parse(setup);
    char *text = cJSON_IsObject(json) ? cJSON_PrintUnformatted(json) : NULL;
    buf_printf(out, ",\"setup\":%s", text ? text : "{}");
    free(text);
    cJSON_Delete(json);
}

static void write_message_json(const session_message *m, buf *out) {
    buf_printf(out, "{\"number\":%d,\"parent\":%d,\"chosen\":%s,\"role\":\"%s\"", m->number, m->parent,
               m->chosen ? "true" : "false", m->is_answer ? "model" : "user");
    put_text("author", m->author, out);
    put_time("time", m->time, out);
    put_text("text", m->text, out);
    if (m->is_answer) {
        if (m->is_unfinished)
            buf_puts(out, ",\"stop\":null");
        else
            put_text("stop", gen_stop_name(m->stop), out);
        buf_printf(out, ",\"tokens\":%d", m->n_tokens);
        put_text("model", m->model, out);
        put_setup(m->setup, out);
    }
    buf_putc(out, '}');
}

static void write_json(const session *s, buf *out) {
    buf_printf(out, "{\"id\":%lld", (long long)s->id);
    put_text("title", s->title, out);
    put_time("created", s->created, out);
    put_time("changed", s->changed, out);
    put_text("system", s->system, out);
    put_text("model", s->model, out);
    buf_puts(out, ",\"messages\":[");
    for (size_t i = 0; i < s->n_messages; i++) {
        if (i) buf_putc(out, ',');
        write_message_json(&s->messages[i], out);
    }
    buf_puts(out, "]}\n");
}

void session_write(const session *s, session_format format, buf *out) {
    if (format == SESSION_JSON)
        write_json(s, out);
    else
        write_text(s, format == SESSION_TEXT, out);
}
