// Chat formats: how a conversation is written for a model. A model's file brings a Jinja template; doppel recognises
// the families people use by what the template contains and renders them itself, byte for byte as Jinja would
// (trim_blocks, lstrip_blocks). An unknown or absent template gets a plain "Name: text" layout.
#ifndef DOPPEL_CHAT_FORMAT_H
#define DOPPEL_CHAT_FORMAT_H

#include "model/text/tokenizer.h"

typedef enum chat_family {
    CHAT_PLAIN,   // no template, or one we do not know: "User: ..." lines
    CHAT_CHATML,  // <|im_start|>role\n...<|im_end|>\n (SmolLM2, Qwen2, Qwen3 ...)
    CHAT_LLAMA2,  // [INST] <<SYS>> ... [/INST]
    CHAT_LLAMA3,  // <|start_header_id|>role<|end_header_id|>\n\n...<|eot_id|>
    CHAT_MISTRAL, // [INST] ... [/INST]
    CHAT_ZEPHYR,  // <|user|>\n...</s>\n (TinyLlama)
    CHAT_GEMMA,   // <start_of_turn>role\n...<end_of_turn>\n
    CHAT_PHI3,    // <|user|>\n...<|end|>\n
} chat_family;

// How templates of one family differ.
typedef struct chat_details {
    bool writes_bos;             // the prompt begins with bos
    bool trims;                  // contents lose the white space at their ends
    bool refuses_system;         // a system message is an error
    bool always_asks;            // the answer is begun whether asked for or not
    bool strips_thoughts;        // CHATML: <think> .. </think> of earlier answers is left out (Qwen3)
    bool bare_end;               // CHATML: no newline after <|im_end|>
    bool open_last;              // CHATML: a last message is left open unless an answer is asked for (Qwen1.5)
    bool joins_system;           // GEMMA: the system message begins the first user's turn
    bool joins_last;             // MISTRAL: the system message begins the last user's turn, not the first
    bool asks_in_turn;           // PHI3: every user's turn ends with the beginning of an answer
    bool bos_per_turn;           // LLAMA2: bos before every user's turn
    char *dates;                 // LLAMA3: what stands above the system message; NULL for nothing
    char *open, *close, *answer; // MISTRAL: around a user's text and before an answer; NULL for other families
    char *end;                   // ZEPHYR, MISTRAL: after an answer (after every turn: ZEPHYR); NULL for others
} chat_details;

typedef struct chat_format {
    chat_family family;
    bool has_template;    // false: base model, `run` defaults to --raw
    char *default_system; // what the template inserts when no system message stands first; NULL for none
    char *bos, *eos;      // texts the template refers to; "" when the model has none
    chat_details details;
} chat_format;

typedef struct chat_message {
    const char *role;    // "system", "user", "assistant" (another name is written as it is)
    const char *content; // UTF-8
} chat_message;

// Never fails: an unknown template gives CHAT_PLAIN. t may be NULL.
chat_format chat_format_of(const model_file *f, const tokenizer *t);
chat_format chat_format_of_dir(const char *dir, const tokenizer *t); // chat_template.jinja, tokenizer_config.json
chat_format chat_format_of_gguf(const gguf *g, const tokenizer *t);
chat_format chat_format_of_template(const char *text, size_t len, const tokenizer *t); // text NULL: no template
// The template itself of a directory's model, replacing what out holds. False when it has none.
bool chat_format_template_of_dir(const char *dir, buf *out);
void chat_format_free(chat_format *c);
const char *chat_family_name(chat_family family); // "chatml"

// Appends the prompt. Returns 0, or -1 with a message where the template itself would refuse (roles that must
// alternate do not).
int chat_render(const chat_format *c, const chat_message *messages, size_t n, bool add_generation_prompt, buf *out,
                error *err);
// The same for contents that may hold NUL: lengths[i] is the number of bytes of messages[i].content. NULL: C strings.
int chat_render_bytes(const chat_format *c, const chat_message *messages, const size_t *lengths, size_t n,
                      bool add_generation_prompt, buf *out, error *err);
// The text that begins a stop besides the end-of-turn token, for CHAT_PLAIN ("\nUser:"); NULL for the others.
const char *chat_stop_text(const chat_format *c);

#endif
