// A chat's trainings in the background (chat->background), and what whoever shows a chat has to wait for.
#ifndef DOPPEL_CHAT_BACKGROUND_H
#define DOPPEL_CHAT_BACKGROUND_H

#include "app/background.h"
#include "app/chat.h"

#include <poll.h>

enum { CHAT_MAX_FDS = 4 };

// Fills out with everything that a chat waits for besides the person: once one of these is readable, chat_pump takes in
// what there is. Returns how many (at most CHAT_MAX_FDS).
size_t chat_fds(const chat *c, struct pollfd *out);

// For chat.c. Takes in what the background told: notes become notes of the chat, and a better version of an adapter that is
// in use is taken up at the next token. Adds BACKGROUND_ flags to chat->training_news. Returns CHAT_ flags.
unsigned chat_background_pump(chat *c);
// For chat.c, after anything that may have given the generator work, or when it may have done it.
void chat_background_yield(chat *c);

// Ends the trainings, with everything saved: before signals do again what they do by themselves. The chat is only to be
// closed after that.
void chat_background_end(chat *c);

#endif
