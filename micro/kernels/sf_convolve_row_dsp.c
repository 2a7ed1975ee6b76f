// Works on four neighbouring pixels at a time. The codes under their windows are widened to int16
// once, less the zero point, so that padding is zeros; they then serve all output channels.
#include "sf_scale_dsp.h"
#include "sf_source.h"
#include "sf_sums.h"

#if SF_DSP

enum {
  PIXELS = 4,
  MOST_VALUES = 832,  // of a block's windows; longer ones are widened part by part
  MOST_COLLECTED = 256,
  PART_VALUES = 80,  // of a window
  PART_WORDS = PIXELS * PART_VALUES / 2,
  PART_CHANNELS = (MOST_VALUES / 2 - PART_WORDS) / PIXELS,  // whose sums lie behind these words
};

typedef struct {
  uint32_t pixel[PIXELS];
} sums_of_pixels;

// --- Widening

// Four at a time, the last of them in part again.
SF_INLINED void copy(int32_t count, const int8_t *from, int8_t *to) {
  if (count < 4) {
    for (; count > 0; --count) *to++ = *from++;
    return;
  }
  const int8_t *last = from + count - 4;
  int8_t *last_to = to + count - 4;
  for (; from < last; from += 4, to += 4) memcpy(to, from, 4);
  memcpy(last_to, last, 4);
}

// `count` values from position `at` of a row on, some of which lie in the padding.
SF_OUTLINED void copy_near_edge(const sf_window *window, int32_t count, const int8_t *row,
                                int32_t at, int8_t *to) {
  const int32_t end = row == NULL ? 0 : window->input_width * window->input_channels;
  for (; count > 0; --count, ++at) {
    *to++ = (int8_t)(at >= 0 && at < end ? row[at] : window->input_zero_point);
  }
}

// All values of the window that begins at position `at` of its rows, which have `row_end` values.
SF_OUTLINED void collect(const sf_source *from, int32_t at, int32_t row_end, int8_t *to) {
  for (int32_t y = 0; y < from->window->kernel_height; ++y) {
    const int8_t *row = from->rows[y];
    int32_t begin = at;
    for (int32_t run = from->runs; run > 0; --run, begin += from->step, to += from->length) {
      if (row != NULL && begin >= 0 && begin + from->length <= row_end) {
        copy(from->length, row + begin, to);
      } else {
        copy_near_edge(from->window, from->length, row, begin, to);
      }
    }
  }
}

// Values first..first + count - 1 of it.
SF_OUTLINED void collect_part(const sf_source *from, int32_t at, int32_t row_end, int32_t first,
                              int32_t count, int8_t *to) {
  int32_t run = first / from->length, skipped = first % from->length;
  for (const int8_t *end = to + count; to != end; ++run, skipped = 0) {
    const int32_t y = run / from->runs, rest = (int32_t)(end - to);
    const int32_t size = from->length - skipped < rest ? from->length - skipped : rest;
    const int32_t begin = at + (run - y * from->runs) * from->step + skipped;
    const int8_t *row = from->rows[y];
    if (row != NULL && begin >= 0 && begin + size <= row_end) {
      copy(size, row + begin, to);
    } else {
      copy_near_edge(from->window, size, row, begin, to);
    }
    to += size;
  }
}

// Four values become two words; those of the next four lie `apart` words further.
static void widen(int32_t count, uint32_t offsets, const int8_t *values, int32_t apart,
                  uint32_t *words) {
  const int8_t *next = values;
  for (const int8_t *end = values + count / 4 * 4; next != end; next += 4, words += apart) {
    const uint32_t codes = sf_four_codes(next);
    sf_store_two(sf_even_codes(offsets, codes), sf_odd_codes(offsets, codes), words);
  }
  if (count % 4 != 0) {
    const uint32_t codes = sf_last_codes(values, count);
    sf_store_two(sf_even_codes(offsets, codes), sf_odd_codes(offsets, codes), words);
  }
}

