// OpenBLAS's sgemm, when the machine has it: opened with dlopen after the core type was chosen (Debian's build takes
// Haswell's kernels on processors it does not know), with one thread, so that a team may call it from every member.
#ifndef DOPPEL_BLAS_H
#define DOPPEL_BLAS_H

#include <stdbool.h>
#include <stddef.h>

// Sets OPENBLAS_CORETYPE in the environment, which OpenBLAS reads when it is opened, unless it is set. Programs that are
// started from here get it too. Called once, before there are other threads, since the environment has no lock; without
// it OpenBLAS chooses for itself.
void blas_prepare(void);

// True when OpenBLAS was found. The first call opens it (any thread may make it). DOPPEL_BLAS=off in the environment
// leaves it out; a forced kernel tier forces the matching core type.
bool blas_available(void);
// The core type OpenBLAS runs on ("SkylakeX"); "none" when it is absent.
const char *blas_core(void);

// C (m, n) = A (m, k) * B^T, B (n, k); all row-major, lda/ldb/ldc elements from row to row. Falls back to plain loops
// without OpenBLAS.
void blas_sgemm_nt(int m, int n, int k, const float *a, size_t lda, const float *b, size_t ldb, float *c, size_t ldc);

// C (m, n) = alpha op(A) op(B) + beta C, op transposing where asked: op(A) is (m, k), op(B) (k, n). Row-major.
void blas_sgemm(bool trans_a, bool trans_b, int m, int n, int k, float alpha, const float *a, size_t lda,
                const float *b, size_t ldb, float beta, float *c, size_t ldc);

#endif
