// model/text: text <-> token ids, for every tokenizer that doppel's models come with, behind one type; and the chat
// formats (chat_format.h). A tokenizer is immutable after opening: any thread may use it.
#ifndef DOPPEL_TOKENIZER_H
#define DOPPEL_TOKENIZER_H

#include "model/base/base.h"
#include "model/file/file.h"

typedef struct tokenizer tokenizer;

// The tokenizer that belongs to a model: a GGUF's tokenizer.ggml.* keys; a directory's tokenizer.json, else
// vocab.json + merges.txt, else tokenizer.model, else vocab.txt. NULL with a message when there is none or it is bad
// (arrays of different lengths, special ids outside the vocabulary, merges of unknown tokens in tokenizer.json ...).
tokenizer *tokenizer_open(const model_file *f, error *err);
// A directory that holds only tokenizer files.
tokenizer *tokenizer_open_dir(const char *dir, error *err);
tokenizer *tokenizer_open_gguf(const gguf *g, error *err);
void tokenizer_free(tokenizer *t); // NULL is fine

enum {
    TOKENIZER_SPECIAL = 1, // special tokens written in the text become their ids (else they are plain text)
    TOKENIZER_BOS = 2,     // put what the model wants at the start (BOS where add_bos_token says so, [CLS] .. [SEP])
};

// Appends the ids of len bytes of text to out. Any bytes are accepted (invalid UTF-8 is taken as U+FFFD unless the
// vocabulary has bytes for it). Returns 0, or -1 with a message (a text of more than 512 MB; PCRE2 giving up on it).
int tokenizer_encode(const tokenizer *t, const char *text, size_t len, unsigned flags, id_list *out, error *err);

int tokenizer_n_vocab(const tokenizer *t);
// The bytes that id adds to a text when decoded (may be part of a UTF-8 sequence; may hold NUL). "" for control tokens
// unless with_special, and for ids outside the vocabulary. Points into the tokenizer. Not NUL-terminated.
const char *tokenizer_piece(const tokenizer *t, int32_t id, bool with_special, size_t *len);
// Appends the text of ids (what a reader sees; special tokens as their text when with_special).
void tokenizer_decode(const tokenizer *t, const int32_t *ids, size_t n, bool with_special, buf *out);

bool tokenizer_is_special(const tokenizer *t, int32_t id);     // a control token: never shown
int32_t tokenizer_find(const tokenizer *t, const char *piece); // id of a token by its exact text, -1 when there is none
int32_t tokenizer_bos(const tokenizer *t);                     // -1 when the model has none; likewise below
int32_t tokenizer_eos(const tokenizer *t);
bool tokenizer_adds_bos(const tokenizer *t);
// What the person should know about how the tokenizer was read (an unknown pre-tokenizer ...); NULL for nothing.
const char *tokenizer_warning(const tokenizer *t);
// True for every id that ends an answer: eos, and the end-of-turn markers the vocabulary has (<|im_end|>, <|eot_id|>,
// <end_of_turn>, </s>, <|endoftext|> ...).
bool tokenizer_is_eog(const tokenizer *t, int32_t id);

// Streaming decoding: bytes that are not yet a whole UTF-8 sequence wait for the next token.
typedef struct text_stream {
    const tokenizer *tokenizer;
    char pending[4];
    int n_pending;
    bool started; // SentencePiece drops the space in front of the first word; true keeps it (a text that goes on)
} text_stream;

text_stream text_stream_start(const tokenizer *t);
void text_stream_push(text_stream *s, int32_t id, buf *out); // appends only whole characters; invalid ones as U+FFFD
void text_stream_end(text_stream *s, buf *out);              // what is left becomes U+FFFD

#endif
