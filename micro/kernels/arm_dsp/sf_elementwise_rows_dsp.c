#include "sf_elementwise.h"
#include "sf_rounding.h"
#include "sf_rows_dsp.h"
#include "sf_scale_dsp.h"

#if SF_DSP

// --- Products

int sf_multiply_row_dsp(int32_t count, const sf_pair *pair, const sf_factor *factor,
                        const int8_t *first, const int8_t *second, int8_t *output) {
  const sf_scale scale = sf_scale_of(*factor);
  const int32_t zero_point = pair->output_zero_point;
  const uint32_t offsets0 = sf_offsets(pair->first_zero_point);
  const uint32_t offsets1 = sf_offsets(pair->second_zero_point);
  if (count % 4 != 0 || !sf_is_whole_range(pair) || scale.power == 0) return 0;
  for (const int8_t *end = output + count; output != end; first += 4, second += 4, output += 4) {
    const uint32_t codes0 = sf_four_codes(first), codes1 = sf_four_codes(second);
    const uint32_t even0 = sf_even_codes(offsets0, codes0), odd0 = sf_odd_codes(offsets0, codes0);
    const uint32_t even1 = sf_even_codes(offsets1, codes1), odd1 = sf_odd_codes(offsets1, codes1);
    output[0] =
        (int8_t)sf_code_of_sum(SF_WHOLE_RANGE, scale, zero_point, sf_multiply_lower(even0, even1));
    output[1] =
        (int8_t)sf_code_of_sum(SF_WHOLE_RANGE, scale, zero_point, sf_multiply_lower(odd0, odd1));
    output[2] =
        (int8_t)sf_code_of_sum(SF_WHOLE_RANGE, scale, zero_point, sf_multiply_upper(even0, even1));
    output[3] =
        (int8_t)sf_code_of_sum(SF_WHOLE_RANGE, scale, zero_point, sf_multiply_upper(odd0, odd1));
  }
  return 1;
}

// --- Products with a code a channel: the factor is a power of two, all zero points are 0

// An int8 that an instruction has widened to 32 bits is a pair: the code, and -1 if it is negative.
// Its products with such a pair of weights, added to `start`, are what sf_requantise() divides by a
// power of two, with the 1 by which halves go away from zero, all times 2^14 over that power.
enum { POWER = 14 };  // in which sf_power_as_code() divides by it

static inline uint32_t weights_of(int32_t code, int32_t unit) {
  return (uint32_t)(code * unit) | (uint32_t)unit << 17;
}

static inline int8_t scaled_code(int32_t code, uint32_t weights, uint32_t start) {
  return (int8_t)sf_power_as_code((int32_t)sf_add_both(start, (uint32_t)code, weights));
}

static void scale_four_channels(int32_t width, int32_t channels, const int8_t *codes, int32_t unit,
                                const int8_t *input, int8_t *output) {
  const uint32_t start = (UINT32_C(1) << (POWER - 1)) + (uint32_t)unit;
  const uint32_t weights0 = weights_of(codes[0], unit), weights1 = weights_of(codes[1], unit);
  const uint32_t weights2 = weights_of(codes[2], unit), weights3 = weights_of(codes[3], unit);
  for (; width > 0; --width, input += channels, output += channels) {
    output[0] = scaled_code(input[0], weights0, start);
    output[1] = scaled_code(input[1], weights1, start);
    output[2] = scaled_code(input[2], weights2, start);
    output[3] = scaled_code(input[3], weights3, start);
  }
}

static int is_negative(int32_t count, const int8_t *codes) {
  uint32_t signs = 0;
  for (; count > 0; count -= 4, codes += 4) signs |= sf_four_codes(codes);
  return (signs & 0x80808080) != 0;
}

int sf_scale_row_dsp(const sf_scaling *scaling, const int8_t *codes, const sf_factor *factor,
                     const int8_t *input, int8_t *output) {
  const int32_t channels = scaling->channels, bits = POWER - 1 + factor->shift;
  const int zero_points = scaling->input_zero_point | scaling->constant_zero_point;
  if (channels % 4 != 0 || (zero_points | scaling->output_zero_point) != 0) return 0;
  if (scaling->minimum != INT8_MIN || scaling->maximum != INT8_MAX) return 0;
  if (factor->multiplier != SF_HALF || bits < 0 || bits > 8 || is_negative(channels, codes))
    return 0;
  for (int32_t i = 0; i < channels; i += 4) {
    scale_four_channels(scaling->width, channels, codes + i, 1 << bits, input + i, output + i);
  }
  return 1;
}

