#include "app/embedder.h"
#include "app/paths.h"
#include "app/report.h"

#include <stdlib.h>
#include <string.h>

// ---- which model ----

static bool is_encoder(const char *path) {
    model_file *f = model_file_open(path, NULL);
    bool is = f && encoder_is_one(f);
    model_file_close(f);
    return is;
}

static void take_first_encoder(void *arg, const char *name, const char *path) {
    (void)name;
    buf *found = arg;
    if (found->len == 0 && is_encoder(path)) buf_puts(found, path);
}

// The model to chat with is most likely another kind, so it is no error when the chosen one is no encoder.
static int find_model(buf *path, error *err) {
    error unused;
    if (paths_chosen_model(NULL, path, &unused) == 0 && is_encoder(buf_str(path))) return 0;
    buf_clear(path);
    paths_models(take_first_encoder, path);
    if (path->len > 0) return 0;
    return error_set(err, "no model that makes embeddings is under models/; fetch a BERT or DistilBERT with "
                          "`doppel models pull URL`, or name one with -m");
}

// ---- opening ----

static int open_parts(embedder *e, const char *path, int threads, error *err) {
    e->file = model_file_open(path, err);
    if (!e->file) return -1;
    e->encoder = encoder_open(e->file, threads, err);
    if (!e->encoder) return -1;
    e->tokenizer = tokenizer_open(e->file, err);
    if (!e->tokenizer) return -1;
    int n = tokenizer_n_vocab(e->tokenizer), most = encoder_n_vocab(e->encoder);
    if (n > most)
        return error_set(err, "%s: the tokenizer has %d tokens, but there are embeddings of %d; fetch the files again",
                         path, n, most);
    e->pooling = encoder_default_pooling(e->encoder);
    e->normalize = true;
    return 0;
}

int embedder_open(embedder *e, const char *model, int threads, error *err) {
    *e = (embedder){0};
    buf path = {0};
    int rc = model ? paths_model(model, &path, err) : find_model(&path, err);
    if (rc == 0) rc = open_parts(e, buf_str(&path), threads, err);
    buf_free(&path);
    return rc;
}

void embedder_close(embedder *e) {
    encoder_close(e->encoder);
    tokenizer_free(e->tokenizer);
    model_file_close(e->file);
    id_list_free(&e->ids);
    *e = (embedder){0};
}

// ---- texts ----

// Appends the ids of a text, at most as many as the model reads; a closing [SEP] stays the last.
static int add_ids(embedder *e, const char *text, size_t len, error *err) {
    size_t start = e->ids.len, most = (size_t)encoder_n_positions(e->encoder);
    if (tokenizer_encode(e->tokenizer, text, len, TOKENIZER_SPECIAL | TOKENIZER_BOS, &e->ids, err) != 0) return -1;
    size_t n = e->ids.len - start;
    if (n == 0)
        return error_set(err, "%s: an empty text has no tokens with this tokenizer; leave empty lines out",
                         model_file_path(e->file));
    if (n <= most) return 0;
    int32_t last = e->ids.data[e->ids.len - 1];
    if (tokenizer_is_special(e->tokenizer, last)) e->ids.data[start + most - 1] = last;
    e->ids.len = start + most;
    e->n_cut++;
    e->n_left_out += n - most;
    return 0;
}

int embedder_run(embedder *e, const char *bytes, const text_place *places, size_t n, float *out, error *err) {
    encoder_text *batch = mem_calloc(n, sizeof *batch);
    int rc = 0;
    e->ids.len = 0;
    for (size_t i = 0; rc == 0 && i < n; i++) {
        size_t before = e->ids.len;
        rc = add_ids(e, bytes + places[i].at, places[i].len, err);
        batch[i].n = (int)(e->ids.len - before);
    }
    const int32_t *ids = e->ids.data; // does not move any more
    for (size_t i = 0; i < n; i++, ids += batch[i - 1].n) batch[i].ids = ids;
    if (rc == 0) rc = encoder_embed(e->encoder, batch, (int)n, e->pooling, e->normalize, out, err);
    free(batch);
    return rc;
}

void embedder_report_cuts(const embedder *e, const char *path) {
    if (e->n_cut == 0) return;
    report_note("%s: %zu of the texts %s longer than the %d tokens the model reads; %zu tokens were left out",
                strcmp(path, "-") == 0 ? "standard input" : path, e->n_cut, e->n_cut == 1 ? "is" : "are",
                encoder_n_positions(e->encoder), e->n_left_out);
}

bool embedder_pooling_named(const char *name, encoder_pooling *out) {
    *out = strcmp(name, "cls") == 0 ? ENCODER_CLS : ENCODER_MEAN;
    return *out == ENCODER_CLS || strcmp(name, "mean") == 0;
}