static int is_pointwise(const sf_window *window) {
  return window->kernel_height == 1 && window->kernel_width == 1;
}

// Values first..first + count - 1 of the windows of `pixels` pixels, from output column x on: two
// words of each pixel, then the next two of each.
static void widen_windows(const sf_source *from, int32_t x, int32_t pixels, int32_t first,
                          int32_t count, uint32_t *words) {
  const sf_window *window = from->window;
  const uint32_t offsets = sf_offsets(window->input_zero_point);
  const int32_t channels = window->input_channels, apart = window->stride * channels;
  const int32_t row_end = window->input_width * channels;
  int32_t at = x * apart - window->left * channels + from->channel;
  int8_t collected[MOST_COLLECTED];
  for (int32_t i = 0; i < pixels; ++i, at += apart) {
    const int8_t *values = is_pointwise(window) ? from->rows[0] + at + first : collected;
    if (!is_pointwise(window) && count == from->size) collect(from, at, row_end, collected);
    if (!is_pointwise(window) && count != from->size)
      collect_part(from, at, row_end, first, count, collected);
    widen(count, offsets, values, 2 * pixels, words + 2 * i);
  }
}

// --- Products

// Adds four values of each pixel times four weights; for up to three pixels.
SF_INLINED const uint32_t *add_four(int pixels, uint32_t weights, const uint32_t *words,
                                    sums_of_pixels *sums) {
  const uint32_t even = sf_even_weights(weights), odd = sf_odd_weights(weights);
  uint32_t values[4], *sum = sums->pixel;
  words = pixels == 1 ? sf_load_two(words, values) : sf_load_four(words, values);
  sum[0] = sf_add_both(sf_add_both(sum[0], values[0], even), values[1], odd);
  if (pixels == 1) return words;
  sum[1] = sf_add_both(sf_add_both(sum[1], values[2], even), values[3], odd);
  if (pixels == 3) {
    words = sf_load_two(words, values);
    sum[2] = sf_add_both(sf_add_both(sum[2], values[0], even), values[1], odd);
  }
  return words;
}

// Adds `count` values of each pixel times as many weights. Returns what follows on the weights.
SF_INLINED const int8_t *add_products(int pixels, int32_t count, const int8_t *weights,
                                      const uint32_t *words, sums_of_pixels *sums) {
  const int8_t *next = weights, *sixteens = weights + (count & ~15),
               *fours = weights + (count & ~3);
  if (pixels == 4) {
    if (next != sixteens) sf_add_to_four(16, &next, sixteens, &words, sums->pixel);
    if (count % 16 == 0) return next;
    if (next != fours) sf_add_to_four(4, &next, fours, &words, sums->pixel);
    if (count % 4 != 0) sf_add_word_to_four(sf_last_codes(weights, count), words, sums->pixel);
  } else {
    for (; next != sixteens; next += 16) {
      words = add_four(pixels, sf_four_codes(next), words, sums);
      words = add_four(pixels, sf_four_codes(next + 4), words, sums);
      words = add_four(pixels, sf_four_codes(next + 8), words, sums);
      words = add_four(pixels, sf_four_codes(next + 12), words, sums);
    }
    for (; next != fours; next += 4) {
      words = add_four(pixels, sf_four_codes(next), words, sums);
    }
    if (count % 4 != 0) add_four(pixels, sf_last_codes(weights, count), words, sums);
  }
  return weights + count;
}

// --- Work

// A block of pixels, and the output channels of one group.
typedef struct {
  const sf_window *window;
  sf_constants constants;
  int32_t channel, channels;
  int32_t size;             // of a channel's weights
  int32_t first, count;     // which of them meet the words
  const uint32_t *words;    // as widen_windows() leaves them
  sums_of_pixels *sums;     // of each channel
  int8_t *output;           // of the first pixel
  int32_t pitch;            // from one pixel to the next
  int32_t offset;           // see sf_code_of_sum()
  uint32_t usual_halvings;  // a factor that has fewer is not for the slow path
} work;

