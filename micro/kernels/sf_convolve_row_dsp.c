// Works on four neighbouring pixels at a time. The codes under their windows are widened to int16
// once, less the zero point, so that padding is zeros; they then serve all output channels. As many
// fours of pixels as there is room for share what is done once a channel.
#include "sf_scale_dsp.h"
#include "sf_sums.h"

#if SF_DSP

enum {
  PIXELS = 4,
  ROOM = 512,                   // for values that are widened at a time
  MOST_VALUES = ROOM / PIXELS,  // of a window; a longer one is widened part by part
  PART_VALUES = 3 * ROOM / 4 / PIXELS,
  PART_CHANNELS = ROOM / 4 / 8,  // whose sums lie in the rest of the room
};

typedef struct {
  uint32_t pixel[PIXELS];
} sums_of_pixels;

// --- Widening

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

static void copy(int32_t count, const int8_t *from, int8_t *to) {
  for (; count >= 4; count -= 4, from += 4, to += 4) memcpy(to, from, 4);
  for (; count > 0; --count) *to++ = *from++;
}

// `count` values from position `at` of a row on, some of which lie in the padding.
SF_OUTLINED void copy_near_edge(const sf_window *window, int32_t count, const int8_t *row,
                                int32_t at, int8_t *to) {
  const int32_t end = row == NULL ? 0 : window->input_width * window->input_channels;
  for (; count > 0; --count, ++at) {
    *to++ = (int8_t)(at >= 0 && at < end ? row[at] : window->input_zero_point);
  }
}

