#include "ui/farewell.h"

#include "app/chat_background.h"
#include "app/chat_train.h"
#include "app/report.h"

#include <string.h>

enum { SAVING_MS = 300 }; // who looks at an empty terminal for longer is told why

static void tell_end(const background_state *s) {
    if (s->phase == BACKGROUND_FAILED)
        report_note("training %s failed: %s", s->name, s->err.text);
    else if (s->reason && strcmp(s->reason, "interrupted") == 0 && s->step > 0)
        report_note(
            "%s is saved at step %d of %d; `doppel train --resume %s`, or /train continue %s in a chat, goes on",
            s->name, s->step, s->steps, s->name, s->name);
}

void farewell_end_trainings(chat *c, bool quiet) {
    background *b = c->background;
    bool trained = chat_train_runs(c) && !background_look(b)->is_elsewhere;
    buf waiting = {0};
    for (size_t i = 0; background_waiting(b, i); i++)
        buf_printf(&waiting, "%s%s", i ? ", " : "", background_waiting(b, i));
    if (!background_end(b, SAVING_MS) && trained && !quiet)
        report_note("saving what %s has learned ...", background_look(b)->name);
    background_end(b, -1);
    if (trained && !quiet) tell_end(background_look(b));
    if (waiting.len > 0 && !quiet) report_note("not begun yet: %s; /train continue NAME begins it", buf_str(&waiting));
    if (c->train->left && c->train->has_pane && !quiet) // a screen is gone with what stood on it
        report_note("%s goes on training by itself; /train attach %s in a chat shows how far it is", c->train->left,
                    c->train->left);
    buf_free(&waiting);
    chat_background_end(c);
}
