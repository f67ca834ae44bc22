// Rotary positions (Su et al. 2021) and ALiBi slopes (Press et al. 2022).
#ifndef DOPPEL_NET_ROPE_H
#define DOPPEL_NET_ROPE_H

#include "model/net/config.h"

// Fills inv_freq (rope_dim / 2): theta^(-2i / rope_dim), scaled as the config says. factors: per-frequency divisors
// from the file (rope_freqs.weight), NULL for none.
void rope_frequencies(const net_config *c, const float *factors, float *inv_freq);

// cos and sin (rope_dim / 2) for a position; YaRN's attention factor included.
void rope_angles(const net_config *c, const float *inv_freq, int position, float *cos_out, float *sin_out);

// Turns the first rope_dim components of one head in place.
void rope_turn(const net_config *c, const float *cos_in, const float *sin_in, float *head);

// What is added to a head's score for each position further on (n_heads).
void alibi_slopes(const net_config *c, float *slopes);

#endif
