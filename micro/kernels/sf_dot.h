// Sums of products of values that lie side by side, as dense layers with a memory have them.
#ifndef SF_DOT_H_
#define SF_DOT_H_

#include "sf_kernel_set.h"
#include "sf_platform.h"
#if SF_DSP
#include "sf_dsp.h"
#endif

#include <stdint.h>

// Of codes less a zero point, and of other codes.
SF_INLINED uint32_t sf_dot(int32_t count, const int8_t *values, int32_t zero_point,
                           const int8_t *codes) {
  uint32_t sum = 0;
#if SF_DSP
  const uint32_t offsets = sf_offsets(zero_point);
  for (; count >= 4; count -= 4, values += 4, codes += 4) {
    const uint32_t four = sf_four_codes(values), others = sf_four_codes(codes);
    sum = sf_add_both(sum, sf_even_codes(offsets, four), sf_even_weights(others));
    sum = sf_add_both(sum, sf_odd_codes(offsets, four), sf_odd_weights(others));
  }
#endif
  for (; count > 0; --count) sum += (uint32_t)((*values++ - zero_point) * *codes++);
  return sum;
}

// Moves the values after the first one place ahead, and returns the sum of their products.
SF_INLINED uint32_t sf_move_and_dot(int32_t count, int16_t *values, const int16_t *codes) {
  uint32_t sum = 0;
#if SF_DSP
  for (; count >= 2; count -= 2, values += 2, codes += 2) {
    uint32_t two, others;
    SF_COPY(&two, values + 1, 4);
    SF_COPY(&others, codes, 4);
    SF_COPY(values, &two, 4);
    sum = sf_add_both(sum, two, others);
  }
#endif
  for (; count > 0; --count, ++values) {
    values[0] = values[1];
    sum += (uint32_t)(values[0] * *codes++);
  }
  return sum;
}

#endif  // SF_DOT_H_
