// What /train says: a prepared training, and how far a running one is, as lines for the person.
#include "app/chat_train.h"

#include <math.h>
#include <string.h>

void chat_train_time(double seconds, buf *out) {
    if (!isfinite(seconds) || seconds < 0)
        buf_puts(out, "an unknown time");
    else if (seconds < 100)
        buf_printf(out, "%.0f s", seconds);
    else if (seconds < 100 * 60)
        buf_printf(out, "%.0f min", seconds / 60);
    else
        buf_printf(out, "%.1f h", seconds / 3600);
}

static void put_source(const tuning *t, buf *out) {
    buf_printf(out, "%s (%s): %lld %s%s", t->title, t->format, (long long)t->messages,
               t->is_log ? "message" : "passage", t->messages == 1 ? "" : "s");
    if (*t->first) buf_printf(out, ", %.10s to %.10s", t->first, t->last);
    if (t->skipped > 0) buf_printf(out, "; %lld broken and skipped", (long long)t->skipped);
    buf_putc(out, '\n');
}

static void put_preview(const tuning *t, buf *out) {
    enum { LINES = 5 };
    const char *s = buf_str(&t->preview);
    for (int i = 0; i < LINES && *s; i++) {
        size_t n = strcspn(s, "\n");
        buf_printf(out, "    | %.*s\n", (int)n, s);
        s += n + (s[n] == '\n');
    }
}

static void put_authors(const tuning *t, buf *out) {
    enum { MOST = 20 };
    if (!t->is_log) return;
    buf_puts(out, "Who wrote it (* is imitated):\n");
    for (size_t i = 0; i < t->n_authors && i < MOST; i++) {
        const tuning_author *a = &t->authors[i];
        buf_printf(out, "  %c %zu %s, %lld message%s, %lld word%s\n", a->chosen ? '*' : ' ', i + 1, a->name,
                   (long long)a->messages, a->messages == 1 ? "" : "s", (long long)a->words, a->words == 1 ? "" : "s");
    }
    if (t->n_authors > MOST) buf_printf(out, "    and %zu more\n", t->n_authors - MOST);
    if (tuning_n_chosen(t) == 0) buf_puts(out, "Nobody is chosen: everybody is learned.\n");
}

static void put_fit(const tuning *t, buf *out) {
    if (tuning_is_strange(t))
        buf_printf(out,
                   "Note: the model needs %.2f tokens for a character of this (0.25 is usual for English): it hardly "
                   "knows such text, and will learn it less well.\n",
                   t->forecast.tokens_per_character);
}

static void put_notes(const tuning *t, buf *out) {
    for (const char *s = buf_str(&t->notes); *s;) {
        size_t n = strcspn(s, "\n");
        buf_printf(out, "Note: %.*s\n", (int)n, s);
        s += n + (s[n] == '\n');
    }
    if (t->warning.len > 0)
        buf_printf(out, "Warning: it holds %s; /train scrub on hides them from the training.\n", buf_str(&t->warning));
}

void chat_train_forecast_line(const tuning *t, buf *out) {
    const tuning_forecast *f = &t->forecast;
    buf_printf(out, "%s: %s, rank %d, learning rate %g", t->name, tuning_effort_name(t->effort), t->rank, t->rate);
    if (t->scrub) buf_puts(out, ", private details hidden");
    if (f->known) {
        buf_printf(out, "; %d steps, %.3g times through %lld tokens", f->steps, f->epochs, (long long)f->tokens);
        if (f->measured) {
            buf_puts(out, ", about ");
            chat_train_time(f->seconds, out);
            if (f->bytes < 1e9)
                buf_printf(out, " and %.0f MB of memory", f->bytes / 1e6);
            else
                buf_printf(out, " and %.1f GB of memory", f->bytes / 1e9);
        }
    }
    buf_puts(out, ".\n");
}

void chat_train_describe(const tuning *t, bool brief, buf *out) {
    if (!brief) put_source(t, out);
    if (!brief) put_preview(t, out);
    put_authors(t, out);
    if (!brief) put_notes(t, out);
    if (!brief) put_fit(t, out);
    if (t->err.text[0]) {
        buf_printf(out, "It cannot be trained like this: %s.\n", t->err.text);
        return;
    }
    chat_train_forecast_line(t, out);
    buf_puts(out, "/train start begins. To change it: /train imitate, effort, rank, lr, name, scrub (/help train).\n");
}

void chat_train_status_line(const background_state *s, buf *out) {
    buf_printf(out, "step %d of %d", s->step, s->steps);
    if (isfinite(s->held_out)) {
        buf_printf(out, ": held-out loss %.3f", s->held_out);
        if (s->step > 0 && isfinite(s->first_held_out)) buf_printf(out, " (%.3f before)", s->first_held_out);
    } else if (isfinite(s->loss)) {
        buf_printf(out, ": loss %.3f", s->loss);
    }
    if (isfinite(s->copy_rate)) buf_printf(out, ", %.0f %% copied", 100 * s->copy_rate);
    if (isfinite(s->eta_s)) {
        buf_puts(out, ", ");
        chat_train_time(s->eta_s, out);
        buf_puts(out, " left");
    }
}
