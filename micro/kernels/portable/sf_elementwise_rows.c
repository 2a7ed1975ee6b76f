#include "sf_elementwise.h"
#include "sf_kernel_set.h"
#include "sf_rounding.h"
#include "sf_rows_avx.h"
#include "sf_rows_dsp.h"

#if !SF_MVE  // else sf_elementwise_rows_mve.c

static inline int32_t scaled_operand(int32_t value, sf_factor factor) {
  return sf_requantise(value * (1 << SF_ADD_LEFT_SHIFT), factor.multiplier, factor.shift);
}

// Of codes that are only added.
static void add_codes(int32_t count, const sf_pair *pair, const int8_t *first, const int8_t *second,
                      int8_t *output) {
  const int32_t minimum = pair->minimum, maximum = pair->maximum;
  for (const int8_t *end = first + count; first != end;) {
    *output++ = (int8_t)sf_clamp(*first++ + *second++, minimum, maximum);
  }
}

void sf_add_row(int32_t count, const sf_pair *pair, const sf_factor factors[3], const int8_t *first,
                const int8_t *second, int8_t *output) {
  if (sf_add_row_dsp(count, pair, factors, first, second, output)) return;
  if (sf_add_row_avx(count, pair, factors, first, second, output)) return;
  if (sf_adds_codes(pair, factors)) {
    add_codes(count, pair, first, second, output);
    return;
  }
  const sf_pair coding = *pair;
  const sf_factor of_first = factors[0], of_second = factors[1], of_sum = factors[2];
  for (int32_t i = 0; i < count; ++i) {
    const int32_t a = scaled_operand(first[i] - coding.first_zero_point, of_first);
    const int32_t b = scaled_operand(second[i] - coding.second_zero_point, of_second);
    const int32_t sum = (int32_t)((uint32_t)a + (uint32_t)b);  // wraps only with absurd factors
    output[i] = sf_code(sf_requantise(sum, of_sum.multiplier, of_sum.shift),
                        coding.output_zero_point, coding.minimum, coding.maximum);
  }
}

// Any int8, and the factor is a power of two: sf_requantise_down() of SF_HALF needs no long
// product. A clamp from 0 on is an instruction of most Arm cores, also to gcc.
static void multiply_by_power(int32_t count, sf_pair coding, int32_t all_but_one,
                              const int8_t *first, const int8_t *second, int8_t *output) {
  const int32_t rounding = 1 + 2 * (coding.output_zero_point - INT8_MIN);
  for (const int8_t *end = first + count; first != end;) {
    const int32_t product =
        (*first++ - coding.first_zero_point) * (*second++ - coding.second_zero_point);
    const int32_t half = (product + 1) >> 1;
    const int32_t code = (((half + (half >> 31)) >> all_but_one) + rounding) >> 1;
    *output++ = (int8_t)(sf_clamp(code, 0, UINT8_MAX) + INT8_MIN);
  }
}

void sf_multiply_row(int32_t count, const sf_pair *pair, const sf_factor *factor,
                     const int8_t *first, const int8_t *second, int8_t *output) {
  if (sf_multiply_row_dsp(count, pair, factor, first, second, output)) return;
  if (sf_multiply_row_avx(count, pair, factor, first, second, output)) return;
  const sf_pair coding = *pair;
  const sf_factor scale = *factor;
  if (sf_is_whole_range(pair) && scale.multiplier == SF_HALF && scale.shift < 0) {
    multiply_by_power(count, coding, -scale.shift - 1, first, second, output);
    return;
  }
  for (int32_t i = 0; i < count; ++i) {
    const int32_t product =
        (first[i] - coding.first_zero_point) * (second[i] - coding.second_zero_point);
    output[i] = sf_code(sf_requantise(product, scale.multiplier, scale.shift),
                        coding.output_zero_point, coding.minimum, coding.maximum);
  }
}

void sf_scale_row(const sf_scaling *scaling, const int8_t *codes, const sf_factor *factor,
                  const int8_t *input, int8_t *output) {
  if (sf_scale_row_dsp(scaling, codes, factor, input, output)) return;
  if (sf_scale_row_avx(scaling, codes, factor, input, output)) return;
  const sf_pair pair = {scaling->input_zero_point, scaling->constant_zero_point,
                        scaling->output_zero_point, scaling->minimum, scaling->maximum};
  for (int32_t x = 0; x < scaling->width; ++x) {
    const int32_t pixel = x * scaling->channels;
    sf_multiply_row(scaling->channels, &pair, factor, input + pixel, codes, output + pixel);
  }
}

void sf_lookup_row(int32_t count, const int8_t table[256], const int8_t *input, int8_t *output) {
  for (int32_t i = 0; i < count; ++i) output[i] = table[input[i] + 128];
}

#endif  // !SF_MVE
