// A GGUF's byte-level BPE as a directory's files. tokenizer.json holds the vocabulary, the merges, the patterns that
// tokenizer.ggml.pre names and the frame; tokenizer_config.json the special tokens and the chat template.
#include "model/file/outfile.h"
#include "model/text/pre.h"
#include "model/text/tokenizer_impl.h"
#include "model/text/tokenizer_write.h"

#include <stdlib.h>
#include <string.h>

// Values of tokenizer.ggml.token_type.
enum { TYPE_NORMAL = 1, TYPE_UNKNOWN, TYPE_CONTROL, TYPE_USER, TYPE_UNUSED };

typedef struct source {
    const gguf *g;
    const tokenizer *t; // the same, as it is used
    gguf_array tokens, types, merges;
    bool has_types;
    const char *pre;
    size_t pre_len;
    bool ignore_merges, adds_bos;
    int64_t bos, eos, eot; // -1 for none
} source;

static int64_t type_at(const source *s, uint64_t i) {
    return s->has_types ? gguf_array_int(&s->types, i) : TYPE_NORMAL;
}

static bool is_added(int64_t type) {
    return type == TYPE_CONTROL || type == TYPE_USER || type == TYPE_UNKNOWN;
}

static int read_source(source *s, error *err) {
    const gguf *g = s->g;
    const char *model = "";
    size_t len = 0;
    if (gguf_get_string(g, "tokenizer.ggml.model", &model, &len, err) < 0) return -1;
    if (len != 4 || memcmp(model, "gpt2", 4) != 0)
        return error_set(err,
                         "%s: its tokenizer is of the kind \"%.*s\"; only byte-level BPE is written as Hugging Face "
                         "files: export it with --format gguf",
                         gguf_path(g), (int)(len < 64 ? len : 64), model);
    if (gguf_get_array(g, "tokenizer.ggml.tokens", &s->tokens, err) != 1 ||
        gguf_get_array(g, "tokenizer.ggml.merges", &s->merges, err) != 1)
        return error_set(err, "%s: has no tokens or merges; use a GGUF with its tokenizer inside", gguf_path(g));
    s->has_types = gguf_get_array(g, "tokenizer.ggml.token_type", &s->types, err) == 1;
    s->pre = "";
    gguf_get_string(g, "tokenizer.ggml.pre", &s->pre, &s->pre_len, NULL);
    splitter *unused = splitter_new();
    pre_tokenizer p = pre_tokenizer_add(unused, s->pre, s->pre_len);
    splitter_free(unused);
    s->ignore_merges = p.ignore_merges;
    s->adds_bos = p.adds_bos;
    s->bos = s->eos = s->eot = -1;
    gguf_get_bool(g, "tokenizer.ggml.add_bos_token", &s->adds_bos, NULL);
    gguf_get_int(g, "tokenizer.ggml.bos_token_id", &s->bos, NULL);
    gguf_get_int(g, "tokenizer.ggml.eos_token_id", &s->eos, NULL);
    gguf_get_int(g, "tokenizer.ggml.eot_token_id", &s->eot, NULL);
    return 0;
}

// The text of token id; false when there is none.
static bool token_text(const source *s, int64_t id, const char **text, size_t *len) {
    gguf_array a = s->tokens;
    for (int64_t i = 0; gguf_array_next_string(&a, text, len); i++)
        if (i == id) return true;
    return false;
}

// ---- tokenizer.json ----

static void put_added(const source *s, buf *out) {
    gguf_array a = s->tokens;
    const char *text;
    size_t len;
    bool first = true;
    buf_puts(out, "  \"added_tokens\": [");
    for (uint64_t i = 0; gguf_array_next_string(&a, &text, &len); i++) {
        int64_t type = type_at(s, i);
        if (!is_added(type)) continue;
        buf_printf(out, "%s\n    {\"id\": %llu, \"content\": ", first ? "" : ",", (unsigned long long)i);
        buf_json_string(out, text, len);
        buf_printf(out,
                   ", \"single_word\": false, \"lstrip\": false, \"rstrip\": false, \"normalized\": false, "
                   "\"special\": %s}",
                   type == TYPE_USER ? "false" : "true");
        first = false;
    }
    buf_puts(out, first ? "],\n" : "\n  ],\n");
}

