// The two layouts of a conversation (layout.h), by themselves: for whoever names one and writes none.
#ifndef DOPPEL_CORPUS_LAYOUT_KIND_H
#define DOPPEL_CORPUS_LAYOUT_KIND_H

#include "model/base/error.h"

typedef enum layout_kind { LAYOUT_LINES, LAYOUT_TURNS } layout_kind;

// "lines" or "turns"; -1 with a message.
int layout_kind_parse(const char *name, layout_kind *kind, error *err);

#endif
