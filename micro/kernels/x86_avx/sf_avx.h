// Vectors of x86-64: 16 int32 with AVX-512 VNNI, 8 with AVX2.
//
// Convolutions add products by words: 32 bits of each lane that hold codes of several taps, times
// as many weights, all in one instruction. With VNNI a word has four bytes. Of these the
// instruction takes one side as unsigned, so codes are offset by 128, and what that adds to a sum
// is taken off its start. Without VNNI a word has two int16.
#ifndef SF_AVX_H_
#define SF_AVX_H_

#include "sf_kernel_set.h"
#include "sf_platform.h"

#if SF_AVX

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

// Before a loop over vectors that are to stay in registers.
#if defined(__clang__)
#define SF_UNROLLED _Pragma("clang loop unroll(full)")
#else
#define SF_UNROLLED _Pragma("GCC unroll 16")
#endif

enum { SF_LANES = SF_AVX / 32 };

// One a lane. Arithmetic on words wraps around; the shifts of ints keep the sign.
typedef uint32_t sf_words __attribute__((vector_size(SF_AVX / 8)));
typedef int32_t sf_ints __attribute__((vector_size(SF_AVX / 8)));
typedef uint64_t sf_longs __attribute__((vector_size(SF_AVX / 8)));  // one for two lanes
typedef int8_t sf_codes __attribute__((vector_size(SF_AVX / 32)));

static inline sf_words sf_all(uint32_t x) { return (sf_words){0} + x; }

static inline sf_words sf_load(const void *from) {
  sf_words words;
  SF_COPY(&words, from, sizeof words);
  return words;
}
static inline void sf_store(sf_words words, void *to) { SF_COPY(to, &words, sizeof words); }

// Of a smaller `count` than there are lanes, the others are 0, and their memory is not touched.
static inline sf_words sf_load_some(int32_t count, const int32_t *from) {
  sf_words words = {0};
  if (count >= SF_LANES) return sf_load(from);
  SF_COPY(&words, from, (size_t)count * sizeof *from);
  return words;
}
static inline sf_codes sf_load_codes(int32_t count, const int8_t *from) {
  sf_codes codes = {0};
  if (count >= SF_LANES) {
    SF_COPY(&codes, from, sizeof codes);
  } else {
    SF_COPY(&codes, from, (size_t)count);
  }
  return codes;
}
static inline void sf_write_codes(int32_t count, sf_codes codes, int8_t *to) {
  if (count >= SF_LANES) {
    SF_COPY(to, &codes, sizeof codes);
  } else {
    SF_COPY(to, &codes, (size_t)count);
  }
}

#if SF_AVX == 512

static inline sf_words sf_extended(sf_codes codes) {
  return (sf_words)_mm512_cvtepi8_epi32((__m128i)codes);
}
// Their lower bytes.
static inline sf_codes sf_narrowed(sf_ints ints) {
  return (sf_codes)_mm512_cvtepi32_epi8((__m512i)ints);
}
static inline sf_longs sf_multiply_even(sf_words a, sf_words b) {
  return (sf_longs)_mm512_mul_epi32((__m512i)a, (__m512i)b);
}
static inline sf_words sf_even_and_odd(sf_longs even, sf_longs odd) {
  return (sf_words)_mm512_mask_blend_epi32(0xaaaa, (__m512i)even, (__m512i)odd);
}
// x, one more where a is greater than b.
static inline sf_ints sf_add_where_greater(sf_ints x, sf_ints a, sf_ints b) {
  const __m512i minus_one = _mm512_set1_epi32(-1);
  const __mmask16 greater = _mm512_cmpgt_epi32_mask((__m512i)a, (__m512i)b);
  return (sf_ints)_mm512_mask_sub_epi32((__m512i)x, greater, (__m512i)x, minus_one);
}
static inline sf_ints sf_clamp_all(sf_ints x, sf_ints minimum, sf_ints maximum) {
  return (sf_ints)_mm512_min_epi32(_mm512_max_epi32((__m512i)x, (__m512i)minimum),
                                   (__m512i)maximum);
}

#else

static inline sf_words sf_extended(sf_codes codes) {
  int64_t eight;
  SF_COPY(&eight, &codes, sizeof eight);
  return (sf_words)_mm256_cvtepi8_epi32(_mm_cvtsi64_si128(eight));
}
// Of ints that a code can be.
static inline sf_codes sf_narrowed(sf_ints ints) {
  const __m128i lower = _mm256_castsi256_si128((__m256i)ints);
  const __m128i words = _mm_packs_epi32(lower, _mm256_extracti128_si256((__m256i)ints, 1));
  const int64_t eight = _mm_cvtsi128_si64(_mm_packs_epi16(words, words));
  sf_codes codes;
  SF_COPY(&codes, &eight, sizeof codes);
  return codes;
}
static inline sf_longs sf_multiply_even(sf_words a, sf_words b) {
  return (sf_longs)_mm256_mul_epi32((__m256i)a, (__m256i)b);
}
static inline sf_words sf_even_and_odd(sf_longs even, sf_longs odd) {
  return (sf_words)_mm256_blend_epi32((__m256i)even, (__m256i)odd, 0xaa);
}
static inline sf_ints sf_add_where_greater(sf_ints x, sf_ints a, sf_ints b) {
  return x - (sf_ints)_mm256_cmpgt_epi32((__m256i)a, (__m256i)b);
}
static inline sf_ints sf_clamp_all(sf_ints x, sf_ints minimum, sf_ints maximum) {
  return (sf_ints)_mm256_min_epi32(_mm256_max_epi32((__m256i)x, (__m256i)minimum),
                                   (__m256i)maximum);
}

#endif  // SF_AVX == 512

// --- Products

#if SF_VNNI
typedef uint8_t sf_value;  // a code less SF_CODE_OFFSET, as a part of a word
enum { SF_VALUES = 4, SF_CODE_OFFSET = -128 };
#else
typedef int16_t sf_value;
enum { SF_VALUES = 2, SF_CODE_OFFSET = 0 };
#endif

// A word of the same value in all its parts.
static inline uint32_t sf_word_of_value(sf_value value) {
  return SF_VNNI ? 0x1010101u * (uint8_t)value : 0x10001u * (uint16_t)value;
}

// Codes as parts `index` of words, whose other parts are 0.
static inline sf_words sf_as_parts(uint32_t index, sf_codes codes) {
#if SF_AVX == 512
  return (sf_words)_mm512_cvtepu8_epi32((__m128i)codes) << 8 * index;
#elif SF_VNNI
  return (sf_extended(codes) & 0xff) << 8 * index;
#else
  return index == 0 ? sf_extended(codes) & 0xffff : sf_extended(codes) << 16;
#endif
}

// sums + the products of all parts of words.
static inline sf_words sf_add_word_products(sf_words sums, sf_words values, sf_words weights) {
#if SF_AVX == 512
  return (sf_words)_mm512_dpbusd_epi32((__m512i)sums, (__m512i)values, (__m512i)weights);
#elif defined(__AVX512VNNI__) && defined(__AVX512VL__)
  return (sf_words)_mm256_dpbusd_epi32((__m256i)sums, (__m256i)values, (__m256i)weights);
#elif defined(__AVXVNNI__)
  return (sf_words)_mm256_dpbusd_avx_epi32((__m256i)sums, (__m256i)values, (__m256i)weights);
#else
  return sums + (sf_words)_mm256_madd_epi16((__m256i)values, (__m256i)weights);
#endif
}

#endif  // SF_AVX

#endif  // SF_AVX_H_
