// The kinds of stages: each joins a kernel with its constants. What is constant for a network lies
// in its parameters; what a task can change lies in the stage's section of the task image,
// little-endian, each part padded to 4 bytes.
#ifndef SF_STAGES_H_
#define SF_STAGES_H_

#include "sf_matmul.h"
#include "sf_recurrent.h"
#include "sf_stream.h"

#ifdef __cplusplus
extern "C" {
#endif

// Section: bias, int32 a channel; factors, a word a channel (see sf_constants); if wide, shifts,
// int8 a channel; codes, unless they are fixed. Those of sf_convolve_widened are widened.
typedef struct {
  sf_window window;
  uint8_t wide;
  const void *fixed_codes;  // of the frozen core, or NULL
} sf_convolution;
extern const sf_kind sf_convolve, sf_convolve_widened, sf_multiplied, sf_depthwise;

// Parameters: sf_window. No section.
extern const sf_kind sf_average_pool, sf_max_pool;

// No section. Sums are running ones, at this offset in the memory.
typedef struct {
  sf_window window;
  uint32_t sums;
} sf_whole_pool;
extern const sf_kind sf_running_average;

// Section: the factor.
typedef struct {
  uint16_t width, height, channels;
  int16_t input_zero_point, output_zero_point;
  uint32_t sums;
} sf_mean;
extern const sf_kind sf_running_mean;

// Section of sf_reduce, sums and means: the factor. Of sf_extreme: none. `made` numbers, each of
// `count` values, at this offset in the memory.
typedef struct {
  sf_reduction reduction;
  uint8_t over_rows;
  uint32_t made, count;
  int16_t input_zero_point, output_zero_point;
  uint32_t sums;
} sf_reducing;
extern const sf_kind sf_reduce, sf_extreme;

// Of stages that work on the channels of each pixel.
typedef struct {
  uint16_t width, channels;
} sf_pixels;
// No section.
extern const sf_kind sf_arg_max;

// No section.
typedef struct {
  uint16_t width, channels;
  int16_t zero_point;  // of the input
} sf_normalizing;
extern const sf_kind sf_normalize;

// Parameters: sf_scaling. Section: the factor; codes, int8 a channel.
extern const sf_kind sf_scale;

// Section: two factors; slopes, int8 a channel or a value.
typedef struct {
  sf_scaling scaling;
  uint8_t of_each_value;
} sf_bending;
extern const sf_kind sf_prelu;

// Parameters: count of values of a row, and the pair. Section: three factors; of sf_multiply one;
// of sf_maximum and sf_minimum none.
typedef struct {
  uint32_t count;
  sf_pair pair;
} sf_pairing;
extern const sf_kind sf_add, sf_subtract, sf_square_difference, sf_multiply;
extern const sf_kind sf_maximum, sf_minimum;

// Parameters: sf_matmul_shape. Section: the factor.
extern const sf_kind sf_matmul;

// Section: table, 256 codes.
typedef struct {
  uint32_t count;
} sf_table;
extern const sf_kind sf_lookup;
// Section: the codes of a whole map, `count` a row.
extern const sf_kind sf_constant;

// Channels of one input that come to lie in the output, every `step` channels from `to` on.
typedef struct {
  uint16_t input, from, to, count, step;
} sf_wire_run;
// No section.
typedef struct {
  uint16_t width, channels, run_count;
  const uint16_t *input_channels;  // of each input
  const sf_wire_run *runs;
} sf_wiring;
extern const sf_kind sf_wire;

// Two trainable cores that swap half of their maps, or each keep theirs. Section: 1 to swap, else
// 0.
typedef struct {
  uint16_t width, channels;
} sf_core_shuffling;
extern const sf_kind sf_core_shuffle;

// No section. Columns and channels of one value around a map; rows of it where the window finds
// none.
typedef struct {
  uint16_t width, channels;  // of the input
  uint16_t left, right, before, after;
  int8_t value;
} sf_padding;
extern const sf_kind sf_pad;

// No section. Of each row of the output: the weight of the second row that it reads; of each column
// what it is made of.
typedef struct {
  uint16_t width, channels;  // of the output
  const uint16_t *weights;
  const sf_tap *columns;
} sf_resizing;
extern const sf_kind sf_resize;

// Parameters: sf_rearranging. No section.
extern const sf_kind sf_rearrange;

// Parameters: uint16_t, the index of a map that is kept from one image to the next. No section.
extern const sf_kind sf_read_state, sf_write_state;

// Section of sf_lstm: nine factors; biases, int32, 8 a unit; codes; recurrent codes. Of sf_svdf:
// two factors; biases, int32, one a unit and one a filter; time codes, int16; codes. Memories are
// kept maps, from this index on: the last output and the cell; values.
enum { SF_LSTM_FACTORS = 9, SF_SVDF_FACTORS = 2 };
typedef struct {
  uint16_t first_memory;
  sf_lstm_shape shape;
} sf_recurring_lstm;
typedef struct {
  uint16_t first_memory;
  sf_svdf_shape shape;
} sf_recurring_svdf;
extern const sf_kind sf_lstm, sf_svdf;

// No section. Rows of several maps one beside the other; or of one map, which `reads` of the stage
// says, so that maps come one below the other.
typedef struct {
  uint16_t count;
  const uint32_t *row_bytes;
} sf_joining;
extern const sf_kind sf_join;

// Parameters: sf_pixels. Section: the factor; smallest difference, int32.
extern const sf_kind sf_softmax;
// Parameters: sf_pixels. Section: two factors; smallest difference, int32.
extern const sf_kind sf_log_softmax;

#ifdef __cplusplus
}
#endif

#endif  // SF_STAGES_H_