// Adds a part of the window to the sums.
SF_INLINED void add_part(int pixels, const work *of) {
  const int8_t *weights = of->constants.codes + of->channel * of->size + of->first;
  sums_of_pixels *sums = of->sums;
  for (const sums_of_pixels *end = sums + of->channels; sums != end; ++sums, weights += of->size) {
    sums_of_pixels copy = *sums;
    add_products(pixels, of->count, weights, of->words, &copy);
    *sums = copy;
  }
}
static void add_part_1(const work *of) { add_part(1, of); }
static void add_part_2(const work *of) { add_part(2, of); }
static void add_part_3(const work *of) { add_part(3, of); }
static void add_part_4(const work *of) { add_part(4, of); }

typedef void function(const work *);
static function *const add_parts[] = {add_part_1, add_part_2, add_part_3, add_part_4};

// With any factor and clamp.
static void store_slowly(const work *of, int32_t channel, int32_t pixels,
                         const sums_of_pixels *sums) {
  sf_store_codes(of->window, sf_channel_factor(&of->constants, channel), pixels, 1, sums->pixel,
                 of->output + channel);
}

// --- Channels that died in training: every sum has the same code

// The most that so many products can add up to.
static int32_t most_of(int32_t count) { return count * 255 * 128; }

// A factor with as many halvings leaves nothing of the products.
static uint32_t most_halvings(int32_t count) {
  uint32_t halvings = 15;
  while (most_of(count) >> halvings != 0) ++halvings;
  return halvings;
}

SF_INLINED sf_scale scale_of_channel(const work *of, int32_t channel) {
  return sf_scale_of(sf_channel_factor(&of->constants, channel));
}

// Stores the code of a channel whose sums all have the same. Returns whether it is one.
static int store_constant(const work *of, int32_t channel, int32_t pixels) {
  const sf_scale scale = scale_of_channel(of, channel);
  const uint32_t bias = (uint32_t)of->constants.bias[channel], most = (uint32_t)most_of(of->size);
  // A sum that wrapped around would be on the wrong side of the other.
  const int32_t lowest = (int32_t)(bias - most), highest = (int32_t)(bias + most);
  if (scale.halvings < 0 || lowest > highest) return 0;
  const int32_t code = sf_code_of_sum(SF_WHOLE_RANGE, scale, of->offset, bias - most);
  if (code != sf_code_of_sum(SF_WHOLE_RANGE, scale, of->offset, bias + most)) return 0;
  int8_t *output = of->output + channel;
  for (; pixels > 0; --pixels, output += of->pitch) {
    *output = (int8_t)sf_clamp(code, of->window->minimum, of->window->maximum);
  }
  return 1;
}

SF_OUTLINED void convolve_slowly(const work *of, int32_t channel, int32_t pixels) {
  if (store_constant(of, channel, pixels)) return;
  const uint32_t bias = (uint32_t)of->constants.bias[channel];
  sums_of_pixels sums = {{bias, bias, bias, bias}};
  work one = *of;
  one.channel = channel, one.channels = 1, one.sums = &sums;
  add_parts[pixels - 1](&one);
  store_slowly(of, channel, pixels, &sums);
}

// --- Rows

SF_INLINED int is_usual(const work *of, sf_scale scale) {
  return (uint32_t)scale.halvings < of->usual_halvings;
}

