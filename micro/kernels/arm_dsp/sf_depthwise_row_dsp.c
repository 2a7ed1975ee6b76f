// Works on four channels of a strip of columns at a time. The codes under the window are widened to
// int16 once, less the zero point, so that padding is zeros. Of two rows, a column gives four
// words, each a pair of one channel; the last of an odd number of rows gives it two words, each a
// pair of channels. Weights lie in the same way, so that a window is one run of words.
#include "sf_rows_dsp.h"
#include "sf_scale_dsp.h"
#include "sf_sums.h"

#if SF_DSP

enum {
  CHANNELS = 4,
  MOST_ROWS = 8,  // of the kernel
  WORDS = 256     // of the weights and, behind them, of the strip
};

typedef struct {
  const sf_window *window;
  int32_t column;  // its words
  int32_t pixels;  // made of a strip
} strips;

static strips strips_of(const sf_window *window) {
  const int32_t column = 2 * window->kernel_height;
  const int32_t columns = WORDS / column - window->kernel_width;
  const int32_t way = columns - (window->kernel_width - 1) * window->dilation - 1;
  return (strips){window, column, way < 0 ? 0 : way / window->stride + 1};
}

// --- Widening

// Codes of four channels in a row, column by column; or always the same ones.
typedef struct {
  const int8_t *codes;
  int32_t step;
} four_codes;

SF_INLINED void widen_rows(int count, four_codes upper, four_codes lower, uint32_t offsets,
                           int32_t column, uint32_t *to, const uint32_t *end) {
  for (; to != end; to += column, upper.codes += upper.step, lower.codes += lower.step) {
    const uint32_t codes0 = sf_four_codes(upper.codes);
    const uint32_t even0 = sf_even_codes(offsets, codes0), odd0 = sf_odd_codes(offsets, codes0);
    if (count == 1) {
      sf_store_two(even0, odd0, to);
      continue;
    }
    const uint32_t codes1 = sf_four_codes(lower.codes);
    const uint32_t even1 = sf_even_codes(offsets, codes1), odd1 = sf_odd_codes(offsets, codes1);
    uint32_t *next = sf_store_two(sf_lower_halves(even0, even1), sf_lower_halves(odd0, odd1), to);
    sf_store_two(sf_upper_halves(even0, even1), sf_upper_halves(odd0, odd1), next);
  }
}

// Some columns of the rows, which are NULL in the padding, from position `at` on.
static void widen_columns(const strips *of, const int8_t *const *rows, int32_t at,
                          int32_t zero_point, int32_t columns, uint32_t *to) {
  const int32_t channels = of->window->input_channels, height = of->window->kernel_height;
  const uint32_t offsets = sf_offsets(zero_point);
  const uint32_t zeros = ((uint32_t)zero_point & 0xff) * 0x1010101;
  const four_codes padding = {(const int8_t *)&zeros, 0};
  for (int32_t y = 0; y < height; y += 2, to += CHANNELS) {
    const uint32_t *end = to + columns * of->column;
    const int8_t *upper = rows[y], *lower = y + 1 < height ? rows[y + 1] : NULL;
    const four_codes first = upper == NULL ? padding : (four_codes){upper + at, channels};
    const four_codes second = lower == NULL ? padding : (four_codes){lower + at, channels};
    if (y + 1 < height) {
      widen_rows(2, first, second, offsets, of->column, to, end);
    } else {
      widen_rows(1, first, second, offsets, of->column, to, end);
    }
  }
}

// An even number of words.
static void clear(int32_t count, uint32_t *words) {
  for (; count > 0; count -= 2) words = sf_store_two(0, 0, words);
}

// The columns from `x` on, some of which may lie in the padding.
static void widen_strip(const strips *of, const int8_t *const *rows, int32_t channel, int32_t x,
                        int32_t columns, uint32_t *to) {
  const sf_window *window = of->window;
  const int32_t begin = sf_clamp(-x, 0, columns);
  const int32_t end = sf_clamp(window->input_width - x, begin, columns);
  const int32_t at = (x + begin) * window->input_channels + channel;
  clear(begin * of->column, to);
  widen_columns(of, rows, at, window->input_zero_point, end - begin, to + begin * of->column);
  clear((columns - end) * of->column, to + end * of->column);
}

// --- Products

// Adds the products of a column of `height` values and as many weights of each channel. Returns
// what follows on the values; *weights become what follows on the weights.
SF_INLINED const uint32_t *add_column(int32_t height, const uint32_t *values,
                                      const uint32_t **weights, uint32_t sums[CHANNELS]) {
  uint32_t value[4], weight[4];
  for (; height > 1; height -= 2) {
    values = sf_load_four(values, value);
    *weights = sf_load_two(sf_load_two(*weights, weight), weight + 2);
    sums[0] = sf_add_both(sums[0], value[0], weight[0]);
    sums[1] = sf_add_both(sums[1], value[1], weight[1]);
    sums[2] = sf_add_both(sums[2], value[2], weight[2]);
    sums[3] = sf_add_both(sums[3], value[3], weight[3]);
  }
  if (height > 0) {
    values = sf_load_two(values, value);
    *weights = sf_load_two(*weights, weight);
    sums[0] = sf_add_lower(sums[0], value[0], weight[0]);
    sums[1] = sf_add_lower(sums[1], value[1], weight[1]);
    sums[2] = sf_add_upper(sums[2], value[0], weight[0]);
    sums[3] = sf_add_upper(sums[3], value[1], weight[1]);
  }
  return values;
}

// --- Rows

