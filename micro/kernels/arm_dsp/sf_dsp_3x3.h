// The inner loop of depthwise windows of 3x3 with the DSP extension: one channel of four pixels.
//
// A channel's columns lie in pairs of three words: rows 0 and 1 of the first column, the same of
// the second, row 2 of both. A window then is five products of two pairs, whatever the stride.
#ifndef SF_DSP_3X3_H_
#define SF_DSP_3X3_H_

#include "sf_scale_dsp.h"

#if SF_DSP

enum { SF_3X3_PIXELS = 4, SF_3X3_PAIR = 3 };  // words of a pair

// What the loop needs of a channel, in the order in which it loads it.
typedef struct {
  sf_scale scale;
  int32_t bias;
  // Rows 0 and 1 of each column; row 2 of the first two columns, and of the last two.
  uint32_t weights[5];
} sf_3x3;

// What it makes of the first channel; of the next one all is one code further on.
typedef struct {
  int32_t zero_point;     // as sf_code_of_sum() takes it
  int32_t pitch;          // from one pixel to the next
  const int8_t *end;      // of the output
  int8_t *output;         // of a number of pixels that is a multiple of four
  const uint32_t *pairs;  // that the first of them reads
  int32_t apart;          // bytes from a channel's pairs to those of the next one
} sf_3x3_pixels;

// Weights are in r1 to r5, sums in r8 to r11, the words of a pair in r6, r7 and r12, where the
// pairs are in r0, the output in lr. On the stack are scale and bias of the channel, the pixels,
// the next channel and the end of all. r7 may be a compiler's frame pointer.
#define SF_3X3_BEGIN              \
  "push {r7}\n\t"                 \
  "sub.w sp, sp, #44\n\t"         \
  "str.w r2, [sp, #40]\n\t"       \
  "ldm.w r0, {r3-r6, r8, r9}\n\t" \
  "subs r5, #1\n\t"               \
  "subs r6, #1\n\t"               \
  "sub.w r8, r8, r9\n\t"          \
  "add.w r7, sp, #12\n\t"         \
  "stm.w r7, {r3-r6, r8, r9}\n"   \
  "2:\n\t"                        \
  "ldm.w r1!, {r3-r5}\n\t"        \
  "stm.w sp, {r3-r5}\n\t"         \
  "ldr.w r6, [sp, #20]\n\t"       \
  "ldr.w lr, [sp, #24]\n\t"       \
  "ldr.w r0, [sp, #28]\n\t"       \
  "ldr.w r8, [sp, #32]\n\t"       \
  "adds r6, #1\n\t"               \
  "add.w lr, lr, #1\n\t"          \
  "add.w r0, r0, r8\n\t"          \
  "str.w r6, [sp, #20]\n\t"       \
  "str.w lr, [sp, #24]\n\t"       \
  "str.w r0, [sp, #28]\n\t"       \
  "add.w r8, r1, #20\n\t"         \
  "str.w r8, [sp, #36]\n\t"       \
  "ldm.w r1, {r1-r5}\n"           \
  "1:\n\t"

#define SF_3X3_LOAD_PAIR(offset) \
  "ldr.w r6, [r0, #" offset      \
  "]\n\t"                        \
  "ldr.w r7, [r0, #" offset      \
  "+4]\n\t"                      \
  "ldr.w r12, [r0, #" offset "+8]\n\t"
// A sum that begins with the first column of a pair, or goes on with it; the same with its second.
#define SF_3X3_BEGIN_FIRST(sum) \
  "smlad " sum                  \
  ", r6, r1, r11\n\t"           \
  "smlad " sum ", r7, r2, " sum \
  "\n\t"                        \
  "smlad " sum ", r12, r4, " sum "\n\t"
#define SF_3X3_END_FIRST(sum)   \
  "smlad " sum ", r6, r3, " sum \
  "\n\t"                        \
  "smlabt " sum ", r12, r5, " sum "\n\t"
#define SF_3X3_BEGIN_SECOND(sum) \
  "smlad " sum                   \
  ", r7, r1, r11\n\t"            \
  "smlatb " sum ", r12, r4, " sum "\n\t"
#define SF_3X3_END_SECOND(sum)  \
  "smlad " sum ", r6, r2, " sum \
  "\n\t"                        \
  "smlad " sum ", r7, r3, " sum \
  "\n\t"                        \
  "smlad " sum ", r12, r5, " sum "\n\t"

#define SF_3X3_BY_STRIDE_1                                                            \
  SF_3X3_LOAD_PAIR("0")                                                               \
  "ldr.w r11, [sp, #8]\n\t" SF_3X3_BEGIN_FIRST("r8") SF_3X3_BEGIN_SECOND("r9")        \
      SF_3X3_LOAD_PAIR("12") SF_3X3_END_FIRST("r8") SF_3X3_END_SECOND("r9")           \
          SF_3X3_BEGIN_FIRST("r10") SF_3X3_BEGIN_SECOND("r11") SF_3X3_LOAD_PAIR("24") \
              SF_3X3_END_FIRST("r10") SF_3X3_END_SECOND("r11") "add.w r0, r0, #24\n\t"
