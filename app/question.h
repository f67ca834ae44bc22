// What the generator thread is asked: a conversation, how it is written down for the model, and how the answer is drawn.
#ifndef DOPPEL_QUESTION_H
#define DOPPEL_QUESTION_H

#include "app/corpus/layout_kind.h"
#include "model/text/chat_format.h"

#include <time.h>

enum { WORKER_MAX_ADAPTERS = 8 };

typedef struct question {
    const chat_message *messages; // without as_trained: roles "system", "user", "assistant"; with it: names of people
    size_t n;
    // In the layout of a training (app/prompt.h) instead of the model's chat format:
    bool as_trained;
    layout_kind layout;
    int session_gap;
    const time_t *times; // (n); may be NULL
    const char *speaker; // who answers
    // Or one of these, as the model sees fit; it is told by EVENT_SPEAKER. Speaker number `person` (-1: none) writes
    // for themselves: the answer is empty then.
    const char *const *speakers;
    size_t n_speakers;
    int person;
    // With strengths of its own, whatever those of the chat are meanwhile:
    bool own_strengths;
    float strengths[WORKER_MAX_ADAPTERS];
    // Beside the conversation: the random generator begins at the settings' seed, and is put back afterwards.
    bool aside;
} question;

question *question_copy(const question *q); // with copies of all it points to
void question_free(question *q);            // a copy; NULL is fine

#endif
