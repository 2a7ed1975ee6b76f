// Works on tiles of a few neighbouring pixels and CHANNELS output channels, whose sums stay in
// registers. The windows of a strip of pixels are collected once, as words without gaps, padding
// included. The weights of CHANNELS channels are turned, so that a word of each lies side by side;
// then all tiles of the strip meet them.
#include "sf_scale_avx.h"
#include "sf_source.h"
#include "sf_window.h"

#if SF_AVX

enum {
  PIXELS = SF_AVX == 512 ? 10 : 5,  // of a tile; they divide the usual widths
  VECTORS = 2,                      // of its channels
  CHANNELS = VECTORS * SF_LANES,
  UNIT = 16,                 // codes that are copied at a time
  SLACK = UNIT / SF_VALUES,  // words behind a window, which they may be written to
  QUARTET = 4 * SF_VALUES,   // codes of four words
  PART = 128,                // words of a window that are taken at a time
  ROOM = 4096,               // words of a strip
  // Pixels of a strip whose windows are longer than a part.
  MOST_PIXELS = ROOM / (PART + SLACK) / PIXELS * PIXELS
};

// --- Windows

static inline void copy_unit(const int8_t *from, sf_value *to) {
  __m128i codes;
  SF_COPY(&codes, from, sizeof codes);
#if SF_VNNI
  codes = _mm_xor_si128(codes, _mm_set1_epi8(SF_CODE_OFFSET));
  SF_COPY(to, &codes, sizeof codes);
#else
  const __m256i values = _mm256_cvtepi8_epi16(codes);
  SF_COPY(to, &values, sizeof values);
#endif
}

// `count` codes from position `at` of a row on, some of which may lie in the padding.
static void copy_near_edge(const sf_window *window, int32_t count, const int8_t *row, int32_t at,
                           sf_value *to) {
  const int32_t end = row == NULL ? 0 : window->input_width * window->input_channels;
  for (; count > 0; --count, ++at) {
    const int32_t code = at >= 0 && at < end ? row[at] : window->input_zero_point;
    *to++ = (sf_value)(code - SF_CODE_OFFSET);
  }
}

// For each pixel `count` codes, from position `at` of a row on and then `apart` further. Values of
// the next pixel lie `pitch` words further. Whole units are written: what follows a run in its
// pixel is written later.
static void copy_run(const sf_window *window, int32_t pixels, int32_t count, const int8_t *row,
                     int32_t at, int32_t apart, int32_t pitch, sf_value *to) {
  const int32_t end = row == NULL ? 0 : window->input_width * window->input_channels;
  const int32_t rounded = (count + UNIT - 1) / UNIT * UNIT;
  for (; pixels > 0; --pixels, at += apart, to += pitch * SF_VALUES) {
    if (at >= 0 && at + rounded <= end) {
      for (int32_t i = 0; i < count; i += UNIT) copy_unit(row + at + i, to + i);
    } else {
      copy_near_edge(window, count, row, at, to);
    }
  }
}

// Codes first..first + count - 1 of the windows of some pixels, from output column x on.
static void collect(const sf_source *from, int32_t x, int32_t pixels, int32_t first, int32_t count,
                    int32_t pitch, uint32_t *words) {
  const sf_window *window = from->window;
  const int32_t channels = window->input_channels, apart = window->stride * channels;
  const int32_t at = x * apart - window->left * channels + from->channel;
  sf_value *to = (sf_value *)words;
  int32_t run = first / from->length, skipped = first % from->length;
  for (int32_t left = count, length; left > 0; left -= length, to += length, ++run, skipped = 0) {
    const int32_t begin = at + run % from->runs * from->step + skipped;
    length = from->length - skipped < left ? from->length - skipped : left;
    copy_run(window, pixels, length, from->rows[run / from->runs], begin, apart, pitch, to);
  }
}

// --- Weights

// Four words of `count` codes, or of zeros behind them.
static inline __m128i four_words(int32_t count, const int8_t *codes) {
  int8_t padded[QUARTET] = {0};
  __m128i words;
  if (count < QUARTET) codes = SF_COPY(padded, codes, (size_t)count);
#if SF_VNNI
  SF_COPY(&words, codes, sizeof words);
#else
  int64_t eight;
  SF_COPY(&eight, codes, sizeof eight);
  words = _mm_cvtepi8_epi16(_mm_cvtsi64_si128(eight));
#endif
  return words;
}

