// Works on a block of neighbouring pixels, and on as many output channels as have room for their
// sums. Windows that are not one whole number of vectors in the map are copied together, padding
// with them, to where they are. Of the products, those of 16 values are one instruction; weights of
// up to 48 values stay in registers while the pixels pass by, longer ones meet three pixels at
// once.
#include "sf_scale_mve.h"

#if SF_MVE

enum {
  VECTOR = 16,  // codes
  PIXELS = 16,  // at most, of a block
  ROOM = 480,   // for windows, or parts of them, that are copied together
  PARTS = 3,    // as many pixels at least
  SUMS = 128,
  RESIDENT = 3 * VECTOR  // weights of a channel that fit into registers
};

static inline int32_t whole_vectors(int32_t count) { return (count + VECTOR - 1) & ~(VECTOR - 1); }

static inline int32_t smaller(int32_t a, int32_t b) { return a < b ? a : b; }

// --- Windows

// What the windows of one group of channels read.
typedef struct {
  const sf_window *window;
  const int8_t *const *rows;
  int32_t channel;  // the group's first
  int32_t length;   // of a run: values that lie side by side in a row and in the weights
  int32_t runs;     // of a kernel row
  int32_t step;     // from one run to the next
  int32_t size;     // values of a window
} source;

static source source_of(const sf_window *window, const int8_t *const *rows, int32_t group) {
  const int32_t depth = window->input_channels / window->groups, width = window->kernel_width;
  const int32_t step = window->dilation * window->input_channels;
  const int32_t size = window->kernel_height * width * depth;
  if (step == depth) return (source){window, rows, 0, width * depth, 1, 0, size};
  return (source){window, rows, group * depth, depth, width, step, size};
}

// Whether values of a window can be read where they are.
static int is_in_place(const source *from) {
  const sf_window *window = from->window;
  return window->kernel_height == 1 && window->kernel_width == 1 && from->size % VECTOR == 0;
}

static int8_t *copy(int32_t count, const int8_t *from, int8_t *to) {
  int8_t *const end = to + count;
  for (; count > 0; count -= VECTOR, from += VECTOR, to += VECTOR) {
    const mve_pred16_t within = vctp8q((uint32_t)count);
    vstrbq_p_s8(to, vldrbq_z_s8(from, within), within);
  }
  return end;
}

static int8_t *fill(int32_t count, int32_t code, int8_t *to) {
  for (; count > 0; --count) *to++ = (int8_t)code;
  return to;
}

// `count` values from position `at` of a row on, some of which may lie in the padding.
static int8_t *copy_padded(const sf_window *window, int32_t count, const int8_t *row, int32_t at,
                           int8_t *to) {
  const int32_t end = row == NULL ? 0 : window->input_width * window->input_channels;
  const int32_t before = sf_clamp(-at, 0, count);
  const int32_t inside = sf_clamp(end - at - before, 0, count - before);
  to = fill(before, window->input_zero_point, to);
  if (inside > 0) to = copy(inside, row + at + before, to);
  return fill(count - before - inside, window->input_zero_point, to);
}

// Values first..first + count - 1 of the window of output column x.
static void copy_window(const source *from, int32_t x, int32_t first, int32_t count, int8_t *to) {
  const sf_window *window = from->window;
  const int32_t channels = window->input_channels;
  const int32_t at = (x * window->stride - window->left) * channels + from->channel;
  int32_t y = 0, i = first / from->length, skipped = first % from->length;
  for (; i >= from->runs; i -= from->runs) ++y;
  for (const int8_t *end = to + count; to != end; skipped = 0) {
    const int32_t size = smaller(from->length - skipped, (int32_t)(end - to));
    to = copy_padded(window, size, from->rows[y], at + i * from->step + skipped, to);
    if (++i == from->runs) i = 0, ++y;
  }
}

// --- Products

