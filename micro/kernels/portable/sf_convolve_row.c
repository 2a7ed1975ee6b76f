// Works on up to six neighbouring pixels at a time, and on parts of their windows. The codes of a
// part are put into words once, two codes each, and then serve some output channels.
#include "sf_kernel_set.h"
#include "sf_source.h"
#include "sf_sums.h"
#include "sf_two_products.h"

#if !SF_AVX && !SF_DSP && !SF_MVE && !SF_SIMD128  // else sf_convolve_row_avx.c, _dsp.c, ...

enum {
  PIXELS = 6,
  FEWER_PIXELS = 3,
  CHANNELS = 4,       // of a single pixel
  WORDS = 192,        // of a part
  MOST_CHANNELS = 32  // that a part serves
};

// Some output channels of a group.
typedef struct {
  const sf_window *window;
  const sf_constants *constants;
  int32_t channel, count, size;  // size: values of a window
  uint32_t rounding;             // SF_TO_UPPER_HALF; in a register it is added where it multiplies
  uint32_t starts[MOST_CHANNELS];  // of their sums
  uint32_t sums[MOST_CHANNELS * PIXELS];
} outputs;

// --- Values

// Where the next code goes: into the word at `to`, whose lower half is full if is_half. The words
// of a window lie `apart` from each other.
typedef struct {
  uint32_t *to;
  int32_t apart, is_half;
} packing;

static void pack(packing *into, const int8_t *codes, int32_t step, int32_t count) {
  const int32_t apart = into->apart;
  uint32_t *to = into->to;
  if (count <= 0) return;
  if (into->is_half) {
    *to += sf_word_of(0, *codes);
    to += apart, codes += step, --count;
  }
  for (; count > 1; count -= 2, codes += 2 * step, to += apart) {
    *to = sf_word_of(codes[0], codes[step]);
  }
  if (count > 0) *to = sf_word_of(*codes, 0);
  into->is_half = count;
  into->to = to;
}

// Values first..first + count - 1 of the window of output column x. Padding is the zero point.
static void pack_window(const sf_source *from, int32_t x, int32_t first, int32_t count,
                        packing into) {
  const sf_window *window = from->window;
  const int32_t channels = window->input_channels, row_end = window->input_width * channels;
  const int32_t column = (x * window->stride - window->left) * channels + from->channel;
  const int8_t zero_point = (int8_t)window->input_zero_point;
  int32_t skipped = first;  // values of the window that are not in this part
  for (int32_t y = 0; y < window->kernel_height; ++y) {
    for (int32_t run = 0, begin = column; run < from->runs; ++run, begin += from->step) {
      const int32_t skip = sf_clamp(skipped, 0, from->length);
      const int32_t values = sf_clamp(from->length - skip, 0, count), at = begin + skip;
      const int8_t *row = from->rows[y];
      const int32_t before = row == NULL ? values : sf_clamp(-at, 0, values);
      const int32_t inside = row == NULL ? 0 : sf_clamp(row_end - at, before, values) - before;
      pack(&into, &zero_point, 0, before);
      if (inside > 0) pack(&into, row + at + before, 1, inside);
      pack(&into, &zero_point, 0, values - before - inside);
      skipped -= skip, count -= values;
    }
  }
}

// --- Products

static inline uint32_t two_weights(const int8_t *weights) {
  return sf_word_of(weights[1], weights[0]);
}

SF_INLINED void add_word(int32_t pixels, const uint32_t *values, uint32_t weights,
                         uint32_t rounding, uint32_t *sums) {
  sums[0] = sf_add_two(sums[0], values[0], weights, rounding);
  sums[1] = sf_add_two(sums[1], values[1], weights, rounding);
  sums[2] = sf_add_two(sums[2], values[2], weights, rounding);
  if (pixels == FEWER_PIXELS) return;
  sums[3] = sf_add_two(sums[3], values[3], weights, rounding);
  sums[4] = sf_add_two(sums[4], values[4], weights, rounding);
  sums[5] = sf_add_two(sums[5], values[5], weights, rounding);
}

