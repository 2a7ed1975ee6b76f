// Vectors of Arm's MVE, also called Helium (Cortex-M52, M55, M85): 16 codes or 4 sums at a time.
#ifndef SF_MVE_H_
#define SF_MVE_H_

#include "sf_kernel_set.h"
#include "sf_platform.h"

#if SF_MVE

#include <arm_mve.h>

// What comes behind it waits until four vectors are there. Without it, gcc 12 does all loads of a
// loop first and all additions last, and lacks registers.
#define SF_FINISH(a, b, c, d) __asm__ volatile("" : "+w"(a), "+w"(b), "+w"(c), "+w"(d) : : "memory")

// vst4q_s32; gcc 12 takes it through memory.
static inline void sf_store_interleaved(int32x4_t a, int32x4_t b, int32x4_t c, int32x4_t d,
                                        int32_t *to) {
  register int32x4_t first __asm__("q0") = a, second __asm__("q1") = b;
  register int32x4_t third __asm__("q2") = c, fourth __asm__("q3") = d;
  __asm__ volatile(
      "vst40.32 {q0, q1, q2, q3}, [%4]\n\t"
      "vst41.32 {q0, q1, q2, q3}, [%4]\n\t"
      "vst42.32 {q0, q1, q2, q3}, [%4]\n\t"
      "vst43.32 {q0, q1, q2, q3}, [%4]"
      :
      : "w"(first), "w"(second), "w"(third), "w"(fourth), "r"(to)
      : "memory");
}

#endif  // SF_MVE

#endif  // SF_MVE_H_
