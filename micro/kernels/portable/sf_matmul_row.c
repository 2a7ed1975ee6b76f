#include "sf_dot.h"
#include "sf_matmul.h"
#include "sf_rounding.h"

static uint32_t sum_of(int32_t count, int32_t zero_point, const int8_t *codes) {
  uint32_t sum = 0;
  for (int32_t i = 0; i < count; ++i) sum += (uint32_t)(codes[i] - zero_point);
  return sum;
}

void sf_matmul_row(const sf_matmul_shape *shape, const sf_factor *factor, const int8_t *first,
                   const int8_t *second, int8_t *output) {
  const int32_t channels = shape->channels, zero_point = shape->second_zero_point;
  for (uint32_t x = 0; x < shape->width; ++x, first += channels) {
    // What the zero point of the second row takes away from each sum.
    const uint32_t rest = (uint32_t)zero_point * sum_of(channels, shape->first_zero_point, first);
    const int8_t *other = second;
    for (uint32_t i = 0; i < shape->other_width; ++i, other += channels) {
      const uint32_t sum = sf_dot(channels, first, shape->first_zero_point, other);
      const int32_t total = (int32_t)(sum - rest);
      *output++ = sf_code(sf_requantise(total, factor->multiplier, factor->shift),
                          shape->output_zero_point, INT8_MIN, INT8_MAX);
    }
  }
}
