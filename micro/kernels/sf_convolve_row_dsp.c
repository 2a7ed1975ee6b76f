// Works on up to six neighbouring pixels at a time. The codes under their windows are widened to
// int16 once, less the zero point, so that padding is zeros; they then serve all output channels.
#include "sf_scale_dsp.h"
#include "sf_source.h"
#include "sf_sums.h"

#if SF_DSP

enum {
  PIXELS = 6,
  CHANNELS = 4,       // of a single pixel
  MOST_BYTES = 1920,  // of a block's windows on the stack

  // Windows of which fewer pixels would fit, but not the whole row, are taken part by part.
  FEWEST_PIXELS = 3,
  PART_PIXELS = 4,
  PART_VALUES = 320,  // of all its pixels
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
  if (is_pointwise(window)) {
    const int8_t *values = from->rows[0] + at + first;
    for (int32_t i = 0; i < pixels; ++i, values += apart) {
      widen(count, offsets, values, 2 * pixels, words + 2 * i);
    }
    return;
  }
  int8_t collected[count];
  for (int32_t i = 0; i < pixels; ++i, at += apart) {
    if (count == from->size) {
      collect(from, at, row_end, collected);
    } else {
      collect_part(from, at, row_end, first, count, collected);
    }
    widen(count, offsets, collected, 2 * pixels, words + 2 * i);
  }
}

// --- Products

// The codes that come after the last whole four of a channel, whose codes end at `end`.
SF_INLINED uint32_t last_weights(int32_t count, const int8_t *end) {
  return sf_last_codes(end - count, count);
}

// Adds `count` values of each pixel times as many weights. Returns what follows on the weights.
SF_INLINED const int8_t *add_products(int pixels, int32_t entry, int32_t count,
                                      const int8_t *weights, const uint32_t *words,
                                      uint32_t *sums) {
  const int8_t *end = weights + count;
  words = sf_add_to_pixels(pixels, entry, weights, weights + (count & ~3), words, sums);
  if (count % 4 != 0) sf_add_word_to_pixels(pixels, last_weights(count, end), words, sums);
  return end;
}

// --- Work

// A block of pixels, and the output channels of one group.
typedef struct {
  const sf_window *window;
  sf_constants constants;
  int32_t channel, channels;
  int32_t size;           // of a channel's weights
  int32_t first, count;   // which of them meet the words
  const uint32_t *words;  // as widen_windows() leaves them
  sums_of_pixels *sums;   // of each channel
  int8_t *output;         // of the first pixel
  sf_range range;
  int32_t usual_shifts;  // a factor with a shift of as many to the right is not for the slow path
} work;

