// doppel adapters: what is under adapters/, what an adapter was trained on, removing.
#include "app/adapter_info.h"
#include "app/adapters.h"
#include "app/commands.h"
#include "app/options.h"
#include "app/paths.h"
#include "app/report.h"
#include "app/train_folder.h"
#include "app/tree.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const option_help help = {
    .usage = "adapters [list | show NAME | rm NAME] [options]",
    .about = "The adapters under adapters/: `list` names them (so does no word at all), `show` tells what is in one\n"
             "and how it was trained, `rm` removes one with its checkpoint. A PEFT directory or a GGUF LoRA file\n"
             "can also be shown by its path.",
    .takes = OPTIONS_JSON,
    .max_args = 2,
};

// As it may be printed.
static const char *shown(error *e, const char *s) {
    error_set(e, "%s", s);
    return e->text;
}

static const char *base_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : path;
}

// "1.2 MB", "53 kB".
static const char *size_text(int64_t bytes, char out[32]) {
    if (bytes < 1000000)
        snprintf(out, 32, "%lld kB", (long long)(bytes + 999) / 1000);
    else
        snprintf(out, 32, "%.1f MB", (double)bytes * 1e-6);
    return out;
}

// ---- list, show

static void put_text(buf *b, const char *name, const char *text) {
    buf_printf(b, ",\"%s\":", name);
    buf_json_string(b, text, strlen(text));
}

static void put_json(const adapter_info *a) {
    buf b = {0};
    buf_puts(&b, "{\"name\":");
    buf_json_string(&b, a->name, strlen(a->name));
    put_text(&b, "path", a->path);
    put_text(&b, "format", a->gguf ? "gguf-lora" : "peft");
    put_text(&b, "base", a->base);
    buf_printf(&b, ",\"rank\":%d,\"alpha\":%.15g", a->rank, a->alpha);
    put_text(&b, "targets", a->targets);
    buf_printf(&b, ",\"parameters\":%lld,\"bytes\":%lld", (long long)a->parameters, (long long)a->bytes);
    if (a->trained) {
        put_text(&b, "status", a->status);
        put_text(&b, "imitates", a->imitates);
        buf_printf(&b, ",\"steps\":%d,\"step\":%d,\"best_step\":%d", a->steps, a->step, a->best_step);
        if (isfinite(a->loss)) buf_printf(&b, ",\"loss\":%.6g", a->loss);
    }
    if (a->problem)
        put_text(&b, "problem", a->problem);
    else
        buf_puts(&b, ",\"problem\":null");
    buf_putc(&b, '}');
    puts(b.data);
    buf_free(&b);
}

typedef struct listing {
    bool json;
    int n, width; // of the column of names
} listing;

static void measure(void *arg, const adapter_info *a) {
    listing *l = arg;
    int n = (int)utf8_length(a->name, strlen(a->name));
    l->n++;
    if (n > l->width) l->width = n;
}

static void list_one(void *arg, const adapter_info *a) {
    const listing *l = arg;
    error e;
    char size[32];
    if (l->json) {
        put_json(a);
        return;
    }
    int pad = l->width - (int)utf8_length(a->name, strlen(a->name));
    printf("%s%*s %11s", shown(&e, a->name), pad, "", size_text(a->bytes, size));
    if (a->rank) printf("  rank %d", a->rank);
    if (*a->base) printf("  for %s", shown(&e, base_name(a->base)));
    if (*a->imitates) printf("  as %s", shown(&e, a->imitates));
    if (a->trained) printf("  step %d of %d", a->step, a->steps);
    if (a->problem) printf("  %s", shown(&e, a->problem));
    putchar('\n');
}

static int list(const options *o) {
    listing l = {.json = o->json};
    adapter_info_all(measure, &l);
    adapter_info_all(list_one, &l);
    if (!l.n && !o->json && !o->quiet) printf("No adapters yet; `doppel train` makes one.\n");
    return EXIT_DONE;
}

