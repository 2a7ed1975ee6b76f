// Pools over a whole map, as running sums.
#include "sf_kernels.h"
#include "sf_rounding.h"

void sf_sum_row(int32_t width, int32_t channels, const int8_t *row, int32_t *sums) {
  for (int32_t x = 0; x < width; ++x) {
    for (int32_t channel = 0; channel < channels; ++channel) sums[channel] += *row++;
  }
}

void sf_average_sums(const sf_window *window, int32_t count, const int32_t *sums, int8_t *output) {
  for (int32_t channel = 0; channel < window->output_channels; ++channel) {
    const int32_t mean = sf_rounding_divide(sums[channel], count);
    output[channel] = (int8_t)sf_clamp(mean, window->minimum, window->maximum);
  }
}

void sf_mean_sums(int32_t channels, int32_t count, int32_t input_zero_point,
                  int32_t output_zero_point, const sf_factor *factor, const int32_t *sums,
                  int8_t *output) {
  const sf_factor scale = *factor;
  for (int32_t channel = 0; channel < channels; ++channel) {
    const int32_t sum = sums[channel] - count * input_zero_point;
    const int32_t mean = sf_requantise(sum, scale.multiplier, scale.shift);
    output[channel] = sf_code(mean, output_zero_point, INT8_MIN, INT8_MAX);
  }
}
