// doppel models: what is under models/, what is in a model, fetching and removing.
#include "app/commands.h"
#include "app/config.h"
#include "app/fetch.h"
#include "app/options.h"
#include "app/paths.h"
#include "app/report.h"
#include "app/stop.h"
#include "app/sha256.h"
#include "app/tree.h"
#include "model/model.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const option_help help = {
    .usage = "models [list | show NAME | pull NAME|URL | rm NAME] [options]",
    .about = "The models under models/: `list` names them (so does no word at all), `show` tells what is in one,\n"
             "`rm` removes one. `pull` fetches one: \"default\" (SmolLM2-135M-Instruct), a .gguf file by its URL,\n"
             "or a Hugging Face directory by its URL or, below --base-url, by its name (gpt2). A pull that was cut\n"
             "short continues where it stopped.",
    .takes = OPTIONS_MODEL | OPTIONS_JSON,
    .min_args = 0,
    .max_args = 2,
};

typedef struct models_options {
    options common;
    const char *sha256, *base_url, *revision;
    int timeout;
    bool force, if_missing, yes;
} models_options;

// Text out of a model's file or a file's name, as it may be printed.
static const char *shown(error *e, const char *s, size_t n) {
    error_set(e, "%.*s", (int)(n < sizeof e->text ? n : sizeof e->text - 1), s);
    return e->text;
}

// ---- what is in a model ----

enum { MAX_TYPES = 40 };

typedef struct summary {
    error title, license; // "" when the file does not say
    char family[32];
    net_config config; // n_layers 0: not a family that generates text
    int64_t parameters, bytes;
    size_t n_tensors;
    char types[200];     // "q4_1 (210 tensors), f32 (61)": the most bytes first
    char main_type[16];  // "q4_1"
    char tokenizer[200]; // "gpt2, 49152 entries"
    const char *chat;    // chat family, or "none"
    char problem[512];   // why it cannot be used; "" when it can
} summary;

static void take_types(summary *s, const model_file *f) {
    struct {
        tensor_type type;
        int64_t bytes;
        int n;
    } types[MAX_TYPES] = {{0}}, t;
    int n_types = 0;
    s->n_tensors = model_file_n_tensors(f);
    for (size_t i = 0; i < s->n_tensors; i++) {
        const file_tensor *tensor = model_file_tensor_at(f, i);
        int64_t elements = 1;
        for (int d = 0; d < tensor->n_dims; d++) elements *= tensor->ne[d];
        s->parameters += elements;
        int k = 0;
        while (k < n_types && types[k].type != tensor->type) k++;
        if (k == MAX_TYPES) continue;
        if (k == n_types) types[n_types++].type = tensor->type;
        types[k].bytes += (int64_t)tensor->size;
        types[k].n++;
    }
    size_t len = 0;
    for (int i = 0; i < n_types; i++) {
        int most = i;
        for (int k = i; k < n_types; k++)
            if (types[k].bytes > types[most].bytes) most = k;
        t = types[i], types[i] = types[most], types[most] = t;
        if (len < sizeof s->types)
            len += (size_t)snprintf(s->types + len, sizeof s->types - len, "%s%s (%d tensor%s)", i ? ", " : "",
                                    tensor_type_name(types[i].type), types[i].n, types[i].n == 1 ? "" : "s");
    }
    snprintf(s->main_type, sizeof s->main_type, "%s", n_types ? tensor_type_name(types[0].type) : "none");
}

static void take_string(error *out, const model_file *f, const char *key) {
    const char *text;
    size_t n;
    const gguf *g = model_file_gguf(f);
    if (g && gguf_get_string(g, key, &text, &n, NULL) == 1) shown(out, text, n);
}

static void take_family(summary *s, const model_file *f) {
    error name = {0}, why;
    take_string(&name, f, "general.architecture");
    const char *json = cJSON_GetStringValue(cJSON_GetObjectItem(model_file_json(f), "model_type"));
    if (json) shown(&name, json, strlen(json));
    if (net_config_read(&s->config, f, &why) == 0) {
        shown(&name, s->config.family, strlen(s->config.family));
    } else {
        s->config = (net_config){0};
        snprintf(s->problem, sizeof s->problem, "%.511s", why.text);
    }
    snprintf(s->family, sizeof s->family, "%.31s", *name.text ? name.text : "unknown");
}

