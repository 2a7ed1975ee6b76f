// How sums become codes with the DSP extension: what sf_code(sf_requantise()) gives, in five
// instructions.
#ifndef SF_SCALE_DSP_H_
#define SF_SCALE_DSP_H_

#include "sf_dsp.h"
#include "sf_kernels.h"

#if SF_DSP

// A factor whose multiplier m is 2^30 or more and whose shift s is negative, as 2m - 2^32 and
// -1 - s. Of any other factor, halvings is negative.
typedef struct {
  int32_t multiplier, halvings;
} sf_scale;

static inline sf_scale sf_scale_of(sf_factor factor) {
  const int32_t multiplier = (int32_t)((uint32_t)factor.multiplier << 1);
  return (sf_scale){multiplier, multiplier < 0 ? -1 - factor.shift : -1};
}

// What codes are clamped to: an int8; one from 0 on, 0 being the zero point; or anything else.
typedef enum { SF_WHOLE_RANGE, SF_FROM_ZERO, SF_OTHER_RANGE } sf_range;

static inline sf_range sf_range_of(int32_t minimum, int32_t maximum, int32_t zero_point) {
  if (maximum != INT8_MAX) return SF_OTHER_RANGE;
  if (minimum == INT8_MIN) return SF_WHOLE_RANGE;
  return minimum == 0 && zero_point == 0 ? SF_FROM_ZERO : SF_OTHER_RANGE;
}

// What sf_code_of_sum() wants to know of a zero point.
static inline int32_t sf_code_offset(int32_t zero_point) { return 1 + 2 * zero_point; }

// The code of a sum. The doubling high multiplication by m is sum * (2m - 2^32) / 2^32 + sum. Of
// the division by 2^(halvings + 1), one halving comes last: before it is rounded by adding 1, and
// the zero point added twice.
SF_INLINED int32_t sf_code_of_sum(sf_range range, sf_scale scale, int32_t offset, uint32_t sum) {
  int32_t x = sf_high_mul_add((int32_t)sum, scale.multiplier, (int32_t)sum);
  if (range == SF_FROM_ZERO) return sf_half_from_zero((x >> scale.halvings) + 1);
  x += x >> 31;  // a half goes away from zero
  return sf_half_as_code((x >> scale.halvings) + offset);
}

#endif  // SF_DSP

#endif  // SF_SCALE_DSP_H_
