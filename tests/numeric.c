// Holds what the command line cannot show against a folder of reference values: numeric DIR, where DIR has the layout
// of the golden files (sampling.json, generate.json, quant.json). Prints what differs and "N passed, N failed[, N
// skipped]".
#include "model/math/quant.h"
#include "model/model.h"
#include "tests/test.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static char *read_file(const char *dir, const char *name) {
    buf path = {0}, text = {0};
    buf_printf(&path, "%s/%s", dir, name);
    FILE *f = fopen(buf_str(&path), "rb");
    buf_free(&path);
    if (!f) return NULL;
    char piece[65536];
    for (size_t n; (n = fread(piece, 1, sizeof piece, f)) > 0;) buf_append(&text, piece, n);
    fclose(f);
    return buf_take(&text);
}

// The parsed file; NULL when it is not there (counted as skipped) or no JSON (counted as failed).
static cJSON *load(const char *dir, const char *name) {
    char *text = read_file(dir, name);
    if (!text) {
        SKIP("%s/%s is not there", dir, name);
        return NULL;
    }
    cJSON *json = cJSON_Parse(text);
    free(text);
    OK(json, "%s/%s is JSON", dir, name);
    return json;
}

// The names of transformers' settings where they differ from the knobs'.
static const char *knob_name(const char *name) {
    static const char *const names[][2] = {
        {"max_new_tokens", "max-tokens"}, {"no_repeat_ngram_size", "no-repeat-ngram"}, {"num_beams", "beams"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i][0]) == 0) return names[i][1];
    return name;
}

// ---- sampling.json: logits, what came before and settings -> probabilities

static void read_settings(const cJSON *json, gen_settings *s) {
    *s = (gen_settings){.temperature = 1, .top_p = 1, .typical_p = 1, .repetition_penalty = 1, .beams = 1};
    const cJSON *item;
    cJSON_ArrayForEach(item, json) {
        const gen_knob *k = gen_knob_find(knob_name(item->string));
        if (OK(k, "a knob is called %s", item->string)) gen_knob_set(k, s, item->valuedouble);
    }
}

static void sampling_case(const cJSON *json) {
    const cJSON *logits = cJSON_GetObjectItem(json, "logits"), *prev = cJSON_GetObjectItem(json, "prev"),
                *probs = cJSON_GetObjectItem(json, "probs"), *item;
    const char *name = cJSON_GetStringValue(cJSON_GetObjectItem(json, "name"));
    int id = (int)cJSON_GetNumberValue(cJSON_GetObjectItem(json, "id"));
    if (!OK(cJSON_IsArray(logits) && cJSON_IsArray(prev) && cJSON_IsArray(probs), "case %d is whole", id)) return;
    int n = cJSON_GetArraySize(logits), i = 0;
    float *x = mem_calloc((size_t)n, sizeof *x), *got = mem_calloc((size_t)n, sizeof *got);
    cJSON_ArrayForEach(item, logits) x[i++] = cJSON_IsNull(item) ? -INFINITY : (float)item->valuedouble;
    id_list before = {0};
    cJSON_ArrayForEach(item, prev) id_list_push(&before, item->valueint);
    gen_settings s;
    read_settings(cJSON_GetObjectItem(json, "settings"), &s);

    chain *c = chain_open(n, 1);
    int kept = chain_apply(c, &s, x, before.data, before.len, NULL, 0);
    chain_probs(c, got);
    const cJSON *want_kept = cJSON_GetObjectItem(json, "n_kept");
    int bad = -1;
    double largest = 0, ref;
    i = 0;
    cJSON_ArrayForEach(item, probs) {
        ref = item->valuedouble;
        double off = fabs(got[i] - ref);
        if (off > largest) largest = off;
        bool support = (got[i] > 0) == (ref > 0) || (ref < 1e-30 && got[i] < 1e-30);
        if (!(off <= 1e-5) || !support) bad = i;
        i++;
    }
    OK(bad < 0, "case %d %s: id %d has %g (largest difference %g)", id, name, bad, bad < 0 ? 0 : got[bad], largest);
    OK(!want_kept || kept == want_kept->valueint, "case %d %s: %d kept, expected %d", id, name, kept,
       want_kept ? want_kept->valueint : 0);
    int32_t drawn = chain_draw(c);
    OK(got[drawn] > 0, "case %d %s: drew %d, which was filtered out", id, name, drawn);
    chain_close(c);
    id_list_free(&before);
    free(x);
    free(got);
}