SF_INLINED void convolve(sf_range range, int pixels, const work *of) {
  const int32_t count = of->size;
  const int8_t *weights = of->constants.codes + of->channel * count;
  for (int32_t i = of->channel, end = i + of->channels; i != end; ++i) {
    const sf_scale scale = scale_of_channel(of, i);
    if (!is_usual(of, scale)) {
      convolve_slowly(of, i, pixels);
      weights += count;
      continue;
    }
    const uint32_t bias = (uint32_t)of->constants.bias[i];
    sums_of_pixels sums = {{bias, bias, bias, bias}};
    weights = add_products(pixels, count, weights, of->words, &sums);
    const int32_t pitch = of->pitch, offset = of->offset;
    int8_t *output = of->output + i;
    int32_t codes[PIXELS];
    codes[0] = sf_code_of_sum(range, scale, offset, sums.pixel[0]);
    codes[1] = sf_code_of_sum(range, scale, offset, sums.pixel[1]);
    if (pixels > 2) codes[2] = sf_code_of_sum(range, scale, offset, sums.pixel[2]);
    if (pixels > 3) codes[3] = sf_code_of_sum(range, scale, offset, sums.pixel[3]);
    if (pixels == 4) {
      sf_store_apart(codes, pitch, output);
    } else {
      output[0] = (int8_t)codes[0], output[pitch] = (int8_t)codes[1];
      if (pixels > 2) output[2 * pitch] = (int8_t)codes[2];
    }
  }
}

// Four values of one pixel times four weights of each of two channels.
SF_INLINED void add_four_to_two(const uint32_t values[2], uint32_t weights0, uint32_t weights1,
                                uint32_t sums[2]) {
  sums[0] = sf_add_both(sums[0], values[0], sf_even_weights(weights0));
  sums[0] = sf_add_both(sums[0], values[1], sf_odd_weights(weights0));
  sums[1] = sf_add_both(sums[1], values[0], sf_even_weights(weights1));
  sums[1] = sf_add_both(sums[1], values[1], sf_odd_weights(weights1));
}

// One pixel: two channels at a time share its words.
SF_INLINED void convolve_pixel(sf_range range, const work *of) {
  const int32_t count = of->size, end = of->channel + of->channels;
  const int8_t *weights = of->constants.codes + of->channel * count;
  int32_t i = of->channel;
  for (; i + 1 < end; i += 2, weights += 2 * count) {
    const sf_scale scale0 = scale_of_channel(of, i), scale1 = scale_of_channel(of, i + 1);
    if (!is_usual(of, scale0) || !is_usual(of, scale1)) {
      convolve_slowly(of, i, 1);
      convolve_slowly(of, i + 1, 1);
      continue;
    }
    uint32_t sums[2] = {(uint32_t)of->constants.bias[i], (uint32_t)of->constants.bias[i + 1]};
    const uint32_t *words = of->words;
    const int8_t *first = weights, *second = weights + count;
    uint32_t values[2];
    const int8_t *whole = first + (count & ~15);
    if (first != whole) sf_add_to_two(&first, whole, &second, &words, sums);
    for (int32_t left = count & 12; left > 0; left -= 4, first += 4, second += 4) {
      words = sf_load_two(words, values);
      add_four_to_two(values, sf_four_codes(first), sf_four_codes(second), sums);
    }
    if (count & 3) {
      sf_load_two(words, values);
      add_four_to_two(values, sf_last_codes(weights, count), sf_last_codes(weights + count, count),
                      sums);
    }
    of->output[i] = (int8_t)sf_code_of_sum(range, scale0, of->offset, sums[0]);
    of->output[i + 1] = (int8_t)sf_code_of_sum(range, scale1, of->offset, sums[1]);
  }
  if (i != end) convolve_slowly(of, i, 1);
}

// One function for each range and number of pixels.
static void whole_1(const work *of) { convolve_pixel(SF_WHOLE_RANGE, of); }
static void whole_2(const work *of) { convolve(SF_WHOLE_RANGE, 2, of); }
static void whole_3(const work *of) { convolve(SF_WHOLE_RANGE, 3, of); }
static void whole_4(const work *of) { convolve(SF_WHOLE_RANGE, 4, of); }
static void from_zero_1(const work *of) { convolve_pixel(SF_FROM_ZERO, of); }
static void from_zero_2(const work *of) { convolve(SF_FROM_ZERO, 2, of); }
static void from_zero_3(const work *of) { convolve(SF_FROM_ZERO, 3, of); }
static void from_zero_4(const work *of) { convolve(SF_FROM_ZERO, 4, of); }
static function *const of_range[][PIXELS] = {{whole_1, whole_2, whole_3, whole_4},
                                             {from_zero_1, from_zero_2, from_zero_3, from_zero_4}};

