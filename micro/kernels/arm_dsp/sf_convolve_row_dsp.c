#define SF_WIDENED 0
#include "sf_convolve_dsp.h"

#if SF_DSP

void sf_convolve_row(const sf_window *window, const sf_constants *constants,
                     const int8_t *const *rows, int8_t *output) {
  convolve_row(window, constants, rows, output);
}

#endif  // SF_DSP
