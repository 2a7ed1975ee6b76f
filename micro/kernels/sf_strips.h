// Strips of a map's columns, as depthwise convolutions multiply them two products at a time: the
// codes under the window are put into words once, those of two rows of a column into one word, and
// with an odd number of rows the last one alone. Weights lie in the same way, so that a window is
// one run of words.
#ifndef SF_STRIPS_H_
#define SF_STRIPS_H_

#include <stddef.h>

#include "sf_kernels.h"
#include "sf_platform.h"
#include "sf_rounding.h"
#include "sf_two_products.h"

enum {
  SF_STRIP_CHANNELS = 4,  // side by side in a strip
  SF_STRIP_WORDS = 28,    // of a channel's strip, or weights: 12 pixels of 3x3
  SF_STRIP_PIXELS = 16    // made of a strip
};

typedef struct {
  const sf_window *window;
  int32_t column;     // its words
  int32_t pixels;     // made of a strip
  int32_t is_3x3;     // without dilation
  uint32_t rounding;  // SF_TO_UPPER_HALF
} sf_strips;

static inline sf_strips sf_strips_of(const sf_window *window) {
  const int32_t column = (window->kernel_height + 1) / 2;
  const int32_t way = SF_STRIP_WORDS / column - (window->kernel_width - 1) * window->dilation - 1;
  const int32_t pixels = way < 0 ? 0 : sf_clamp(way / window->stride + 1, 1, SF_STRIP_PIXELS);
  const int is_3x3 =
      window->kernel_height == 3 && window->kernel_width == 3 && window->dilation == 1;
  return (sf_strips){window, column, pixels, is_3x3, (uint32_t)SF_TO_UPPER_HALF};
}

// --- Words. Each function makes one word of each column and channel; a channel's are
// SF_STRIP_WORDS apart from those of the next.

// Codes of four channels in a row, column by column; or always the same ones.
typedef struct {
  const int8_t *codes;
  int32_t step;
} sf_four;

static inline void sf_pack_pairs(sf_four lower, sf_four upper, int32_t columns, int32_t column,
                                 uint32_t *to) {
  const int8_t *a = lower.codes, *b = upper.codes;
  for (const uint32_t *end = to + columns * column; to != end; to += column) {
    to[0] = sf_word_of(a[0], b[0]);
    to[SF_STRIP_WORDS] = sf_word_of(a[1], b[1]);
    to[2 * SF_STRIP_WORDS] = sf_word_of(a[2], b[2]);
    to[3 * SF_STRIP_WORDS] = sf_word_of(a[3], b[3]);
    a += lower.step, b += upper.step;
  }
}

static inline void sf_pack_single(sf_four codes, int32_t columns, int32_t column, uint32_t *to) {
  const int8_t *a = codes.codes;
  for (const uint32_t *end = to + columns * column; to != end; to += column, a += codes.step) {
    to[0] = (uint32_t)a[0], to[SF_STRIP_WORDS] = (uint32_t)a[1];
    to[2 * SF_STRIP_WORDS] = (uint32_t)a[2], to[3 * SF_STRIP_WORDS] = (uint32_t)a[3];
  }
}

// Some columns of the rows, which are NULL in the padding, from position `at` on.
static inline void sf_pack_columns(const sf_strips *of, const int8_t *const *rows, int32_t at,
                                   int32_t columns, uint32_t *to) {
  const int32_t channels = of->window->input_channels, height = of->window->kernel_height;
  const uint32_t zero_points = ((uint32_t)of->window->input_zero_point & 0xff) * 0x1010101;
  const sf_four padding = {(const int8_t *)&zero_points, 0};
  for (int32_t y = 0; y < height; y += 2, ++to) {
    const int8_t *first = rows[y], *second = y + 1 < height ? rows[y + 1] : NULL;
    const sf_four lower = first == NULL ? padding : (sf_four){first + at, channels};
    const sf_four upper = second == NULL ? padding : (sf_four){second + at, channels};
    if (y + 1 < height) {
      sf_pack_pairs(lower, upper, columns, of->column, to);
    } else {
      sf_pack_single(lower, columns, of->column, to);
    }
  }
}

static inline void sf_pack_padding(const sf_strips *of, int32_t columns, uint32_t *to) {
  const int32_t zero_point = of->window->input_zero_point;
  const uint32_t pair = sf_word_of(zero_point, zero_point);
  for (const uint32_t *end = to + columns * of->column; to != end; to += of->column) {
    for (int32_t i = 0; i < of->column; ++i) {
      const uint32_t word = i < of->window->kernel_height / 2 ? pair : (uint32_t)zero_point;
      to[i] = to[SF_STRIP_WORDS + i] = to[2 * SF_STRIP_WORDS + i] = to[3 * SF_STRIP_WORDS + i] =
          word;
    }
  }
}

// The columns from `x` on, some of which may lie in the padding.
static inline void sf_pack_strip(const sf_strips *of, const int8_t *const *rows, int32_t channel,
                                 int32_t x, int32_t columns, uint32_t *to) {
  const sf_window *window = of->window;
  const int32_t begin = sf_clamp(-x, 0, columns);
  const int32_t end = sf_clamp(window->input_width - x, begin, columns);
  const int32_t at = (x + begin) * window->input_channels + channel;
  sf_pack_padding(of, begin, to);
  sf_pack_columns(of, rows, at, end - begin, to + begin * of->column);
  sf_pack_padding(of, columns - end, to + end * of->column);
}

// --- Products

// The sums of a channel's windows: of 3x3, and of any size.
SF_OUTLINED void sf_add_six_words(const sf_strips *of, const uint32_t *values, int32_t pixels,
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

SF_OUTLINED void sf_add_words(const sf_strips *of, const uint32_t *values, int32_t pixels,
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

static inline void sf_add_strip(const sf_strips *of, const uint32_t *values, int32_t pixels,
                                const uint32_t *weights, uint32_t start, uint32_t *sums) {
  if (of->is_3x3) {
    sf_add_six_words(of, values, pixels, weights, start, sums);
  } else {
    sf_add_words(of, values, pixels, weights, start, sums);
  }
}

// What is added to a channel's sums, whose weights lie `step` apart. Each two products add 1 too
// little.
static inline uint32_t sf_start_of_strip(const sf_strips *of, int32_t bias, const int8_t *weights,
                                         int32_t step) {
  const sf_window *window = of->window;
  const int32_t taps = window->kernel_height * window->kernel_width;
  int32_t sum = 0;
  if (window->input_zero_point != 0) {
    for (int32_t i = 0; i < taps; ++i, weights += step) sum += *weights;
  }
  return (uint32_t)bias + (uint32_t)(window->kernel_width * (window->kernel_height / 2)) -
         (uint32_t)window->input_zero_point * (uint32_t)sum;
}

// The columns that a strip of some pixels has.
static inline int32_t sf_strip_columns(const sf_window *window, int32_t pixels) {
  return (pixels - 1) * window->stride + (window->kernel_width - 1) * window->dilation + 1;
}

#endif  // SF_STRIPS_H_
