// Works on four channels and a few pixels at a time. Their sums become codes channel by channel, so
// that each factor is unpacked once.
#include "sf_add_products_simd.h"
#include "sf_kernel_set.h"
#include "sf_sums.h"
#include "sf_window.h"

#if SF_SIMD128  // else sf_depthwise_row.c

enum { CHANNELS_AT_ONCE = 4 };

// As sf_add_products_by_channel, for the last one to three channels of a map.
static void add_rest(int32_t count, int32_t pixels, int32_t apart, int32_t taps, int32_t value_step,
                     int32_t weight_step, const int8_t *values, const int8_t *weights,
                     uint32_t *sums) {
  for (int32_t pixel = 0; pixel < pixels; ++pixel) {
    for (int32_t tap = 0; tap < taps; ++tap) {
      for (int32_t i = 0; i < count; ++i) {
        const int32_t value = values[pixel * apart + tap * value_step + i];
        sums[pixel * CHANNELS_AT_ONCE + i] += (uint32_t)(value * weights[tap * weight_step + i]);
      }
    }
  }
}

// Columns x..x + pixels - 1 of the output, whose windows have the same taps inside of the map:
// `count` channels from `channel` on.
static void convolve_pixels(const sf_window *window, const sf_constants *constants,
                            const int8_t *const *rows, int32_t channel, int32_t count, int32_t x,
                            int32_t pixels, int8_t *output) {
  const int32_t channels = window->input_channels, step = window->dilation * channels;
  const int32_t apart = window->stride * channels;
  const sf_taps taps = sf_taps_at(window, x);
  const int32_t width = taps.end - taps.first;
  uint32_t sums[SF_PIXELS_AT_ONCE * CHANNELS_AT_ONCE];
  for (int32_t i = 0; i < count; ++i) {
    const uint32_t start = sf_start_of_sum(window, rows, taps, constants->bias[channel + i],
                                           constants->codes + channel + i, 1, channels);
    for (int32_t pixel = 0; pixel < pixels; ++pixel) sums[pixel * CHANNELS_AT_ONCE + i] = start;
  }
  for (int32_t y = 0; y < window->kernel_height; ++y) {
    if (rows[y] == NULL || width <= 0) continue;  // the taps of a dilated window may miss the map
    const int32_t tap = y * window->kernel_width + taps.first;
    const int8_t *weights = constants->codes + tap * channels + channel;
    const int8_t *values = rows[y] + taps.column * channels + taps.first * step + channel;
    if (count == CHANNELS_AT_ONCE) {
      sf_add_products_by_channel(pixels, apart, width, step, channels, values, weights, sums);
    } else {
      add_rest(count, pixels, apart, width, step, channels, values, weights, sums);
    }
  }
  for (int32_t i = 0; i < count; ++i) {
    const sf_factor factor = sf_channel_factor(constants, channel + i);
    sf_store_codes(window, factor, pixels, CHANNELS_AT_ONCE, sums + i,
                   output + x * channels + channel + i);
  }
}

void sf_depthwise_row(const sf_window *window, const sf_constants *constants,
                      const int8_t *const *rows, int8_t *output) {
  const sf_columns whole = sf_whole_columns(window);
  const int32_t channels = window->output_channels;
  for (int32_t channel = 0; channel < channels; channel += CHANNELS_AT_ONCE) {
    const int32_t count = sf_clamp(channels - channel, 1, CHANNELS_AT_ONCE);
    for (int32_t x = 0, pixels; x < window->output_width; x += pixels) {
      pixels = sf_pixels_alike(whole, x);
      convolve_pixels(window, constants, rows, channel, count, x, pixels, output);
    }
  }
}

#endif  // SF_SIMD128
