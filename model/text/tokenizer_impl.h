// Inside model/text: what a tokenizer is made of. Built by tokenizer_gguf.c, tokenizer_json.c and their like; used by
// tokenizer.c and encode.c. A text goes: added tokens cut out -> normaliser -> splitter -> model (a word to ids), and
// the frame (BOS, [CLS] .. [SEP]) around it.
#ifndef DOPPEL_TEXT_TOKENIZER_IMPL_H
#define DOPPEL_TEXT_TOKENIZER_IMPL_H

#include "model/text/added.h"
#include "model/text/bpe.h"
#include "model/text/normalizer.h"
#include "model/text/split.h"
#include "model/text/tokenizer.h"
#include "model/text/vocab.h"

// SentencePiece writes a space as U+2581.
#define TOKENIZER_MARK "\xE2\x96\x81"
enum { TOKENIZER_MARK_LEN = sizeof TOKENIZER_MARK - 1 };

typedef enum token_model {
    MODEL_BPE,       // merges by rank, over bytes (byte_level) or characters
    MODEL_SPM,       // SentencePiece's BPE: neighbours merge when their text is a token, best score first
    MODEL_UNIGRAM,   // the split with the best sum of scores
    MODEL_WORDPIECE, // longest piece first
    MODEL_WORDS,     // a word is a token or unknown
} token_model;

struct tokenizer {
    vocab vocab;
    token_model model;
    bool byte_level;       // symbols are bytes, each written as one character (byte_map.h)
    bool byte_fallback;    // a character without a token is written in bytes, <0x0A>
    bool fuse_unk;         // neighbouring unknown characters become one token
    int32_t byte_ids[256]; // the token of every single byte; -1 where the vocabulary lacks it
    int32_t unk;           // stands for what cannot be written; -1: such characters are dropped

    bpe bpe;            // BPE
    bool ignore_merges; // BPE: a word that is a token as it stands is not merged
    uint32_t *ranks;    // SPM: by id, 0 for the best score; equal scores have equal ranks
    trie pieces;        // UNIGRAM, WORDPIECE
    double unk_score;   // UNIGRAM
    bool single_scores; // UNIGRAM: sums are rounded to float, as SentencePiece does; ties fall out by it
    char *continuing;   // WORDPIECE: "##", in front of pieces that do not begin a word
    size_t max_word;    // WORDPIECE: longer words (in characters) are unknown

    normalizer *normalizer; // NULL for none
    splitter *splitter;
    added_set added;            // looked for in the text as it came
    added_set added_normalized; // looked for after normalisation
    id_list front, back;        // what TOKENIZER_BOS puts around a text
    int32_t bos, eos;           // -1 for none
    id_list ends;               // ids that end an answer
    bool drops_first_space;     // a decoded text begins with a space that nobody wrote
    char *warning;              // what the person should know, NULL for nothing
};

// No tokens yet, ids -1. expected: how many tokens will come.
tokenizer *tokenizer_new(size_t expected);
// Adds eos and the end markers that the vocabulary has as added tokens to ends.
void tokenizer_find_ends(tokenizer *t);
// Fills byte_ids: from byte characters (byte_level) or from <0x0A>; sets byte_fallback for the latter if all are there.
void tokenizer_find_bytes(tokenizer *t);
// Sets the pieces of a byte-level vocabulary: byte characters become bytes. Added tokens stay as they are.
void tokenizer_byte_pieces(tokenizer *t);
// Sets the pieces of a SentencePiece vocabulary: U+2581 becomes a space, <0x0A> its byte.
void tokenizer_mark_pieces(tokenizer *t);
// True when no token has U+2581 after another character: words can then be cut before every run of it, which changes
// nothing but the speed.
bool tokenizer_marks_lead(const tokenizer *t);
extern const char tokenizer_mark_pattern[]; // cuts so

// The models (bpe_word.c, unigram.c, wordpiece.c). Append the ids of a word.
void bpe_word(const tokenizer *t, const char *word, size_t len, bpe_scratch *scratch, id_list *out);
void unigram_word(const tokenizer *t, const char *word, size_t len, id_list *out);
void wordpiece_word(const tokenizer *t, const char *word, size_t len, id_list *out);
// What a stretch without a token becomes: its bytes, else the unknown token (joined with the one before it when
// *was_unknown says that there was one and the tokenizer fuses), else nothing.
void tokenizer_put_unknown(const tokenizer *t, const char *s, size_t len, bool *was_unknown, id_list *out);
void tokenizer_rank_scores(tokenizer *t); // fills ranks

#endif
