// A GGUF file only names its pre-tokenizer; the patterns belong to the models and are listed here. Every pattern cuts
// the pieces of the one before it, and what a pattern does not match is a piece too.
#include "model/text/pre.h"

#include <stdlib.h>
#include <string.h>

#define CONTRACTIONS     "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
#define LINES_AND_SPACES "\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
#define UPPER            "\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}"
#define LOWER            "\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}"
#define ASCII_PUNCT      "!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~"

enum { MAX_PATTERNS = 6 };

typedef struct pre_entry {
    const char *names; // separated by spaces
    const char *patterns[MAX_PATTERNS];
    bool ignore_merges, adds_bos;
} pre_entry;

static const pre_entry entries[] = {
    {.names = "gpt-2 phi-2 mpt olmo jina-es jina-de jina-v1-en jina-v2-es jina-v2-de jina-v2-code gigachat a.x-4.0 "
              "mellum modern-bert roberta-bpe exaone4",
     .patterns = {SPLIT_GPT2}},
    {.names = "smollm starcoder refact command-r codeshell exaone minerva-7b", .patterns = {"\\p{N}", SPLIT_GPT2}},
    {.names = "llama3 llama-v3 llama-bpe falcon3 falcon-h1 pixtral midm-2.0 lfm2",
     .patterns = {CONTRACTIONS
                  "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|" LINES_AND_SPACES},
     .ignore_merges = true,
     .adds_bos = true},
    {.names = "dbrx smaug-bpe chatglm-bpe glm4",
     .patterns = {CONTRACTIONS
                  "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|" LINES_AND_SPACES}},
    {.names = "qwen2 stablelm2 deepseek-r1-qwen hunyuan megrez kormo",
     .patterns = {CONTRACTIONS
                  "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|" LINES_AND_SPACES}},
    {.names = "falcon", .patterns = {"[\\p{P}\\$\\+<=>\\^~\\|`]+", SPLIT_GPT2, "[0-9][0-9][0-9]"}},
    {.names = "deepseek-coder",
     .patterns = {"[\\r\\n]", "\\s?\\p{L}+", "\\s?\\p{P}+",
                  "[\\x{4e00}-\\x{9fa5}\\x{0800}-\\x{4e00}\\x{ac00}-\\x{d7ff}]+", "\\p{N}"}},
    {.names = "deepseek-llm",
     // Letters with case, but for small Armenian, small Georgian and mathematical ones, which its own list lacks.
     .patterns = {"[\\r\\n]",
                  "\\s?(?:(?![\\x{560}-\\x{588}\\x{10d0}-\\x{10ff}\\x{1d400}-\\x{1d7cb}])[\\p{Lu}\\p{Ll}\\p{Lt}])+",
                  "\\s?[!-/:-~\\x{ff01}-\\x{ff0f}\\x{ff1a}-\\x{ff5e}\\x{2018}-\\x{201f}\\x{3000}-\\x{3002}]+", "\\s+$",
                  "[\\x{4e00}-\\x{9fa5}\\x{0800}-\\x{4e00}\\x{ac00}-\\x{d7ff}]+", "\\p{N}+"}},
    {.names = "deepseek-v3 hunyuan-dense",
     .patterns =
         {"\\p{N}{1,3}", "[\\x{4e00}-\\x{9fa5}\\x{3040}-\\x{309f}\\x{30a0}-\\x{30ff}]+",
          "[" ASCII_PUNCT
          "][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\\r\\n]*|" LINES_AND_SPACES}},
    {.names = "tekken",
     .patterns = {"[^\\r\\n\\p{L}\\p{N}]?[" UPPER "]*[" LOWER "]+|[^\\r\\n\\p{L}\\p{N}]?[" UPPER "]+[" LOWER
                  "]*|\\p{N}|"
                  " ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|" LINES_AND_SPACES},
     .ignore_merges = true,
     .adds_bos = true},
    {.names = "gpt-4o llama4",
     .patterns = {"[^\\r\\n\\p{L}\\p{N}]?[" UPPER "]*[" LOWER "]+" CONTRACTIONS "?|[^\\r\\n\\p{L}\\p{N}]?[" UPPER
                  "]+[" LOWER "]*" CONTRACTIONS "?|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|" LINES_AND_SPACES}},
    {.names = "bloom poro-chat gpt3-finnish",
     .patterns = {" ?[^(\\s|.,!?\\x{2026}\\x{3002}\\x{ff0c}\\x{3001}\\x{0964}\\x{06d4}\\x{060c})]+"}},
    {.names = "viking",
     .patterns = {" ?[^(\\s|.,!?\\x{2026}\\x{3002}\\x{ff0c}\\x{3001}\\x{0964}\\x{06d4}\\x{060c})]+", "\\p{N}"}},
};

static bool has_name(const char *names, const char *name, size_t len) {
    for (const char *at = names; *at;) {
        size_t n = strcspn(at, " ");
        if (n == len && memcmp(at, name, n) == 0) return true;
        at += n + strspn(at + n, " ");
    }
    return false;
}

enum { N_ENTRIES = sizeof entries / sizeof *entries };

// GPT-2's for unknown names.
static const pre_entry *find_entry(const char *name, size_t len, bool *known) {
    for (size_t i = 0; i < N_ENTRIES; i++)
        if ((*known = has_name(entries[i].names, name, len))) return &entries[i];
    return &entries[0];
}

pre_tokenizer pre_tokenizer_add(splitter *s, const char *name, size_t len) {
    bool known;
    const pre_entry *e = find_entry(name, len, &known);
    for (int i = 0; i < MAX_PATTERNS && e->patterns[i]; i++)
        if (splitter_add_regex(s, e->patterns[i], strlen(e->patterns[i]), SPLIT_ISOLATED, false, NULL) != 0)
            abort(); // our own patterns compile, or the table above is wrong
    return (pre_tokenizer){known, e->ignore_merges, e->adds_bos};
}

const char *pre_tokenizer_name(size_t i, size_t *len) {
    if (i >= N_ENTRIES) return NULL;
    *len = strcspn(entries[i].names, " ");
    return entries[i].names;
}

const char *pre_tokenizer_pattern(const char *name, size_t len, size_t i) {
    bool known;
    const pre_entry *e = find_entry(name, len, &known);
    return i < MAX_PATTERNS ? e->patterns[i] : NULL;
}