static void take_tokenizer(summary *s, const model_file *f) {
    error kind = {0}, why;
    tokenizer *t = tokenizer_open(f, &why);
    if (!t) {
        snprintf(s->tokenizer, sizeof s->tokenizer, "none");
        if (!*s->problem) snprintf(s->problem, sizeof s->problem, "%.511s", why.text);
        return;
    }
    take_string(&kind, f, "tokenizer.ggml.model");
    snprintf(s->tokenizer, sizeof s->tokenizer, "%.100s%s%d entries", kind.text, *kind.text ? ", " : "",
             tokenizer_n_vocab(t));
    chat_format c = chat_format_of(f, t);
    if (c.has_template) s->chat = chat_family_name(c.family);
    chat_format_free(&c);
    tokenizer_free(t);
}

// Reads all but the weights. A file that cannot be used is described as far as it can be, with its problem.
static void summarise(summary *s, const char *path) {
    error err;
    *s = (summary){.bytes = tree_size(path, NULL), .family = "unknown", .main_type = "-", .chat = "none"};
    model_file *f = model_file_open(path, &err);
    if (!f) {
        snprintf(s->problem, sizeof s->problem, "%.511s", err.text);
        return;
    }
    take_string(&s->title, f, "general.name");
    take_string(&s->license, f, "general.license");
    take_types(s, f);
    take_family(s, f);
    take_tokenizer(s, f);
    model_file_close(f);
}

static void put_json(const summary *s, const char *name, const char *path, bool is_default) {
    buf b = {0};
    buf_puts(&b, "{\"name\":");
    buf_json_string(&b, name, strlen(name));
    buf_puts(&b, ",\"path\":");
    buf_json_string(&b, path, strlen(path));
    buf_printf(&b, ",\"default\":%s,\"bytes\":%" PRId64 ",\"family\":", is_default ? "true" : "false", s->bytes);
    buf_json_string(&b, s->family, strlen(s->family));
    buf_printf(&b, ",\"parameters\":%" PRId64 ",\"tensors\":%zu,\"type\":\"%s\",\"types\":\"%s\"", s->parameters,
               s->n_tensors, s->main_type, s->types);
    buf_printf(&b, ",\"layers\":%d,\"embedding\":%d,\"heads\":%d,\"kv_heads\":%d,\"context\":%d,\"vocabulary\":%d",
               s->config.n_layers, s->config.n_embd, s->config.n_heads, s->config.n_kv_heads, s->config.n_ctx,
               s->config.n_vocab);
    buf_puts(&b, ",\"tokenizer\":");
    buf_json_string(&b, s->tokenizer, strlen(s->tokenizer));
    buf_printf(&b, ",\"chat\":\"%s\",\"title\":", s->chat);
    buf_json_string(&b, s->title.text, strlen(s->title.text));
    buf_puts(&b, ",\"license\":");
    buf_json_string(&b, s->license.text, strlen(s->license.text));
    buf_puts(&b, ",\"problem\":");
    if (*s->problem)
        buf_json_string(&b, s->problem, strlen(s->problem));
    else
        buf_puts(&b, "null");
    buf_putc(&b, '}');
    puts(buf_str(&b));
    buf_free(&b);
}

static void format_count(char out[32], int64_t n) {
    if (n >= 1000000000)
        snprintf(out, 32, "%.2f billion", (double)n * 1e-9);
    else
        snprintf(out, 32, "%.1f million", (double)n * 1e-6);
}

// ---- list ----

enum { MAX_NAME_WIDTH = 60 }; // a longer name moves its own line alone

typedef struct listing {
    bool json;
    int n, width; // width of the name column
    const char *default_path;
} listing;

static void measure_name(void *arg, const char *name, const char *path) {
    listing *l = arg;
    (void)path;
    int n = (int)utf8_length(name, strlen(name));
    l->n++;
    if (n > l->width && n <= MAX_NAME_WIDTH) l->width = n;
}

static void list_one(void *arg, const char *name, const char *path) {
    listing *l = arg;
    summary s;
    error e;
    summarise(&s, path);
    bool is_default = l->default_path && !strcmp(path, l->default_path);
    if (l->json) {
        put_json(&s, name, path, is_default);
        return;
    }
    shown(&e, name, strlen(name));
    // The line begins with the name: the problem need not repeat its path.
    error shown_path;
    size_t n_path = strlen(shown(&shown_path, path, strlen(path)));
    const char *problem = s.problem;
    if (strncmp(problem, shown_path.text, n_path) == 0 && strncmp(problem + n_path, ": ", 2) == 0)
        problem += n_path + 2;
    int pad = l->width - (int)utf8_length(e.text, strlen(e.text));
    printf("%s %s%*s %8.1f MB  %-8s  %s%s%s\n", is_default ? "*" : " ", e.text, pad > 0 ? pad : 0, "",
           (double)s.bytes * 1e-6, s.family, s.main_type, *problem ? "  " : "", problem);
}

