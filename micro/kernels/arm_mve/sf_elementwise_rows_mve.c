#include "sf_elementwise.h"
#include "sf_mve.h"
#include "sf_rounding.h"
#include "sf_scale_mve.h"

#if SF_MVE

// A factor of all values: shifted left, multiplied, shifted right.
typedef struct {
  int32_t left, multiplier;
  int32x4_t minus_right;
} scale;

static inline scale scale_of(sf_factor factor, int32_t more_left) {
  const int32_t left = factor.shift > 0 ? factor.shift : 0;
  return (scale){left + more_left, factor.multiplier, vdupq_n_s32(factor.shift - left)};
}

SF_INLINED int32x4_t scaled(int32x4_t values, scale by) {
  const int32x4_t x = vqrdmulhq_n_s32(vshlq_r_s32(values, by.left), by.multiplier);
  return sf_rounding_shift_right(1, x, by.minus_right);
}

// How values become codes.
typedef struct {
  int32_t zero_point;
  int32x4_t least, most;
} clamp;

static inline clamp clamp_of(const sf_pair *pair) {
  return (clamp){pair->output_zero_point, vdupq_n_s32(pair->minimum), vdupq_n_s32(pair->maximum)};
}

SF_INLINED int32x4_t clamped(int32x4_t values, clamp to) {
  return vminq_s32(vmaxq_s32(vqaddq_n_s32(values, to.zero_point), to.least), to.most);
}

// Values less their zero point: four, or as many as there are, of fewer than four.
SF_INLINED int32x4_t some_values(int four, int32_t count, const int8_t *codes, int32_t zero_point) {
  const int32x4_t values = four ? vldrbq_s32(codes) : vldrbq_z_s32(codes, vctp32q((uint32_t)count));
  return vsubq_n_s32(values, zero_point);
}

SF_INLINED void store_some(int four, int32_t count, int32x4_t codes, int8_t *output) {
  if (four) {
    vstrbq_s32(output, codes);
  } else {
    vstrbq_p_s32(output, codes, vctp32q((uint32_t)count));
  }
}

// Sixteen codes, or as many as there are, of fewer than sixteen.
SF_INLINED int8x16_t some_codes(int all, int32_t count, const int8_t *codes) {
  return all ? vldrbq_s8(codes) : vldrbq_z_s8(codes, vctp8q((uint32_t)count));
}

SF_INLINED void store_some_codes(int all, int32_t count, int8x16_t codes, int8_t *output) {
  if (all) {
    vstrbq_s8(output, codes);
  } else {
    vstrbq_p_s8(output, codes, vctp8q((uint32_t)count));
  }
}

// --- Sums

typedef struct {
  int32_t zero0, zero1;
  int32_t bits0, bits1;  // if the operands only move
  scale scale0, scale1;  // if they do not
  scale of_sum;
  clamp to;
} addition;

// By how many bits a factor moves an operand to the left; -1 if it does not only move it.
static int32_t moved_by(sf_factor factor) {
  const int32_t bits = SF_ADD_LEFT_SHIFT - 1 + factor.shift;
  return factor.multiplier == SF_HALF && bits >= 0 && factor.shift <= 0 ? bits : -1;
}

SF_INLINED void add_some(int moves, int four, int32_t count, addition by, const int8_t *first,
                         const int8_t *second, int8_t *output) {
  const int32x4_t a = some_values(four, count, first, by.zero0);
  const int32x4_t b = some_values(four, count, second, by.zero1);
  const int32x4_t sum = moves ? vaddq_s32(vshlq_r_s32(a, by.bits0), vshlq_r_s32(b, by.bits1))
                              : vaddq_s32(scaled(a, by.scale0), scaled(b, by.scale1));
  store_some(four, count, clamped(scaled(sum, by.of_sum), by.to), output);
}

SF_INLINED void add(int moves, int32_t count, addition by, const int8_t *first,
                    const int8_t *second, int8_t *output) {
  for (; count >= 4; count -= 4, first += 4, second += 4, output += 4) {
    add_some(moves, 1, 4, by, first, second, output);
  }
  if (count > 0) add_some(moves, 0, count, by, first, second, output);
}

SF_INLINED void add_some_codes(int all, int32_t count, const int8_t *first, const int8_t *second,
                               int8_t *output) {
  const int8x16_t a = some_codes(all, count, first), b = some_codes(all, count, second);
  store_some_codes(all, count, vqaddq_s8(a, b), output);
}

static void add_codes(int32_t count, const int8_t *first, const int8_t *second, int8_t *output) {
  for (; count >= 16; count -= 16, first += 16, second += 16, output += 16) {
    add_some_codes(1, 16, first, second, output);
  }
  if (count > 0) add_some_codes(0, count, first, second, output);
}

