// Small allocations die loudly (abort: the terminal is restored by the SIGABRT handler); large ones return NULL.
#include "model/base/mem.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static size_t checked_product(size_t n, size_t size) {
    if (size && n > SIZE_MAX / 2 / size) abort();
    return n && size ? n * size : 1;
}

void *mem_calloc(size_t n, size_t size) {
    void *p = calloc(1, checked_product(n, size));
    if (!p) abort();
    return p;
}

void *mem_realloc(void *p, size_t n, size_t size) {
    p = realloc(p, checked_product(n, size));
    if (!p) abort();
    return p;
}

char *mem_strdup(const char *s) {
    return s ? mem_strndup(s, strlen(s)) : NULL;
}

char *mem_strndup(const char *s, size_t n) {
    char *d = mem_realloc(NULL, n + 1, 1);
    if (n) memcpy(d, s, n);
    d[n] = '\0';
    return d;
}

// Anonymous maps rather than malloc: zeroed, page aligned, and given back to the system at once when freed.
void *mem_alloc_big(size_t bytes) {
    if (bytes == 0) bytes = 1;
    if (bytes > SIZE_MAX / 2) return NULL;
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

void mem_large_pages(void *p, size_t bytes) {
    static const size_t worth = 4 << 20;
#ifdef MADV_HUGEPAGE
    if (p && bytes >= worth) madvise(p, bytes, MADV_HUGEPAGE);
#else
    (void)p, (void)bytes, (void)worth;
#endif
}

void mem_free_big(void *p, size_t bytes) {
    if (p) munmap(p, bytes ? bytes : 1);
}

void *mem_reserve(void *array, size_t *cap, size_t need, size_t size) {
    if (need <= *cap) return array;
    size_t grown = *cap ? *cap : 8;
    while (grown < need) grown *= 2;
    array = mem_realloc(array, grown, size);
    *cap = grown;
    return array;
}
