// A linear layer: up to three matrices that read the same input (q, k and v; gate and up), each quantised (packed) or
// in floats (where they lie in the file), and the products with a few rows or with many.
//
// The products are for the members of a team: each computes its share of the output rows. Nothing here waits; the
// caller puts barriers between writing an input and reading it.
#ifndef DOPPEL_NET_LINEAR_H
#define DOPPEL_NET_LINEAR_H

#include "model/file/file.h"
#include "model/math/kernels.h"
#include "model/math/team.h"

enum { LINEAR_MAX_PARTS = 3 };

typedef struct matrix {
    int rows, cols;
    tensor_type type;
    pack packed;      // quantised types
    const void *data; // float types: (rows, cols) in the file
    int out;          // where its rows stand in the layer's output
} matrix;

typedef struct linear {
    int n_parts; // 0: the layer is absent
    matrix part[LINEAR_MAX_PARTS];
    int rows, cols;
    float *bias;                       // (rows), owned; NULL for none
    bool wants_floats, wants_integers; // which forms of the input the parts read
} linear;

// What an adapter adds to one part of a layer: scale * B (A x). A (rank, cols) is packed in eight bits where the part is
// packed, since its input then comes as integers too. b (row blocks, rank, 16 rows), rows beyond the part zero.
typedef struct low_rank {
    int part, rank;
    bool f32;             // a and b are f32; else f16
    const pack *packed_a; // NULL: in a
    const void *a, *b;
    float scale; // alpha / rank * strength; 0: left out
} low_rank;

typedef struct low_ranks {
    int n;
    low_rank *items;
} low_ranks;

// Floats that A x takes of one row: the ranks, each rounded up to 16.
int low_width(const low_ranks *extra);

// One or more input rows in the forms a linear layer may want. Row form (one row): x, q, d, sum. Many rows: x with
// tiles.
typedef struct activations {
    float *x; // (T, cols)
    int8_t *q;
    float *d, *sum;
    qtiles tiles;
} activations;

// Where a member keeps a spread-out row block and a panel of converted weights.
typedef struct linear_scratch {
    uint8_t *u;
    float *scale, *offset;
    float *panel; // (LINEAR_PANEL_ROWS, cols)
    float *strip; // (LINEAR_MAX_ROWS, LINEAR_PANEL_ROWS)
    float *low;   // (LINEAR_MAX_ROWS, low_width of the layer's adapters): A x
} linear_scratch;

enum { LINEAR_PANEL_ROWS = 128, LINEAR_MAX_ROWS = 512, LINEAR_FEW = 16 };

typedef enum linear_mode {
    LINEAR_STORE,    // y = W x + b
    LINEAR_ADD,      // y += W x + b
    LINEAR_SILU_MUL, // parts are gate and up: y = silu(gate) * up, rows / 2 wide
    LINEAR_GELU_TANH,
    LINEAR_GELU_ERF, // y = gelu(W x + b)
} linear_mode;

// Packs or maps tensor t as the next part of l, using the team; its pages are dropped when they were copied.
// -1 with a message.
int linear_add_part(linear *l, const model_file *f, const file_tensor *t, team *team, error *err);
void linear_close(linear *l);

// y (n_rows, ld) for a few input rows, at most LINEAR_FEW: a (n_rows), each in row form. Every row is calculated as it would be alone, bit for
// bit; the weights are read from memory once. Member rank of size takes its share of output rows.
// extra: adapters; those that are not packed need x. May be NULL.
void linear_few(const linear *l, linear_mode mode, const activations *a, const low_ranks *extra, int n_rows, float *y,
                size_t ld, const linear_scratch *s, int rank, int size);

// y (T, ld) for T input rows, at most LINEAR_MAX_ROWS. All active members of the team call it and take pieces of it
// (team_take): a barrier lies between two calls. With LINEAR_SILU_MUL and `into`, y goes there, as the input of the next
// layer, and not to y: where linear_gives_integers.
void linear_rows(const linear *l, linear_mode mode, const activations *a, const low_ranks *extra, int n_rows, float *y,
                 size_t ld, const qtiles *into, const linear_scratch *s, team *team);
bool linear_gives_integers(const linear *l);

// Bytes that one pass reads.
size_t linear_bytes(const linear *l);
// Row `row` of part 0 as floats (for embeddings).
void linear_read_row(const linear *l, int row, float *out);

#endif
