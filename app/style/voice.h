// What run.json says about how an adapter was trained on conversations: their layout, who speaks in them, whom it learned
// to be, and where the text is. Read from a file that may come from anywhere: lists are bounded, what is odd is left out.
#ifndef DOPPEL_STYLE_VOICE_H
#define DOPPEL_STYLE_VOICE_H

#include "app/corpus/layout_kind.h"

#include <stdbool.h>
#include <stddef.h>

enum { VOICE_GAPS = 5 }; // as many as app/corpus/gaps.h has quantiles

typedef struct voice {
    bool trained; // there is a run.json with training text
    bool speaks;  // ... of conversations: layout and authors mean something
    layout_kind layout;
    int session_gap;         // minutes
    double gaps[VOICE_GAPS]; // seconds between messages (app/corpus/gaps.h); what is usual unless run.json says
    char **authors;          // everyone who wrote something
    size_t n_authors;
    char **imitates; // of the authors: whom it learned to be; empty: everyone
    size_t n_imitates;
    char **files; // the training text: files and folders
    size_t n_files;
} voice;

// Reads the run.json beside an adapter's files; adapter is a directory or a GGUF file (which has none). Free with
// voice_free.
void voice_read(voice *v, const char *adapter);
void voice_free(voice *v);

// The author of this name, exactly or but for letter case; NULL when there is none.
const char *voice_author(const voice *v, const char *name);
// Who answers unless a person says so: the first one imitated, else the first author; NULL when nobody speaks.
const char *voice_speaker(const voice *v);
// The other one of a conversation of two; NULL when there are more of them.
const char *voice_partner(const voice *v, const char *speaker);

#endif
