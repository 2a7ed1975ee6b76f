// What the engine uses of string.h, for WebAssembly, which has no C library. libc.c has the bodies.
#ifndef STRING_H_
#define STRING_H_

#include <stddef.h>

void *memcpy(void *to, const void *from, size_t size);
void *memset(void *to, int value, size_t size);
int memcmp(const void *a, const void *b, size_t size);
int strcmp(const char *a, const char *b);

#endif  // STRING_H_