static void sampling(const char *dir) {
    cJSON *json = load(dir, "sampling.json");
    const cJSON *item;
    cJSON_ArrayForEach(item, cJSON_GetObjectItem(json, "cases")) sampling_case(item);
    cJSON_Delete(json);
}

// ---- generate.json: greedy and beam search, ids and scores

static void read_eos(const cJSON *json, gen_settings *s) {
    const cJSON *item;
    s->ignore_eos = cJSON_IsNull(json);
    if (cJSON_IsNumber(json)) s->eos[s->n_eos++] = json->valueint;
    cJSON_ArrayForEach(item, json) if (s->n_eos < GEN_MAX_EOS) s->eos[s->n_eos++] = item->valueint;
}

static void read_search(const cJSON *json, gen_settings *s) {
    *s = (gen_settings){.top_p = 1, .typical_p = 1, .repetition_penalty = 1, .beams = 1, .length_penalty = 1};
    const cJSON *item;
    cJSON_ArrayForEach(item, json) {
        const gen_knob *k = gen_knob_find(knob_name(item->string));
        if (!OK(k, "a knob is called %s", item->string)) continue;
        if (k->kind == KNOB_EOS)
            read_eos(item, s);
        else
            gen_knob_set(k, s, cJSON_IsBool(item) ? cJSON_IsTrue(item) : item->valuedouble);
    }
}

static void generate_case(const cJSON *json, int number, const model *m, net_state *state, chain *c) {
    const cJSON *prompt = cJSON_GetObjectItem(json, "prompt"), *output = cJSON_GetObjectItem(json, "output"),
                *score = cJSON_GetObjectItem(json, "score"), *item;
    if (!OK(cJSON_IsArray(prompt) && cJSON_IsArray(output), "case %d is whole", number)) return;
    id_list before = {0};
    cJSON_ArrayForEach(item, prompt) id_list_push(&before, item->valueint);
    gen_settings s;
    read_search(cJSON_GetObjectItem(json, "settings"), &s);
    gen_request r = {.prompt = before.data, .n_prompt = before.len, .settings = &s, .penalise_prompt = true};
    gen_result result;
    error err = {{0}};
    bool same = generate(state, m->tokenizer, c, &r, &result, &err) == 0 &&
                result.ids.len == (size_t)cJSON_GetArraySize(output);
    size_t i = 0;
    cJSON_ArrayForEach(item, output) {
        same = same && result.ids.data[i] == item->valueint;
        i++;
    }
    OK(same, "generate case %d: other ids %s", number, err.text);
    if (cJSON_IsNumber(score))
        OK(fabs(result.score - score->valuedouble) <= 1e-3, "generate case %d: score %g, expected %g", number,
           result.score, score->valuedouble);
    gen_result_free(&result);
    id_list_free(&before);
}

// Runs the cases of one model, from the one that names it first.
static void generate_with(const char *dir, const cJSON *first, int number, const char *name) {
    buf path = {0};
    buf_printf(&path, "%s/%s", dir, name);
    model m;
    error err;
    int failed = model_open(&m, buf_str(&path), 1, 0, &err);
    buf_free(&path);
    if (!OK(!failed, "%s opens: %s", name, failed ? err.text : "")) return;
    net_state *state = net_state_open(m.net, &(net_options){.threads = 1}, &err);
    chain *c = chain_open(net_get_config(m.net)->n_vocab, 1);
    if (OK(state, "%s: %s", name, state ? "" : err.text))
        for (const cJSON *item = first; item; item = item->next, number++) {
            const char *its = cJSON_GetStringValue(cJSON_GetObjectItem(item, "model"));
            if (its && strcmp(its, name) == 0) generate_case(item, number, &m, state, c);
        }
    chain_close(c);
    net_state_close(state);
    model_close(&m);
}