// A block of pixels, and channels whose sums of products it adds to.
typedef struct {
  int32_t pixels, channels;
  int32_t count;          // products of a sum
  const int8_t *values;   // of the first pixel; readable to the end of a vector
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
static void add_to_four_channels(const block *of, int32_t channel, const int8_t *weights) {
  // A channel behind the last one is the last one again.
  const int32_t size = of->size, last = of->channels - 1 - channel;
  const int8x16_t weights0 = first_weights(weights, of->count);
  const int8x16_t weights1 = first_weights(weights + smaller(1, last) * size, of->count);
  const int8x16_t weights2 = first_weights(weights + smaller(2, last) * size, of->count);
  const int8x16_t weights3 = first_weights(weights + smaller(3, last) * size, of->count);
  const int8_t *values = of->values;
  int32_t *sums = of->sums + channel;
  const int32_t apart = of->apart, pitch = of->pitch;
  for (int32_t left = of->pixels; left > 0; --left, values += apart, sums += pitch) {
    const int8x16_t value = vldrbq_s8(values);
    sums[0] = vmladavaq_s8(sums[0], value, weights0);
    sums[1] = vmladavaq_s8(sums[1], value, weights1);
    sums[2] = vmladavaq_s8(sums[2], value, weights2);
    sums[3] = vmladavaq_s8(sums[3], value, weights3);
  }
}

// Two channels, up to 32 or up to 48 products.
SF_INLINED void add_to_two_channels(int vectors, const block *of, int32_t channel,
                                    const int8_t *first, const int8_t *second) {
  const int32_t rest = of->count - (vectors - 1) * VECTOR, behind = (vectors - 1) * VECTOR;
  const int8x16_t first0 = vldrbq_s8(first), second0 = vldrbq_s8(second);
  const int8x16_t first1 = vldrbq_s8(first + VECTOR), second1 = vldrbq_s8(second + VECTOR);
  const int8x16_t first2 = first_weights(first + behind, rest);
  const int8x16_t second2 = first_weights(second + behind, rest);
  const int8_t *values = of->values;
  int32_t *sums = of->sums + channel;
  const int32_t apart = of->apart, pitch = of->pitch;
  for (int32_t left = of->pixels; left > 0; --left, values += apart, sums += pitch) {
    int32_t sum0 = sums[0], sum1 = sums[1];
    int8x16_t value = vldrbq_s8(values);
    sum0 = vmladavaq_s8(sum0, value, first0), sum1 = vmladavaq_s8(sum1, value, second0);
    if (vectors == 3) {
      value = vldrbq_s8(values + VECTOR);
      sum0 = vmladavaq_s8(sum0, value, first1), sum1 = vmladavaq_s8(sum1, value, second1);
    }
    value = vldrbq_s8(values + behind);
    sum0 = vmladavaq_s8(sum0, value, first2), sum1 = vmladavaq_s8(sum1, value, second2);
    sums[0] = sum0, sums[1] = sum1;
  }
}

static void add_up_to_32(const block *of, int32_t channel, const int8_t *first,
                         const int8_t *second) {
  add_to_two_channels(2, of, channel, first, second);
}

static void add_up_to_48(const block *of, int32_t channel, const int8_t *first,
                         const int8_t *second) {
  add_to_two_channels(3, of, channel, first, second);
}

// Two channels of one to three pixels, any number of products.
SF_INLINED void add_to_pixels(int pixels, const block *of, int32_t pixel, int32_t channel,
                              const int8_t *first, const int8_t *second) {
  const int32_t apart = of->apart, pitch = of->pitch, rest = of->count % VECTOR;
  const int8_t *values0 = of->values + pixel * apart;
  const int8_t *values1 = pixels > 1 ? values0 + apart : NULL;
  const int8_t *values2 = pixels > 2 ? values1 + apart : NULL;
  int32_t *sums = of->sums + pixel * pitch + channel;
  int32_t sum00 = sums[0], sum01 = sums[1], sum10 = 0, sum11 = 0, sum20 = 0, sum21 = 0;
  if (pixels > 1) sum10 = sums[pitch], sum11 = sums[pitch + 1];
  if (pixels > 2) sum20 = sums[2 * pitch], sum21 = sums[2 * pitch + 1];
#define ADD_VECTOR(weights0, weights1)              \
  do {                                              \
    int8x16_t value = vldrbq_s8(values0);           \
    values0 += VECTOR;                              \
    sum00 = vmladavaq_s8(sum00, value, weights0);   \
    sum01 = vmladavaq_s8(sum01, value, weights1);   \
    if (pixels > 1) {                               \
      value = vldrbq_s8(values1);                   \
      values1 += VECTOR;                            \
      sum10 = vmladavaq_s8(sum10, value, weights0); \
      sum11 = vmladavaq_s8(sum11, value, weights1); \
    }                                               \
    if (pixels > 2) {                               \
      value = vldrbq_s8(values2);                   \
      values2 += VECTOR;                            \
      sum20 = vmladavaq_s8(sum20, value, weights0); \
      sum21 = vmladavaq_s8(sum21, value, weights1); \
    }                                               \
  } while (0)
  for (int32_t left = of->count / VECTOR; left > 0; --left) {
    const int8x16_t weights0 = vldrbq_s8(first), weights1 = vldrbq_s8(second);
    first += VECTOR, second += VECTOR;
    ADD_VECTOR(weights0, weights1);
  }
  if (rest != 0) {
    const int8x16_t weights0 = first_weights(first, rest), weights1 = first_weights(second, rest);
    ADD_VECTOR(weights0, weights1);
  }
#undef ADD_VECTOR
  sums[0] = sum00, sums[1] = sum01;
  if (pixels > 1) sums[pitch] = sum10, sums[pitch + 1] = sum11;
  if (pixels > 2) sums[2 * pitch] = sum20, sums[2 * pitch + 1] = sum21;
}

static void add_any_number(const block *of, int32_t channel, const int8_t *first,
                           const int8_t *second) {
  int32_t pixel = 0;
  for (; pixel + 2 < of->pixels; pixel += 3) add_to_pixels(3, of, pixel, channel, first, second);
  if (of->pixels - pixel == 2) {
    add_to_pixels(2, of, pixel, channel, first, second);
  } else if (of->pixels - pixel == 1) {
    add_to_pixels(1, of, pixel, channel, first, second);
  }
}

static void add_products(const block *of) {
  const int8_t *weights = of->weights;
  if (of->count <= VECTOR) {
    for (int32_t i = 0; i < of->channels; i += 4, weights += 4 * of->size) {
      add_to_four_channels(of, i, weights);
    }
    return;
  }
  void (*const add)(const block *, int32_t, const int8_t *, const int8_t *) =
      of->count <= 2 * VECTOR ? add_up_to_32
      : of->count <= RESIDENT ? add_up_to_48
                              : add_any_number;
  for (int32_t i = 0; i < of->channels; i += 2, weights += 2 * of->size) {
    // A channel behind the last one is the last one again.
    add(of, i, weights, i + 1 < of->channels ? weights + of->size : weights);
  }
}

// --- Rows

// What four sums begin with. Padding counts as values, of codes that stand for 0.
static int32x4_t start_of_sums(const sf_window *window, const sf_constants *constants, int32_t size,
                               int32_t channel, int32_t count) {
  const int32x4_t bias = vldrwq_z_s32(constants->bias + channel, vctp32q((uint32_t)count));
  if (window->input_zero_point == 0) return bias;
  int32_t sums_of_weights[4] = {0, 0, 0, 0};
  for (int32_t i = 0; i < smaller(count, 4); ++i) {
    const int8_t *weights = constants->codes + (channel + i) * size;
    for (int32_t left = size; left > 0; left -= VECTOR, weights += VECTOR) {
      sums_of_weights[i] = vaddvaq_s8(sums_of_weights[i], first_weights(weights, left));
    }
  }
  return vmlaq_n_s32(bias, vldrwq_s32(sums_of_weights), -window->input_zero_point);
}

static void begin_sums(const source *from, const sf_constants *constants, int32_t channel,
                       const block *of) {
  for (int32_t i = 0; i < of->channels; i += 4) {
    const int32x4_t start =
        start_of_sums(from->window, constants, from->size, channel + i, of->channels - i);
    int32_t *sums = of->sums + i;
    for (int32_t left = of->pixels; left > 0; --left, sums += of->pitch) vstrwq_s32(sums, start);
  }
}

static void store_codes(const source *from, const sf_constants *constants, int32_t channel,
                        const block *of, int8_t *output) {
  for (int32_t i = 0; i < of->channels; i += 4) {
    sf_store_codes_of_four(from->window, constants, channel + i, of->channels - i, of->pixels,
                           of->pitch, of->sums + i, output + i);
  }
}

static void convolve_group(const source *from, const sf_constants *constants, int32_t channel,
                           int32_t channels, int8_t *output) {
  const sf_window *window = from->window;
  const int32_t width = window->output_width, in_place = is_in_place(from);
  const int32_t part = in_place ? from->size : smaller(from->size, ROOM / PARTS);
  const int32_t room = in_place ? PIXELS : smaller(ROOM / whole_vectors(part), PIXELS);
  int8_t values[ROOM];
  int32_t sums[SUMS];
  for (int32_t x = 0, pixels; x < width; x += pixels) {
    pixels = smaller(width - x, room);
    const int32_t most = SUMS / pixels & ~3;  // channels
    for (int32_t first = 0; first < channels; first += most) {
      block of = {.pixels = pixels, .channels = smaller(channels - first, most), .sums = sums};
      of.values = in_place
                      ? from->rows[0] + x * window->stride * window->input_channels + from->channel
                      : values;
      of.apart = in_place ? window->stride * window->input_channels : whole_vectors(part);
      of.size = from->size, of.pitch = (of.channels + 3) & ~3;
      begin_sums(from, constants, channel + first, &of);
      for (int32_t begin = 0; begin < from->size; begin += part) {
        of.count = smaller(from->size - begin, part);
        of.weights = constants->codes + (channel + first) * from->size + begin;
        const int is_there = in_place || (first > 0 && part == from->size);
        for (int32_t i = 0; i < pixels && !is_there; ++i) {
          copy_window(from, x + i, begin, of.count, values + i * of.apart);
        }
        add_products(&of);
      }
      store_codes(from, constants, channel + first, &of,
                  output + x * window->output_channels + channel + first);
    }
  }
}

void sf_convolve_row(const sf_window *window, const sf_constants *constants,
                     const int8_t *const *rows, int8_t *output) {
  const int32_t channels = window->output_channels / window->groups;
  for (int32_t group = 0; group < window->groups; ++group) {
    const source from = source_of(window, rows, group);
    convolve_group(&from, constants, group * channels, channels, output);
  }
}

#endif  // SF_MVE
