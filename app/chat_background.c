#include "app/chat_background.h"
#include "app/chat_copies.h"
#include "app/chat_impl.h"
#include "app/chat_train.h"

#include <stdlib.h>
#include <string.h>

size_t chat_fds(const chat *c, struct pollfd *out) {
    size_t n = 0;
    out[n++] = (struct pollfd){.fd = worker_fd(c->worker), .events = POLLIN};
    out[n++] = (struct pollfd){.fd = background_fd(c->background), .events = POLLIN};
    out[n++] = (struct pollfd){.fd = tuning_fd(c->tuning), .events = POLLIN};
    if (chat_copies_fd(c) >= 0) out[n++] = (struct pollfd){.fd = chat_copies_fd(c), .events = POLLIN};
    return n;
}

void chat_background_yield(chat *c) {
    background_yield(c->background, worker_computes(c->worker));
}

void chat_background_end(chat *c) {
    background_close(c->background);
    c->background = NULL;
}

unsigned chat_background_pump(chat *c) {
    unsigned news = background_pump(c->background), flags = news ? CHAT_TRAINING : 0;
    c->training_news |= news;
    for (char *line; (line = background_take_note(c->background));) {
        flags |= chat_note(c, false, "%s", line);
        free(line);
    }
    if (news & BACKGROUND_RESULT) flags |= chat_adapters_renew(c, background_look(c->background)->path);
    return flags | chat_train_news(c, news);
}