static void put_pre_tokenizer(const source *s, buf *out) {
    const char *pattern;
    buf_puts(out, "  \"pre_tokenizer\": {\"type\": \"Sequence\", \"pretokenizers\": [");
    for (size_t i = 0; (pattern = pre_tokenizer_pattern(s->pre, s->pre_len, i)); i++) {
        buf_puts(out, "\n    {\"type\": \"Split\", \"pattern\": {\"Regex\": ");
        buf_json_string(out, pattern, strlen(pattern));
        buf_puts(out, "}, \"behavior\": \"Isolated\", \"invert\": false},");
    }
    buf_puts(out, "\n    {\"type\": \"ByteLevel\", \"add_prefix_space\": false, \"trim_offsets\": true, \"use_regex\": "
                  "false}]},\n");
}

static void put_frame(const source *s, buf *out) {
    const char *text;
    size_t len;
    if (!s->adds_bos || !token_text(s, s->bos, &text, &len)) {
        buf_puts(out, "  \"post_processor\": null,\n");
        return;
    }
    buf name = {0};
    buf_json_string(&name, text, len);
    const char *bos = name.data;
    buf_puts(out, "  \"post_processor\": {\"type\": \"TemplateProcessing\",\n    \"single\": [{\"SpecialToken\": ");
    buf_printf(out, "{\"id\": %s, \"type_id\": 0}}, {\"Sequence\": {\"id\": \"A\", \"type_id\": 0}}],\n", bos);
    buf_printf(out, "    \"pair\": [{\"SpecialToken\": {\"id\": %s, \"type_id\": 0}}, {\"Sequence\": {\"id\": \"A\", ",
               bos);
    buf_printf(out,
               "\"type_id\": 0}}, {\"SpecialToken\": {\"id\": %s, \"type_id\": 1}}, {\"Sequence\": {\"id\": \"B\", ",
               bos);
    buf_printf(out,
               "\"type_id\": 1}}],\n    \"special_tokens\": {%s: {\"id\": %s, \"ids\": [%lld], \"tokens\": [%s]}}},\n",
               bos, bos, (long long)s->bos, bos);
    buf_free(&name);
}

static void put_vocab(const source *s, buf *out) {
    gguf_array a = s->tokens;
    const char *text;
    size_t len;
    bool first = true;
    buf_puts(out, "    \"vocab\": {");
    for (uint64_t i = 0; gguf_array_next_string(&a, &text, &len); i++) {
        if (type_at(s, i) != TYPE_NORMAL && type_at(s, i) <= TYPE_UNUSED) continue; // added or unused
        buf_puts(out, first ? "\n      " : ",\n      ");
        buf_json_string(out, text, len);
        buf_printf(out, ": %llu", (unsigned long long)i);
        first = false;
    }
    buf_puts(out, "\n    },\n");
}

// Some converted models carry merges of texts that are no tokens; they can never apply, and readers refuse them.
static bool is_merge(const source *s, const char *text, size_t len, buf *whole) {
    const vocab *v = &s->t->vocab;
    const char *space = len > 1 ? memchr(text + 1, ' ', len - 1) : NULL;
    if (!space) return false;
    size_t left = (size_t)(space - text);
    buf_clear(whole);
    buf_append(whole, text, left);
    buf_append(whole, space + 1, len - left - 1);
    return vocab_find(v, text, left) >= 0 && vocab_find(v, space + 1, len - left - 1) >= 0 &&
           vocab_find(v, whole->data, whole->len) >= 0;
}

