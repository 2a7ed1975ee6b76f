// Any processor: the layout of widened weights is for those with the DSP extension, to others it is
// nothing but larger. A code at a time.
#include "sf_kernel_set.h"
#include "sf_source.h"
#include "sf_sums.h"

#if !SF_DSP  // else sf_convolve_widened_row_dsp.c

// Of a channel.
static int32_t weight(const uint32_t *words, int32_t i) {
  const uint32_t word = words[i / 4 * 2 + i % 2];
  return (int16_t)(i % 4 < 2 ? word : word >> 16);
}

static uint32_t sum_of(const sf_source *from, int32_t x, uint32_t sum, const uint32_t *weights) {
  const sf_window *window = from->window;
  const int32_t channels = window->input_channels, row_end = window->input_width * channels;
  const int32_t first = (x * window->stride - window->left) * channels + from->channel;
  int32_t i = 0;
  for (int32_t y = 0; y < window->kernel_height; ++y) {
    int32_t begin = first;
    for (int32_t run = from->runs; run > 0; --run, begin += from->step) {
      for (int32_t at = begin; at < begin + from->length; ++at, ++i) {
        if (from->rows[y] == NULL || at < 0 || at >= row_end) continue;  // padding
        const int32_t value = from->rows[y][at] - window->input_zero_point;
        sum += (uint32_t)(value * weight(weights, i));
      }
    }
  }
  return sum;
}

void sf_convolve_widened_row(const sf_window *window, const sf_constants *constants,
                             const int8_t *const *rows, int8_t *output) {
  const int32_t channels = window->output_channels / window->groups;  // of a group
  for (int32_t channel = 0; channel < window->output_channels; ++channel) {
    const sf_source from = sf_source_of(window, rows, channel / channels);
    const uint32_t *words = (const uint32_t *)(const void *)constants->codes;
    words += channel * ((from.size + 3) / 4 * 2);
    const uint32_t start = (uint32_t)constants->bias[channel];
    const sf_factor factor = sf_channel_factor(constants, channel);
    for (int32_t x = 0; x < window->output_width; ++x) {
      const uint32_t sum = sum_of(&from, x, start, words);
      sf_store_codes(window, factor, 1, 1, &sum, output + x * window->output_channels + channel);
    }
  }
}

#endif  // !SF_DSP
