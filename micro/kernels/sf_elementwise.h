// What the kernels of sums and products ask about their factors and zero points.
#ifndef SF_ELEMENTWISE_H_
#define SF_ELEMENTWISE_H_

#include "sf_kernels.h"

enum {
  SF_ADD_LEFT_SHIFT = 20,  // so many more bits have the operands of a sum before they are scaled,
                           // as in TensorFlow Lite
  SF_HALF = 1 << 30,       // multiplier of a factor that is a power of two
};

static inline int sf_is_half(sf_factor factor) {
  return factor.multiplier == SF_HALF && factor.shift == 0;
}

static inline int sf_is_whole_range(const sf_pair *pair) {
  return pair->minimum == INT8_MIN && pair->maximum == INT8_MAX;
}

static inline int sf_has_zero_points(const sf_pair *pair) {
  return (pair->first_zero_point | pair->second_zero_point | pair->output_zero_point) != 0;
}

// Whether a sum's scale is that of both operands, and no zero point is in the way: then codes that
// are not clamped further are only added.
static inline int sf_adds_codes(const sf_pair *pair, const sf_factor factors[3]) {
  return !sf_has_zero_points(pair) && sf_is_half(factors[0]) && sf_is_half(factors[1]) &&
         factors[2].multiplier == SF_HALF && factors[2].shift == 2 - SF_ADD_LEFT_SHIFT;
}

#endif  // SF_ELEMENTWISE_H_
