// The inner loop of a convolution with the DSP extension: two channels of four pixels.
//
// Values of a block of four pixels lie as sf_add_to_pixels() takes them: of each four values of a
// pixel two words, then those of the next pixel. Of each four weights of the channels, the first
// words of both lie before the second ones. Then a cycle's load serves more than one product.
#ifndef SF_DSP_4X2_H_
#define SF_DSP_4X2_H_

#include "sf_scale_dsp.h"

#if SF_DSP

enum { SF_4X2_PIXELS = 4, SF_4X2_CHANNELS = 2 };

// What the loop needs, in the order in which it lies on the stack meanwhile.
typedef struct {
  const uint32_t *weights;  // less what is skipped of the first round
  uint32_t bias[SF_4X2_CHANNELS];
  int32_t entry;    // bytes of the loop's code that are skipped in the first round
  int32_t skipped;  // bytes of the values
  const uint32_t *weights_end;
  sf_scale scales[SF_4X2_CHANNELS];
  int32_t zero_point;  // as sf_code_of_sum() takes it
  int8_t *output;
  int32_t pitch;  // from one pixel to the next
  const int8_t *end;
} sf_4x2;

// Sets weights, four times `fours` of each channel. A round of the loop takes four times four.
static inline void sf_set_4x2_weights(const uint32_t *weights, int32_t fours, sf_4x2 *to) {
  const int32_t skipped = -fours & 3;
  to->weights = weights - 4 * skipped;
  to->weights_end = weights + 4 * fours;
  to->skipped = 32 * skipped;
  to->entry = 112 * skipped;
}

// Sums are in r0 to r3 and in r4, r5, r6 and r8, words of weights in r9 and r10, of values in r7
// and r12, where the weights are in r11, where the values are in lr. r7 may be a compiler's frame
// pointer.
#define SF_4X2_BEGIN                           \
  "push {r7}\n\t"                              \
  "sub.w sp, sp, #56\n\t"                      \
  "ldm.w r1!, {r2-r6, r8, r9}\n\t"             \
  "stm.w sp, {r2-r6, r8, r9}\n\t"              \
  "ldm.w r1, {r2-r6, r8, r9}\n\t"              \
  "add.w r10, sp, #28\n\t"                     \
  "stm.w r10, {r2-r6, r8, r9}\n"               \
  "2:\n\t"                                     \
  "ldr.w r11, [sp]\n\t"                        \
  "ldr.w r0, [sp, #4]\n\t"                     \
  "ldr.w r4, [sp, #8]\n\t"                     \
  "ldr.w r7, [sp, #12]\n\t"                    \
  "ldr.w r12, [sp, #16]\n\t"                   \
  "sub.w lr, lr, r12\n\t"                      \
  "mov r1, r0\n\tmov r2, r0\n\tmov r3, r0\n\t" \
  "mov r5, r4\n\tmov r6, r4\n\tmov r8, r4\n\t" \
  "add pc, r7\n\t"                             \
  "nop\n"                                      \
  "1:\n\t"

// Two values of each pixel and channel.
#define SF_4X2_TWO(weights, values) \
  "ldr.w r9, [r11, #" weights       \
  "]\n\t"                           \
  "ldr.w r10, [r11, #" weights      \
  "+4]\n\t"                         \
  "ldr.w r7, [lr, #" values         \
  "]\n\t"                           \
  "ldr.w r12, [lr, #" values        \
  "+8]\n\t"                         \
  "smlad r0, r7, r9, r0\n\t"        \
  "smlad r4, r7, r10, r4\n\t"       \
  "smlad r1, r12, r9, r1\n\t"       \
  "smlad r5, r12, r10, r5\n\t"      \
  "ldr.w r7, [lr, #" values         \
  "+16]\n\t"                        \
  "ldr.w r12, [lr, #" values        \
  "+24]\n\t"                        \
  "smlad r2, r7, r9, r2\n\t"        \
  "smlad r6, r7, r10, r6\n\t"       \
  "smlad r3, r12, r9, r3\n\t"       \
  "smlad r8, r12, r10, r8\n\t"
#define SF_4X2_FOUR(weights, values) \
  SF_4X2_TWO(weights, values) SF_4X2_TWO(weights "+8", values "+4")
#define SF_4X2_ROUND \
  SF_4X2_FOUR("0", "0") SF_4X2_FOUR("16", "32") SF_4X2_FOUR("32", "64")                      \
  SF_4X2_FOUR("48", "96")                                                                    \
  "add.w r11, r11, #64\n\t"                                                                  \
  "add.w lr, lr, #128\n\t"                                                                   \
  "ldr.w r7, [sp, #20]\n\t"                                                                  \
  "cmp.w r11, r7\n\t"                                                                        \
  "bne.w 1b\n\t"

