#include "sf_dot.h"
#include "sf_recurrent.h"
#include "sf_rounding.h"

void sf_svdf_row(const sf_svdf_shape *shape, const sf_svdf_constants *constants,
                 const int8_t *input, int16_t *values, int8_t *output) {
  const sf_factor *of_filter = &constants->factors[0], *of_unit = &constants->factors[1];
  const int32_t *filter_bias = constants->bias + shape->units;
  const int16_t *time_codes = constants->time_codes;
  const int8_t *codes = constants->codes;
  const uint32_t last = shape->steps - 1u;
  const int32_t half = shape->largest + 1, offset = half + shape->memory_zero_point;
  for (uint32_t unit = 0; unit < shape->units; ++unit) {
    uint32_t total = (uint32_t)constants->bias[unit];
    for (uint32_t filter = 0; filter < shape->rank; ++filter) {
      const uint32_t sum = (uint32_t)*filter_bias++ + sf_dot(shape->channels, input, 0, codes);
      codes += shape->channels;
      total += sf_move_and_dot((int32_t)last, values, time_codes);
      int32_t value = sf_clamp(sf_requantise((int32_t)sum, of_filter->multiplier, of_filter->shift),
                               -half, half - 1);
      // TFLM clamps before it adds the zero point of its state, which wraps then.
      value = (int32_t)((uint32_t)(value + offset) & (2u * (uint32_t)half - 1u)) - offset;
      values[last] = (int16_t)value;
      total += (uint32_t)(value * time_codes[last]);
      values += shape->steps, time_codes += shape->steps;
    }
    output[unit] = sf_code(sf_requantise((int32_t)total, of_unit->multiplier, of_unit->shift),
                           shape->zero_point, INT8_MIN, INT8_MAX);
  }
}
