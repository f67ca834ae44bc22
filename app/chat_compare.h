// Two answers to one message, beside the conversation: by the bare model and by the model with its adapters as they are
// set, from the same seed. Nothing of them enters the conversation unless the person picks one. Main thread.
#ifndef DOPPEL_CHAT_COMPARE_H
#define DOPPEL_CHAT_COMPARE_H

#include "app/chat.h"

enum { COMPARE_BASE, COMPARE_STYLE, COMPARE_SIDES };

typedef struct compare_side {
    char *label;      // "smollm2", "smollm2 + clone x0.80"
    uint64_t request; // 0: ended
    buf text;         // as received
    gen_stop stop;    // once it has ended
    int n_tokens;
    bool failed; // text is the reason
    copy_scan copied;
} compare_side;

typedef struct chat_compare {
    bool open;       // there is something to show
    uint64_t number; // of this comparison; they count up
    char *message;   // what is answered
    bool is_new;     // it is no message of the conversation yet
    unsigned after;  // the id of the newest message then; once there is a newer one nothing can be picked
    compare_side sides[COMPARE_SIDES];
} chat_compare;

unsigned chat_compare_run(chat *c, const char *args); // /compare [MESSAGE | 1 | 2]
unsigned chat_compare_pick(chat *c, int side);        // takes an answer into the conversation, and closes
void chat_compare_close(chat *c);                     // and stops what runs; none open is fine
bool chat_compare_runs(const chat *c);
bool chat_compare_event(chat *c, const event *e); // takes in an event of the worker; false: it is not for a comparison

#endif
