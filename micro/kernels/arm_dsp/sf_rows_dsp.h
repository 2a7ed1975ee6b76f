// Kernels with the DSP extension, for most arguments. They return whether they did their work; if
// not, the portable ones do it.
#ifndef SF_ROWS_DSP_H_
#define SF_ROWS_DSP_H_

#include "sf_dsp.h"
#include "sf_kernels.h"

#if SF_DSP

int sf_depthwise_row_dsp(const sf_window *window, const sf_constants *constants,
                         const int8_t *const *rows, int8_t *output);
// Windows of 3x3, of four channels or more.
int sf_depthwise_3x3_dsp(const sf_window *window, const sf_constants *constants,
                         const int8_t *const *rows, int8_t *output);
// What input channels `channel` to `channel` + 3 become in a convolution of 3x3 whose groups have
// one input channel each. Where it returns 0, it may have made some of it.
int sf_multiplied_3x3_dsp(int widened, const sf_window *window, const sf_constants *constants,
                          const int8_t *const *rows, int32_t channel, int8_t *output);
// Channels `channel` to `channel` + 3 of windows of a size that sf_depthwise_row_dsp() makes.
void sf_depthwise_channels_dsp(const sf_window *window, const sf_constants *constants,
                               const int8_t *const *rows, int32_t channel, int8_t *output);
int sf_add_row_dsp(int32_t count, const sf_pair *pair, const sf_factor factors[3],
                   const int8_t *first, const int8_t *second, int8_t *output);
int sf_multiply_row_dsp(int32_t count, const sf_pair *pair, const sf_factor *factor,
                        const int8_t *first, const int8_t *second, int8_t *output);
int sf_scale_row_dsp(const sf_scaling *scaling, const int8_t *codes, const sf_factor *factor,
                     const int8_t *input, int8_t *output);

#else

#define sf_depthwise_row_dsp(window, constants, rows, output) 0
#define sf_add_row_dsp(count, pair, factors, first, second, output) 0
#define sf_multiply_row_dsp(count, pair, factor, first, second, output) 0
#define sf_scale_row_dsp(scaling, codes, factor, input, output) 0

#endif  // SF_DSP

#endif  // SF_ROWS_DSP_H_
