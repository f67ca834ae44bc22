// Numbers as people read them.
#ifndef DOPPEL_UI_FIGURES_H
#define DOPPEL_UI_FIGURES_H

#include "model/base/base.h"

enum { FIGURES_BYTES = 32 }; // room for any of these

void figures_bytes(char out[FIGURES_BYTES], double bytes);  // "812 B", "1.2 MB"
void figures_time(char out[FIGURES_BYTES], double seconds); // "40 s", "4 min", "2 h 05 min"; "" for what is no time
void figures_count(char out[FIGURES_BYTES], int64_t n);     // "1,234,567"; nothing below 0

#endif
