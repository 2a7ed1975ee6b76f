#include "sf_dsp.h"
#include "sf_kernel_set.h"
#include "sf_kernels.h"
#include "sf_platform.h"

#if !SF_MVE

// Makes of four codes of each of two words, in turn, the lower and the upper four of eight.
static inline void alternate(uint32_t *first, uint32_t *second) {
#if SF_DSP
  sf_alternate(first, second);
#else
  const uint32_t even = 0x00ff00ff, a = *first, b = *second;  // bytes of a little-endian word
  const uint32_t evens = (a & even) | (b & even) << 8, odds = (a >> 8 & even) | (b & ~even);
  *first = (evens & 0xffff) | odds << 16, *second = evens >> 16 | (odds & ~0xffffu);
#endif
}

static inline void interleave_four(int are_words, const int8_t *first, const int8_t *second,
                                   int8_t *output) {
  uint32_t a, b;
  if (are_words) {
    SF_COPY_WORD(&a, first), SF_COPY_WORD(&b, second);
    alternate(&a, &b);
    SF_COPY_WORD(output, &a), SF_COPY_WORD(output + 4, &b);
  } else {
    SF_COPY(&a, first, 4), SF_COPY(&b, second, 4);
    alternate(&a, &b);
    SF_COPY(output, &a, 4), SF_COPY(output + 4, &b, 4);
  }
}

#endif  // !SF_MVE

void sf_interleave_channels(int32_t width, int32_t count, int32_t first_channels,
                            int32_t second_channels, int32_t output_channels, const int8_t *first,
                            const int8_t *second, int8_t *output) {
#if SF_MVE
  sf_copy_channels(width, count, 2, first_channels, output_channels, first, output);
  sf_copy_channels(width, count, 2, second_channels, output_channels, second, output + 1);
#else
  if (first_channels == count && second_channels == count && output_channels == 2 * count) {
    count *= width, width = 1;
  }
  for (; width > 0; --width, first += first_channels, second += second_channels) {
    const int8_t *from = first, *other = second;
    int8_t *to = output;
    int32_t left = count;
    const int are_words = ((uintptr_t)from | (uintptr_t)other | (uintptr_t)to) % 4 == 0;
    if (are_words && !SF_WORDS_ANYWHERE) {
      for (; left >= 4; left -= 4, from += 4, other += 4, to += 8) {
        interleave_four(1, from, other, to);
      }
    }
    for (; left >= 8; left -= 8, from += 8, other += 8, to += 16) {
      interleave_four(0, from, other, to);
      interleave_four(0, from + 4, other + 4, to + 8);
    }
    for (; left > 0; --left) *to++ = *from++, *to++ = *other++;
    output += output_channels;
  }
#endif
}
