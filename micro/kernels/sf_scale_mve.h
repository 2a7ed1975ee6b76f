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

// Of `count` channels from `channel` on, which may be fewer than four.
static inline sf_factors sf_factors_of(const sf_constants *constants, int32_t channel,
                                       int32_t count) {
  const mve_pred16_t within = vctp32q((uint32_t)count);
  int32x4_t multiplier = vldrwq_z_s32(constants->factors + channel, within), shift;
  if (constants->shifts != NULL) {
    shift = vldrbq_z_s32(constants->shifts + channel, within);
  } else {
    shift = vsubq_n_s32(vandq_s32(multiplier, vdupq_n_s32(127)), 64);
    multiplier = vandq_s32(multiplier, vdupq_n_s32(~127));
  }
  const int32x4_t zero = vdupq_n_s32(0);
  return (sf_factors){vmaxq_s32(shift, zero), multiplier, vminq_s32(shift, zero)};
}

// Four scaled sums.
SF_INLINED int32x4_t sf_requantise_four(int32x4_t sums, sf_factors factors) {
  const int32x4_t x = vqrdmulhq_s32(vshlq_s32(sums, factors.left), factors.multiplier);
  // vrshlq takes a half upwards; for a negative number it has to go away from zero.
  const int32x4_t nudge = vshrq_n_s32(vandq_s32(x, factors.minus_right), 31);
  return vrshlq_s32(vqaddq_s32(x, nudge), factors.minus_right);
}

// The codes of up to four channels for some pixels. Sums of a pixel lie `apart` from those of the
// next, codes output_channels.
static inline void sf_store_codes_of_four(const sf_window *window, const sf_constants *constants,
                                          int32_t channel, int32_t count, int32_t pixels,
                                          int32_t apart, const int32_t *sums, int8_t *output) {
  const sf_factors factors = sf_factors_of(constants, channel, count);
  const int32x4_t least = vdupq_n_s32(window->minimum), most = vdupq_n_s32(window->maximum);
  const int32_t zero_point = window->output_zero_point, pitch = window->output_channels;
  const mve_pred16_t within = vctp32q((uint32_t)count);
  for (; pixels > 0; --pixels, sums += apart, output += pitch) {
    const int32x4_t scaled = sf_requantise_four(vldrwq_s32(sums), factors);
    const int32x4_t codes = vqaddq_n_s32(scaled, zero_point);
    vstrbq_p_s32(output, vminq_s32(vmaxq_s32(codes, least), most), within);
  }
}

#endif  // SF_MVE

#endif  // SF_SCALE_MVE_H_