static int show(const options *o, const char *name) {
    error err;
    char size[32];
    float strength;
    buf path = {0};
    if (adapters_find(name, &path, &strength, &err) != 0) {
        buf_free(&path);
        return report_error(&err);
    }
    adapter_info a;
    adapter_info_read(&a, base_name(buf_str(&path)), buf_str(&path));
    int code = EXIT_DONE;
    if (a.problem && !a.parameters && !a.trained) {
        code = report_failure("%s: %s", a.path, a.problem);
    } else if (o->json) {
        put_json(&a);
    } else {
        printf("path        %s\n", shown(&err, a.path));
        if (*a.base) printf("base        %s\n", shown(&err, a.base));
        printf("format      %s\n", a.gguf ? "GGUF LoRA" : "PEFT");
        printf("size        %s, %lld parameters\n", size_text(a.bytes, size), (long long)a.parameters);
        if (a.rank) printf("rank        %d, alpha %g\n", a.rank, a.alpha);
        if (*a.targets) printf("targets     %s\n", shown(&err, a.targets));
        if (*a.imitates) printf("imitates    %s\n", shown(&err, a.imitates));
        if (a.trained) printf("training    %s, step %d of %d\n", shown(&err, a.status), a.step, a.steps);
        if (isfinite(a.loss)) printf("loss        %.4f at step %d\n", a.loss, a.best_step);
        if (a.problem) report_note("%s", a.problem);
    }
    adapter_info_free(&a);
    buf_free(&path);
    return code;
}

// ---- rm

// Appends adapters/NAME; only a plain name leads there.
static int find_own(const char *name, buf *path, error *err) {
    static const char *const endings[] = {"", ".gguf"};
    if (strchr(name, '/') || name[0] == '.' || !*name)
        return error_set(err, "%s: is no name of an adapter under adapters/; `doppel adapters` lists them", name);
    for (int i = 0; i < 2; i++) {
        buf_clear(path);
        if (paths_data("adapters", path, err) != 0) return -1;
        buf_printf(path, "/%s%s", name, endings[i]);
        if (access(buf_str(path), F_OK) == 0) return 0;
    }
    return error_set(err, "%s: no adapter of that name under adapters/; `doppel adapters` lists them", name);
}

static bool confirmed(const char *path) {
    error e;
    char answer[16] = "", size[32];
    fprintf(stderr, "Remove %s (%s)? [y/N] ", shown(&e, path), size_text(tree_size(path, NULL), size));
    return fgets(answer, sizeof answer, stdin) && (answer[0] == 'y' || answer[0] == 'Y');
}

static int rm(const options *o, bool yes, const char *name) {
    buf path = {0};
    error err;
    int code = EXIT_DONE;
    if (find_own(name, &path, &err) != 0) {
        code = report_error(&err);
    } else if (train_folder_is_locked(path.data)) {
        code = report_failure("%s: a training is writing it; end that first", name);
    } else if (!yes && !isatty(STDIN_FILENO)) {
        code = report_failure("%s: nobody is there to ask; give -y to remove it", name);
    } else if (!yes && !confirmed(path.data)) {
        code = report_failure("%s: kept", name);
    } else if (tree_remove(path.data, &err) != 0) {
        code = report_error(&err);
    } else if (!o->quiet && !o->json) {
        printf("Removed %s\n", shown(&err, path.data));
    }
    buf_free(&path);
    return code;
}

// ----

static int run(const options *o, bool yes) {
    static const char *const verbs[] = {"list", "show", "rm", NULL};
    const char *verb = o->n_args ? o->args[0] : "list", *name = o->n_args > 1 ? o->args[1] : NULL;
    if (strcmp(verb, "list") == 0 || strcmp(verb, "ls") == 0)
        return name ? report_usage("`adapters list` takes no name; `adapters show %s`?", name) : list(o);
    if (strcmp(verb, "show") != 0 && strcmp(verb, "rm") != 0) {
        const char *near = options_nearest(verb, verbs);
        return report_usage("adapters has no \"%s\"; %s%s", verb,
                            near ? "is it " : "`doppel adapters -h` tells what it has", near ? near : "");
    }
    if (!name) return report_usage("adapters %s wants a name", verb);
    return strcmp(verb, "show") == 0 ? show(o, name) : rm(o, yes, name);
}

int cmd_adapters(int argc, char **argv) {
    options common = {0};
    bool yes = false;
    const option own[] = {{"yes", 'y', OPTION_FLAG, &yes, NULL, "rm: do not ask", 0, 0}, {0}};
    if (!options_read(&common, &help, own, argc, argv)) return common.exit_code;
    int code = run(&common, yes);
    options_free(&common);
    return code;
}
