// What micro/kernels/arm_dsp/sf_dsp_4x2.h says, in plain C.
#ifndef SF_DSP_4X2_H_
#define SF_DSP_4X2_H_

#include "sf_scale_dsp.h"

enum { SF_4X2_PIXELS = 4, SF_4X2_CHANNELS = 2 };

typedef struct {
  const uint32_t *weights;
  uint32_t bias[SF_4X2_CHANNELS];
  const uint32_t *weights_end;
  sf_scale scales[SF_4X2_CHANNELS];
  int32_t zero_point;
  int8_t *output;
  int32_t pitch;
  const int8_t *end;
} sf_4x2;

static inline void sf_set_4x2_weights(const uint32_t *weights, int32_t fours, sf_4x2 *to) {
  to->weights = weights, to->weights_end = weights + 4 * fours;
}

static inline void sf_make_4x2(sf_range range, const sf_4x2 *channels, const uint32_t *words) {
  for (int8_t *output = channels->output; output != channels->end;) {
    uint32_t sums[SF_4X2_CHANNELS][SF_4X2_PIXELS];
    for (int i = 0; i < 2; ++i) {
      for (int x = 0; x < SF_4X2_PIXELS; ++x) sums[i][x] = channels->bias[i];
    }
    for (const uint32_t *weights = channels->weights; weights != channels->weights_end;) {
      for (int x = 0; x < SF_4X2_PIXELS; ++x, words += 2) {
        require_aligned(words);
        for (int i = 0; i < 2; ++i) {
          sums[i][x] = sf_add_both(sums[i][x], words[0], weights[i]);
          sums[i][x] = sf_add_both(sums[i][x], words[1], weights[2 + i]);
        }
      }
      weights += 4;
    }
    for (int x = 0; x < SF_4X2_PIXELS; ++x, output += channels->pitch) {
      for (int i = 0; i < 2; ++i) {
        output[i] =
            (int8_t)sf_code_of_sum(range, channels->scales[i], channels->zero_point, sums[i][x]);
      }
    }
  }
}

#endif  // SF_DSP_4X2_H_
