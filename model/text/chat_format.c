// Reading a template: which family it belongs to, and the details in which templates of a family differ. Jinja is not
// interpreted; what matters are the string literals of the template and the names that stand in it. Rendering is in
// chat_render.c.
#include "model/text/chat_format.h"
#include "model/text/json.h"
#include "model/text/text_file.h"
#include "model/text/unicode.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static bool has(const char *text, const char *part) {
    return strstr(text, part) != NULL;
}

static chat_family family_of(const char *text) {
    if (has(text, "<|im_start|>")) return CHAT_CHATML;
    if (has(text, "<|start_header_id|>")) return CHAT_LLAMA3;
    if (has(text, "<start_of_turn>")) return CHAT_GEMMA;
    if (has(text, "<<SYS>>")) return CHAT_LLAMA2;
    if (has(text, "[INST]")) return CHAT_MISTRAL;
    if (has(text, "<|user|>") && has(text, "<|end|>")) return CHAT_PHI3;
    if (has(text, "<|user|>")) return CHAT_ZEPHYR;
    return CHAT_PLAIN;
}

// Copies what stands at `at` until `stop`, with Jinja's escapes undone, as long as it stays in its string literal
// (quote: the one that ends it; 0: text outside of any, which a tag ends). NULL when it does not.
static char *copy_literal(const char *at, char quote, const char *stop) {
    buf out = {0};
    size_t n_stop = strlen(stop);
    for (; *at && strncmp(at, stop, n_stop) != 0; at++) {
        if (quote ? *at == quote : *at == '{') break;
        if (*at != '\\' || !quote || !at[1]) {
            buf_putc(&out, *at);
            continue;
        }
        at++;
        buf_putc(&out, *at == 'n' ? '\n' : *at == 't' ? '\t' : *at == 'r' ? '\r' : *at);
    }
    if (strncmp(at, stop, n_stop) == 0 && *at) return buf_take(&out);
    buf_free(&out);
    return NULL;
}

// The quote in front of `at`, within the template that begins at start; 0 when text stands there.
static char quote_before(const char *start, const char *at) {
    return at > start && (at[-1] == '\'' || at[-1] == '"') ? at[-1] : 0;
}

// A newline of the template at s: a real one, or the escape. Its length, 0 for none.
static size_t newline_at(const char *s) {
    return *s == '\n' ? 1 : s[0] == '\\' && s[1] == 'n' ? 2 : 0;
}

// The sentence a ChatML template gives as the system's when the conversation has none.
static char *find_default_system(const char *text) {
    static const char open[] = "<|im_start|>system", set[] = "set system_message = ";
    for (const char *at = strstr(text, open); at; at = strstr(at + 1, open)) {
        const char *from = at + sizeof open - 1;
        size_t newline = newline_at(from);
        char *found = newline ? copy_literal(from + newline, quote_before(text, at), "<|im_end|>") : NULL;
        if (found) return found;
    }
    for (const char *at = strstr(text, set); at; at = strstr(at + 1, set)) {
        const char *from = at + sizeof set - 1;
        char quote[2] = {*from, '\0'};
        if ((*quote != '\'' && *quote != '"') || from[1] == *quote) continue;
        return copy_literal(from + 1, *quote, quote);
    }
    return NULL;
}

// Whether a newline is written after <|im_end|>, in the same literal, the next one, or as text after the tag.
static bool newline_follows(const char *text, const char *marker) {
    for (const char *at = strstr(text, marker); at; at = strstr(at + 1, marker)) {
        const char *p = at + strlen(marker);
        while (*p && strchr("'\"+~ }", *p)) p++;
        if (newline_at(p)) return true;
    }
    return false;
}

// The whole literal that holds part: 'before part after'. NULL when there is none.
static char *literal_with(const char *text, const char *part) {
    for (const char *at = strstr(text, part); at; at = strstr(at + 1, part)) {
        const char *from = at;
        while (from > text && from[-1] != '\'' && from[-1] != '"' && from[-1] != '\n') from--;
        char quote[2] = {quote_before(text, from), '\0'};
        if (*quote) return copy_literal(from, *quote, quote);
    }
    return NULL;
}

static char *today(void) {
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t now = time(NULL);
    struct tm day;
    buf out = {0};
    localtime_r(&now, &day);
    buf_printf(&out, "%02d %s %04d", day.tm_mday, months[day.tm_mon], day.tm_year + 1900);
    return buf_take(&out);
}

// Llama 3.1 and later: "Cutting Knowledge Date: ...\nToday Date: ...\n\n".
static char *find_dates(const char *text) {
    char *knowledge = literal_with(text, "Cutting Knowledge Date: "), *date = NULL;
    if (!knowledge) return NULL;
    static const char set[] = "set date_string = \"";
    const char *at = strstr(text, set);
    if (!has(text, "strftime_now") && at) date = copy_literal(at + sizeof set - 1, '"', "\"");
    if (!date) date = today();
    buf out = {0};
    buf_printf(&out, "%sToday Date: %s\n\n", knowledge, date);
    free(knowledge);
    free(date);
    return buf_take(&out);
}

