// The inner loop of a convolution with the DSP extension: three pixels, or two, by two channels, of
// weights as they lie in flash.
//
// Values of a block of pixels lie as sf_add_to_pixels() takes them: of each four values of a
// pixel two words, then those of the next pixel.
#ifndef SF_DSP_3X2_H_
#define SF_DSP_3X2_H_

#include "sf_scale_dsp.h"

#if SF_DSP

enum { SF_3X2_PIXELS = 3, SF_3X2_CHANNELS = 2 };

// What the loop needs, in the order in which it lies on the stack meanwhile.
typedef struct {
  const int8_t *weights;  // of the first channel
  int32_t apart;          // bytes from one channel to the next
  int32_t entry;          // bytes of the loop's code that are skipped in the first round
  int32_t skipped;        // bytes of the values
  const int8_t *weights_end;
  uint32_t bias[SF_3X2_CHANNELS];
  sf_scale scales[SF_3X2_CHANNELS];
  int32_t zero_point;  // as sf_code_of_sum() takes it
  int8_t *output;
  int32_t pitch;  // from one pixel to the next
  const int8_t *end;
  int32_t range;  // a sf_range
} sf_3x2;

// What is skipped of a round, which takes eight times four, for `fours` of them in all.
static inline void sf_set_3x2_round(int widened, int32_t pixels, int32_t fours, int32_t *entry,
                                    int32_t *skipped) {
  const int32_t code = pixels == 3 ? (widened ? 88 : 96) : (widened ? 64 : 72);
  *entry = code * (-fours & 7);
  *skipped = 8 * pixels * (-fours & 7);
}

// Sums are in r0 to r2 and in r3 to r5, where the weights are in r11, how far apart the channels in
// r12, where the values are, less 4, in lr, all else in r6 to r10. r7 may be a compiler's frame
// pointer.
#define SF_3X2_ADD(sum, next, value, weight, other) \
  "smlad " sum ", " value ", " weight ", " sum      \
  "\n\t"                                            \
  "smlad " next ", " value ", " other ", " next "\n\t"

// Four values of each pixel; with `last` "!", the last load moves on to the next round.
#define SF_3X2_CODES(at, last) \
  "ldr.w r7, [r11, r12]\n\t" \
  "ldr.w r6, [r11], #4\n\t" \
  "ldr.w r10, [lr, #" at "+4]\n\t" \
  "sxtb16 r8, r6\n\t" \
  "sxtb16 r9, r7\n\t" \
  SF_3X2_ADD("r0", "r3", "r10", "r8", "r9") \
  "ldr.w r10, [lr, #" at "+12]\n\t" \
  SF_3X2_ADD("r1", "r4", "r10", "r8", "r9") \
  "ldr.w r10, [lr, #" at "+20]\n\t" \
  SF_3X2_ADD("r2", "r5", "r10", "r8", "r9") \
  "sxtb16 r6, r6, ror #8\n\t" \
  "sxtb16 r7, r7, ror #8\n\t" \
  "ldr.w r8, [lr, #" at "+8]\n\t" \
  "ldr.w r9, [lr, #" at "+16]\n\t" \
  "ldr.w r10, [lr, #" at "+24]" last "\n\t" \
  SF_3X2_ADD("r0", "r3", "r8", "r6", "r7") \
  SF_3X2_ADD("r1", "r4", "r9", "r6", "r7") \
  SF_3X2_ADD("r2", "r5", "r10", "r6", "r7")
#define SF_3X2_TWO_WIDENED(first, second, third)                            \
  "ldr.w r7, [r11, r12]\n\t"                                                \
  "ldr.w r6, [r11], #4\n\t"                                                 \
  "ldr.w r8, [lr, #" first                                                  \
  "]\n\t"                                                                   \
  "ldr.w r9, [lr, #" second                                                 \
  "]\n\t"                                                                   \
  "ldr.w r10, [lr, #" third "\n\t" SF_3X2_ADD("r0", "r3", "r8", "r6", "r7") \
      SF_3X2_ADD("r1", "r4", "r9", "r6", "r7") SF_3X2_ADD("r2", "r5", "r10", "r6", "r7")