// Adds a part of the window to the sums.
SF_INLINED void add_part(int pixels, const work *of) {
  const int32_t entry = sf_entry_of_pixels(pixels, of->count);
  const int8_t *weights = of->constants.codes + of->channel * of->size + of->first;
  sums_of_pixels *sums = of->sums;
  for (const sums_of_pixels *end = sums + of->channels; sums != end; ++sums, weights += of->size) {
    uint32_t copy[PIXELS] = {sums->pixel[0], sums->pixel[1], sums->pixel[2], sums->pixel[3]};
    add_products(pixels, entry, of->count, weights, of->words, copy);
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
SF_OUTLINED void store_slowly(const work *of, int32_t channel, int32_t pixels,
                              const uint32_t *sums) {
  sf_store_codes(of->window, sf_channel_factor(&of->constants, channel), pixels, 1, sums,
                 of->output + channel);
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

// Returns whether a factor is for sf_code_of_sum(), and may leave something of the products.
SF_INLINED int unpack(const int32_t *factors, const int8_t *shifts, int32_t usual_shifts,
                      int32_t channel, sf_scale *scale) {
  const int32_t word = factors[channel];
  const int32_t shift = shifts == NULL ? (word & 127) - 64 : shifts[channel];
  scale->multiplier = (int32_t)((uint32_t)(shifts == NULL ? word & ~127 : word) << 1);
  scale->power = (int32_t)(UINT32_C(1) << (shift & 31));
  return scale->multiplier < 0 && (uint32_t)(shift + usual_shifts) <= (uint32_t)(usual_shifts - 2);
}

// Any channel.
SF_OUTLINED void convolve_slowly(const work *of, int32_t channel, int32_t pixels) {
  if (store_constant(of, channel, pixels)) return;
  const int8_t *weights = of->constants.codes + channel * of->size;
  const uint32_t *words = of->words;
  uint32_t sums[PIXELS], values[2];
  for (int32_t i = 0; i < pixels; ++i) sums[i] = (uint32_t)of->constants.bias[channel];
  for (int32_t left = of->size; left > 0; left -= 4, weights += 4) {
    const uint32_t codes =
        left < 4 ? last_weights(of->size, weights + left) : sf_four_codes(weights);
    for (int32_t i = 0; i < pixels; ++i) {
      words = sf_load_two(words, values);
      sums[i] = sf_add_both(sums[i], values[0], sf_even_weights(codes));
      sums[i] = sf_add_both(sums[i], values[1], sf_odd_weights(codes));
    }
  }
  store_slowly(of, channel, pixels, sums);
}

// `apart` lies from one code to the next.
SF_INLINED void store(sf_range range, int count, sf_scale scale, int32_t zero_point,
                      const uint32_t *sums, int32_t apart, int8_t *to) {
  to[0] = (int8_t)sf_code_of_sum(range, scale, zero_point, sums[0]);
  if (count > 1) to[apart] = (int8_t)sf_code_of_sum(range, scale, zero_point, sums[1]);
  to += 2 * apart;
  if (count > 2) to[0] = (int8_t)sf_code_of_sum(range, scale, zero_point, sums[2]);
  if (count > 3) to[apart] = (int8_t)sf_code_of_sum(range, scale, zero_point, sums[3]);
  to += 2 * apart;
  if (count > 4) to[0] = (int8_t)sf_code_of_sum(range, scale, zero_point, sums[4]);
  if (count > 5) to[apart] = (int8_t)sf_code_of_sum(range, scale, zero_point, sums[5]);
}

SF_INLINED void convolve(int pixels, const work *of) {
  const int32_t count = of->size, entry = sf_entry_of_pixels(pixels, count);
  const int32_t *factors = of->constants.factors, *bias = of->constants.bias;
  const int8_t *shifts = of->constants.shifts;
  const int32_t zero_point = of->window->output_zero_point, pitch = of->window->output_channels;
  const int32_t usual_shifts = of->usual_shifts;
  const int8_t *weights = of->constants.codes + of->channel * count;
  for (int32_t i = of->channel, end = i + of->channels; i != end; ++i) {
    sf_scale scale;
    if (!unpack(factors, shifts, usual_shifts, i, &scale)) {
      convolve_slowly(of, i, pixels);
      weights += count;
      continue;
    }
    const uint32_t start = (uint32_t)bias[i];
    uint32_t sums[PIXELS] = {start, start, start, start, start, start};
    weights = add_products(pixels, entry, count, weights, of->words, sums);
    int8_t *output = of->output + i;
    if (of->range == SF_WHOLE_RANGE) {
      store(SF_WHOLE_RANGE, pixels, scale, zero_point, sums, pitch, output);
    } else if (of->range == SF_FROM_LOWEST) {
      store(SF_FROM_LOWEST, pixels, scale, INT8_MIN, sums, pitch, output);
    } else if (of->range == SF_FROM_ZERO) {
      store(SF_FROM_ZERO, pixels, scale, 0, sums, pitch, output);
    } else {
      const uint32_t kept[] = {sums[0], sums[1], sums[2], sums[3], sums[4], sums[5]};
      store_slowly(of, i, pixels, kept);
    }
  }
}

// One pixel: its words serve four channels at a time.
static void convolve_pixel(const work *of) {
  const int32_t count = of->size, entry = sf_entry_of_channels(count);
  const sf_constants *constants = &of->constants;
  const int32_t zero_point = of->window->output_zero_point;
  for (int32_t done = 0; done < of->channels; done += CHANNELS) {
    // The last four channels are made again in part.
    const int32_t rest = of->channels - done, i = of->channel + done - (rest < 4 ? 4 - rest : 0);
    sf_scale scales[CHANNELS];
    int usual = of->channels >= CHANNELS;
    for (int32_t k = 0; k < CHANNELS && usual; ++k) {
      usual = unpack(constants->factors, constants->shifts, of->usual_shifts, i + k, &scales[k]);
    }
    if (!usual) {
      for (int32_t k = 0; k < CHANNELS && k < rest; ++k) {
        convolve_slowly(of, of->channel + done + k, 1);
      }
      continue;
    }
    const int32_t *bias = constants->bias + i;
    uint32_t sums[CHANNELS] = {(uint32_t)bias[0], (uint32_t)bias[1], (uint32_t)bias[2],
                               (uint32_t)bias[3]};
    const int8_t *weights = constants->codes + i * count;
    const uint32_t *words =
        sf_add_to_channels(entry, weights, count, weights + (count & ~3), of->words, sums);
    if (count % 4 != 0) {
      const int8_t *end = constants->codes + (i + 1) * count;
      uint32_t values[2];
      sf_load_two(words, values);
      for (int32_t k = 0; k < CHANNELS; ++k, end += count) {
        const uint32_t codes = last_weights(count, end);
        sums[k] = sf_add_both(sums[k], values[0], sf_even_weights(codes));
        sums[k] = sf_add_both(sums[k], values[1], sf_odd_weights(codes));
      }
    }
    int8_t *output = of->output + i;
    for (int32_t k = 0; k < CHANNELS; ++k) {
      if (of->range == SF_WHOLE_RANGE) {
        store(SF_WHOLE_RANGE, 1, scales[k], zero_point, sums + k, 0, output + k);
      } else if (of->range == SF_FROM_LOWEST) {
        store(SF_FROM_LOWEST, 1, scales[k], INT8_MIN, sums + k, 0, output + k);
      } else if (of->range == SF_FROM_ZERO) {
        store(SF_FROM_ZERO, 1, scales[k], 0, sums + k, 0, output + k);
      } else {
        store_slowly(of, i + k, 1, sums + k);
      }
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
  for (int32_t i = 0; i < of->channels; ++i) {
    const sf_constants *constants = &of->constants;
    const int32_t channel = of->channel + i, pitch = of->window->output_channels;
    const int32_t zero_point = of->window->output_zero_point;
    int8_t *output = of->output + channel;
    sf_scale scale;
    if (of->range == SF_OTHER_RANGE ||
        !unpack(constants->factors, constants->shifts, of->usual_shifts, channel, &scale)) {
      store_slowly(of, channel, pixels, of->sums[i].pixel);
      continue;
    }
    for (int32_t x = 0; x < pixels; ++x, output += pitch) {
      const uint32_t sum = of->sums[i].pixel[x];
      if (of->range == SF_FROM_ZERO) {
        *output = (int8_t)sf_code_of_sum(SF_FROM_ZERO, scale, zero_point, sum);
      } else {
        *output = (int8_t)sf_code_of_sum(SF_WHOLE_RANGE, scale, zero_point, sum);
      }
    }
  }
}

static void convolve_by_parts(const sf_source *from, int32_t x, int32_t pixels, work of) {
  uint32_t words[PART_VALUES / 2];
  sums_of_pixels sums[PART_CHANNELS];
  const int32_t part = PART_VALUES / pixels & ~3;
  of.words = words, of.sums = sums;
  for (const int32_t end = of.channel + of.channels; of.channel < end; of.channel += of.channels) {
    of.channels = end - of.channel < PART_CHANNELS ? end - of.channel : PART_CHANNELS;
    for (int32_t i = 0; i < of.channels; ++i) {
      const uint32_t bias = (uint32_t)of.constants.bias[of.channel + i];
      sums[i] = (sums_of_pixels){{bias, bias, bias, bias}};
    }
    for (of.first = 0; of.first < of.size; of.first += of.count) {
      of.count = of.size - of.first < part ? of.size - of.first : part;
      widen_windows(from, x, pixels, of.first, of.count, words);
      add_parts[pixels - 1](&of);
    }
    store_sums(pixels, &of);
  }
}

// --- Blocks

static void convolve_whole(const sf_source *from, int32_t x, int32_t pixels, work of) {
  uint32_t words[(from->size + 3) / 4 * 2 * pixels];
  widen_windows(from, x, pixels, 0, from->size, words);
  of.words = words;
  convolve_pixels[pixels - 1](&of);
}

// How many pixels' windows have room on the stack.
static int32_t pixels_with_room(const sf_source *from) {
  const int32_t size = (from->size + 3) & ~3, collected = is_pointwise(from->window) ? 0 : size;
  return (MOST_BYTES - collected) / (2 * size);
}

static void convolve_group(const sf_source *from, work of) {
  const int32_t width = of.window->output_width, room = pixels_with_room(from);
  const int by_parts = room < FEWEST_PIXELS && room < width;
  const int32_t most = by_parts ? PART_PIXELS : room < PIXELS ? room : PIXELS;
  int8_t *output = of.output;
  for (int32_t x = 0, pixels; x < width; x += pixels) {
    pixels = width - x < most ? width - x : most;
    of.output = output + x * of.window->output_channels;
    (by_parts ? convolve_by_parts : convolve_whole)(from, x, pixels, of);
  }
}

void sf_convolve_row(const sf_window *window, const sf_constants *constants,
                     const int8_t *const *rows, int8_t *output) {
  work of = {.window = window, .constants = *constants, .output = output};
  of.channels = window->output_channels / window->groups;
  of.range = sf_range_of(window->minimum, window->maximum, window->output_zero_point);
  for (int32_t group = 0; group < window->groups; ++group, of.channel += of.channels) {
    const sf_source from = sf_source_of(window, rows, group);
    of.size = of.count = from.size;
    of.usual_shifts = most_shifts(from.size);
    convolve_group(&from, of);
  }
}

#endif  // SF_DSP
