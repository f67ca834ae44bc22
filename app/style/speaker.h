// Who writes next: the model's own opinion, among names that are given.
#ifndef DOPPEL_STYLE_SPEAKER_H
#define DOPPEL_STYLE_SPEAKER_H

#include "model/net/net.h"

// prompts[i]: the conversation and the header with which name i begins its next message (app/prompt.h). Reads what they
// have in common, then draws token by token among those that go on with one of them, until one is left. random is moved
// on; NULL: the likeliest token each time. The index; -1 with a message: a prompt is empty or too long. What was read
// stays in s, so that the chosen prompt is read quickly. progress as in net_eval; when it stops, the first one is given.
int speaker_choose(net_state *s, const id_list *prompts, int n, uint64_t *random, net_progress progress, void *arg,
                   error *err);

#endif
