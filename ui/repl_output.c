// Append-only output. Turns are told apart by their ids, which only grow; the one that runs is written word by word:
// white space at its end waits for the word behind it, so that an answer never ends in empty lines.
#include "ui/repl_output.h"
#include "app/background.h"
#include "app/chat_copies.h"
#include "app/chat_style.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { LONGEST_WORD = 200, MOST_RECALLED = 4 };

static const double first_progress = 2, progress_interval = 5; // seconds

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void write_json(const char *type, const char *rest, const char *text, size_t n) {
    buf line = {0};
    buf_printf(&line, "{\"type\":\"%s\",%s\"text\":", type, rest);
    buf_json_string(&line, text, n);
    buf_puts(&line, "}\n");
    fwrite(line.data, 1, line.len, stdout);
    buf_free(&line);
}

void repl_output_say(repl_output *o, bool is_error, const char *text) {
    if (is_error) o->n_failed++;
    if (o->json) {
        write_json("note", is_error ? "\"error\":true," : "\"error\":false,", text, strlen(text));
        return;
    }
    if (!is_error && !o->asked && (o->quiet || !o->interactive)) return;
    FILE *f = is_error && !o->interactive ? stderr : stdout;
    if (f == stderr) fflush(stdout); // where both end in one place, they stand in order
    // A list speaks for itself; a sentence says who speaks.
    if (!strchr(text, '\n')) fputs("doppel: ", f);
    buf shown = {0};
    clean_text(text, strlen(text), &shown);
    fwrite(shown.data, 1, shown.len, f);
    buf_free(&shown);
    fputc('\n', f);
}

static void say_progress(repl_output *o, const char *text, double wait) {
    double time = now();
    if (o->next_progress == 0) o->next_progress = time + wait;
    if (time < o->next_progress) return;
    o->next_progress = time + progress_interval;
    repl_output_say(o, false, text);
}