static int list(const models_options *o) {
    listing l = {.json = o->common.json, .width = 5};
    buf chosen = {0};
    if (paths_model(NULL, &chosen, NULL) == 0) l.default_path = chosen.data;
    paths_models(measure_name, &l);
    if (!l.json && l.n) printf("  %-*s %11s  %-8s  %s\n", l.width, "MODEL", "SIZE", "FAMILY", "TYPE");
    paths_models(list_one, &l);
    if (!l.json && !l.n && !o->common.quiet) printf("No models yet; `doppel models pull default` fetches one.\n");
    buf_free(&chosen);
    return EXIT_DONE;
}

// ---- show ----

static const char *base_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : path;
}

static void show_text(const summary *s, const char *path) {
    error e;
    char count[32];
    format_count(count, s->parameters);
    printf("file        %s\n", shown(&e, path, strlen(path)));
    if (*s->title.text) printf("title       %s\n", s->title.text);
    if (*s->license.text) printf("licence     %s\n", s->license.text);
    printf("size        %.1f MB\n", (double)s->bytes * 1e-6);
    printf("family      %s\n", s->family);
    printf("parameters  %s in %zu tensors\n", count, s->n_tensors);
    printf("weights     %s\n", s->types);
    if (s->config.n_layers) {
        printf("shape       %d layers, width %d, %d heads (%d for keys), mlp %d\n", s->config.n_layers,
               s->config.n_embd, s->config.n_heads, s->config.n_kv_heads, s->config.n_ff);
        printf("context     %d tokens\n", s->config.n_ctx);
        printf("vocabulary  %d\n", s->config.n_vocab);
    }
    printf("tokenizer   %s\n", s->tokenizer);
    printf("chat        %s\n", s->chat);
}

static int show(const models_options *o, const char *name) {
    buf path = {0};
    error err;
    summary s;
    int code = EXIT_DONE;
    if (paths_model(name, &path, &err) != 0) {
        buf_free(&path);
        return report_error(&err);
    }
    summarise(&s, path.data);
    if (!s.n_tensors) {
        code = report_failure("%s", s.problem);
    } else if (o->common.json) {
        buf chosen = {0};
        bool is_default = paths_model(NULL, &chosen, NULL) == 0 && !strcmp(chosen.data, path.data);
        put_json(&s, base_name(path.data), path.data, is_default);
        buf_free(&chosen);
    } else {
        show_text(&s, path.data);
        if (*s.problem) report_note("%s", s.problem);
    }
    buf_free(&path);
    return code;
}

// ---- rm ----

typedef struct lookup {
    const char *name; // as given
    buf found;        // the path of the model of exactly that name
} lookup;

static void match(void *arg, const char *name, const char *path) {
    lookup *l = arg;
    size_t n = strlen(l->name);
    if (strncmp(name, l->name, n) == 0 && (!name[n] || !strcmp(name + n, ".gguf")) && !l->found.len)
        buf_puts(&l->found, path);
}

static bool confirmed(const char *path) {
    error e;
    char answer[16] = "";
    fprintf(stderr, "Remove %s (%.1f MB)? [y/N] ", shown(&e, path, strlen(path)), (double)tree_size(path, NULL) * 1e-6);
    return fgets(answer, sizeof answer, stdin) && (answer[0] == 'y' || answer[0] == 'Y');
}

static int rm(const models_options *o, const char *name) {
    const fetch_package *p = fetch_find(name);
    lookup l = {.name = p ? p->file : name};
    error err;
    int code = EXIT_DONE;
    paths_models(match, &l);
    if (!l.found.len) {
        code = report_failure("%s: no model of that name under models/; `doppel models` lists them", name);
    } else if (!o->yes && !isatty(STDIN_FILENO)) {
        code = report_failure("%s: nobody is there to ask; give -y to remove it", name);
    } else if (!o->yes && !confirmed(l.found.data)) {
        code = report_failure("%s: kept", name);
    } else if (tree_remove(l.found.data, &err) != 0) {
        code = report_error(&err);
    } else if (!o->common.quiet && !o->common.json) {
        printf("Removed %s\n", shown(&err, l.found.data, l.found.len));
    }
    buf_free(&l.found);
    return code;
}

// ---- pull ----

typedef struct display {
    bool quiet, terminal, drawn;
    int calls;
    fetch_stage stage;
} display;

