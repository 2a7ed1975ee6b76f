// Two products by one multiplication, for processors that have no instruction for it. A word of
// values holds two codes, and so does a word of weights:
//
//   (v + w * 2^16) * (b + a * 2^16) = v * b + (v * a + w * b) * 2^16,  modulo 2^32
//
// v * b + 2^15 is 0 to 2^16 - 1, so with 2^15 added the upper half is v * a + w * b. That is at
// most 2^15, for codes of -128 alone, and at least -32512: less 1 it fits into 16 bits.
#ifndef SF_TWO_PRODUCTS_H_
#define SF_TWO_PRODUCTS_H_

#include <stdint.h>

enum { SF_TO_UPPER_HALF = (1 << 15) - (1 << 16) };

static inline uint32_t sf_word_of(int32_t lower, int32_t upper) {
  return (uint32_t)lower + ((uint32_t)upper << 16);
}

// Adds both products less 1. `weights` has the weight of the lower value in its upper half, and
// rounding is SF_TO_UPPER_HALF: in a register, where it costs no instruction.
static inline uint32_t sf_add_two(uint32_t sum, uint32_t values, uint32_t weights,
                                  uint32_t rounding) {
  return sum + (uint32_t)((int32_t)(values * weights + rounding) >> 16);
}

#endif  // SF_TWO_PRODUCTS_H_
