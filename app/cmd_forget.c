// doppel forget: takes a person's messages out of the stored data and names the adapters that learned from them.
#include "app/commands.h"
#include "app/corpus/dataset.h"
#include "app/options.h"
#include "app/report.h"

#include <stdio.h>
#include <string.h>

static const option_help help = {
    .usage = "forget [options] NAME...",
    .about =
        "Removes every message of these people from the stored data sets, and names the adapters that were trained\n"
        "on messages of theirs: what an adapter has learned stays in it until it is removed.",
    .more = "The name must be written as `doppel import --authors` shows it. With --json one line\n"
            "{\"name\":\"...\",\"datasets\":[{\"name\":\"...\",\"removed\":0}],\"adapters\":[\"...\"]} for every NAME.",
    .takes = OPTIONS_JSON,
    .min_args = 1,
    .max_args = -1,
};

static void print_json(const char *name, const forgotten *f) {
    buf out = {0};
    buf_puts(&out, "{\"name\":");
    buf_json_string(&out, name, strlen(name));
    buf_puts(&out, ",\"datasets\":[");
    for (size_t i = 0; i < f->n_datasets; i++) {
        buf_puts(&out, i ? ",{\"name\":" : "{\"name\":");
        buf_json_string(&out, f->datasets[i].name, strlen(f->datasets[i].name));
        buf_printf(&out, ",\"removed\":%lld}", (long long)f->datasets[i].removed);
    }
    buf_puts(&out, "],\"adapters\":[");
    for (size_t i = 0; i < f->n_adapters; i++) {
        if (i) buf_putc(&out, ',');
        buf_json_string(&out, f->adapters[i].name, strlen(f->adapters[i].name));
    }
    buf_puts(&out, "]}\n");
    fwrite(out.data, 1, out.len, stdout);
    buf_free(&out);
}

static void print_text(const char *name, const forgotten *f, bool dry) {
    error shown; // takes out what could steer the terminal
    for (size_t i = 0; i < f->n_datasets; i++) {
        error_set(&shown, "data set %s: %lld messages of \"%s\" %s", f->datasets[i].name,
                  (long long)f->datasets[i].removed, name, dry ? "would be removed" : "removed");
        printf("%s\n", shown.text);
    }
    for (size_t i = 0; i < f->n_adapters; i++) {
        error_set(&shown, "adapter %s was trained on messages of \"%s\"; `doppel adapters rm %s` removes it",
                  f->adapters[i].name, name, f->adapters[i].name);
        printf("%s\n", shown.text);
    }
}

static int forget(const char *name, const options *o, bool dry) {
    forgotten f;
    error err;
    int code = EXIT_DONE;
    if (dataset_forget(name, dry, &f, &err) != 0)
        code = report_error(&err);
    else if (!f.n_datasets && !f.n_adapters)
        code = report_failure("nothing stored here is by \"%s\", and no adapter was trained on them", name);
    else if (!o->json)
        print_text(name, &f, dry);
    if (o->json && code == EXIT_DONE) print_json(name, &f);
    forgotten_free(&f);
    return code;
}

int cmd_forget(int argc, char **argv) {
    options o;
    bool dry = false;
    const option own[] = {{"dry-run", 0, OPTION_FLAG, &dry, NULL, "only say what would be removed", 0, 0}, {0}};
    if (!options_read(&o, &help, own, argc, argv)) return o.exit_code;
    int code = EXIT_DONE;
    for (int i = 0; i < o.n_args; i++) {
        int one = forget(o.args[i], &o, dry);
        if (one != EXIT_DONE) code = one;
    }
    options_free(&o);
    return code;
}