// The last value of a window of an odd number is alone in its word.
SF_INLINED void add_last(int32_t pixels, const uint32_t *values, int32_t weight, uint32_t *sums) {
  const uint32_t single = (uint32_t)weight;
  sums[0] += values[0] * single, sums[1] += values[1] * single, sums[2] += values[2] * single;
  if (pixels == FEWER_PIXELS) return;
  sums[3] += values[3] * single, sums[4] += values[4] * single, sums[5] += values[5] * single;
}

SF_INLINED void copy_sums(int32_t pixels, const uint32_t *from, uint32_t *to) {
  to[0] = from[0], to[1] = from[1], to[2] = from[2];
  if (pixels == PIXELS) to[3] = from[3], to[4] = from[4], to[5] = from[5];
}

// Adds a part of `count` values, of all channels, `channels` of them at a time. Sums are of pixel
// after pixel, channel after channel; with the first part they begin.
SF_INLINED void add_words(int32_t pixels, int channels, outputs *of, int is_first,
                          const uint32_t *values, const int8_t *weights, int32_t count) {
  const uint32_t rounding = of->rounding, *end = values + count / 2 * pixels;
  for (int32_t i = 0; i < of->count; i += channels, weights += channels * of->size) {
    const int32_t other = channels > 1 && i + 1 < of->count;  // else the same one
    const uint32_t *value = values, start = of->starts[i], next_start = of->starts[i + other];
    const int8_t *weight = weights, *next = weights + other * of->size;
    uint32_t *kept = of->sums + i * pixels, *next_kept = kept + other * pixels;
    uint32_t sums[] = {start, start, start, start, start, start};
    uint32_t nexts[] = {next_start, next_start, next_start, next_start, next_start, next_start};
    if (!is_first) copy_sums(pixels, kept, sums);
    if (!is_first && channels > 1) copy_sums(pixels, next_kept, nexts);
    for (; value != end; value += pixels, weight += 2, next += 2) {
      add_word(pixels, value, two_weights(weight), rounding, sums);
      if (channels > 1) add_word(pixels, value, two_weights(next), rounding, nexts);
    }
    if (count % 2 != 0) add_last(pixels, end, *weight, sums);
    if (count % 2 != 0 && channels > 1) add_last(pixels, end, *next, nexts);
    copy_sums(pixels, sums, kept);
    if (channels > 1) copy_sums(pixels, nexts, next_kept);
  }
}

static void add_to_pixels(outputs *of, int is_first, const uint32_t *values, const int8_t *weights,
                          int32_t count) {
  add_words(PIXELS, SF_MANY_REGISTERS ? 2 : 1, of, is_first, values, weights, count);
}

static void add_to_fewer_pixels(outputs *of, int is_first, const uint32_t *values,
                                const int8_t *weights, int32_t count) {
  add_words(FEWER_PIXELS, SF_MANY_REGISTERS ? 2 : 1, of, is_first, values, weights, count);
}

// A single pixel's words serve four channels at a time.
static void add_to_channels(outputs *of, int is_first, const uint32_t *values,
                            const int8_t *weights, int32_t count) {
  const uint32_t rounding = of->rounding, *end = values + count / 2;
  const int32_t size = of->size;
  for (int32_t i = 0; i < of->count; i += CHANNELS) {
    // The last ones may be the same.
    const int32_t last = of->count - 1 - i, one = last < 1 ? last : 1, two = last < 2 ? last : 2;
    const int8_t *weight0 = weights + i * size, *weight1 = weight0 + one * size;
    const int8_t *weight2 = weight0 + two * size, *weight3 = weight0 + (last < 3 ? last : 3) * size;
    uint32_t *kept = of->sums + i;
    const uint32_t *from = is_first ? of->starts + i : kept;
    uint32_t sum0 = from[0], sum1 = from[1], sum2 = from[2], sum3 = from[3];
    for (const uint32_t *value = values; value != end; ++value) {
      sum0 = sf_add_two(sum0, *value, two_weights(weight0), rounding), weight0 += 2;
      sum1 = sf_add_two(sum1, *value, two_weights(weight1), rounding), weight1 += 2;
      sum2 = sf_add_two(sum2, *value, two_weights(weight2), rounding), weight2 += 2;
      sum3 = sf_add_two(sum3, *value, two_weights(weight3), rounding), weight3 += 2;
    }
    if (count % 2 != 0) {
      const int32_t last = (int32_t)*end;
      sum0 += (uint32_t)(last * *weight0), sum1 += (uint32_t)(last * *weight1);
      sum2 += (uint32_t)(last * *weight2), sum3 += (uint32_t)(last * *weight3);
    }
    kept[0] = sum0, kept[1] = sum1, kept[2] = sum2, kept[3] = sum3;
  }
}

