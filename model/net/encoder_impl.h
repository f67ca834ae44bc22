// Shared by encoder.c (weights and texts), encoder_config.c (settings) and encoder_pass.c (arithmetic). Nobody else
// includes this.
#ifndef DOPPEL_NET_ENCODER_IMPL_H
#define DOPPEL_NET_ENCODER_IMPL_H

#include "model/net/encoder.h"
#include "model/net/weights.h"

typedef struct encoder_layer {
    linear qkv, out, up, down;
    norm attn_norm, ffn_norm; // behind the sums x + attention, x + mlp
} encoder_layer;

// Memory of one member of the team.
typedef struct encoder_member {
    activations row;    // one quantised row
    float *m, *l, *acc; // of an attend_job
    linear_scratch scratch;
} encoder_member;

// Up to ATTEND_ROWS queries of one text.
typedef struct encoder_piece {
    int row, n_rows;
    int first, last; // rows of the text
} encoder_piece;

struct encoder {
    net_config config;
    encoder_pooling pooling;
    const model_file *file;
    const file_tensor *tokens, *positions; // rows are read where they lie; positions NULL with rope
    float *segment;                        // (n_embd) what token type 0 adds; NULL for none
    norm embedding_norm;
    encoder_layer *layers;
    float *inv_freq; // (rope_dim / 2); NULL without rope
    team *team;

    // The pass at hand: rows of one or more texts behind each other. All but `in` and `hidden` hold every row; these
    // hold as many as one product takes.
    int max_rows, n_rows, n_pieces;
    int32_t *ids;     // (rows)
    int32_t *places;  // (rows) position in its text
    float *cos, *sin; // (rows, rope_dim / 2)
    encoder_piece *pieces;
    float *x;    // (rows, n_embd)
    float *qkv;  // (rows, 3 n_embd)
    float *attn; // (rows, n_embd)
    float *hidden;
    activations in;
    int v_dim;
    size_t k_head, v_head; // floats of one head
    float *k, *v;          // (heads, rows / 16, head_dim, 16), (heads, rows, v_dim)
    encoder_member members[TEAM_MAX];
    char *arena;
    size_t arena_bytes;
};

// Fills config and pooling. 0, or -1 with a message.
int encoder_read_config(encoder *e, const model_file *f, error *err);

// Leaves the last hidden states of the n_rows rows in x.
void encoder_pass_run(encoder *e);

#endif
