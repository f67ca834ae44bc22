// The file: a head of fixed size (below), then extra, ids (int32), logits (float32), the used bytes of every block of the
// cache, part by part (kv.h), and a checksum of all that. Numbers are as this machine keeps them; the head says so.
#include "model/net/snapshot.h"
#include "model/base/hash.h"
#include "model/file/outfile.h"
#include "model/net/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// The version grows with the file's form, and with every change to the last bit of what a pass calculates.
enum { VERSION = 2, SAMPLES = 4, SAMPLE_BYTES = 64 };

typedef struct head {
    char magic[8];
    uint32_t byte_order, version;
    uint64_t model, adapters; // hashes
    char kernels[16];
    uint32_t cache, n_past, n_vocab, n_extra;
} head;

static const char magic[8] = "doppelKV";

// ---- whose state it is

static void add_config(hash *h, const net_config *c) {
    const int32_t ints[] = {c->n_layers,    c->n_embd,  c->n_heads,    c->n_kv_heads,        c->head_dim,
                            c->n_ff,        c->n_vocab, c->norm,       c->position,          c->rope_neox,
                            c->rope_dim,    c->mlp,     c->rope_scale, c->rope_original_ctx, c->parallel_residual,
                            c->shared_norm, c->qk_norm, c->tied_head,  c->alibi_scaled};
    const float floats[] = {c->norm_eps,       c->alibi_max_bias,   c->rope_theta, c->rope_factor, c->rope_low_freq,
                            c->rope_high_freq, c->rope_attn_factor, c->attn_scale, c->attn_clip};
    hash_add(h, ints, sizeof ints);
    hash_add(h, floats, sizeof floats);
    hash_add(h, c->window, (size_t)c->n_layers * sizeof *c->window);
}

// Settings, and of every tensor its name, type, shape and some bytes here and there: models that differ at all differ in
// these, and reading them whole would take longer than the conversation they save.
uint64_t snapshot_hash_model(const net *n) {
    hash h = hash_start();
    add_config(&h, &n->config);
    for (size_t i = 0; i < model_file_n_tensors(n->file); i++) {
        const file_tensor *t = model_file_tensor_at(n->file, i);
        int32_t type = t->type;
        hash_add(&h, t->name, strlen(t->name) + 1);
        hash_add(&h, &type, sizeof type);
        hash_add(&h, t->ne, sizeof t->ne);
        for (size_t k = 0; k < SAMPLES; k++) {
            size_t at = t->size / SAMPLES * k, len = t->size - at < SAMPLE_BYTES ? t->size - at : SAMPLE_BYTES;
            hash_add(&h, (const char *)t->data + at, len);
        }
    }
    return hash_finish(&h);
}

// Every number of the adapters in use and its strength; 0 without any.
static uint64_t hash_adapters(const net_state *s) {
    if (!s->adapters) return 0;
    hash h = hash_start();
    for (int i = 0; i < s->net->config.n_layers; i++)
        for (int slot = 0; slot < ADAPTED_LAYERS; slot++) {
            const layer *y = &s->net->layers[i];
            const linear *l[ADAPTED_LAYERS] = {&y->qkv, &y->out, &y->up, &y->down};
            const low_ranks *items = &s->adapters[i * ADAPTED_LAYERS + slot];
            for (int k = 0; k < items->n; k++) {
                const low_rank *e = &items->items[k];
                const matrix *m = &l[slot]->part[e->part];
                size_t each = e->f32 ? sizeof(float) : sizeof(uint16_t), rank = (size_t)e->rank;
                size_t padded = (size_t)(m->rows + PACK_ROWS - 1) / PACK_ROWS * PACK_ROWS;
                const int32_t place[] = {i, slot, e->part, e->rank, e->f32};
                hash_add(&h, place, sizeof place);
                hash_add(&h, &e->scale, sizeof e->scale);
                if (e->packed_a)
                    hash_add(&h, e->packed_a->data, e->packed_a->bytes);
                else
                    hash_add(&h, e->a, rank * (size_t)m->cols * each);
                hash_add(&h, e->b, rank * padded * each);
            }
        }
    return hash_finish(&h) | 1;
}

static head head_of(const net_state *s) {
    head h = {.byte_order = 0x01020304, .version = VERSION, .model = s->net->hash, .adapters = hash_adapters(s)};
    memcpy(h.magic, magic, sizeof magic);
    strncpy(h.kernels, net_kernels(), sizeof h.kernels - 1);
    h.cache = (uint32_t)s->kv.type;
    h.n_past = (uint32_t)s->n_past;
    h.n_vocab = (uint32_t)s->net->config.n_vocab;
    return h;
}

// Bytes of a whole file; the counts are checked by the caller.
static uint64_t file_bytes(const net_state *s, uint32_t n_past, uint32_t n_extra) {
    uint64_t blocks = (uint64_t)(s->kv.n_layers * s->kv.n_heads);
    uint64_t n = sizeof(head) + n_extra + (uint64_t)n_past * sizeof(int32_t) + sizeof(uint64_t) +
                 (uint64_t)s->net->config.n_vocab * sizeof(float);
    for (int p = 0; p < KV_PARTS; p++) n += blocks * kv_block_bytes(&s->kv, p, (int)n_past);
    return n;
}

uint64_t snapshot_size(const net_state *s) {
    return file_bytes(s, (uint32_t)s->n_past, SNAPSHOT_MOST_EXTRA);
}