#define SF_3X2_WIDENED(at, last)                   \
  SF_3X2_TWO_WIDENED(at "+4", at "+12", at "+20]") \
  SF_3X2_TWO_WIDENED(at "+8", at "+16", at "+24]" last)

// The same of two pixels; the sums of the third are lost.
#define SF_2X2_ADD(value, next, weight, other) \
  SF_3X2_ADD("r0", "r3", value, weight, other) SF_3X2_ADD("r1", "r4", next, weight, other)
#define SF_2X2_CODES(at, last) \
  "ldr.w r7, [r11, r12]\n\t" \
  "ldr.w r6, [r11], #4\n\t" \
  "ldr.w r10, [lr, #" at "+4]\n\t" \
  "ldr.w r2, [lr, #" at "+12]\n\t" \
  "sxtb16 r8, r6\n\t" \
  "sxtb16 r9, r7\n\t" SF_2X2_ADD("r10", "r2", "r8", "r9") \
  "sxtb16 r6, r6, ror #8\n\t" \
  "sxtb16 r7, r7, ror #8\n\t" \
  "ldr.w r10, [lr, #" at "+8]\n\t" \
  "ldr.w r2, [lr, #" at "+16]" last "\n\t" SF_2X2_ADD("r10", "r2", "r6", "r7")
#define SF_2X2_TWO_WIDENED(first, second) \
  "ldr.w r7, [r11, r12]\n\t"              \
  "ldr.w r6, [r11], #4\n\t"               \
  "ldr.w r10, [lr, #" first               \
  "]\n\t"                                 \
  "ldr.w r2, [lr, #" second "\n\t" SF_2X2_ADD("r10", "r2", "r6", "r7")
#define SF_2X2_WIDENED(at, last) \
  SF_2X2_TWO_WIDENED(at "+4", at "+12]") SF_2X2_TWO_WIDENED(at "+8", at "+16]" last)

// A round; r10 is read from where the end of the weights is on the stack.
#define SF_3X2_ROUND(four, end)                                                          \
  SF_3X2_EIGHT(four("0", "") four("24", "") four("48", "") four("72", "") four("96", "") \
                   four("120", "") four("144", "") four("168", "!"),                     \
               end)
#define SF_2X2_ROUND(four, end)                                                          \
  SF_3X2_EIGHT(four("0", "") four("16", "") four("32", "") four("48", "") four("64", "") \
                   four("80", "") four("96", "") four("112", "!"),                       \
               end)
#define SF_3X2_EIGHT(fours, end)         \
  "add pc, r6\n\t"                       \
  "nop\n"                                \
  "1:\n\t" fours "ldr.w r10, [sp, #" end \
  "]\n\t"                                \
  "cmp.w r11, r10\n\t"                   \
  "bne.w 1b\n\t"

#define SF_3X2_BEGIN               \
  "push {r7}\n\t"                  \
  "sub.w sp, sp, #64\n\t"          \
  "ldm.w r1!, {r2-r6, r8, r9}\n\t" \
  "stm.w sp, {r2-r6, r8, r9}\n\t"  \
  "ldm.w r1, {r2-r6, r8-r11}\n\t"  \
  "add.w r12, sp, #28\n\t"         \
  "stm.w r12, {r2-r6, r8-r11}\n\t" \
  "sub.w lr, lr, #4\n"             \
  "2:\n\t"                         \
  "ldr.w r11, [sp]\n\t"            \
  "ldr.w r12, [sp, #4]\n\t"        \
  "ldr.w r6, [sp, #8]\n\t"         \
  "ldr.w r7, [sp, #12]\n\t"        \
  "ldr.w r0, [sp, #20]\n\t"        \
  "ldr.w r3, [sp, #24]\n\t"        \
  "sub.w lr, lr, r7\n\t"           \
  "mov r1, r0\n\tmov r2, r0\n\tmov r4, r3\n\tmov r5, r3\n\t"