// The codes of sums that are kept.
SF_INLINED void store_sums(sf_range range, int32_t pixels, const work *of) {
  for (int32_t i = 0; i < of->channels; ++i) {
    const sf_scale scale = scale_of_channel(of, of->channel + i);
    int8_t *output = of->output + of->channel + i;
    if (!is_usual(of, scale)) {
      store_slowly(of, of->channel + i, pixels, &of->sums[i]);
      continue;
    }
    for (int32_t x = 0; x < pixels; ++x, output += of->pitch) {
      *output = (int8_t)sf_code_of_sum(range, scale, of->offset, of->sums[i].pixel[x]);
    }
  }
}

static void convolve_by_parts(const sf_source *from, sf_range range, int32_t x, int32_t pixels,
                              uint32_t *words, work of) {
  of.sums = (sums_of_pixels *)(words + PART_WORDS);
  for (const int32_t end = of.channel + of.channels; of.channel < end; of.channel += of.channels) {
    of.channels = end - of.channel < PART_CHANNELS ? end - of.channel : PART_CHANNELS;
    for (int32_t i = 0; i < of.channels; ++i) {
      const uint32_t bias = (uint32_t)of.constants.bias[of.channel + i];
      of.sums[i] = (sums_of_pixels){{bias, bias, bias, bias}};
    }
    for (of.first = 0; of.first < of.size; of.first += of.count) {
      of.count = of.size - of.first < PART_VALUES ? of.size - of.first : PART_VALUES;
      widen_windows(from, x, pixels, of.first, of.count, words);
      add_parts[pixels - 1](&of);
    }
    if (range == SF_FROM_ZERO) {
      store_sums(SF_FROM_ZERO, pixels, &of);
    } else {
      store_sums(SF_WHOLE_RANGE, pixels, &of);
    }
  }
}

static void convolve_group(const sf_source *from, sf_range range, work of) {
  const int32_t width = of.window->output_width;
  uint32_t words[MOST_VALUES / 2];
  int8_t *output = of.output;
  of.words = words;
  for (int32_t x = 0, pixels; x < width; x += pixels) {
    pixels = width - x < PIXELS ? width - x : PIXELS;
    of.output = output + x * of.pitch;
    const int32_t most = is_pointwise(of.window) ? MOST_VALUES : MOST_COLLECTED;
    if (of.size > most || (of.size + 3) / 4 * 4 * pixels > MOST_VALUES) {
      convolve_by_parts(from, range, x, pixels, words, of);
    } else {
      widen_windows(from, x, pixels, 0, of.size, words);
      of_range[range == SF_FROM_ZERO][pixels - 1](&of);
    }
  }
}

void sf_convolve_row(const sf_window *window, const sf_constants *constants,
                     const int8_t *const *rows, int8_t *output) {
  const int32_t zero_point = window->output_zero_point, pitch = window->output_channels;
  const sf_range range = sf_range_of(window->minimum, window->maximum, zero_point);
  work of = {.window = window, .constants = *constants, .output = output, .pitch = pitch};
  of.channels = pitch / window->groups;
  of.offset = sf_code_offset(zero_point);
  for (int32_t group = 0; group < window->groups; ++group, of.channel += of.channels) {
    const sf_source from = sf_source_of(window, rows, group);
    of.size = of.count = from.size;
    of.usual_halvings = range == SF_OTHER_RANGE ? 0 : most_halvings(from.size);
    convolve_group(&from, range, of);
  }
}

#endif  // SF_DSP
