// model/net: the transformer. net_open turns a file's tensors into weights (repacked where a kernel gains from it);
// a net_state holds one sequence: its KV cache and scratch memory. The net is immutable and may be shared by states
// on different threads; a state belongs to one thread at a time.
#ifndef DOPPEL_NET_H
#define DOPPEL_NET_H

#include "model/file/file.h"
#include "model/net/config.h"

typedef struct net net;
typedef struct net_state net_state;

// Reads, checks and repacks the weights of f, which must stay open as long as the net (unpacked tensors stay mapped).
// threads: how many repack. NULL with a message: a tensor is missing or has another shape, the weights need more memory
// than there is (known before the first is read).
net *net_open(const model_file *f, int threads, error *err);
void net_close(net *n); // NULL is fine
const net_config *net_get_config(const net *n);
// 0, or -1 with a message: the file was cut off or written to since it was opened (model_file_check). Passes that read what
// was cut off fail by themselves.
int net_check(const net *n, error *err);

// What a decoded token reads, in bytes: the weights that take part in it (for the roofline).
size_t net_bytes_per_token(const net *n);

// How the KV cache holds its numbers: in half precision, or in 8-bit integers with a scale for each 32 (Q8_0), which
// takes half the memory and is a little less exact.
typedef enum net_cache {
    NET_CACHE_AUTO, // f16; f32 where the weights are floats
    NET_CACHE_F32,
    NET_CACHE_F16,
    NET_CACHE_Q8_0,
} net_cache;

typedef struct net_options {
    int n_ctx;       // positions of the KV cache; 0: the model's own
    int threads;     // compute threads of this state's team; 0: all cores
    net_cache cache; // NET_CACHE_Q8_0 wants heads of a multiple of 32 components
} net_options;

// NULL with a message: there is no memory for the cache (says how much it wanted), or the model's heads do not suit it.
net_state *net_state_open(const net *n, const net_options *o, error *err);
// A second sequence beside s (for beams), with its adapters, computed by the threads of s: one evaluates at a time, and s
// is closed last.
net_state *net_state_beside(const net_state *s, int n_ctx, error *err);
void net_state_close(net_state *s); // NULL is fine

int net_n_ctx(const net_state *s);
int net_n_past(const net_state *s);          // positions evaluated so far
const int32_t *net_past(const net_state *s); // their ids
void net_truncate(net_state *s, int n_past); // forgets everything after the first n_past positions

// Keeps the longest common prefix of what the state holds and ids[0..n-1], forgets the rest, and returns its length;
// at most n - 1, so that evaluating what is left always gives logits.
int net_reuse(net_state *s, const int32_t *ids, int n);

// Called between pieces of a long evaluation with positions done and wanted; returning false stops it (the positions
// done stay in the cache and net_eval returns 1).
typedef bool (*net_progress)(void *arg, int done, int total);

// Appends ids[0..n-1] to the sequence. After it, net_logits gives the logits (n_vocab) of the last position.
// 0 done; 1 stopped by progress; -1 with a message: n + n_past over n_ctx, an id outside the vocabulary.
int net_eval(net_state *s, const int32_t *ids, int n, net_progress progress, void *arg, error *err);
const float *net_logits(const net_state *s);

// Appends a few ids in one pass that reads the weights once and calculates every position as if its id had been given
// to net_eval alone, bit for bit (for drafts that may be taken back). 1 <= n <= NET_FEW. 0, or -1 as net_eval.
// net_few_logits gives the logits (n_vocab) after ids[i]; net_keep_few forgets all but the first n of them (n >= 1), and
// net_logits is then what it was after the last one kept.
enum { NET_FEW = 16 };
int net_eval_few(net_state *s, const int32_t *ids, int n, error *err);
const float *net_few_logits(const net_state *s, int i);
void net_keep_few(net_state *s, int n);

// As net_eval, giving the logits (n_vocab) of every position to sink in order (pos counts from the first of ids).
typedef void (*net_sink)(void *arg, int pos, const float *logits);
int net_eval_all(net_state *s, const int32_t *ids, int n, net_sink sink, void *arg, error *err);

// Makes dst hold what src holds (for beams): ids, cache, logits. Both are states of the same net; dst needs room.
// 0, or -1 with a message.
int net_fork(net_state *dst, const net_state *src, error *err);

// Adapters that take part in the passes that follow: list[i] with strength[i] (0..2). The adapters stay the caller's
// and must outlive their use; what the cache holds already is not recomputed (truncate it for that). n = 0: none.
typedef struct adapter adapter;
typedef struct adapter_use {
    const adapter *adapter;
    float strength;
} adapter_use;
void net_set_adapters(net_state *s, const adapter_use *list, int n);
unsigned net_adapter_changes(const net_state *s); // how often that was called

// The name of the kernel tier in use: "avx512", "avx2", "neon", "portable".
const char *net_kernels(void);

#endif
