// Choosing the loops: those that go with the kernels.
#include "model/learn/loops.h"
#include "model/math/kernels.h"

#include <string.h>

static const loops *loops_of(const kernels *k) {
#if defined(__x86_64__)
    if (k == &kernels_avx512) return &loops_avx512;
    if (k == &kernels_avx2) return &loops_avx2;
#endif
    (void)k;
    return &loops_ref;
}

const loops *loops_get(void) {
    return loops_of(kernels_get());
}

int loops_all(const loops **out, int max) {
    const kernels *all[8];
    int n = 0, n_kernels = kernels_all(all, 8);
    for (int i = 0; i < n_kernels && n < max; i++)
        if (n == 0 || out[n - 1] != loops_of(all[i])) out[n++] = loops_of(all[i]);
    return n;
}