// Codes of `channels` channels, which lie `size` codes from each other, as words of CHANNELS
// channels side by side. Those there are not get what the last one has.
static void turn(int32_t channels, int32_t size, int32_t count, const int8_t *codes,
                 uint32_t *words) {
  for (int32_t channel = 0; channel < CHANNELS; channel += 4) {
    const int8_t *of_channel[4];
    for (int32_t i = 0; i < 4; ++i) {
      const int32_t last = channels - 1;
      of_channel[i] = codes + (channel + i < last ? channel + i : last) * size;
    }
    for (int32_t code = 0; code < count; code += QUARTET) {
      const int32_t left = count - code;
      const __m128i a = four_words(left, of_channel[0] + code);
      const __m128i b = four_words(left, of_channel[1] + code);
      const __m128i c = four_words(left, of_channel[2] + code);
      const __m128i d = four_words(left, of_channel[3] + code);
      const __m128i ab = _mm_unpacklo_epi32(a, b), cd = _mm_unpacklo_epi32(c, d);
      const __m128i ab2 = _mm_unpackhi_epi32(a, b), cd2 = _mm_unpackhi_epi32(c, d);
      uint32_t *to = words + code / SF_VALUES * CHANNELS + channel;
      _mm_storeu_si128((__m128i *)(void *)to, _mm_unpacklo_epi64(ab, cd));
      _mm_storeu_si128((__m128i *)(void *)(to + CHANNELS), _mm_unpackhi_epi64(ab, cd));
      _mm_storeu_si128((__m128i *)(void *)(to + 2 * CHANNELS), _mm_unpacklo_epi64(ab2, cd2));
      _mm_storeu_si128((__m128i *)(void *)(to + 3 * CHANNELS), _mm_unpackhi_epi64(ab2, cd2));
    }
  }
}

// --- Tiles

// Some output channels, and a part of their windows.
typedef struct {
  const sf_constants *constants;
  const uint32_t *weights;  // as turn() leaves them
  int32_t words;            // of the part
  int32_t channels;         // up to CHANNELS
  int32_t apart;            // words from one pixel's window to the next one's
  int32_t pitch;            // codes of an output pixel
  int is_first, is_last;    // of the parts
  sf_words start[VECTORS];
  sf_factors factors[VECTORS];
  sf_coding coding;
} work;

// Of `pixels` pixels, whose windows follow on each other from `words` on. sums: where they are from
// one part to the next.
SF_INLINED void tile(int pixels, int vectors, const work *of, const uint32_t *words, uint32_t *sums,
                     int8_t *output) {
  const work copy = *of;  // because for all a compiler knows a store may change *of
  const int32_t count = copy.words, apart = copy.apart;
  sf_words sum[PIXELS][VECTORS];
  SF_UNROLLED
  for (int i = 0; i < pixels; ++i) {
    SF_UNROLLED
    for (int j = 0; j < vectors; ++j) sum[i][j] = copy.start[j];
  }
  for (int32_t word = 0; word < count; ++word) {
    const uint32_t *weights = copy.weights + word * CHANNELS;
    sf_words weight[VECTORS];
    SF_UNROLLED
    for (int j = 0; j < vectors; ++j) weight[j] = sf_load(weights + j * SF_LANES);
    SF_UNROLLED
    for (int i = 0; i < pixels; ++i) {
      const sf_words values = sf_all(words[i * apart + word]);
      SF_UNROLLED
      for (int j = 0; j < vectors; ++j) {
        sum[i][j] = sf_add_word_products(sum[i][j], values, weight[j]);
      }
    }
  }
  if (!copy.is_first) {
    SF_UNROLLED
    for (int i = 0; i < pixels; ++i) {
      SF_UNROLLED
      for (int j = 0; j < vectors; ++j) sum[i][j] += sf_load(sums + i * CHANNELS + j * SF_LANES);
    }
  }
  if (!copy.is_last) {
    SF_UNROLLED
    for (int i = 0; i < pixels; ++i) {
      SF_UNROLLED
      for (int j = 0; j < vectors; ++j) sf_store(sum[i][j], sums + i * CHANNELS + j * SF_LANES);
    }
    return;
  }
  SF_UNROLLED
  for (int i = 0; i < pixels; ++i) {
    SF_UNROLLED
    for (int j = 0; j < vectors; ++j) {
      sf_write_codes(copy.channels - j * SF_LANES,
                     sf_codes_of(sum[i][j], copy.factors[j], copy.coding),
                     output + i * copy.pitch + j * SF_LANES);
    }
  }
}

