#include "model/learn/layers.h"
#include "model/learn/attention.h"
#include "model/learn/linears.h"
#include "model/learn/norms.h"
#include "model/learn/pointwise.h"

// ---- the MLP's activation function ----

static void activation_forward(const member *m, const layer_memory *mem) {
    learn_pass *p = m->p;
    int first, last;
    size_t ff = (size_t)p->c->n_ff;
    member_share(m, p->n, &first, &last);
    for (int t = first; t < last; t++)
        pointwise_activate(p->c->mlp, mem->up + (size_t)t * (size_t)p->up_dim, (int)ff, p->act + (size_t)t * ff);
    member_wait(m);
}

// p->act is made again.
static void activation_backward(const member *m, const layer_memory *mem) {
    learn_pass *p = m->p;
    int first, last;
    size_t ff = (size_t)p->c->n_ff, up = (size_t)p->up_dim;
    member_share(m, p->n, &first, &last);
    for (size_t t = (size_t)first; t < (size_t)last; t++)
        pointwise_activate_back(p->c->mlp, mem->up + t * up, p->dact + t * ff, (int)ff, p->act + t * ff,
                                p->dup + t * up);
    member_wait(m);
}

// ---- layers ----

static const learn_norm *mlp_norm(const net_config *c, const learn_layer *y) {
    return c->shared_norm ? &y->attn_norm : &y->ffn_norm;
}

static const float *mlp_input(const net_config *c, const layer_memory *mem) {
    return c->parallel_residual ? mem->x : mem->mid;
}

// p->x, the layer's input, becomes what stands before the MLP's second matrix: all that the backward half reads.
static void forward_to_activation(const member *m, int i) {
    learn_pass *p = m->p;
    const net_config *c = p->c;
    const learn_layer *y = &p->g->layers[i];
    layer_memory *mem = &p->layers[i];
    product of = member_product(m);
    norms_forward(m, &y->attn_norm, p->x, p->h, mem->stats);
    member_wait(m);
    product_left(&of, p->h, c->n_embd, c->n_embd);
    for (int k = 0; k < y->n_qkv; k++) linears_forward(m, &y->qkv[k], mem, p->h, mem->qkv, p->qkv_dim, false);
    attention_forward(m, i, mem);
    product_left(&of, mem->attn, p->q_dim, p->q_dim);
    linears_branch_forward(m, &y->out, mem, mem->attn, SITES * i + SITE_OUT);
    member_copy(m, mem->mid, p->x, c->n_embd);
    member_wait(m);
    norms_forward(m, mlp_norm(c, y), mlp_input(c, mem), p->h, mem->stats2);
    member_wait(m);
    product_left(&of, p->h, c->n_embd, c->n_embd);
    for (int k = 0; k < y->n_up; k++) linears_forward(m, &y->up[k], mem, p->h, mem->up, p->up_dim, false);
    activation_forward(m, mem);
}

void layers_forward(const member *m, int i) {
    learn_pass *p = m->p;
    layer_memory *mem = &p->layers[i];
    member_copy(m, mem->x, p->x, p->c->n_embd);
    forward_to_activation(m, i);
    product of = member_product(m);
    product_left(&of, p->act, p->c->n_ff, p->c->n_ff);
    linears_branch_forward(m, &p->g->layers[i].down, mem, p->act, SITES * i + SITE_DOWN);
}

// dx += the gradient of x, in the forward half y = norm(x); and the norm's own.
static void norm_backward(const member *m, const learn_norm *w, const float *x, const float *stats, const float *dy) {
    learn_pass *p = m->p;
    norms_backward(m, w, x, stats, dy, p->n, p->dx);
    for (int r = 0; r < p->batch->rows; r++) norms_gradient(m, w, x, stats, dy, r, r * p->batch->len, p->batch->len);
}

// out = mid + down(act(up(norm(mlp_in)))). A parallel residual's branches both read x: the MLP's share of its gradient
// waits in h2 until attention has read dx.
static void mlp_backward(const member *m, int i) {
    learn_pass *p = m->p;
    const net_config *c = p->c;
    const learn_layer *y = &p->g->layers[i];
    layer_memory *mem = &p->layers[i];
    const float *dout = linears_branch_gradient(m, SITES * i + SITE_DOWN);
    linears_backward(m, &y->down, dout, c->n_embd, p->dact, false);
    activation_backward(m, mem);
    linears_gradients(m, &y->down, mem, p->act, dout, c->n_embd);
    norms_again(m, mlp_norm(c, y), mlp_input(c, mem), p->h, mem->stats2);
    member_wait(m);
    for (int k = 0; k < y->n_up; k++) {
        linears_backward(m, &y->up[k], p->dup, p->up_dim, p->dh, k > 0);
        linears_gradients(m, &y->up[k], mem, p->h, p->dup, p->up_dim);
    }
    member_wait(m);
    if (c->parallel_residual)
        member_copy(m, p->h2, p->dh, c->n_embd);
    else
        norm_backward(m, mlp_norm(c, y), mem->mid, mem->stats2, p->dh);
    member_wait(m);
}

// mid = x + out(attention(qkv(norm(x))))
static void attention_branch_backward(const member *m, int i) {
    learn_pass *p = m->p;
    const net_config *c = p->c;
    const learn_layer *y = &p->g->layers[i];
    layer_memory *mem = &p->layers[i];
    const float *dout = linears_branch_gradient(m, SITES * i + SITE_OUT);
    linears_backward(m, &y->out, dout, c->n_embd, p->dattn, false);
    linears_gradients(m, &y->out, mem, mem->attn, dout, c->n_embd);
    member_wait(m);
    attention_backward(m, i, mem);
    norms_again(m, &y->attn_norm, mem->x, p->h, mem->stats);
    member_wait(m);
    for (int k = 0; k < y->n_qkv; k++) {
        linears_backward(m, &y->qkv[k], p->dqkv, p->qkv_dim, p->dh, k > 0);
        linears_gradients(m, &y->qkv[k], mem, p->h, p->dqkv, p->qkv_dim);
    }
    member_wait(m);
    if (c->parallel_residual) {
        norm_backward(m, mlp_norm(c, y), mem->x, mem->stats2, p->h2);
        member_wait(m);
    }
    norm_backward(m, &y->attn_norm, mem->x, mem->stats, p->dh);
    member_wait(m);
}

void layers_backward(const member *m, int i) {
    learn_pass *p = m->p;
    if (p->options.recompute && i + 1 < p->c->n_layers) { // the last layer's memory is still its own
        member_copy(m, p->x, p->layers[i].x, p->c->n_embd);
        forward_to_activation(m, i);
        const learn_linear *down = &p->g->layers[i].down;
        product of = member_product(m);
        if (down->a) product_left(&of, p->act, p->c->n_ff, p->c->n_ff);
        linears_low(m, down, &p->layers[i], p->act);
    }
    mlp_backward(m, i);
    if (member_begin(m)) attention_branch_backward(m, i);
}