// Values first..first + count - 1 of the window that begins at position `at` of its rows.
SF_OUTLINED void collect(const source *from, int32_t at, int32_t first, int32_t count, int8_t *to) {
  const int32_t row_end = from->window->input_width * from->window->input_channels;
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

// Values first..first + count - 1 of the windows of `pixels` pixels, from output column x on: two
// words of each pixel, then the next two of each.
static void widen_windows(const source *from, int32_t x, int32_t pixels, int32_t first,
                          int32_t count, uint32_t *words) {
  const sf_window *window = from->window;
  const uint32_t offsets = sf_offsets(window->input_zero_point);
  const int is_pointwise = window->kernel_height == 1 && window->kernel_width == 1;
  const int32_t channels = window->input_channels, apart = window->stride * channels;
  int32_t at = x * apart - window->left * channels + from->channel;
  int8_t collected[MOST_VALUES];
  for (int32_t i = 0; i < pixels; ++i, at += apart) {
    const int8_t *values = is_pointwise ? from->rows[0] + at + first : collected;
    if (!is_pointwise) collect(from, at, first, count, collected);
    widen(count, offsets, values, 2 * pixels, words + 2 * i);
  }
}

// --- Products

// Adds four values of each pixel times four weights.
SF_INLINED const uint32_t *add_four(int pixels, uint32_t weights, const uint32_t *words,
                                    sums_of_pixels *sums) {
  const uint32_t even = sf_even_weights(weights), odd = sf_odd_weights(weights);
  uint32_t values[4], *sum = sums->pixel;
  if (pixels >= 2) {
    words = sf_load_four(words, values);
    sum[0] = sf_add_both(sf_add_both(sum[0], values[0], even), values[1], odd);
    sum[1] = sf_add_both(sf_add_both(sum[1], values[2], even), values[3], odd);
  }
  if (pixels == 4) {
    words = sf_load_four(words, values);
    sum[2] = sf_add_both(sf_add_both(sum[2], values[0], even), values[1], odd);
    sum[3] = sf_add_both(sf_add_both(sum[3], values[2], even), values[3], odd);
  }
  if (pixels % 2 == 1) {
    sum += pixels - 1;
    words = sf_load_two(words, values);
    *sum = sf_add_both(sf_add_both(*sum, values[0], even), values[1], odd);
  }
  return words;
}

// Adds `count` values of each pixel times as many weights. Returns what follows on their words.
SF_INLINED const uint32_t *add_products(int pixels, int32_t count, const int8_t *weights,
                                        const uint32_t *words, sums_of_pixels *sums) {
  const int8_t *next = weights;
#define ADD_FOUR (words = add_four(pixels, sf_four_codes(next), words, sums), next += 4)
  for (const int8_t *end = weights + count / 16 * 16; next != end;) {
    ADD_FOUR, ADD_FOUR, ADD_FOUR, ADD_FOUR;
  }
  if (count % 16 != 0) {
    if (count & 8) ADD_FOUR, ADD_FOUR;
    if (count & 4) ADD_FOUR;
    if (count & 3) words = add_four(pixels, sf_last_codes(weights, count), words, sums);
  }
#undef ADD_FOUR
  return words;
}

// --- Rows

// Some output channels of some pixels.
typedef struct {
  const sf_window *window;
  const sf_constants *constants;
  int32_t size;           // of a channel's weights
  int32_t first, count;   // which of them meet the words
  const uint32_t *words;  // as widen_windows() leaves them, so many blocks one behind the other
  int32_t blocks;
  int32_t channel, channels;
  int8_t *output;  // of the first pixel
} work;

SF_INLINED void store(sf_range range, int pixels, sf_scale scale, int32_t offset, int32_t pitch,
                      const uint32_t *sums, int8_t *output) {
  output[0] = sf_code_of_sum(range, scale, offset, sums[0]);
  if (pixels > 1) output[pitch] = sf_code_of_sum(range, scale, offset, sums[1]);
  if (pixels > 2) output[2 * pitch] = sf_code_of_sum(range, scale, offset, sums[2]);
  if (pixels > 3) output[3 * pitch] = sf_code_of_sum(range, scale, offset, sums[3]);
}

SF_OUTLINED int8_t code_of_sum(sf_range range, sf_scale scale, int32_t offset, uint32_t sum) {
  if (range == SF_WHOLE_RANGE) return sf_code_of_sum(SF_WHOLE_RANGE, scale, offset, sum);
  return sf_code_of_sum(SF_FROM_ZERO_POINT, scale, offset, sum);
}

// With any factor and clamp.
SF_OUTLINED void store_slowly(const work *of, int32_t channel, int32_t pixels, sums_of_pixels sums,
                              int8_t *output) {
  sf_store_codes(of->window, sf_channel_factor(of->constants, channel), pixels, 1, sums.pixel,
                 output);
}

// Whether every sum of a channel has the same code, as is so in channels that died in training.
SF_INLINED int is_constant(sf_range range, sf_scale scale, int32_t offset, uint32_t bias,
                           int32_t count) {
  const int32_t most = count * 255 * 128;  // of a sum of products
  if (range == SF_OTHER_RANGE || most >> scale.halvings != 0) return 0;
  // A sum that wrapped around would be on the wrong side of the other.
  const int32_t lowest = (int32_t)(bias - (uint32_t)most),
                highest = (int32_t)(bias + (uint32_t)most);
  return lowest < highest && code_of_sum(range, scale, offset, (uint32_t)lowest) ==
                                 code_of_sum(range, scale, offset, (uint32_t)highest);
}

SF_INLINED void convolve(int pixels, const work *of) {
  const sf_constants constants = *of->constants;
  const int32_t count = of->count, pitch = of->window->output_channels;
  const int32_t zero_point = of->window->output_zero_point, offset = sf_code_offset(zero_point);
  const sf_range range = sf_range_of(of->window->minimum, of->window->maximum, zero_point);
  const uint32_t *begin = of->words, *end = begin + of->blocks * pixels * ((count + 3) / 4 * 2);
  const int8_t *weights = constants.codes + of->channel * count;
  int8_t *output = of->output;
  for (int32_t i = of->channel, last = i + of->channels; i < last; ++i, weights += count) {
    const uint32_t bias = (uint32_t)constants.bias[i];
    const sf_scale scale = sf_scale_of(sf_channel_factor(&constants, i));
    const sf_range of_channel = scale.halvings < 0 ? SF_OTHER_RANGE : range;
    int8_t *to = output + i;
    if (is_constant(of_channel, scale, offset, bias, count)) {
      const int8_t code = code_of_sum(of_channel, scale, offset, bias);
      for (int32_t left = of->blocks * pixels; left > 0; --left, to += pitch) *to = code;
      continue;
    }
    for (const uint32_t *words = begin; words != end; to += PIXELS * pitch) {
      sums_of_pixels sums = {{bias, bias, bias, bias}};
      words = add_products(pixels, count, weights, words, &sums);
      if (of_channel == SF_WHOLE_RANGE) {
        store(SF_WHOLE_RANGE, pixels, scale, offset, pitch, sums.pixel, to);
      } else if (of_channel == SF_FROM_ZERO_POINT) {
        store(SF_FROM_ZERO_POINT, pixels, scale, offset, pitch, sums.pixel, to);
      } else {
        store_slowly(of, i, pixels, sums, to);
      }
    }
  }
}

// A part of the windows of one block.
SF_INLINED void convolve_part(int pixels, const work *of, sums_of_pixels *sums) {
  const int8_t *weights = of->constants->codes + of->channel * of->size + of->first;
  for (const sums_of_pixels *end = sums + of->channels; sums != end; ++sums, weights += of->size) {
    sums_of_pixels copy = *sums;
    add_products(pixels, of->count, weights, of->words, &copy);
    *sums = copy;
  }
}

// One function for each number of pixels.
static void convolve_1(const work *of) { convolve(1, of); }
static void convolve_2(const work *of) { convolve(2, of); }
static void convolve_3(const work *of) { convolve(3, of); }
static void convolve_4(const work *of) { convolve(4, of); }
static void part_1(const work *of, sums_of_pixels *sums) { convolve_part(1, of, sums); }
static void part_2(const work *of, sums_of_pixels *sums) { convolve_part(2, of, sums); }
static void part_3(const work *of, sums_of_pixels *sums) { convolve_part(3, of, sums); }
static void part_4(const work *of, sums_of_pixels *sums) { convolve_part(4, of, sums); }

// One block of pixels with long windows.
static void convolve_by_parts(const source *from, int32_t x, int32_t pixels, uint32_t *words,
                              work of) {
  static void (*const parts[])(const work *, sums_of_pixels *) = {part_1, part_2, part_3, part_4};
  sums_of_pixels *sums = (sums_of_pixels *)(words + PIXELS * PART_VALUES / 2);
  for (const int32_t end = of.channel + of.channels; of.channel < end; of.channel += of.channels) {
    of.channels = end - of.channel < PART_CHANNELS ? end - of.channel : PART_CHANNELS;
    for (int32_t i = 0; i < of.channels; ++i) {
      const uint32_t bias = (uint32_t)of.constants->bias[of.channel + i];
      sums[i] = (sums_of_pixels){{bias, bias, bias, bias}};
    }
    for (of.first = 0; of.first < of.size; of.first += of.count) {
      of.count = of.size - of.first < PART_VALUES ? of.size - of.first : PART_VALUES;
      widen_windows(from, x, pixels, of.first, of.count, words);
      parts[pixels - 1](&of, sums);
    }
    for (int32_t i = of.channel; i < of.channel + of.channels; ++i) {
      store_slowly(&of, i, pixels, sums[i - of.channel], of.output + i);
    }
  }
}

static void convolve_group(const source *from, const sf_constants *constants, int32_t channel,
                           int32_t channels, int8_t *output) {
  static void (*const functions[])(const work *) = {convolve_1, convolve_2, convolve_3, convolve_4};
  const sf_window *window = from->window;
  const int32_t size = from->size, width = window->output_width;
  const int32_t block_words = PIXELS * ((size + 3) / 4 * 2);
  uint32_t words[ROOM / 2];
  work of = {window, constants, size, 0, size, words, 1, channel, channels, output};
  for (int32_t x = 0, pixels; x < width; x += of.blocks * pixels) {
    of.output = output + x * window->output_channels;
    pixels = width - x < PIXELS ? width - x : PIXELS;
    if (size > MOST_VALUES) {
      convolve_by_parts(from, x, pixels, words, of);
      continue;
    }
    of.blocks = sf_clamp((width - x) / PIXELS, 1, ROOM / 2 / block_words);
    for (int32_t i = 0; i < of.blocks; ++i) {
      widen_windows(from, x + i * PIXELS, pixels, 0, size, words + i * block_words);
    }
    functions[pixels - 1](&of);
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

#endif  // SF_DSP
