#include <string.h>

#include "sf_kernels.h"
#include "sf_mve.h"

void sf_interleave_channels(int32_t width, int32_t count, int32_t first_channels,
                            int32_t second_channels, int32_t output_channels, const int8_t *first,
                            const int8_t *second, int8_t *output) {
#if SF_MVE
  sf_copy_channels(width, count, 2, first_channels, output_channels, first, output);
  sf_copy_channels(width, count, 2, second_channels, output_channels, second, output + 1);
#else
  const uint32_t even = 0x00ff00ff;  // of the bytes of a little-endian word
  for (; width > 0; --width, first += first_channels, second += second_channels) {
    const int8_t *from = first, *other = second;
    int8_t *to = output;
    int32_t left = count;
    for (; left >= 4; left -= 4, from += 4, other += 4, to += 8) {
      uint32_t a, b;
      memcpy(&a, from, 4), memcpy(&b, other, 4);
      const uint32_t evens = (a & even) | (b & even) << 8, odds = (a >> 8 & even) | (b & ~even);
      const uint32_t lower = (evens & 0xffff) | odds << 16, upper = evens >> 16 | (odds & ~0xffffu);
      memcpy(to, &lower, 4), memcpy(to + 4, &upper, 4);
    }
    for (; left > 0; --left) *to++ = *from++, *to++ = *other++;
    output += output_channels;
  }
#endif
}
