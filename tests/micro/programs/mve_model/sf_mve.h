// What micro/kernels/arm_mve/sf_mve.h and the compiler's arm_mve.h say of MVE's instructions, in
// plain C: with this file in their place, the kernels for MVE run on any computer, and under its
// sanitizers.
#ifndef SF_MVE_H_
#define SF_MVE_H_

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sf_kernel_set.h"
#include "sf_platform.h"

#define SF_FINISH(a, b, c, d) ((void)0)

typedef struct {
  int8_t lane[16];
} int8x16_t;
typedef struct {
  uint8_t lane[16];
} uint8x16_t;
typedef struct {
  int16_t lane[8];
} int16x8_t;
typedef struct {
  int32_t lane[4];
} int32x4_t;
typedef uint16_t mve_pred16_t;  // a bit a byte

// A function that makes each lane i of its result. Not inlined: with sanitizers it is large.
#define EACH_LANE(type, name, arguments, value)                   \
  __attribute__((noinline, unused)) static type name arguments {  \
    type result;                                                  \
    for (int i = 0; i < (int)(16 / sizeof result.lane[0]); ++i) { \
      result.lane[i] = (value);                                   \
    }                                                             \
    return result;                                                \
  }

// --- Predicates

static inline mve_pred16_t first_bytes(uint32_t count) {
  return (mve_pred16_t)(count >= 16 ? 0xffff : (1u << count) - 1);
}
static inline mve_pred16_t vctp8q(uint32_t count) { return first_bytes(count); }
static inline mve_pred16_t vctp32q(uint32_t count) {
  return first_bytes(count < 4 ? 4 * count : 16);
}

static inline int has(mve_pred16_t lanes, int lane, int bytes) {
  return lanes >> (lane * bytes) & 1;
}

// --- Loads and stores

static inline const int32_t *aligned(const int32_t *from) {
  if ((uintptr_t)from % 4 != 0) abort();
  return from;
}

EACH_LANE(int8x16_t, vldrbq_s8, (const int8_t *from), from[i])
EACH_LANE(int8x16_t, vldrbq_z_s8, (const int8_t *from, mve_pred16_t lanes),
          (int8_t)(has(lanes, i, 1) ? from[i] : 0))
EACH_LANE(uint8x16_t, vldrbq_z_u8, (const uint8_t *from, mve_pred16_t lanes),
          (uint8_t)(has(lanes, i, 1) ? from[i] : 0))
EACH_LANE(int8x16_t, vldrbq_gather_offset_z_s8,
          (const int8_t *from, uint8x16_t offsets, mve_pred16_t lanes),
          (int8_t)(has(lanes, i, 1) ? from[offsets.lane[i]] : 0))
EACH_LANE(int32x4_t, vldrbq_s32, (const int8_t *from), from[i])
EACH_LANE(int32x4_t, vldrbq_z_s32, (const int8_t *from, mve_pred16_t lanes),
          has(lanes, i, 4) ? from[i] : 0)
EACH_LANE(int32x4_t, vldrwq_s32, (const int32_t *from), aligned(from)[i])
EACH_LANE(int32x4_t, vldrwq_z_s32, (const int32_t *from, mve_pred16_t lanes),
          has(lanes, i, 4) ? aligned(from)[i] : 0)

static inline void vstrbq_s8(int8_t *to, int8x16_t a) { memcpy(to, a.lane, sizeof a.lane); }
static inline void vstrbq_p_s8(int8_t *to, int8x16_t a, mve_pred16_t lanes) {
  for (int i = 0; i < 16; ++i) {
    if (has(lanes, i, 1)) to[i] = a.lane[i];
  }
}
static inline void vstrbq_scatter_offset_p_s8(int8_t *to, uint8x16_t offsets, int8x16_t a,
                                              mve_pred16_t lanes) {
  for (int i = 0; i < 16; ++i) {
    if (has(lanes, i, 1)) to[offsets.lane[i]] = a.lane[i];
  }
}
static inline void vstrbq_scatter_offset_s8(int8_t *to, uint8x16_t offsets, int8x16_t a) {
  vstrbq_scatter_offset_p_s8(to, offsets, a, 0xffff);
}
static inline void vstrbq_p_s32(int8_t *to, int32x4_t a, mve_pred16_t lanes) {
  for (int i = 0; i < 4; ++i) {
    if (has(lanes, i, 4)) to[i] = (int8_t)a.lane[i];
  }
}
static inline void vstrbq_s32(int8_t *to, int32x4_t a) { vstrbq_p_s32(to, a, 0xffff); }
static inline void vstrwq_s32(int32_t *to, int32x4_t a) {
  memcpy(to + (aligned(to) - to), a.lane, sizeof a.lane);
}
static inline void sf_store_interleaved(int32x4_t a, int32x4_t b, int32x4_t c, int32x4_t d,
                                        int32_t *to) {
  for (int i = 0; i < 4; ++i) {
    const int32_t four[4] = {a.lane[i], b.lane[i], c.lane[i], d.lane[i]};
    memcpy(to + 4 * i, four, sizeof four);
  }
}

