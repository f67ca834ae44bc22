// Which tensor of a Hugging Face model is which of GGUF's, and how its bytes have to be changed, for every family.
#ifndef DOPPEL_HFNAMES_H
#define DOPPEL_HFNAMES_H

#include "model/base/base.h"
#include "model/file/tensor.h"

#include <cjson/cJSON.h>
#include <stdbool.h>

typedef enum name_change {
    CHANGE_NONE,
    CHANGE_TRANSPOSE, // GPT-2's Conv1D: (in, out) in the file
    CHANGE_REGROUP,   // rows of q, k and v interleaved by head: all of q first, then k, then v
} name_change;

// How fused q, k and v rows are interleaved: n_groups times (queries heads of q, one of k, one of v).
// n_groups 0: they are in order already.
typedef struct name_grouping {
    int n_groups, queries;
} name_grouping;

typedef struct name_map name_map;

// The family's name as net_config.family has it: model_type, with old spellings replaced. NULL when config has none.
const char *hfnames_family(const cJSON *config);

// The names of a family; NULL when unknown.
const name_map *hfnames_of(const char *family);
// Appends the names of all families that have one, with commas between them.
void hfnames_list(buf *out);

// 1: out is GGUF's name, *change what to do. 0: not needed. -1: part of a layer, and no part that the family has.
int hfnames_translate(const name_map *m, const char *name, char out[TENSOR_MAX_NAME], name_change *change);

// The other way: the name that the Hugging Face model has for GGUF's (blk.0.attn_q.weight becomes
// model.layers.0.self_attn.q_proj.weight). Where a family has two names for one thing, the first of the table.
// False when the family has no such tensor.
bool hfnames_original(const name_map *m, const char *name, char out[TENSOR_MAX_NAME], name_change *change);

// How config says that the family's fused rows are interleaved. 0, or -1 when its numbers make no sense.
int hfnames_grouping(const char *family, const cJSON *config, name_grouping *g);

#endif
