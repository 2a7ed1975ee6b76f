// What micro/kernels/sf_dsp.h says of the DSP extension's instructions, in plain C: with this file
// in its place, the kernels for the extension run on any computer, and under its sanitizers.
#ifndef SF_DSP_H_
#define SF_DSP_H_

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define SF_DSP 1
#define SF_INLINED static inline
#define SF_OUTLINED static

static inline int16_t lower(uint32_t pair) { return (int16_t)pair; }
static inline int16_t upper(uint32_t pair) { return (int16_t)(pair >> 16); }
static inline uint32_t pair_of(int32_t lower, int32_t upper) {
  return ((uint32_t)lower & 0xffff) | (uint32_t)upper << 16;
}
static inline int8_t code_at(uint32_t codes, int i) { return (int8_t)(codes >> 8 * i); }

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
static inline void sf_store_two(uint32_t first, uint32_t second, uint32_t *to) {
  require_aligned(to);
  to[0] = first, to[1] = second;
}

static inline int32_t sf_high_mul_add(int32_t a, int32_t b, int32_t c) {
  const uint64_t product = (uint64_t)((int64_t)a * b + (INT64_C(1) << 31));
  return (int32_t)((product + ((uint64_t)c << 32)) >> 32);
}
static inline int32_t sf_not_negative(int32_t x) { return x < 0 ? 0 : x; }
static inline int8_t sf_half_as_code(int32_t x) {
  x >>= 1;
  return (int8_t)(x < INT8_MIN ? INT8_MIN : x > INT8_MAX ? INT8_MAX : x);
}

#endif  // SF_DSP_H_
