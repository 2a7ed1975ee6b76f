// Works on a block of neighbouring pixels, and on as many output channels as have room for their
// sums. Windows that are not one whole number of vectors in the map are copied together, padding
// with them, to where they are. Of the products, those of 16 values are one instruction; weights of
// up to 48 values stay in registers while the pixels pass by, longer ones meet three pixels at
// once.
#include "sf_scale_mve.h"
#include "sf_source.h"

#if SF_MVE

enum {
  VECTOR = 16,  // codes
  PIXELS = 32,  // at most, of a block
  ROOM = 384,   // for windows that are copied together
  PART = 128,   // of a window that is longer
  SUMS = 128
};

static inline int32_t whole_vectors(int32_t count) { return (count + VECTOR - 1) & ~(VECTOR - 1); }

static inline int32_t smaller(int32_t a, int32_t b) { return a < b ? a : b; }

// --- Windows

// Reads and writes whole vectors.
SF_INLINED void copy_vectors(int32_t count, const int8_t *from, int8_t *to) {
  for (; count > 0; count -= VECTOR, from += VECTOR, to += VECTOR) vstrbq_s8(to, vldrbq_s8(from));
}

// `count` values from position `at` of a row on, some of which may lie in the padding.
static void copy_padded(const sf_window *window, int32_t count, const int8_t *row, int32_t at,
                        int8_t *to) {
  const int32_t end = row == NULL ? 0 : window->input_width * window->input_channels;
  for (; count > 0; --count, ++at) {
    *to++ = (int8_t)(at >= 0 && at < end ? row[at] : window->input_zero_point);
  }
}

// The window of output column x, if its rows lie inside of the map, each in one run.
static int copy_inner_window(const sf_source *from, int32_t x, int8_t *to) {
  const sf_window *window = from->window;
  const int32_t channels = window->input_channels;
  const int32_t at = (x * window->stride - window->left) * channels + from->channel;
  const int32_t end = window->input_width * channels - whole_vectors(from->length);
  if (from->runs != 1 || at < 0 || at > end) return 0;
  for (int32_t y = 0; y < window->kernel_height; ++y, to += from->length) {
    if (from->rows[y] == NULL) return 0;
    if (from->length <= VECTOR) {
      vstrbq_s8(to, vldrbq_s8(from->rows[y] + at));
    } else {
      copy_vectors(from->length, from->rows[y] + at, to);
    }
  }
  return 1;
}

// Values first..first + count - 1 of the window of output column x. What is written behind them is
// of no use.
static void copy_window(const sf_source *from, int32_t x, int32_t first, int32_t count,
                        int8_t *to) {
  const sf_window *window = from->window;
  const int32_t channels = window->input_channels, row_end = window->input_width * channels;
  const int32_t start = (x * window->stride - window->left) * channels + from->channel;
  int32_t y = 0, i = first / from->length, skipped = first % from->length;
  for (; i >= from->runs; i -= from->runs) ++y;
  for (const int8_t *end = to + count; to != end; skipped = 0) {
    const int32_t size = smaller(from->length - skipped, (int32_t)(end - to));
    const int32_t at = start + i * from->step + skipped;
    if (from->rows[y] != NULL && at >= 0 && at + whole_vectors(size) <= row_end) {
      copy_vectors(size, from->rows[y] + at, to);
    } else {
      copy_padded(window, size, from->rows[y], at, to);
    }
    to += size;
    if (++i == from->runs) i = 0, ++y;
  }
}

// --- Products

// A block of pixels, and channels that make sums of products of them.
typedef struct {
  int32_t pixels, channels;
  const int8_t *const *rows;  // where the values are, `at` behind each; one, if there are few
  int32_t row_count, at;
  int32_t count;          // values of a row, readable to the end of a vector
  int32_t apart;          // from one pixel's values to the next one's
  const int8_t *weights;  // of the first channel
  int32_t size;           // from one channel's weights to the next one's
  int32_t *sums;          // the channels of a pixel lie side by side
  int32_t pitch;          // from one pixel's sums to the next one's: a multiple of 4
} block;

// The first `count` weights of a vector; zeros behind them.
static inline int8x16_t first_weights(const int8_t *weights, int32_t count) {
  if (count >= VECTOR) return vldrbq_s8(weights);
  return vldrbq_z_s8(weights, vctp8q((uint32_t)count));
}

