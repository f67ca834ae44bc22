// A conversation written out in its family's format. Each family is one function that follows its template from top to
// bottom; what templates of a family do differently is in chat_details.
#include "model/text/chat_format.h"
#include "model/text/unicode.h"

#include <string.h>

typedef struct render {
    const chat_format *c;
    const chat_message *messages;
    const size_t *lengths; // of contents; NULL: C strings
    size_t n;
    bool ask; // begin the answer
    buf *out;
    error *err;
} render;

static bool has_role(const chat_message *m, const char *role) {
    return strcmp(m->role, role) == 0;
}

static void put_text(const render *r, const char *text, size_t len, bool trims) {
    if (trims) text = unicode_strip(text, &len);
    buf_append(r->out, text, len);
}

static size_t content_len(const render *r, const chat_message *m) {
    return r->lengths ? r->lengths[m - r->messages] : strlen(m->content);
}

static void put_content(const render *r, const chat_message *m) {
    put_text(r, m->content, content_len(r, m), r->c->details.trims);
}

static bool begins_with_system(const render *r) {
    return r->n > 0 && has_role(&r->messages[0], "system");
}

static int refuse_system(const render *r) {
    return error_set(r->err, "this model's chat template takes no system message; leave it out");
}

// ---- ChatML ----

static const char *last_part(const char *text, size_t *len, const char *mark) {
    size_t n = strlen(mark);
    for (size_t i = *len; i + 1 > n; i--)
        if (memcmp(text + i - n, mark, n) == 0) {
            *len -= i;
            return text + i;
        }
    return text;
}

static const char *strip_newlines(const char *s, size_t *len, bool both) {
    while (*len && *s == '\n') {
        s++;
        --*len;
    }
    while (both && *len && s[*len - 1] == '\n') --*len;
    return s;
}

// Qwen3: an answer's thoughts stay only where it is the last and no question follows it.
static void put_answer_and_thoughts(const render *r, const chat_message *m, bool after_question, bool last) {
    static const char end[] = "</think>";
    const char *text = m->content, *answer = text, *thought = "";
    size_t len = content_len(r, m), n_answer = len, n_thought = 0;
    answer = last_part(text, &n_answer, end);
    if (answer != text) {
        const char *stop = memmem(text, len, end, sizeof end - 1);
        n_thought = (size_t)(stop - text);
        while (n_thought && text[n_thought - 1] == '\n') n_thought--;
        thought = last_part(text, &n_thought, "<think>");
        thought = strip_newlines(thought, &n_thought, true);
        answer = strip_newlines(answer, &n_answer, false);
    }
    if (after_question && (last || n_thought)) {
        buf_puts(r->out, "<think>\n");
        buf_append(r->out, thought, n_thought);
        buf_puts(r->out, "\n</think>\n\n");
        answer = strip_newlines(answer, &n_answer, false);
    }
    buf_append(r->out, answer, n_answer);
}

static void render_chatml(const render *r) {
    const chat_details *d = &r->c->details;
    const char *end = d->bare_end ? "<|im_end|>" : "<|im_end|>\n";
    size_t last_question = 0;
    for (size_t i = 0; i < r->n; i++)
        if (has_role(&r->messages[i], "user")) last_question = i;
    if (d->writes_bos) buf_puts(r->out, r->c->bos);
    if (r->c->default_system && r->n && !begins_with_system(r))
        buf_printf(r->out, "<|im_start|>system\n%s%s", r->c->default_system, end);
    for (size_t i = 0; i < r->n; i++) {
        const chat_message *m = &r->messages[i];
        buf_printf(r->out, "<|im_start|>%s\n", m->role);
        if (d->strips_thoughts && has_role(m, "assistant"))
            put_answer_and_thoughts(r, m, i > last_question, i + 1 == r->n);
        else
            put_content(r, m);
        if (!d->open_last || r->ask || i + 1 < r->n) buf_puts(r->out, end);
    }
    bool answered = d->open_last && r->n && has_role(&r->messages[r->n - 1], "assistant");
    if (r->ask && !answered) buf_puts(r->out, "<|im_start|>assistant\n");
}

// ---- Llama ----

static void put_header(const render *r, const char *role) {
    buf_printf(r->out, "<|start_header_id|>%s<|end_header_id|>\n\n", role);
}

static void render_llama3(const render *r) {
    const chat_details *d = &r->c->details;
    size_t from = 0;
    if (d->writes_bos && (r->n || d->dates)) buf_puts(r->out, r->c->bos);
    if (d->dates) {
        put_header(r, "system");
        buf_puts(r->out, d->dates);
        if (begins_with_system(r)) put_content(r, &r->messages[from++]);
        buf_puts(r->out, "<|eot_id|>");
    }
    for (size_t i = from; i < r->n; i++) {
        put_header(r, r->messages[i].role);
        put_content(r, &r->messages[i]);
        buf_puts(r->out, "<|eot_id|>");
    }
    if (r->ask || d->always_asks) put_header(r, "assistant");
}

// The system message is part of the first user's text, and the two are trimmed as one.
static void render_llama2(const render *r) {
    const chat_details *d = &r->c->details;
    size_t from = begins_with_system(r) ? 1 : 0;
    if (d->writes_bos && !d->bos_per_turn) buf_puts(r->out, r->c->bos);
    for (size_t i = from; i < r->n; i++) {
        const chat_message *m = &r->messages[i];
        buf content = {0};
        if (i == from && from) {
            buf_puts(&content, "<<SYS>>\n");
            buf_append(&content, r->messages[0].content, content_len(r, &r->messages[0]));
            buf_puts(&content, "\n<</SYS>>\n\n");
        }
        buf_append(&content, m->content, content_len(r, m));
        if (has_role(m, "user")) {
            if (d->bos_per_turn) buf_puts(r->out, r->c->bos);
            buf_puts(r->out, "[INST] ");
            put_text(r, content.data, content.len, d->trims);
            buf_puts(r->out, " [/INST]");
        } else if (has_role(m, "assistant")) {
            buf_putc(r->out, ' ');
            put_text(r, content.data, content.len, d->trims);
            buf_printf(r->out, " %s", r->c->eos);
        }
        buf_free(&content);
    }
}

