// Two rows of equal size, value by value, that networks seldom have; sums and products have files
// of their own for each instruction set.
#include "sf_elementwise.h"
#include "sf_kernels.h"
#include "sf_rounding.h"

enum { SQUARE_LEFT_SHIFT = 7 };

static inline int32_t scaled(int32_t value, int32_t bits, sf_factor factor) {
  return sf_requantise(value * (1 << bits), factor.multiplier, factor.shift);
}

// Registers wrap only with absurd factors.
static inline int32_t difference(int32_t a, int32_t b) {
  return (int32_t)((uint32_t)a - (uint32_t)b);
}

static inline int32_t square(int32_t a) { return (int32_t)((uint32_t)a * (uint32_t)a); }

void sf_subtract_row(int32_t count, const sf_pair *pair, const sf_factor factors[3],
                     const int8_t *first, const int8_t *second, int8_t *output) {
  const sf_factor last = factors[2];
  for (int32_t i = 0; i < count; ++i) {
    const int32_t a = scaled(first[i] - pair->first_zero_point, SF_ADD_LEFT_SHIFT, factors[0]);
    const int32_t b = scaled(second[i] - pair->second_zero_point, SF_ADD_LEFT_SHIFT, factors[1]);
    output[i] = sf_code(sf_requantise(difference(a, b), last.multiplier, last.shift),
                        pair->output_zero_point, pair->minimum, pair->maximum);
  }
}

void sf_square_difference_row(int32_t count, const sf_pair *pair, const sf_factor factors[3],
                              const int8_t *first, const int8_t *second, int8_t *output) {
  const sf_factor last = factors[2];
  for (int32_t i = 0; i < count; ++i) {
    const int32_t a = scaled(first[i] - pair->first_zero_point, SQUARE_LEFT_SHIFT, factors[0]);
    const int32_t b = scaled(second[i] - pair->second_zero_point, SQUARE_LEFT_SHIFT, factors[1]);
    output[i] = sf_code(sf_requantise(square(difference(a, b)), last.multiplier, last.shift),
                        pair->output_zero_point, pair->minimum, pair->maximum);
  }
}

void sf_maximum_row(int32_t count, const sf_pair *pair, const int8_t *first, const int8_t *second,
                    int8_t *output) {
  for (int32_t i = 0; i < count; ++i) {
    const int8_t larger = first[i] > second[i] ? first[i] : second[i];
    output[i] = (int8_t)sf_clamp(larger, pair->minimum, pair->maximum);
  }
}

void sf_minimum_row(int32_t count, const sf_pair *pair, const int8_t *first, const int8_t *second,
                    int8_t *output) {
  for (int32_t i = 0; i < count; ++i) {
    const int8_t smaller = first[i] < second[i] ? first[i] : second[i];
    output[i] = (int8_t)sf_clamp(smaller, pair->minimum, pair->maximum);
  }
}

void sf_prelu_row(const sf_scaling *scaling, const int8_t *slopes, int32_t slope_step,
                  const sf_factor factors[2], const int8_t *input, int8_t *output) {
  const sf_factor above = factors[0], below = factors[1];
  for (int32_t x = 0; x < scaling->width; ++x, slopes += slope_step) {
    for (int32_t channel = 0; channel < scaling->channels; ++channel) {
      const int32_t value = *input++ - scaling->input_zero_point;
      const int32_t slope = slopes[channel] - scaling->constant_zero_point;
      const int32_t bent = value >= 0 ? sf_requantise(value, above.multiplier, above.shift)
                                      : sf_requantise(value * slope, below.multiplier, below.shift);
      *output++ = sf_code(bent, scaling->output_zero_point, scaling->minimum, scaling->maximum);
    }
  }
}