// Four channels, up to 16 products.
static void multiply_up_to_16(const block *of, int32_t channel, const int8_t *weights) {
  // A channel behind the last one is the last one again.
  const int32_t size = of->size, last = of->channels - 1 - channel;
  const int8x16_t weights0 = first_weights(weights, of->count);
  const int8x16_t weights1 = first_weights(weights + smaller(1, last) * size, of->count);
  const int8x16_t weights2 = first_weights(weights + smaller(2, last) * size, of->count);
  const int8x16_t weights3 = first_weights(weights + smaller(3, last) * size, of->count);
  const int8_t *values = of->rows[0] + of->at;
  int32_t *sums = of->sums + channel;
  const int32_t apart = of->apart, pitch = of->pitch;
  for (int32_t left = of->pixels; left > 0; --left, values += apart, sums += pitch) {
    const int8x16_t value = vldrbq_s8(values);
    sums[0] = vmladavq_s8(value, weights0), sums[1] = vmladavq_s8(value, weights1);
    sums[2] = vmladavq_s8(value, weights2), sums[3] = vmladavq_s8(value, weights3);
  }
}

// Two channels, up to 32 or up to 48 products.
SF_INLINED void multiply_resident(int vectors, const block *of, int32_t channel,
                                  const int8_t *first, const int8_t *second) {
  const int32_t behind = (vectors - 1) * VECTOR, rest = of->count - behind;
  const int8x16_t first0 = vldrbq_s8(first), second0 = vldrbq_s8(second);
  const int8x16_t first1 = vectors == 3 ? vldrbq_s8(first + VECTOR) : first0;
  const int8x16_t second1 = vectors == 3 ? vldrbq_s8(second + VECTOR) : second0;
  const int8x16_t first2 = first_weights(first + behind, rest);
  const int8x16_t second2 = first_weights(second + behind, rest);
  const int8_t *values = of->rows[0] + of->at;
  int32_t *sums = of->sums + channel;
  const int32_t apart = of->apart, pitch = of->pitch;
  for (int32_t left = of->pixels; left > 0; --left, values += apart, sums += pitch) {
    int8x16_t value = vldrbq_s8(values);
    int32_t sum0 = vmladavq_s8(value, first0), sum1 = vmladavq_s8(value, second0);
    if (vectors == 3) {
      value = vldrbq_s8(values + VECTOR);
      sum0 = vmladavaq_s8(sum0, value, first1), sum1 = vmladavaq_s8(sum1, value, second1);
    }
    value = vldrbq_s8(values + behind);
    sum0 = vmladavaq_s8(sum0, value, first2), sum1 = vmladavaq_s8(sum1, value, second2);
    sums[0] = sum0, sums[1] = sum1;
  }
}

static void multiply_up_to_32(const block *of, int32_t channel, const int8_t *first,
                              const int8_t *second) {
  multiply_resident(2, of, channel, first, second);
}

static void multiply_up_to_48(const block *of, int32_t channel, const int8_t *first,
                              const int8_t *second) {
  multiply_resident(3, of, channel, first, second);
}

// Sums of two channels of up to three pixels, and where the pixels' next values are.
typedef struct {
  int32_t sums[3][2];
  const int8_t *values[3];
} three_pixels;

SF_INLINED void add_pixel(int pixel, three_pixels *to, int8x16_t weights0, int8x16_t weights1) {
  const int8x16_t value = vldrbq_s8(to->values[pixel]);
  to->values[pixel] += VECTOR;
  to->sums[pixel][0] = vmladavaq_s8(to->sums[pixel][0], value, weights0);
  to->sums[pixel][1] = vmladavaq_s8(to->sums[pixel][1], value, weights1);
}

SF_INLINED void add_pixels(int pixels, three_pixels *to, int8x16_t weights0, int8x16_t weights1) {
  add_pixel(0, to, weights0, weights1);
  if (pixels > 1) add_pixel(1, to, weights0, weights1);
  if (pixels > 2) add_pixel(2, to, weights0, weights1);
}

// Two channels of one to three pixels. whole: whether values are one row of whole vectors.
SF_INLINED void multiply_pixels(int pixels, int whole, const block *of, const int8_t *first,
                                const int8_t *second, int32_t at, int32_t *sums) {
  const int32_t apart = of->apart, pitch = of->pitch, rest = whole ? 0 : of->count % VECTOR;
  const int32_t rows = whole ? 1 : of->row_count;
  three_pixels all = {{{0, 0}, {0, 0}, {0, 0}}, {NULL, NULL, NULL}};
  for (int32_t y = 0; y < rows; ++y) {
    all.values[0] = of->rows[y] + at;
    all.values[1] = all.values[0] + apart, all.values[2] = all.values[1] + apart;
    for (int32_t left = of->count >> 4; left > 0; --left, first += VECTOR, second += VECTOR) {
      add_pixels(pixels, &all, vldrbq_s8(first), vldrbq_s8(second));
    }
    if (rest == 0) continue;
    add_pixels(pixels, &all, first_weights(first, rest), first_weights(second, rest));
    first += rest, second += rest;
  }
  sums[0] = all.sums[0][0], sums[1] = all.sums[0][1], sums += pitch;
  if (pixels > 1) sums[0] = all.sums[1][0], sums[1] = all.sums[1][1], sums += pitch;
  if (pixels > 2) sums[0] = all.sums[2][0], sums[1] = all.sums[2][1];
}

