// How sums become codes with MVE: what sf_code(sf_requantise()) gives, for four channels at a time.
#ifndef SF_SCALE_MVE_H_
#define SF_SCALE_MVE_H_

#include "sf_kernels.h"
#include "sf_mve.h"
#include "sf_sums.h"

#if SF_MVE

// Factors of four channels: sums are shifted left, multiplied, and shifted right.
typedef struct {
  int32x4_t left, multiplier, minus_right;
} sf_factors;

static inline sf_factors sf_factors_of_words(int32x4_t words) {
  const int32x4_t multiplier = vbicq_n_s32(words, 127), zero = vdupq_n_s32(0);
  const int32x4_t shift = vsubq_n_s32(vsubq_s32(words, multiplier), 64);
  return (sf_factors){vmaxq_s32(shift, zero), multiplier, vminq_s32(shift, zero)};
}

static inline sf_factors sf_wide_factors_of(int32x4_t multiplier, int32x4_t shift) {
  const int32x4_t zero = vdupq_n_s32(0);
  return (sf_factors){vmaxq_s32(shift, zero), multiplier, vminq_s32(shift, zero)};
}

// Of `count` channels from `channel` on, which may be fewer than four.
static inline sf_factors sf_factors_of(const sf_constants *constants, int32_t channel,
                                       int32_t count) {
  const mve_pred16_t within = vctp32q((uint32_t)count);
  const int32x4_t words = vldrwq_z_s32(constants->factors + channel, within);
  if (constants->shifts == NULL) return sf_factors_of_words(words);
  return sf_wide_factors_of(words, vldrbq_z_s32(constants->shifts + channel, within));
}

// Four times sf_rounding_divide_by_pot(). nudges: whether a half below zero has to go away from
// zero, as there, and not upwards, as in vrshlq.
SF_INLINED int32x4_t sf_rounding_shift_right(int nudges, int32x4_t x, int32x4_t minus_right) {
  if (nudges) x = vqaddq_s32(x, vshrq_n_s32(vandq_s32(x, minus_right), 31));
  return vrshlq_s32(x, minus_right);
}

// Four scaled sums. lefts: whether some of them are shifted left.
SF_INLINED int32x4_t sf_requantise_four(int nudges, int lefts, int32x4_t sums, sf_factors factors) {
  const int32x4_t shifted = lefts ? vshlq_s32(sums, factors.left) : sums;
  const int32x4_t x = vqrdmulhq_s32(shifted, factors.multiplier);
  return sf_rounding_shift_right(nudges, x, factors.minus_right);
}

// What the sums of some pixels are, and where their codes go.
typedef struct {
  int32_t pixels;
  const int32_t *sums;
  int32_t apart;  // from one pixel's sums to the next one's
  int8_t *output;
} sf_row_of_sums;

SF_INLINED void sf_store_four(int nudges, int lefts, int32_t count, const sf_window *window,
                              int32x4_t start, sf_factors factors, sf_row_of_sums row) {
  const int32x4_t least = vdupq_n_s32(window->minimum), most = vdupq_n_s32(window->maximum);
  const int32_t zero_point = window->output_zero_point, pitch = window->output_channels;
  for (; row.pixels > 0; --row.pixels, row.sums += row.apart, row.output += pitch) {
    const int32x4_t sums = vaddq_s32(vldrwq_s32(row.sums), start);
    const int32x4_t scaled = sf_requantise_four(nudges, lefts, sums, factors);
    const int32x4_t codes = vqaddq_n_s32(scaled, zero_point);
    const int32x4_t clamped = vminq_s32(vmaxq_s32(codes, least), most);
    if (count == 4) {
      vstrbq_s32(row.output, clamped);
    } else {
      vstrbq_p_s32(row.output, clamped, vctp32q((uint32_t)count));
    }
  }
}

// Stores the codes of channels channel..channel + count - 1, of the next four at most. start: what
// is added to sums.
static inline void sf_store_codes_of_four(const sf_window *window, const sf_constants *constants,
                                          int32x4_t start, int32_t channel, int32_t count,
                                          sf_row_of_sums row) {
  const sf_factors factors = sf_factors_of(constants, channel, count);
  if (count < 4 || vmaxvq_s32(0, factors.left) > 0) {
    sf_store_four(1, 1, count < 4 ? count : 4, window, start, factors, row);
  } else if (window->minimum < window->output_zero_point) {
    sf_store_four(1, 0, 4, window, start, factors, row);
  } else {  // scaled values below zero are all the same
    sf_store_four(0, 0, 4, window, start, factors, row);
  }
}

#endif  // SF_MVE

#endif  // SF_SCALE_MVE_H_
