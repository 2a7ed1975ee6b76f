#include <stddef.h>
#include <stdint.h>

#include "sf_dsp.h"
#include "sf_kernel_set.h"
#include "sf_kernels.h"
#include "sf_platform.h"

#if !SF_AVX && !SF_MVE  // else sf_copy_channels_avx.c, _mve.c

static void copy_codes(int32_t count, const int8_t *from, int8_t *to) {
  const int8_t *end = from + count;
  const int are_words = ((uintptr_t)from | (uintptr_t)to) % 4 == 0;
#if SF_DSP
  if (are_words) {  // an instruction moves several words
    for (; end - from >= 32; from += 32, to += 32) sf_copy_32_codes(from, to);
  }
#else
  if (are_words && !SF_WORDS_ANYWHERE) {  // else memcpy() is as good
    for (; end - from >= 16; from += 16, to += 16) {
      SF_COPY_WORD(to, from), SF_COPY_WORD(to + 4, from + 4);
      SF_COPY_WORD(to + 8, from + 8), SF_COPY_WORD(to + 12, from + 12);
    }
    for (; end - from >= 4; from += 4, to += 4) SF_COPY_WORD(to, from);
  } else if (count >= 64) {  // below, a call takes more instructions than it saves
    SF_COPY(to, from, (size_t)count);
    return;
  }
#endif
  for (; end - from >= 8; from += 8, to += 8) SF_COPY(to, from, 8);
  while (from != end) *to++ = *from++;
}

static void spread_codes(int32_t count, int32_t step, const int8_t *from, int8_t *to) {
  for (; count >= 4; count -= 4, from += 4, to += 4 * step) {
    const int8_t first = from[0], second = from[1], third = from[2], fourth = from[3];
    to[0] = first, to[step] = second, to[2 * step] = third, to[3 * step] = fourth;
  }
  for (; count > 0; --count, to += step) *to = *from++;
}

void sf_copy_channels(int32_t width, int32_t count, int32_t step, int32_t input_channels,
                      int32_t output_channels, const int8_t *input, int8_t *output) {
  if (count == 1) {
    for (; width > 0; --width, input += input_channels, output += output_channels) *output = *input;
    return;
  }
  for (; width > 0; --width, input += input_channels, output += output_channels) {
    if (step == 1) {
      copy_codes(count, input, output);
    } else {
      spread_codes(count, step, input, output);
    }
  }
}

#endif  // !SF_AVX && !SF_MVE
