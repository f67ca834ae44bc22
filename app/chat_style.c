#include "app/chat_style.h"
#include "app/chat_copies.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char nobody[] = "you"; // the person's name as long as they gave none

chat_style *chat_style_new(void) {
    chat_style *s = mem_calloc(1, sizeof *s);
    s->group.limit = GROUP_LIMIT;
    return s;
}

void chat_style_free(chat_style *s) {
    if (!s) return;
    voice_free(&s->adapter);
    voice_free(&s->model);
    free(s->compare.message);
    for (int i = 0; i < COMPARE_SIDES; i++) {
        free(s->compare.sides[i].label);
        buf_free(&s->compare.sides[i].text);
        copy_scan_free(&s->compare.sides[i].copied);
    }
    sources_close(s->sources);
    free(s->from);
    free(s->persona);
    free(s);
}

// ---- who speaks

static const voice *voice_with(const chat *c, bool on) {
    return c->style->adapter.speaks && on ? &c->style->adapter : &c->style->model;
}

const voice *chat_style_voice(const chat *c) {
    return voice_with(c, !c->style->off);
}

static const char *persona_of(const chat *c, const voice *v) {
    const char *chosen = c->style->persona ? voice_author(v, c->style->persona) : NULL;
    return chosen ? chosen : voice_speaker(v);
}

static const char *me_of(const chat *c, const voice *v) {
    const char *author = voice_author(v, c->user_name), *partner = voice_partner(v, persona_of(c, v));
    if (author) return author;
    return partner && strcmp(c->user_name, nobody) == 0 ? partner : c->user_name;
}

static const char *persona(const chat *c) {
    return persona_of(c, chat_style_voice(c));
}

const char *chat_style_answerer(const chat *c, bool on) {
    const voice *v = voice_with(c, on);
    return v->speaks ? persona_of(c, v) : c->model_name;
}

const char *chat_style_me(const chat *c) {
    return me_of(c, chat_style_voice(c));
}

// Forgets what the last ones knew, and reads the model's voice and the first one among the adapters'.
static void find_voices(chat *c) {
    chat_style *s = c->style;
    voice_free(&s->model);
    voice_free(&s->adapter);
    free(s->from);
    s->from = NULL;
    s->n_voices = 0;
    voice_read(&s->model, c->model_path);
    for (size_t i = 0; i < c->n_adapters; i++) {
        voice v;
        voice_read(&v, c->adapters[i].path);
        if (v.speaks && s->n_voices++ == 0) {
            s->adapter = v;
            s->from = mem_strdup(c->adapters[i].name);
        } else {
            voice_free(&v);
        }
    }
}

static const char *name_of_voice(const chat *c) {
    return chat_style_voice(c) == &c->style->adapter ? c->style->from : c->model_name;
}

void chat_style_tell(chat *c) {
    const chat_style *s = c->style;
    chat_note(c, false, "%s answers as %s; you are %s. /as NAME and /me NAME change that.", name_of_voice(c),
              persona(c), chat_style_me(c));
    if (s->n_voices > 1)
        chat_note(c, false, "Several of the adapters were trained on conversations: names and layout are those of %s.",
                  s->from);
}

bool chat_style_adapted(chat *c) {
    char *before = mem_strdup(chat_style_voice(c)->speaks ? name_of_voice(c) : NULL);
    find_voices(c);
    chat_copies_follow(c);
    if (c->n_adapters == 0) c->style->off = false;
    bool other = chat_style_voice(c)->speaks && (!before || strcmp(before, name_of_voice(c)) != 0);
    free(before);
    return other;
}

// ---- asking

// Turns that were said by the model or before there was a voice belong to who speaks now.
static const char *name_of_turn(const chat *c, const voice *v, const chat_turn *t) {
    const char *author = voice_author(v, t->author);
    if (author) return author;
    return t->kind == TURN_USER ? me_of(c, v) : persona_of(c, v);
}

// Chat formats want roles to alternate: what several people of a group said in a row becomes one message.
static void add_message(question *q, const char *role, const char *text, time_t when) {
    chat_message *messages = (chat_message *)q->messages, *last = q->n > 0 ? &messages[q->n - 1] : NULL;
    if (!q->as_trained && last && strcmp(last->role, role) == 0) {
        buf both = {0};
        buf_printf(&both, "%s\n%s", last->content, text);
        free((char *)last->content);
        last->content = buf_take(&both);
        return;
    }
    ((time_t *)q->times)[q->n] = when;
    messages[q->n++] = (chat_message){role, mem_strdup(text)};
}

question *chat_style_question(const chat *c, size_t end, bool on, const char *more) {
    question *q = mem_calloc(1, sizeof *q);
    const voice *v = voice_with(c, on);
    q->as_trained = v->speaks;
    q->messages = mem_calloc(end + 2, sizeof *q->messages);
    q->times = mem_calloc(end + 2, sizeof *q->times);
    if (q->as_trained) {
        q->layout = v->layout;
        q->session_gap = v->session_gap;
        q->speaker = persona_of(c, v);
    } else if (c->system[0]) {
        add_message(q, "system", c->system, 0);
    }
    for (size_t i = 0; i < end; i++) {
        const chat_turn *t = &c->turns[i];
        bool is_asked = i + 1 == end; // also when it had no answer before
        if (t->kind == TURN_NOTE || t->waiting || (t->failed && !is_asked)) continue;
        const char *role = t->kind == TURN_USER ? "user" : "assistant";
        add_message(q, q->as_trained ? name_of_turn(c, v, t) : role, buf_str(&t->text), t->time);
    }
    if (more) add_message(q, q->as_trained ? me_of(c, v) : "user", more, time(NULL));
    return q;
}

