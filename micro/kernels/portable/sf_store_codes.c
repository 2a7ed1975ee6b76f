#include "sf_rounding.h"
#include "sf_sums.h"

// 2 * sum * multiplier / 2^32, rounded, for a multiplier of 2^30 or more: doubled, less 2^32, it is
// an int32_t then.
static inline int32_t high_mul(int32_t sum, int32_t multiplier) {
#if SF_LONG_PRODUCTS
  const int64_t product = (int64_t)sum * (int32_t)((uint32_t)multiplier << 1);
  const uint32_t half = (uint32_t)product >> 31;
  return (int32_t)((uint32_t)(product >> 32) + (uint32_t)sum + half);
#else
  return sf_high_mul_by_parts(sum, multiplier);
#endif
}

// As sf_requantise_down() does, and with the zero point, for which there is room as the shift is
// below -1.
static inline int32_t code_of(int32_t scaled, int32_t all_but_one, int32_t rounding) {
  return ((scaled >> all_but_one) + rounding) >> 1;
}

// Most codes are clamped from 0 to 2^n - 1, as one instruction of most Arm cores does it: gcc sees
// no other one.
SF_INLINED void store(const sf_window *window, sf_factor factor, int32_t pixels, int32_t apart,
                      const uint32_t *sums, int8_t *output) {
  // Copies, because for all a compiler knows a store to output may change *window.
  const int32_t zero_point = window->output_zero_point, channels = window->output_channels;
  const int32_t minimum = window->minimum, maximum = window->maximum,
                multiplier = factor.multiplier;
  const int32_t all_but_one = -factor.shift - 1, rounding = 1 + 2 * zero_point;
  const int usual = multiplier >= 1 << 30 && factor.shift < -1 && maximum == INT8_MAX;
  const uint32_t *end = sums + pixels * apart;
  if (usual && minimum == 0 && zero_point <= 0) {  // what is negative becomes 0 in any case
    for (; sums != end; sums += apart, output += channels) {
      const int32_t scaled = high_mul((int32_t)*sums, multiplier);
      *output = (int8_t)sf_clamp(code_of(scaled, all_but_one, rounding), 0, INT8_MAX);
    }
  } else if (usual && minimum == INT8_MIN) {
    for (; sums != end; sums += apart, output += channels) {
      int32_t scaled = high_mul((int32_t)*sums, multiplier);
      scaled += scaled >> 31;  // a half of a negative number goes downwards
      const int32_t code = code_of(scaled, all_but_one, rounding - 2 * INT8_MIN);
      *output = (int8_t)(sf_clamp(code, 0, UINT8_MAX) + INT8_MIN);
    }
  } else {
    for (; sums != end; sums += apart, output += channels) {
      const int32_t scaled = sf_requantise((int32_t)*sums, multiplier, factor.shift);
      *output = sf_code(scaled, zero_point, minimum, maximum);
    }
  }
}

void sf_store_codes(const sf_window *window, sf_factor factor, int32_t pixels, int32_t apart,
                    const uint32_t *sums, int8_t *output) {
  store(window, factor, pixels, apart, sums, output);
}

void sf_store_channels(const sf_window *window, const sf_constants *constants, int32_t channel,
                       int32_t count, int32_t pixels, int32_t pitch, const uint32_t *sums,
                       int8_t *output) {
  for (int32_t end = channel + count; channel != end; ++channel, sums += pitch) {
    store(window, sf_channel_factor(constants, channel), pixels, 1, sums, output++);
  }
}
