// What this C needs of a compiler and a processor, the one thing that compilers spell differently,
// and what is slow on some processors.
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

// Whether a word may begin anywhere. A Cortex-M0+ and many a RISC-V load one that does not begin at
// a multiple of four byte by byte.
#if defined(__riscv) || defined(__arm__) && !defined(__ARM_FEATURE_UNALIGNED)
#define SF_WORDS_ANYWHERE 0
#else
#define SF_WORDS_ANYWHERE 1
#endif

// SF_COPY of four bytes that begin at multiples of four.
#if defined(__GNUC__)
#define SF_COPY_WORD(to, from) \
  SF_COPY(__builtin_assume_aligned(to, 4), __builtin_assume_aligned(from, 4), 4)
#else
#define SF_COPY_WORD(to, from) SF_COPY(to, from, 4)
#endif

// A function that is compiled once for each constant that it is called with. To inline it costs
// nothing else, and is left to other compilers.
#if defined(__GNUC__)
#define SF_INLINED __attribute__((always_inline)) static inline
#else
#define SF_INLINED static inline
#endif

// A function that stays one: an inner loop, which would lack registers inside of its callers; what
// is seldom called; or one whose arrays need not lie in memory together with its caller's.
#if defined(__GNUC__)
#define SF_OUTLINED __attribute__((noinline)) static
#else
#define SF_OUTLINED static
#endif

// Whether a product of 64 bits takes an instruction or two. A Cortex-M0+ or M23 has none: gcc calls
// a function, which takes 40.
#if defined(__thumb__) && !defined(__thumb2__)
#define SF_LONG_PRODUCTS 0
#else
#define SF_LONG_PRODUCTS 1
#endif

// Whether there are 31 registers rather than 15: then loops keep twice as many sums.
#if defined(__riscv) && !defined(__riscv_32e)
#define SF_MANY_REGISTERS 1
#else
#define SF_MANY_REGISTERS 0
#endif

#endif  // SF_PLATFORM_H_
