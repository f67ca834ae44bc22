#include "app/style/sources.h"
#include "app/corpus/corpus.h"
#include "app/idle.h"
#include "app/wake.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct sources {
    pthread_t thread;
    char **files;
    size_t n_files;
    wake news_pipe;
    atomic_bool closing;

    pthread_mutex_t lock; // guards from here ...
    pthread_cond_t work;
    bool wants_search; // hits is the thread's until it has news
    unsigned news;     // SOURCES_ flags that main has not taken in ... to here

    // The thread's until it told them, main's afterwards.
    copies *index;
    buf problems;
    source_hit hits[SOURCES_SPANS];
    size_t n_hits;

    bool ready, searching; // main's
};

static void tell(sources *s, unsigned news) {
    pthread_mutex_lock(&s->lock);
    s->news |= news;
    pthread_mutex_unlock(&s->lock);
    wake_up(&s->news_pipe);
}

// ---- reading

static bool go_on(void *arg, int64_t done, int64_t total) {
    const sources *s = arg;
    (void)done, (void)total;
    return !atomic_load(&s->closing);
}

// Reads one file after the other, so that it is known where a message comes from. Returns false when fn said stop.
static bool read_file(sources *s, const char *file, corpus_message_fn *fn, void *arg, error *err) {
    corpus_options o = {.progress = go_on, .progress_arg = s};
    err->text[0] = '\0';
    return corpus_read(&file, 1, &o, fn, arg, NULL, err) != CORPUS_CANCELLED;
}

static bool add_message(void *arg, const corpus_message *m) {
    sources *s = arg;
    // Prose comes paragraph by paragraph, and what is copied from it may reach into the next one.
    return copies_add(s->index, m->text, m->n_text, !m->author && !m->border) && !atomic_load(&s->closing);
}

static void build(sources *s) {
    error err;
    s->index = copies_new();
    for (size_t i = 0; i < s->n_files && !atomic_load(&s->closing); i++) {
        read_file(s, s->files[i], add_message, s, &err);
        if (err.text[0]) buf_printf(&s->problems, "%s\n", err.text);
    }
    if (copies_is_full(s->index))
        buf_printf(&s->problems, "copied text is looked for in the first %zu words of the training text alone\n",
                   copies_n_words(s->index));
    if (atomic_load(&s->closing)) return;
    if (copies_finish(s->index, &err) != 0) buf_printf(&s->problems, "%s\n", err.text);
}

// ---- searching

typedef struct search {
    sources *s;
    const char *file;
    copies *spans[SOURCES_SPANS]; // an index of each span alone
    int words[SOURCES_SPANS];     // of it
    int best[SOURCES_SPANS];      // most of them found in a row
} search;

static void replace(char **s, const char *value, size_t n) {
    free(*s);
    *s = value ? mem_strndup(value, n) : NULL;
}

// The message, cut around the span so that it can be shown.
static void set_text(source_hit *h, const corpus_message *m, const copy_span *span) {
    enum { AROUND = 400 };
    size_t from = span->start > AROUND ? span->start - AROUND : 0, to = m->n_text;
    if (span->end < to && to - span->end > AROUND) to = span->end + AROUND;
    while (from > 0 && ((unsigned char)m->text[from] & 0xc0) == 0x80) from--;
    while (to < m->n_text && ((unsigned char)m->text[to] & 0xc0) == 0x80) to++;
    replace(&h->text, m->text + from, to - from);
    h->start = span->start - from;
    h->end = span->end - from;
}

static bool look_at(void *arg, const corpus_message *m) {
    search *q = arg;
    bool all = true;
    for (size_t i = 0; i < q->s->n_hits; i++) {
        copy_scan scan = {0};
        source_hit *h = &q->s->hits[i];
        copy_scan_feed(&scan, q->spans[i], m->text, m->n_text, true);
        for (size_t k = 0; k < scan.n; k++) {
            if (scan.spans[k].words <= q->best[i]) continue;
            q->best[i] = scan.spans[k].words;
            set_text(h, m, &scan.spans[k]);
            replace(&h->author, m->author, m->author ? strlen(m->author) : 0);
            replace(&h->time, m->time, m->time ? strlen(m->time) : 0);
            replace(&h->file, q->file, strlen(q->file));
        }
        all = all && q->best[i] >= q->words[i];
        copy_scan_free(&scan);
    }
    return !all && !atomic_load(&q->s->closing);
}

