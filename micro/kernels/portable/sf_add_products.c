#include "sf_add_products.h"

#include "sf_kernel_set.h"

#if !SF_SIMD128  // else sf_add_products_simd.c

static void add_one_pixel(int32_t length, const int8_t *values, const int8_t *weights0,
                          const int8_t *weights1, uint32_t sums[2]) {
  uint32_t sum0 = sums[0], sum1 = sums[1];
  for (const int8_t *end = values + length; values != end;) {
    const int32_t value = *values++;
    sum0 += (uint32_t)(value * *weights0++);
    sum1 += (uint32_t)(value * *weights1++);
  }
  sums[0] = sum0, sums[1] = sum1;
}

// Each load serves twice.
static void add_two_pixels(int32_t length, const int8_t *values0, const int8_t *values1,
                           const int8_t *weights0, const int8_t *weights1, uint32_t sums[4]) {
  uint32_t sum00 = sums[0], sum01 = sums[1], sum10 = sums[2], sum11 = sums[3];
  for (const int8_t *end = values0 + length; values0 != end;) {
    const int32_t value0 = *values0++, value1 = *values1++;
    const int32_t weight0 = *weights0++, weight1 = *weights1++;
    sum00 += (uint32_t)(value0 * weight0);
    sum01 += (uint32_t)(value0 * weight1);
    sum10 += (uint32_t)(value1 * weight0);
    sum11 += (uint32_t)(value1 * weight1);
  }
  sums[0] = sum00, sums[1] = sum01, sums[2] = sum10, sums[3] = sum11;
}

void sf_add_products(int32_t pixels, int32_t apart, int32_t length, const int8_t *values,
                     const int8_t *const weights[2], uint32_t *sums) {
  int32_t pixel = 0;
  for (; pixel + 1 < pixels; pixel += 2) {
    const int8_t *first = values + pixel * apart;
    add_two_pixels(length, first, first + apart, weights[0], weights[1], sums + 2 * pixel);
  }
  if (pixel < pixels) {
    add_one_pixel(length, values + pixel * apart, weights[0], weights[1], sums + 2 * pixel);
  }
}

void sf_add_products_by_channel(int32_t pixels, int32_t apart, int32_t taps, int32_t value_step,
                                int32_t weight_step, const int8_t *values, const int8_t *weights,
                                uint32_t *sums) {
  int32_t offset = 0;
  for (const uint32_t *end = sums + 4 * pixels; sums != end; sums += 4, offset += apart) {
    const int8_t *value = values + offset, *weight = weights;
    uint32_t sum0 = sums[0], sum1 = sums[1], sum2 = sums[2], sum3 = sums[3];
    for (int32_t left = taps;; value += value_step, weight += weight_step) {
      sum0 += (uint32_t)(value[0] * weight[0]);
      sum1 += (uint32_t)(value[1] * weight[1]);
      sum2 += (uint32_t)(value[2] * weight[2]);
      sum3 += (uint32_t)(value[3] * weight[3]);
      if (--left == 0) break;
    }
    sums[0] = sum0, sums[1] = sum1, sums[2] = sum2, sums[3] = sum3;
  }
}

#endif  // !SF_SIMD128
