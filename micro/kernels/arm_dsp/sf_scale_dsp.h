// How sums become codes with the DSP extension: what sf_code(sf_requantise()) gives, in three or
// four instructions.
#ifndef SF_SCALE_DSP_H_
#define SF_SCALE_DSP_H_

#include <stddef.h>

#include "sf_dsp.h"
#include "sf_kernels.h"

#if SF_DSP

// A factor whose multiplier m is 2^30 or more and whose shift s is -2 or less, as 2m - 2^32 and
// 2^(32 + s). Of any other factor, power is 0.
typedef struct {
  int32_t multiplier, power;
} sf_scale;

static inline sf_scale sf_scale_of(sf_factor factor) {
  const int32_t multiplier = (int32_t)((uint32_t)factor.multiplier << 1);
  const int suits = multiplier < 0 && factor.shift <= -2;
  return (sf_scale){multiplier, suits ? 1 << (32 + factor.shift) : 0};
}

// The scale and shift of a channel's factor. Returns a negative number if the factor is one for
// sf_code_of_sum().
SF_INLINED int32_t sf_unpack_scale(const sf_constants *constants, int32_t channel, sf_scale *scale,
                                   int32_t *shift) {
  const int32_t word = constants->factors[channel];
  const int32_t narrow = constants->shifts == NULL;
  *shift = narrow ? (word & 127) - 64 : constants->shifts[channel];
  scale->multiplier = (int32_t)((uint32_t)(narrow ? word & ~127 : word) << 1);
  scale->power = (int32_t)(UINT32_C(1) << (*shift & 31));
  return scale->multiplier & (*shift + 1);
}

// What codes are clamped to: an int8 from -128 on, that being the zero point; one from 0 on, that
// being the zero point; any int8; or anything else.
typedef enum { SF_FROM_LOWEST, SF_FROM_ZERO, SF_WHOLE_RANGE, SF_OTHER_RANGE } sf_range;

static inline sf_range sf_range_of(int32_t minimum, int32_t maximum, int32_t zero_point) {
  if (maximum != INT8_MAX) return SF_OTHER_RANGE;
  if (minimum == INT8_MIN) return zero_point == INT8_MIN ? SF_FROM_LOWEST : SF_WHOLE_RANGE;
  return minimum == 0 && zero_point == 0 ? SF_FROM_ZERO : SF_OTHER_RANGE;
}

// The code of a sum. The doubling high multiplication by m is sum * (2m - 2^32) / 2^32 + sum, and
// the rounding division by 2^-s a multiplication by 2^(32 + s), of which the high word is taken. It
// rounds a half upwards, so that negative numbers are made smaller by 1 before; but not where they
// become the least code in any case.
SF_INLINED int32_t sf_code_of_sum(sf_range range, sf_scale scale, int32_t zero_point,
                                  uint32_t sum) {
  int32_t x = sf_high_mul_add((int32_t)sum, scale.multiplier, (int32_t)sum);
  if (range == SF_WHOLE_RANGE) x += x >> 31;
  x = sf_high_mul_add(x, scale.power, zero_point);
  return range == SF_FROM_ZERO ? sf_clamp_from_zero(x) : sf_clamp_to_code(x);
}

#endif  // SF_DSP

#endif  // SF_SCALE_DSP_H_
