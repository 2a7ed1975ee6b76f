#include <stddef.h>
#include <string.h>

#include "sf_avx.h"
#include "sf_kernels.h"
#include "sf_mve.h"

#if !SF_AVX && !SF_MVE  // else sf_copy_channels_avx.c, _mve.c

void sf_copy_channels(int32_t width, int32_t count, int32_t step, int32_t input_channels,
                      int32_t output_channels, const int8_t *input, int8_t *output) {
  if (count == 1) {
    for (; width > 0; --width, input += input_channels, output += output_channels) *output = *input;
    return;
  }
  for (int32_t x = 0; x < width; ++x) {
    const int8_t *from = input + x * input_channels;
    int8_t *to = output + x * output_channels;
    int32_t left = count;
    if (step == 1) {  // fewer instructions than a call of memcpy takes for a few channels
      for (; left >= 16; left -= 16, from += 16, to += 16) memcpy(to, from, 16);
      for (; left >= 8; left -= 8, from += 8, to += 8) memcpy(to, from, 8);
    }
    for (; left >= 4; left -= 4, from += 4, to += 4 * step) {
      const int8_t first = from[0], second = from[1], third = from[2], fourth = from[3];
      to[0] = first, to[step] = second, to[2 * step] = third, to[3 * step] = fourth;
    }
    for (; left > 0; --left, to += step) *to = *from++;
  }
}

#endif  // !SF_AVX && !SF_MVE
