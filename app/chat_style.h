// The style of a chat: what its adapters know about conversations, who answers, who the person is, and whether the style
// is on at all. Main thread.
//
// The first adapter that was trained on conversations decides how the chat is written down for the model: in its layout,
// with the names of its people (app/style/voice.h). A model that was trained itself speaks so without an adapter.
// Otherwise, or with the style off, the chat is written by the model's own chat format.
#ifndef DOPPEL_CHAT_STYLE_H
#define DOPPEL_CHAT_STYLE_H

#include "app/chat.h"
#include "app/chat_compare.h"
#include "app/chat_group.h"
#include "app/question.h"
#include "app/style/sources.h"
#include "app/style/voice.h"

typedef struct chat_style {
    voice adapter, model;  // the first voice among the adapters, and the model's own; speaks false: none
    char *from;            // the name of that adapter; NULL for none
    size_t n_voices;       // adapters that could have decided
    char *persona;         // who answers, one of the authors; NULL: the voice's own choice
    sources *sources;      // the training text of all that is in use (app/chat_copies.h); NULL: none is known
    unsigned index_number; // of it: another one for other files
    chat_compare compare;
    chat_group group;
    bool off; // strengths are 0 in the worker, and stay what they are in the chat
} chat_style;

chat_style *chat_style_new(void);
void chat_style_free(chat_style *s);

// The model or the list of adapters is another one: reads what they know. True when somebody else decides now; then
// chat_style_tell says who speaks.
bool chat_style_adapted(chat *c);
void chat_style_tell(chat *c);

// The voice that decides how the chat is written; it speaks not when there is none.
const voice *chat_style_voice(const chat *c);
// The names shown for what is said: the model's or the persona's, with the style on or off; the person's.
const char *chat_style_answerer(const chat *c, bool on);
const char *chat_style_me(const chat *c);

// What to ask for an answer to the turns before `end` and to one more message (NULL: none), with the style on or off.
// Free with chat_question_free, before turns or message change.
question *chat_style_question(const chat *c, size_t end, bool on, const char *more);
void chat_question_free(question *q);

// Base or style, for the next token on.
unsigned chat_style_switch(chat *c, bool on);
unsigned chat_style_toggle(chat *c);

// The commands.
unsigned chat_style_run(chat *c, const char *args); // /style
unsigned chat_style_as(chat *c, const char *args);  // /as
unsigned chat_style_be(chat *c, const char *args);  // /me

#endif
