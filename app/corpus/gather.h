// Where the readers of all formats put what they find.
//
// A reader turns one text into drafts: messages as its format writes them. What only the whole input can settle stays
// open in a draft and is settled on delivery: the order of day and month, which message a reply means, whose name
// stands behind a mention, and the direction of a file that was written newest first.
#ifndef DOPPEL_CORPUS_GATHER_H
#define DOPPEL_CORPUS_GATHER_H

#include "app/corpus/corpus.h"
#include "app/corpus/spool.h"
#include "app/corpus/text_in.h"
#include "app/corpus/when.h"

typedef struct draft {
    const char *author; // NULL: nobody (prose)
    size_t n_author;
    const char *text; // trimmed when it is added
    size_t n_text;
    when time;
    uint64_t key;   // of this message, for replies to it; 0: none
    uint64_t reply; // key of the message it replies to; 0: none
    bool bot;
    bool literal;    // canonical text: mentions and emoji in it are no markup
    bool stable_key; // the key is the same in every export of this message
} draft;

#define DRAFT_EMPTY ((draft){.time = {.offset = WHEN_NO_OFFSET}})

// One text of the input.
typedef struct gather_file {
    int64_t begin, end; // its drafts in the spool
    uint64_t names;     // scope of its mentions
    date_order order;
    bool reversed;
} gather_file;

typedef struct gather {
    spool *spool;
    gather_file *files;
    size_t n_files, cap_files;
    people authors; // every name, interned; counts are not kept here
    id_map replies; // keys that some message replies to
    id_map names;   // mention -> offset in name_text
    buf name_text;  // NUL-terminated names
    uint64_t scope; // of keys and names that belong to the current chat
    uint64_t names_scope;
    uint64_t n_scopes;
    bool border; // the next draft begins another conversation
    int64_t drafts, dropped, skipped, unread;
    buf record;
    error err;   // set when failed
    bool failed; // the spool is full; readers stop
} gather;

void gather_start(gather *g);
void gather_end(gather *g);

// A text begins; its dates are decided together. Drafts need one.
void gather_begin_file(gather *g);
// Mentions of the texts from here on are resolved among themselves.
void gather_new_names(gather *g);
// Keys from here on (gather_key, gather_key_text) belong to another chat.
void gather_new_scope(gather *g);

// Adds a draft (everything is copied). One without text is dropped and counted. The author's name is trimmed.
void gather_add(gather *g, const draft *d);
void gather_drop(gather *g);                   // a system line or the like
void gather_skip(gather *g, int64_t messages); // broken ones
void gather_cut(gather *g, int64_t unread);    // the text ends inside a message: one skipped
void gather_border(gather *g);
void gather_date(gather *g, const when *w); // of a line that is no message but tells the order of dates
void gather_reversed(gather *g);            // this text was written newest first

// What `@` or `#` shows for an id in a mention (`<@id>`, `<#id>`); the first name given stays.
void gather_name(gather *g, char mark, uint64_t id, const char *name);
// The name, or NULL. Pass the file's `names`.
const char *gather_find_name(const gather *g, uint64_t names, char mark, uint64_t id);

// Keys of messages: within the current chat, or (Discord) the same everywhere. 0 for id 0.
uint64_t gather_key(const gather *g, uint64_t id);
uint64_t gather_key_text(const gather *g, const char *id);
uint64_t gather_key_everywhere(uint64_t id);

// ---- how a draft lies in the spool

enum { DRAFT_BOT = 1, DRAFT_LITERAL = 2, DRAFT_STABLE_KEY = 4, DRAFT_BORDER = 8, DRAFT_MARKUP = 16 };
enum { DRAFT_NOBODY = UINT32_MAX };

typedef struct draft_head {
    uint64_t key, reply;
    when time;
    uint32_t author; // place in gather.authors, or DRAFT_NOBODY
    uint32_t n_text; // bytes behind this head, without the NUL that follows them
    uint32_t flags;
} draft_head;

// Space, tab, CR and LF off both ends.
void gather_trim(const char **s, size_t *n);

#endif