typedef void tile_function(const work *, const uint32_t *, uint32_t *, int8_t *);
static void tile_many_2(const work *of, const uint32_t *words, uint32_t *sums, int8_t *output) {
  tile(PIXELS, 2, of, words, sums, output);
}
static void tile_many_1(const work *of, const uint32_t *words, uint32_t *sums, int8_t *output) {
  tile(PIXELS, 1, of, words, sums, output);
}
static void tile_one_2(const work *of, const uint32_t *words, uint32_t *sums, int8_t *output) {
  tile(1, 2, of, words, sums, output);
}
static void tile_one_1(const work *of, const uint32_t *words, uint32_t *sums, int8_t *output) {
  tile(1, 1, of, words, sums, output);
}

static void tiles(const work *of, int32_t pixels, const uint32_t *words, uint32_t *sums,
                  int8_t *output) {
  tile_function *many = of->channels > SF_LANES ? tile_many_2 : tile_many_1;
  tile_function *one = of->channels > SF_LANES ? tile_one_2 : tile_one_1;
  const int is_whole = of->is_first && of->is_last;
  for (int32_t i = 0; i < pixels;) {
    // The last pixels are made again in part.
    const int32_t last = pixels - PIXELS;
    if (i > last && is_whole && last >= 0) i = last;
    (i <= last ? many : one)(of, words + i * of->apart, sums + i * CHANNELS,
                             output + i * of->pitch);
    i += i <= last ? PIXELS : 1;
  }
}

// --- Rows

// What sums begin with: the bias, once, less what the zero point and the offset of values add.
static void set_starts(const sf_window *window, int32_t channel, work *of) {
  const sf_words ones = sf_all(sf_word_of_value(1));
  const uint32_t zero = (uint32_t)(window->input_zero_point - SF_CODE_OFFSET);
  for (int j = 0; j < VECTORS && j * SF_LANES < of->channels; ++j) {
    sf_words sum = {0};
    for (int32_t word = 0; word < of->words && zero != 0; ++word) {
      sum = sf_add_word_products(sum, ones, sf_load(of->weights + word * CHANNELS + j * SF_LANES));
    }
    const int32_t first = channel + j * SF_LANES, count = of->channels - j * SF_LANES;
    of->start[j] = sf_all(0) - sum * zero;
    if (of->is_first) of->start[j] += sf_load_some(count, of->constants->bias + first);
  }
}

static void convolve_group(const sf_source *from, const sf_constants *constants, int32_t channel,
                           int32_t channels, int8_t *output) {
  const sf_window *window = from->window;
  const int32_t size = from->size, width = window->output_width;
  const int32_t part = PART * SF_VALUES, is_parted = size > part;
  const int32_t words_of_part = ((is_parted ? part : size) + SF_VALUES - 1) / SF_VALUES;
  uint32_t words[ROOM], weights[PART * CHANNELS], sums[MOST_PIXELS * CHANNELS];
  work of;
  of.constants = constants, of.weights = weights, of.pitch = window->output_channels;
  of.apart = words_of_part + SLACK;
  const int32_t most = is_parted ? MOST_PIXELS : ROOM / of.apart;
  of.coding = sf_coding_of(window->minimum, window->maximum, window->output_zero_point);
  for (int32_t x = 0, pixels; x < width; x += pixels) {
    pixels = width - x < most ? width - x : most;
    for (int32_t done = 0; done < channels; done += CHANNELS) {
      const int32_t next = channel + done;
      of.channels = channels - done < CHANNELS ? channels - done : CHANNELS;
      for (int j = 0; j < VECTORS && j * SF_LANES < of.channels; ++j) {
        of.factors[j] =
            sf_channel_factors(constants, next + j * SF_LANES, of.channels - j * SF_LANES);
      }
      for (int32_t first = 0, count; first < size; first += count) {
        count = size - first < part ? size - first : part;
        of.words = (count + SF_VALUES - 1) / SF_VALUES;
        of.is_first = first == 0, of.is_last = first + count == size;
        if (is_parted || done == 0) collect(from, x, pixels, first, count, of.apart, words);
        turn(of.channels, size, count, constants->codes + next * size + first, weights);
        set_starts(window, next, &of);
        tiles(&of, pixels, words, sums, output + x * of.pitch + next);
      }
    }
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

#endif  // SF_AVX
