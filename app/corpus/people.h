// Who wrote how much: people by name, counted while messages pass.
#ifndef DOPPEL_CORPUS_PEOPLE_H
#define DOPPEL_CORPUS_PEOPLE_H

#include "app/corpus/id_map.h"
#include "app/corpus/when.h"
#include "model/base/base.h"

typedef struct person {
    char *name;
    int64_t messages, words;                // words: runs of anything but white space
    char first[WHEN_TEXT], last[WHEN_TEXT]; // times of the earliest and latest message; "" when none has one
    bool bot;                               // of any of the messages
} person;

typedef struct people {
    person *list; // in order of appearance
    size_t n, cap;
    id_map index; // hash of the name -> place in list
} people;

// Place in list of the person with this name, who is added if need be.
size_t people_place(people *p, const char *name, size_t n);
void people_count(person *who, const char *text, size_t n, const char *time, bool bot);
void people_free(people *p);

// Sorts the list by messages, most first, then by name; the index is rebuilt.
void people_sort(people *p);

// The person whom a name typed at the keyboard means: exactly this name, else the only one that is the same without
// regard to letter case and compatibility forms. -1 with a message that names people who come near or wrote most.
int people_find(const people *p, const char *typed, size_t *place, error *err);

int64_t people_words(const char *text, size_t n);
// a is earlier than b, both as when_text writes them, offsets heeded.
bool people_time_before(const char *a, const char *b);

#endif
