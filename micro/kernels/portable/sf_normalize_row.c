// As TensorFlow Lite computes L2_NORMALIZATION with gemmlowp. A number with n integer bits is an
// int32_t that stands for itself * 2^(n - 31); products keep the sum of their integer bits.
#include "sf_kernels.h"
#include "sf_rounding.h"

enum { OUTPUT_BITS = 7 };  // fractional bits of the output

static inline int32_t product(int32_t a, int32_t b) {
  return sf_saturating_rounding_doubling_high_mul(a, b);
}

static int32_t shifted(int32_t value, int32_t bits) {
  const int64_t wide = (int64_t)value * (1 << bits);
  return wide > INT32_MAX ? INT32_MAX : wide < INT32_MIN ? INT32_MIN : (int32_t)wide;
}

// 1 / sqrt(x) for x from 0; 0 is taken for 1.
static sf_factor inverse_root(int32_t x) {
  const int32_t half_of_three = (1 << 28) + (1 << 27), half_root_of_two = 1518500250;
  sf_factor factor = {INT32_MAX, 0};
  if (x <= 1) return factor;
  int32_t right = 11;
  for (; x >= 1 << 29; x /= 4) ++right;
  for (; x < 1 << 27; x *= 4) --right;
  const int32_t half = sf_rounding_divide_by_pot(x >> 1, 1);
  int32_t root = 1 << 28;
  for (int32_t i = 0; i < 5; ++i) {  // Newton and Raphson, with 3 integer bits
    const int32_t cube = shifted(product(product(root, root), root), 6);
    root = shifted(product(half_of_three, root) - product(half, cube), 3);
  }
  root = product(root, half_root_of_two);
  factor.multiplier = right < 0 ? root * (1 << -right) : root;
  factor.shift = right < 0 ? 0 : -right;
  return factor;
}

void sf_normalize_row(int32_t width, int32_t channels, int32_t zero_point, const int8_t *input,
                      int8_t *output) {
  for (int32_t x = 0; x < width; ++x, input += channels, output += channels) {
    int32_t sum = 0;
    for (int32_t i = 0; i < channels; ++i) {
      const int32_t value = input[i] - zero_point;
      sum += value * value;
    }
    const sf_factor factor = inverse_root(sum);
    for (int32_t i = 0; i < channels; ++i) {
      const int32_t value = input[i] - zero_point;
      const int32_t scaled = sf_requantise(value, factor.multiplier, factor.shift + OUTPUT_BITS);
      output[i] = sf_code(scaled, 0, INT8_MIN, INT8_MAX);
    }
  }
}
