// A row of a convolution, by weights as they are or, where SF_WIDENED is 1, widened.
//
// Works on blocks of two to four pixels at a time. The codes under their windows are widened to
// int16 once, less the zero point, so that padding is zeros; they then serve all output channels.
#ifndef SF_CONVOLVE_DSP_H_
#define SF_CONVOLVE_DSP_H_

#include "sf_blocks_dsp.h"
#include "sf_rows_dsp.h"
#include "sf_windows_dsp.h"

#if SF_DSP

enum {
  ROOM = 1872,        // bytes of windows on the stack
  FEWEST_BLOCKS = 2,  // that are worth widening the weights for

  // Windows of which fewer than PART_PIXELS would fit, but not the whole row, are taken so.
  PART_VALUES = 448,  // of all its pixels
  PART_CODES = 208,   // of one pixel, if they are collected
  PART_CHANNELS = 64,
};

// --- Windows that are taken part by part

static void store_sums(int32_t pixels, const work *of) {
  for (int32_t i = of->channel, end = i + of->channels; i != end; ++i) {
    const uint32_t *sums = of->sums[i - of->channel].pixel;
    int8_t *output = of->output + i;
    sf_scale scale;
    int32_t shift;
    if (of->range == SF_OTHER_RANGE || sf_unpack_scale(&of->constants, i, &scale, &shift) >= 0) {
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

// Adds a part of the window to the sums of two or three pixels, two channels at a time.
static void add_part_by_two(const work *of, int32_t pixels, int32_t channels) {
  const int32_t bytes = bytes_of(of->size), count = of->products.count;
  sf_3x2_part part;
  part.weights = of->constants.codes + of->channel * bytes + of->first * BYTES;
  part.weights_end = part.weights + in_fours(count) * BYTES;
  part.apart = bytes;
  part.sums = of->sums->pixel, part.sums_end = of->sums[channels].pixel;
  sf_set_3x2_round(SF_WIDENED, pixels, in_fours(count) / 4, &part.entry, &part.skipped);
  sf_add_3x2(SF_WIDENED, pixels, &part, of->words);
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
      sums[i] = (sums_of_pixels){{bias, bias, bias}};
    }
    for (of->first = 0; of->first < of->size; of->first += of->products.count) {
      const int32_t count = of->size - of->first < part ? of->size - of->first : part;
      of->products = products_of(count, sf_entry_of_pixels(SF_WIDENED, pixels, in_fours(count)));
      widen_windows(from, x, 1, pixels, of->first, count, is_pointwise(from->window) ? 0 : 1,
                    collected, words);
      const int by_two = pixels > 1 && in_fours(count) >= count;
      const int32_t twos = by_two ? of->channels & ~1 : 0;
      if (twos > 0) add_part_by_two(of, pixels, twos);
      if (twos < of->channels) add_parts[pixels - 1](of, twos);
    }
    store_sums(pixels, of);
  }
  of->channel = channel;
}

// --- Rows

// What widen_windows() needs of the stack for the codes of windows.
static int32_t collected_bytes(const sf_source *from) {
  return collected_of(from) * ((from->size + 3) & ~3);
}

// Pixels one channel at a time.
SF_OUTLINED void convolve_pixels_of(const sf_source *from, int32_t x, int32_t pixels, work *of) {
  const int32_t pairs = (from->size + 3) / 4 * 2, fours = in_fours(from->size);
  uint32_t room[ROOM / 4];
  int8_t *collected = (int8_t *)room + ROOM - collected_bytes(from);
  of->products =
      products_of(from->size, pixels == 1 ? sf_entry_of_channels(SF_WIDENED, fours)
                                          : sf_entry_of_pixels(SF_WIDENED, pixels, fours));
  of->words = room, of->words_end = room + pairs * pixels;
  widen_windows(from, x, 1, pixels, 0, from->size, collected_of(from), collected, room);
  convolve_pixels[pixels - 1](of);
}

#if !SF_WIDENED

// Blocks of four pixels, two channels at a time.
SF_OUTLINED void convolve_fours(const sf_source *from, int32_t x, work *of) {
  const int32_t pairs = (from->size + 3) / 4 * 2, fours = in_fours(from->size);
  uint32_t room[ROOM / 4], *words = room + 2 * pairs;
  int8_t *collected = (int8_t *)room + ROOM - collected_bytes(from);
  of->products = products_of(from->size, sf_entry_of_pixels(SF_WIDENED, SF_4X2_PIXELS, fours));
  of->words = words, of->words_end = words + pairs * SF_4X2_PIXELS * of->blocks;
  const int32_t length = is_by_rows(from) && are_usual(of) ? from->length : 0;
  if (length > 0) {
    widen_by_rows(from, x, of->blocks, collected, words);
  } else {
    widen_windows(from, x, of->blocks, SF_4X2_PIXELS, 0, from->size, collected_of(from), collected,
                  words);
  }
  convolve_4x2(of, length, room);
}

#endif

// Blocks of three pixels, then of two, two channels at a time.
SF_OUTLINED void convolve_threes(const sf_source *from, int32_t x, int32_t threes, int32_t twos,
                                 work *of) {
  const int32_t pairs = (from->size + 3) / 4 * 2, most = collected_of(from);
  uint32_t room[ROOM / 4];
  int8_t *collected = (int8_t *)room + ROOM - collected_bytes(from);
  of->words = room;
  widen_windows(from, x, threes, 3, 0, from->size, most, collected, room);
  widen_windows(from, x + 3 * threes, twos, 2, 0, from->size, most, collected,
                room + 3 * threes * pairs);
  convolve_3x2(of, threes, twos);
}

// Of how many pixels the windows have room on the stack.
static int32_t room_for(const sf_source *from) {
  return (ROOM - collected_bytes(from)) / (2 * ((from->size + 3) & ~3));
}

// Makes the next pixels of a row, of which `left` are left and `room` have room. Returns how many.
static int32_t convolve_next(const sf_source *from, int32_t x, int32_t left, int32_t room,
                             work *of) {
  const int32_t most = left < room ? left : room;
  if (of->range == SF_OTHER_RANGE || most == 1) {
    of->blocks = 1;
    convolve_pixels_of(from, x, most < PIXELS ? most : PIXELS, of);
    return most < PIXELS ? most : PIXELS;
  }
#if !SF_WIDENED
  // The weights of two channels take as much as the windows of two pixels.
  const int32_t fours = (left < room - 2 ? left : room - 2) / SF_4X2_PIXELS;
  if (fours >= FEWEST_BLOCKS) {
    of->blocks = fours;
    convolve_fours(from, x, of);
    return fours * SF_4X2_PIXELS;
  }
#endif
  // A single pixel takes longer than one more block of two.
  const int32_t threes = most % 3 == 1 ? most / 3 - 1 : most / 3, twos = (most - 3 * threes) / 2;
  convolve_threes(from, x, threes, twos, of);
  return 3 * threes + 2 * twos;
}

static void convolve_group(const sf_source *from, work *of) {
  const int32_t width = of->window->output_width;
  int8_t *const output = of->output;
  const int32_t room = room_for(from);
  const int by_parts = room < PART_PIXELS && room < width;
  for (int32_t x = 0, pixels; x < width; x += pixels) {
    const int32_t left = width - x;
    if (by_parts) {
      pixels = left < PART_PIXELS ? left : PART_PIXELS;
      convolve_by_parts(from, x, pixels, of);
    } else {
      pixels = convolve_next(from, x, left, room, of);
    }
    of->output += pixels * of->pitch;
  }
  of->output = output;
}

// Groups `first` to `end` - 1.
static void convolve_groups(const sf_window *window, const sf_constants *constants,
                            const int8_t *const *rows, int32_t first, int32_t end, int8_t *output) {
  const int32_t channels = window->output_channels / window->groups;
  work of = {.window = window, .constants = *constants, .channel = -channels};
  of.pitch = window->output_channels;
  of.zero_point = window->output_zero_point;
  of.range = sf_range_of(window->minimum, window->maximum, window->output_zero_point);
  for (int32_t group = first; group < end; ++group) {
    const sf_source from = sf_source_of(window, rows, group);
    const int32_t begin = (group + 1) * channels;
    of.size = from.size;
    of.usual_shifts = most_shifts(from.size);
    of.constants.codes = constants->codes + begin * bytes_of(of.size);
    of.constants.bias = constants->bias + begin;
    of.constants.factors = constants->factors + begin;
    if (constants->shifts != NULL) of.constants.shifts = constants->shifts + begin;
    of.output = output + begin;
    convolve_group(&from, &of);
  }
}

static void convolve_row(const sf_window *window, const sf_constants *constants,
                         const int8_t *const *rows, int8_t *output) {
  const int32_t groups = window->groups;
  const int is_multiplied = groups >= CHANNELS && groups == window->input_channels &&
                            window->kernel_height == 3 && window->kernel_width == 3;
  if (!is_multiplied) {
    convolve_groups(window, constants, rows, 0, groups, output);
    return;
  }
  for (int32_t group = 0; group < groups; group += CHANNELS) {
    // The last four groups are made again in part.
    const int32_t first = group < groups - CHANNELS ? group : groups - CHANNELS;
    if (!sf_multiplied_3x3_dsp(SF_WIDENED, window, constants, rows, first, output)) {
      convolve_groups(window, constants, rows, first, first + CHANNELS, output);
    }
  }
}

#endif  // SF_DSP

#endif  // SF_CONVOLVE_DSP_H_
