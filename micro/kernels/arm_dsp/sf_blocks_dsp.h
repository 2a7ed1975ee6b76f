// All channels of blocks of pixels of a convolution, by weights as they are or, where SF_WIDENED is
// 1, widened.
#ifndef SF_BLOCKS_DSP_H_
#define SF_BLOCKS_DSP_H_

#include "sf_dsp_3x2.h"
#include "sf_sums.h"
#include "sf_weights_dsp.h"
#if !SF_WIDENED
#include "sf_dsp_4x2.h"
#endif

#if SF_DSP

enum {
  PIXELS = 4,       // of one channel
  CHANNELS = 4,     // of a single pixel, or groups of one input channel each
  PART_PIXELS = 3,  // of windows that are taken part by part
};

typedef struct {
  uint32_t pixel[PART_PIXELS];
} sums_of_pixels;

// --- Products

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

// --- Work

// Blocks of as many pixels each, and the output channels of one group. Channels are told by how far
// they lie before the end of the group.
typedef struct {
  const sf_window *window;
  sf_constants constants;  // of the end
  int32_t channel, channel_end, channels;
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

// Adds a part of the window to the sums of channels `begin` on, one by one.
SF_INLINED void add_part(int pixels, const work *of, int32_t begin) {
  const int8_t *weights =
      of->constants.codes + (of->channel + begin) * bytes_of(of->size) + of->first * BYTES;
  sums_of_pixels *sums = of->sums + begin;
  for (const sums_of_pixels *end = of->sums + of->channels; sums != end;
       ++sums, weights += bytes_of(of->size)) {
    uint32_t copy[PIXELS] = {sums->pixel[0], sums->pixel[1], sums->pixel[2]};
    add_products(pixels, &of->products, weights, of->words, copy);
    *sums = (sums_of_pixels){{copy[0], copy[1], copy[2]}};
  }
}
static void add_part_1(const work *of, int32_t begin) { add_part(1, of, begin); }
static void add_part_2(const work *of, int32_t begin) { add_part(2, of, begin); }
static void add_part_3(const work *of, int32_t begin) { add_part(3, of, begin); }
static void (*const add_parts[])(const work *, int32_t) = {add_part_1, add_part_2, add_part_3};

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

// Any channel.
SF_OUTLINED void convolve_slowly(const work *of, int32_t channel, int32_t pixels) {
  if (store_constant(of, channel, pixels * of->blocks)) return;
  const uint32_t start = (uint32_t)of->constants.bias[channel], *words = of->words;
  int8_t *output = of->output + channel;
  for (int32_t i = 0; i < of->blocks; ++i, output += pixels * of->pitch) {
    const int8_t *weights = of->constants.codes + channel * bytes_of(of->size);
    uint32_t sums[PIXELS] = {start, start, start, start}, values[2];
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
SF_INLINED int8_t *store_pair(sf_range range, int pixels, sf_scale scale, int32_t zero_point,
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
  to = store_pair(range, pixels, scale, zero_point, sums[0], sums[1], pitch, to);
  if (pixels > 2) {
    to = store_pair(range, pixels - 2, scale, zero_point, sums[2], sums[3], pitch, to);
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
  for (int32_t i = of->channel; i != of->channel_end; ++i) {
    const int8_t *weights = of->constants.codes + i * bytes_of(of->size);
    sf_scale scale;
    int32_t shift;
    if ((sf_unpack_scale(&of->constants, i, &scale, &shift) & ~(shift + of->usual_shifts)) >= 0) {
      convolve_slowly(of, i, pixels);
      continue;
    }
    const uint32_t start = (uint32_t)of->constants.bias[i], *words = of->words;
    int8_t *output = of->output + i;
    do {
      uint32_t sums[PIXELS] = {start, start, start, start};
      words = add_products(pixels, &of->products, weights, words, sums);
      if (of->range == SF_FROM_LOWEST) {
        output = store_pixels(SF_FROM_LOWEST, pixels, scale, INT8_MIN, sums, of->pitch, output);
      } else if (of->range == SF_FROM_ZERO) {
        output = store_pixels(SF_FROM_ZERO, pixels, scale, 0, sums, of->pitch, output);
      } else if (of->range == SF_WHOLE_RANGE) {
        output =
            store_pixels(SF_WHOLE_RANGE, pixels, scale, of->zero_point, sums, of->pitch, output);
      } else {
        const uint32_t kept[] = {sums[0], sums[1], sums[2], sums[3]};
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
    int32_t shift, usual = sf_unpack_scale(&of->constants, i, &scales[0], &shift);
    usual &= sf_unpack_scale(&of->constants, i + 1, &scales[1], &shift);
    usual &= sf_unpack_scale(&of->constants, i + 2, &scales[2], &shift);
    usual &= sf_unpack_scale(&of->constants, i + 3, &scales[3], &shift);
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
static void (*const convolve_pixels[PIXELS])(const work *) = {convolve_pixel, convolve_2,
                                                              convolve_3, convolve_4};

// --- Two channels at a time

// Sets their scales. Returns whether both have sums for sf_code_of_sum().
static int unpack_two(const work *of, int32_t channel, sf_scale scales[2]) {
  int32_t shift, other;
  int32_t usual = sf_unpack_scale(&of->constants, channel, &scales[0], &shift);
  usual &= sf_unpack_scale(&of->constants, channel + 1, &scales[1], &other);
  return (usual & ~(shift + of->usual_shifts) & ~(other + of->usual_shifts)) < 0;
}

// Channels up to `end` one by one, of blocks of three pixels and then of two.
static void convolve_3_singly(work *of, int32_t threes, int32_t twos, int32_t channel,
                              int32_t end) {
  work some = *of;
  const int32_t fours = in_fours(of->size), filled = (of->size + 3) / 4;
  some.channel = channel, some.channel_end = end;
  some.blocks = threes, some.words_end = some.words + 6 * filled * threes;
  some.products = products_of(of->size, sf_entry_of_pixels(SF_WIDENED, 3, fours));
  if (threes > 0) convolve_3(&some);
  some.output += 3 * threes * of->pitch;
  some.blocks = twos, some.words = some.words_end, some.words_end += 4 * filled * twos;
  some.products = products_of(of->size, sf_entry_of_pixels(SF_WIDENED, 2, fours));
  if (twos > 0) convolve_2(&some);
}

#if !SF_WIDENED

// Channels up to `end` one by one, of blocks of four pixels.
static void convolve_4_singly(const work *of, int32_t channel, int32_t end) {
  work some = *of;
  some.channel = channel, some.channel_end = end;
  convolve_4(&some);
}

// Whether all channels can be computed two at a time.
static int are_usual(const work *of) {
  int usual = of->channel % 2 == 0;
  sf_scale scales[2];
  for (int32_t i = of->channel; usual && i < 0; i += 2) usual = unpack_two(of, i, scales);
  return usual;
}

// Blocks of four pixels. weights: room for those of two channels. length: of their rows, if
// widen_by_rows() widened the pixels, and all are_usual(); else 0.
static void convolve_4x2(work *of, int32_t length, uint32_t *weights) {
  int32_t i = of->channel;
  sf_4x2 two;
  two.zero_point = of->zero_point, two.pitch = of->pitch;
  sf_set_4x2_weights(weights, (of->size + 3) / 4, &two);
  for (; i < -1; i += 2) {
    if (!unpack_two(of, i, two.scales)) {
      convolve_4_singly(of, i, i + 2);
      continue;
    }
    const int8_t *codes = of->constants.codes + i * bytes_of(of->size);
    if (length > 0) {
      widen_two_by_rows(length, codes, weights);
    } else {
      widen_two(of->size, codes, weights);
    }
    two.bias[0] = (uint32_t)of->constants.bias[i];
    two.bias[1] = (uint32_t)of->constants.bias[i + 1];
    two.output = of->output + i, two.end = two.output + SF_4X2_PIXELS * of->blocks * of->pitch;
    sf_make_4x2(of->range, &two, of->words);
  }
  if (i < 0) convolve_4_singly(of, i, 0);
}

#endif

// Blocks of three pixels, then `twos` of two.
static void convolve_3x2(work *of, int32_t threes, int32_t twos) {
  const int32_t bytes = bytes_of(of->size), fours = (of->size + 3) / 4;
  const uint32_t *words_of_twos = of->words + 6 * fours * threes;
  // Four codes are read where fewer are left, so that something has to follow.
  const int32_t end = in_fours(of->size) == of->size || SF_WIDENED ? 0 : -2;
  int32_t i = of->channel;
  sf_3x2 three, two;
  three.range = (int32_t)of->range, three.apart = bytes;
  three.zero_point = of->zero_point, three.pitch = of->pitch;
  two = three;
  sf_set_3x2_round(SF_WIDENED, 3, fours, &three.entry, &three.skipped);
  sf_set_3x2_round(SF_WIDENED, 2, fours, &two.entry, &two.skipped);
  for (; i < end - 1; i += 2) {
    if (!unpack_two(of, i, three.scales)) {
      convolve_3_singly(of, threes, twos, i, i + 2);
      continue;
    }
    three.weights = of->constants.codes + i * bytes;
    three.weights_end = three.weights + 4 * fours * BYTES;
    three.bias[0] = (uint32_t)of->constants.bias[i];
    three.bias[1] = (uint32_t)of->constants.bias[i + 1];
    three.output = of->output + i, three.end = three.output + 3 * threes * of->pitch;
    if (threes > 0) sf_make_3x2(SF_WIDENED, 3, &three, of->words);
    if (twos > 0) {
      two.weights = three.weights, two.weights_end = three.weights_end;
      two.bias[0] = three.bias[0], two.bias[1] = three.bias[1];
      two.scales[0] = three.scales[0], two.scales[1] = three.scales[1];
      two.output = of->output + i + 3 * threes * of->pitch;
      two.end = two.output + 2 * twos * of->pitch;
      sf_make_3x2(SF_WIDENED, 2, &two, words_of_twos);
    }
  }
  if (i < 0) convolve_3_singly(of, threes, twos, i, 0);
}

#endif  // SF_DSP

#endif  // SF_BLOCKS_DSP_H_