SF_INLINED void multiply_by_three(int whole, const block *of, int32_t channel, const int8_t *first,
                                  const int8_t *second) {
  int32_t *sums = of->sums + channel, left = of->pixels, at = of->at;
  for (; left >= 3; left -= 3, at += 3 * of->apart, sums += 3 * of->pitch) {
    multiply_pixels(3, whole, of, first, second, at, sums);
  }
  if (left == 2) multiply_pixels(2, whole, of, first, second, at, sums);
  if (left == 1) multiply_pixels(1, whole, of, first, second, at, sums);
}

static void multiply_whole(const block *of, int32_t channel, const int8_t *first,
                           const int8_t *second) {
  multiply_by_three(1, of, channel, first, second);
}

static void multiply_any_number(const block *of, int32_t channel, const int8_t *first,
                                const int8_t *second) {
  multiply_by_three(0, of, channel, first, second);
}

static void multiply(const block *of) {
  const int8_t *weights = of->weights;
  if (of->row_count == 1 && of->count <= VECTOR) {
    for (int32_t i = 0; i < of->channels; i += 4, weights += 4 * of->size) {
      multiply_up_to_16(of, i, weights);
    }
    return;
  }
  void (*multiply_two)(const block *, int32_t, const int8_t *, const int8_t *) =
      multiply_any_number;
  if (of->row_count == 1) {
    if (of->count % VECTOR == 0) multiply_two = multiply_whole;
    if (of->count <= 3 * VECTOR) multiply_two = multiply_up_to_48;
    if (of->count <= 2 * VECTOR) multiply_two = multiply_up_to_32;
  }
  for (int32_t i = 0; i < of->channels; i += 2, weights += 2 * of->size) {
    // A channel behind the last one is the last one again.
    multiply_two(of, i, weights, i + 1 < of->channels ? weights + of->size : weights);
  }
}

// --- Rows

static int32_t sum_of(const int8_t *weights, int32_t count) {
  int32_t sum = 0;
  for (; count >= VECTOR; count -= VECTOR, weights += VECTOR) {
    sum = vaddvaq_s8(sum, vldrbq_s8(weights));
  }
  return count == 0 ? sum : vaddvaq_s8(sum, first_weights(weights, count));
}

// What is added to four sums. Padding counts as values, of codes that stand for 0.
static int32x4_t start_of_sums(const sf_window *window, const sf_constants *constants, int32_t size,
                               int32_t channel, int32_t count) {
  const int32x4_t bias = vldrwq_z_s32(constants->bias + channel, vctp32q((uint32_t)count));
  if (window->input_zero_point == 0) return bias;
  int32_t sums[4] = {0, 0, 0, 0};
  for (int32_t i = 0; i < smaller(count, 4); ++i) {
    sums[i] = sum_of(constants->codes + (channel + i) * size, size);
  }
  return vmlaq_n_s32(bias, vldrwq_s32(sums), -window->input_zero_point);
}

static void store_codes(const sf_source *from, const sf_constants *constants, int32_t channel,
                        const block *of, int8_t *output) {
  for (int32_t i = 0; i < of->channels; i += 4) {
    const int32_t count = of->channels - i;
    const int32x4_t start = start_of_sums(from->window, constants, from->size, channel + i, count);
    const sf_row_of_sums row = {of->pixels, of->sums + i, of->pitch, output + i};
    sf_store_codes_of_four(from->window, constants, start, channel + i, count, row);
  }
}

// A block of pixels whose windows are there as a whole.
SF_OUTLINED void convolve_windows(const sf_source *from, const sf_constants *constants,
                                  int32_t channel, int32_t channels, block of, int8_t *output) {
  int32_t sums[SUMS];
  const int32_t most = SUMS / of.pixels & ~3, end = channel + channels;
  of.size = from->size, of.sums = sums;
  for (; channel < end; channel += of.channels) {
    of.channels = smaller(end - channel, most), of.pitch = (of.channels + 3) & ~3;
    of.weights = constants->codes + channel * of.size;
    multiply(&of);
    store_codes(from, constants, channel, &of, output + channel);
  }
}