static void find(sources *s) {
    search q = {.s = s};
    error err;
    bool all_found = false;
    for (size_t i = 0; i < s->n_hits; i++) {
        q.spans[i] = copies_new();
        copies_add(q.spans[i], s->hits[i].span, strlen(s->hits[i].span), false);
        copies_finish(q.spans[i], NULL);
        q.words[i] = (int)copies_n_words(q.spans[i]);
    }
    for (size_t i = 0; i < s->n_files && !all_found && !atomic_load(&s->closing); i++) {
        q.file = s->files[i];
        all_found = !read_file(s, q.file, look_at, &q, &err);
    }
    for (size_t i = 0; i < s->n_hits; i++) copies_free(q.spans[i]);
}

// ---- the thread

static bool wait_for_search(sources *s) {
    pthread_mutex_lock(&s->lock);
    while (!s->wants_search && !atomic_load(&s->closing)) pthread_cond_wait(&s->work, &s->lock);
    bool wanted = s->wants_search;
    s->wants_search = false;
    pthread_mutex_unlock(&s->lock);
    return wanted && !atomic_load(&s->closing);
}

static void *run(void *arg) {
    sources *s = arg;
    idle_this_thread();
    build(s);
    tell(s, SOURCES_READY);
    while (wait_for_search(s)) {
        find(s);
        tell(s, SOURCES_FOUND);
    }
    return NULL;
}

// Signals are main's business; faults must stay deliverable to the thread that commits them.
static int start_thread(sources *s) {
    static const int faults[] = {SIGBUS, SIGSEGV, SIGFPE, SIGILL, SIGABRT, SIGTRAP};
    sigset_t all, before;
    sigfillset(&all);
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) sigdelset(&all, faults[i]);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int code = pthread_create(&s->thread, NULL, run, s);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return code;
}

// ---- main's side

static void forget_hits(sources *s) {
    for (size_t i = 0; i < s->n_hits; i++) {
        source_hit *h = &s->hits[i];
        free(h->span);
        free(h->author);
        free(h->time);
        free(h->text);
        free(h->file);
        *h = (source_hit){0};
    }
    s->n_hits = 0;
}

static void free_sources(sources *s) {
    forget_hits(s);
    copies_free(s->index);
    buf_free(&s->problems);
    for (size_t i = 0; i < s->n_files; i++) free(s->files[i]);
    free(s->files);
    wake_close(&s->news_pipe);
    pthread_cond_destroy(&s->work);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

sources *sources_open(const char *const *files, size_t n, error *err) {
    sources *s = mem_calloc(1, sizeof *s);
    if (wake_open(&s->news_pipe, err) != 0) {
        free(s);
        return NULL;
    }
    s->files = mem_calloc(n, sizeof *s->files);
    s->n_files = n;
    for (size_t i = 0; i < n; i++) s->files[i] = mem_strdup(files[i]);
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->work, NULL);
    int code = start_thread(s);
    if (code == 0) return s;
    error_set(err, "cannot start the thread that looks for copied text: %s", strerror(code));
    free_sources(s);
    return NULL;
}

void sources_close(sources *s) {
    if (!s) return;
    pthread_mutex_lock(&s->lock);
    atomic_store(&s->closing, true);
    pthread_cond_signal(&s->work);
    pthread_mutex_unlock(&s->lock);
    pthread_join(s->thread, NULL);
    free_sources(s);
}

bool sources_are(const sources *s, const char *const *files, size_t n) {
    bool same = s->n_files == n;
    for (size_t i = 0; same && i < n; i++) same = strcmp(s->files[i], files[i]) == 0;
    return same;
}

int sources_fd(const sources *s) {
    return wake_fd(&s->news_pipe);
}

unsigned sources_pump(sources *s) {
    wake_clear(&s->news_pipe);
    pthread_mutex_lock(&s->lock);
    unsigned news = s->news;
    s->news = 0;
    pthread_mutex_unlock(&s->lock);
    if (news & SOURCES_READY) s->ready = true;
    if (news & SOURCES_FOUND) s->searching = false;
    return news;
}

bool sources_is_ready(const sources *s) {
    return s->ready;
}

const copies *sources_index(const sources *s) {
    return s->ready && copies_n_words(s->index) > 0 ? s->index : NULL;
}

const char *sources_problem(const sources *s) {
    return s->ready ? buf_str(&s->problems) : "";
}

bool sources_find(sources *s, const char *const *spans, size_t n) {
    if (!s->ready || s->searching) return false;
    forget_hits(s);
    s->n_hits = n < SOURCES_SPANS ? n : SOURCES_SPANS;
    for (size_t i = 0; i < s->n_hits; i++) s->hits[i].span = mem_strdup(spans[i]);
    s->searching = true;
    pthread_mutex_lock(&s->lock);
    s->wants_search = true;
    pthread_cond_signal(&s->work);
    pthread_mutex_unlock(&s->lock);
    return true;
}

const source_hit *sources_found(const sources *s, size_t *n) {
    *n = s->searching ? 0 : s->n_hits;
    return s->hits;
}
