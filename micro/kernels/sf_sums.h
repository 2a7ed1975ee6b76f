// How the sums of a convolution's output channel begin, and how they become codes. Sums are
// unsigned, so that they may wrap around as registers do: also a network with absurd weights then
// agrees everywhere.
#ifndef SF_SUMS_H_
#define SF_SUMS_H_

#include <stddef.h>

#include "sf_kernels.h"
#include "sf_rounding.h"
#include "sf_window.h"

// The factor of an output channel, from either of the two forms of sf_constants.
static inline sf_factor sf_channel_factor(const sf_constants *constants, int32_t channel) {
  const int32_t word = constants->factors[channel];
  if (constants->shifts != NULL) return (sf_factor){word, constants->shifts[channel]};
  return (sf_factor){word & ~127, (word & 127) - 64};
}

// Where a sum of products begins: the bias, less what the zero point adds to the products, so that
// they are of plain codes. Each tap has `depth` weights; those of the next tap lie `pitch` further.
static inline uint32_t sf_start_of_sum(const sf_window *window, const int8_t *const *rows,
                                       sf_taps taps, int32_t bias, const int8_t *weights,
                                       int32_t depth, int32_t pitch) {
  int32_t sum_of_weights = 0;
  if (window->input_zero_point == 0) return (uint32_t)bias;
  for (int32_t y = 0; y < window->kernel_height; ++y) {
    if (rows[y] == NULL) continue;
    for (int32_t x = taps.first; x < taps.end; ++x) {
      const int8_t *tap = weights + (y * window->kernel_width + x) * pitch;
      for (int32_t i = 0; i < depth; ++i) sum_of_weights += tap[i];
    }
  }
  return (uint32_t)bias - (uint32_t)window->input_zero_point * (uint32_t)sum_of_weights;
}

// The codes of a channel for some pixels. sums lie `apart` from each other, codes output_channels.
void sf_store_codes(const sf_window *window, sf_factor factor, int32_t pixels, int32_t apart,
                    const uint32_t *sums, int8_t *output);
// Those of `count` channels from `channel` on. A channel's sums are neighbours, the next channel's
// begin `pitch` further.
void sf_store_channels(const sf_window *window, const sf_constants *constants, int32_t channel,
                       int32_t count, int32_t pixels, int32_t pitch, const uint32_t *sums,
                       int8_t *output);

#endif  // SF_SUMS_H_
