// model/base: what every part stands on: errors as sentences, small allocation, growable strings, UTF-8.
#ifndef DOPPEL_BASE_H
#define DOPPEL_BASE_H

#include "model/base/buf.h"
#include "model/base/error.h"
#include "model/base/mem.h"
#include "model/base/utf8.h"

#endif
