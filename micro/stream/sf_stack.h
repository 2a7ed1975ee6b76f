// Bytes of stack that sf_push_row() and sf_load_task() need at most, by the kinds of a network's
// stages. NAME_STACK_BYTES of a network is the largest of its kinds.
//
// They hold for this compilation: use them in files that are compiled with the options of the
// library. No array is of a size that depends on the network. Each figure is the longest path
// through the call graph of gcc 12 (-fcallgraph-info=su) on Cortex-M0, M3, M4, M7, M33, M55 and
// x86-64, the largest of -Og, -O1, -O2, -O3 and -Os, or that of -O0, and an eighth more for other
// compilers. tests/micro/test_stack.py finds the paths again, and measures runs.
//
// Not included: interrupts, the function given to sf_set_on_row(), hooks, sanitizers.
#ifndef SF_STACK_H_
#define SF_STACK_H_

#include "sf_kernel_set.h"

#if defined(__OPTIMIZE__)
#define SF_STACK(optimised, unoptimised) (optimised)
#else
#define SF_STACK(optimised, unoptimised) (unoptimised)
#endif
#define SF_LARGER(a, b) ((a) > (b) ? (a) : (b))

#if SF_MVE
#define SF_STACK_CONVOLVE SF_STACK(2176, 5376)
#define SF_STACK_CONVOLVE_WIDENED SF_STACK(480, 1024)
#define SF_STACK_MULTIPLIED SF_STACK(2240, 5440)
#define SF_STACK_DEPTHWISE SF_STACK(2304, 5120)
#define SF_STACK_OTHERS SF_STACK(768, 7104)
#elif SF_DSP
#define SF_STACK_CONVOLVE SF_STACK(3584, 4928)
#define SF_STACK_CONVOLVE_WIDENED SF_STACK(3584, 4928)
#define SF_STACK_MULTIPLIED SF_STACK(3584, 4928)
#define SF_STACK_DEPTHWISE SF_STACK(2176, 3584)
#define SF_STACK_OTHERS SF_STACK(512, 704)
#elif SF_AVX == 512
#define SF_STACK_CONVOLVE SF_STACK(46592, 48640)
#define SF_STACK_CONVOLVE_WIDENED SF_STACK(704, 896)
#define SF_STACK_MULTIPLIED SF_STACK(46656, 48704)
#define SF_STACK_DEPTHWISE SF_STACK(28480, 30720)
#define SF_STACK_OTHERS SF_STACK(3264, 5056)
#elif SF_AVX
#define SF_STACK_CONVOLVE SF_STACK(32960, 33536)
#define SF_STACK_CONVOLVE_WIDENED SF_STACK(704, 896)
#define SF_STACK_MULTIPLIED SF_STACK(32960, 33600)
#define SF_STACK_DEPTHWISE SF_STACK(15872, 16704)
#define SF_STACK_OTHERS SF_STACK(2560, 3200)
#else
#define SF_STACK_CONVOLVE SF_STACK(2816, 3392)
#define SF_STACK_CONVOLVE_WIDENED SF_STACK(704, 896)
#define SF_STACK_MULTIPLIED SF_STACK(2944, 3520)
#define SF_STACK_DEPTHWISE SF_STACK(2304, 2624)
#define SF_STACK_OTHERS SF_STACK(576, 896)
#endif

#endif  // SF_STACK_H_
