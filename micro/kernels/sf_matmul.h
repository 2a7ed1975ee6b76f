// Products of two maps that are both computed.
#ifndef SF_MATMUL_H_
#define SF_MATMUL_H_

#include "sf_kernels.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
  uint16_t width, other_width, channels;
  int16_t first_zero_point, second_zero_point, output_zero_point;
} sf_matmul_shape;

// Each of `width` pixels of the first row by each of `other_width` pixels of the second one,
// channel by channel: their sum is a channel of the output.
void sf_matmul_row(const sf_matmul_shape *shape, const sf_factor *factor, const int8_t *first,
                   const int8_t *second, int8_t *output);

#ifdef __cplusplus
}
#endif

#endif  // SF_MATMUL_H_
