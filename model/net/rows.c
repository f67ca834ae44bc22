// Every place is found by way of one plain order: q, k and v apart, the components of a head as Hugging Face has them.
#include "model/net/rows.h"

#include <string.h>

typedef enum row_kind { KIND_OTHER, KIND_QK, KIND_FUSED } row_kind;

static bool is_one_of(const char *s, size_t n, const char *const *names) {
    for (; *names; names++)
        if (strlen(*names) == n && memcmp(s, *names, n) == 0) return true;
    return false;
}

// blk.N.NAME.LEAF by its NAME.
static row_kind kind_of(const char *name) {
    static const char *const qk[] = {"attn_q", "attn_k", NULL}, *const fused[] = {"attn_qkv", NULL};
    if (strncmp(name, "blk.", 4) != 0) return KIND_OTHER;
    const char *module = strchr(name + 4, '.');
    if (!module) return KIND_OTHER;
    size_t n = strcspn(++module, ".");
    return is_one_of(module, n, qk) ? KIND_QK : is_one_of(module, n, fused) ? KIND_FUSED : KIND_OTHER;
}

static bool is_family(const net_config *c, const char *const *names) {
    return is_one_of(c->family, strlen(c->family), names);
}

// Row of the plain order <-> row of a GGUF file: within a head, i of the first half and i of the second are neighbours.
static int64_t pair_up(const net_config *c, int64_t row) {
    int64_t half = c->head_dim / 2, i = row % c->head_dim;
    return row - i + i % half * 2 + i / half;
}

static int64_t unpair(const net_config *c, int64_t row) {
    int64_t half = c->head_dim / 2, i = row % c->head_dim;
    return row - i + i % 2 * half + i / 2;
}

// Plain q, k, v to groups of (queries heads of q, one of k, one of v).
static int64_t interleave(const net_config *c, int64_t row) {
    int64_t groups = c->n_kv_heads, queries = c->n_heads / groups;
    int64_t head = row / c->head_dim, i = row % c->head_dim, group, place;
    if (head < c->n_heads) {
        group = head / queries;
        place = head % queries;
    } else {
        group = (head - c->n_heads) % groups;
        place = queries + (head - c->n_heads) / groups;
    }
    return (group * (queries + 2) + place) * c->head_dim + i;
}

int64_t rows_place(const net_config *c, row_layout from, row_layout to, const char *name, int64_t row) {
    static const char *const permuted[] = {"llama", "mistral", NULL};
    static const char *const interleaved[] = {"gpt_neox", "falcon", NULL};
    row_kind kind = kind_of(name);
    if (kind == KIND_QK && from != to && is_family(c, permuted))
        return to == ROWS_GGUF ? pair_up(c, row) : unpair(c, row);
    if (kind == KIND_FUSED && to == ROWS_HF && is_family(c, interleaved)) return interleave(c, row);
    return row;
}