static void put_merges(const source *s, buf *out) {
    gguf_array a = s->merges;
    const char *text;
    size_t len;
    bool first = true;
    buf whole = {0};
    buf_puts(out, "    \"merges\": [");
    while (gguf_array_next_string(&a, &text, &len)) {
        if (!is_merge(s, text, len, &whole)) continue;
        buf_puts(out, first ? "\n      " : ",\n      ");
        buf_json_string(out, text, len);
        first = false;
    }
    buf_puts(out, "\n    ]\n");
    buf_free(&whole);
}

static void put_tokenizer(const source *s, buf *out) {
    buf_puts(out, "{\n  \"version\": \"1.0\",\n  \"truncation\": null,\n  \"padding\": null,\n");
    put_added(s, out);
    buf_puts(out, "  \"normalizer\": null,\n");
    put_pre_tokenizer(s, out);
    put_frame(s, out);
    buf_puts(out, "  \"decoder\": {\"type\": \"ByteLevel\", \"add_prefix_space\": true, \"trim_offsets\": true, "
                  "\"use_regex\": true},\n");
    buf_printf(out,
               "  \"model\": {\n    \"type\": \"BPE\", \"dropout\": null, \"unk_token\": null, "
               "\"continuing_subword_prefix\": null, \"end_of_word_suffix\": null,\n"
               "    \"fuse_unk\": false, \"byte_fallback\": false, \"ignore_merges\": %s,\n",
               s->ignore_merges ? "true" : "false");
    put_vocab(s, out);
    put_merges(s, out);
    buf_puts(out, "  }\n}\n");
}

// ---- tokenizer_config.json, generation_config.json ----

static void put_token(const source *s, const char *key, int64_t id, buf *out) {
    const char *text;
    size_t len;
    if (!token_text(s, id, &text, &len)) return;
    buf_printf(out, "  \"%s\": ", key);
    buf_json_string(out, text, len);
    buf_puts(out, ",\n");
}

static void put_settings(const source *s, buf *out) {
    const char *template;
    size_t len;
    buf_puts(out, "{\n  \"add_prefix_space\": false,\n");
    buf_printf(out, "  \"add_bos_token\": %s,\n", s->adds_bos && s->bos >= 0 ? "true" : "false");
    put_token(s, "bos_token", s->bos, out);
    put_token(s, "eos_token", s->eos, out);
    if (gguf_get_string(s->g, "tokenizer.chat_template", &template, &len, NULL) == 1) {
        buf_puts(out, "  \"chat_template\": ");
        buf_json_string(out, template, len);
        buf_puts(out, ",\n");
    }
    buf_puts(out,
             "  \"clean_up_tokenization_spaces\": false,\n  \"tokenizer_class\": \"PreTrainedTokenizerFast\"\n}\n");
}

static void put_generation(const source *s, buf *out) {
    buf_puts(out, "{\n");
    if (s->bos >= 0) buf_printf(out, "  \"bos_token_id\": %lld,\n", (long long)s->bos);
    if (s->eos >= 0 && s->eot >= 0 && s->eot != s->eos)
        buf_printf(out, "  \"eos_token_id\": [%lld, %lld],\n", (long long)s->eos, (long long)s->eot);
    else if (s->eos >= 0)
        buf_printf(out, "  \"eos_token_id\": %lld,\n", (long long)s->eos);
    buf_puts(out, "  \"_from_model_config\": true\n}\n");
}

static int write_one(const source *s, const char *dir, const char *name, void (*put)(const source *s, buf *out),
                     error *err) {
    buf path = {0}, text = {0};
    buf_printf(&path, "%s/%s", dir, name);
    put(s, &text);
    int rc = outfile_replace(path.data, text.data, text.len, err);
    buf_free(&path);
    buf_free(&text);
    return rc;
}

int tokenizer_write_dir(const gguf *g, const tokenizer *t, const char *dir, error *err) {
    source s = {.g = g, .t = t};
    if (read_source(&s, err) != 0) return -1;
    if (write_one(&s, dir, "tokenizer.json", put_tokenizer, err) != 0) return -1;
    if (write_one(&s, dir, "tokenizer_config.json", put_settings, err) != 0) return -1;
    return write_one(&s, dir, "generation_config.json", put_generation, err);
}
