#include "app/session_start.h"
#include "app/paths.h"

#include <stdlib.h>
#include <unistd.h>

static void open_store(session_start *s) {
    buf path = {0}, note = {0};
    if (paths_data("doppel.db", &path, &s->complaint) == 0) s->store = store_open(path.data, &note, &s->complaint);
    if (note.len) buf_printf(&s->notes, "%s\n", note.data);
    if (s->store && store_is_read_only(s->store)) {
        error_set(&s->complaint, "%s: may not be written", path.data);
        store_close(s->store);
        s->store = NULL;
    }
    buf_free(&path);
    buf_free(&note);
}

static void find_last(session_start *s) {
    int64_t last = store_last(s->store);
    pid_t owner = last ? store_owner(s->store, last) : 0;
    if (!owner) {
        s->session = last;
        return;
    }
    buf_printf(&s->notes,
               "The last conversation is open in another doppel (process %ld); this is a new one. /sessions open %lld "
               "reads along.\n",
               (long)owner, (long long)last);
}

static void find_model(session_start *s) {
    session of;
    if (!s->session || store_load(s->store, s->session, &of, NULL) != 0) return;
    if (*of.model && access(of.model, R_OK) == 0)
        s->model = mem_strdup(of.model);
    else if (*of.model)
        buf_printf(&s->notes, "The conversation was held with %s, which is not there any more.\n", of.model);
    session_free(&of);
}

int session_start_open(session_start *s, const char *name, bool resumes, error *err) {
    *s = (session_start){.store = NULL};
    open_store(s);
    if (!s->store) return 0;
    if (name) {
        s->session = store_find(s->store, name, err);
        if (s->session < 0) return -1;
        if (s->session == 0) s->title = name;
    } else if (resumes) {
        find_last(s);
    }
    find_model(s);
    return 0;
}

void session_start_free(session_start *s) {
    free(s->model);
    buf_free(&s->notes);
}