// ---- saving

static void put(outfile *o, hash *h, const void *bytes, size_t n) {
    hash_add(h, bytes, n);
    outfile_write(o, bytes, n);
}

int snapshot_save(const net_state *s, const snapshot_extra *extra, const char *path, error *err) {
    outfile *o = outfile_open(path, err);
    if (!o) return -1;
    hash sum = hash_start();
    head h = head_of(s);
    h.n_extra = extra ? (uint32_t)extra->n : 0;
    put(o, &sum, &h, sizeof h);
    if (extra) put(o, &sum, extra->bytes, extra->n);
    put(o, &sum, s->ids, (size_t)s->n_past * sizeof *s->ids);
    put(o, &sum, net_logits(s), (size_t)h.n_vocab * sizeof(float));
    for (int p = 0; p < KV_PARTS; p++)
        for (int b = 0; b < s->kv.n_layers * s->kv.n_heads && outfile_ok(o); b++)
            put(o, &sum, kv_block(&s->kv, p, b), kv_block_bytes(&s->kv, p, s->n_past));
    uint64_t check = hash_finish(&sum);
    outfile_write(o, &check, sizeof check);
    return outfile_commit(o, err);
}

// ---- restoring

typedef struct reader {
    int fd;
    hash sum;
} reader;

static bool get(reader *r, void *to, size_t n) {
    char *at = to;
    for (size_t left = n; left > 0;) {
        ssize_t got = read(r->fd, at, left);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return false;
        at += got;
        left -= (size_t)got;
    }
    hash_add(&r->sum, to, n);
    return true;
}

static int damaged(const char *path, error *err) {
    return error_set(err, "%s: is no saved state, or a damaged one; it will be made anew", path);
}

static int foreign(const char *path, const char *what, error *err) {
    return error_set(err, "%s: was saved with %s; it will be made anew", path, what);
}

static int check_head(const net_state *s, const head *h, uint64_t size, const char *path, error *err) {
    head own = head_of(s);
    if (memcmp(h->magic, magic, sizeof magic) != 0 || h->byte_order != own.byte_order) return damaged(path, err);
    if (h->version != own.version) return foreign(path, "another version of doppel", err);
    if (h->model != own.model || h->n_vocab != own.n_vocab) return foreign(path, "another model", err);
    if (h->adapters != own.adapters) return foreign(path, "other adapters, or other strengths", err);
    if (memcmp(h->kernels, own.kernels, sizeof own.kernels) != 0) return foreign(path, "other kernels", err);
    if (h->cache != own.cache) return foreign(path, "another kind of cache", err);
    if (h->n_past > (uint32_t)s->n_ctx)
        return error_set(err, "%s: has %u tokens, the context holds %d; give a larger --ctx", path, h->n_past,
                         s->n_ctx);
    if (h->n_extra > SNAPSHOT_MOST_EXTRA || size != file_bytes(s, h->n_past, h->n_extra)) return damaged(path, err);
    return 0;
}

// What follows the head; false when the file is damaged.
static bool read_body(net_state *s, reader *r, const head *h, snapshot_extra *extra) {
    snapshot_extra own, *to = extra ? extra : &own;
    to->n = h->n_extra;
    if (!get(r, to->bytes, to->n)) return false;
    if (!get(r, s->ids, h->n_past * sizeof *s->ids)) return false;
    if (!get(r, s->logits, h->n_vocab * sizeof *s->logits)) return false;
    for (int p = 0; p < KV_PARTS; p++)
        for (int b = 0; b < s->kv.n_layers * s->kv.n_heads; b++)
            if (!get(r, kv_block(&s->kv, p, b), kv_block_bytes(&s->kv, p, (int)h->n_past))) return false;
    uint64_t sum = hash_finish(&r->sum), said;
    if (!get(r, &said, sizeof said) || said != sum) return false;
    for (uint32_t i = 0; i < h->n_past; i++)
        if (s->ids[i] < 0 || s->ids[i] >= s->net->config.n_vocab) return false;
    return true;
}

static int restore(net_state *s, snapshot_extra *extra, reader *r, const char *path, error *err) {
    struct stat st;
    head h;
    if (fstat(r->fd, &st) != 0 || !S_ISREG(st.st_mode) || !get(r, &h, sizeof h)) return damaged(path, err);
    if (check_head(s, &h, (uint64_t)st.st_size, path, err) != 0) return -1;
    if (!read_body(s, r, &h, extra)) return damaged(path, err);
    s->n_past = (int)h.n_past;
    return 0;
}

static int open_file(const char *path) {
    return open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); // a pipe has nobody to wait for
}

int snapshot_length(const char *path) {
    reader r = {.fd = open_file(path), .sum = hash_start()};
    head h = {.n_past = 0};
    if (r.fd < 0) return 0;
    bool good = get(&r, &h, sizeof h) && memcmp(h.magic, magic, sizeof magic) == 0 && h.n_past <= INT32_MAX;
    close(r.fd);
    return good ? (int)h.n_past : 0;
}

int snapshot_restore(net_state *s, snapshot_extra *extra, const char *path, error *err) {
    s->n_past = s->last_row = 0;
    reader r = {.fd = open_file(path), .sum = hash_start()};
    if (r.fd < 0) return error_set(err, "%s: cannot be read: %s", path, strerror(errno));
    int result = restore(s, extra, &r, path, err);
    close(r.fd);
    return result;
}
