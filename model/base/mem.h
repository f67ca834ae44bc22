// Allocation of small things. Failure aborts (a small allocation that fails leaves nothing to save); weights, KV
// caches and training buffers do not come from here but from calls that return an error.
#ifndef DOPPEL_MEM_H
#define DOPPEL_MEM_H

#include <stddef.h>

void *mem_calloc(size_t n, size_t size);           // zeroed; overflow of n * size aborts; n = 0 gives a unique pointer
void *mem_realloc(void *p, size_t n, size_t size); // n * size checked; p may be NULL
char *mem_strdup(const char *s);                   // NULL gives NULL
char *mem_strndup(const char *s, size_t n);        // n bytes and a NUL

// Large, zeroed, 64-byte aligned; NULL when there is no memory. Free with mem_free_big. For weights and caches.
void *mem_alloc_big(size_t bytes);
void mem_free_big(void *p, size_t bytes);
// Asks for large pages under memory from mem_alloc_big that will be touched all over, where the system has them.
void mem_large_pages(void *p, size_t bytes);

// Grows an array by doubling: MEM_PUSH-style helper. Returns the (moved) array with room for at least need elements.
void *mem_reserve(void *array, size_t *cap, size_t need, size_t size);

#endif
