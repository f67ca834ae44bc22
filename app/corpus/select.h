// Which messages are kept, and under which names: the options that select.
#ifndef DOPPEL_CORPUS_SELECT_H
#define DOPPEL_CORPUS_SELECT_H

#include "app/corpus/corpus.h"

typedef struct selection selection;

typedef struct candidate {
    const char *author;
    uint32_t author_place; // in the list of authors the selection was opened with; anything for a NULL author
    const char *text;
    size_t n_text;
    const char *time; // "" when not known
    bool bot;
    uint64_t id; // the same in every export of the message; 0: none
} candidate;

// Are the options well-formed, whoever may be in the log? -1 with a message for a date or an alias that is none.
int selection_check(const corpus_options *o, error *err);

// *out is NULL when the options select nothing. 0, or -1 with a message: an unknown name, an alias without '=', a date
// that is none. authors outlives the selection.
int selection_open(selection **out, const corpus_options *o, const people *authors, error *err);
void selection_close(selection *s); // NULL is fine

// Call once per message, in order (duplicates are what came before).
bool selection_keeps(selection *s, const candidate *c);
// Is this one of the people to imitate? Everybody is when none were named.
bool selection_imitates(const selection *s, const char *author, uint32_t author_place);
// The name after aliases.
const char *selection_author(const selection *s, const char *author, uint32_t author_place);

#endif
