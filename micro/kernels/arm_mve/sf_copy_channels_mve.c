// Vectors hold neighbouring channels of a pixel, or one channel of neighbouring pixels.
#include "sf_kernels.h"
#include "sf_mve.h"

#if SF_MVE

enum { LANES = 16, MOST_APART = 255 / (LANES - 1) };  // of bytes that one instruction reaches

static inline uint8x16_t places(int32_t apart) {
  return vmulq_n_u8(vidupq_n_u8(0, 1), (uint8_t)apart);
}

SF_INLINED void copy_all(int32_t step, uint8x16_t to, const int8_t *input, int8_t *output) {
  if (step == 1) {
    vstrbq_s8(output, vldrbq_s8(input));
  } else {
    vstrbq_scatter_offset_s8(output, to, vldrbq_s8(input));
  }
}

SF_INLINED void copy_some(int32_t step, uint8x16_t to, int32_t count, const int8_t *input,
                          int8_t *output) {
  const mve_pred16_t within = vctp8q((uint32_t)count);
  if (step == 1) {
    vstrbq_p_s8(output, vldrbq_z_s8(input, within), within);
  } else {
    vstrbq_scatter_offset_p_s8(output, to, vldrbq_z_s8(input, within), within);
  }
}

SF_INLINED void copy_many_channels(int32_t width, int32_t count, int32_t step,
                                   int32_t input_channels, int32_t output_channels,
                                   const int8_t *input, int8_t *output) {
  const uint8x16_t to = places(step);
  for (; width > 0; --width, input += input_channels, output += output_channels) {
    const int8_t *from = input;
    int8_t *into = output;
    int32_t left = count;
    for (; left >= LANES; left -= LANES, from += LANES, into += LANES * step) {
      copy_all(step, to, from, into);
    }
    if (left > 0) copy_some(step, to, left, from, into);
  }
}

static void copy_few_channels(int32_t width, int32_t count, int32_t step, int32_t input_channels,
                              int32_t output_channels, const int8_t *input, int8_t *output) {
  const uint8x16_t from = places(input_channels), to = places(output_channels);
  for (; width > 0; width -= LANES) {
    const mve_pred16_t within = vctp8q((uint32_t)width);
    for (int32_t i = 0; i < count; ++i) {
      const int8x16_t codes = vldrbq_gather_offset_z_s8(input + i, from, within);
      vstrbq_scatter_offset_p_s8(output + i * step, to, codes, within);
    }
    input += LANES * input_channels, output += LANES * output_channels;
  }
}

void sf_copy_channels(int32_t width, int32_t count, int32_t step, int32_t input_channels,
                      int32_t output_channels, const int8_t *input, int8_t *output) {
  if (count < 8 && input_channels <= MOST_APART && output_channels <= MOST_APART) {
    copy_few_channels(width, count, step, input_channels, output_channels, input, output);
  } else if (step == 1) {
    copy_many_channels(width, count, 1, input_channels, output_channels, input, output);
  } else if (step <= MOST_APART) {
    copy_many_channels(width, count, step, input_channels, output_channels, input, output);
  } else {
    for (int32_t i = 0; i < width * count; ++i) {
      output[i / count * output_channels + i % count * step] =
          input[i / count * input_channels + i % count];
    }
  }
}

#endif  // SF_MVE
