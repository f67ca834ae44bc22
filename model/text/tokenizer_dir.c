// Tokenizers from a Hugging Face directory: tokenizer.json, else vocab.json + merges.txt (GPT-2's files), else
// SentencePiece's tokenizer.model, else BERT's vocab.txt. What is said beside them (which tokens begin and end a text)
// comes from tokenizer_config.json, special_tokens_map.json, added_tokens.json, config.json and generation_config.json.
#include "model/text/json_steps.h"
#include "model/text/pre.h"
#include "model/text/text_file.h"
#include "model/text/tokenizer_open.h"

#include <stdlib.h>
#include <string.h>

typedef struct folder {
    const char *dir;
    buf config_text, map_text, added_text, model_text, generation_text;
    json config, map, added, model, generation; // of the five above; absent where there is no file
    buf class;                                  // tokenizer_config.json's tokenizer_class
    error *err;
} folder;

static int read_json(folder *d, const char *name, buf *text, json *root) {
    int found = text_file_read(d->dir, name, text, d->err);
    if (found <= 0) return found;
    if (json_check(buf_str(text), text->len, root, d->err) == 0) return 1;
    return error_prefix(d->err, "%s/%s", d->dir, name);
}

static int read_settings(folder *d) {
    if (read_json(d, "tokenizer_config.json", &d->config_text, &d->config) < 0 ||
        read_json(d, "special_tokens_map.json", &d->map_text, &d->map) < 0 ||
        read_json(d, "added_tokens.json", &d->added_text, &d->added) < 0 ||
        read_json(d, "config.json", &d->model_text, &d->model) < 0 ||
        read_json(d, "generation_config.json", &d->generation_text, &d->generation) < 0)
        return -1;
    json_string(json_get(d->config, "tokenizer_class"), &d->class);
    return 0;
}

static void free_settings(folder *d) {
    buf_free(&d->config_text);
    buf_free(&d->map_text);
    buf_free(&d->added_text);
    buf_free(&d->model_text);
    buf_free(&d->generation_text);
    buf_free(&d->class);
}

static bool class_has(const folder *d, const char *part) {
    return strstr(buf_str(&d->class), part) != NULL;
}

// ---- vocab.json + merges.txt ----

static int read_vocab_json(folder *d, tokenizer *t, const buf *text) {
    json root, key, value;
    buf name = {0};
    int rc = json_check(buf_str(text), text->len, &root, d->err);
    json_iter it = {0};
    if (rc == 0) it = json_begin(root);
    while (rc == 0 && json_next(&it, &key, &value)) {
        int64_t id;
        json_string(key, &name);
        rc = json_int(value, &id) ? vocab_set(&t->vocab, id, buf_str(&name), name.len, TOKEN_NORMAL, 0, d->err)
                                  : error_set(d->err, "the token \"%.64s\" has no id that is a number", buf_str(&name));
    }
    buf_free(&name);
    if (rc == 0 && t->vocab.n == 0) rc = error_set(d->err, "no tokens in it");
    return rc == 0 ? 0 : error_prefix(d->err, "%s/vocab.json", d->dir);
}

// The next line of *at without its end; false when there is none.
static bool next_line(const char **at, const char *end, const char **line, size_t *len) {
    if (*at >= end) return false;
    const char *stop = memchr(*at, '\n', (size_t)(end - *at));
    *line = *at;
    *at = stop ? stop + 1 : end;
    *len = (size_t)((stop ? stop : end) - *line);
    if (*len && (*line)[*len - 1] == '\r') --*len;
    return true;
}

static int read_merges_txt(folder *d, tokenizer *t, const buf *text) {
    const char *at = buf_str(text), *end = at + text->len, *line;
    size_t len;
    uint32_t rank = 0;
    bpe_init(&t->bpe, t->vocab.n);
    for (bool first = true; next_line(&at, end, &line, &len); first = false) {
        if (len == 0 || (first && len >= 8 && memcmp(line, "#version", 8) == 0)) continue;
        const char *space = memchr(line + 1, ' ', len - 1);
        if (!space) return error_set(d->err, "merge %u is not two texts with a space between", (unsigned)rank);
        size_t left = (size_t)(space - line);
        if (bpe_add(&t->bpe, &t->vocab, rank++, line, left, space + 1, len - left - 1, d->err) != 0) return -1;
    }
    return 0;
}

static int read_merges(folder *d, tokenizer *t) {
    buf text = {0};
    int rc = text_file_read(d->dir, "merges.txt", &text, d->err);
    if (rc == 0) rc = error_set(d->err, "%s: vocab.json without merges.txt; both belong to the tokenizer", d->dir);
    if (rc == 1 && (rc = read_merges_txt(d, t, &text)) != 0) error_prefix(d->err, "%s/merges.txt", d->dir);
    buf_free(&text);
    return rc;
}

