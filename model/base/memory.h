// How much memory this process may still take.
#ifndef DOPPEL_MEMORY_H
#define DOPPEL_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Bytes: on Linux what the kernel calls available, but no more than the process's control groups leave it; elsewhere the
// free pages. -1 when that cannot be known. DOPPEL_MEMORY in the environment, a number of bytes or one with K, M or G
// behind it, stands in for all of this.
int64_t memory_available(void);

// "8G", "500m", "1000000" as bytes; -1 for anything else.
int64_t memory_parse(const char *text);

// Whether `need` bytes can be had (true also when that cannot be known). *available, which may be NULL, is what there is.
bool memory_suffices(size_t need, int64_t *available);

// "3.2 GB", "410 MB": as sentences name an amount.
typedef struct memory_text {
    char text[32];
} memory_text;
memory_text memory_amount(double bytes);

#endif
