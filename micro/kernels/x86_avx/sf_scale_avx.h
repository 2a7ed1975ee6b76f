// How sums become codes with AVX: what sf_code(sf_requantise()) gives, in all lanes.
#ifndef SF_SCALE_AVX_H_
#define SF_SCALE_AVX_H_

#include "sf_avx.h"
#include "sf_kernels.h"

#if SF_AVX

// A factor a lane: its shift is to the left or to the right.
typedef struct {
  sf_words multiplier;
  sf_ints left, right;
} sf_factors;

static inline sf_factors sf_factors_of(sf_words multiplier, sf_ints shift) {
  const sf_ints zero = {0}, most = zero + 31;
  return (sf_factors){multiplier, sf_clamp_all(shift, zero, most),
                      sf_clamp_all(-shift, zero, most)};
}

static inline sf_factors sf_same_factors(sf_factor factor) {
  return sf_factors_of(sf_all((uint32_t)factor.multiplier),
                       (sf_ints)sf_all((uint32_t)factor.shift));
}

// Those of `count` output channels, from either of the two forms of sf_constants.
static inline sf_factors sf_channel_factors(const sf_constants *constants, int32_t channel,
                                            int32_t count) {
  const sf_words words = sf_load_some(count, constants->factors + channel);
  if (constants->shifts == NULL) {
    return sf_factors_of(words & ~127u, (sf_ints)(words & 127u) - 64);
  }
  return sf_factors_of(words,
                       (sf_ints)sf_extended(sf_load_codes(count, constants->shifts + channel)));
}

static inline sf_ints sf_scaled(sf_words sums, sf_factors by) {
  const sf_longs half = (sf_longs){0} + (1u << 30);
  const sf_words shifted = sums << (sf_words)by.left;
  // Rounding doubling high multiplication.
  const sf_longs even = sf_multiply_even(shifted, by.multiplier) + half;
  const sf_longs odd = sf_multiply_even((sf_words)((sf_longs)shifted >> 32),
                                        (sf_words)((sf_longs)by.multiplier >> 32)) +
                       half;
  const sf_ints high = (sf_ints)sf_even_and_odd(even >> 31, odd << 1);
  // Rounding division by a power of two.
  const sf_ints mask = (sf_ints)((sf_all(1) << (sf_words)by.right) - 1);
  const sf_ints rest = (high & mask) + (high >> 31);
  return sf_add_where_greater(high >> by.right, rest, mask >> 1);
}

// What codes are clamped to, before the zero point is added.
typedef struct {
  sf_ints minimum, maximum, zero_point;
} sf_coding;

static inline sf_coding sf_coding_of(int32_t minimum, int32_t maximum, int32_t zero_point) {
  const sf_ints zero = {0};
  return (sf_coding){zero + (minimum - zero_point), zero + (maximum - zero_point),
                     zero + zero_point};
}

static inline sf_codes sf_codes_of(sf_words sums, sf_factors by, sf_coding coding) {
  return sf_narrowed(sf_clamp_all(sf_scaled(sums, by), coding.minimum, coding.maximum) +
                     coding.zero_point);
}

#endif  // SF_AVX

#endif  // SF_SCALE_AVX_H_
