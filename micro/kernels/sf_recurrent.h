// Kernels of layers that remember: each call is one step, which makes one pixel of another and of
// what the steps before it left in memory. To the byte as TensorFlow Lite Micro's reference
// kernels.
#ifndef SF_RECURRENT_H_
#define SF_RECURRENT_H_

#include "sf_kernels.h"

#ifdef __cplusplus
extern "C" {
#endif

// A long short-term memory. Gates come in this order: input, forget, cell, output.
typedef struct {
  uint16_t channels, units;
  int16_t zero_point;  // of the output
  int16_t cell_bits;   // fractional bits of the cell, -2 to 30
  int16_t cell_clip;   // its largest magnitude; 0 for any
} sf_lstm_shape;

// factors: of the sums over the input, one a gate; of those over the last output; of the output.
// bias: one a gate and unit, then as many for the last output. Both hold the zero points, so that
// products are of codes as they are.
// codes: [gate][unit][channel]; recurrent_codes: [gate][unit][unit].
typedef struct {
  const sf_factor *factors;
  const int32_t *bias;
  const int8_t *codes, *recurrent_codes;
} sf_lstm_constants;

// hidden: the last output, one code a unit. cell: one a unit. The step changes both.
void sf_lstm_row(const sf_lstm_shape *shape, const sf_lstm_constants *constants,
                 const int8_t *input, int8_t *hidden, int16_t *cell, int8_t *output);

// A filter over the channels, and one over its last values. Each unit sums `rank` of them.
typedef struct {
  uint16_t channels, units, rank, steps;
  int16_t zero_point;         // of the output
  int16_t largest;            // value of a filter; the smallest is -largest - 1
  int16_t memory_zero_point;  // codes of a memory of int8 are values and this
} sf_svdf_shape;

// factors: of a filter's sum, and of a unit's. bias: one a unit, then one a filter, which holds the
// zero point of the input. time_codes: [filter][step], the oldest first. codes: [filter][channel].
typedef struct {
  const sf_factor *factors;
  const int32_t *bias;
  const int16_t *time_codes;
  const int8_t *codes;
} sf_svdf_constants;

// values: of the last steps, [filter][step], the oldest first. The step changes them.
void sf_svdf_row(const sf_svdf_shape *shape, const sf_svdf_constants *constants,
                 const int8_t *input, int16_t *values, int8_t *output);

#ifdef __cplusplus
}
#endif

#endif  // SF_RECURRENT_H_
