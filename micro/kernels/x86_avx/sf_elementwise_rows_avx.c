// Works on SF_LANES values at a time; on twice as many, in 16 bits, where every factor is a power
// of two and no input has a zero point, as is so in networks of fixed8.
#include "sf_elementwise.h"
#include "sf_rows_avx.h"
#include "sf_scale_avx.h"

#if SF_AVX

enum { ROOM = 1024 };  // for codes that are scaled by, again and again

// --- 16 bits

typedef int16_t sf_shorts __attribute__((vector_size(SF_AVX / 8)));
enum { SHORTS = SF_AVX / 16 };

#if SF_AVX == 512
static inline sf_shorts shorts_of(const int8_t *codes) {
  return (sf_shorts)_mm512_cvtepi8_epi16(_mm256_loadu_si256((const __m256i *)(const void *)codes));
}
static inline void write_shorts(sf_shorts shorts, int8_t *codes) {
  _mm256_storeu_si256((__m256i *)(void *)codes, _mm512_cvtepi16_epi8((__m512i)shorts));
}
static inline sf_shorts shift_right(sf_shorts x, int32_t bits) {
  return (sf_shorts)_mm512_sra_epi16((__m512i)x, _mm_cvtsi32_si128(bits));
}
static inline sf_shorts clamp(sf_shorts x, sf_shorts minimum, sf_shorts maximum) {
  return (sf_shorts)_mm512_min_epi16(_mm512_max_epi16((__m512i)x, (__m512i)minimum),
                                     (__m512i)maximum);
}
#else
static inline sf_shorts shorts_of(const int8_t *codes) {
  return (sf_shorts)_mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(const void *)codes));
}
static inline void write_shorts(sf_shorts shorts, int8_t *codes) {
  const __m128i lower = _mm256_castsi256_si128((__m256i)shorts);
  const __m128i upper = _mm256_extracti128_si256((__m256i)shorts, 1);
  _mm_storeu_si128((__m128i *)(void *)codes, _mm_packs_epi16(lower, upper));
}
static inline sf_shorts shift_right(sf_shorts x, int32_t bits) {
  return (sf_shorts)_mm256_sra_epi16((__m256i)x, _mm_cvtsi32_si128(bits));
}
static inline sf_shorts clamp(sf_shorts x, sf_shorts minimum, sf_shorts maximum) {
  return (sf_shorts)_mm256_min_epi16(_mm256_max_epi16((__m256i)x, (__m256i)minimum),
                                     (__m256i)maximum);
}
#endif

// Writes the codes of x / 2^exponent, rounded as sf_rounding_divide_by_pot() does.
static inline void write_codes(sf_shorts x, int32_t exponent, const sf_pair *pair, int8_t *output) {
  const sf_shorts zero = {0}, zero_point = zero + (int16_t)pair->output_zero_point;
  const sf_shorts minimum = zero + pair->minimum - zero_point;
  const sf_shorts maximum = zero + pair->maximum - zero_point;
  if (exponent > 0) x = (shift_right(x + (x >> 15), exponent - 1) + 1) >> 1;
  write_shorts(clamp(x, minimum, maximum) + zero_point, output);
}

static int32_t multiply_shorts(int32_t count, const sf_pair *pair, sf_factor factor,
                               const int8_t *first, const int8_t *second, int8_t *output) {
  const sf_pair coding = *pair;
  int32_t done = 0;
  if (pair->first_zero_point != 0 || pair->second_zero_point != 0) return 0;
  if (factor.multiplier != SF_HALF || factor.shift > 0 || factor.shift < -15) return 0;
  for (; done + SHORTS <= count; done += SHORTS) {
    const sf_shorts product = shorts_of(first + done) * shorts_of(second + done);
    write_codes((product + 1) >> 1, -factor.shift, &coding, output + done);
  }
  return done;
}

