// What this C needs of a compiler and a processor, and the one thing that compilers spell
// differently.
#ifndef SF_PLATFORM_H_
#define SF_PLATFORM_H_

#include <limits.h>

#if CHAR_BIT != 8
#error "a char must have 8 bits: rows and task images are arrays of bytes"
#endif
#if INT_MAX != 0x7fffffff
#error "an int must have 32 bits: codes are promoted to int before they are multiplied"
#endif
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the processor must be little-endian: task images are little-endian and are read in place"
#endif

// memcpy(). With -ffreestanding or -fno-builtin a memcpy() of four bytes is a call, where a load
// and a store would do: a network then takes up to half as many instructions again.
#if defined(__GNUC__)
#define SF_COPY(to, from, size) __builtin_memcpy(to, from, size)
#else
#include <string.h>
#define SF_COPY(to, from, size) memcpy(to, from, size)
#endif

#endif  // SF_PLATFORM_H_
