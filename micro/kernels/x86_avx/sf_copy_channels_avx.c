#include "sf_avx.h"
#include "sf_kernels.h"

#if SF_AVX

static void copy_pixel(int32_t count, const int8_t *from, int8_t *to) {
  for (; count >= 32; count -= 32, from += 32, to += 32) SF_COPY(to, from, 32);
  for (; count >= 8; count -= 8, from += 8, to += 8) SF_COPY(to, from, 8);
  for (; count > 0; --count) *to++ = *from++;
}

static void spread_pixel(int32_t count, int32_t step, const int8_t *from, int8_t *to) {
  for (; count > 0; --count, to += step) *to = *from++;
}

// With a step of 2. Also writes the byte behind the last one, as it was.
static void interleave_pixel(int32_t count, const int8_t *from, int8_t *to) {
  const __m256i odd_bytes = _mm256_set1_epi16(-256);
  for (; count >= 16; count -= 16, from += 16, to += 32) {
    __m128i codes;
    __m256i both;
    SF_COPY(&codes, from, sizeof codes);
    SF_COPY(&both, to, sizeof both);
    both = _mm256_blendv_epi8(_mm256_cvtepu8_epi16(codes), both, odd_bytes);
    SF_COPY(to, &both, sizeof both);
  }
  spread_pixel(count, 2, from, to);
}

void sf_copy_channels(int32_t width, int32_t count, int32_t step, int32_t input_channels,
                      int32_t output_channels, const int8_t *input, int8_t *output) {
  if (step == 1 && count == input_channels && count == output_channels) {
    SF_COPY(output, input, (size_t)width * (size_t)count);
    return;
  }
  if (count == 1) {
    for (; width > 0; --width, input += input_channels, output += output_channels) *output = *input;
    return;
  }
  for (; width > 0; --width, input += input_channels, output += output_channels) {
    if (step == 1) {
      copy_pixel(count, input, output);
    } else if (step == 2 && width > 1) {  // behind the last pixel may be no byte
      interleave_pixel(count, input, output);
    } else {
      spread_pixel(count, step, input, output);
    }
  }
}

#endif  // SF_AVX