static void generations(const char *dir) {
    cJSON *json = load(dir, "generate.json");
    const cJSON *cases = cJSON_GetObjectItem(json, "cases"), *item, *earlier;
    int number = 0;
    cJSON_ArrayForEach(item, cases) {
        const char *name = cJSON_GetStringValue(cJSON_GetObjectItem(item, "model")), *other = NULL;
        for (earlier = cases->child; name && earlier != item; earlier = earlier->next) {
            other = cJSON_GetStringValue(cJSON_GetObjectItem(earlier, "model"));
            if (other && strcmp(other, name) == 0) break;
        }
        if (name && earlier == item) generate_with(dir, item, number, name);
        number++;
    }
    cJSON_Delete(json);
}

// ---- quant.json: dequantised values

static const char *text_of(const cJSON *json, const char *key) {
    const char *s = cJSON_GetStringValue(cJSON_GetObjectItem(json, key));
    return s ? s : "";
}

static double number_of(const cJSON *json, const char *key) {
    return cJSON_GetNumberValue(cJSON_GetObjectItem(json, key));
}

static void quant_tensor(const model_file *f, const cJSON *json, const char *file) {
    const char *name = text_of(json, "name");
    const file_tensor *t = model_file_tensor(f, name);
    if (!OK(t, "%s has %s", file, name)) return;
    size_t cols = (size_t)t->ne[0], n = cols * (size_t)t->ne[1];
    OK(strcasecmp(tensor_type_name(t->type), text_of(json, "type")) == 0, "%s: %s is %s", file, name,
       tensor_type_name(t->type));
    float *x = mem_calloc(n, sizeof *x);
    double sum = 0, squares = 0;
    for (size_t at = 0; at < n; at += cols) {
        const char *row = (const char *)t->data + at / cols * tensor_row_bytes(t->type, t->ne[0]);
        quant_dequantize(t->type, row, 0, t->ne[0], x + at);
        for (size_t i = at; i < at + cols; i++) {
            sum += x[i];
            squares += (double)x[i] * x[i];
        }
    }
    double ref_sum = number_of(json, "sum"), ref_squares = number_of(json, "sumsq");
    OK(fabs(sum - ref_sum) <= 1e-6 * sqrt((double)n * ref_squares), "%s: %s sums up to %.9g, expected %.9g", file, name,
       sum, ref_sum);
    OK(fabs(squares - ref_squares) <= 1e-5 * ref_squares, "%s: %s: squares %.9g, expected %.9g", file, name, squares,
       ref_squares);
    const cJSON *pos, *val = cJSON_GetObjectItem(json, "val");
    val = val ? val->child : NULL;
    int bad = 0;
    cJSON_ArrayForEach(pos, cJSON_GetObjectItem(json, "pos")) {
        bool inside = pos->valuedouble >= 0 && pos->valuedouble < (double)n && val;
        bad += !inside || !(fabs(x[pos->valueint] - val->valuedouble) <= 1e-6 * fabs(val->valuedouble) + 1e-9);
        val = val ? val->next : NULL;
    }
    OK(bad == 0, "%s: %s: %d values differ", file, name, bad);
    free(x);
}

static void quants(const char *dir) {
    cJSON *json = load(dir, "quant.json");
    const cJSON *file, *tensor;
    cJSON_ArrayForEach(file, cJSON_GetObjectItem(json, "files")) {
        buf path = {0};
        error err;
        buf_printf(&path, "%s/%s", dir, text_of(file, "file"));
        model_file *f = model_file_open(buf_str(&path), &err);
        if (OK(f, "%s opens: %s", buf_str(&path), f ? "" : err.text))
            cJSON_ArrayForEach(tensor, cJSON_GetObjectItem(file, "tensors"))
                quant_tensor(f, tensor, text_of(file, "file"));
        model_file_close(f);
        buf_free(&path);
    }
    cJSON_Delete(json);
}

int main(int argc, char **argv) {
    if (argc != 2) {
        fprintf(stderr, "usage: numeric DIR\n");
        return 2;
    }
    sampling(argv[1]);
    generations(argv[1]);
    quants(argv[1]);
    return test_end();
}
