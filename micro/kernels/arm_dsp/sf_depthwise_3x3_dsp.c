// Depthwise windows of 3x3 at stride 1 and 2. Works on four channels of a strip of columns at a
// time. The codes under the windows are widened to int16 once, less the zero point, so that padding
// is zeros, and lie channel by channel as sf_dsp_3x3.h says; so do the weights.
#include "sf_dsp_3x3.h"
#include "sf_rows_dsp.h"

#if SF_DSP

enum {
  CHANNELS = 4,
  STRIP = 24,  // pixels at stride 1; half as many at stride 2
  CHANNEL_WORDS = (STRIP + 4) / 2 * SF_3X3_PAIR
};

// A row, and what of it is the same for all channels. In the padding, a row under the windows is
// the same four codes for all columns and channels.
typedef struct {
  const sf_window *window;
  const sf_constants *constants;
  sf_range range;
  const int8_t *rows[3];
  int32_t steps[3];     // from one column to the next
  int32_t channels[3];  // which bits of a channel's number count
  uint32_t padding;     // four codes
  uint32_t offsets;     // see sf_offsets()
} work;

static void set_rows(const int8_t *const *rows, work *to) {
  to->padding = ((uint32_t)to->window->input_zero_point & 0xff) * 0x1010101;
  to->offsets = sf_offsets(to->window->input_zero_point);
  for (int32_t y = 0; y < 3; ++y) {
    const int inside = rows[y] != NULL;
    to->rows[y] = inside ? rows[y] : (const int8_t *)&to->padding;
    to->steps[y] = inside ? to->window->input_channels : 0;
    to->channels[y] = inside ? -1 : 0;
  }
}

// --- Widening

// Words of each of four channels, from the same words of a pair.
SF_INLINED void store_words(uint32_t even0, uint32_t odd0, uint32_t even1, uint32_t odd1,
                            uint32_t *to) {
  to[0] = sf_lower_halves(even0, even1);
  to[CHANNEL_WORDS] = sf_lower_halves(odd0, odd1);
  to[2 * CHANNEL_WORDS] = sf_upper_halves(even0, even1);
  to[3 * CHANNEL_WORDS] = sf_upper_halves(odd0, odd1);
}
SF_INLINED void store_zeros(uint32_t *to) {
  to[0] = to[CHANNEL_WORDS] = to[2 * CHANNEL_WORDS] = to[3 * CHANNEL_WORDS] = 0;
}
SF_INLINED void store_codes(uint32_t offsets, uint32_t codes0, uint32_t codes1, uint32_t *to) {
  store_words(sf_even_codes(offsets, codes0), sf_odd_codes(offsets, codes0),
              sf_even_codes(offsets, codes1), sf_odd_codes(offsets, codes1), to);
}

static const int8_t *at(const work *from, int32_t y, int32_t channel, int32_t x) {
  return from->rows[y] + (channel & from->channels[y]) + x * from->steps[y];
}

// A pair of which one column is x, the other one lies in the padding.
SF_OUTLINED void widen_one(const work *from, int32_t channel, int32_t x, int is_second,
                           uint32_t *to) {
  const uint32_t offsets = from->offsets;
  const uint32_t codes0 = sf_four_codes(at(from, 0, channel, x));
  const uint32_t codes1 = sf_four_codes(at(from, 1, channel, x));
  const uint32_t codes2 = sf_four_codes(at(from, 2, channel, x));
  const uint32_t even = sf_even_codes(offsets, codes2), odd = sf_odd_codes(offsets, codes2);
  if (is_second) {
    store_zeros(to);
    store_codes(offsets, codes0, codes1, to + 1);
    store_words(0, 0, even, odd, to + 2);
  } else {
    store_codes(offsets, codes0, codes1, to);
    store_zeros(to + 1);
    store_words(even, odd, 0, 0, to + 2);
  }
}

SF_INLINED void widen_by_steps(const work *from, int32_t channel, int32_t x, int32_t pairs,
                               int32_t step0, int32_t step1, int32_t step2, uint32_t *to) {
  const int8_t *row0 = at(from, 0, channel, x), *row1 = at(from, 1, channel, x);
  const int8_t *row2 = at(from, 2, channel, x);
  const uint32_t offsets = from->offsets;
  for (const uint32_t *end = to + pairs * SF_3X3_PAIR; to != end; to += SF_3X3_PAIR) {
    const uint32_t first0 = sf_four_codes(row0), first1 = sf_four_codes(row1);
    const uint32_t first2 = sf_four_codes(row2);
    store_codes(offsets, first0, first1, to);
    const uint32_t second0 = sf_four_codes(row0 + step0), second1 = sf_four_codes(row1 + step1);
    const uint32_t second2 = sf_four_codes(row2 + step2);
    store_codes(offsets, second0, second1, to + 1);
    store_codes(offsets, first2, second2, to + 2);
    row0 += 2 * step0, row1 += 2 * step1, row2 += 2 * step2;
  }
}

