// Vectors of Arm's MVE, also called Helium (Cortex-M52, M55, M85): 16 codes or 4 sums at a time.
// SF_MVE says whether they are there.
#ifndef SF_MVE_H_
#define SF_MVE_H_

#if defined(__ARM_FEATURE_MVE)
#define SF_MVE 1
#else
#define SF_MVE 0
#endif

#if SF_MVE

#include <arm_mve.h>

// For functions with arguments that are constant at each call.
#define SF_INLINED __attribute__((always_inline)) static inline

#endif  // SF_MVE

#endif  // SF_MVE_H_
