// Each four input channels are put into a strip once, which then serves all channels that are made
// of them (sf_strips.h).
#include "sf_kernel_set.h"
#include "sf_strips.h"
#include "sf_sums.h"

#if !SF_AVX && !SF_DSP && !SF_SIMD128

// Those of one output channel, which lie row by row.
static void pack_channel(const sf_strips *of, const int8_t *weights, uint32_t *to) {
  const int32_t height = of->window->kernel_height, width = of->window->kernel_width;
  for (int32_t y = 0; y < height; y += 2, weights += 2 * width) {
    for (int32_t x = 0; x < width; ++x) {
      to[x * of->column + y / 2] =
          y + 1 < height ? sf_word_of(weights[width + x], weights[x]) : (uint32_t)weights[x];
    }
  }
}

// The output channels of one input channel, of some pixels.
static void convolve_strip(const sf_strips *of, const sf_constants *constants, int32_t input,
                           int32_t pixels, const uint32_t *strip, int8_t *output) {
  const sf_window *window = of->window;
  const int32_t count = window->output_channels / window->input_channels, first = input * count;
  const int32_t size = window->kernel_height * window->kernel_width;
  uint32_t weights[SF_STRIP_WORDS], sums[SF_STRIP_PIXELS];
  for (int32_t channel = first; channel < first + count; ++channel) {
    const int8_t *codes = constants->codes + channel * size;
    pack_channel(of, codes, weights);
    sf_add_strip(of, strip, pixels, weights,
                 sf_start_of_strip(of, constants->bias[channel], codes, 1), sums);
    sf_store_codes(window, sf_channel_factor(constants, channel), pixels, 1, sums,
                   output + channel);
  }
}

static void convolve_row(const sf_strips *of, const sf_constants *constants,
                         const int8_t *const *rows, int8_t *output) {
  const sf_window *window = of->window;
  const int32_t channels = window->input_channels;
  uint32_t strip[SF_STRIP_CHANNELS * SF_STRIP_WORDS];
  for (int32_t channel = 0; channel < channels; channel += SF_STRIP_CHANNELS) {
    // The last four channels are made again in part.
    const int32_t last = channels - SF_STRIP_CHANNELS, first = channel < last ? channel : last;
    for (int32_t x = 0, pixels; x < window->output_width; x += pixels) {
      pixels = sf_clamp(window->output_width - x, 1, of->pixels);
      sf_pack_strip(of, rows, first, x * window->stride - window->left,
                    sf_strip_columns(window, pixels), strip);
      for (int32_t i = 0; i < SF_STRIP_CHANNELS; ++i) {
        convolve_strip(of, constants, first + i, pixels, strip + SF_STRIP_WORDS * i,
                       output + x * window->output_channels);
      }
    }
  }
}

void sf_multiplied_row(const sf_window *window, const sf_constants *constants,
                       const int8_t *const *rows, int8_t *output) {
  const sf_strips of = sf_strips_of(window);
  if (window->input_channels < SF_STRIP_CHANNELS || of.pixels == 0) {
    sf_convolve_row(window, constants, rows, output);
  } else {
    convolve_row(&of, constants, rows, output);
  }
}

#else

void sf_multiplied_row(const sf_window *window, const sf_constants *constants,
                       const int8_t *const *rows, int8_t *output) {
  sf_convolve_row(window, constants, rows, output);
}

#endif
