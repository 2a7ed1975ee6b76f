// The kernels of line streaming: each makes one row of one map from rows of others, to the byte as
// TensorFlow Lite Micro's reference kernels do.
//
// A row is width x channels int8 codes, channels innermost. Everything about shapes is constant and
// lies in flash; what a task can change (codes, biases, requantisation) comes by pointer, from the
// fixed-weight header or the task image. No kernel allocates or keeps state; none reads a row that
// it is not given. An output overlaps no input, except where a kernel says so.
#ifndef SF_KERNELS_H_
#define SF_KERNELS_H_

#include <stdint.h>

#include "sf_platform.h"

#ifdef __cplusplus
extern "C" {
#endif

// Which kernels the library was compiled with: SF_KERNELS of sf_kernel_set.h, such as "arm_dsp". On
// an Arm processor, "portable" is 2 to 4 times slower than it could be: it is what a build gets
// without unaligned access, or for another processor than the one that it runs on.
const char *sf_kernels_used(void);

// A factor as multiplier * 2^(shift - 31), multiplier in 0..2^31 - 1, shift in -31..31.
typedef struct {
  int32_t multiplier;
  int32_t shift;
} sf_factor;

// How a window lies on its input. Rows are given to the kernels already chosen; columns are theirs.
typedef struct {
  uint16_t input_width, input_channels;
  uint16_t output_width, output_channels;
  uint8_t kernel_height, kernel_width;
  uint8_t stride;    // of columns
  uint8_t dilation;  // of columns
  uint8_t left;      // columns of padding before the first; fewer than the window covers
  uint16_t groups;   // of a convolution; 1 for all other windows
  int16_t input_zero_point, output_zero_point;
  int8_t minimum, maximum;  // clamp of the output
} sf_window;

// What a convolution multiplies with.
//
// codes: laid out as in TensorFlow Lite, [output channel][row][column][input channel of the group],
// for a depthwise convolution [row][column][channel].
// bias: one an output channel. Where no window reaches into padding, the zero point of the input
// can be folded into it: bias - input_zero_point * sum of the channel's codes goes with an
// input_zero_point of 0, which is faster.
// factors: one an output channel. Wide: shifts is given, and factors holds the multipliers. Narrow:
// shifts is NULL, and a factor is one word: the multiplier's upper 25 bits, and shift + 64 in the
// lower 7.
typedef struct {
  const int8_t *codes;
  const int32_t *bias;
  const int32_t *factors;
  const int8_t *shifts;
} sf_constants;

// rows: kernel_height pointers, from the top; NULL where the window reaches into the padding above
// or below.
void sf_convolve_row(const sf_window *window, const sf_constants *constants,
                     const int8_t *const *rows, int8_t *output);
// The same with widened weights, which are larger and faster on a Cortex-M4, M7 or M33. `codes`
// points to words, two int16 each. A channel's weights are filled up with zeros to whole fours; of
// each four the first one and, in the upper half, the third one are a word, the others the next.
void sf_convolve_widened_row(const sf_window *window, const sf_constants *constants,
                             const int8_t *const *rows, int8_t *output);
// As sf_convolve_row, if each group has one input channel.
void sf_multiplied_row(const sf_window *window, const sf_constants *constants,
                       const int8_t *const *rows, int8_t *output);
void sf_depthwise_row(const sf_window *window, const sf_constants *constants,
                      const int8_t *const *rows, int8_t *output);
// Mean of the values inside of the map, of which every window has some: (sum +- count / 2) / count.
void sf_average_pool_row(const sf_window *window, const int8_t *const *rows, int8_t *output);
// Largest of the values inside of the map.
void sf_max_pool_row(const sf_window *window, const int8_t *const *rows, int8_t *output);

// The running sum of a pool over the whole map: `sums`, one a channel, starts at 0 and takes a row
// at a time, up to 2^23 values a channel.
void sf_sum_row(int32_t width, int32_t channels, const int8_t *row, int32_t *sums);
// Ends it as sf_average_pool_row does.
void sf_average_sums(const sf_window *window, int32_t count, const int32_t *sums, int8_t *output);
// Ends it as TensorFlow Lite Micro's MEAN does, with another scale and zero point on its output:
// the factor holds input scale / output scale / count (mean_multiplier of
// export/graph/arithmetic/rounding.py), count the number of values a sum has.
void sf_mean_sums(int32_t channels, int32_t count, int32_t input_zero_point,
                  int32_t output_zero_point, const sf_factor *factor, const int32_t *sums,
                  int8_t *output);

// Sums, largest or smallest values over columns, over channels, or over rows as well, if rows are
// given one after the other: `made` holds one number for each that is left.
enum { SF_SUM, SF_LARGEST, SF_SMALLEST };
typedef struct {
  uint16_t width, channels;  // of a row
  uint8_t what, over_columns, over_channels;
} sf_reduction;
void sf_start_reduction(const sf_reduction *reduction, int32_t count, int32_t *made);
void sf_reduce_row(const sf_reduction *reduction, const int8_t *row, int32_t *made);

// The channels of each pixel less the zero point, divided by the root of the sum of their squares.
// An output code is 1 / 128. Up to 32767 channels.
void sf_normalize_row(int32_t width, int32_t channels, int32_t zero_point, const int8_t *input,
                      int8_t *output);

// The channel with the largest value of each pixel, the first of several, less 128; up to 256.
void sf_arg_max_row(int32_t width, int32_t channels, const int8_t *input, int8_t *output);

// output = (input - input_zero_point) * (codes[channel] - constant_zero_point) * factor
//          + output_zero_point, clamped. `output` may be `input`.
typedef struct {
  uint16_t width, channels;
  int16_t input_zero_point, constant_zero_point, output_zero_point;
  int8_t minimum, maximum;
} sf_scaling;
void sf_scale_row(const sf_scaling *scaling, const int8_t *codes, const sf_factor *factor,
                  const int8_t *input, int8_t *output);

// Two rows of equal size, value by value. factors of the sum: first operand's, second operand's,
// the sum's (Add.multipliers of export/graph/graph.py). `output` may be one of the operands.
typedef struct {
  int16_t first_zero_point, second_zero_point, output_zero_point;
  int8_t minimum, maximum;
} sf_pair;
void sf_add_row(int32_t count, const sf_pair *pair, const sf_factor factors[3], const int8_t *first,
                const int8_t *second, int8_t *output);
void sf_multiply_row(int32_t count, const sf_pair *pair, const sf_factor *factor,
                     const int8_t *first, const int8_t *second, int8_t *output);

// As TensorFlow Lite Micro's SUB and SQUARED_DIFFERENCE; factors are those of sf_add_row, or the
// last one is that of the square. `output` may be one of the operands.
void sf_subtract_row(int32_t count, const sf_pair *pair, const sf_factor factors[3],
                     const int8_t *first, const int8_t *second, int8_t *output);
void sf_square_difference_row(int32_t count, const sf_pair *pair, const sf_factor factors[3],
                              const int8_t *first, const int8_t *second, int8_t *output);
// Of codes of one scale, so that the zero points of the pair do not matter.
void sf_maximum_row(int32_t count, const sf_pair *pair, const int8_t *first, const int8_t *second,
                    int8_t *output);
void sf_minimum_row(int32_t count, const sf_pair *pair, const int8_t *first, const int8_t *second,
                    int8_t *output);

// output = value * factors[0] if the value, input - input_zero_point, is not negative, else
// value * (slope - constant_zero_point) * factors[1]; + output_zero_point, clamped. The slopes of a
// pixel begin `slope_step` after those of the one before: 0 if all have the same. `output` may be
// `input`.
void sf_prelu_row(const sf_scaling *scaling, const int8_t *slopes, int32_t slope_step,
                  const sf_factor factors[2], const int8_t *input, int8_t *output);

// output = table[input + 128]. `output` may be `input`.
void sf_lookup_row(int32_t count, const int8_t table[256], const int8_t *input, int8_t *output);

// Moves channels of one map into channels of another: for each pixel, output[step * i] = input[i],
// i below count. Both pointers point at the first channel concerned. step 1 splits or concatenates;
// step 2 is half of a channel shuffle.
void sf_copy_channels(int32_t width, int32_t count, int32_t step, int32_t input_channels,
                      int32_t output_channels, const int8_t *input, int8_t *output);

// Two such moves of step 2 at once, one beside the other: output[2 * i] = first[i],
// output[2 * i + 1] = second[i].
void sf_interleave_channels(int32_t width, int32_t count, int32_t first_channels,
                            int32_t second_channels, int32_t output_channels, const int8_t *first,
                            const int8_t *second, int8_t *output);

// Two places of a map, and the weight of the second in units of 1/1024; 0 if both are one place.
typedef struct {
  uint16_t first, second, weight;
} sf_tap;
// A row of a map in another size: each column, of a tap, mixes two pixels of the first row and of
// the second one, as TensorFlow Lite Micro's RESIZE_BILINEAR does; or copies one. weight is that of
// the second row.
void sf_resize_row(int32_t width, int32_t channels, const sf_tap *columns, int32_t weight,
                   const int8_t *first, const int8_t *second, int8_t *output);

// A row of a map whose values are those of nested loops over another map, outermost first: steps
// are in values. rows: of the input, from first_row on.
typedef struct {
  uint32_t size;
  int32_t step;
} sf_loop;
typedef struct {
  uint32_t values, input_values;  // of a row of the output, and of the input
  uint32_t first;                 // place where the loops begin
  uint16_t loop_count;
  const sf_loop *loops;
} sf_rearranging;
void sf_rearrange_row(const sf_rearranging *moves, uint32_t y, uint32_t first_row,
                      const int8_t *const *rows, int8_t *output);

// Softmax over the channels of each pixel, up to 4095. An output code is 1 / 256, from zero point
// -128 on. factor holds beta * input scale * 2^26; codes further below the largest one of their
// pixel than `smallest`, which is negative, become 0 (factor_and_smallest of
// export/graph/arithmetic/softmax.py).
void sf_softmax_row(int32_t width, int32_t channels, const sf_factor *factor, int32_t smallest,
                    const int8_t *input, int8_t *output);

// Its logarithm. An output code is 1 / 16, from zero point 127 down. factors: input scale * 2^26,
// and the factor back from the logarithm of a sum to a difference of codes (reverse_factor there).
void sf_log_softmax_row(int32_t width, int32_t channels, const sf_factor factors[2],
                        int32_t smallest, const int8_t *input, int8_t *output);

#ifdef __cplusplus
}
#endif

#endif  // SF_KERNELS_H_
