// Works on two output channels and a few pixels at a time. Channels are the outer loop, so that the
// weights of two of them come from flash once a row.
#include "sf_add_products_simd.h"
#include "sf_kernel_set.h"
#include "sf_sums.h"
#include "sf_window.h"

#if SF_SIMD128  // else sf_convolve_row.c

// Two output channels of one group, or one of them twice.
typedef struct {
  int32_t input;             // first input channel of the group
  const int8_t *weights[2];  // of the whole kernel
  int32_t bias[2];
  sf_factor factor[2];
  int8_t *output[2];  // of the row's first pixel
} pair;

// What a window reads of each kernel row: `runs` runs of `length` neighbouring values.
typedef struct {
  int32_t input, weights;  // where the first run begins in the input row, in the kernel row
  int32_t runs, length;
  int32_t step;  // from one run to the next in the input row; weights lie one behind the other
} reach;

static reach reach_of(const sf_window *window, sf_taps taps, int32_t depth) {
  const int32_t channels = window->input_channels, step = window->dilation * channels;
  const int32_t input = taps.column * channels + taps.first * step, weights = taps.first * depth;
  const int32_t width = taps.end - taps.first;
  if (step == depth) return (reach){input, weights, 1, width * depth, step};
  return (reach){input, weights, width, depth, step};
}

// Columns x..x + pixels - 1 of the output; their windows have the same taps inside of the map.
static void convolve_pixels(const sf_window *window, const int8_t *const *rows,
                            const pair *channels, int32_t x, int32_t pixels) {
  const int32_t depth = window->input_channels / window->groups;
  const int32_t apart = window->stride * window->input_channels;
  const sf_taps taps = sf_taps_at(window, x);
  const reach at = reach_of(window, taps, depth);
  uint32_t sums[2 * SF_PIXELS_AT_ONCE];
  for (int32_t i = 0; i < 2; ++i) {
    const uint32_t start =
        sf_start_of_sum(window, rows, taps, channels->bias[i], channels->weights[i], depth, depth);
    for (int32_t pixel = 0; pixel < pixels; ++pixel) sums[2 * pixel + i] = start;
  }
  for (int32_t y = 0; y < window->kernel_height; ++y) {
    if (rows[y] == NULL) continue;
    for (int32_t run = 0; run < at.runs; ++run) {
      const int8_t *values = rows[y] + channels->input + at.input + run * at.step;
      const int32_t offset = y * window->kernel_width * depth + at.weights + run * at.length;
      const int8_t *weights[2] = {channels->weights[0] + offset, channels->weights[1] + offset};
      sf_add_products(pixels, apart, at.length, values, weights, sums);
    }
  }
  for (int32_t i = 0; i < 2; ++i) {
    int8_t *output = channels->output[i] + x * window->output_channels;
    sf_store_codes(window, channels->factor[i], pixels, 2, sums + i, output);
  }
}

void sf_convolve_row(const sf_window *window, const sf_constants *constants,
                     const int8_t *const *rows, int8_t *output) {
  const int32_t depth = window->input_channels / window->groups;
  const int32_t outputs = window->output_channels / window->groups;  // of a group
  const int32_t size = window->kernel_height * window->kernel_width * depth;
  const sf_columns whole = sf_whole_columns(window);
  for (int32_t group = 0; group < window->groups; ++group) {
    for (int32_t first = 0; first < outputs; first += 2) {
      pair channels;
      channels.input = group * depth;
      for (int32_t i = 0; i < 2; ++i) {
        const int32_t channel = group * outputs + (first + i < outputs ? first + i : first);
        channels.weights[i] = constants->codes + channel * size;
        channels.bias[i] = constants->bias[channel];
        channels.factor[i] = sf_channel_factor(constants, channel);
        channels.output[i] = output + channel;
      }
      for (int32_t x = 0, pixels; x < window->output_width; x += pixels) {
        pixels = sf_pixels_alike(whole, x);
        convolve_pixels(window, rows, &channels, x, pixels);
      }
    }
  }
}

#endif  // SF_SIMD128
