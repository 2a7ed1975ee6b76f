// Works on SF_LANES values at a time.
#include "sf_rows_avx.h"
#include "sf_scale_avx.h"

#if SF_AVX

enum { ADD_LEFT_SHIFT = 20 };

// Values less their zero point.
static inline sf_words values_of(int32_t count, const int8_t *codes, sf_words zero_point) {
  return sf_extended(sf_load_codes(count, codes)) - zero_point;
}

int sf_multiply_row_avx(int32_t count, const sf_pair *pair, const sf_factor *factor,
                        const int8_t *first, const int8_t *second, int8_t *output) {
  const sf_words zero0 = sf_all((uint32_t)pair->first_zero_point);
  const sf_words zero1 = sf_all((uint32_t)pair->second_zero_point);
  const sf_factors by = sf_same_factors(*factor);
  const sf_coding coding = sf_coding_of(pair->minimum, pair->maximum, pair->output_zero_point);
  for (; count > 0; count -= SF_LANES, first += SF_LANES, second += SF_LANES, output += SF_LANES) {
    const sf_words product = values_of(count, first, zero0) * values_of(count, second, zero1);
    sf_write_codes(count, sf_codes_of(product, by, coding), output);
  }
  return 1;
}

int sf_add_row_avx(int32_t count, const sf_pair *pair, const sf_factor factors[3],
                   const int8_t *first, const int8_t *second, int8_t *output) {
  const sf_words zero0 = sf_all((uint32_t)pair->first_zero_point);
  const sf_words zero1 = sf_all((uint32_t)pair->second_zero_point);
  const sf_factors by0 = sf_same_factors(factors[0]), by1 = sf_same_factors(factors[1]);
  const sf_factors by_sum = sf_same_factors(factors[2]);
  const sf_coding coding = sf_coding_of(pair->minimum, pair->maximum, pair->output_zero_point);
  for (; count > 0; count -= SF_LANES, first += SF_LANES, second += SF_LANES, output += SF_LANES) {
    const sf_words a = values_of(count, first, zero0) << ADD_LEFT_SHIFT;
    const sf_words b = values_of(count, second, zero1) << ADD_LEFT_SHIFT;
    const sf_words sum = (sf_words)sf_scaled(a, by0) + (sf_words)sf_scaled(b, by1);
    sf_write_codes(count, sf_codes_of(sum, by_sum, coding), output);
  }
  return 1;
}

#endif  // SF_AVX
