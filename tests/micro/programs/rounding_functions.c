// The functions of sf_rounding.h as functions of a library, for test_kernels.py.
#include "sf_rounding.h"

int32_t saturating_rounding_doubling_high_mul(int32_t a, int32_t b);
int32_t high_mul_by_parts(int32_t a, int32_t b);
int32_t rounding_divide_by_pot(int32_t x, int32_t exponent);
int32_t requantise_down(int32_t accumulator, int32_t multiplier, int32_t all_but_one);
int32_t requantise(int32_t accumulator, int32_t multiplier, int32_t shift);

int32_t saturating_rounding_doubling_high_mul(int32_t a, int32_t b) {
  return sf_saturating_rounding_doubling_high_mul(a, b);
}

int32_t rounding_divide_by_pot(int32_t x, int32_t exponent) {
  return sf_rounding_divide_by_pot(x, exponent);
}

int32_t requantise(int32_t accumulator, int32_t multiplier, int32_t shift) {
  return sf_requantise(accumulator, multiplier, shift);
}

int32_t high_mul_by_parts(int32_t a, int32_t b) { return sf_high_mul_by_parts(a, b); }

int32_t requantise_down(int32_t accumulator, int32_t multiplier, int32_t all_but_one) {
  return sf_requantise_down(accumulator, multiplier, all_but_one);
}