// --- One value for all lanes, and counting

EACH_LANE(int8x16_t, vdupq_n_s8, (int8_t a), a)
EACH_LANE(int16x8_t, vdupq_n_s16, (int16_t a), a)
EACH_LANE(int32x4_t, vdupq_n_s32, (int32_t a), a)
EACH_LANE(uint8x16_t, vidupq_n_u8, (uint32_t from, int step),
          (uint8_t)(from + (uint32_t)(i * step)))

// --- Arithmetic that wraps around

static inline int32_t wrapped(int64_t x) { return (int32_t)(uint32_t)(uint64_t)x; }

EACH_LANE(uint8x16_t, vaddq_n_u8, (uint8x16_t a, uint8_t b), (uint8_t)(a.lane[i] + b))
EACH_LANE(uint8x16_t, vmulq_n_u8, (uint8x16_t a, uint8_t b), (uint8_t)(a.lane[i] * b))
EACH_LANE(int16x8_t, vaddq_s16, (int16x8_t a, int16x8_t b), (int16_t)(a.lane[i] + b.lane[i]))
EACH_LANE(int32x4_t, vaddq_s32, (int32x4_t a, int32x4_t b), wrapped((int64_t)a.lane[i] + b.lane[i]))
EACH_LANE(int32x4_t, vsubq_n_s32, (int32x4_t a, int32_t b), wrapped((int64_t)a.lane[i] - b))
EACH_LANE(int32x4_t, vmulq_s32, (int32x4_t a, int32x4_t b), wrapped((int64_t)a.lane[i] * b.lane[i]))
EACH_LANE(int32x4_t, vmlaq_n_s32, (int32x4_t a, int32x4_t b, int32_t c),
          wrapped(a.lane[i] + (int64_t)b.lane[i] * c))
EACH_LANE(int32x4_t, vsubq_s32, (int32x4_t a, int32x4_t b), wrapped((int64_t)a.lane[i] - b.lane[i]))
EACH_LANE(int32x4_t, vbicq_n_s32, (int32x4_t a, int32_t b), a.lane[i] & ~b)
EACH_LANE(int32x4_t, vandq_s32, (int32x4_t a, int32x4_t b), a.lane[i] & b.lane[i])

static inline int32_t sum_of_products(int32_t sum, int8x16_t a, int8x16_t b) {
  for (int i = 0; i < 16; ++i) sum = wrapped((int64_t)sum + a.lane[i] * b.lane[i]);
  return sum;
}
static inline int32_t vmladavaq_s8(int32_t sum, int8x16_t a, int8x16_t b) {
  return sum_of_products(sum, a, b);
}
static inline int32_t vmladavq_s8(int8x16_t a, int8x16_t b) { return sum_of_products(0, a, b); }
static inline int32_t vaddvaq_s8(int32_t sum, int8x16_t a) {
  return sum_of_products(sum, a, vdupq_n_s8(1));
}

// --- Wider lanes: of the even ones ("bottom"), of the odd ones ("top")

EACH_LANE(int16x8_t, vmovlbq_s8, (int8x16_t a), a.lane[2 * i])
EACH_LANE(int16x8_t, vmovltq_s8, (int8x16_t a), a.lane[2 * i + 1])
EACH_LANE(int32x4_t, vmovlbq_s16, (int16x8_t a), a.lane[2 * i])
EACH_LANE(int32x4_t, vmovltq_s16, (int16x8_t a), a.lane[2 * i + 1])
EACH_LANE(int16x8_t, vmullbq_int_s8, (int8x16_t a, int8x16_t b),
          (int16_t)(a.lane[2 * i] * b.lane[2 * i]))
EACH_LANE(int16x8_t, vmulltq_int_s8, (int8x16_t a, int8x16_t b),
          (int16_t)(a.lane[2 * i + 1] * b.lane[2 * i + 1]))

