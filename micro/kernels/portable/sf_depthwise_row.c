// Works on four channels of a strip of columns at a time. The codes under the window are put into
// words once, those of two rows of a column into one word, and with an odd number of rows the last
// one alone. Weights lie in the same way, so that a window is one run of words.
#include "sf_kernel_set.h"
#include "sf_rows_avx.h"
#include "sf_rows_dsp.h"
#include "sf_sums.h"
#include "sf_two_products.h"
#include "sf_window.h"

#if !SF_MVE && !SF_SIMD128  // else sf_depthwise_row_mve.c, sf_depthwise_row_simd.c

enum {
  CHANNELS = 4,
  WORDS = 28,   // of a channel's strip, or weights: 12 pixels of 3x3
  PIXELS = 16,  // made of a strip
  NARROW = 4,   // columns of the map times those of the window
  NARROW_DSP = 2
};

typedef struct {
  const sf_window *window;
  int32_t column;     // its words
  int32_t pixels;     // made of a strip
  uint32_t rounding;  // SF_TO_UPPER_HALF
} strips;

static strips strips_of(const sf_window *window) {
  const int32_t column = (window->kernel_height + 1) / 2;
  const int32_t way = WORDS / column - (window->kernel_width - 1) * window->dilation - 1;
  const int32_t pixels = way < 0 ? 0 : sf_clamp(way / window->stride + 1, 1, PIXELS);
  return (strips){window, column, pixels, (uint32_t)SF_TO_UPPER_HALF};
}

// --- Words. Each function makes one word of each column and channel; a channel's are WORDS apart
// from those of the next.

// Codes of four channels in a row, column by column; or always the same ones.
typedef struct {
  const int8_t *codes;
  int32_t step;
} four_codes;

static void pack_pairs(four_codes lower, four_codes upper, int32_t columns, int32_t column,
                       uint32_t *to) {
  const int8_t *a = lower.codes, *b = upper.codes;
  for (const uint32_t *end = to + columns * column; to != end; to += column) {
    to[0] = sf_word_of(a[0], b[0]), to[WORDS] = sf_word_of(a[1], b[1]);
    to[2 * WORDS] = sf_word_of(a[2], b[2]), to[3 * WORDS] = sf_word_of(a[3], b[3]);
    a += lower.step, b += upper.step;
  }
}

static void pack_single(four_codes codes, int32_t columns, int32_t column, uint32_t *to) {
  const int8_t *a = codes.codes;
  for (const uint32_t *end = to + columns * column; to != end; to += column, a += codes.step) {
    to[0] = (uint32_t)a[0], to[WORDS] = (uint32_t)a[1];
    to[2 * WORDS] = (uint32_t)a[2], to[3 * WORDS] = (uint32_t)a[3];
  }
}

// Some columns of the rows, which are NULL in the padding, from position `at` on.
static void pack_columns(const strips *of, const int8_t *const *rows, int32_t at, int32_t columns,
                         uint32_t *to) {
  const int32_t channels = of->window->input_channels, height = of->window->kernel_height;
  const uint32_t zero_points = ((uint32_t)of->window->input_zero_point & 0xff) * 0x1010101;
  const four_codes padding = {(const int8_t *)&zero_points, 0};
  for (int32_t y = 0; y < height; y += 2, ++to) {
    const int8_t *first = rows[y], *second = y + 1 < height ? rows[y + 1] : NULL;
    const four_codes lower = first == NULL ? padding : (four_codes){first + at, channels};
    const four_codes upper = second == NULL ? padding : (four_codes){second + at, channels};
    if (y + 1 < height) {
      pack_pairs(lower, upper, columns, of->column, to);
    } else {
      pack_single(lower, columns, of->column, to);
    }
  }
}

static void pack_padding(const strips *of, int32_t columns, uint32_t *to) {
  const int32_t zero_point = of->window->input_zero_point;
  const uint32_t pair = sf_word_of(zero_point, zero_point);
  for (const uint32_t *end = to + columns * of->column; to != end; to += of->column) {
    for (int32_t i = 0; i < of->column; ++i) {
      const uint32_t word = i < of->window->kernel_height / 2 ? pair : (uint32_t)zero_point;
      to[i] = to[WORDS + i] = to[2 * WORDS + i] = to[3 * WORDS + i] = word;
    }
  }
}

// The columns from `x` on, some of which may lie in the padding.
static void pack_strip(const strips *of, const int8_t *const *rows, int32_t channel, int32_t x,
                       int32_t columns, uint32_t *to) {
  const sf_window *window = of->window;
  const int32_t begin = sf_clamp(-x, 0, columns);
  const int32_t end = sf_clamp(window->input_width - x, begin, columns);
  const int32_t at = (x + begin) * window->input_channels + channel;
  pack_padding(of, begin, to);
  pack_columns(of, rows, at, end - begin, to + begin * of->column);
  pack_padding(of, columns - end, to + end * of->column);
}

