// From a conversation to the ids that a model reads, and from an id to what may be shown of it.
#ifndef DOPPEL_PROMPT_H
#define DOPPEL_PROMPT_H

#include "app/corpus/layout.h"
#include "model/model.h"

#include <time.h>

// A conversation written down as in a training (app/corpus/examples.h): the ids are those that training made of the same
// messages, up to where the speaker's text begins. The role of a message is the name of who wrote it.
typedef struct prompt_layout {
    layout_kind kind;
    int session_gap;     // minutes after which another session begins; 0: an hour
    const char *speaker; // who answers; NULL: the ids end before the next header
    const time_t *times; // when each message was written; NULL: at one time
} prompt_layout;

// Renders messages by the model's chat format and leaves the ids in out. When they and room for an answer (max_tokens,
// at most a quarter of the context) exceed n_ctx, whole turns are left out from the oldest on; the system message and
// the last one stay. *dropped: messages left out. 0, or -1 with a message: no tokenizer, the last message alone does
// not fit, the chat format refuses the order of roles.
int prompt_fit(const model *m, const chat_message *messages, size_t n, int n_ctx, int max_tokens, id_list *out,
               int *dropped, error *err);
// The same in a layout; layout NULL: by the model's chat format.
int prompt_fit_layout(const model *m, const prompt_layout *layout, const chat_message *messages, size_t n, int n_ctx,
                      int max_tokens, id_list *out, int *dropped, error *err);

// Token id in at most size - 1 bytes: white space made visible, control and formatting characters replaced, long
// tokens cut with an ellipsis. NUL-terminated.
void prompt_show_token(const tokenizer *t, int32_t id, char *out, size_t size);

#endif
