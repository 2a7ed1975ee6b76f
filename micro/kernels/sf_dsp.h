// Instructions of Arm's DSP extension (Cortex-M4, M7, M33): two products of int16 at a time. SF_DSP
// says whether they are there. A Cortex-M with vectors (MVE) goes without.
//
// In assembler is what gcc 12 does not find: rotations within SXTB16, loads of neighbouring words,
// saturation within one instruction.
#ifndef SF_DSP_H_
#define SF_DSP_H_

#if defined(__ARM_FEATURE_DSP) && defined(__ARM_FEATURE_UNALIGNED) && !defined(__ARM_FEATURE_MVE)
#define SF_DSP 1
#else
#define SF_DSP 0
#endif

#if SF_DSP

#include <arm_acle.h>
#include <stdint.h>
#include <string.h>

// For functions with arguments that are constant at each call.
#define SF_INLINED __attribute__((always_inline)) static inline
// For what is seldom called, or would take registers from the code around it.
#define SF_OUTLINED __attribute__((noinline)) static

// --- Codes to pairs of int16

// Four codes, from any address.
static inline uint32_t sf_four_codes(const int8_t *codes) {
  uint32_t word;
  memcpy(&word, codes, sizeof word);
  return word;
}

// Of `count` codes, count not a multiple of 4, those that come after the last whole four; then
// zeros.
static inline uint32_t sf_last_codes(const int8_t *codes, int32_t count) {
  const int32_t rest = count & 3;
  uint32_t word = 0;
  if (count > 4) return sf_four_codes(codes + count - 4) >> (32 - 8 * rest);
  for (int32_t i = rest; i > 0; --i) word = word << 8 | (uint8_t)codes[i - 1];
  return word;
}

// What, added to a pair of codes, leaves them less their zero point.
static inline uint32_t sf_offsets(int32_t zero_point) {
  return ((uint32_t)-zero_point & 0xffff) * 0x10001;
}

// Of four codes the first and the third one as a pair, or the second and the fourth one; with
// `offsets` added.
static inline uint32_t sf_even_codes(uint32_t offsets, uint32_t codes) {
  return (uint32_t)__sxtab16((int32_t)offsets, (int32_t)codes);
}
static inline uint32_t sf_odd_codes(uint32_t offsets, uint32_t codes) {
  uint32_t pair;
  __asm__("sxtab16 %0, %1, %2, ror #8" : "=r"(pair) : "r"(offsets), "r"(codes));
  return pair;
}

// The same without offsets.
static inline uint32_t sf_even_weights(uint32_t codes) {
  return (uint32_t)__sxtb16((int32_t)codes);
}
static inline uint32_t sf_odd_weights(uint32_t codes) {
  uint32_t pair;
  __asm__("sxtb16 %0, %1, ror #8" : "=r"(pair) : "r"(codes));
  return pair;
}

// The lower halves of two pairs as a pair, or their upper halves.
static inline uint32_t sf_lower_halves(uint32_t first, uint32_t second) {
  uint32_t pair;
  __asm__("pkhbt %0, %1, %2, lsl #16" : "=r"(pair) : "r"(first), "r"(second));
  return pair;
}
static inline uint32_t sf_upper_halves(uint32_t first, uint32_t second) {
  uint32_t pair;
  __asm__("pkhtb %0, %1, %2, asr #16" : "=r"(pair) : "r"(second), "r"(first));
  return pair;
}

// --- Products of two pairs

// sum + both products; + that of the lower halves; + that of the upper halves.
static inline uint32_t sf_add_both(uint32_t sum, uint32_t values, uint32_t weights) {
  return (uint32_t)__smlad((int32_t)values, (int32_t)weights, (int32_t)sum);
}
static inline uint32_t sf_add_lower(uint32_t sum, uint32_t values, uint32_t weights) {
  return (uint32_t)__smlabb((int32_t)values, (int32_t)weights, (int32_t)sum);
}
static inline uint32_t sf_add_upper(uint32_t sum, uint32_t values, uint32_t weights) {
  return (uint32_t)__smlatt((int32_t)values, (int32_t)weights, (int32_t)sum);
}

static inline uint32_t sf_multiply_lower(uint32_t a, uint32_t b) {
  return (uint32_t)((int16_t)a * (int16_t)b);
}
static inline uint32_t sf_multiply_upper(uint32_t a, uint32_t b) {
  return (uint32_t)(((int32_t)a >> 16) * ((int32_t)b >> 16));
}

// --- Words, at addresses that are multiples of 4

// Both return what follows on the words that they load.
SF_INLINED const uint32_t *sf_load_two(const uint32_t *from, uint32_t words[2]) {
  __asm__("ldrd %1, %2, [%0], #8" : "+r"(from), "=&r"(words[0]), "=&r"(words[1]) : : "memory");
  return from;
}
SF_INLINED const uint32_t *sf_load_four(const uint32_t *from, uint32_t words[4]) {
  register uint32_t first __asm__("r4"), second __asm__("r5");
  register uint32_t third __asm__("r6"), fourth __asm__("r8");
  __asm__("ldmia %0!, {%1, %2, %3, %4}"
          : "+r"(from), "=r"(first), "=r"(second), "=r"(third), "=r"(fourth)
          :
          : "memory");
  words[0] = first, words[1] = second, words[2] = third, words[3] = fourth;
  return from;
}

static inline void sf_store_two(uint32_t first, uint32_t second, uint32_t *to) {
  __asm__("strd %0, %1, [%2]" : : "r"(first), "r"(second), "r"(to) : "memory");
}

// --- Scaling

// (a * b + 2^31) / 2^32 + c, rounded down.
static inline int32_t sf_high_mul_add(int32_t a, int32_t b, int32_t c) {
  int32_t result;
  __asm__("smmlar %0, %1, %2, %3" : "=r"(result) : "r"(a), "r"(b), "r"(c));
  return result;
}

// The larger of x and 0.
static inline int32_t sf_not_negative(int32_t x) {
  int32_t result;
  __asm__("usat %0, #31, %1" : "=r"(result) : "r"(x));
  return result;
}

// x / 2, rounded down, clamped to an int8.
static inline int8_t sf_half_as_code(int32_t x) {
  int32_t result;
  __asm__("ssat %0, #8, %1, asr #1" : "=r"(result) : "r"(x));
  return (int8_t)result;
}

#endif  // SF_DSP

#endif  // SF_DSP_H_