// See sf_code_of_sum().
#define SF_3X2_OF_FIRST(what) what("r0") what("r1") what("r2")
#define SF_3X2_OF_SECOND(what) what("r3") what("r4") what("r5")
#define SF_3X2_OF_ALL(what) SF_3X2_OF_FIRST(what) SF_3X2_OF_SECOND(what)
#define SF_3X2_MULTIPLY_FIRST(sum) "smmlar " sum ", " sum ", r6, " sum "\n\t"
#define SF_3X2_MULTIPLY_SECOND(sum) "smmlar " sum ", " sum ", r8, " sum "\n\t"
#define SF_3X2_AWAY_FROM_ZERO(sum) "add.w " sum ", " sum ", " sum ", asr #31\n\t"
#define SF_3X2_SHIFT_FIRST(sum) "smmlar " sum ", " sum ", r7, r10\n\t"
#define SF_3X2_SHIFT_SECOND(sum) "smmlar " sum ", " sum ", r9, r10\n\t"
#define SF_3X2_CLAMP(sum) "ssat " sum ", #8, " sum "\n\t"
#define SF_3X2_CLAMP_FROM_ZERO(sum) "usat " sum ", #7, " sum "\n\t"
// lo, eq and hi are the three ranges in turn.
#define SF_3X2_TO_CODES                                                       \
  "ldr.w r6, [sp, #60]\n\t"                                                   \
  "cmp r6, #1\n\t"                                                            \
  "ldr.w r6, [sp, #28]\n\t"                                                   \
  "ldr.w r7, [sp, #32]\n\t"                                                   \
  "ldr.w r8, [sp, #36]\n\t"                                                   \
  "ldr.w r9, [sp, #40]\n\t"                                                   \
  "ldr.w r10, [sp, #44]\n\t"                                                  \
  "ldr.w r11, [sp, #48]\n\t"                                                  \
  "ldr.w r12, [sp, #52]\n\t" SF_3X2_OF_FIRST(SF_3X2_MULTIPLY_FIRST)           \
      SF_3X2_OF_SECOND(SF_3X2_MULTIPLY_SECOND) "bls.n 3f\n\t" SF_3X2_OF_ALL(  \
          SF_3X2_AWAY_FROM_ZERO) "3:\n\t" SF_3X2_OF_FIRST(SF_3X2_SHIFT_FIRST) \
          SF_3X2_OF_SECOND(SF_3X2_SHIFT_SECOND) "beq.w 4f\n\t" SF_3X2_OF_ALL( \
              SF_3X2_CLAMP) "5:\n\t"

#define SF_3X2_STORE(first, second) \
  "strb.w " first                   \
  ", [r11]\n\t"                     \
  "strb.w " second                  \
  ", [r11, #1]\n\t"                 \
  "add.w r11, r11, r12\n\t"
#define SF_3X2_END(third) \
  SF_3X2_STORE("r0", "r3") SF_3X2_STORE("r1", "r4") third \
  "str.w r11, [sp, #48]\n\t" \
  "ldr.w r6, [sp, #56]\n\t" \
  "cmp.w r11, r6\n\t" \
  "bne.w 2b\n\t" \
  "b.n 6f\n" \
  "4:\n\t" SF_3X2_OF_ALL(SF_3X2_CLAMP_FROM_ZERO) \
  "b.w 5b\n" \
  "6:\n\t" \
  "add.w sp, sp, #64\n\t" \
  "pop {r7}"

#define SF_3X2_LOOP(body)                                                                       \
  __asm__ volatile(body                                                                         \
                   : "+r"(from), "+r"(next)                                                     \
                   :                                                                            \
                   : "r0", "r2", "r3", "r4", "r5", "r6", "r8", "r9", "r10", "r11", "r12", "cc", \
                     "memory")