static void add_sums(int32_t count, const int32_t *sums, int32_t *totals) {
  for (; count > 0; count -= 4, sums += 4, totals += 4) {
    vstrwq_s32(totals, vaddq_s32(vldrwq_s32(totals), vldrwq_s32(sums)));
  }
}

// A block of pixels at x with windows so long that they are copied part by part, to `values`.
SF_OUTLINED void convolve_by_parts(const sf_source *from, const sf_constants *constants,
                                   int32_t channel, int32_t channels, int32_t x, block of,
                                   int8_t *values, int8_t *output) {
  int32_t sums[SUMS / 2], totals[SUMS / 2];
  const int32_t most = SUMS / 2 / of.pixels & ~3, end = channel + channels;
  of.size = from->size;
  for (; channel < end; channel += of.channels) {
    of.channels = smaller(end - channel, most), of.pitch = (of.channels + 3) & ~3;
    of.sums = totals;
    for (int32_t first = 0; first < of.size; first += PART) {
      of.count = smaller(of.size - first, PART);
      of.weights = constants->codes + channel * of.size + first;
      for (int32_t i = 0; i < of.pixels; ++i) {
        copy_window(from, x + i, first, of.count, values + i * PART);
      }
      multiply(&of);
      if (of.sums == sums) add_sums(of.pixels * of.pitch, sums, totals);
      of.sums = sums;
    }
    of.sums = totals;
    store_codes(from, constants, channel, &of, output + channel);
  }
}

// The output columns whose windows can be read where they are, to the end of a vector.
static sf_columns columns_in_place(const sf_source *from) {
  const sf_window *window = from->window;
  const int32_t channels = window->input_channels, apart = window->stride * channels;
  const int32_t first = (window->left + window->stride - 1) / window->stride;
  const int32_t way =
      (window->input_width + window->left) * channels - from->channel - whole_vectors(from->length);
  const int is_pointwise = window->kernel_height == 1 && window->kernel_width == 1;
  sf_columns columns = {first, way < 0 ? 0 : smaller(way / apart + 1, window->output_width)};
  if (from->runs != 1 || (!is_pointwise && from->size <= PART)) columns.end = 0;
  for (int32_t y = 0; y < window->kernel_height; ++y) {
    if (from->rows[y] == NULL) columns.end = 0;
  }
  return columns;
}

static void convolve_group(const sf_source *from, const sf_constants *constants, int32_t channel,
                           int32_t channels, int8_t *output) {
  const sf_window *window = from->window;
  const int32_t width = window->output_width, apart = whole_vectors(smaller(from->size, PART));
  const sf_columns in_place = columns_in_place(from);
  int8_t values[ROOM + VECTOR];
  const int8_t *const copied = values;
  for (int32_t x = 0, pixels; x < width; x += pixels, output += pixels * window->output_channels) {
    if (x >= in_place.begin && x < in_place.end) {
      pixels = smaller(in_place.end - x, PIXELS);
      block of = {.pixels = pixels, .rows = from->rows, .row_count = window->kernel_height};
      of.count = from->length, of.apart = window->stride * window->input_channels;
      of.at = x * of.apart - window->left * window->input_channels + from->channel;
      convolve_windows(from, constants, channel, channels, of, output);
      continue;
    }
    const int32_t end =
        x < in_place.begin && in_place.begin < in_place.end ? in_place.begin : width;
    pixels = smaller(smaller(ROOM / apart, PIXELS), end - x);
    block of = {.pixels = pixels, .rows = &copied, .row_count = 1, .count = from->size};
    of.apart = apart;
    if (from->size > PART) {
      convolve_by_parts(from, constants, channel, channels, x, of, values, output);
      continue;
    }
    for (int32_t i = 0; i < pixels; ++i) {
      int8_t *to = values + i * apart;
      if (!copy_inner_window(from, x + i, to)) copy_window(from, x + i, 0, from->size, to);
    }
    convolve_windows(from, constants, channel, channels, of, output);
  }
}

void sf_convolve_row(const sf_window *window, const sf_constants *constants,
                     const int8_t *const *rows, int8_t *output) {
  const int32_t channels = window->output_channels / window->groups;
  for (int32_t group = 0; group < window->groups; ++group) {
    const sf_source from = sf_source_of(window, rows, group);
    convolve_group(&from, constants, group * channels, channels, output);
  }
}

#endif  // SF_MVE