// --- Comparison

EACH_LANE(int8x16_t, vminq_s8, (int8x16_t a, int8x16_t b),
          a.lane[i] < b.lane[i] ? a.lane[i] : b.lane[i])
EACH_LANE(int32x4_t, vminq_s32, (int32x4_t a, int32x4_t b),
          a.lane[i] < b.lane[i] ? a.lane[i] : b.lane[i])
EACH_LANE(int32x4_t, vmaxq_s32, (int32x4_t a, int32x4_t b),
          a.lane[i] > b.lane[i] ? a.lane[i] : b.lane[i])

static inline int32_t vmaxvq_s32(int32_t most, int32x4_t a) {
  for (int i = 0; i < 4; ++i) most = a.lane[i] > most ? a.lane[i] : most;
  return most;
}
static inline int8_t vminvq_s8(int8_t least, int8x16_t a) {
  for (int i = 0; i < 16; ++i) least = a.lane[i] < least ? a.lane[i] : least;
  return least;
}

// --- Saturation and shifts; a shift to the left by a negative number is one to the right

static inline int32_t saturated(int64_t x) {
  return (int32_t)(x < INT32_MIN ? INT32_MIN : x > INT32_MAX ? INT32_MAX : x);
}
static inline int32_t shifted(int32_t x, int32_t left) {
  if (left < 0) return x >> (left < -31 ? 31 : -left);
  return left > 31 ? 0 : (int32_t)((uint32_t)x << left);
}
static inline int32_t rounded(int32_t x, int32_t right) {
  if (right > 33) return 0;
  return right <= 0 ? shifted(x, -right) : (int32_t)((x + (INT64_C(1) << (right - 1))) >> right);
}
static inline int32_t doubled_high_product(int32_t a, int32_t b) {
  if (a == INT32_MIN && b == INT32_MIN) return INT32_MAX;
  return (int32_t)(((int64_t)a * b + (1 << 30)) >> 31);
}

static inline int8_t saturated_code(int32_t x) {
  return (int8_t)(x < INT8_MIN ? INT8_MIN : x > INT8_MAX ? INT8_MAX : x);
}

EACH_LANE(int8x16_t, vqaddq_s8, (int8x16_t a, int8x16_t b), saturated_code(a.lane[i] + b.lane[i]))
EACH_LANE(int8x16_t, vqmovnbq_s16, (int8x16_t a, int16x8_t b),
          i % 2 == 0 ? saturated_code(b.lane[i / 2]) : a.lane[i])
EACH_LANE(int8x16_t, vqmovntq_s16, (int8x16_t a, int16x8_t b),
          i % 2 == 1 ? saturated_code(b.lane[i / 2]) : a.lane[i])
EACH_LANE(int16x8_t, vshrq_n_s16, (int16x8_t a, int b), (int16_t)(a.lane[i] >> b))
EACH_LANE(int16x8_t, vrshrq_n_s16, (int16x8_t a, int b), (int16_t)rounded(a.lane[i], b))
EACH_LANE(int16x8_t, vrshlq_s16, (int16x8_t a, int16x8_t b),
          (int16_t)rounded(a.lane[i], -b.lane[i]))
EACH_LANE(int32x4_t, vqaddq_s32, (int32x4_t a, int32x4_t b),
          saturated((int64_t)a.lane[i] + b.lane[i]))
EACH_LANE(int32x4_t, vqaddq_n_s32, (int32x4_t a, int32_t b), saturated((int64_t)a.lane[i] + b))
EACH_LANE(int32x4_t, vqrdmulhq_s32, (int32x4_t a, int32x4_t b),
          doubled_high_product(a.lane[i], b.lane[i]))
EACH_LANE(int32x4_t, vqrdmulhq_n_s32, (int32x4_t a, int32_t b), doubled_high_product(a.lane[i], b))
EACH_LANE(int32x4_t, vshlq_s32, (int32x4_t a, int32x4_t b), shifted(a.lane[i], b.lane[i]))
EACH_LANE(int32x4_t, vshlq_r_s32, (int32x4_t a, int32_t b), shifted(a.lane[i], b))
EACH_LANE(int32x4_t, vshrq_n_s32, (int32x4_t a, int b), a.lane[i] >> b)
EACH_LANE(int32x4_t, vrshlq_s32, (int32x4_t a, int32x4_t b), rounded(a.lane[i], -b.lane[i]))

#endif  // SF_MVE_H_