// How the sums of four channels begin and become codes.
typedef struct {
  const sf_constants *constants;
  int32_t channel;  // the first
  int32_t bias[CHANNELS];
  sf_scale scales[CHANNELS];
  sf_range range;  // SF_OTHER_RANGE also if a factor has no sf_scale
} coding;

static void set_coding(const sf_window *window, const sf_constants *constants, int32_t channel,
                       coding *to) {
  int32_t usual = -1;
  for (int32_t i = 0; i < CHANNELS; ++i) {
    int32_t shift;
    usual &= sf_unpack_scale(constants, channel + i, &to->scales[i], &shift);
    to->bias[i] = constants->bias[channel + i];
  }
  to->constants = constants;
  to->channel = channel;
  to->range = SF_OTHER_RANGE;
  if (usual < 0) {
    to->range = sf_range_of(window->minimum, window->maximum, window->output_zero_point);
  }
}

// Returns what follows on the scale.
SF_INLINED const uint32_t *store_code(sf_range range, const uint32_t *scale, int32_t zero_point,
                                      uint32_t sum, int8_t *output) {
  uint32_t words[2];
  scale = sf_load_two(scale, words);
  const sf_scale by = {(int32_t)words[0], (int32_t)words[1]};
  *output = (int8_t)sf_code_of_sum(range, by, zero_point, sum);
  return scale;
}

SF_INLINED void store(sf_range range, const coding *by, int32_t zero_point, const uint32_t *sums,
                      int8_t *output) {
  const uint32_t *scale = (const uint32_t *)&by->scales[0].multiplier;
  scale = store_code(range, scale, zero_point, sums[0], output);
  scale = store_code(range, scale, zero_point, sums[1], output + 1);
  scale = store_code(range, scale, zero_point, sums[2], output + 2);
  store_code(range, scale, zero_point, sums[3], output + 3);
}

// With any factors and clamp.
SF_OUTLINED void store_slowly(const sf_window *window, const coding *by, uint32_t sum0,
                              uint32_t sum1, uint32_t sum2, uint32_t sum3, int8_t *output) {
  const uint32_t sums[CHANNELS] = {sum0, sum1, sum2, sum3};
  for (int32_t i = 0; i < CHANNELS; ++i) {
    const sf_factor factor = sf_channel_factor(by->constants, by->channel + i);
    sf_store_codes(window, factor, 1, 1, sums + i, output + i);
  }
}

// The pixels of a strip.
SF_OUTLINED void convolve(const strips *of, const coding *by, const uint32_t *weights,
                          const uint32_t *values, int32_t pixels, int8_t *output) {
  const sf_window *window = of->window;
  const int32_t channels = window->output_channels, step = window->stride * of->column;
  const int32_t skipped = (window->dilation - 1) * of->column;
  const int32_t zero_point = window->output_zero_point;
  const sf_range range = by->range;
  for (; pixels > 0; --pixels, values += step, output += channels) {
    uint32_t sums[CHANNELS] = {(uint32_t)by->bias[0], (uint32_t)by->bias[1], (uint32_t)by->bias[2],
                               (uint32_t)by->bias[3]};
    const uint32_t *next = values, *weight = weights;
    for (int32_t left = window->kernel_width; left > 0; --left) {
      next = add_column(window->kernel_height, next, &weight, sums) + skipped;
    }
    if (range == SF_WHOLE_RANGE) {
      store(SF_WHOLE_RANGE, by, zero_point, sums, output);
    } else if (range == SF_FROM_LOWEST) {
      store(SF_FROM_LOWEST, by, zero_point, sums, output);
    } else if (range == SF_FROM_ZERO) {
      store(SF_FROM_ZERO, by, 0, sums, output);
    } else {
      store_slowly(window, by, sums[0], sums[1], sums[2], sums[3], output);
    }
  }
}

void sf_depthwise_channels_dsp(const sf_window *window, const sf_constants *constants,
                               const int8_t *const *rows, int32_t channel, int8_t *output) {
  const strips of = strips_of(window);
  const int32_t width = window->kernel_width, extent = (width - 1) * window->dilation + 1;
  const int8_t *kernel[MOST_ROWS];
  uint32_t weights[WORDS], *strip = weights + width * of.column;
  coding by;
  for (int32_t y = 0; y < window->kernel_height; ++y) {
    kernel[y] = constants->codes + y * width * window->output_channels;
  }
  set_coding(window, constants, channel, &by);
  widen_columns(&of, kernel, channel, 0, width, weights);
  for (int32_t x = 0, pixels; x < window->output_width; x += pixels) {
    pixels = window->output_width - x < of.pixels ? window->output_width - x : of.pixels;
    widen_strip(&of, rows, channel, x * window->stride - window->left,
                (pixels - 1) * window->stride + extent, strip);
    int8_t *to = output + x * window->output_channels + channel;
    convolve(&of, &by, weights, strip, pixels, to);
  }
}

int sf_depthwise_row_dsp(const sf_window *window, const sf_constants *constants,
                         const int8_t *const *rows, int8_t *output) {
  const int32_t channels = window->output_channels, height = window->kernel_height;
  if (height > MOST_ROWS || strips_of(window).pixels == 0 || channels < CHANNELS) return 0;
  if (height == 3 && window->kernel_width == 3 &&
      sf_depthwise_3x3_dsp(window, constants, rows, output)) {
    return 1;
  }
  for (int32_t channel = 0; channel < channels; channel += CHANNELS) {
    // The last four channels are made again in part.
    const int32_t first = channel < channels - CHANNELS ? channel : channels - CHANNELS;
    sf_depthwise_channels_dsp(window, constants, rows, first, output);
  }
  return 1;
}

#endif  // SF_DSP