#define SF_3X3_BY_STRIDE_2                                                                         \
  SF_3X3_LOAD_PAIR("0")                                                                            \
  "ldr.w r11, [sp, #8]\n\t" SF_3X3_BEGIN_FIRST("r8") SF_3X3_LOAD_PAIR("12") SF_3X3_END_FIRST("r8") \
      SF_3X3_BEGIN_FIRST("r9") SF_3X3_LOAD_PAIR("24") SF_3X3_END_FIRST("r9")                       \
          SF_3X3_BEGIN_FIRST("r10") SF_3X3_LOAD_PAIR("36") SF_3X3_END_FIRST("r10")                 \
              SF_3X3_BEGIN_FIRST("r11") SF_3X3_LOAD_PAIR("48")                                     \
                  SF_3X3_END_FIRST("r11") "add.w r0, r0, #48\n\t"

// See sf_code_of_sum().
#define SF_3X3_OF_ALL(what) what("r8") what("r9") what("r10") what("r11")
#define SF_3X3_MULTIPLY(sum) "smmlar " sum ", " sum ", r6, " sum "\n\t"
#define SF_3X3_AWAY_FROM_ZERO(sum) "add.w " sum ", " sum ", " sum ", asr #31\n\t"
#define SF_3X3_SHIFT(sum) "smmlar " sum ", " sum ", r7, r12\n\t"
#define SF_3X3_CLAMP(sum) "ssat " sum ", #8, " sum "\n\t"
#define SF_3X3_CLAMP_FROM_ZERO(sum) "usat " sum ", #7, " sum "\n\t"

#define SF_3X3_LOAD_SCALE "ldr.w r6, [sp]\n\tldr.w r7, [sp, #4]\n\tldr.w r12, [sp, #12]\n\t"
#define SF_3X3_FROM_LOWEST                                                     \
  SF_3X3_LOAD_SCALE SF_3X3_OF_ALL(SF_3X3_MULTIPLY) SF_3X3_OF_ALL(SF_3X3_SHIFT) \
      SF_3X3_OF_ALL(SF_3X3_CLAMP)
#define SF_3X3_FROM_ZERO                                                       \
  SF_3X3_LOAD_SCALE SF_3X3_OF_ALL(SF_3X3_MULTIPLY) SF_3X3_OF_ALL(SF_3X3_SHIFT) \
      SF_3X3_OF_ALL(SF_3X3_CLAMP_FROM_ZERO)
#define SF_3X3_WHOLE_RANGE                                                              \
  SF_3X3_LOAD_SCALE SF_3X3_OF_ALL(SF_3X3_MULTIPLY) SF_3X3_OF_ALL(SF_3X3_AWAY_FROM_ZERO) \
      SF_3X3_OF_ALL(SF_3X3_SHIFT) SF_3X3_OF_ALL(SF_3X3_CLAMP)

#define SF_3X3_END               \
  "ldr.w r6, [sp, #16]\n\t"      \
  "ldr.w r7, [sp, #20]\n\t"      \
  "strb.w r8, [lr]\n\t"          \
  "strb.w r9, [lr, r6]\n\t"      \
  "add.w lr, lr, r6, lsl #1\n\t" \
  "strb.w r10, [lr]\n\t"         \
  "strb.w r11, [lr, r6]\n\t"     \
  "add.w lr, lr, r6, lsl #1\n\t" \
  "cmp.w lr, r7\n\t"             \
  "bne.w 1b\n\t"                 \
  "ldr.w r1, [sp, #36]\n\t"      \
  "ldr.w r2, [sp, #40]\n\t"      \
  "cmp.w r1, r2\n\t"             \
  "bne.w 2b\n\t"                 \
  "add.w sp, sp, #44\n\t"        \
  "pop {r7}"

#define SF_3X3_LOOP(sums, codes)                                                          \
  __asm__ volatile(SF_3X3_BEGIN sums codes SF_3X3_END                                     \
                   : "+r"(place), "+r"(next), "+r"(last)                                  \
                   :                                                                      \
                   : "r3", "r4", "r5", "r6", "r8", "r9", "r10", "r11", "r12", "lr", "cc", \
                     "memory")
#define SF_3X3_LOOPS(sums)                 \
  if (range == SF_FROM_LOWEST) {           \
    SF_3X3_LOOP(sums, SF_3X3_FROM_LOWEST); \
  } else if (range == SF_FROM_ZERO) {      \
    SF_3X3_LOOP(sums, SF_3X3_FROM_ZERO);   \
  } else {                                 \
    SF_3X3_LOOP(sums, SF_3X3_WHOLE_RANGE); \
  }

// Makes pixels of channels up to `end`, at a stride of 1 or 2 columns.
SF_OUTLINED void sf_make_3x3(sf_range range, int32_t stride, const sf_3x3_pixels *pixels,
                             const sf_3x3 *channels, const sf_3x3 *end) {
  register const sf_3x3_pixels *place __asm__("r0") = pixels;
  register const sf_3x3 *next __asm__("r1") = channels, *last __asm__("r2") = end;
  if (stride == 1) {
    SF_3X3_LOOPS(SF_3X3_BY_STRIDE_1)
  } else {
    SF_3X3_LOOPS(SF_3X3_BY_STRIDE_2)
  }
}

#endif  // SF_DSP

#endif  // SF_DSP_3X3_H_
