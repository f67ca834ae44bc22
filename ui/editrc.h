// The user's ~/.editrc for libedit, with doppel's few default bindings under it.
#ifndef DOPPEL_UI_EDITRC_H
#define DOPPEL_UI_EDITRC_H

#include "model/base/base.h"

#include <histedit.h>

typedef struct editrc { // (editrc){0} is an empty one
    buf *bound;         // key sequences that the file binds, as bytes
    size_t n_bound, cap_bound;
} editrc;

// Sets emacs mode and the default bindings, then obeys $EDITRC or ~/.editrc line by line, as el_source does. A missing
// file is fine; lines that libedit does not know are passed over.
void editrc_read(editrc *rc, EditLine *el);

bool editrc_is_vi(EditLine *el); // vi mode, not emacs

bool editrc_binds(const editrc *rc, const char *bytes, size_t n);

void editrc_free(editrc *rc);

#endif