static int32_t add_shorts(int32_t count, const sf_pair *pair, const sf_factor factors[3],
                          const int8_t *first, const int8_t *second, int8_t *output) {
  const sf_pair coding = *pair;
  const int32_t right0 = -factors[0].shift, right1 = -factors[1].shift;
  const int32_t most = right0 > right1 ? right0 : right1;
  // Operands are worth their codes * 2^(SF_ADD_LEFT_SHIFT - 1 - right).
  const int32_t exponent = -factors[2].shift - (SF_ADD_LEFT_SHIFT - 2 - most);
  int32_t done = 0;
  if (pair->first_zero_point != 0 || pair->second_zero_point != 0) return 0;
  for (int i = 0; i < 3; ++i) {
    if (factors[i].multiplier != SF_HALF) return 0;
  }
  if (right0 < 0 || right1 < 0 || most > 6 || exponent < 0 || exponent > 15) return 0;
  const sf_shorts zero = {0};
  const sf_shorts by0 = zero + (int16_t)(1 << (most - right0));
  const sf_shorts by1 = zero + (int16_t)(1 << (most - right1));
  for (; done + SHORTS <= count; done += SHORTS) {
    const sf_shorts sum = shorts_of(first + done) * by0 + shorts_of(second + done) * by1;
    write_codes(sum, exponent, &coding, output + done);
  }
  return done;
}

// --- Any factors

// Values less their zero point.
static inline sf_words values_of(int32_t count, const int8_t *codes, int32_t zero_point) {
  return sf_extended(sf_load_codes(count, codes)) - (uint32_t)zero_point;
}

int sf_multiply_row_avx(int32_t count, const sf_pair *pair, const sf_factor *factor,
                        const int8_t *first, const int8_t *second, int8_t *output) {
  const int32_t zero0 = pair->first_zero_point, zero1 = pair->second_zero_point;
  const sf_factors by = sf_same_factors(*factor);
  const sf_coding coding = sf_coding_of(pair->minimum, pair->maximum, pair->output_zero_point);
  for (int32_t i = multiply_shorts(count, pair, *factor, first, second, output); i < count;
       i += SF_LANES) {
    const int32_t left = count - i;
    const sf_words product = values_of(left, first + i, zero0) * values_of(left, second + i, zero1);
    sf_write_codes(left, sf_codes_of(product, by, coding), output + i);
  }
  return 1;
}

int sf_add_row_avx(int32_t count, const sf_pair *pair, const sf_factor factors[3],
                   const int8_t *first, const int8_t *second, int8_t *output) {
  const int32_t zero0 = pair->first_zero_point, zero1 = pair->second_zero_point;
  const sf_factors by0 = sf_same_factors(factors[0]), by1 = sf_same_factors(factors[1]);
  const sf_factors by_sum = sf_same_factors(factors[2]);
  const sf_coding coding = sf_coding_of(pair->minimum, pair->maximum, pair->output_zero_point);
  for (int32_t i = add_shorts(count, pair, factors, first, second, output); i < count;
       i += SF_LANES) {
    const int32_t left = count - i;
    const sf_words a = values_of(left, first + i, zero0) << SF_ADD_LEFT_SHIFT;
    const sf_words b = values_of(left, second + i, zero1) << SF_ADD_LEFT_SHIFT;
    const sf_words sum = (sf_words)sf_scaled(a, by0) + (sf_words)sf_scaled(b, by1);
    sf_write_codes(left, sf_codes_of(sum, by_sum, coding), output + i);
  }
  return 1;
}

// As products with a row of the same codes for each pixel, a few pixels at a time.
int sf_scale_row_avx(const sf_scaling *scaling, const int8_t *codes, const sf_factor *factor,
                     const int8_t *input, int8_t *output) {
  const sf_pair pair = {scaling->input_zero_point, scaling->constant_zero_point,
                        scaling->output_zero_point, scaling->minimum, scaling->maximum};
  const int32_t channels = scaling->channels, count = scaling->width * channels;
  const int32_t most = ROOM / channels * channels;
  int8_t again[ROOM];
  if (most == 0) return 0;
  for (int32_t i = 0; i < most && i < count; i += channels) {
    SF_COPY(again + i, codes, (size_t)channels);
  }
  for (int32_t i = 0; i < count; i += most) {
    const int32_t size = count - i < most ? count - i : most;
    sf_multiply_row_avx(size, &pair, factor, input + i, again, output + i);
  }
  return 1;
}

#endif  // SF_AVX
