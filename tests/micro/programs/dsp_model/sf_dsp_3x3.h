// What micro/kernels/arm_dsp/sf_dsp_3x3.h says, in plain C.
#ifndef SF_DSP_3X3_H_
#define SF_DSP_3X3_H_

#include "sf_scale_dsp.h"

enum { SF_3X3_PIXELS = 4, SF_3X3_PAIR = 3 };

typedef struct {
  sf_scale scale;
  int32_t bias;
  uint32_t weights[5];
} sf_3x3;

typedef struct {
  int32_t zero_point;
  int32_t pitch;
  const int8_t *end;
  int8_t *output;
  const uint32_t *pairs;
  int32_t apart;
} sf_3x3_pixels;

// The three words of the columns of a window: rows 0 and 1 of each, and row 2 of the first two.
static inline uint32_t sum_of_window(const sf_3x3 *channel, const uint32_t *pairs, int is_second) {
  const uint32_t *first = pairs + is_second, *second = pairs + SF_3X3_PAIR;
  const uint32_t rows[3] = {first[0], is_second ? second[0] : first[1], second[is_second]};
  const uint32_t begin = pairs[2], end = second[2];
  uint32_t sum = (uint32_t)channel->bias;
  for (int i = 0; i < 3; ++i) sum = sf_add_both(sum, rows[i], channel->weights[i]);
  if (is_second) {
    sum += (uint32_t)(upper(begin) * lower(channel->weights[3]));
    return sf_add_both(sum, end, channel->weights[4]);
  }
  sum = sf_add_both(sum, begin, channel->weights[3]);
  return sum + (uint32_t)(lower(end) * upper(channel->weights[4]));
}

static inline void sf_make_3x3(sf_range range, int32_t stride, const sf_3x3_pixels *pixels,
                               const sf_3x3 *channels, const sf_3x3 *end) {
  const int32_t count = (int32_t)(pixels->end - pixels->output) / pixels->pitch;
  if (count % SF_3X3_PIXELS != 0) abort();
  const uint32_t *pairs = pixels->pairs;
  for (int32_t i = 0; channels + i != end; ++i, pairs += pixels->apart / 4) {
    for (int32_t x = 0; x < count; ++x) {
      const int32_t column = x * stride;
      const uint32_t *first = pairs + column / 2 * SF_3X3_PAIR;
      const uint32_t sum = sum_of_window(channels + i, first, column % 2);
      pixels->output[i + x * pixels->pitch] =
          (int8_t)sf_code_of_sum(range, channels[i].scale, pixels->zero_point, sum);
    }
  }
}

#endif  // SF_DSP_3X3_H_
