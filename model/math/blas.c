// dlopen of OpenBLAS and a fallback. OPENBLAS_CORETYPE is read when the library is initialised, before main in a program
// that is linked with it: dlopen lets us come first.
#include "model/math/blas.h"
#include "model/math/kernels.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { ROW_MAJOR = 101, NO_TRANS = 111, TRANS = 112 };
typedef void (*sgemm_fn)(int order, int trans_a, int trans_b, int m, int n, int k, float alpha, const float *a, int lda,
                         const float *b, int ldb, float beta, float *c, int ldc);

static sgemm_fn sgemm;
static const char *core = "none";

void blas_prepare(void) {
    const char *tier = kernels_get()->name;
    if (strcmp(tier, "avx512") == 0) setenv("OPENBLAS_CORETYPE", "SkylakeX", 0);
    if (strcmp(tier, "avx2") == 0) setenv("OPENBLAS_CORETYPE", "Haswell", 0);
}

static void open_library(void) {
    const char *off = getenv("DOPPEL_BLAS");
    if (off && strcmp(off, "off") == 0) return;
    void *lib = NULL;
    static const char *const names[] = {"libopenblas.so.0", "libopenblas.so", "libopenblas.dylib"};
    for (size_t i = 0; i < sizeof names / sizeof *names && !lib; i++) lib = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
    if (!lib) return;
    // dlsym gives object pointers; POSIX says that they convert to function pointers.
    void (*set_threads)(int);
    const char *(*get_core)(void);
    *(void **)&sgemm = dlsym(lib, "cblas_sgemm");
    *(void **)&set_threads = dlsym(lib, "openblas_set_num_threads");
    *(void **)&get_core = dlsym(lib, "openblas_get_corename");
    if (set_threads) set_threads(1);
    if (sgemm) core = get_core ? get_core() : "unknown";
}

static pthread_once_t once = PTHREAD_ONCE_INIT;

bool blas_available(void) {
    pthread_once(&once, open_library);
    return sgemm != NULL;
}

const char *blas_core(void) {
    blas_available();
    return core;
}

void blas_sgemm_nt(int m, int n, int k, const float *a, size_t lda, const float *b, size_t ldb, float *c, size_t ldc) {
    if (blas_available()) {
        sgemm(ROW_MAJOR, NO_TRANS, TRANS, m, n, k, 1.0f, a, (int)lda, b, (int)ldb, 0.0f, c, (int)ldc);
        return;
    }
    for (int i = 0; i < m; i++) kernels_get()->gemv_f32(b, ldb, n, k, a + (size_t)i * lda, c + (size_t)i * ldc);
}

void blas_sgemm(bool trans_a, bool trans_b, int m, int n, int k, float alpha, const float *a, size_t lda,
                const float *b, size_t ldb, float beta, float *c, size_t ldc) {
    if (blas_available()) {
        sgemm(ROW_MAJOR, trans_a ? TRANS : NO_TRANS, trans_b ? TRANS : NO_TRANS, m, n, k, alpha, a, (int)lda, b,
              (int)ldb, beta, c, (int)ldc);
        return;
    }
    for (int i = 0; i < m; i++) {
        float *row = c + (size_t)i * ldc;
        for (int j = 0; j < n; j++) row[j] = beta == 0 ? 0 : beta * row[j];
        for (int t = 0; t < k; t++) {
            float x = alpha * (trans_a ? a[(size_t)t * lda + (size_t)i] : a[(size_t)i * lda + (size_t)t]);
            if (trans_b)
                for (int j = 0; j < n; j++) row[j] += x * b[(size_t)j * ldb + (size_t)t];
            else
                for (int j = 0; j < n; j++) row[j] += x * b[(size_t)t * ldb + (size_t)j];
        }
    }
}
