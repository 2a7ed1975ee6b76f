// Instructions of Arm's DSP extension (Cortex-M4, M7, M33): two products of int16 at a time.
//
// In assembler is what gcc 12 does not find: rotations within SXTB16, loads of neighbouring words,
// saturation within one instruction.
#ifndef SF_DSP_H_
#define SF_DSP_H_

#include "sf_kernel_set.h"
#include "sf_platform.h"

#if SF_DSP

#include <arm_acle.h>
#include <stdint.h>

// 32 codes, between addresses that are multiples of 4: an instruction moves several words.
static inline void sf_copy_32_codes(const int8_t *from, int8_t *to) {
  SF_COPY(__builtin_assume_aligned(to, 4), __builtin_assume_aligned(from, 4), 32);
}

// --- Codes to pairs of int16

// Four codes, from any address.
static inline uint32_t sf_four_codes(const int8_t *codes) {
  uint32_t word;
  SF_COPY(&word, codes, sizeof word);
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

// Of two words of codes a0..a3 and b0..b3 makes a0 b0 a1 b1 and a2 b2 a3 b3.
static inline void sf_alternate(uint32_t *first, uint32_t *second) {
  uint32_t evens;
  __asm__(
      "uadd8 %2, %3, %3\n\t"  // SEL takes bytes 0 and 2 of its first operand, 1 and 3 of the other
      "lsl %2, %1, #8\n\t"
      "sel %2, %0, %2\n\t"
      "lsr %0, %0, #8\n\t"
      "sel %1, %0, %1\n\t"
      "pkhbt %0, %2, %1, lsl #16\n\t"
      "pkhtb %1, %1, %2, asr #16"
      : "+&r"(*first), "+&r"(*second), "=&r"(evens)
      : "r"(0x00ff00ff));
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

// Returns where the next words belong.
SF_INLINED uint32_t *sf_store_two(uint32_t first, uint32_t second, uint32_t *to) {
  __asm__ volatile(  // STRD takes a cycle more
      "str %1, [%0], #4\n\tstr %2, [%0], #4"
      : "+&r"(to)
      : "r"(first), "r"(second)
      : "memory");
  return to;
}

// --- The inner loops of a convolution
//
// Of four values, the first and the third one are a word, the others the next; the words of
// neighbouring pixels lie one behind the other, so that a load of four words gives four values of
// two pixels. Four codes become two such words, or lie widened as them, as `widened` says.
//
// r12 is where the words are, r11 where the weights are. Sums are in r0 to r3, words of
// weights in lr and another register, of values in r4, r5, r6 and r8. A loop needs r7 too, which
// may be a compiler's frame pointer, and saves it.

#define SF_WIDEN_CODES(odd) \
  "sxtb16 " odd             \
  ", lr, ror #8\n\t"        \
  "sxtb16 lr, lr\n\t"
#define SF_ADD_WORDS(sum, first, second, odd) \
  "smlad " sum ", " first ", lr, " sum        \
  "\n\t"                                      \
  "smlad " sum ", " second ", " odd ", " sum "\n\t"
#define SF_ADD_ONE(sum, odd) "ldrd r4, r5, [r12], #8\n\t" SF_ADD_WORDS(sum, "r4", "r5", odd)
#define SF_ADD_TWO(sum, next, odd)                                        \
  "ldmia.w r12!, {r4, r5, r6, r8}\n\t" SF_ADD_WORDS(sum, "r4", "r5", odd) \
      SF_ADD_WORDS(next, "r6", "r8", odd)

// Of so many pixels.
#define SF_ADD_1(odd) SF_ADD_ONE("r0", odd)
#define SF_ADD_2(odd) SF_ADD_TWO("r0", "r1", odd)
#define SF_ADD_3(odd) SF_ADD_2(odd) SF_ADD_ONE("r2", odd)
#define SF_ADD_4(odd) SF_ADD_2(odd) SF_ADD_TWO("r2", "r3", odd)

// The sums, which are in registers where they are called so.
#define SF_SUMS_1 "+r"(s0)
#define SF_SUMS_2 SF_SUMS_1, "+r"(s1)
#define SF_SUMS_3 SF_SUMS_2, "+r"(s2)
#define SF_SUMS_4 SF_SUMS_3, "+r"(s3)
#define SF_SUMS_IN_REGISTERS                                                \
  register uint32_t s0 __asm__("r0") = sums[0], s1 __asm__("r1") = sums[1]; \
  register uint32_t s2 __asm__("r2") = sums[2], s3 __asm__("r3") = sums[3]
#define SF_SUMS_OUT_OF_REGISTERS sums[0] = s0, sums[1] = s1, sums[2] = s2, sums[3] = s3

// The case of 1 to 4 pixels that `of` makes.
#define SF_OF_SO_MANY(pixels, of) \
  switch (pixels) {               \
    of(1);                        \
    of(2);                        \
    of(3);                        \
    of(4);                        \
  }

// Some times four values a round. It is entered, r4 bytes from its beginning, where all rounds
// together end with the last values; with lr where the weights end.
#define SF_LOOP(round)     \
  "push {r7, lr}\n\t"      \
  "add pc, r4\n\t"         \
  "nop\n"                  \
  "1:\n\t" round           \
  "ldr.w lr, [sp, #4]\n\t" \
  "cmp.w r11, lr\n\t"      \
  "bne.w 1b\n\t"           \
  "pop {r7, lr}"
#define SF_FOUR_TIMES(four_values) four_values four_values four_values four_values

// Where a loop over `count` values is entered, four of which take so many instructions.
static inline int32_t sf_entry(int32_t instructions, int32_t times, int32_t count) {
  return 4 * (count < 4 ? times * instructions + 3 : (-(count / 4) & (times - 1)) * instructions);
}
static inline int32_t sf_entry_of_pixels(int widened, int pixels, int32_t count) {
  return sf_entry((widened ? 1 : 3) + 2 * pixels + (pixels + 1) / 2, 4, count);
}
static inline int32_t sf_entry_of_channels(int widened, int32_t count) {
  return sf_entry(widened ? 13 : 21, 8, count);
}

#define SF_ADD_CODES(n) "ldr.w lr, [r11], #4\n\t" SF_WIDEN_CODES("r7") SF_ADD_##n("r7")
#define SF_ADD_WIDENED(n) "ldrd lr, r7, [r11], #8\n\t" SF_ADD_##n("r7")

// Adds the products of `weights` up to `end`, a multiple of 4, and of as many values of each of 1
// to 4 pixels. Returns what follows on the words.
SF_INLINED const uint32_t *sf_add_to_pixels(int widened, int pixels, int32_t entry,
                                            const int8_t *weights, const int8_t *end,
                                            const uint32_t *words, uint32_t sums[4]) {
  SF_SUMS_IN_REGISTERS;
  register int32_t at __asm__("r4") = entry;
  register const int8_t *from __asm__("r11") = weights, *last __asm__("lr") = end;
  register const uint32_t *next __asm__("r12") = words;
#define SF_ADD_BY(four, n)                                                     \
  __asm__ volatile(SF_LOOP(SF_FOUR_TIMES(four(n)))                             \
                   : SF_SUMS_##n, "+r"(at), "+r"(from), "+r"(last), "+r"(next) \
                   :                                                           \
                   : "r5", "r6", "r8", "cc", "memory")
#define SF_ADD_TO_PIXELS(n)         \
  case n:                           \
    if (widened) {                  \
      SF_ADD_BY(SF_ADD_WIDENED, n); \
    } else {                        \
      SF_ADD_BY(SF_ADD_CODES, n);   \
    }                               \
    break
  SF_OF_SO_MANY(pixels, SF_ADD_TO_PIXELS)
  SF_SUMS_OUT_OF_REGISTERS;
  return next;
}

// The same of the four codes of a word.
SF_INLINED const uint32_t *sf_add_word_to_pixels(int pixels, uint32_t weights,
                                                 const uint32_t *words, uint32_t sums[4]) {
  SF_SUMS_IN_REGISTERS;
  register uint32_t even __asm__("lr") = weights;
  register const uint32_t *next __asm__("r12") = words;
#define SF_ADD_WORD_TO_PIXELS(n)                                 \
  case n:                                                        \
    __asm__ volatile(SF_WIDEN_CODES("r11") SF_ADD_##n("r11")     \
                     : SF_SUMS_##n, "+r"(even), "+r"(next)       \
                     :                                           \
                     : "r4", "r5", "r6", "r8", "r11", "memory"); \
    break
  SF_OF_SO_MANY(pixels, SF_ADD_WORD_TO_PIXELS)
  SF_SUMS_OUT_OF_REGISTERS;
  return next;
}

// Adds the products of the values of one pixel and as many weights of each of four channels, which
// lie `apart` bytes, to their sums; up to `end` of the first one's. Returns what follows on the
// words.
#define SF_BY_CODES(sum, codes) \
  "ldr.w lr, " codes "\n\t" SF_WIDEN_CODES("r7") SF_ADD_WORDS(sum, "r4", "r5", "r7")
#define SF_CHANNELS_BY_CODES                                                                 \
  "ldrd r4, r5, [r12], #8\n\t" SF_BY_CODES("r1", "[r11, r6]") SF_BY_CODES("r0", "[r11], #4") \
      SF_BY_CODES("r3", "[r8, r6]") SF_BY_CODES("r2", "[r8], #4")
#define SF_BY_WIDENED(sum, from) \
  "ldrd lr, r7, [" from "], #8\n\t" SF_ADD_WORDS(sum, "r4", "r5", "r7")
#define SF_CHANNELS_BY_WIDENED                                                      \
  "ldrd r4, r5, [r12], #8\n\t" SF_BY_WIDENED("r0", "r11") SF_BY_WIDENED("r1", "r6") \
      SF_BY_WIDENED("r2", "r8") SF_BY_WIDENED("r3", "r9")
#define SF_EIGHT_TIMES(four_values) SF_FOUR_TIMES(four_values) SF_FOUR_TIMES(four_values)
SF_INLINED const uint32_t *sf_add_to_channels(int widened, int32_t entry, const int8_t *weights,
                                              int32_t apart, const int8_t *end,
                                              const uint32_t *words, uint32_t sums[4]) {
  register uint32_t s0 __asm__("r0") = sums[0], s1 __asm__("r1") = sums[1];
  register uint32_t s2 __asm__("r2") = sums[2], s3 __asm__("r3") = sums[3];
  register int32_t at __asm__("r4") = entry;
  register const int8_t *from __asm__("r11") = weights, *third __asm__("r8") = weights + 2 * apart;
  register const int8_t *last __asm__("lr") = end;
  register const uint32_t *next __asm__("r12") = words;
  if (widened) {
    register const int8_t *second __asm__("r6") = weights + apart,
                                  *fourth __asm__("r9") = third + apart;
    __asm__ volatile(SF_LOOP(SF_EIGHT_TIMES(SF_CHANNELS_BY_WIDENED))
                     : SF_SUMS_4, "+r"(at), "+r"(from), "+r"(second), "+r"(third), "+r"(fourth),
                       "+r"(last), "+r"(next)
                     :
                     : "r5", "cc", "memory");
  } else {
    register int32_t to_second __asm__("r6") = apart;
    __asm__ volatile(SF_LOOP(SF_EIGHT_TIMES(SF_CHANNELS_BY_CODES))
                     : SF_SUMS_4, "+r"(at), "+r"(from), "+r"(third), "+r"(last), "+r"(next)
                     : "r"(to_second)
                     : "r5", "cc", "memory");
  }
  sums[0] = s0, sums[1] = s1, sums[2] = s2, sums[3] = s3;
  return next;
}

// --- Scaling

// (a * b + 2^31) / 2^32 + c, rounded down.
static inline int32_t sf_high_mul_add(int32_t a, int32_t b, int32_t c) {
  int32_t result;
  __asm__("smmlar %0, %1, %2, %3" : "=r"(result) : "r"(a), "r"(b), "r"(c));
  return result;
}

// x, clamped to an int8; or to an int8 that is not negative.
static inline int32_t sf_clamp_to_code(int32_t x) { return __ssat(x, 8); }
static inline int32_t sf_clamp_from_zero(int32_t x) { return (int32_t)__usat(x, 7); }

// x / 2^14, rounded down, clamped to an int8.
static inline int32_t sf_power_as_code(int32_t x) {
  int32_t code;
  __asm__("ssat %0, #8, %1, asr #14" : "=r"(code) : "r"(x));
  return code;
}

// Stores two codes so many bytes apart. Returns where the next one belongs.
SF_INLINED int8_t *sf_store_apart(int32_t code, int32_t next, int32_t apart, int8_t *to) {
  __asm__ volatile(
      "strb %1, [%0]\n\t"
      "strb %2, [%0, %3]\n\t"
      "add %0, %0, %3, lsl #1"
      : "+&r"(to)
      : "r"(code), "r"(next), "r"(apart)
      : "memory");
  return to;
}

#endif  // SF_DSP

#endif  // SF_DSP_H_
