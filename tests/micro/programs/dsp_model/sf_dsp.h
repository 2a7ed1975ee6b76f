// What micro/kernels/arm_dsp/sf_dsp.h says of the DSP extension's instructions, in plain C: with
// this file in its place, the kernels for the extension run on any computer, and under its
// sanitizers.
#ifndef SF_DSP_H_
#define SF_DSP_H_

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sf_kernel_set.h"
#include "sf_platform.h"

static inline int16_t lower(uint32_t pair) { return (int16_t)pair; }
static inline int16_t upper(uint32_t pair) { return (int16_t)(pair >> 16); }
static inline uint32_t pair_of(int32_t lower, int32_t upper) {
  return ((uint32_t)lower & 0xffff) | (uint32_t)upper << 16;
}
static inline int8_t code_at(uint32_t codes, int i) { return (int8_t)(codes >> 8 * i); }

static inline void sf_copy_32_codes(const int8_t *from, int8_t *to) {
  if (((uintptr_t)from | (uintptr_t)to) % 4 != 0) abort();
  memcpy(to, from, 32);
}

static inline uint32_t sf_four_codes(const int8_t *codes) {
  uint32_t word;
  memcpy(&word, codes, sizeof word);
  return word;
}
static inline uint32_t sf_last_codes(const int8_t *codes, int32_t count) {
  uint32_t word = 0;
  memcpy(&word, codes + count / 4 * 4, (size_t)(count % 4));
  return word;
}
static inline uint32_t sf_offsets(int32_t zero_point) { return pair_of(-zero_point, -zero_point); }

static inline uint32_t sf_even_codes(uint32_t offsets, uint32_t codes) {
  return pair_of(lower(offsets) + code_at(codes, 0), upper(offsets) + code_at(codes, 2));
}
static inline uint32_t sf_odd_codes(uint32_t offsets, uint32_t codes) {
  return pair_of(lower(offsets) + code_at(codes, 1), upper(offsets) + code_at(codes, 3));
}
static inline uint32_t sf_even_weights(uint32_t codes) { return sf_even_codes(0, codes); }
static inline uint32_t sf_odd_weights(uint32_t codes) { return sf_odd_codes(0, codes); }

static inline uint32_t sf_lower_halves(uint32_t first, uint32_t second) {
  return pair_of(lower(first), lower(second));
}
static inline uint32_t sf_upper_halves(uint32_t first, uint32_t second) {
  return pair_of(upper(first), upper(second));
}

static inline void sf_alternate(uint32_t *first, uint32_t *second) {
  int8_t codes[8];
  for (int i = 0; i < 4; ++i) {
    codes[2 * i] = code_at(*first, i), codes[2 * i + 1] = code_at(*second, i);
  }
  *first = sf_four_codes(codes), *second = sf_four_codes(codes + 4);
}

static inline uint32_t sf_multiply_lower(uint32_t a, uint32_t b) {
  return (uint32_t)(lower(a) * lower(b));
}
static inline uint32_t sf_multiply_upper(uint32_t a, uint32_t b) {
  return (uint32_t)(upper(a) * upper(b));
}
static inline uint32_t sf_add_lower(uint32_t sum, uint32_t values, uint32_t weights) {
  return sum + sf_multiply_lower(values, weights);
}
static inline uint32_t sf_add_upper(uint32_t sum, uint32_t values, uint32_t weights) {
  return sum + sf_multiply_upper(values, weights);
}
static inline uint32_t sf_add_both(uint32_t sum, uint32_t values, uint32_t weights) {
  return sf_add_upper(sf_add_lower(sum, values, weights), values, weights);
}

static inline uint32_t sf_add_codes(uint32_t codes, uint32_t others) {
  uint32_t sums = 0;
  for (int i = 3; i >= 0; --i) {
    const int sum = code_at(codes, i) + code_at(others, i);
    sums = sums << 8 | (uint8_t)(sum < INT8_MIN ? INT8_MIN : sum > INT8_MAX ? INT8_MAX : sum);
  }
  return sums;
}

