// A type name decides which fields are read; fields that are missing take the value that Hugging Face's tokenizers give
// them. A type that is not known is an error: ignoring it would give wrong ids without a word.
#include "model/text/json_steps.h"

#include <stdlib.h>
#include <string.h>

// ASCII's own idea of punctuation is wider than Unicode's category P ($ + < = > ^ ` | ~ are symbols there).
#define PUNCTUATION "[!-/:-@\\[-`{-~\\p{P}]"
// What "Whitespace" means by a word counts the joiners too, unlike \w in a pattern.
#define WORD "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\x{200c}\\x{200d}"

static json_iter members(json v) {
    static const char *const names[] = {"normalizers", "pretokenizers", "processors", "decoders"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        json list = json_get(v, names[i]);
        if (json_type(list) == JSON_ARRAY) return json_begin(list);
    }
    return (json_iter){0};
}

bool json_steps_has(json v, const char *type) {
    if (json_is(json_get(v, "type"), type)) return true;
    json_iter it = members(v);
    json x;
    while (json_next(&it, NULL, &x))
        if (json_steps_has(x, type)) return true;
    return false;
}

static int unknown(json type, const char *what, error *err) {
    buf name = {0};
    json_string(type, &name);
    error_set(err, "the %s \"%.64s\" is not known to doppel", what, buf_str(&name));
    buf_free(&name);
    return -1;
}

void json_steps_bert(normalizer *n, bool clean, bool cjk, bool strip_accents, bool lowercase) {
    if (clean) normalizer_add_clean(n);
    if (cjk) normalizer_add_cjk_spaces(n);
    if (strip_accents) {
        normalizer_add_form(n, FORM_NFD);
        normalizer_add_strip_marks(n, false);
    }
    if (lowercase) normalizer_add_lowercase(n);
}

// The text or regular expression of a "pattern": {"String": ...} or {"Regex": ...}; a bare string is a text.
static bool read_pattern(json pattern, buf *text, bool *regex) {
    json r = json_get(pattern, "Regex"), s = json_get(pattern, "String");
    *regex = json_type(r) == JSON_STRING;
    return json_string(*regex ? r : json_type(s) == JSON_STRING ? s : pattern, text);
}

static int read_replace(json v, normalizer *n, error *err) {
    buf from = {0}, to = {0};
    bool regex = false;
    int rc = 0;
    if (!read_pattern(json_get(v, "pattern"), &from, &regex) || !json_string(json_get(v, "content"), &to))
        rc = error_set(err, "a Replace without pattern or content");
    else if (regex)
        rc = normalizer_add_regex(n, buf_str(&from), from.len, buf_str(&to), to.len, err);
    else
        normalizer_add_replace(n, buf_str(&from), from.len, buf_str(&to), to.len);
    buf_free(&from);
    buf_free(&to);
    return rc;
}