// Pairs of columns from x on.
SF_OUTLINED void widen_pairs(const work *from, int32_t channel, int32_t x, int32_t pairs,
                             uint32_t *to) {
  const int32_t step0 = from->steps[0], step1 = from->steps[1], step2 = from->steps[2];
  if (step0 == step1 && step1 == step2) {
    widen_by_steps(from, channel, x, pairs, step1, step1, step1, to);
  } else {
    widen_by_steps(from, channel, x, pairs, step0, step1, step2, to);
  }
}

// Pairs of columns from x on, some of which may lie in the padding.
SF_INLINED void widen_strip(const work *from, int32_t channel, int32_t x, int32_t pairs,
                            uint32_t *to) {
  for (int32_t count; pairs > 0; pairs -= count, x += 2 * count, to += count * SF_3X3_PAIR) {
    count = x < 0 ? 0 : (from->window->input_width - x) / 2;
    if (count > 0) {
      if (count > pairs) count = pairs;
      widen_pairs(from, channel, x, count, to);
      continue;
    }
    count = 1;
    if (x == -1 || x == from->window->input_width - 1) {
      widen_one(from, channel, x == -1 ? 0 : x, x == -1, to);
    } else {
      store_zeros(to), store_zeros(to + 1), store_zeros(to + 2);
    }
  }
}

// --- Rows

// Word `word` of the weights of each of four channels, from the codes of two taps.
SF_INLINED void set_words(int word, uint32_t codes0, uint32_t codes1, sf_3x3 *to) {
  const uint32_t even0 = sf_even_weights(codes0), even1 = sf_even_weights(codes1);
  const uint32_t odd0 = sf_odd_weights(codes0), odd1 = sf_odd_weights(codes1);
  to[0].weights[word] = sf_lower_halves(even0, even1);
  to[1].weights[word] = sf_lower_halves(odd0, odd1);
  to[2].weights[word] = sf_upper_halves(even0, even1);
  to[3].weights[word] = sf_upper_halves(odd0, odd1);
}

SF_OUTLINED void set_weights(int32_t step, const int8_t *codes, sf_3x3 *to) {
  const int8_t *row1 = codes + 3 * step, *row2 = row1 + 3 * step;
  set_words(0, sf_four_codes(codes), sf_four_codes(row1), to);
  set_words(1, sf_four_codes(codes + step), sf_four_codes(row1 + step), to);
  set_words(2, sf_four_codes(codes + 2 * step), sf_four_codes(row1 + 2 * step), to);
  const uint32_t middle = sf_four_codes(row2 + step);
  set_words(3, sf_four_codes(row2), middle, to);
  set_words(4, middle, sf_four_codes(row2 + 2 * step), to);
}

// Sets what is the same for all pixels. Returns whether all four factors are for sf_code_of_sum().
static int set_channels(const work *of, int32_t channel, sf_3x3 *to) {
  const sf_constants *constants = of->constants;
  int32_t usual = -1;
  for (int32_t i = 0; i < CHANNELS; ++i) {
    int32_t shift;
    usual &= sf_unpack_scale(constants, channel + i, &to[i].scale, &shift);
    to[i].bias = constants->bias[channel + i];
  }
  if (usual >= 0) return 0;
  set_weights(of->window->input_channels, constants->codes + channel, to);
  return 1;
}

// Output channels, and the pairs of each in a strip.
typedef struct {
  const sf_3x3 *channels;
  int32_t count;
  const uint32_t *pairs;
  int32_t apart;  // words from those of one to those of the next
} made;

// Makes pixels of the strip from its pixel `first` on, whose window begins with a pair.
SF_INLINED void make(const work *of, const made *what, int32_t first, int32_t pixels, int32_t pitch,
                     int8_t *output) {
  const int32_t stride = of->window->stride;
  const uint32_t *pairs = what->pairs + first * stride / 2 * SF_3X3_PAIR;
  const sf_3x3_pixels place = {of->window->output_zero_point,
                               pitch,
                               output + pixels * pitch,
                               output,
                               pairs,
                               4 * what->apart};
  sf_make_3x3(of->range, stride, &place, what->channels, what->channels + what->count);
}

// Makes the pixels of a strip, four at a time: the last of them in part again, or some too many.
SF_INLINED void make_strip(const work *of, const made *what, int32_t pixels, int8_t *output) {
  const int32_t pitch = of->window->output_channels, rest = pixels & (SF_3X3_PIXELS - 1);
  const int32_t fours = pixels - rest;
  if (fours > 0) make(of, what, 0, fours, pitch, output);
  if (fours > 0 && rest == 2) {
    make(of, what, fours - 2, SF_3X3_PIXELS, pitch, output + (fours - 2) * pitch);
  } else if (rest > 0) {
    int8_t codes[CHANNELS * SF_3X3_PIXELS];
    make(of, what, fours, SF_3X3_PIXELS, CHANNELS, codes);
    for (int32_t x = 0; x < rest; ++x) {
      for (int32_t i = 0; i < what->count; ++i) {
        output[(fours + x) * pitch + i] = codes[CHANNELS * x + i];
      }
    }
  }
}

