// doppel import --to completions and --to pairs: instruction-tuning files out of texts and tables.
#include "app/corpus/pairs.h"
#include "app/corpus/pieces.h"
#include "app/corpus/session.h"
#include "app/import_job.h"
#include "app/stop.h"
#include "app/prompt_template.h"

#include <stdlib.h>
#include <string.h>

static void put_json(buf *out, const char *key, const char *s, size_t n) {
    buf_printf(out, "%s:", key);
    buf_json_string(out, s, n);
}

// ---- completions

typedef struct cutting {
    import_job *job;
    piece_boundary keep;
    tokenizer *tokenizer; // NULL: pieces by characters
    session_splitter splitter;
    buf text; // of the session so far
    bool failed;
    error err;
} cutting;

static bool put_completion(void *arg, const char *s, size_t n) {
    cutting *c = arg;
    buf *out = sink_line(&c->job->sink), text = {0};
    buf_putc(&text, ' '); // a completion begins like the next word
    buf_append(&text, s, n);
    put_json(out, "{\"prompt\":\"\",\"completion\"", text.data, text.len);
    buf_puts(out, "}\n");
    buf_free(&text);
    c->job->lines++;
    return sink_flush(&c->job->sink);
}

static void end_session(cutting *c) {
    const char *s = buf_str(&c->text);
    if (c->tokenizer && !c->failed)
        c->failed = pieces_of_tokens(c->tokenizer, s, c->text.len, (size_t)c->job->tokens, c->keep, put_completion, c,
                                     &c->err) != 0;
    else if (!c->failed)
        pieces_cut(s, c->text.len, (size_t)c->job->piece, c->keep, put_completion, c);
    buf_clear(&c->text);
}

static bool on_message(void *arg, const corpus_message *m) {
    cutting *c = arg;
    if (session_begins(&c->splitter, m)) end_session(c);
    if (m->author) buf_printf(&c->text, "%s: ", m->author);
    buf_append(&c->text, m->text, m->n_text);
    buf_puts(&c->text, m->author ? "\n" : "\n\n");
    return !c->failed && !c->job->sink.failed && !stop_asked();
}

static int open_cutting(import_job *job, piece_boundary *keep, tokenizer **t, error *err) {
    if (piece_boundary_parse(job->keep, keep, err) != 0) return -1;
    if (job->tokens && !(*t = import_tokenizer(job, NULL, err))) return -1;
    return 0;
}

int import_completions(import_job *job, error *err) {
    cutting c = {.job = job, .splitter = {.gap_minutes = job->session_gap}};
    int result =
        open_cutting(job, &c.keep, &c.tokenizer, err) != 0 ? CORPUS_FAILED : import_read(job, on_message, &c, err);
    if (result == CORPUS_DONE) end_session(&c);
    if (c.failed) {
        *err = c.err;
        result = CORPUS_FAILED;
    }
    if (result == CORPUS_DONE && !job->lines)
        result = error_set(err, "no piece of %d tokens can be cut from this text", job->tokens);
    tokenizer_free(c.tokenizer);
    buf_free(&c.text);
    return result;
}

// ---- pairs

typedef struct pairing {
    import_job *job;
    piece_boundary keep;
    tokenizer *tokenizer; // NULL: questions whole
    prompt_template template;
    bool has_template;
    span answer; // of the row at hand
    bool failed;
    error err;
} pairing;

static void put_chat(const pairing *p, const buf *question, buf *out) {
    const char *system = p->template.system;
    buf_puts(out, "{\"messages\":[");
    if (system) {
        put_json(out, "{\"role\":\"system\",\"content\"", system, strlen(system));
        buf_puts(out, "},");
    }
    put_json(out, "{\"role\":\"user\",\"content\"", buf_str(question), question->len);
    put_json(out, "},{\"role\":\"assistant\",\"content\"", p->answer.s, p->answer.n);
    buf_puts(out, "}]}\n");
}

static void put_completion_pair(const pairing *p, const buf *question, buf *out) {
    buf completion = {0};
    buf_printf(&completion, " %.*s", (int)p->answer.n, p->answer.s);
    put_json(out, "{\"prompt\"", buf_str(question), question->len);
    put_json(out, ",\"completion\"", completion.data, completion.len);
    buf_puts(out, "}\n");
    buf_free(&completion);
}

static bool put_question(void *arg, const char *s, size_t n) {
    pairing *p = arg;
    buf question = {0};
    if (p->has_template)
        prompt_template_fill(&p->template, s, n, &question);
    else
        buf_append(&question, s, n);
    if (p->has_template && p->template.mode == PROMPT_CHAT)
        put_chat(p, &question, sink_line(&p->job->sink));
    else
        put_completion_pair(p, &question, sink_line(&p->job->sink));
    buf_free(&question);
    p->job->lines++;
    return sink_flush(&p->job->sink);
}

static bool on_pair(void *arg, span question, span answer) {
    pairing *p = arg;
    p->answer = answer;
    if (p->tokenizer)
        p->failed = pieces_of_tokens(p->tokenizer, question.s, question.n, (size_t)p->job->tokens, p->keep,
                                     put_question, p, &p->err) != 0;
    else
        put_question(p, question.s, question.n);
    return !p->failed && !p->job->sink.failed && !stop_asked();
}

static int read_tables(pairing *p, error *err) {
    import_job *job = p->job;
    corpus_report *r = &job->report;
    buf_puts(&r->format, "csv");
    for (int i = 0; i < job->common.n_args; i++) {
        pairs_report one = {0};
        if (pairs_read(job->common.args[i], job->columns, on_pair, p, &one, err) != 0) return CORPUS_FAILED;
        r->messages += one.pairs;
        r->skipped += one.skipped;
        r->unread += one.unread;
        if (one.skipped)
            buf_printf(&r->notes, "%s: %lld row%s without both columns skipped\n", job->common.args[i],
                       (long long)one.skipped, one.skipped == 1 ? "" : "s");
    }
    return stop_asked() ? CORPUS_CANCELLED : CORPUS_DONE;
}

int import_pairs(import_job *job, error *err) {
    pairing p = {.job = job};
    if (open_cutting(job, &p.keep, &p.tokenizer, err) != 0) return CORPUS_FAILED;
    p.has_template = job->template_name != NULL;
    int result = p.has_template ? prompt_template_load(&p.template, job->template_name, err) : 0;
    if (result == 0) result = read_tables(&p, err);
    if (p.failed) {
        *err = p.err;
        result = CORPUS_FAILED;
    }
    if (result == CORPUS_DONE && !job->lines)
        result = error_set(err, "no question of %d tokens can be cut from these tables", job->tokens);
    if (p.has_template) prompt_template_free(&p.template);
    tokenizer_free(p.tokenizer);
    return result;
}
