// Fixed point as TensorFlow Lite computes it with gemmlowp. A number with n integer bits is an
// int32_t that stands for itself * 2^(n - 31); products keep the sum of their integer bits.
#include "sf_kernels.h"
#include "sf_rounding.h"

enum {
  DIFFERENCE_BITS = 5,  // integer bits of the argument of exp
  SUM_BITS = 12,        // integer bits of a sum of exps
  OUTPUT_BITS = 8       // fractional bits of the output
};

static inline int32_t product(int32_t a, int32_t b) {
  return sf_saturating_rounding_doubling_high_mul(a, b);
}

// exp(a) for a in -1/4..0, neither side with integer bits: Taylor expansion around -1/8.
static int32_t exp_above_minus_a_quarter(int32_t a) {
  const int32_t exp_of_minus_an_eighth = 1895147668, third = 715827883;
  const int32_t x = a + (1 << 28), square = product(x, x);
  const int32_t cube = product(square, x), fourth = product(square, square);
  const int32_t sixths = product(sf_rounding_divide_by_pot(fourth, 2) + cube, third);
  const int32_t higher = sf_rounding_divide_by_pot(sixths + square, 1);
  return exp_of_minus_an_eighth + product(exp_of_minus_an_eighth, x + higher);
}

// exp(a) without integer bits; a has DIFFERENCE_BITS of them and is not positive.
static int32_t exp_of(int32_t a) {
  static const int32_t exp_of_minus_quarters[] = {
      // 1, 2, 4.. 64 of them
      1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242};
  const int32_t quarter = 1 << (31 - DIFFERENCE_BITS - 2);
  const int32_t within = (a & (quarter - 1)) - quarter;
  const uint32_t quarters = ((uint32_t)within - (uint32_t)a) / (uint32_t)quarter;
  if (a == 0) return INT32_MAX;
  int32_t result = exp_above_minus_a_quarter(within * (1 << DIFFERENCE_BITS));
  for (int32_t i = 0; i < 7; ++i) {
    if (quarters >> i & 1) result = product(result, exp_of_minus_quarters[i]);
  }
  return result;
}

// 1 / (1 + x) for x in 0..1, neither side with integer bits: three steps of Newton and Raphson, in
// numbers with 2 integer bits.
static int32_t reciprocal_of_one_plus(int32_t x) {
  const int32_t half_denominator = (x >> 1) + (1 << 30);
  int32_t y = 1515870810 + product(half_denominator, -1010580540);  // 48/17 - 32/17 of it
  for (int32_t i = 0; i < 3; ++i) {
    const int32_t error = (1 << 29) - product(half_denominator, y);
    y += product(y, error) * 4;
  }
  return y < 1 << 30 ? y * 2 : INT32_MAX;
}

static int32_t largest_of(int32_t channels, const int8_t *pixel) {
  int32_t largest = pixel[0];
  for (int32_t i = 1; i < channels; ++i) {
    if (pixel[i] > largest) largest = pixel[i];
  }
  return largest;
}

// exp(code - largest) of one channel, times the factor; 0 for a code that does not count.
static int32_t exp_of_code(int32_t code, int32_t largest, sf_factor factor, int32_t smallest) {
  const int32_t difference = code - largest;
  // The largest code itself counts whatever a task image says, so that no sum is 0.
  if (difference < smallest && difference != 0) return 0;
  return exp_of(sf_requantise(difference, factor.multiplier, factor.shift));
}

static void softmax(int32_t channels, sf_factor factor, int32_t smallest, const int8_t *input,
                    int8_t *output) {
  const int32_t largest = largest_of(channels, input);
  uint32_t sum = 0;
  for (int32_t i = 0; i < channels; ++i) {
    const int32_t power = exp_of_code(input[i], largest, factor, smallest);
    sum += (uint32_t)sf_rounding_divide_by_pot(power, SUM_BITS);
  }
  // Shifted to 1 + x, the 1 being the uppermost bit.
  int32_t headroom = 0;
  for (; sum >> 31 == 0; sum <<= 1) ++headroom;
  const int32_t reciprocal = reciprocal_of_one_plus((int32_t)(sum - (UINT32_C(1) << 31)));
  const int32_t exponent = SUM_BITS - headroom + 31 - OUTPUT_BITS;
  for (int32_t i = 0; i < channels; ++i) {
    const int32_t power = exp_of_code(input[i], largest, factor, smallest);
    const int32_t share = product(reciprocal, power);
    // Of more than 2^31, less than a half is left.
    const int32_t scaled = exponent > 31 ? 0 : sf_rounding_divide_by_pot(share, exponent);
    output[i] = sf_code(scaled, INT8_MIN, INT8_MIN, INT8_MAX);
  }
}

