// Works on SF_LANES channels of a strip of columns at a time. Each column under the window becomes
// words of its codes, row below row, padding included; they serve all windows that they are in.
#include "sf_rows_avx.h"
#include "sf_scale_avx.h"
#include "sf_window.h"

#if SF_AVX

enum { ROOM = 256, MOST_WEIGHTS = 64 };  // vectors

typedef struct {
  const sf_window *window;
  int32_t words;   // of a column in a lane
  int32_t pixels;  // made of a strip
} strips;

static strips strips_of(const sf_window *window) {
  const int32_t words = (window->kernel_height + SF_VALUES - 1) / SF_VALUES;
  const int32_t way = ROOM / words - (window->kernel_width - 1) * window->dilation - 1;
  const int is_too_much = way < 0 || words * window->kernel_width > MOST_WEIGHTS;
  return (strips){window, words, is_too_much ? 0 : way / window->stride + 1};
}

// --- Columns

// Where codes of some channels lie: in rows, which are NULL in the padding.
typedef struct {
  const int8_t *const *rows;
  int32_t at, count, step;  // position in the rows, number of channels, from column to column
  sf_codes padding;
  sf_words offset;  // of each word
} columns;

SF_INLINED void collect_rows(int height, const columns *from, int32_t y, int32_t width,
                             int32_t apart, sf_words *to) {
  const int8_t *const *rows = from->rows + y;
  for (int32_t at = from->at; width > 0; --width, at += from->step, to += apart) {
    sf_words words = from->offset;
    SF_UNROLLED
    for (int i = 0; i < height; ++i) {
      const int8_t *row = rows[i];
      words ^= sf_as_parts((uint32_t)i,
                           row == NULL ? from->padding : sf_load_codes(from->count, row + at));
    }
    *to = words;
  }
}

// Words of `width` columns of `height` rows, column by column.
static void collect(const columns *from, int32_t height, int32_t width, sf_words *to) {
  const int32_t apart = (height + SF_VALUES - 1) / SF_VALUES;
  for (int32_t y = 0; y < height; y += SF_VALUES, ++to) {
    const int32_t left = height - y;
    if (left == 1) {
      collect_rows(1, from, y, width, apart, to);
    } else if (left == 2 || SF_VALUES == 2) {
      collect_rows(2, from, y, width, apart, to);
    } else if (left == 3) {
      collect_rows(3, from, y, width, apart, to);
    } else {
      collect_rows(4, from, y, width, apart, to);
    }
  }
}

// Those from column x on, some of which may lie in the padding.
static void collect_strip(const strips *of, columns *from, int32_t channel, int32_t x,
                          int32_t width, sf_words *to) {
  const sf_window *window = of->window;
  const int32_t begin = sf_clamp(-x, 0, width);
  const int32_t end = sf_clamp(window->input_width - x, begin, width);
  const sf_words padding =
      sf_all(sf_word_of_value((sf_value)(window->input_zero_point - SF_CODE_OFFSET)));
  for (int32_t i = 0; i < begin * of->words; ++i) to[i] = padding;
  from->at = (x + begin) * window->input_channels + channel;
  collect(from, window->kernel_height, end - begin, to + begin * of->words);
  for (int32_t i = end * of->words; i < width * of->words; ++i) to[i] = padding;
}

// --- Rows

// How the sums of some channels begin and become codes.
typedef struct {
  sf_words start;
  sf_factors factors;
  sf_coding coding;
  int32_t count;  // of the channels
} sums;

