// The inner loops of the portable convolutions, eight products at a time: WebAssembly's dot product
// of 16-bit lanes adds them in pairs.
#include "sf_add_products_simd.h"

#include "sf_kernel_set.h"

#if SF_SIMD128  // else sf_add_products.c

#include <wasm_simd128.h>

enum { LANES = 8 };

// Of the last eight weights, those that no whole vector has taken: from 8 - count on.
static const int16_t last_lanes[2 * LANES] = {0, 0, 0, 0, 0, 0, 0, 0, -1, -1, -1, -1, -1, -1, -1};

// Fewer than eight codes, and zeros.
static v128_t few(const int8_t *codes, int32_t count) {
  int16_t lanes[LANES] = {0};
  for (int32_t i = 0; i < count; ++i) lanes[i] = codes[i];
  return wasm_v128_load(lanes);
}

// Adds what is left of a run of codes to four sums, for two pixels and two channels.
static inline void add_dots(v128_t sums[4], v128_t value0, v128_t value1, v128_t weight0,
                            v128_t weight1) {
  sums[0] = wasm_i32x4_add(sums[0], wasm_i32x4_dot_i16x8(value0, weight0));
  sums[1] = wasm_i32x4_add(sums[1], wasm_i32x4_dot_i16x8(value0, weight1));
  sums[2] = wasm_i32x4_add(sums[2], wasm_i32x4_dot_i16x8(value1, weight0));
  sums[3] = wasm_i32x4_add(sums[3], wasm_i32x4_dot_i16x8(value1, weight1));
}

// The sums of the lanes of four vectors, as four lanes.
static inline v128_t sums_of_lanes(const v128_t sums[4]) {
  const v128_t a = wasm_i32x4_add(wasm_i32x4_shuffle(sums[0], sums[1], 0, 4, 1, 5),
                                  wasm_i32x4_shuffle(sums[0], sums[1], 2, 6, 3, 7));
  const v128_t b = wasm_i32x4_add(wasm_i32x4_shuffle(sums[2], sums[3], 0, 4, 1, 5),
                                  wasm_i32x4_shuffle(sums[2], sums[3], 2, 6, 3, 7));
  return wasm_i32x4_add(wasm_i32x4_shuffle(a, b, 0, 1, 4, 5), wasm_i32x4_shuffle(a, b, 2, 3, 6, 7));
}

// The products of two pixels and two channels, as four lanes. A load serves twice.
static inline v128_t products(int32_t length, const int8_t *values0, const int8_t *values1,
                              const int8_t *weights0, const int8_t *weights1) {
  const v128_t zero = wasm_i32x4_const_splat(0);
  v128_t sums[4] = {zero, zero, zero, zero};
  int32_t i = 0;
  for (; i + LANES <= length; i += LANES) {
    add_dots(sums, wasm_i16x8_load8x8(values0 + i), wasm_i16x8_load8x8(values1 + i),
             wasm_i16x8_load8x8(weights0 + i), wasm_i16x8_load8x8(weights1 + i));
  }
  const int32_t left = length - i;
  if (left > 0 && i > 0) {
    const v128_t lanes = wasm_v128_load(last_lanes + left);
    i = length - LANES;
    add_dots(sums, wasm_i16x8_load8x8(values0 + i), wasm_i16x8_load8x8(values1 + i),
             wasm_v128_and(wasm_i16x8_load8x8(weights0 + i), lanes),
             wasm_v128_and(wasm_i16x8_load8x8(weights1 + i), lanes));
  } else if (left > 0) {
    add_dots(sums, few(values0, left), few(values1, left), few(weights0, left),
             few(weights1, left));
  }
  return sums_of_lanes(sums);
}

void sf_add_products(int32_t pixels, int32_t apart, int32_t length, const int8_t *values,
                     const int8_t *const weights[2], uint32_t *sums) {
  for (; pixels > 1; pixels -= 2, values += 2 * apart, sums += 4) {
    const v128_t more = products(length, values, values + apart, weights[0], weights[1]);
    wasm_v128_store(sums, wasm_i32x4_add(wasm_v128_load(sums), more));
  }
  if (pixels > 0) {
    const v128_t more = products(length, values, values, weights[0], weights[1]);
    sums[0] += wasm_u32x4_extract_lane(more, 0);
    sums[1] += wasm_u32x4_extract_lane(more, 1);
  }
}

// Four codes as 16-bit lanes.
static inline v128_t four(const int8_t *codes) {
  return wasm_i16x8_extend_low_i8x16(wasm_v128_load32_zero(codes));
}

void sf_add_products_by_channel(int32_t pixels, int32_t apart, int32_t taps, int32_t value_step,
                                int32_t weight_step, const int8_t *values, const int8_t *weights,
                                uint32_t *sums) {
  for (; pixels > 0; --pixels, values += apart, sums += 4) {
    v128_t sum = wasm_v128_load(sums);
    for (int32_t tap = 0; tap < taps; ++tap) {
      const v128_t value = four(values + tap * value_step);
      sum = wasm_i32x4_add(sum,
                           wasm_i32x4_extmul_low_i16x8(value, four(weights + tap * weight_step)));
    }
    wasm_v128_store(sums, sum);
  }
}

#endif  // SF_SIMD128
