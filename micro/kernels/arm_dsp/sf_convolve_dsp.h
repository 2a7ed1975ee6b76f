// A row of a convolution, by weights as they are or, where SF_WIDENED is 1, widened.
//
// Works on up to six neighbouring pixels at a time. The codes under their windows are widened to
// int16 once, less the zero point, so that padding is zeros; they then serve all output channels.
#ifndef SF_CONVOLVE_DSP_H_
#define SF_CONVOLVE_DSP_H_

#include "sf_scale_dsp.h"
#include "sf_source.h"
#include "sf_sums.h"

#if SF_DSP

enum {
  PIXELS = 6,
  CHANNELS = 4,  // of a single pixel
  ROOM = 1872,   // bytes of windows on the stack

  // Windows of which fewer pixels would fit, but not the whole row, are taken part by part.
  FEWEST_PIXELS = 3,
  PART_PIXELS = 4,
  PART_VALUES = 320,  // of all its pixels
  PART_CODES = 208,   // of one pixel, if they are collected
  PART_CHANNELS = 64,
};

typedef struct {
  uint32_t pixel[PART_PIXELS];
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
  for (; from < last; from += 4, to += 4) SF_COPY(to, from, 4);
  SF_COPY(last_to, last, 4);
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

// Four values become two words; those of the next four come after `between` others.
static void widen(int32_t count, uint32_t offsets, const int8_t *values, int32_t between,
                  uint32_t *words) {
  const int8_t *next = values;
  for (const int8_t *end = values + count / 4 * 4; next != end; next += 4) {
    const uint32_t codes = sf_four_codes(next);
    words = sf_store_two(sf_even_codes(offsets, codes), sf_odd_codes(offsets, codes), words);
    words += between;
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
// words of each pixel, then the next two of each. collected: room for as many codes, unless the
// window is pointwise.
static void widen_windows(const sf_source *from, int32_t x, int32_t pixels, int32_t first,
                          int32_t count, int8_t *collected, uint32_t *words) {
  const sf_window *window = from->window;
  const uint32_t offsets = sf_offsets(window->input_zero_point);
  const int32_t channels = window->input_channels, apart = window->stride * channels;
  const int32_t row_end = window->input_width * channels;
  int32_t at = x * apart - window->left * channels + from->channel;
  if (is_pointwise(window)) {
    const int8_t *values = from->rows[0] + at + first;
    for (int32_t i = 0; i < pixels; ++i, values += apart) {
      widen(count, offsets, values, 2 * pixels - 2, words + 2 * i);
    }
    return;
  }
  for (int32_t i = 0; i < pixels; ++i, at += apart) {
    if (count == from->size) {
      collect(from, at, row_end, collected);
    } else {
      collect_part(from, at, row_end, first, count, collected);
    }
    widen(count, offsets, collected, 2 * pixels - 2, words + 2 * i);
  }
}

// --- Products

enum { BYTES = SF_WIDENED ? 2 : 1 };  // of a weight

// How many of so many weights come in whole fours: all, if they are widened, for they are filled
// up.
static int32_t in_fours(int32_t count) { return (SF_WIDENED ? count + 3 : count) & ~3; }

// What the weights of a channel take.
static int32_t bytes_of(int32_t count) { return SF_WIDENED ? in_fours(count) * BYTES : count; }

// The codes that come after the last whole four of a channel, whose codes end at `end`.
SF_INLINED uint32_t last_weights(int32_t count, const int8_t *end) {
  return sf_last_codes(end - count, count);
}

// Values of each pixel that meet as many weights of a channel.
typedef struct {
  int32_t count;
  int32_t fours;  // bytes of those weights that come in whole fours
  int32_t entry;  // see sf_add_to_pixels()
} products;

static products products_of(int32_t count, int32_t entry) {
  return (products){count, in_fours(count) * BYTES, entry};
}

static int have_rest(const products *of) { return !SF_WIDENED && of->fours != of->count; }

// Adds them to the sums. Returns what follows on the words.
SF_INLINED const uint32_t *add_products(int pixels, const products *of, const int8_t *weights,
                                        const uint32_t *words, uint32_t *sums) {
  words =
      sf_add_to_pixels(SF_WIDENED, pixels, of->entry, weights, weights + of->fours, words, sums);
  if (!have_rest(of)) return words;
  return sf_add_word_to_pixels(pixels, last_weights(of->count, weights + of->count), words, sums);
}

// Four weights of a channel, or fewer and zeros.
typedef struct {
  uint32_t words[BYTES];
} four_weights;

// Where `left` of `size` are left.
SF_INLINED four_weights load_four(int32_t size, int32_t left, const int8_t *from) {
  if (!SF_WIDENED && left < 4) return (four_weights){{last_weights(size, from + left)}};
  four_weights four;
  SF_COPY(&four, from, sizeof four);
  return four;
}

// The sum with the products of four values of one pixel.
SF_INLINED uint32_t add_four(const uint32_t values[2], const four_weights *by, uint32_t sum) {
  const uint32_t *words = by->words;
  sum = sf_add_both(sum, values[0], SF_WIDENED ? words[0] : sf_even_weights(words[0]));
  return sf_add_both(sum, values[1], SF_WIDENED ? words[BYTES - 1] : sf_odd_weights(words[0]));
}

// --- Work

// Blocks of as many pixels each, and the output channels of one group. Channels are told by how far
// they lie before the end of the group.
typedef struct {
  const sf_window *window;
  sf_constants constants;  // of the end
  int32_t channel, channels;
  int32_t size;       // weights of a channel
  products products;  // of weights and words
  int32_t first;      // of these weights
  int32_t blocks;
  const uint32_t *words, *words_end;  // as widen_windows() leaves them
  sums_of_pixels *sums;               // of each channel
  int8_t *output;                     // of the end, of the first pixel
  int32_t pitch;                      // from one pixel to the next
  int32_t zero_point;                 // of the output
  sf_range range;
  int32_t usual_shifts;  // a factor with a shift of as many to the right is not for the slow path
} work;

// Adds a part of the window to the sums.
SF_INLINED void add_part(int pixels, const work *of) {
  const int8_t *weights =
      of->constants.codes + of->channel * bytes_of(of->size) + of->first * BYTES;
  sums_of_pixels *sums = of->sums;
  for (const sums_of_pixels *end = sums + of->channels; sums != end;
       ++sums, weights += bytes_of(of->size)) {
    uint32_t copy[PIXELS] = {sums->pixel[0], sums->pixel[1], sums->pixel[2], sums->pixel[3]};
    add_products(pixels, &of->products, weights, of->words, copy);
    *sums = (sums_of_pixels){{copy[0], copy[1], copy[2], copy[3]}};
  }
}
static void add_part_1(const work *of) { add_part(1, of); }
static void add_part_2(const work *of) { add_part(2, of); }
static void add_part_3(const work *of) { add_part(3, of); }
static void add_part_4(const work *of) { add_part(4, of); }

typedef void function(const work *);
static function *const add_parts[] = {add_part_1, add_part_2, add_part_3, add_part_4};

// With any factor and clamp.
SF_OUTLINED void store_slowly(const work *of, int32_t channel, int32_t pixels, const uint32_t *sums,
                              int8_t *output) {
  const sf_factor factor = sf_channel_factor(&of->constants, channel);
  sf_store_codes(of->window, factor, pixels, 1, sums, output);
}

// --- Channels that died in training: every sum has the same code

// The most that so many products can add up to.
static int32_t most_of(int32_t count) { return count * 255 * 128; }

// A factor with a shift of more to the right leaves nothing of the products.
static int32_t most_shifts(int32_t count) {
  int32_t shifts = 15;
  while (most_of(count) >> shifts != 0) ++shifts;
  return shifts;
}

// Stores the code of a channel whose sums all have the same. Returns whether it is one.
static int store_constant(const work *of, int32_t channel, int32_t pixels) {
  const sf_window *window = of->window;
  const sf_factor factor = sf_channel_factor(&of->constants, channel);
  const uint32_t bias = (uint32_t)of->constants.bias[channel], most = (uint32_t)most_of(of->size);
  // A sum that wrapped around would be on the wrong side of the other.
  const int32_t lowest = (int32_t)(bias - most), highest = (int32_t)(bias + most);
  if (factor.shift > 0 || lowest > highest) return 0;
  const int32_t scaled = sf_requantise(lowest, factor.multiplier, factor.shift);
  if (scaled != sf_requantise(highest, factor.multiplier, factor.shift)) return 0;
  const int8_t code = sf_code(scaled, window->output_zero_point, window->minimum, window->maximum);
  int8_t *output = of->output + channel;
  for (; pixels > 0; --pixels, output += window->output_channels) *output = code;
  return 1;
}

// --- Rows

// Returns a negative number if a factor is for sf_code_of_sum().
SF_INLINED int32_t unpack(const sf_constants *constants, int32_t channel, sf_scale *scale,
                          int32_t *shift) {
  const int32_t word = constants->factors[channel];
  const int32_t narrow = constants->shifts == NULL;
  *shift = narrow ? (word & 127) - 64 : constants->shifts[channel];
  scale->multiplier = (int32_t)((uint32_t)(narrow ? word & ~127 : word) << 1);
  scale->power = (int32_t)(UINT32_C(1) << (*shift & 31));
  return scale->multiplier & (*shift + 1);
}

// Any channel.
SF_OUTLINED void convolve_slowly(const work *of, int32_t channel, int32_t pixels) {
  if (store_constant(of, channel, pixels * of->blocks)) return;
  const uint32_t start = (uint32_t)of->constants.bias[channel], *words = of->words;
  int8_t *output = of->output + channel;
  for (int32_t i = 0; i < of->blocks; ++i, output += pixels * of->pitch) {
    const int8_t *weights = of->constants.codes + channel * bytes_of(of->size);
    uint32_t sums[PIXELS] = {start, start, start, start, start, start}, values[2];
    for (int32_t left = of->size; left > 0; left -= 4, weights += 4 * BYTES) {
      const four_weights four = load_four(of->size, left, weights);
      for (int32_t pixel = 0; pixel < pixels; ++pixel) {
        words = sf_load_two(words, values);
        sums[pixel] = add_four(values, &four, sums[pixel]);
      }
    }
    store_slowly(of, channel, pixels, sums, output);
  }
}

// Stores one or two pixels' codes. Returns where the next one belongs.
SF_INLINED int8_t *store_two(sf_range range, int pixels, sf_scale scale, int32_t zero_point,
                             uint32_t sum, uint32_t next, int32_t pitch, int8_t *to) {
  const int32_t code = sf_code_of_sum(range, scale, zero_point, sum);
  if (pixels > 1) {
    return sf_store_apart(code, sf_code_of_sum(range, scale, zero_point, next), pitch, to);
  }
  *to = (int8_t)code;
  return to + pitch;
}

SF_INLINED int8_t *store_pixels(sf_range range, int pixels, sf_scale scale, int32_t zero_point,
                                const uint32_t *sums, int32_t pitch, int8_t *to) {
  to = store_two(range, pixels, scale, zero_point, sums[0], sums[1], pitch, to);
  if (pixels > 2) {
    to = store_two(range, pixels - 2, scale, zero_point, sums[2], sums[3], pitch, to);
  }
  if (pixels > 4) {
    to = store_two(range, pixels - 4, scale, zero_point, sums[4], sums[5], pitch, to);
  }
  return to;
}

SF_INLINED void store_channels(sf_range range, const sf_scale *scales, int32_t zero_point,
                               const uint32_t *sums, int8_t *to) {
  to[0] = (int8_t)sf_code_of_sum(range, scales[0], zero_point, sums[0]);
  to[1] = (int8_t)sf_code_of_sum(range, scales[1], zero_point, sums[1]);
  to[2] = (int8_t)sf_code_of_sum(range, scales[2], zero_point, sums[2]);
  to[3] = (int8_t)sf_code_of_sum(range, scales[3], zero_point, sums[3]);
}

// Blocks of so many pixels.
SF_INLINED void convolve(int pixels, const work *of) {
  for (int32_t i = of->channel; i != 0; ++i) {
    const int8_t *weights = of->constants.codes + i * bytes_of(of->size);
    sf_scale scale;
    int32_t shift;
    if ((unpack(&of->constants, i, &scale, &shift) & ~(shift + of->usual_shifts)) >= 0) {
      convolve_slowly(of, i, pixels);
      continue;
    }
    const uint32_t start = (uint32_t)of->constants.bias[i], *words = of->words;
    int8_t *output = of->output + i;
    do {
      uint32_t sums[PIXELS] = {start, start, start, start, start, start};
      words = add_products(pixels, &of->products, weights, words, sums);
      if (of->range == SF_FROM_LOWEST) {
        output = store_pixels(SF_FROM_LOWEST, pixels, scale, INT8_MIN, sums, of->pitch, output);
      } else if (of->range == SF_FROM_ZERO) {
        output = store_pixels(SF_FROM_ZERO, pixels, scale, 0, sums, of->pitch, output);
      } else if (of->range == SF_WHOLE_RANGE) {
        output =
            store_pixels(SF_WHOLE_RANGE, pixels, scale, of->zero_point, sums, of->pitch, output);
      } else {
        const uint32_t kept[] = {sums[0], sums[1], sums[2], sums[3], sums[4], sums[5]};
        store_slowly(of, i, pixels, kept, output);
        output += pixels * of->pitch;
      }
    } while (words != of->words_end);
  }
}

static void convolve_channels_slowly(const work *of, int32_t channel, int32_t end) {
  for (; channel < end; ++channel) convolve_slowly(of, channel, 1);
}

// One pixel: its words serve four channels at a time.
static void convolve_pixel(const work *of) {
  if (of->channel > -CHANNELS) {
    convolve_channels_slowly(of, of->channel, 0);
    return;
  }
  for (int32_t first = of->channel; first < 0; first += CHANNELS) {
    // The last four channels are made again in part.
    const int32_t i = first < -CHANNELS ? first : -CHANNELS, count = of->size;
    sf_scale scales[CHANNELS];
    int32_t shift, usual = unpack(&of->constants, i, &scales[0], &shift);
    usual &= unpack(&of->constants, i + 1, &scales[1], &shift);
    usual &= unpack(&of->constants, i + 2, &scales[2], &shift);
    usual &= unpack(&of->constants, i + 3, &scales[3], &shift);
    if (usual >= 0) {
      convolve_channels_slowly(of, first, i + CHANNELS);
      continue;
    }
    const int32_t *bias = of->constants.bias + i;
    uint32_t sums[CHANNELS] = {(uint32_t)bias[0], (uint32_t)bias[1], (uint32_t)bias[2],
                               (uint32_t)bias[3]};
    const int8_t *weights = of->constants.codes + i * bytes_of(of->size);
    const uint32_t *words =
        sf_add_to_channels(SF_WIDENED, of->products.entry, weights, bytes_of(of->size),
                           weights + of->products.fours, of->words, sums);
    if (have_rest(&of->products)) {
      uint32_t values[2];
      sf_load_two(words, values);
      for (int32_t k = 0; k < CHANNELS; ++k) {
        const four_weights rest = {{last_weights(count, weights + (k + 1) * count)}};
        sums[k] = add_four(values, &rest, sums[k]);
      }
    }
    int8_t *output = of->output + i;
    if (of->range == SF_WHOLE_RANGE) {
      store_channels(SF_WHOLE_RANGE, scales, of->zero_point, sums, output);
    } else if (of->range == SF_FROM_LOWEST) {
      store_channels(SF_FROM_LOWEST, scales, INT8_MIN, sums, output);
    } else if (of->range == SF_FROM_ZERO) {
      store_channels(SF_FROM_ZERO, scales, 0, sums, output);
    } else {
      const uint32_t kept[] = {sums[0], sums[1], sums[2], sums[3]};
      for (int32_t k = 0; k < CHANNELS; ++k) store_slowly(of, i + k, 1, kept + k, output + k);
    }
  }
}

static void convolve_2(const work *of) { convolve(2, of); }
static void convolve_3(const work *of) { convolve(3, of); }
static void convolve_4(const work *of) { convolve(4, of); }
static void convolve_5(const work *of) { convolve(5, of); }
static void convolve_6(const work *of) { convolve(6, of); }
static function *const convolve_pixels[PIXELS] = {convolve_pixel, convolve_2, convolve_3,
                                                  convolve_4,     convolve_5, convolve_6};

// --- Windows that are taken part by part

static void store_sums(int32_t pixels, const work *of) {
  for (int32_t i = of->channel, end = i + of->channels; i != end; ++i) {
    const uint32_t *sums = of->sums[i - of->channel].pixel;
    int8_t *output = of->output + i;
    sf_scale scale;
    int32_t shift;
    if (of->range == SF_OTHER_RANGE || unpack(&of->constants, i, &scale, &shift) >= 0) {
      store_slowly(of, i, pixels, sums, output);
      continue;
    }
    for (int32_t x = 0; x < pixels; ++x, output += of->pitch) {
      if (of->range == SF_FROM_ZERO) {
        *output = (int8_t)sf_code_of_sum(SF_FROM_ZERO, scale, 0, sums[x]);
      } else {
        *output = (int8_t)sf_code_of_sum(SF_WHOLE_RANGE, scale, of->zero_point, sums[x]);
      }
    }
  }
}

// Outlined, as is the other, so that their arrays need not lie in memory together.
SF_OUTLINED void convolve_by_parts(const sf_source *from, int32_t x, int32_t pixels, work *of) {
  uint32_t words[PART_VALUES / 2];
  int8_t collected[PART_CODES];
  sums_of_pixels sums[PART_CHANNELS];
  const int32_t most = PART_VALUES / pixels & ~3;
  const int32_t part = most <= PART_CODES || is_pointwise(from->window) ? most : PART_CODES;
  const int32_t channel = of->channel;
  of->words = words, of->sums = sums;
  for (; of->channel < 0; of->channel += of->channels) {
    of->channels = -of->channel < PART_CHANNELS ? -of->channel : PART_CHANNELS;
    for (int32_t i = 0; i < of->channels; ++i) {
      const uint32_t bias = (uint32_t)of->constants.bias[of->channel + i];
      sums[i] = (sums_of_pixels){{bias, bias, bias, bias}};
    }
    for (of->first = 0; of->first < of->size; of->first += of->products.count) {
      const int32_t count = of->size - of->first < part ? of->size - of->first : part;
      of->products = products_of(count, sf_entry_of_pixels(SF_WIDENED, pixels, in_fours(count)));
      widen_windows(from, x, pixels, of->first, count, collected, words);
      add_parts[pixels - 1](of);
    }
    store_sums(pixels, of);
  }
  of->channel = channel;
}

// --- Rows

SF_OUTLINED void convolve_whole(const sf_source *from, int32_t x, int32_t pixels, work *of) {
  const int32_t pairs = (from->size + 3) / 4 * 2, block = pairs * pixels;
  const int32_t fours = in_fours(from->size);
  uint32_t words[ROOM / 4];
  int8_t *collected = (int8_t *)(words + ROOM / 4 - pairs / 2);  // room_for() keeps it free
  of->products =
      products_of(from->size, pixels == 1 ? sf_entry_of_channels(SF_WIDENED, fours)
                                          : sf_entry_of_pixels(SF_WIDENED, pixels, fours));
  of->words = words, of->words_end = words + block * of->blocks;
  for (int32_t i = 0; i < of->blocks; ++i) {
    widen_windows(from, x + i * pixels, pixels, 0, from->size, collected, words + i * block);
  }
  convolve_pixels[pixels - 1](of);
}

// Of how many pixels the windows have room on the stack.
static int32_t room_for(const sf_source *from) {
  const int32_t size = (from->size + 3) & ~3, collected = is_pointwise(from->window) ? 0 : size;
  return (ROOM - collected) / (2 * size);
}

static void convolve_group(const sf_source *from, work *of) {
  const int32_t width = of->window->output_width;
  int8_t *const output = of->output;
  const int32_t room = room_for(from);
  const int by_parts = room < FEWEST_PIXELS && room < width;
  const int32_t most = by_parts ? PART_PIXELS : room < PIXELS ? room : PIXELS;
  for (int32_t x = 0, pixels; x < width; x += of->blocks * pixels) {
    const int32_t left = width - x;
    pixels = left < most ? left : most;
    of->blocks = by_parts ? 1 : (left < room ? left : room) / pixels;
    if (by_parts) {
      convolve_by_parts(from, x, pixels, of);
    } else {
      convolve_whole(from, x, pixels, of);
    }
    of->output += of->blocks * pixels * of->pitch;
  }
  of->output = output;
}

static void convolve_row(const sf_window *window, const sf_constants *constants,
                         const int8_t *const *rows, int8_t *output) {
  const int32_t channels = window->output_channels / window->groups;
  work of = {.window = window, .constants = *constants, .channel = -channels, .output = output};
  of.pitch = window->output_channels;
  of.zero_point = window->output_zero_point;
  of.range = sf_range_of(window->minimum, window->maximum, window->output_zero_point);
  for (int32_t group = 0; group < window->groups; ++group) {
    const sf_source from = sf_source_of(window, rows, group);
    of.size = from.size;
    of.usual_shifts = most_shifts(from.size);
    of.constants.codes += channels * bytes_of(of.size);
    of.constants.bias += channels;
    of.constants.factors += channels;
    if (of.constants.shifts != NULL) of.constants.shifts += channels;
    of.output += channels;
    convolve_group(&from, &of);
  }
}

#endif  // SF_DSP

#endif  // SF_CONVOLVE_DSP_H_
