// Group mode: after each of the person's messages the model goes on with the whole conversation, everybody's part, until
// it is the person's turn again. Main thread; for chat.c, but for the command.
#ifndef DOPPEL_CHAT_GROUP_H
#define DOPPEL_CHAT_GROUP_H

#include "app/chat.h"
#include "app/question.h"

enum { GROUP_LIMIT = 8, GROUP_MOST_SPEAKERS = 16 };

typedef struct chat_group {
    bool on;
    int limit;     // messages at most until it is the person's turn
    int left;      // of the running round
    bool is_first; // the next message is the round's first: not the person's own
    bool is_mine;  // the model gave the turn to the person
} chat_group;

unsigned chat_group_run(chat *c, const char *args); // /group [on | off | NUMBER | next]
bool chat_group_is_on(const chat *c);               // and there is a voice to speak with

// Adds who may write next to a question that is asked as trained.
void chat_group_question(const chat *c, question *q);
// A round begins: with a message that is sent now (NULL: none).
void chat_group_begin(chat *c, chat_turn *message);
void chat_group_answer(chat *c, chat_turn *answer); // one of its messages begins: its time
void chat_group_speaker(chat *c, const event *e);   // EVENT_SPEAKER
unsigned chat_group_done(chat *c); // the message at c->answer has ended: the next one, if there is to be one

#endif