static int base64_value(char c) {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

static int read_charsmap(json v, normalizer *n, error *err) {
    buf text = {0}, blob = {0};
    uint32_t bits = 0;
    int n_bits = 0;
    json_string(json_get(v, "precompiled_charsmap"), &text);
    for (size_t i = 0; i < text.len; i++) {
        int value = base64_value(text.data[i]);
        if (value < 0) continue; // padding and line ends
        bits = bits << 6 | (uint32_t)value;
        n_bits += 6;
        if (n_bits < 8) continue;
        n_bits -= 8;
        buf_putc(&blob, (char)(bits >> n_bits & 0xff));
    }
    int rc = normalizer_add_charsmap(n, buf_str(&blob), blob.len, err);
    buf_free(&text);
    buf_free(&blob);
    return rc;
}

static void read_insertion(json v, const char *key, void (*add)(normalizer *, const char *, size_t), normalizer *n) {
    buf text = {0};
    if (json_string(json_get(v, key), &text)) add(n, buf_str(&text), text.len);
    buf_free(&text);
}

int json_steps_normalizer(json v, normalizer *n, error *err) {
    static const struct {
        const char *name;
        normalizer_form form;
    } forms[] = {{"NFC", FORM_NFC}, {"NFD", FORM_NFD}, {"NFKC", FORM_NFKC}, {"NFKD", FORM_NFKD}};
    if (json_type(v) == JSON_ABSENT || json_type(v) == JSON_NULL) return 0;
    json type = json_get(v, "type");
    if (normalizer_n_steps(n) > 60) return error_set(err, "more than 60 normaliser steps");
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
        if (json_is(type, forms[i].name)) {
            normalizer_add_form(n, forms[i].form);
            return 0;
        }
    if (json_is(type, "Sequence")) {
        json_iter it = members(v);
        json x;
        while (json_next(&it, NULL, &x))
            if (json_steps_normalizer(x, n, err) != 0) return -1;
    } else if (json_is(type, "BertNormalizer")) {
        bool lower = json_bool(json_get(v, "lowercase"), true);
        json_steps_bert(n, json_bool(json_get(v, "clean_text"), true),
                        json_bool(json_get(v, "handle_chinese_chars"), true),
                        json_bool(json_get(v, "strip_accents"), lower), lower);
    } else if (json_is(type, "Lowercase")) {
        normalizer_add_lowercase(n);
    } else if (json_is(type, "StripAccents")) {
        normalizer_add_strip_marks(n, true);
    } else if (json_is(type, "Nmt")) {
        normalizer_add_nmt(n);
    } else if (json_is(type, "Strip")) {
        normalizer_add_strip(n, json_bool(json_get(v, "strip_left"), true),
                             json_bool(json_get(v, "strip_right"), true));
    } else if (json_is(type, "Replace")) {
        return read_replace(v, n, err);
    } else if (json_is(type, "Prepend")) {
        read_insertion(v, "prepend", normalizer_add_prepend, n);
    } else if (json_is(type, "Precompiled")) {
        return read_charsmap(v, n, err);
    } else {
        return unknown(type, "normaliser", err);
    }
    return 0;
}

static int read_behavior(json v, split_behavior fallback, split_behavior *out, error *err) {
    static const char *const names[] = {"Isolated", "Removed", "MergedWithPrevious", "MergedWithNext", "Contiguous"};
    json b = json_get(v, "behavior");
    *out = fallback;
    if (json_type(b) == JSON_ABSENT) return 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (json_is(b, names[i])) {
            *out = (split_behavior)i;
            return 0;
        }
    return unknown(b, "behaviour of a split", err);
}

static int add_regex(splitter *s, const char *pattern, split_behavior behavior, bool invert, error *err) {
    return splitter_add_regex(s, pattern, strlen(pattern), behavior, invert, err);
}

static int read_split(json v, splitter *s, error *err) {
    buf pattern = {0};
    bool regex = false, invert = json_bool(json_get(v, "invert"), false);
    split_behavior behavior;
    int rc = read_behavior(v, SPLIT_ISOLATED, &behavior, err);
    if (rc == 0 && !read_pattern(json_get(v, "pattern"), &pattern, &regex))
        rc = error_set(err, "a Split without pattern");
    if (rc == 0 && regex) rc = splitter_add_regex(s, buf_str(&pattern), pattern.len, behavior, invert, err);
    if (rc == 0 && !regex) splitter_add_literal(s, buf_str(&pattern), pattern.len, behavior, invert);
    buf_free(&pattern);
    return rc;
}

static int read_byte_level(json v, splitter *s, error *err) {
    if (json_bool(json_get(v, "add_prefix_space"), true)) splitter_add_prefix_space(s);
    if (json_bool(json_get(v, "use_regex"), true) && add_regex(s, SPLIT_GPT2, SPLIT_ISOLATED, false, err) != 0)
        return -1;
    splitter_add_bytes(s);
    return 0;
}

static void read_metaspace(json v, splitter *s) {
    buf mark = {0};
    json scheme = json_get(v, "prepend_scheme");
    split_prefix prefix = json_bool(json_get(v, "add_prefix_space"), true) ? SPLIT_PREFIX_ALWAYS : SPLIT_PREFIX_NEVER;
    if (json_is(scheme, "always")) prefix = SPLIT_PREFIX_ALWAYS;
    if (json_is(scheme, "first")) prefix = SPLIT_PREFIX_FIRST;
    if (json_is(scheme, "never")) prefix = SPLIT_PREFIX_NEVER;
    if (!json_string(json_get(v, "replacement"), &mark) || mark.len == 0 || mark.len > 8) {
        buf_clear(&mark);
        buf_puts(&mark, "\xE2\x96\x81"); // U+2581
    }
    splitter_add_metaspace(s, mark.data, mark.len, prefix, json_bool(json_get(v, "split"), true));
    buf_free(&mark);
}

void json_steps_bert_splitter(splitter *s) {
    add_regex(s, "\\s", SPLIT_REMOVED, false, NULL);
    add_regex(s, PUNCTUATION, SPLIT_ISOLATED, false, NULL);
}

int json_steps_splitter(json v, splitter *s, error *err) {
    if (json_type(v) == JSON_ABSENT || json_type(v) == JSON_NULL) return 0;
    json type = json_get(v, "type");
    if (splitter_n_steps(s) > 24) return error_set(err, "more than 24 pre-tokenizer steps");
    if (json_is(type, "Sequence")) {
        json_iter it = members(v);
        json x;
        while (json_next(&it, NULL, &x))
            if (json_steps_splitter(x, s, err) != 0) return -1;
        return 0;
    }
    if (json_is(type, "ByteLevel")) return read_byte_level(v, s, err);
    if (json_is(type, "Split")) return read_split(v, s, err);
    if (json_is(type, "Digits"))
        return add_regex(s, "\\p{N}",
                         json_bool(json_get(v, "individual_digits"), false) ? SPLIT_ISOLATED : SPLIT_CONTIGUOUS, false,
                         err);
    if (json_is(type, "Whitespace")) return add_regex(s, "[" WORD "]+|[^" WORD "\\s]+", SPLIT_REMOVED, true, err);
    if (json_is(type, "WhitespaceSplit")) return add_regex(s, "\\s", SPLIT_REMOVED, false, err);
    if (json_is(type, "BertPreTokenizer")) {
        json_steps_bert_splitter(s);
        return 0;
    }
    if (json_is(type, "Punctuation")) {
        split_behavior behavior;
        return read_behavior(v, SPLIT_ISOLATED, &behavior, err) != 0 ? -1
                                                                     : add_regex(s, PUNCTUATION, behavior, false, err);
    }
    if (json_is(type, "Metaspace")) {
        read_metaspace(v, s);
        return 0;
    }
    if (json_is(type, "CharDelimiterSplit")) {
        buf delimiter = {0};
        if (json_string(json_get(v, "delimiter"), &delimiter))
            splitter_add_literal(s, buf_str(&delimiter), delimiter.len, SPLIT_REMOVED, false);
        buf_free(&delimiter);
        return 0;
    }
    return unknown(type, "pre-tokenizer", err);
}