static inline void require_aligned(const uint32_t *words) {
  if ((uintptr_t)words % 4 != 0) abort();
}
static inline const uint32_t *sf_load_two(const uint32_t *from, uint32_t words[2]) {
  require_aligned(from);
  memcpy(words, from, 2 * sizeof *words);
  return from + 2;
}
static inline const uint32_t *sf_load_four(const uint32_t *from, uint32_t words[4]) {
  require_aligned(from);
  memcpy(words, from, 4 * sizeof *words);
  return from + 4;
}
static inline uint32_t *sf_store_two(uint32_t first, uint32_t second, uint32_t *to) {
  require_aligned(to);
  to[0] = first, to[1] = second;
  return to + 2;
}

// Loops are not entered in their midst here; an entry only tells for what it was made.
static inline int32_t sf_entry_of_pixels(int widened, int pixels, int32_t count) {
  return 64 * count + 8 * widened + pixels;
}
static inline int32_t sf_entry_of_channels(int widened, int32_t count) {
  return 64 * count + 8 * widened;
}
static inline void require_entry(int32_t entry, int widened, int pixels, const int8_t *weights,
                                 const int8_t *end) {
  const int32_t count = (int32_t)(end - weights) / (widened ? 2 : 1);
  if (entry / 256 != count / 4 || entry % 64 != 8 * widened + pixels) abort();
}

static inline const uint32_t *add_two_words_to_pixels(int pixels, uint32_t even, uint32_t odd,
                                                      const uint32_t *words, uint32_t *sums) {
  for (int i = 0; i < pixels; ++i) {
    uint32_t values[2];
    words = sf_load_two(words, values);
    sums[i] = sf_add_both(sums[i], values[0], even);
    sums[i] = sf_add_both(sums[i], values[1], odd);
  }
  return words;
}
static inline const uint32_t *sf_add_word_to_pixels(int pixels, uint32_t weights,
                                                    const uint32_t *words, uint32_t *sums) {
  const uint32_t even = sf_even_weights(weights), odd = sf_odd_weights(weights);
  return add_two_words_to_pixels(pixels, even, odd, words, sums);
}
// Four weights.
static inline const uint32_t *add_four_to_pixels(int widened, int pixels, const int8_t *weights,
                                                 const uint32_t *words, uint32_t *sums) {
  uint32_t four[2];
  if (!widened) return sf_add_word_to_pixels(pixels, sf_four_codes(weights), words, sums);
  sf_load_two((const uint32_t *)(const void *)weights, four);
  return add_two_words_to_pixels(pixels, four[0], four[1], words, sums);
}
static inline const uint32_t *sf_add_to_pixels(int widened, int pixels, int32_t entry,
                                               const int8_t *weights, const int8_t *end,
                                               const uint32_t *words, uint32_t *sums) {
  require_entry(entry, widened, pixels, weights, end);
  for (; weights != end; weights += widened ? 8 : 4) {
    words = add_four_to_pixels(widened, pixels, weights, words, sums);
  }
  return words;
}
static inline const uint32_t *sf_add_to_channels(int widened, int32_t entry, const int8_t *weights,
                                                 int32_t apart, const int8_t *end,
                                                 const uint32_t *words, uint32_t *sums) {
  require_entry(entry, widened, 0, weights, end);
  for (; weights != end; weights += widened ? 8 : 4, words += 2) {
    for (int i = 0; i < 4; ++i) {
      add_four_to_pixels(widened, 1, weights + i * apart, words, sums + i);
    }
  }
  return words;
}

static inline int32_t sf_high_mul_add(int32_t a, int32_t b, int32_t c) {
  const uint64_t product = (uint64_t)((int64_t)a * b + (INT64_C(1) << 31));
  return (int32_t)((product + ((uint64_t)c << 32)) >> 32);
}
static inline int32_t sf_clamp_to_code(int32_t x) {
  return x < INT8_MIN ? INT8_MIN : x > INT8_MAX ? INT8_MAX : x;
}
static inline int32_t sf_clamp_from_zero(int32_t x) { return x < 0 ? 0 : sf_clamp_to_code(x); }
static inline int32_t sf_power_as_code(int32_t x) { return sf_clamp_to_code(x >> 14); }

static inline int8_t *sf_store_apart(int32_t code, int32_t next, int32_t apart, int8_t *to) {
  to[0] = (int8_t)code, to[apart] = (int8_t)next;
  return to + 2 * apart;
}

#endif  // SF_DSP_H_
