#include <stddef.h>
#include <string.h>

#include "sf_kernels.h"

void sf_copy_channels(int32_t width, int32_t count, int32_t step, int32_t input_channels,
                      int32_t output_channels, const int8_t *input, int8_t *output) {
  for (int32_t x = 0; x < width; ++x) {
    const int8_t *from = input + x * input_channels;
    int8_t *to = output + x * output_channels;
    if (step == 1) {
      memcpy(to, from, (size_t)count);
    } else {
      for (int32_t i = 0; i < count; ++i) to[i * step] = from[i];
    }
  }
}
