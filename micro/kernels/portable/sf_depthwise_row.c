// Works on four channels of a strip of columns at a time (sf_strips.h).
#include "sf_kernel_set.h"
#include "sf_rows_avx.h"
#include "sf_rows_dsp.h"
#include "sf_strips.h"
#include "sf_sums.h"
#include "sf_window.h"

#if !SF_MVE && !SF_SIMD128  // else sf_depthwise_row_mve.c, sf_depthwise_row_simd.c

enum {
  NARROW = 4,  // columns of the map times those of the window
  NARROW_DSP = 2
};

static void pack_weights(const sf_strips *of, const int8_t *weights, uint32_t *to) {
  const int32_t height = of->window->kernel_height, width = of->window->kernel_width;
  const int32_t channels = of->window->input_channels, row = width * channels;
  for (int32_t y = 0; y < height; y += 2, ++to, weights += 2 * row) {
    const sf_four first = {weights, channels};
    if (y + 1 < height) {
      sf_pack_pairs((sf_four){weights + row, channels}, first, width, of->column, to);
    } else {
      sf_pack_single(first, width, of->column, to);
    }
  }
}

// --- Rows

static void convolve_channels(const sf_strips *of, const sf_constants *constants,
                              const int8_t *const *rows, int32_t channel, int8_t *output) {
  const sf_window *window = of->window;
  const int8_t *codes = constants->codes + channel;
  uint32_t weights[SF_STRIP_CHANNELS * SF_STRIP_WORDS], strip[SF_STRIP_CHANNELS * SF_STRIP_WORDS];
  uint32_t starts[SF_STRIP_CHANNELS], sums[SF_STRIP_CHANNELS * SF_STRIP_PIXELS];
  pack_weights(of, codes, weights);
  for (int32_t i = 0; i < SF_STRIP_CHANNELS; ++i) {
    starts[i] =
        sf_start_of_strip(of, constants->bias[channel + i], codes + i, window->input_channels);
  }
  for (int32_t x = 0, pixels; x < window->output_width; x += pixels) {
    pixels = sf_clamp(window->output_width - x, 1, of->pixels);
    sf_pack_strip(of, rows, channel, x * window->stride - window->left,
                  sf_strip_columns(window, pixels), strip);
    for (int32_t i = 0; i < SF_STRIP_CHANNELS; ++i) {
      sf_add_strip(of, strip + SF_STRIP_WORDS * i, pixels, weights + SF_STRIP_WORDS * i, starts[i],
                   sums + SF_STRIP_PIXELS * i);
    }
    sf_store_channels(window, constants, channel, SF_STRIP_CHANNELS, pixels, SF_STRIP_PIXELS, sums,
                      output + x * window->output_channels + channel);
  }
}

// Four channels from where they are: for a map of so few columns that to make words takes longer
// than to multiply.
static void convolve_narrow(const sf_window *window, const sf_constants *constants,
                            const int8_t *const *rows, int32_t channel, int8_t *output) {
  const int32_t channels = window->input_channels, step = window->dilation * channels;
  const int32_t zero_point = window->input_zero_point, *bias = constants->bias + channel;
  const int32_t pitch = window->kernel_width * channels;
  for (int32_t x = 0; x < window->output_width; ++x) {
    const sf_taps taps = sf_taps_at(window, x);
    uint32_t sum0 = (uint32_t)bias[0], sum1 = (uint32_t)bias[1];
    uint32_t sum2 = (uint32_t)bias[2], sum3 = (uint32_t)bias[3];
    const int32_t at = taps.column * channels + taps.first * step + channel;
    const int8_t *weights = constants->codes + taps.first * channels + channel;
    for (int32_t y = 0; y < window->kernel_height; ++y, weights += pitch) {
      const int8_t *row = rows[y], *weight = weights;
      if (row == NULL) continue;
      const int8_t *value = row + at;
      for (int32_t left = taps.end - taps.first; left > 0; --left) {
        sum0 += (uint32_t)((value[0] - zero_point) * weight[0]);
        sum1 += (uint32_t)((value[1] - zero_point) * weight[1]);
        sum2 += (uint32_t)((value[2] - zero_point) * weight[2]);
        sum3 += (uint32_t)((value[3] - zero_point) * weight[3]);
        value += step, weight += channels;
      }
    }
    const uint32_t sums[SF_STRIP_CHANNELS] = {sum0, sum1, sum2, sum3};
    sf_store_channels(window, constants, channel, SF_STRIP_CHANNELS, 1, 1, sums,
                      output + x * channels + channel);
  }
}

// A window of any size, value by value.
static void convolve_slowly(const sf_window *window, const sf_constants *constants,
                            const int8_t *const *rows, int32_t channel, int8_t *output) {
  const int32_t channels = window->input_channels, step = window->dilation * channels;
  const sf_factor factor = sf_channel_factor(constants, channel);
  for (int32_t x = 0; x < window->output_width; ++x) {
    const sf_taps taps = sf_taps_at(window, x);
    const int32_t at = taps.column * channels + channel;
    const int8_t *weights = constants->codes + channel;
    uint32_t sum =
        sf_start_of_sum(window, rows, taps, constants->bias[channel], weights, 1, channels);
    for (int32_t y = 0; y < window->kernel_height; ++y) {
      for (int32_t i = taps.first; i < taps.end && rows[y] != NULL; ++i) {
        const int32_t tap = y * window->kernel_width + i;
        sum += (uint32_t)(rows[y][at + i * step] * weights[tap * channels]);
      }
    }
    sf_store_codes(window, factor, 1, 1, &sum, output + x * channels + channel);
  }
}

void sf_depthwise_row(const sf_window *window, const sf_constants *constants,
                      const int8_t *const *rows, int8_t *output) {
  const int32_t channels = window->output_channels;
  const int32_t columns = window->output_width * window->kernel_width;
  const int is_narrow = columns <= NARROW;
  if (columns > NARROW_DSP && sf_depthwise_row_dsp(window, constants, rows, output)) return;
  if (sf_depthwise_row_avx(window, constants, rows, output)) return;
  const sf_strips of = sf_strips_of(window);
  if (channels < SF_STRIP_CHANNELS || (of.pixels == 0 && !is_narrow)) {
    for (int32_t i = 0; i < channels; ++i) convolve_slowly(window, constants, rows, i, output);
    return;
  }
  for (int32_t channel = 0; channel < channels; channel += SF_STRIP_CHANNELS) {
    // The last four channels are made again in part.
    const int32_t first =
        channel < channels - SF_STRIP_CHANNELS ? channel : channels - SF_STRIP_CHANNELS;
    if (is_narrow) {
      convolve_narrow(window, constants, rows, first, output);
    } else {
      convolve_channels(&of, constants, rows, first, output);
    }
  }
}

#endif  // !SF_MVE && !SF_SIMD128