// Makes all pixels of two channels from the words of their blocks, of three pixels or of two.
#define SF_3X2_MAKE(round, third) SF_3X2_LOOP(SF_3X2_BEGIN round SF_3X2_TO_CODES SF_3X2_END(third))
SF_INLINED void sf_make_3x2(int widened, int32_t pixels, const sf_3x2 *channels,
                            const uint32_t *words) {
  register const sf_3x2 *from __asm__("r1") = channels;
  register const uint32_t *next __asm__("lr") = words;
  if (widened && pixels == 3) {
    SF_3X2_MAKE(SF_3X2_ROUND(SF_3X2_WIDENED, "16"), SF_3X2_STORE("r2", "r5"));
  } else if (widened) {
    SF_3X2_MAKE(SF_2X2_ROUND(SF_2X2_WIDENED, "16"), );
  } else if (pixels == 3) {
    SF_3X2_MAKE(SF_3X2_ROUND(SF_3X2_CODES, "16"), SF_3X2_STORE("r2", "r5"));
  } else {
    SF_3X2_MAKE(SF_2X2_ROUND(SF_2X2_CODES, "16"), );
  }
}

// A part of the products of one block with an even number of channels. A channel has sums of three
// pixels, even if the block has two.
typedef struct {
  const int8_t *weights;
  int32_t apart, entry, skipped;  // as in sf_3x2
  const int8_t *weights_end;
  uint32_t *sums, *sums_end;  // of three pixels of each channel
} sf_3x2_part;

#define SF_3X2_ADD_PART(round)      \
  "push {r7}\n\t"                   \
  "sub.w sp, sp, #32\n\t"           \
  "ldm.w r1, {r2-r6, r8, r9}\n\t"   \
  "stm.w sp, {r2-r6, r8, r9}\n\t"   \
  "sub.w lr, lr, #4\n\t"            \
  "str.w lr, [sp, #28]\n"           \
  "2:\n\t"                          \
  "ldr.w r10, [sp, #20]\n\t"        \
  "ldr.w r11, [sp]\n\t"             \
  "ldr.w r12, [sp, #4]\n\t"         \
  "ldr.w r6, [sp, #8]\n\t"          \
  "ldr.w r7, [sp, #12]\n\t"         \
  "ldr.w lr, [sp, #28]\n\t"         \
  "sub.w lr, lr, r7\n\t"            \
  "ldm.w r10, {r0-r5}\n\t" round    \
  "ldr.w r10, [sp, #20]\n\t"        \
  "ldr.w r11, [sp]\n\t"             \
  "ldr.w r12, [sp, #4]\n\t"         \
  "ldr.w r6, [sp, #16]\n\t"         \
  "ldr.w r7, [sp, #24]\n\t"         \
  "stm.w r10!, {r0-r5}\n\t"         \
  "add.w r11, r11, r12, lsl #1\n\t" \
  "add.w r6, r6, r12, lsl #1\n\t"   \
  "str.w r10, [sp, #20]\n\t"        \
  "str.w r11, [sp]\n\t"             \
  "str.w r6, [sp, #16]\n\t"         \
  "cmp.w r10, r7\n\t"               \
  "bne.w 2b\n\t"                    \
  "add.w sp, sp, #32\n\t"           \
  "pop {r7}"

// Adds them to the sums, of three pixels or of two.
SF_INLINED void sf_add_3x2(int widened, int32_t pixels, const sf_3x2_part *part,
                           const uint32_t *words) {
  register const sf_3x2_part *from __asm__("r1") = part;
  register const uint32_t *next __asm__("lr") = words;
  if (widened && pixels == 3) {
    SF_3X2_LOOP(SF_3X2_ADD_PART(SF_3X2_ROUND(SF_3X2_WIDENED, "16")));
  } else if (widened) {
    SF_3X2_LOOP(SF_3X2_ADD_PART(SF_2X2_ROUND(SF_2X2_WIDENED, "16")));
  } else if (pixels == 3) {
    SF_3X2_LOOP(SF_3X2_ADD_PART(SF_3X2_ROUND(SF_3X2_CODES, "16")));
  } else {
    SF_3X2_LOOP(SF_3X2_ADD_PART(SF_2X2_ROUND(SF_2X2_CODES, "16")));
  }
}

#endif  // SF_DSP

#endif  // SF_DSP_3X2_H_