// Widens the pairs of the windows of up to so many pixels from x on. Returns the number of pixels.
SF_INLINED int32_t next_strip(const work *of, int32_t channel, int32_t x, uint32_t *strip) {
  const sf_window *window = of->window;
  const int32_t stride = window->stride, most = stride == 1 ? STRIP : STRIP / 2;
  const int32_t pixels = window->output_width - x < most ? window->output_width - x : most;
  widen_strip(of, channel, x * stride - window->left, stride == 1 ? (pixels + 3) / 2 : pixels + 1,
              strip);
  return pixels;
}

// Returns whether it did four channels: not if one has an unusual factor.
SF_OUTLINED int convolve_channels(const work *of, int32_t channel, int8_t *output) {
  const sf_window *window = of->window;
  uint32_t strip[CHANNELS * CHANNEL_WORDS];
  sf_3x3 channels[CHANNELS];
  if (!set_channels(of, channel, channels)) return 0;
  const made all = {channels, CHANNELS, strip, CHANNEL_WORDS};
  for (int32_t x = 0, pixels; x < window->output_width; x += pixels) {
    pixels = next_strip(of, channel, x, strip);
    make_strip(of, &all, pixels, output + x * window->output_channels + channel);
  }
  return 1;
}

// Whether all rows can be made so. Sets what is the same for all channels.
static int set_work(const sf_window *window, const sf_constants *constants,
                    const int8_t *const *rows, work *to) {
  to->window = window, to->constants = constants;
  to->range = sf_range_of(window->minimum, window->maximum, window->output_zero_point);
  if (window->dilation != 1 || window->stride > 2 || to->range == SF_OTHER_RANGE) return 0;
  set_rows(rows, to);
  return 1;
}

int sf_depthwise_3x3_dsp(const sf_window *window, const sf_constants *constants,
                         const int8_t *const *rows, int8_t *output) {
  const int32_t channels = window->output_channels;
  work of;
  if (!set_work(window, constants, rows, &of)) return 0;
  for (int32_t channel = 0; channel < channels; channel += CHANNELS) {
    // The last four channels are made again in part.
    const int32_t first = channel < channels - CHANNELS ? channel : channels - CHANNELS;
    if (!convolve_channels(&of, first, output)) {
      sf_depthwise_channels_dsp(window, constants, rows, first, output);
    }
  }
  return 1;
}

// --- Several output channels of each input channel

// Sets what an output channel needs. Returns a negative number if its factor is for
// sf_code_of_sum().
static int32_t set_channel(const sf_constants *constants, int widened, int32_t channel,
                           sf_3x3 *to) {
  const int8_t *codes = constants->codes + (widened ? 24 : 9) * channel;
  int32_t shift, weights[9];
  for (int32_t i = 0; i < 9; ++i) {
    if (widened) {  // of each four, the first and the third are a word, the others the next
      int16_t weight;
      SF_COPY(&weight, codes + i / 4 * 8 + i % 2 * 4 + i / 2 % 2 * 2, 2);
      weights[i] = weight;
    } else {
      weights[i] = codes[i];
    }
  }
  const int32_t lower[5] = {weights[0], weights[1], weights[2], weights[6], weights[7]};
  const int32_t upper[5] = {weights[3], weights[4], weights[5], weights[7], weights[8]};
  for (int32_t i = 0; i < 5; ++i) {
    to->weights[i] = sf_lower_halves((uint32_t)lower[i], (uint32_t)upper[i]);
  }
  to->bias = constants->bias[channel];
  return sf_unpack_scale(constants, channel, &to->scale, &shift);
}

SF_OUTLINED int32_t next_strip_of(const work *of, int32_t channel, int32_t x, uint32_t *strip) {
  return next_strip(of, channel, x, strip);
}
SF_OUTLINED void make_strip_of(const work *of, const made *what, int32_t pixels, int8_t *output) {
  make_strip(of, what, pixels, output);
}

int sf_multiplied_3x3_dsp(int widened, const sf_window *window, const sf_constants *constants,
                          const int8_t *const *rows, int32_t channel, int8_t *output) {
  const int32_t multiplier = window->output_channels / window->input_channels;
  uint32_t strip[CHANNELS * CHANNEL_WORDS];
  sf_3x3 channels[CHANNELS];
  work of;
  if (!set_work(window, constants, rows, &of)) return 0;
  for (int32_t x = 0, pixels; x < window->output_width; x += pixels) {
    pixels = next_strip_of(&of, channel, x, strip);
    for (int32_t i = 0, count; i < CHANNELS * multiplier; i += count) {
      // The next output channels of the same input channel.
      const int32_t left = multiplier - i % multiplier, first = channel * multiplier + i;
      int32_t usual = -1;
      count = left < CHANNELS ? left : CHANNELS;
      for (int32_t k = 0; k < count; ++k) {
        usual &= set_channel(constants, widened, first + k, &channels[k]);
      }
      if (usual >= 0) return 0;
      const made some = {channels, count, strip + i / multiplier * CHANNEL_WORDS, 0};
      make_strip_of(&of, &some, pixels, output + x * window->output_channels + first);
    }
  }
  return 1;
}

#endif  // SF_DSP