// On a terminal one line that is drawn over; elsewhere a line when the stage changes and every five seconds or so.
static bool on_progress(void *arg, const fetch_progress *p) {
    display *d = arg;
    if (stop_asked()) return false;
    if (d->quiet) return true;
    bool due = d->terminal || !d->calls || p->stage != d->stage || d->calls % 25 == 0;
    d->calls++;
    d->stage = p->stage;
    if (!due) return true;
    buf line = {0};
    fetch_progress_text(&line, p);
    fprintf(stderr, d->terminal ? "\r%s: %s\033[K" : "%s: %s\n", p->name, line.data);
    fflush(stderr);
    d->drawn = d->terminal;
    buf_free(&line);
    return true;
}

static int pull(const models_options *o, const char *name) {
    display d = {.quiet = o->common.quiet || o->common.json, .terminal = isatty(STDERR_FILENO)};
    config c = {0};
    gen_settings unused = gen_settings_chat();
    buf models = {0}, path = {0};
    error err;
    if (paths_config("config.json", &path, &err) == 0 && config_load(path.data, &c, &unused, &err) != 0)
        report_note("%s", err.text);
    buf_clear(&path);
    const char *env = getenv("DOPPEL_HUB");
    fetch_options f = {
        .progress = on_progress,
        .arg = &d,
        .sha256 = o->sha256,
        .base_url = o->base_url   ? o->base_url
                    : env && *env ? env
                                  : c.hub,
        .revision = o->revision,
        .stall_seconds = o->timeout,
        .force = o->force,
    };
    int result = FETCH_FAILED;
    stop_watch();
    if (paths_data("models", &models, &err) == 0) result = fetch_any(name, models.data, &f, &path, &err);
    if (d.drawn) fprintf(stderr, "\r\033[K");
    int code = EXIT_DONE;
    if (result == FETCH_CANCELLED) {
        report_note("%s: stopped", name);
        code = EXIT_INTERRUPTED;
    } else if (result == FETCH_FAILED) {
        code = report_error(&err);
    } else if (o->common.json) {
        buf line = {0};
        buf_json_string(&line, path.data, path.len);
        printf("{\"type\":\"done\",\"path\":%s}\n", line.data);
        buf_free(&line);
    } else if (!o->common.quiet && !(o->if_missing && !d.calls)) {
        printf("%s\n", shown(&err, path.data, path.len));
    }
    config_free(&c);
    buf_free(&models);
    buf_free(&path);
    return code;
}

// ---- which of them ----

static int run(const models_options *o) {
    const char *verb = o->common.n_args ? o->common.args[0] : "list";
    const char *name = o->common.n_args > 1 ? o->common.args[1] : o->common.model;
    if (o->sha256 && !sha256_is_hex(o->sha256)) return report_usage("--sha256 wants 64 hexadecimal digits");
    if (!strcmp(verb, "list") || !strcmp(verb, "ls"))
        return o->common.n_args > 1 ? report_usage("`models list` takes no name; `models show %s`?", name) : list(o);
    if (!strcmp(verb, "show")) return show(o, name);
    if (strcmp(verb, "pull") != 0 && strcmp(verb, "rm") != 0) {
        static const char *const verbs[] = {"list", "show", "pull", "rm", NULL};
        const char *near = options_nearest(verb, verbs);
        return report_usage("models has no \"%s\"; %s%s", verb,
                            near ? "is it " : "`doppel models -h` tells what it has", near ? near : "");
    }
    if (!name) return report_usage("models %s wants a name", verb);
    return !strcmp(verb, "pull") ? pull(o, name) : rm(o, name);
}

int cmd_models(int argc, char **argv) {
    models_options o = {0};
    const option own[] = {
        {"sha256", 0, OPTION_TEXT, &o.sha256, "HEX", "pull: what the file must hash to", 0, 0},
        {"base-url", 0, OPTION_TEXT, &o.base_url, "URL",
         "pull: where names are looked up, as URL/NAME/resolve/REVISION/FILE; else DOPPEL_HUB, else \"hub\" in "
         "config.json",
         0, 0},
        {"revision", 0, OPTION_TEXT, &o.revision, "NAME", "pull: branch, tag or commit; main unless given", 0, 0},
        {"timeout", 0, OPTION_INT, &o.timeout, "SECONDS",
         "pull: how long a connection may be silent before it is tried again; 30 unless given", 1, 3600},
        {"force", 'f', OPTION_FLAG, &o.force, NULL, "pull: fetch again although it is there", 0, 0},
        {"if-missing", 0, OPTION_FLAG, &o.if_missing, NULL, "pull: say nothing when it is there", 0, 0},
        {"yes", 'y', OPTION_FLAG, &o.yes, NULL, "rm: do not ask", 0, 0},
        {0},
    };
    if (!options_read(&o.common, &help, own, argc, argv)) return o.common.exit_code;
    int code = run(&o);
    options_free(&o.common);
    return code;
}
