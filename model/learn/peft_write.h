// An adapter as numbers to a directory in PEFT's form.
#ifndef DOPPEL_LEARN_PEFT_WRITE_H
#define DOPPEL_LEARN_PEFT_WRITE_H

#include "model/net/lora.h"

// Writes l, an adapter of n, to directory dir, as peft_save (peft.h) does. base: base_model_name_or_path, may be NULL.
// Of the parts only names, shapes, values and alpha are read. 0, or -1 with a message.
int peft_write(const char *dir, const lora *l, const net *n, const char *base, error *err);

#endif
