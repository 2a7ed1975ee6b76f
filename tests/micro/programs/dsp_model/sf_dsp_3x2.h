// What micro/kernels/arm_dsp/sf_dsp_3x2.h says, in plain C.
#ifndef SF_DSP_3X2_H_
#define SF_DSP_3X2_H_

#include "sf_scale_dsp.h"

enum { SF_3X2_PIXELS = 3, SF_3X2_CHANNELS = 2 };

typedef struct {
  const int8_t *weights;
  int32_t apart, entry, skipped;
  const int8_t *weights_end;
  uint32_t bias[SF_3X2_CHANNELS];
  sf_scale scales[SF_3X2_CHANNELS];
  int32_t zero_point;
  int8_t *output;
  int32_t pitch;
  const int8_t *end;
  int32_t range;
} sf_3x2;

typedef struct {
  const int8_t *weights;
  int32_t apart, entry, skipped;
  const int8_t *weights_end;
  uint32_t *sums, *sums_end;
} sf_3x2_part;

// Loops are not entered in their midst here; an entry only tells for what it was made.
static inline void sf_set_3x2_round(int widened, int32_t pixels, int32_t fours, int32_t *entry,
                                    int32_t *skipped) {
  *entry = 2 * fours + widened, *skipped = pixels;
}

// Adds to sums of three pixels of a channel, then of the next one. Returns what follows on the
// words.
static inline const uint32_t *add_3x2(int widened, int32_t pixels, int32_t entry,
                                      const int8_t *weights, const int8_t *end, int32_t apart,
                                      const uint32_t *words, uint32_t *sums) {
  if (entry != (end - weights) / (widened ? 4 : 2) + widened) abort();
  for (; weights != end; weights += widened ? 8 : 4) {
    add_four_to_pixels(widened, pixels, weights, words, sums);
    words = add_four_to_pixels(widened, pixels, weights + apart, words, sums + 3);
  }
  return words;
}

static inline void sf_make_3x2(int widened, int32_t pixels, const sf_3x2 *channels,
                               const uint32_t *words) {
  if (channels->skipped != pixels) abort();
  for (int8_t *output = channels->output; output != channels->end;) {
    uint32_t sums[SF_3X2_CHANNELS * SF_3X2_PIXELS];
    for (int i = 0; i < SF_3X2_CHANNELS * SF_3X2_PIXELS; ++i) sums[i] = channels->bias[i / 3];
    words = add_3x2(widened, pixels, channels->entry, channels->weights, channels->weights_end,
                    channels->apart, words, sums);
    for (int x = 0; x < pixels; ++x, output += channels->pitch) {
      for (int i = 0; i < SF_3X2_CHANNELS; ++i) {
        output[i] = (int8_t)sf_code_of_sum((sf_range)channels->range, channels->scales[i],
                                           channels->zero_point, sums[SF_3X2_PIXELS * i + x]);
      }
    }
  }
}

static inline void sf_add_3x2(int widened, int32_t pixels, const sf_3x2_part *part,
                              const uint32_t *words) {
  if (part->skipped != pixels) abort();
  const int8_t *weights = part->weights, *end = part->weights_end;
  for (uint32_t *sums = part->sums; sums != part->sums_end;
       sums += SF_3X2_CHANNELS * SF_3X2_PIXELS) {
    add_3x2(widened, pixels, part->entry, weights, end, part->apart, words, sums);
    weights += 2 * part->apart, end += 2 * part->apart;
  }
}

#endif  // SF_DSP_3X2_H_