// ---- the others ----

static int render_mistral(const render *r) {
    const chat_details *d = &r->c->details;
    size_t from = begins_with_system(r) ? 1 : 0, last_user = r->n;
    if (from && d->refuses_system) return refuse_system(r);
    for (size_t i = from; i < r->n; i++)
        if (has_role(&r->messages[i], "user") && (d->joins_last ? i + 1 == r->n : last_user == r->n)) last_user = i;
    if (d->writes_bos) buf_puts(r->out, r->c->bos);
    for (size_t i = from; i < r->n; i++) {
        const chat_message *m = &r->messages[i];
        if (has_role(m, "assistant")) {
            buf_puts(r->out, d->answer);
            put_content(r, m);
            buf_puts(r->out, d->end);
            continue;
        }
        buf_puts(r->out, d->open);
        if (from && i == last_user) {
            buf_append(r->out, r->messages[0].content, content_len(r, &r->messages[0]));
            buf_puts(r->out, "\n\n");
        }
        buf_append(r->out, m->content, content_len(r, m));
        buf_puts(r->out, d->close);
    }
    return 0;
}

static void render_zephyr(const render *r) {
    for (size_t i = 0; i < r->n; i++) {
        buf_printf(r->out, "<|%s|>\n", r->messages[i].role);
        put_content(r, &r->messages[i]);
        buf_printf(r->out, "%s\n", r->c->details.end);
    }
    if (r->ask && r->n) buf_puts(r->out, "<|assistant|>\n");
}

static int render_gemma(const render *r) {
    const chat_details *d = &r->c->details;
    bool system = begins_with_system(r);
    if (system && d->refuses_system) return refuse_system(r);
    size_t from = system && d->joins_system ? 1 : 0;
    if (d->writes_bos) buf_puts(r->out, r->c->bos);
    for (size_t i = from; i < r->n; i++) {
        const chat_message *m = &r->messages[i];
        buf_printf(r->out, "<start_of_turn>%s\n", has_role(m, "assistant") ? "model" : m->role);
        if (from && i == from) {
            buf_append(r->out, r->messages[0].content, content_len(r, &r->messages[0]));
            buf_puts(r->out, "\n\n");
        }
        put_content(r, m);
        buf_puts(r->out, "<end_of_turn>\n");
    }
    if (r->ask) buf_puts(r->out, "<start_of_turn>model\n");
    return 0;
}

// The first version of the template knows no system message and begins the answer in the user's turn.
static void render_early_phi3(const render *r) {
    if (r->c->details.writes_bos) buf_puts(r->out, r->c->bos);
    for (size_t i = 0; i < r->n; i++) {
        const chat_message *m = &r->messages[i];
        bool user = has_role(m, "user");
        if (!user && !has_role(m, "assistant")) continue;
        if (user) buf_puts(r->out, "<|user|>\n");
        put_content(r, m);
        buf_puts(r->out, user ? "<|end|>\n<|assistant|>\n" : "<|end|>\n");
    }
}

static void render_phi3(const render *r) {
    for (size_t i = 0; i < r->n; i++) {
        buf_printf(r->out, "<|%s|>\n", r->messages[i].role);
        put_content(r, &r->messages[i]);
        buf_puts(r->out, "<|end|>\n");
    }
    buf_puts(r->out, r->ask ? "<|assistant|>\n" : r->c->eos);
}

// Our own layout for models without a template: what a base model has seen of conversations.
static void render_plain(const render *r) {
    for (size_t i = 0; i < r->n; i++) {
        const chat_message *m = &r->messages[i];
        if (has_role(m, "system") && content_len(r, m) == 0) continue;
        if (has_role(m, "user"))
            buf_puts(r->out, "User: ");
        else if (has_role(m, "assistant"))
            buf_puts(r->out, "Assistant: ");
        else if (!has_role(m, "system"))
            buf_printf(r->out, "%s: ", m->role);
        put_content(r, m);
        buf_puts(r->out, has_role(m, "system") ? "\n\n" : "\n");
    }
    if (r->ask) buf_puts(r->out, "Assistant:");
}

int chat_render_bytes(const chat_format *c, const chat_message *messages, const size_t *lengths, size_t n,
                      bool add_generation_prompt, buf *out, error *err) {
    render r = {c, messages, lengths, n, add_generation_prompt, out, err};
    switch (c->family) {
    case CHAT_CHATML: render_chatml(&r); break;
    case CHAT_LLAMA3: render_llama3(&r); break;
    case CHAT_LLAMA2: render_llama2(&r); break;
    case CHAT_MISTRAL: return render_mistral(&r);
    case CHAT_ZEPHYR: render_zephyr(&r); break;
    case CHAT_GEMMA: return render_gemma(&r);
    case CHAT_PHI3: c->details.asks_in_turn ? render_early_phi3(&r) : render_phi3(&r); break;
    case CHAT_PLAIN: render_plain(&r); break;
    }
    return 0;
}

int chat_render(const chat_format *c, const chat_message *messages, size_t n, bool add_generation_prompt, buf *out,
                error *err) {
    return chat_render_bytes(c, messages, NULL, n, add_generation_prompt, out, err);
}