static void pack_weights(const strips *of, const int8_t *weights, uint32_t *to) {
  const int32_t height = of->window->kernel_height, width = of->window->kernel_width;
  const int32_t channels = of->window->input_channels, row = width * channels;
  for (int32_t y = 0; y < height; y += 2, ++to, weights += 2 * row) {
    const four_codes first = {weights, channels};
    if (y + 1 < height) {
      pack_pairs((four_codes){weights + row, channels}, first, width, of->column, to);
    } else {
      pack_single(first, width, of->column, to);
    }
  }
}

// --- Products

// Windows of 3x3.
static void add_six_words(const strips *of, const uint32_t *values, int32_t pixels,
                          const uint32_t *weights, uint32_t start, uint32_t *sums) {
  const uint32_t weight0 = weights[0], weight1 = weights[1], weight2 = weights[2];
  const uint32_t weight3 = weights[3], weight4 = weights[4], weight5 = weights[5];
  const uint32_t rounding = of->rounding;
  const int32_t apart = of->window->stride * 2;
  for (const uint32_t *end = sums + pixels; sums != end; values += apart) {
    uint32_t sum = sf_add_two(start, values[0], weight0, rounding) + values[1] * weight1;
    sum = sf_add_two(sum, values[2], weight2, rounding) + values[3] * weight3;
    *sums++ = sf_add_two(sum, values[4], weight4, rounding) + values[5] * weight5;
  }
}

static void add_words(const strips *of, const uint32_t *values, int32_t pixels,
                      const uint32_t *weights, uint32_t start, uint32_t *sums) {
  const sf_window *window = of->window;
  const int32_t apart = window->stride * of->column, skip = (window->dilation - 1) * of->column;
  for (; pixels > 0; --pixels, values += apart) {
    const uint32_t *value = values, *weight = weights;
    uint32_t sum = start;
    for (int32_t x = window->kernel_width; x > 0; --x, value += skip) {
      for (int32_t pairs = window->kernel_height / 2; pairs > 0; --pairs) {
        sum = sf_add_two(sum, *value++, *weight++, of->rounding);
      }
      if (window->kernel_height % 2 != 0) sum += *value++ * *weight++;
    }
    *sums++ = sum;
  }
}

// --- Rows

// Each two products add 1 too little.
static uint32_t start_of(const strips *of, const sf_constants *constants, int32_t channel) {
  const sf_window *window = of->window;
  const int32_t taps = window->kernel_height * window->kernel_width;
  const int8_t *weight = constants->codes + channel;
  int32_t sum = 0;
  if (window->input_zero_point != 0) {
    for (int32_t i = 0; i < taps; ++i, weight += window->input_channels) sum += *weight;
  }
  return (uint32_t)constants->bias[channel] +
         (uint32_t)(window->kernel_width * (window->kernel_height / 2)) -
         (uint32_t)window->input_zero_point * (uint32_t)sum;
}

static void convolve_channels(const strips *of, const sf_constants *constants,
                              const int8_t *const *rows, int32_t channel, int8_t *output) {
  const sf_window *window = of->window;
  const int32_t extent = (window->kernel_width - 1) * window->dilation + 1;
  const int is_3x3 =
      window->kernel_height == 3 && window->kernel_width == 3 && window->dilation == 1;
  uint32_t weights[CHANNELS * WORDS], strip[CHANNELS * WORDS], starts[CHANNELS];
  uint32_t sums[CHANNELS * PIXELS];
  pack_weights(of, constants->codes + channel, weights);
  for (int32_t i = 0; i < CHANNELS; ++i) starts[i] = start_of(of, constants, channel + i);
  for (int32_t x = 0, pixels; x < window->output_width; x += pixels) {
    pixels = sf_clamp(window->output_width - x, 1, of->pixels);
    pack_strip(of, rows, channel, x * window->stride - window->left,
               (pixels - 1) * window->stride + extent, strip);
    for (int32_t i = 0; i < CHANNELS; ++i) {
      (is_3x3 ? add_six_words : add_words)(of, strip + WORDS * i, pixels, weights + WORDS * i,
                                           starts[i], sums + PIXELS * i);
    }
    sf_store_channels(window, constants, channel, CHANNELS, pixels, PIXELS, sums,
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
    const uint32_t sums[CHANNELS] = {sum0, sum1, sum2, sum3};
    sf_store_channels(window, constants, channel, CHANNELS, 1, 1, sums,
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
  const strips of = strips_of(window);
  if (channels < CHANNELS || (of.pixels == 0 && !is_narrow)) {
    for (int32_t i = 0; i < channels; ++i) convolve_slowly(window, constants, rows, i, output);
    return;
  }
  for (int32_t channel = 0; channel < channels; channel += CHANNELS) {
    // The last four channels are made again in part.
    const int32_t first = channel < channels - CHANNELS ? channel : channels - CHANNELS;
    if (is_narrow) {
      convolve_narrow(window, constants, rows, first, output);
    } else {
      convolve_channels(&of, constants, rows, first, output);
    }
  }
}

#endif  // !SF_MVE && !SF_SIMD128