// --- Rows

// Each two products add 1 too little.
static void set_starts(outputs *of) {
  const int32_t zero_point = of->window->input_zero_point;
  const int8_t *weights = of->constants->codes + of->channel * of->size;
  int32_t i = 0;
  for (; i < of->count; ++i) {
    int32_t sum = 0;
    if (zero_point != 0) {
      for (const int8_t *end = weights + of->size; weights != end;) sum += *weights++;
    }
    of->starts[i] = (uint32_t)of->constants->bias[of->channel + i] + (uint32_t)(of->size / 2) -
                    (uint32_t)zero_point * (uint32_t)sum;
  }
  for (; i % CHANNELS != 0; ++i) of->starts[i] = 0;
}

// Columns x..x + pixels - 1 of the output. lanes: as many as are computed.
static void convolve_pixels(const sf_source *from, int32_t x, int32_t pixels, int32_t lanes,
                            outputs *of, int8_t *output) {
  const int8_t *weights = of->constants->codes + of->channel * of->size;
  const int32_t part = WORDS / lanes * 2;
  uint32_t words[WORDS];
  for (int32_t first = 0; first < of->size; first += part, weights += part) {
    const int32_t count = sf_clamp(of->size - first, 1, part);
    for (int32_t lane = 0; lane < lanes; ++lane) {
      const int32_t column = x + (lane < pixels ? lane : pixels - 1);
      pack_window(from, column, first, count, (packing){words + lane, lanes, 0});
    }
    if (lanes == PIXELS) {
      add_to_pixels(of, first == 0, words, weights, count);
    } else if (lanes == FEWER_PIXELS) {
      add_to_fewer_pixels(of, first == 0, words, weights, count);
    } else {
      add_to_channels(of, first == 0, words, weights, count);
    }
  }
  output += x * of->window->output_channels + of->channel;
  sf_store_channels(of->window, of->constants, of->channel, of->count, pixels, lanes, of->sums,
                    output);
}

void sf_convolve_row(const sf_window *window, const sf_constants *constants,
                     const int8_t *const *rows, int8_t *output) {
  const int32_t width = window->output_width, channels = window->output_channels / window->groups;
  outputs of;
  of.window = window, of.constants = constants;
  of.rounding = (uint32_t)SF_TO_UPPER_HALF;
  for (int32_t group = 0; group < window->groups; ++group) {
    const sf_source from = sf_source_of(window, rows, group);
    of.size = from.size;
    for (int32_t first = 0; first < channels; first += MOST_CHANNELS) {
      of.channel = group * channels + first;
      of.count = sf_clamp(channels - first, 1, MOST_CHANNELS);
      set_starts(&of);
      for (int32_t x = 0; x < width; x += PIXELS) {
        const int32_t pixels = sf_clamp(width - x, 1, PIXELS);
        const int32_t lanes = pixels > FEWER_PIXELS ? PIXELS : pixels > 1 ? FEWER_PIXELS : 1;
        convolve_pixels(&from, x, pixels, lanes, &of, output);
      }
    }
  }
}

#endif  // !SF_AVX && !SF_DSP && !SF_MVE && !SF_SIMD128
