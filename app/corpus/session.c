#include "app/corpus/session.h"

bool session_begins(session_splitter *s, const corpus_message *m) {
    int64_t gap = (int64_t)(s->gap_minutes ? s->gap_minutes : SESSION_GAP_MINUTES) * 60, now;
    bool begins = !s->begun || m->border;
    bool known = when_seconds(m->time, &now);
    // A long step back is another conversation too: logs of several places one after the other.
    if (known && s->has_last && (now - s->last > gap || s->last - now > gap)) begins = true;
    if (begins) s->has_last = false;
    if (known) {
        s->last = now;
        s->has_last = true;
    }
    s->begun = true;
    return begins;
}