void sf_add_row(int32_t count, const sf_pair *pair, const sf_factor factors[3], const int8_t *first,
                const int8_t *second, int8_t *output) {
  if (sf_is_whole_range(pair) && sf_adds_codes(pair, factors)) {
    add_codes(count, first, second, output);
    return;
  }
  const addition by = {
      pair->first_zero_point,
      pair->second_zero_point,
      moved_by(factors[0]),
      moved_by(factors[1]),
      scale_of(factors[0], SF_ADD_LEFT_SHIFT),
      scale_of(factors[1], SF_ADD_LEFT_SHIFT),
      scale_of(factors[2], 0),
      clamp_of(pair),
  };
  if (by.bits0 >= 0 && by.bits1 >= 0) {
    add(1, count, by, first, second, output);
  } else {
    add(0, count, by, first, second, output);
  }
}

// --- Products

// The factor is a power of two, as are all in networks of fixed8.
static int shifts_codes(const sf_pair *pair, sf_factor factor) {
  return sf_is_whole_range(pair) && !sf_has_zero_points(pair) && factor.multiplier == SF_HALF &&
         factor.shift < 0 && factor.shift > -16;
}

// sf_requantise() of products, before its last clamp.
SF_INLINED int16x8_t halved_and_shifted(int16x8_t products, int16x8_t minus_right) {
  const int16x8_t x = vrshrq_n_s16(products, 1);
  return vrshlq_s16(vaddq_s16(x, vshrq_n_s16(x, 15)), minus_right);  // a half goes away from zero
}

SF_INLINED void multiply_some_codes(int all, int32_t count, int16x8_t minus_right,
                                    const int8_t *first, const int8_t *second, int8_t *output) {
  const int8x16_t a = some_codes(all, count, first), b = some_codes(all, count, second);
  const int16x8_t even = halved_and_shifted(vmullbq_int_s8(a, b), minus_right);
  const int16x8_t odd = halved_and_shifted(vmulltq_int_s8(a, b), minus_right);
  store_some_codes(all, count, vqmovntq_s16(vqmovnbq_s16(a, even), odd), output);
}

static void multiply_codes(int32_t count, sf_factor factor, const int8_t *first,
                           const int8_t *second, int8_t *output) {
  const int16x8_t minus_right = vdupq_n_s16((int16_t)factor.shift);
  for (; count >= 16; count -= 16, first += 16, second += 16, output += 16) {
    multiply_some_codes(1, 16, minus_right, first, second, output);
  }
  if (count > 0) multiply_some_codes(0, count, minus_right, first, second, output);
}

SF_INLINED void multiply_some(int four, int32_t count, const sf_pair *pair, scale by, clamp to,
                              const int8_t *first, const int8_t *second, int8_t *output) {
  const int32x4_t a = some_values(four, count, first, pair->first_zero_point);
  const int32x4_t b = some_values(four, count, second, pair->second_zero_point);
  store_some(four, count, clamped(scaled(vmulq_s32(a, b), by), to), output);
}

SF_INLINED void multiply(int32_t count, const sf_pair *pair, scale by, clamp to,
                         const int8_t *first, const int8_t *second, int8_t *output) {
  for (; count >= 4; count -= 4, first += 4, second += 4, output += 4) {
    multiply_some(1, 4, pair, by, to, first, second, output);
  }
  if (count > 0) multiply_some(0, count, pair, by, to, first, second, output);
}

void sf_multiply_row(int32_t count, const sf_pair *pair, const sf_factor *factor,
                     const int8_t *first, const int8_t *second, int8_t *output) {
  if (shifts_codes(pair, *factor)) {
    multiply_codes(count, *factor, first, second, output);
    return;
  }
  const sf_pair coding = *pair;
  multiply(count, &coding, scale_of(*factor, 0), clamp_of(pair), first, second, output);
}

void sf_scale_row(const sf_scaling *scaling, const int8_t *codes, const sf_factor *factor,
                  const int8_t *input, int8_t *output) {
  const sf_pair pair = {scaling->input_zero_point, scaling->constant_zero_point,
                        scaling->output_zero_point, scaling->minimum, scaling->maximum};
  const int32_t channels = scaling->channels;
  for (int32_t left = scaling->width; left > 0; --left, input += channels, output += channels) {
    sf_multiply_row(channels, &pair, factor, input, codes, output);
  }
}

// --- Tables

void sf_lookup_row(int32_t count, const int8_t table[256], const int8_t *input, int8_t *output) {
  for (; count > 0; count -= 16, input += 16, output += 16) {
    const mve_pred16_t within = vctp8q((uint32_t)count);
    const uint8x16_t from = vaddq_n_u8(vldrbq_z_u8((const uint8_t *)input, within), 128);
    vstrbq_p_s8(output, vldrbq_gather_offset_z_s8(table, from, within), within);
  }
}

#endif  // SF_MVE