static void read_mistral(chat_details *d, const char *text, const char *eos) {
    d->open = literal_with(text, "[INST]");
    d->close = literal_with(text, "[/INST]");
    if (!d->open) d->open = mem_strdup("[INST] ");
    if (!d->close) d->close = mem_strdup(" [/INST]");
    bool spaced = has(text, "' ' + message['content']") || has(text, "\" \" + message[\"content\"]") ||
                  has(text, "' ' + message.content") || has(text, "\" \" + message.content");
    d->answer = mem_strdup(spaced ? " " : "");
    buf end = {0};
    buf_puts(&end, eos);
    if (has(text, "eos_token + ' '") || has(text, "eos_token + \" \"")) buf_putc(&end, ' ');
    d->end = buf_take(&end);
    d->joins_last = has(text, "loop.last");
    d->refuses_system = !has(text, "system");
}

static void read_details(chat_format *c, const char *text) {
    chat_details *d = &c->details;
    d->writes_bos = has(text, "bos_token");
    d->trims = has(text, "| trim") || has(text, "|trim") || has(text, ".strip()");
    d->refuses_system = has(text, "System role not supported");
    switch (c->family) {
    case CHAT_CHATML:
        c->default_system = find_default_system(text);
        d->bare_end = !newline_follows(text, "<|im_end|>");
        d->strips_thoughts = has(text, "</think>") && has(text, "last_query_index");
        d->open_last = has(text, "(loop.last and add_generation_prompt) or not loop.last");
        d->trims = has(text, "['content'] | trim") || has(text, "['content']|trim") ||
                   has(text, "message.content | trim") || has(text, "message.content|trim");
        break;
    case CHAT_LLAMA3:
        d->dates = find_dates(text);
        d->always_asks = !has(text, "add_generation_prompt");
        break;
    case CHAT_LLAMA2: d->bos_per_turn = d->writes_bos; break;
    case CHAT_MISTRAL: read_mistral(d, text, c->eos); break;
    case CHAT_ZEPHYR:
        d->end = mem_strdup(has(text, "eos_token") ? c->eos : has(text, "<|endoftext|>") ? "<|endoftext|>" : "");
        break;
    case CHAT_GEMMA: d->joins_system = has(text, "first_user_prefix"); break;
    case CHAT_PHI3:
        d->asks_in_turn = !has(text, "add_generation_prompt");
        d->trims = false;
        break;
    case CHAT_PLAIN: break;
    }
}

static char *token_text(const tokenizer *t, int32_t id) {
    size_t len = 0;
    const char *text = t && id >= 0 ? tokenizer_piece(t, id, true, &len) : "";
    return mem_strndup(text, len);
}

chat_format chat_format_of_template(const char *text, size_t len, const tokenizer *t) {
    chat_format c = {.has_template = text != NULL,
                     .bos = token_text(t, t ? tokenizer_bos(t) : -1),
                     .eos = token_text(t, t ? tokenizer_eos(t) : -1)};
    if (!text) return c;
    char *copy = mem_strndup(text, len);
    c.family = family_of(copy);
    read_details(&c, copy);
    free(copy);
    return c;
}

chat_format chat_format_of_gguf(const gguf *g, const tokenizer *t) {
    const char *text = NULL;
    size_t len = 0;
    if (gguf_get_string(g, "tokenizer.chat_template", &text, &len, NULL) != 1) text = NULL;
    return chat_format_of_template(text, len, t);
}

// chat_template is a text, or a list of {"name": ..., "template": ...} of which "default" is meant.
static bool config_template(const char *dir, buf *text) {
    buf file = {0};
    json root, entry;
    bool found = false;
    if (text_file_read(dir, "tokenizer_config.json", &file, NULL) == 1 &&
        json_check(file.data, file.len, &root, NULL) == 0) {
        json value = json_get(root, "chat_template");
        found = json_string(value, text);
        json_iter it = json_begin(value);
        while (!found && json_next(&it, NULL, &entry))
            if (json_is(json_get(entry, "name"), "default")) found = json_string(json_get(entry, "template"), text);
    }
    buf_free(&file);
    return found;
}

bool chat_format_template_of_dir(const char *dir, buf *out) {
    return text_file_read(dir, "chat_template.jinja", out, NULL) == 1 || config_template(dir, out);
}

chat_format chat_format_of_dir(const char *dir, const tokenizer *t) {
    buf text = {0};
    bool found = chat_format_template_of_dir(dir, &text);
    chat_format c = chat_format_of_template(found ? buf_str(&text) : NULL, text.len, t);
    buf_free(&text);
    return c;
}

chat_format chat_format_of(const model_file *f, const tokenizer *t) {
    const gguf *g = model_file_gguf(f);
    return g ? chat_format_of_gguf(g, t) : chat_format_of_dir(model_file_path(f), t);
}

void chat_format_free(chat_format *c) {
    free(c->default_system);
    free(c->bos);
    free(c->eos);
    free(c->details.dates);
    free(c->details.open);
    free(c->details.close);
    free(c->details.answer);
    free(c->details.end);
    *c = (chat_format){0};
}

const char *chat_family_name(chat_family family) {
    static const char *const names[] = {"plain", "chatml", "llama2", "llama3", "mistral", "zephyr", "gemma", "phi3"};
    return (size_t)family < sizeof names / sizeof *names ? names[family] : "plain";
}

const char *chat_stop_text(const chat_format *c) {
    return c->family == CHAT_PLAIN ? "\nUser:" : NULL;
}
