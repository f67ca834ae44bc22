// The generator thread: owns a model and its context (KV cache, chain), takes requests, posts events.
//
// The thread that created the worker calls everything below. Events are read with worker_next after worker_fd became
// readable (a pipe, so that it can stand in poll beside stdin). Settings are read afresh before every token: what
// worker_set_settings wrote acts on the very next one. Requests are served one after the other, in their
// order; only worker_adapt, when it comes next, does not wait for the end of a running answer.
#ifndef DOPPEL_WORKER_H
#define DOPPEL_WORKER_H

#include "app/held_model.h"
#include "app/question.h"

typedef struct worker worker;

typedef enum event_type {
    EVENT_LOADED,  // the model is open: worker_model may be called
    EVENT_PREFILL, // done, total: prompt positions read so far
    EVENT_SPEAKER, // text: who of the question's speakers says what follows
    EVENT_TOKEN,   // text (may be empty while held back), candidates
    EVENT_ADAPTED, // the adapters that worker_adapt named are in use
    EVENT_DONE,    // an answer ended: text is the whole of it, exact; stop, counts and speeds
    EVENT_FETCH,   // text: how far fetching a model is, as one line; done, total: kilobytes (total 0: not known)
    EVENT_FETCHED, // text: the path of the fetched model; "" when worker_stop cancelled it
    EVENT_ERROR,   // text: why the request (or loading) failed
} event_type;

typedef struct event {
    event_type type;
    uint64_t request; // the number worker_ask, worker_load or worker_fetch returned
    char *text;       // never NULL in an event that worker_next gave; freed by event_free
    size_t n_text;
    int done, total;
    int n_candidates;
    struct {
        float before, after;
        char text[24]; // the token as it may be shown: filtered, NUL-terminated, whitespace made visible
        bool chosen;
    } candidates[GEN_MAX_CANDIDATES];
    double tok_s;         // EVENT_TOKEN, EVENT_DONE: decode speed of this answer so far
    double prefill_tok_s; // EVENT_DONE
    int n_past, n_ctx;    // context in use
    gen_stop stop;
    int n_tokens;      // of the answer so far
    int dropped_turns; // EVENT_PREFILL, EVENT_TOKEN, EVENT_DONE: oldest messages left out to fit the context
} event;

typedef struct worker_options {
    int threads; // 0: all cores
    int n_ctx;   // 0: design's default, min(4096, the model's); more than the model's is cut to it
    net_cache cache;
    int n_draft;            // most tokens guessed ahead (model/gen/draft.h); 0: none
    const char *draft_file; // a text to look guesses up in as well; NULL: none
    const char *kv_dir;     // where worker_keep keeps states; NULL: nowhere
    int64_t kv_cap;         // bytes that they may take in all
} worker_options;

// NULL with a message when no thread could be made.
worker *worker_open(const worker_options *o, error *err);
void worker_close(worker *w); // stops what runs, joins the thread; NULL is fine

int worker_fd(const worker *w);
bool worker_next(worker *w, event *e); // takes one event; false when there is none
void event_free(event *e);

// Loads a model (replacing the one it has, which is kept if the new one fails). Answers EVENT_LOADED or EVENT_ERROR.
uint64_t worker_load(worker *w, const char *path);
// Fetches a model into the folder models_dir (app/fetch.h tells what names are known). Answers EVENT_FETCH*, then
// EVENT_FETCHED or EVENT_ERROR. Does not load it.
uint64_t worker_fetch(worker *w, const char *name, const char *models_dir);
// Adapters of the loaded model, in place of those it has (n 0: none; at most WORKER_MAX_ADAPTERS). They are read beside a
// running answer and act on its next token (unless that has strengths of its own: then on the next answer). Answers
// EVENT_ADAPTED, or EVENT_ERROR, and then it keeps those it has. A newly loaded model has none.
typedef struct worker_adapter {
    const char *path; // a PEFT directory or a GGUF LoRA file
    float strength;   // 0 to 2
} worker_adapter;
uint64_t worker_adapt(worker *w, const worker_adapter *list, size_t n);
// Changes the strength of adapter i of the last list for the tokens that follow; nothing is loaded again, and the next
// answer reads the conversation anew.
void worker_set_strength(worker *w, size_t i, float strength);
// Asks for an answer to the conversation (copied). Whole oldest turns are dropped when it does not fit the context;
// the system message and the last one stay. Answers EVENT_PREFILL*, EVENT_TOKEN*, then EVENT_DONE or EVENT_ERROR.
uint64_t worker_ask(worker *w, const chat_message *messages, size_t n);
// The same with all that a question can say (app/question.h; copied). In a layout the text of the events is that of the
// message, without name and indentation.
uint64_t worker_ask_for(worker *w, const question *q);
// Keeps the state of the conversation at hand under a name (app/kvstore.h); makes that of another the one at hand, so
// that it goes on as if it had never been closed. Both are silent: without a state its prompt is read again. What is
// to be kept is kept also when worker_close follows at once.
uint64_t worker_keep(worker *w, const char *conversation);
uint64_t worker_recall(worker *w, const char *conversation);
// Ends everything asked for so far: answers with GEN_INTERRUPTED, fetching as cancelled; loading goes on. Harmless
// when nothing runs.
void worker_stop(worker *w);
bool worker_busy(worker *w);
bool worker_computes(worker *w); // busy with something that wants the processors: with anything but fetching

void worker_set_settings(worker *w, const gen_settings *s);
void worker_get_settings(worker *w, gen_settings *s);
// The next answer starts the random generator anew from the settings' seed, also when the seed is what it was.
void worker_reseed(worker *w);

// The loaded model for reading (names, chat format, config); NULL before the first EVENT_LOADED. Valid until the next
// EVENT_LOADED was taken.
const model *worker_model(const worker *w);
// The same, held: it stays open until held_model_drop, whatever the worker loads meanwhile. NULL before the first.
held_model *worker_hold_model(const worker *w);

#endif