static tokenizer *open_gpt2(folder *d, const buf *vocab) {
    tokenizer *t = tokenizer_new(vocab->len / 20);
    bool qwen = class_has(d, "Qwen2");
    const char *pre = qwen ? "qwen2" : "gpt-2";
    t->model = MODEL_BPE;
    t->byte_level = true;
    if (json_bool(json_get(d->config, "add_prefix_space"), false)) splitter_add_prefix_space(t->splitter);
    pre_tokenizer_add(t->splitter, pre, strlen(pre));
    if (qwen) {
        t->normalizer = normalizer_new();
        normalizer_add_form(t->normalizer, FORM_NFC);
    }
    if (read_vocab_json(d, t, vocab) != 0 || read_merges(d, t) != 0) {
        tokenizer_free(t);
        return NULL;
    }
    tokenizer_find_bytes(t);
    tokenizer_byte_pieces(t);
    int32_t end = tokenizer_find(t, "<|endoftext|>");
    if (end >= 0) {
        tokenizer_add_special(t, end, true);
        t->bos = t->eos = end;
    }
    return t;
}

// ---- vocab.txt ----

static tokenizer *open_wordpiece(folder *d, const buf *text) {
    static const char *const specials[] = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"};
    tokenizer *t = tokenizer_new(text->len / 8);
    const char *at = buf_str(text), *end = at + text->len, *line;
    size_t len;
    for (int64_t id = 0; next_line(&at, end, &line, &len); id++) {
        if (vocab_set(&t->vocab, id, line, len, TOKEN_NORMAL, 0, d->err) == 0) continue;
        error_prefix(d->err, "%s/vocab.txt", d->dir);
        tokenizer_free(t);
        return NULL;
    }
    t->unk = tokenizer_find(t, "[UNK]");
    if (t->unk < 0) {
        error_set(d->err, "%s/vocab.txt: no [UNK] among its %u lines; it is no WordPiece vocabulary", d->dir,
                  (unsigned)t->vocab.n);
        tokenizer_free(t);
        return NULL;
    }
    t->model = MODEL_WORDPIECE;
    t->max_word = 100;
    t->continuing = mem_strdup("##");
    bool lower = json_bool(json_get(d->config, "do_lower_case"), true);
    t->normalizer = normalizer_new();
    json_steps_bert(t->normalizer, true, json_bool(json_get(d->config, "tokenize_chinese_chars"), true),
                    json_bool(json_get(d->config, "strip_accents"), lower), lower);
    json_steps_bert_splitter(t->splitter);
    for (size_t i = 0; i < sizeof specials / sizeof *specials; i++) {
        int32_t id = tokenizer_find(t, specials[i]);
        if (id >= 0) tokenizer_add_special(t, id, true);
    }
    tokenizer_index_pieces(t);
    tokenizer_spaced_pieces(t, "##", true);
    int32_t cls = tokenizer_find(t, "[CLS]"), sep = tokenizer_find(t, "[SEP]");
    if (cls >= 0) id_list_push(&t->front, cls);
    if (sep >= 0) id_list_push(&t->back, sep);
    return t;
}

// ---- what the other files say ----

// Tokens beside the vocabulary: added_tokens_decoder ("501": {"content": ...}) and added_tokens.json ("text": 501).
static int read_added(folder *d, tokenizer *t) {
    json key, value;
    buf text = {0};
    int rc = 0;
    json_iter it = json_begin(json_get(d->config, "added_tokens_decoder"));
    while (rc == 0 && json_next(&it, &key, &value)) {
        json_string(key, &text);
        char *end;
        int64_t id = strtoll(buf_str(&text), &end, 10);
        if (end == buf_str(&text) || *end || !json_string(json_get(value, "content"), &text)) continue;
        rc = vocab_set(&t->vocab, id, buf_str(&text), text.len, TOKEN_NORMAL, 0, d->err);
        if (rc == 0) tokenizer_add_special(t, (int32_t)id, json_bool(json_get(value, "special"), false));
    }
    it = json_begin(d->added);
    while (rc == 0 && json_next(&it, &key, &value)) {
        int64_t id;
        if (!json_string(key, &text) || !json_int(value, &id)) continue;
        rc = vocab_set(&t->vocab, id, buf_str(&text), text.len, TOKEN_NORMAL, 0, d->err);
        if (rc == 0) tokenizer_add_special(t, (int32_t)id, false);
    }
    buf_free(&text);
    return rc == 0 ? 0 : error_prefix(d->err, "%s: an added token", d->dir);
}

// The id of a token that the settings name: a text or {"content": text}. -1 for none.
static int32_t named_token(const tokenizer *t, json settings, const char *name) {
    json v = json_get(settings, name), content = json_get(v, "content");
    buf text = {0};
    int32_t id = -1;
    if (json_string(json_type(content) == JSON_STRING ? content : v, &text))
        id = vocab_find(&t->vocab, buf_str(&text), text.len);
    buf_free(&text);
    return id;
}