// See sf_code_of_sum().
#define SF_4X2_OF_FIRST(what) what("r0") what("r1") what("r2") what("r3")
#define SF_4X2_OF_SECOND(what) what("r4") what("r5") what("r6") what("r8")
#define SF_4X2_OF_ALL(what) SF_4X2_OF_FIRST(what) SF_4X2_OF_SECOND(what)
#define SF_4X2_MULTIPLY_FIRST(sum) "smmlar " sum ", " sum ", r9, " sum "\n\t"
#define SF_4X2_MULTIPLY_SECOND(sum) "smmlar " sum ", " sum ", r7, " sum "\n\t"
#define SF_4X2_AWAY_FROM_ZERO(sum) "add.w " sum ", " sum ", " sum ", asr #31\n\t"
#define SF_4X2_AS_IT_IS(sum)
#define SF_4X2_SHIFT_FIRST(sum) "smmlar " sum ", " sum ", r10, r11\n\t"
#define SF_4X2_SHIFT_SECOND(sum) "smmlar " sum ", " sum ", r12, r11\n\t"
#define SF_4X2_CLAMP(sum) "ssat " sum ", #8, " sum "\n\t"
#define SF_4X2_CLAMP_FROM_ZERO(sum) "usat " sum ", #7, " sum "\n\t"
#define SF_4X2_CODES(round, clamp)                                                  \
  "ldr.w r9, [sp, #24]\n\t"                                                         \
  "ldr.w r10, [sp, #28]\n\t"                                                        \
  "ldr.w r7, [sp, #32]\n\t"                                                         \
  "ldr.w r12, [sp, #36]\n\t"                                                        \
  "ldr.w r11, [sp, #40]\n\t" SF_4X2_OF_FIRST(SF_4X2_MULTIPLY_FIRST)                 \
      SF_4X2_OF_SECOND(SF_4X2_MULTIPLY_SECOND) SF_4X2_OF_ALL(round)                 \
          SF_4X2_OF_FIRST(SF_4X2_SHIFT_FIRST) SF_4X2_OF_SECOND(SF_4X2_SHIFT_SECOND) \
              SF_4X2_OF_ALL(clamp)

#define SF_4X2_STORE(first, second) \
  "strb.w " first                   \
  ", [r9]\n\t"                      \
  "strb.w " second                  \
  ", [r9, #1]\n\t"                  \
  "add.w r9, r9, r10\n\t"

#define SF_4X2_END \
  "ldr.w r9, [sp, #44]\n\t"                                                                  \
  "ldr.w r10, [sp, #48]\n\t"                                                                 \
  "ldr.w r12, [sp, #52]\n\t"                                                                 \
  SF_4X2_STORE("r0", "r4") SF_4X2_STORE("r1", "r5") SF_4X2_STORE("r2", "r6")                 \
  SF_4X2_STORE("r3", "r8")                                                                   \
  "str.w r9, [sp, #44]\n\t"                                                                  \
  "cmp.w r9, r12\n\t"                                                                        \
  "bne.w 2b\n\t"                                                                             \
  "add.w sp, sp, #56\n\t"                                                                    \
  "pop {r7}"

#define SF_4X2_LOOP(codes)                                                                      \
  __asm__ volatile(SF_4X2_BEGIN SF_4X2_ROUND codes SF_4X2_END                                   \
                   : "+r"(from), "+r"(next)                                                     \
                   :                                                                            \
                   : "r0", "r2", "r3", "r4", "r5", "r6", "r8", "r9", "r10", "r11", "r12", "cc", \
                     "memory")

// Makes all pixels of two channels from the words of their blocks.
SF_OUTLINED void sf_make_4x2(sf_range range, const sf_4x2 *channels, const uint32_t *words) {
  register const sf_4x2 *from __asm__("r1") = channels;
  register const uint32_t *next __asm__("lr") = words;
  if (range == SF_FROM_LOWEST) {
    SF_4X2_LOOP(SF_4X2_CODES(SF_4X2_AS_IT_IS, SF_4X2_CLAMP));
  } else if (range == SF_FROM_ZERO) {
    SF_4X2_LOOP(SF_4X2_CODES(SF_4X2_AS_IT_IS, SF_4X2_CLAMP_FROM_ZERO));
  } else {
    SF_4X2_LOOP(SF_4X2_CODES(SF_4X2_AWAY_FROM_ZERO, SF_4X2_CLAMP));
  }
}

#endif  // SF_DSP

#endif  // SF_DSP_4X2_H_
