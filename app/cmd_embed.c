// doppel embed: a vector for every text, such that texts of like meaning have like vectors.
#include "app/commands.h"
#include "app/embedder.h"
#include "app/options.h"
#include "app/report.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const option_help help = {
    .usage = "embed [options] [FILE]",
    .about = "The embedding of every line of FILE (standard input: -, or no FILE): numbers whose direction stands for\n"
             "the meaning of the text. The model has to be an encoder, a BERT or DistilBERT; without -m the first one\n"
             "under models/ is taken.",
    .more = "Prints a line of numbers with tabs between them for every text; with --json a line\n"
            "{\"text\":\"...\",\"embedding\":[...]}.",
    .takes = OPTIONS_MODEL | OPTIONS_JSON,
    .max_args = 1,
};

typedef struct job {
    options common;
    const char *pooling; // NULL: as the model has it
    bool json_lines, no_normalize;
    embedder embedder;
    texts texts;
    buf line;
} job;

// Nine digits are enough to read the same float back.
static void put_numbers(const float *x, int n, char between, buf *out) {
    for (int i = 0; i < n; i++) {
        if (i > 0) buf_putc(out, between);
        buf_printf(out, "%.9g", (double)x[i]);
    }
}

static int print_one(job *j, const text_place *place, const float *x, error *err) {
    int width = encoder_width(j->embedder.encoder);
    buf_clear(&j->line);
    if (j->common.json) {
        buf_puts(&j->line, "{\"text\":");
        buf_json_string(&j->line, buf_str(&j->texts.bytes) + place->at, place->len);
        buf_puts(&j->line, ",\"embedding\":[");
        put_numbers(x, width, ',', &j->line);
        buf_puts(&j->line, "]}\n");
    } else {
        put_numbers(x, width, '\t', &j->line);
        buf_putc(&j->line, '\n');
    }
    if (fwrite(buf_str(&j->line), 1, j->line.len, stdout) == j->line.len) return 0;
    return error_set(err, "standard output: %s", strerror(errno));
}

static int embed(job *j, error *err) {
    const texts *t = &j->texts;
    size_t width = (size_t)encoder_width(j->embedder.encoder);
    float *vectors = mem_calloc(EMBEDDER_GROUP * width, sizeof *vectors);
    int rc = 0;
    for (size_t done = 0; rc == 0 && done < t->n;) {
        size_t n = t->n - done < EMBEDDER_GROUP ? t->n - done : EMBEDDER_GROUP;
        rc = embedder_run(&j->embedder, buf_str(&t->bytes), t->places + done, n, vectors, err);
        for (size_t i = 0; rc == 0 && i < n; i++) rc = print_one(j, &t->places[done + i], vectors + i * width, err);
        done += n;
    }
    free(vectors);
    if (rc == 0 && fflush(stdout) != 0) rc = error_set(err, "standard output: %s", strerror(errno));
    return rc;
}

static int run(job *j) {
    error err;
    encoder_pooling pooling;
    const char *file = j->common.n_args ? j->common.args[0] : "-";
    if (j->pooling && !embedder_pooling_named(j->pooling, &pooling))
        return report_usage("embed: --pooling is mean or cls, not \"%s\"", j->pooling);
    if (embedder_open(&j->embedder, j->common.model, j->common.threads, &err) != 0) return report_error(&err);
    if (j->pooling) j->embedder.pooling = pooling;
    j->embedder.normalize = !j->no_normalize;
    if (texts_read(&j->texts, file, j->json_lines ? TEXTS_JSON_LINES : TEXTS_LINES, &err) != 0 || embed(j, &err) != 0)
        return report_error(&err);
    if (!j->common.quiet) embedder_report_cuts(&j->embedder, file);
    return EXIT_DONE;
}

int cmd_embed(int argc, char **argv) {
    job j = {0};
    const option own[] = {
        {"jsonl", 0, OPTION_FLAG, &j.json_lines, NULL, "a JSON string on every line", 0, 0},
        {"pooling", 0, OPTION_TEXT, &j.pooling, "mean|cls",
         "the mean over all tokens, or the first one's vector; as the model's files say, else the mean", 0, 0},
        {"no-normalize", 0, OPTION_FLAG, &j.no_normalize, NULL, "leave the vectors as long as they are", 0, 0},
        {0},
    };
    if (!options_read(&j.common, &help, own, argc, argv)) return j.common.exit_code;
    int code = run(&j);
    embedder_close(&j.embedder);
    texts_free(&j.texts);
    buf_free(&j.line);
    options_free(&j.common);
    return code;
}
