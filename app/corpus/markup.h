// Discord's markup in texts of any format: <:kek:1> and <a:kek:1> become :kek:, <@1>, <@!1> and <@&1> become @name,
// <#1> becomes #name; a name that is not known is "unknown". Everything else stays as typed.
#ifndef DOPPEL_CORPUS_MARKUP_H
#define DOPPEL_CORPUS_MARKUP_H

#include "model/base/base.h"

// The name behind mark ('@', '#') and id; NULL when it is not known.
typedef const char *markup_name_fn(const void *arg, char mark, uint64_t id);

void markup_resolve(const char *s, size_t n, markup_name_fn *name, const void *arg, buf *out);

// Length of s without a discriminator ('#' and four digits) at its end.
size_t markup_without_discriminator(const char *s, size_t n);

#endif