static int32_t numbered_token(const tokenizer *t, json settings, const char *name) {
    int64_t id;
    return json_int(json_get(settings, name), &id) && vocab_kind(&t->vocab, id) != TOKEN_ABSENT ? (int32_t)id : -1;
}

static int32_t special_token(const folder *d, tokenizer *t, const char *name, const char *id_name) {
    int32_t id = named_token(t, d->config, name);
    if (id < 0) id = named_token(t, d->map, name);
    if (id >= 0) {
        tokenizer_add_special(t, id, true);
        return id;
    }
    return numbered_token(t, d->model, id_name);
}

static void read_ends(const folder *d, tokenizer *t) {
    json ids = json_get(d->generation, "eos_token_id"), value;
    int32_t one = numbered_token(t, d->generation, "eos_token_id");
    if (one >= 0) id_list_push(&t->ends, one);
    int64_t id;
    for (json_iter it = json_begin(ids); t->ends.len < 64 && json_next(&it, NULL, &value);)
        if (json_int(value, &id) && vocab_kind(&t->vocab, id) != TOKEN_ABSENT) id_list_push(&t->ends, (int32_t)id);
    tokenizer_find_ends(t);
}

// What tokenizer_config.json says about BOS and EOS, for the classes that heed it. A tokenizer.json brings its own
// frame, which only Llama's class replaces.
static void read_frame(const folder *d, tokenizer *t, bool has_frame, bool sentencepiece) {
    json bos = json_get(d->config, "add_bos_token"), eos = json_get(d->config, "add_eos_token");
    bool llama = class_has(d, "Llama") || class_has(d, "Gemma");
    if (has_frame && (!llama || (json_type(bos) == JSON_ABSENT && json_type(eos) == JSON_ABSENT))) return;
    bool t5 = sentencepiece && (class_has(d, "T5") || t->bos < 0);
    t->front.len = t->back.len = 0;
    if (json_bool(bos, sentencepiece && !t5) && t->bos >= 0) id_list_push(&t->front, t->bos);
    if (json_bool(eos, t5) && t->eos >= 0) id_list_push(&t->back, t->eos);
}

// ---- the vocabularies, in the order in which they are looked for ----

static tokenizer *open_json(folder *d, const buf *text) {
    tokenizer *t = tokenizer_json_open(buf_str(text), text->len, d->err);
    if (!t) error_prefix(d->err, "%s/tokenizer.json", d->dir);
    return t;
}

static tokenizer *open_sentencepiece(folder *d, const buf *text) {
    tokenizer *t = sentencepiece_open(buf_str(text), text->len, d->err);
    if (!t) error_prefix(d->err, "%s/tokenizer.model", d->dir);
    return t;
}

typedef struct source {
    const char *file;
    tokenizer *(*open)(folder *d, const buf *text);
    bool has_added, has_frame; // it brings its added tokens, and what stands around a text, itself
} source;

static const source sources[] = {
    {"tokenizer.json", open_json, true, true},
    {"vocab.json", open_gpt2, false, false},
    {"tokenizer.model", open_sentencepiece, false, false},
    {"vocab.txt", open_wordpiece, false, true},
};
enum { N_SOURCES = sizeof sources / sizeof *sources };

static int finish(folder *d, tokenizer *t, const source *from) {
    bool sentencepiece = from->open == open_sentencepiece;
    if (!from->has_added && read_added(d, t) != 0) return -1;
    int32_t bos = special_token(d, t, "bos_token", "bos_token_id");
    int32_t eos = special_token(d, t, "eos_token", "eos_token_id");
    if (bos >= 0) t->bos = bos;
    if (eos >= 0) t->eos = eos;
    if (sentencepiece && t->bos < 0) t->bos = tokenizer_find(t, "<s>");
    if (sentencepiece && t->eos < 0) t->eos = tokenizer_find(t, "</s>");
    read_frame(d, t, from->has_frame, sentencepiece);
    read_ends(d, t);
    return 0;
}

static tokenizer *open_first(folder *d, buf *text) {
    const source *from = sources;
    int found = 0;
    for (; from < sources + N_SOURCES; from++)
        if ((found = text_file_read(d->dir, from->file, text, d->err)) != 0) break;
    if (found == 0)
        error_set(d->err,
                  "%s: no tokenizer in it; tokenizer.json, vocab.json with merges.txt, tokenizer.model or vocab.txt is "
                  "needed",
                  d->dir);
    tokenizer *t = found == 1 ? from->open(d, text) : NULL;
    if (t && finish(d, t, from) != 0) {
        tokenizer_free(t);
        return NULL;
    }
    return t;
}

tokenizer *tokenizer_open_dir(const char *dir, error *err) {
    folder d = {.dir = dir, .err = err};
    buf text = {0};
    tokenizer *t = read_settings(&d) == 0 ? open_first(&d, &text) : NULL;
    free_settings(&d);
    buf_free(&text);
    return t;
}
