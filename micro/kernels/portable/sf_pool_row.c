#include <stddef.h>

#include "sf_kernels.h"
#include "sf_rounding.h"
#include "sf_window.h"

void sf_average_pool_row(const sf_window *window, const int8_t *const *rows, int8_t *output) {
  const int32_t channels = window->input_channels;
  int32_t height = 0;  // rows inside of the map
  for (int32_t y = 0; y < window->kernel_height; ++y) height += rows[y] != NULL;
  for (int32_t x = 0; x < window->output_width; ++x) {
    const sf_taps taps = sf_taps_at(window, x);
    const int32_t width = taps.end - taps.first, first = (taps.column + taps.first) * channels;
    for (int32_t channel = 0; channel < channels; ++channel) {
      int32_t sum = 0;
      for (int32_t y = 0; y < window->kernel_height; ++y) {
        if (rows[y] == NULL) continue;
        const int8_t *values = rows[y] + first + channel;
        for (int32_t i = 0; i < width; ++i) sum += values[i * channels];
      }
      const int32_t mean = sf_rounding_divide(sum, height * width);
      *output++ = (int8_t)sf_clamp(mean, window->minimum, window->maximum);
    }
  }
}

void sf_max_pool_row(const sf_window *window, const int8_t *const *rows, int8_t *output) {
  const int32_t channels = window->input_channels;
  for (int32_t x = 0; x < window->output_width; ++x) {
    const sf_taps taps = sf_taps_at(window, x);
    const int32_t width = taps.end - taps.first, first = (taps.column + taps.first) * channels;
    for (int32_t channel = 0; channel < channels; ++channel) {
      int32_t largest = INT8_MIN;
      for (int32_t y = 0; y < window->kernel_height; ++y) {
        if (rows[y] == NULL) continue;
        const int8_t *values = rows[y] + first + channel;
        for (int32_t i = 0; i < width; ++i) {
          if (values[i * channels] > largest) largest = values[i * channels];
        }
      }
      *output++ = (int8_t)sf_clamp(largest, window->minimum, window->maximum);
    }
  }
}