void sf_softmax_row(int32_t width, int32_t channels, const sf_factor *factor, int32_t smallest,
                    const int8_t *input, int8_t *output) {
  for (int32_t x = 0; x < width; ++x) {
    softmax(channels, *factor, smallest, input + x * channels, output + x * channels);
  }
}

// --- Logarithm

enum { LOG_BITS = 4 };  // integer bits of the output

static int32_t saturated(int64_t value) {
  return value > INT32_MAX ? INT32_MAX : value < INT32_MIN ? INT32_MIN : (int32_t)value;
}

static int32_t sum_of(int32_t a, int32_t b) { return (int32_t)((uint32_t)a + (uint32_t)b); }

// Bits that a positive number can be shifted left by.
static int32_t headroom_of(int32_t value) {
  int32_t bits = 0;
  for (; value > 0 && value < 1 << 30; value *= 2) ++bits;
  return bits;
}

// The logarithm, with DIFFERENCE_BITS, of a number from 1 on with SUM_BITS.
static int32_t log_of_sum(int32_t sum) {
  const int32_t root_of_half = 1518500250, fourth_root_of_half = 1805811301;
  const int32_t headroom = headroom_of(sum), other = headroom_of(product(sum, root_of_half));
  // The sum is r * 2^power: of two ways to write it so, the one with the smaller r.
  const int32_t first = saturated(2 * (int64_t)product(sum * (1 << headroom), root_of_half));
  const int32_t second = saturated((int64_t)sum * (1 << other));
  const int32_t power = saturated((SUM_BITS - headroom - 1) * (INT64_C(1) << 25) + (1 << 23));
  const int32_t power_too = saturated((SUM_BITS - other) * (INT64_C(1) << 25) - (1 << 23));
  const int32_t r = first < second ? first : second;
  const int32_t p = (int32_t)(((int64_t)r + fourth_root_of_half + 1) >> 1);
  const int32_t half = sum_of(r, -fourth_root_of_half), q = sum_of(half, half);
  const int32_t square = product(q, q);
  const int32_t numerator = sum_of(product(q, r), product(product(q, square), 117049297));
  const int32_t factor = sum_of(sum_of(1057819769, q), product(127690142, square));
  const int32_t denominator = sum_of(product(p, factor), product(638450708, q));
  const int32_t quotient =
      product(sf_rounding_divide_by_pot(numerator, 6), reciprocal_of_one_plus(denominator));
  const int32_t logarithm = product(power > power_too ? power : power_too, 1488522236);
  return saturated(2 * (int64_t)sum_of(logarithm, quotient));
}

static void log_softmax(int32_t channels, const sf_factor factors[2], int32_t smallest,
                        const int8_t *input, int8_t *output) {
  const int32_t largest = largest_of(channels, input);
  uint32_t sum = 0;
  for (int32_t i = 0; i < channels; ++i) {
    const int32_t power = exp_of_code(input[i], largest, factors[0], smallest);
    sum += (uint32_t)sf_rounding_divide_by_pot(power, SUM_BITS);
  }
  // Of a sum of 4095 numbers up to 1, the uppermost bit is 0.
  const int32_t logarithm = log_of_sum((int32_t)(sum & INT32_MAX));
  const int32_t lowest =
      sf_requantise(sum_of(logarithm, INT32_MIN), factors[1].multiplier, factors[1].shift);
  for (int32_t i = 0; i < channels; ++i) {
    const int32_t difference = input[i] - largest;
    const int32_t scaled = sf_requantise(difference, factors[0].multiplier, factors[0].shift);
    const int32_t rest = (int32_t)((uint32_t)scaled - (uint32_t)logarithm);
    const int32_t code = sf_rounding_divide_by_pot(rest, 31 - DIFFERENCE_BITS - LOG_BITS);
    const int is_within = difference > lowest && difference >= smallest;
    output[i] = is_within ? sf_code(code, INT8_MAX, INT8_MIN, INT8_MAX) : INT8_MIN;
  }
}

void sf_log_softmax_row(int32_t width, int32_t channels, const sf_factor factors[2],
                        int32_t smallest, const int8_t *input, int8_t *output) {
  for (int32_t x = 0; x < width; ++x) {
    log_softmax(channels, factors, smallest, input + x * channels, output + x * channels);
  }
}