void chat_question_free(question *q) {
    for (size_t i = 0; i < q->n; i++) free((char *)q->messages[i].content);
    free((chat_message *)q->messages);
    free((time_t *)q->times);
    free((const char **)q->speakers);
    free(q);
}

// ---- base or style

unsigned chat_style_switch(chat *c, bool on) {
    c->style->off = !on;
    for (size_t i = 0; i < c->n_adapters; i++) worker_set_strength(c->worker, i, on ? c->adapters[i].strength : 0);
    return CHAT_STATUS;
}

unsigned chat_style_toggle(chat *c) {
    if (c->n_adapters == 0) return chat_note(c, true, "there is no style to switch: /adapter NAME takes one up");
    return chat_style_switch(c, c->style->off);
}

// ---- /style

static unsigned tell_style(chat *c) {
    buf out = {0};
    buf_puts(&out, c->n_adapters == 0 ? "No adapter is in use."
                   : c->style->off    ? "The style is off:"
                                      : "The style is on:");
    for (size_t i = 0; i < c->n_adapters; i++)
        buf_printf(&out, "\n  %s %.2f", c->adapters[i].name, (double)c->adapters[i].strength);
    if (chat_style_voice(c)->speaks)
        buf_printf(&out, "\n  %s answers as %s; you are %s", name_of_voice(c), persona(c), chat_style_me(c));
    buf_puts(&out, "\n/adapter NAME takes an adapter up; /style 0.8 or /style NAME=0.8 sets its strength (0 to 2), "
                   "/style off and /style on (F6) switch to the bare model and back.");
    chat_note(c, false, "%s", buf_str(&out));
    buf_free(&out);
    return CHAT_TURNS;
}

// A strength as a person writes it; -1 for anything else.
static float parse_strength(const char *text) {
    char *end;
    double x = strtod(text, &end);
    return end != text && !*end && x >= 0 && x <= 2 ? (float)x : -1;
}

static unsigned set_strengths(chat *c, const char *name, size_t n, const char *value) {
    float strength = parse_strength(value);
    unsigned flags = 0;
    if (strength < 0) return chat_note(c, true, "\"%s\" is no strength; /style takes a number from 0 to 2", value);
    for (size_t i = 0; i < c->n_adapters; i++) {
        bool named = strlen(c->adapters[i].name) == n && memcmp(c->adapters[i].name, name, n) == 0;
        if (n == 0 || named) flags |= chat_set_strength(c, i, strength);
    }
    if (!flags && n > 0) return chat_note(c, true, "%.*s is not in use; /adapter lists what is", (int)n, name);
    return flags | tell_style(c);
}

unsigned chat_style_run(chat *c, const char *args) {
    static const char *const on[] = {"on", "yes"}, *const off[] = {"off", "no", "base"};
    if (!*args) return tell_style(c);
    if (c->n_adapters == 0) return chat_note(c, true, "there is no style to set: /adapter NAME takes one up");
    if (strcasecmp(args, "toggle") == 0) return chat_style_toggle(c) | tell_style(c);
    for (size_t i = 0; i < sizeof on / sizeof *on; i++)
        if (strcasecmp(args, on[i]) == 0) return chat_style_switch(c, true) | tell_style(c);
    for (size_t i = 0; i < sizeof off / sizeof *off; i++)
        if (strcasecmp(args, off[i]) == 0) return chat_style_switch(c, false) | tell_style(c);
    const char *equals = strrchr(args, '=');
    return set_strengths(c, args, equals ? (size_t)(equals - args) : 0, equals ? equals + 1 : args);
}

// ---- /as, /me

static unsigned list_people(chat *c, const char *what, const char *who) {
    enum { MOST = 40 };
    const voice *v = chat_style_voice(c);
    buf out = {0};
    buf_printf(&out, "%s %s.", what, who);
    if (v->n_authors > 0) buf_puts(&out, " In the log there are ");
    for (size_t i = 0; i < v->n_authors && i < MOST; i++) buf_printf(&out, "%s%s", i ? ", " : "", v->authors[i]);
    if (v->n_authors > MOST) buf_printf(&out, " and %zu more", v->n_authors - MOST);
    chat_note(c, false, "%s", buf_str(&out));
    buf_free(&out);
    return CHAT_TURNS;
}

static bool was_learned(const voice *v, const char *name) {
    bool learned = v->n_imitates == 0;
    for (size_t i = 0; i < v->n_imitates; i++) learned = learned || strcmp(v->imitates[i], name) == 0;
    return learned;
}

unsigned chat_style_as(chat *c, const char *args) {
    const voice *v = chat_style_voice(c);
    if (!v->speaks)
        return chat_note(c, true, "nothing in use was trained on conversations: there is nobody to answer as");
    if (!*args) return list_people(c, "The model answers as", persona(c));
    const char *author = voice_author(v, args);
    if (!author) return chat_note(c, true, "there is nobody called %s in the log; /as lists who is", args);
    free(c->style->persona);
    c->style->persona = mem_strdup(author);
    if (was_learned(v, author)) return chat_note(c, false, "From now on %s answers.", author) | CHAT_STATUS;
    return chat_note(c, false, "From now on %s answers, whose messages %s read but did not learn.", author,
                     name_of_voice(c)) |
           CHAT_STATUS;
}

unsigned chat_style_be(chat *c, const char *args) {
    if (!*args) return list_people(c, "You are", chat_style_me(c));
    const char *author = voice_author(chat_style_voice(c), args);
    char *name = mem_strdup(author ? author : args);
    free(c->user_name);
    c->user_name = name;
    return chat_note(c, false, "From now on you are %s.", chat_style_me(c)) | CHAT_STATUS | CHAT_SETTINGS;
}
