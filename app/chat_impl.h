// Shared by chat.c and chat_adapters.c. Nobody else includes this.
#ifndef DOPPEL_CHAT_IMPL_H
#define DOPPEL_CHAT_IMPL_H

#include "app/chat.h"

// Adds NAME[=STRENGTH] to the list, without asking the worker. 0, or -1 with a message.
int chat_adapters_add(chat *c, const char *word, error *err);
void chat_adapters_send(chat *c); // asks the worker for the list as it is
void chat_adapters_clear(chat *c);
// The adapter at path was written anew: if it is in use, it is read again.
unsigned chat_adapters_renew(chat *c, const char *path);
unsigned chat_adapters_event(chat *c, const event *e); // its answer: EVENT_ADAPTED or EVENT_ERROR

#endif