static bool is_space(char c) {
    return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

// How much of text can be written when its first `from` bytes are: up to the white space before the last word.
static size_t whole_words(const buf *text, size_t from) {
    size_t end = text->len, i = end;
    while (i > from && !is_space(text->data[i - 1])) {
        i--;
        uint32_t cp = 0;
        // Scripts written without spaces: every ideograph and syllable may end a line.
        if (((unsigned char)text->data[i] & 0xc0) != 0x80) {
            int len = utf8_decode(text->data + i, end - i, &cp);
            if (len > 0 && cp >= 0x2e80) return i + (size_t)len;
        }
        if (end - i > LONGEST_WORD) return end;
    }
    while (i > from && is_space(text->data[i - 1])) i--;
    return i;
}

// White space in front of an answer is left out: it would look like an answer of nothing.
static void write_answer(repl_output *o, const buf *text, size_t end) {
    size_t lead = 0;
    while (lead < end && is_space(text->data[lead])) lead++;
    if (o->written < lead) o->written = lead;
    if (end <= o->written) return;
    const char *s = text->data + o->written;
    size_t n = end - o->written;
    buf shown = {0};
    // Elsewhere than on a terminal the text is what it is; an escape sequence may go on from word to word.
    if (o->terminal)
        clean_feed(&o->filter, s, n, &shown);
    else
        buf_append(&shown, s, n);
    fwrite(shown.data, 1, shown.len, stdout);
    buf_free(&shown);
    o->written = end;
}

// In a group it must be told who says it.
static void name_speaker(repl_output *o, const chat *c, const chat_turn *t) {
    if (!chat_group_is_on(c) || o->is_named || t->text.len == 0) return;
    buf name = {0};
    clean_text(t->author, strlen(t->author), &name);
    printf("%s: ", buf_str(&name));
    buf_free(&name);
    o->is_named = true;
}

static void update_running(repl_output *o, const chat *c, const chat_turn *t) {
    if (t->kind == TURN_NOTE) {
        say_progress(o, buf_str(&t->text), 0);
    } else if (t->text.len > o->written && o->json) {
        write_json("token", "", t->text.data + o->written, t->text.len - o->written);
        o->written = t->text.len;
    } else if (t->text.len > o->written) {
        name_speaker(o, c, t);
        write_answer(o, &t->text, whole_words(&t->text, o->written));
    } else if (c->prefill_total > 0 && (o->interactive || o->json)) {
        char line[96];
        snprintf(line, sizeof line, "reading the prompt, %d of %d tokens", c->prefill_done, c->prefill_total);
        say_progress(o, line, first_progress);
    }
}

static void say_how_it_ended(repl_output *o, const chat *c, const chat_turn *t) {
    char line[160] = "";
    if (t->stop == GEN_INTERRUPTED)
        snprintf(line, sizeof line, "stopped; what is written stays");
    else if (t->stop == GEN_LENGTH)
        snprintf(line, sizeof line, "the answer reached its limit of %d tokens (max-tokens %d)", t->n_tokens,
                 c->settings.max_tokens);
    else if (t->stop == GEN_CHARS)
        snprintf(line, sizeof line, "the answer reached max-chars %d", c->settings.max_chars);
    if (*line) repl_output_say(o, false, line);
}

// What of the answer stands word by word in the training text.
static void tell_copied(const repl_output *o, const chat_turn *t) {
    buf line = {0}, shown = {0};
    chat_copies_tell(t, &line);
    clean_text(buf_str(&line), line.len, &shown);
    if (line.len > 0 && o->interactive)
        printf("doppel: %s; /source tells from where\n", buf_str(&shown));
    else if (line.len > 0 && !o->quiet)
        fprintf(stderr, "doppel: %s\n", buf_str(&shown));
    buf_free(&line);
    buf_free(&shown);
}

static void write_done(const chat *c, const chat_turn *t) {
    buf facts = {0};
    buf_printf(&facts, "\"stop\":\"%s\",\"tokens\":%d,\"decode_tok_s\":%.1f,\"copied\":[", gen_stop_name(t->stop),
               t->n_tokens, c->tok_s);
    for (size_t i = 0; i < t->copied.n; i++) {
        const copy_span *span = &t->copied.spans[i];
        if (i > 0) buf_putc(&facts, ',');
        buf_json_string(&facts, t->text.data + span->start, span->end - span->start);
    }
    buf_puts(&facts, "],\"author\":");
    buf_json_string(&facts, t->author, strlen(t->author));
    buf_putc(&facts, ',');
    write_json("done", buf_str(&facts), buf_str(&t->text), t->text.len);
    buf_free(&facts);
}

static void finish_answer(repl_output *o, const chat *c, const chat_turn *t) {
    if (o->json) {
        if (t->text.len > o->written) write_json("token", "", t->text.data + o->written, t->text.len - o->written);
        write_done(c, t);
    } else {
        size_t end = t->text.len;
        name_speaker(o, c, t);
        while (end > o->written && is_space(t->text.data[end - 1])) end--;
        write_answer(o, &t->text, end);
        fputc('\n', stdout);
        if (o->interactive) say_how_it_ended(o, c, t);
        tell_copied(o, t);
    }
    o->written = 0;
    o->is_named = false;
    o->filter = (clean){0};
}

// What no longer fits is told when it changes, before the answer that does without it.
static void tell_dropped(repl_output *o, const chat *c) {
    if (c->dropped_turns == o->dropped || !c->answering) return;
    o->dropped = c->dropped_turns;
    char line[128];
    snprintf(line, sizeof line, "the oldest %d messages no longer fit the context and are left out", o->dropped);
    if (o->dropped == 0) return;
    if (o->interactive || o->json)
        repl_output_say(o, false, line);
    else if (!o->quiet)
        fprintf(stderr, "doppel: %s\n", line);
}

void repl_output_progress(repl_output *o, const char *text) {
    if (o->interactive || o->json) say_progress(o, text, first_progress);
}

// ---- what was said before: in a conversation that is opened, or read along, or among the alternatives

// A person's own words stand on the screen already, but for those that come back. An answer that another doppel writes
// is told when it is whole.
static bool is_to_tell(const repl_output *o, const chat_turn *t) {
    if (t->id <= o->seen || (t->is_recalled && t->running)) return false;
    if (t->is_recalled) return o->interactive || o->asked;
    return t->kind != TURN_USER;
}

static void write_recalled(repl_output *o, const chat_turn *t) {
    char facts[64];
    if (o->json) {
        snprintf(facts, sizeof facts, "\"role\":\"%s\",", t->kind == TURN_USER ? "user" : "model");
        write_json("message", facts, buf_str(&t->text), t->text.len);
        return;
    }
    buf line = {0}, shown = {0};
    if (t->kind == TURN_USER) buf_printf(&line, "%s> ", t->author);
    buf_append(&line, buf_str(&t->text), t->text.len);
    while (line.len > 0 && is_space(line.data[line.len - 1])) buf_remove(&line, line.len - 1, 1);
    clean_text(buf_str(&line), line.len, &shown);
    printf("%s\n", buf_str(&shown));
    buf_free(&line);
    buf_free(&shown);
}

// Of a long conversation the end is enough. Returns the id from which on it is told.
static unsigned skip_recalled(repl_output *o, const chat *c) {
    int n = 0;
    unsigned from = 0;
    for (size_t i = c->n_turns; i > 0; i--) {
        const chat_turn *t = &c->turns[i - 1];
        if (!t->is_recalled || !is_to_tell(o, t)) continue;
        if (++n == MOST_RECALLED) from = t->id;
    }
    if (n <= MOST_RECALLED || o->json) return 0;
    printf("(%d earlier messages; `doppel sessions show %lld` prints them)\n", n - MOST_RECALLED,
           (long long)c->session.id);
    return from;
}

bool repl_output_pending(const repl_output *o, const chat *c) {
    for (size_t i = 0; i < c->n_turns; i++)
        if (is_to_tell(o, &c->turns[i])) return true;
    return false;
}

static void write_compared(repl_output *o, const compare_side *s, int number) {
    buf shown = {0}, facts = {0};
    if (o->terminal)
        clean_text(buf_str(&s->text), s->text.len, &shown);
    else
        buf_append(&shown, buf_str(&s->text), s->text.len);
    if (s->failed) {
        repl_output_say(o, true, buf_str(&s->text));
    } else if (o->json) {
        buf_printf(&facts, "\"side\":%d,\"copied\":%zu,\"label\":", number, s->copied.n);
        buf_json_string(&facts, s->label, strlen(s->label));
        buf_putc(&facts, ',');
        write_json("compare", buf_str(&facts), buf_str(&s->text), s->text.len);
    } else {
        printf("%d %s:\n%s\n", number, s->label, buf_str(&shown));
    }
    buf_free(&shown);
    buf_free(&facts);
}

// Both answers of a comparison, one after the other, each when it is whole.
static void tell_compared(repl_output *o, const chat *c) {
    const chat_compare *p = &c->style->compare;
    if (o->comparison != p->number) o->compared = 0;
    o->comparison = p->number;
    for (; p->open && o->compared < COMPARE_SIDES && !p->sides[o->compared].request; o->compared++) {
        write_compared(o, &p->sides[o->compared], o->compared + 1);
        if (o->compared + 1 == COMPARE_SIDES && o->interactive)
            repl_output_say(o, false, "/compare 1 or /compare 2 takes one of them into the conversation");
    }
}

// The end of a training is worth looking up.
static void ring(repl_output *o, const chat *c) {
    unsigned n_ended = background_look(c->background)->n_ended;
    if (o->n_ended == n_ended) return;
    o->n_ended = n_ended;
    if (o->terminal && !o->json) fputc('\a', stdout);
}

int repl_output_update(repl_output *o, const chat *c) {
    if (o->written == 0) tell_dropped(o, c);
    unsigned from = skip_recalled(o, c);
    for (size_t i = 0; i < c->n_turns; i++) {
        const chat_turn *t = &c->turns[i];
        if (!is_to_tell(o, t)) continue;
        bool waits = t->kind == TURN_MODEL && !o->interactive && chat_copies_reading(c);
        if (t->running || waits) {
            update_running(o, c, t);
            break;
        }
        if (t->is_recalled && t->id >= from)
            write_recalled(o, t);
        else if (t->is_recalled)
            continue;
        else if (t->kind == TURN_NOTE)
            repl_output_say(o, t->is_error, buf_str(&t->text));
        else
            finish_answer(o, c, t);
        o->next_progress = 0;
        o->seen = t->id;
    }
    tell_compared(o, c);
    ring(o, c);
    fflush(stdout);
    return ferror(stdout) ? -1 : 0;
}
