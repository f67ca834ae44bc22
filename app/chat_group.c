#include "app/chat_group.h"
#include "app/chat_impl.h"
#include "app/chat_style.h"
#include "app/corpus/gaps.h"
#include "model/learn/random.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static chat_group *of(const chat *c) {
    return &c->style->group;
}

bool chat_group_is_on(const chat *c) {
    return of(c)->on && chat_style_voice(c)->speaks;
}

// ---- who may write

void chat_group_question(const chat *c, question *q) {
    const voice *v = chat_style_voice(c);
    const char **names = mem_calloc(GROUP_MOST_SPEAKERS, sizeof *names), *me = chat_style_me(c);
    q->person = -1;
    if (!of(c)->is_first) {
        q->person = 0;
        names[q->n_speakers++] = me;
    }
    const char *persona = chat_style_answerer(c, !c->style->off);
    if (strcmp(persona, me) != 0) names[q->n_speakers++] = persona;
    for (size_t i = 0; i < v->n_authors && q->n_speakers < GROUP_MOST_SPEAKERS; i++)
        if (strcmp(v->authors[i], me) != 0 && strcmp(v->authors[i], persona) != 0)
            names[q->n_speakers++] = v->authors[i];
    q->speakers = names;
}

// ---- rounds

static time_t last_time(const chat *c, const chat_turn *before) {
    for (const chat_turn *t = before; t > c->turns; t--)
        if (t[-1].kind != TURN_NOTE) return t[-1].time;
    return 0;
}

// The person's own message is not written before what was said last, however far the times have run ahead.
void chat_group_begin(chat *c, chat_turn *message) {
    chat_group *g = of(c);
    g->left = g->limit;
    g->is_first = true;
    if (!message || !chat_group_is_on(c)) return;
    time_t last = last_time(c, message);
    if (message->time <= last) message->time = last + 1;
}

void chat_group_answer(chat *c, chat_turn *answer) {
    chat_group *g = of(c);
    g->is_first = g->is_mine = false;
    if (!chat_group_is_on(c)) return;
    uint64_t random = random_seed(c->settings.seed, answer->id);
    time_t last = last_time(c, answer);
    if (last) answer->time = last + (time_t)gaps_draw(chat_style_voice(c)->gaps, random_unit(&random));
}

void chat_group_speaker(chat *c, const event *e) {
    of(c)->is_mine = strcmp(e->text, chat_style_me(c)) == 0;
    chat_set_string(&c->turns[c->answer].author, e->text);
}

// Was there an answer before this one, in this round?
static bool follows_answer(const chat *c, size_t at) {
    for (size_t i = at; i > 0; i--)
        if (c->turns[i - 1].kind != TURN_NOTE) return c->turns[i - 1].kind == TURN_MODEL;
    return true;
}

unsigned chat_group_done(chat *c) {
    chat_group *g = of(c);
    if (!chat_group_is_on(c)) return 0;
    const chat_turn *t = &c->turns[c->answer];
    bool waits = chat_turns_waiting(c) < c->n_turns, is_silent = t->text.len == 0;
    bool goes_on = t->stop != GEN_INTERRUPTED && !g->is_mine && --g->left > 0 && !waits && !c->quitting &&
                   !c->loading && !c->adapting;
    // Who was to speak and said nothing is passed over; but a message is never left without any answer.
    if (is_silent && (goes_on || follows_answer(c, c->answer))) chat_turns_remove(c, c->answer);
    if (!goes_on) return CHAT_TURNS;
    chat_ask(c);
    return CHAT_TURNS | CHAT_STATUS;
}

// ---- /group

static unsigned tell(chat *c) {
    const chat_group *g = of(c);
    if (!g->on) return chat_note(c, false, "Group mode is off: %s answers.", chat_style_answerer(c, !c->style->off));
    return chat_note(
        c, false,
        "Group mode is on: everybody goes on until it is your turn, %s, or for %d messages. Ctrl-C stops them; "
        "/group next goes on without a message, /group 5 sets their number.",
        chat_style_me(c), g->limit);
}

static unsigned go_on(chat *c) {
    unsigned flags = 0;
    if (!of(c)->on) return chat_note(c, true, "group mode is off; /group on switches it on");
    if (chat_along_refuses(c, &flags)) return flags;
    if (chat_busy(c)) return chat_note(c, true, "the model is at work; ask again when it has finished");
    if (!worker_model(c->worker)) return chat_note(c, true, "no model is loaded; see /model");
    chat_group_begin(c, NULL);
    chat_ask(c);
    return CHAT_TURNS | CHAT_STATUS;
}

unsigned chat_group_run(chat *c, const char *args) {
    chat_group *g = of(c);
    char *end;
    if (!*args) return tell(c);
    if (strcasecmp(args, "off") == 0) {
        g->on = false;
        return tell(c) | CHAT_STATUS;
    }
    if (!chat_style_voice(c)->speaks)
        return chat_note(c, true, "nothing in use was trained on conversations: there is no group to speak");
    if (strcasecmp(args, "next") == 0) return go_on(c);
    long n = strtol(args, &end, 10);
    bool is_number = end != args && !*end && n >= 1 && n <= 1000;
    if (!is_number && strcasecmp(args, "on") != 0)
        return chat_note(c, true, "/group takes on, off, next, or a number of messages (1 to 1000)");
    if (is_number) g->limit = (int)n;
    g->on = true;
    return tell(c) | CHAT_STATUS;
}
