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

// Sums of four codes and four others, each clamped to an int8.
static inline uint32_t sf_add_codes(uint32_t codes, uint32_t others) {
  return (uint32_t)__qadd8((int32_t)codes, (int32_t)others);
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

// --- The inner loop of a convolution

// Adds the products of `step` codes at a time, 16 or 4, from `weights` up to `end`, which lies
// further, and of as many values of each of four pixels. Of four values, the first and the third
// one are one word, the others the next; words lie pixel by pixel. Weights and words become what
// follows on them.
#define SF_WIDEN_WEIGHTS               \
  "ldr %[even], [%[weights]], #4\n\t"  \
  "sxtb16 %[odd], %[even], ror #8\n\t" \
  "sxtb16 %[even], %[even]\n\t"
#define SF_TWO_PIXELS(a, b)               \
  "ldmia %[words]!, {r4, r5, r6, r8}\n\t" \
  "smlad %[" a "], r4, %[even], %[" a     \
  "]\n\t"                                 \
  "smlad %[" b "], r6, %[even], %[" b     \
  "]\n\t"                                 \
  "smlad %[" a "], r5, %[odd], %[" a      \
  "]\n\t"                                 \
  "smlad %[" b "], r8, %[odd], %[" b "]\n\t"
#define SF_FOUR_PIXELS SF_TWO_PIXELS("s0", "s1") SF_TWO_PIXELS("s2", "s3")
#define SF_FOUR_CODES SF_WIDEN_WEIGHTS SF_FOUR_PIXELS
// `end` is in memory, because all other registers are in use.
#define SF_ADD_UNTIL_END(codes)                                                               \
  __asm__("1:\n\t" codes                                                                      \
          "ldr %[even], %[end]\n\t"                                                           \
          "cmp %[weights], %[even]\n\t"                                                       \
          "bne 1b"                                                                            \
          : [s0] "+r"(s0), [s1] "+r"(s1), [s2] "+r"(s2), [s3] "+r"(s3), [weights] "+r"(from), \
            [words] "+r"(next), [even] "=&r"(even), [odd] "=&r"(odd)                          \
          : [end] "m"(end)                                                                    \
          : "r4", "r5", "r6", "r8", "cc", "memory")
SF_INLINED void sf_add_to_four(int step, const int8_t **weights, const int8_t *end,
                               const uint32_t **words, uint32_t sums[4]) {
  uint32_t s0 = sums[0], s1 = sums[1], s2 = sums[2], s3 = sums[3], even, odd;
  const int8_t *from = *weights;
  const uint32_t *next = *words;
  if (step == 16) {
    SF_ADD_UNTIL_END(SF_FOUR_CODES SF_FOUR_CODES SF_FOUR_CODES SF_FOUR_CODES);
  } else {
    SF_ADD_UNTIL_END(SF_FOUR_CODES);
  }
  sums[0] = s0, sums[1] = s1, sums[2] = s2, sums[3] = s3;
  *weights = from, *words = next;
}

// The same of four weights.
SF_INLINED void sf_add_word_to_four(uint32_t weights, const uint32_t *words, uint32_t sums[4]) {
  uint32_t s0 = sums[0], s1 = sums[1], s2 = sums[2], s3 = sums[3], odd;
  __asm__(
      "sxtb16 %[odd], %[even], ror #8\n\t"
      "sxtb16 %[even], %[even]\n\t" SF_FOUR_PIXELS
      : [s0] "+r"(s0), [s1] "+r"(s1), [s2] "+r"(s2), [s3] "+r"(s3), [even] "+r"(weights),
        [words] "+r"(words), [odd] "=&r"(odd)
      :
      : "r4", "r5", "r6", "r8", "memory");
  sums[0] = s0, sums[1] = s1, sums[2] = s2, sums[3] = s3;
}

// The same of one pixel, sixteen codes at a time, and of as many weights of a second channel.
#define SF_FOUR_OF_BOTH                    \
  "ldrd %[v0], %[v1], [%[words]], #8\n\t"  \
  "ldr %[even], [%[weights]], #4\n\t"      \
  "sxtb16 %[odd], %[even], ror #8\n\t"     \
  "sxtb16 %[even], %[even]\n\t"            \
  "smlad %[s0], %[v0], %[even], %[s0]\n\t" \
  "ldr %[even], [%[others]], #4\n\t"       \
  "smlad %[s0], %[v1], %[odd], %[s0]\n\t"  \
  "sxtb16 %[odd], %[even], ror #8\n\t"     \
  "sxtb16 %[even], %[even]\n\t"            \
  "smlad %[s1], %[v0], %[even], %[s1]\n\t" \
  "smlad %[s1], %[v1], %[odd], %[s1]\n\t"
SF_INLINED void sf_add_to_two(const int8_t **weights, const int8_t *end, const int8_t **others,
                              const uint32_t **words, uint32_t sums[2]) {
  uint32_t s0 = sums[0], s1 = sums[1], even, odd, v0, v1;
  const int8_t *from = *weights, *other = *others;
  const uint32_t *next = *words;
  __asm__("1:\n\t" SF_FOUR_OF_BOTH SF_FOUR_OF_BOTH SF_FOUR_OF_BOTH SF_FOUR_OF_BOTH
          "cmp %[weights], %[end]\n\t"
          "bne 1b"
          : [s0] "+r"(s0), [s1] "+r"(s1), [weights] "+r"(from), [others] "+r"(other),
            [words] "+r"(next), [even] "=&r"(even), [odd] "=&r"(odd), [v0] "=&r"(v0), [v1] "=&r"(v1)
          : [end] "r"(end)
          : "cc", "memory");
  sums[0] = s0, sums[1] = s1;
  *weights = from, *others = other, *words = next;
}

// --- Scaling

// (a * b + 2^31) / 2^32 + c, rounded down.
static inline int32_t sf_high_mul_add(int32_t a, int32_t b, int32_t c) {
  int32_t result;
  __asm__("smmlar %0, %1, %2, %3" : "=r"(result) : "r"(a), "r"(b), "r"(c));
  return result;
}

// x / 2, rounded down, clamped to an int8; or to an int8 that is not negative.
static inline int32_t sf_half_as_code(int32_t x) {
  int32_t code;
  __asm__("ssat %0, #8, %1, asr #1" : "=r"(code) : "r"(x));
  return code;
}
static inline int32_t sf_half_from_zero(int32_t x) {
  int32_t code;
  __asm__("usat %0, #7, %1, asr #1" : "=r"(code) : "r"(x));
  return code;
}

// x / 2^14, rounded down, clamped to an int8.
static inline int32_t sf_power_as_code(int32_t x) {
  int32_t code;
  __asm__("ssat %0, #8, %1, asr #14" : "=r"(code) : "r"(x));
  return code;
}

// Stores four codes so many bytes apart.
SF_INLINED void sf_store_apart(const int32_t codes[4], int32_t apart, int8_t *to) {
  __asm__ volatile(
      "strb %1, [%0]\n\t"
      "strb %2, [%0, %5]\n\t"
      "add %0, %0, %5, lsl #1\n\t"
      "strb %3, [%0]\n\t"
      "strb %4, [%0, %5]"
      : "+&r"(to)
      : "r"(codes[0]), "r"(codes[1]), "r"(codes[2]), "r"(codes[3]), "r"(apart)
      : "memory");
}

#endif  // SF_DSP

#endif  // SF_DSP_H_
