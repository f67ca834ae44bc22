// Messages to training examples: tokens, which of them the loss counts, where sessions begin, and rows of equal length.
//
// examples_add takes messages as corpus_read hands them over (it fits as its callback through examples_on_message).
// Each session is written in the layout (layout.h); what the imitated people say counts (corpus_message.imitated), with
// the end of each of their turns, everything else is context.
#ifndef DOPPEL_CORPUS_EXAMPLES_H
#define DOPPEL_CORPUS_EXAMPLES_H

#include "app/corpus/layout.h"
#include "app/corpus/session.h"

typedef struct example_options {
    const tokenizer *tokenizer;
    const layout *layout;
    bool learn_headers; // also learn who writes next, and when
    int session_gap;    // minutes; 0: an hour
} example_options;

typedef struct example_session {
    size_t first, n; // tokens
    size_t n_learn;  // of them the loss counts
    size_t turns;    // messages
} example_session;

typedef struct examples {
    example_options options;
    id_list ids;    // all sessions, one after the other
    uint8_t *learn; // (ids.len) 1: the loss counts the prediction of this token
    size_t cap_learn;
    size_t *turns; // places where a turn begins: rows are cut there
    size_t n_turns, cap_turns;
    example_session *sessions;
    size_t n_sessions, cap_sessions;
    int64_t characters_learned; // of the texts that count, for losses per character
    // While messages come in: the text of the session since it was last turned into tokens.
    session_splitter splitter;
    buf text;
    struct example_part {
        size_t end;                       // in text
        bool learn, begins_turn, special; // special: markers may become special tokens
    } * parts;
    size_t n_parts, cap_parts;
    bool failed;
    error err;
} examples;

// o and what it points to outlive e.
void examples_start(examples *e, const example_options *o);
// 0, or -1 with a message (the tokenizer failed).
int examples_add(examples *e, const corpus_message *m, error *err);
bool examples_on_message(void *examples, const corpus_message *m); // a corpus_message_fn; false sets failed and err
int examples_finish(examples *e, error *err);                      // after the last message
// Instead of examples_finish, for asking a model: the tokens end with the header of what author is to say next, so that
// they are the beginning of what training makes of the same messages and that turn. author NULL: no header.
int examples_ask(examples *e, const char *author, const char *time, error *err);
void examples_free(examples *e);

typedef struct example_rows {
    int32_t *ids, *labels; // (n, len); labels are the ids where the loss counts, -100 elsewhere
    size_t n;
    int len;
    size_t n_learn; // labels that are not -100
} example_rows;

// Packs the sessions for which pick is true (NULL: all) into rows of len tokens, cut between turns where that is
// possible. Rows in which nothing counts are left out; the end of a row that is not full is padded.
void examples_pack(const examples *e, const bool *pick, int len, example_rows *out);
void example_rows_free(example_rows *r);

#endif
