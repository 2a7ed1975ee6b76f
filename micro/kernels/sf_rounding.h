// Rounding, the one place where it is written in C. The other languages use the same names and the
// same test vectors (tests/rounding_vectors.json).
//
// Right shifts of negative numbers are taken to keep the sign, and a uint32_t above INT32_MAX to
// become the int32_t of the same bits: C leaves both to the compiler, and gcc, clang and every
// compiler for microcontrollers do so.
#ifndef SF_ROUNDING_H_
#define SF_ROUNDING_H_

#include <stdint.h>

#include "sf_platform.h"

// (a * b + 2^30) / 2^31, rounded down, where not both are INT32_MIN; by products of 32 bits.
static inline int32_t sf_high_mul_by_parts(int32_t a, int32_t b) {
  const int32_t a1 = a >> 16, a0 = a & 0xffff, b1 = b >> 16, b0 = b & 0xffff;
  // Without the last 16 bits, which decide nothing: 2^16 * a1 * b1 + cross + other, over 2^15.
  const int32_t cross = a1 * b0;
  const int32_t other =
      a0 * b1 + (int32_t)((uint32_t)a0 * (uint32_t)b0 >> 16) + (1 << 14);  // at most 2^31 - 16385
  const int32_t carry = ((cross & 0x7fff) + (other & 0x7fff)) >> 15;
  const uint32_t high = (uint32_t)(a1 * b1) << 1;
  return (int32_t)(high + (uint32_t)(cross >> 15) + (uint32_t)(other >> 15) + (uint32_t)carry);
}

static inline int32_t sf_high_mul(int32_t a, int32_t b) {
#if SF_LONG_PRODUCTS
  return (int32_t)(((int64_t)a * b + (1 << 30)) >> 31);
#else
  return sf_high_mul_by_parts(a, b);
#endif
}

// The high 32 bits of 2 * a * b, rounded to nearest, a half upwards.
static inline int32_t sf_saturating_rounding_doubling_high_mul(int32_t a, int32_t b) {
  if (a == INT32_MIN && b == INT32_MIN) return INT32_MAX;
  return sf_high_mul(a, b);
}

// x / 2^exponent, rounded to nearest, a half away from zero; exponent in 0..31.
static inline int32_t sf_rounding_divide_by_pot(int32_t x, int32_t exponent) {
  const int32_t mask = (int32_t)((UINT32_C(1) << exponent) - 1);
  const int32_t threshold = (mask >> 1) + (x < 0);
  return (x >> exponent) + ((x & mask) > threshold);
}

// x / count, rounded to nearest, a half away from zero; count positive, |x| + count / 2 an int32_t.
static inline int32_t sf_rounding_divide(int32_t x, int32_t count) {
  return (x < 0 ? x - count / 2 : x + count / 2) / count;
}

// Scales a 32-bit accumulator by multiplier * 2^(shift - 31).
// Double rounding, as TensorFlow Lite Micro does: rounding once would differ in about 1 of 2,000
// values.
static inline int32_t sf_requantise(int32_t accumulator, int32_t multiplier, int32_t shift) {
  const int32_t left = shift > 0 ? shift : 0, right = shift > 0 ? 0 : -shift;
  const int32_t shifted = (int32_t)((uint32_t)accumulator << left);
  return sf_rounding_divide_by_pot(sf_high_mul(shifted, multiplier), right);
}

// The same for a shift below 0, in fewer instructions; all_but_one: -shift - 1. A half of a
// negative number goes downwards.
static inline int32_t sf_requantise_down(int32_t accumulator, int32_t multiplier,
                                         int32_t all_but_one) {
  const int32_t scaled = sf_high_mul(accumulator, multiplier);
  return (((scaled + (scaled >> 31)) >> all_but_one) + 1) >> 1;
}

static inline int32_t sf_clamp(int32_t x, int32_t minimum, int32_t maximum) {
  return x < minimum ? minimum : x > maximum ? maximum : x;
}

// The code of a scaled value, between minimum and maximum. The clamp comes first: a value near the
// ends of int32 has no room for the zero point.
static inline int8_t sf_code(int32_t scaled, int32_t zero_point, int32_t minimum, int32_t maximum) {
  return (int8_t)(sf_clamp(scaled, minimum - zero_point, maximum - zero_point) + zero_point);
}

#endif  // SF_ROUNDING_H_
