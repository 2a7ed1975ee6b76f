#include "sf_kernels.h"
#include "sf_platform.h"

enum { ONE = 1 << 10, HALF = 1 << 19 };

// The mix of four pixels, rounded to the nearest code, halves away from zero.
static int8_t mixed(int32_t top, int32_t bottom, int32_t weight) {
  const int32_t total = top * (ONE - weight) + bottom * weight;
  return (int8_t)((total + (total > 0 ? HALF : -HALF)) / (ONE * ONE));
}

void sf_resize_row(int32_t width, int32_t channels, const sf_tap *columns, int32_t weight,
                   const int8_t *first, const int8_t *second, int8_t *output) {
  for (const sf_tap *column = columns; column < columns + width; column++, output += channels) {
    const int32_t left = column->first * channels, right = column->second * channels;
    if (weight == 0 && column->weight == 0) {
      SF_COPY(output, first + left, (uint32_t)channels);
      continue;
    }
    const int32_t of_right = column->weight, of_left = ONE - of_right;
    for (int32_t i = 0; i < channels; i++) {
      output[i] = mixed(first[left + i] * of_left + first[right + i] * of_right,
                        second[left + i] * of_left + second[right + i] * of_right, weight);
    }
  }
}