SF_INLINED void convolve(int is_3x3, const strips *of, const sums *by, const sf_words *weights,
                         const sf_words *values, int32_t pixels, int8_t *output) {
  const sf_window *window = of->window;
  const int32_t words = is_3x3 ? (3 + SF_VALUES - 1) / SF_VALUES : of->words;
  const int32_t width = is_3x3 ? 3 : window->kernel_width;
  const int32_t apart = is_3x3 ? words : window->dilation * words;
  const int32_t step = window->stride * words, channels = window->output_channels;
  const sums copy = *by;
  for (; pixels > 0; --pixels, values += step, output += channels) {
    sf_words sum = copy.start;
    for (int32_t x = 0; x < width; ++x) {
      for (int32_t i = 0; i < words; ++i) {
        sum = sf_add_word_products(sum, values[x * apart + i], weights[x * words + i]);
      }
    }
    sf_write_codes(copy.count, sf_codes_of(sum, copy.factors, copy.coding), output);
  }
}

static void convolve_3x3(const strips *of, const sums *by, const sf_words *weights,
                         const sf_words *values, int32_t pixels, int8_t *output) {
  convolve(1, of, by, weights, values, pixels, output);
}
static void convolve_any(const strips *of, const sums *by, const sf_words *weights,
                         const sf_words *values, int32_t pixels, int8_t *output) {
  convolve(0, of, by, weights, values, pixels, output);
}

// The bias, less what the zero point and the offset of values add.
static sf_words start_of(const strips *of, const sf_constants *constants, int32_t channel,
                         int32_t count, const sf_words *weights) {
  const uint32_t zero = (uint32_t)(of->window->input_zero_point - SF_CODE_OFFSET);
  sf_words sum = {0};
  for (int32_t i = 0; i < of->words * of->window->kernel_width; ++i) {
    sum = sf_add_word_products(sum, sf_all(sf_word_of_value(1)), weights[i]);
  }
  return sf_load_some(count, constants->bias + channel) - sum * zero;
}

// kernel: the rows of the weights.
static void convolve_channels(const strips *of, const sf_constants *constants,
                              const int8_t *const *kernel, const int8_t *const *rows,
                              int32_t channel, int32_t count, int8_t *output) {
  const sf_window *window = of->window;
  const int32_t channels = window->input_channels, height = window->kernel_height;
  const int32_t width = window->kernel_width, extent = (width - 1) * window->dilation + 1;
  const int is_3x3 = height == 3 && width == 3 && window->dilation == 1;
  const sf_codes zeros = {0};
  const columns of_kernel = {kernel, channel, count, channels, zeros, sf_all(0)};
  columns of_rows = {rows,
                     0,
                     count,
                     channels,
                     zeros + (int8_t)window->input_zero_point,
                     sf_all(sf_word_of_value((sf_value)-SF_CODE_OFFSET))};
  sf_words weights[MOST_WEIGHTS], strip[ROOM];
  collect(&of_kernel, height, width, weights);
  const sums by = {start_of(of, constants, channel, count, weights),
                   sf_channel_factors(constants, channel, count),
                   sf_coding_of(window->minimum, window->maximum, window->output_zero_point),
                   count};
  for (int32_t x = 0, pixels; x < window->output_width; x += pixels) {
    pixels = window->output_width - x < of->pixels ? window->output_width - x : of->pixels;
    collect_strip(of, &of_rows, channel, x * window->stride - window->left,
                  (pixels - 1) * window->stride + extent, strip);
    int8_t *to = output + x * channels + channel;
    (is_3x3 ? convolve_3x3 : convolve_any)(of, &by, weights, strip, pixels, to);
  }
}

int sf_depthwise_row_avx(const sf_window *window, const sf_constants *constants,
                         const int8_t *const *rows, int8_t *output) {
  const strips of = strips_of(window);
  const int32_t channels = window->output_channels;
  const int8_t *kernel[MOST_WEIGHTS * SF_VALUES];
  if (of.pixels == 0) return 0;
  for (int32_t y = 0; y < window->kernel_height; ++y) {
    kernel[y] = constants->codes + y * window->kernel_width * channels;
  }
  for (int32_t channel = 0; channel < channels; channel += SF_LANES) {
    const int32_t count = channels - channel < SF_LANES ? channels - channel : SF_LANES;
    convolve_channels(&of, constants, kernel, rows, channel, count, output);
  }
  return 1;
}

#endif  // SF_AVX
