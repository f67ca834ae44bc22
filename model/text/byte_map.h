// GPT-2's way of writing bytes as visible characters: byte-level vocabularies are files of text, so every byte has a
// character that stands for it (" " is written U+0120, "\n" U+010A; printable Latin-1 stands for itself).
#ifndef DOPPEL_TEXT_BYTE_MAP_H
#define DOPPEL_TEXT_BYTE_MAP_H

#include "model/base/base.h"

uint32_t byte_map_char(unsigned char byte); // the character for a byte, U+0021 .. U+0143
int byte_map_byte(uint32_t character);      // the byte of a character, -1 when it stands for none

// Appends n bytes as their characters in UTF-8.
void byte_map_write(buf *out, const char *bytes, size_t n);
// Appends the bytes that a text of such characters stands for; false (nothing appended) when some character of it
// stands for none.
bool byte_map_read(buf *out, const char *text, size_t n);

#endif
