// Fitting a conversation into a context.
//
// Turns are left out in steps of a quarter of the context, not one by one: otherwise every message of a long
// conversation would shift the beginning of the prompt, and nothing of the KV cache could be used again.
#include "app/prompt.h"
#include "app/corpus/examples.h"
#include "app/corpus/span.h"

#include <stdlib.h>
#include <string.h>

typedef struct fitting {
    const model *model;
    const prompt_layout *layout; // NULL: the chat format
    const chat_message *messages;
    size_t n;
    size_t n_system; // 1 when messages[0] is the system's
    // Where a conversation may begin: at the first message, and at every later one of the user; in a layout, at any.
    size_t *starts; // (n_starts)
    size_t n_starts;
} fitting;

// The ids of everything from starts[d] on, as app/corpus/examples.c makes them of a session.
static int encode_as_trained(const fitting *f, size_t d, id_list *out, error *err) {
    const prompt_layout *p = f->layout;
    layout l;
    examples e;
    int failed = layout_open(&l, p->kind, false, &f->model->chat, err);
    if (failed) return -1;
    const example_options o = {.tokenizer = f->model->tokenizer, .layout = &l, .session_gap = p->session_gap};
    examples_start(&e, &o);
    for (size_t i = f->starts[d]; i < f->n && !failed; i++) {
        span text = span_trim((span){f->messages[i].content, strlen(f->messages[i].content)});
        char time[32] = "";
        struct tm tm;
        if (p->times && gmtime_r(&p->times[i], &tm)) strftime(time, sizeof time, "%Y-%m-%dT%H:%M:%SZ", &tm);
        const corpus_message m = {
            .author = f->messages[i].role, .text = text.s, .n_text = text.n, .time = *time ? time : NULL};
        if (text.n) failed = examples_add(&e, &m, err);
    }
    if (!failed) failed = examples_ask(&e, p->speaker, NULL, err);
    out->len = 0;
    if (!failed) id_list_append(out, e.ids.data, e.ids.len);
    examples_free(&e);
    layout_free(&l);
    return failed;
}

// The ids of the system message and everything from starts[d] on.
static int encode_from(const fitting *f, size_t d, id_list *out, error *err) {
    if (f->layout) return encode_as_trained(f, d, out, err);
    size_t from = f->starts[d];
    chat_message *kept = mem_calloc(f->n + 1, sizeof *kept);
    memcpy(kept, f->messages, f->n_system * sizeof *kept);
    memcpy(kept + f->n_system, f->messages + from, (f->n - from) * sizeof *kept);
    buf text = {0};
    const chat_format *format = &f->model->chat;
    int failed = chat_render(format, kept, f->n_system + f->n - from, true, &text, err);
    // A template writes the beginning-of-text token itself where it wants one.
    unsigned flags = TOKENIZER_SPECIAL | (format->has_template ? 0 : TOKENIZER_BOS);
    out->len = 0;
    if (!failed) failed = tokenizer_encode(f->model->tokenizer, buf_str(&text), text.len, flags, out, err);
    buf_free(&text);
    free(kept);
    return failed;
}

// The smallest d whose prompt has at most limit ids, its ids in out; n_starts when there is none; -1 on failure.
static long find_start(const fitting *f, size_t limit, id_list *out, error *err) {
    size_t low = 0, high = f->n_starts;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (encode_from(f, middle, out, err) != 0) return -1;
        if (out->len <= limit)
            high = middle;
        else
            low = middle + 1;
    }
    if (low < f->n_starts && encode_from(f, low, out, err) != 0) return -1;
    return (long)low;
}

static int fit(const fitting *f, size_t n_ctx, size_t room, id_list *out, int *dropped, error *err) {
    if (encode_from(f, 0, out, err) != 0) return -1;
    if (out->len + room <= n_ctx) return 0;
    size_t all = out->len, step = n_ctx / 4 ? n_ctx / 4 : 1;
    size_t surplus = (all + room - n_ctx + step - 1) / step * step;
    // First by whole steps, then by as little as will do, then with less room for the answer.
    const size_t limits[] = {surplus < all ? all - surplus : 0, n_ctx - room, n_ctx - 1};
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        long d = find_start(f, limits[i], out, err);
        if (d < 0) return -1;
        if ((size_t)d == f->n_starts) continue;
        *dropped = (int)(f->starts[d] - f->starts[0]);
        return 0;
    }
    if (encode_from(f, f->n_starts - 1, out, err) != 0) return -1;
    return error_set(err,
                     "the message is too long: with the system text it has %zu tokens, the context holds %zu; shorten "
                     "it, or start with a larger --ctx",
                     out->len, n_ctx);
}

int prompt_fit_layout(const model *m, const prompt_layout *layout, const chat_message *messages, size_t n, int n_ctx,
                      int max_tokens, id_list *out, int *dropped, error *err) {
    *dropped = 0;
    if (!m->tokenizer) return error_set(err, "the model has no tokenizer to chat with: %s", m->tokenizer_error.text);
    fitting f = {.model = m, .layout = layout, .messages = messages, .n = n};
    f.n_system = !layout && n > 0 && strcmp(messages[0].role, "system") == 0;
    f.starts = mem_calloc(n + 1, sizeof *f.starts);
    f.starts[f.n_starts++] = f.n_system;
    for (size_t i = f.n_system + 1; i < n; i++)
        if (layout || strcmp(messages[i].role, "user") == 0) f.starts[f.n_starts++] = i;
    size_t room = (size_t)(max_tokens < n_ctx / 4 ? max_tokens : n_ctx / 4);
    int failed = fit(&f, (size_t)n_ctx, room > 0 ? room : 1, out, dropped, err);
    free(f.starts);
    return failed;
}

int prompt_fit(const model *m, const chat_message *messages, size_t n, int n_ctx, int max_tokens, id_list *out,
               int *dropped, error *err) {
    return prompt_fit_layout(m, NULL, messages, n, n_ctx, max_tokens, out, dropped, err);
}

static const char *visible(uint32_t cp) {
    switch (cp) {
    case ' ': return "␣";
    case '\n': return "⏎";
    case '\r': return "␍";
    case '\t': return "⇥";
    }
    bool control = cp < 0x20 || (cp >= 0x7f && cp < 0xa0);
    bool format = cp == 0xad || cp == 0x61c || (cp >= 0x200b && cp <= 0x200f) || (cp >= 0x2028 && cp <= 0x202e) ||
                  (cp >= 0x2060 && cp <= 0x206f) || cp == 0xfeff || (cp >= 0xe0000 && cp <= 0xe007f);
    return control || format ? "·" : NULL;
}

void prompt_show_token(const tokenizer *t, int32_t id, char *out, size_t size) {
    static const char ellipsis[] = "…";
    buf text = {0};
    size_t len = 0, cut = 0; // cut: where an ellipsis still fits
    const char *piece = t ? tokenizer_piece(t, id, true, &len) : "";
    for (size_t i = 0; i < len;) {
        uint32_t cp = 0;
        int n = utf8_decode(piece + i, len - i, &cp);
        const char *shown = n > 0 ? visible(cp) : UTF8_REPLACEMENT;
        if (shown)
            buf_puts(&text, shown);
        else
            buf_append(&text, piece + i, (size_t)n);
        if (text.len + sizeof ellipsis <= size) cut = text.len;
        i += n > 0 ? (size_t)n : 1;
    }
    if (text.len >= size) {
        buf_remove(&text, cut, text.len - cut);
        buf_puts(&text, ellipsis);
    }
    memcpy(out, buf_str(&text), text.len + 1);
    buf_free(&text);
}