// --- Sums: the larger of the two operands' factors is a half

SF_OUTLINED void add_codes(int32_t count, const int8_t *first, const int8_t *second,
                           int8_t *output) {
  for (; count >= 4; count -= 4, first += 4, second += 4, output += 4) {
    const uint32_t sums = sf_add_codes(sf_four_codes(first), sf_four_codes(second));
    SF_COPY(output, &sums, sizeof sums);
  }
  for (; count > 0; --count) *output++ = (int8_t)sf_clamp(*first++ + *second++, INT8_MIN, INT8_MAX);
}

// The second operand only moves by some bits, too.
SF_OUTLINED void add_moved(int32_t count, const sf_pair *pair, int32_t bits, sf_scale scale,
                           const int8_t *first, const int8_t *second, int8_t *output) {
  const int32_t one0 = 1 << (SF_ADD_LEFT_SHIFT - 1), one1 = 1 << bits;
  const int32_t start = -pair->first_zero_point * one0 - pair->second_zero_point * one1;
  const int32_t zero_point = pair->output_zero_point;
  for (const int8_t *end = output + count; output != end;) {
    const int32_t sum = start + *first++ * one0 + *second++ * one1;
    *output++ = (int8_t)sf_code_of_sum(SF_WHOLE_RANGE, scale, zero_point, (uint32_t)sum);
  }
}

// The second operand's factor is one that sf_scale_of() would take, or one with a shift of -1.
SF_OUTLINED void add_scaled(int32_t count, const sf_pair *pair, sf_factor of_second, sf_scale scale,
                            const int8_t *first, const int8_t *second, int8_t *output) {
  const int32_t zero0 = pair->first_zero_point, zero1 = pair->second_zero_point;
  const int32_t multiplier = sf_scale_of(of_second).multiplier, halvings = -1 - of_second.shift;
  const int32_t zero_point = pair->output_zero_point;
  for (const int8_t *end = output + count; output != end;) {
    const int32_t a = (*first++ - zero0) * (1 << (SF_ADD_LEFT_SHIFT - 1));
    int32_t b = (*second++ - zero1) * (1 << SF_ADD_LEFT_SHIFT);
    b = sf_high_mul_add(b, multiplier, b);
    b = (((b + (b >> 31)) >> halvings) + 1) >> 1;
    *output++ = (int8_t)sf_code_of_sum(SF_WHOLE_RANGE, scale, zero_point, (uint32_t)(a + b));
  }
}

// The first operand's factor is a half.
static int add_to_half(int32_t count, const sf_pair *pair, sf_factor of_second, sf_scale scale,
                       const int8_t *first, const int8_t *second, int8_t *output) {
  const int32_t bits = SF_ADD_LEFT_SHIFT - 1 + of_second.shift;
  if (of_second.multiplier == SF_HALF && of_second.shift <= 0 && bits >= 0) {
    add_moved(count, pair, bits, scale, first, second, output);
  } else if (of_second.multiplier >= SF_HALF && of_second.shift < 0) {
    add_scaled(count, pair, of_second, scale, first, second, output);
  } else {
    return 0;
  }
  return 1;
}

int sf_add_row_dsp(int32_t count, const sf_pair *pair, const sf_factor factors[3],
                   const int8_t *first, const int8_t *second, int8_t *output) {
  const sf_scale scale = sf_scale_of(factors[2]);
  if (!sf_is_whole_range(pair) || scale.power == 0) return 0;
  if (sf_adds_codes(pair, factors)) {
    add_codes(count, first, second, output);
    return 1;
  }
  if (sf_is_half(factors[0])) {
    return add_to_half(count, pair, factors[1], scale, first, second, output);
  }
  if (!sf_is_half(factors[1])) return 0;
  const sf_pair turned = {pair->second_zero_point, pair->first_zero_point, pair->output_zero_point,
                          pair->minimum, pair->maximum};
  return add_to_half(count, &turned, factors[0], scale, second, first, output);
}

#endif  // SF_DSP
