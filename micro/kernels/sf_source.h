// What the windows of a convolution read.
#ifndef SF_SOURCE_H_
#define SF_SOURCE_H_

#include "sf_kernels.h"

// What those of one group of channels read.
typedef struct {
  const sf_window *window;
  const int8_t *const *rows;
  int32_t channel;  // the group's first
  int32_t length;   // of a run: values that lie side by side in a row and in the weights
  int32_t runs;     // of a kernel row
  int32_t step;     // from one run to the next
  int32_t size;     // values of a window
} sf_source;

static inline sf_source sf_source_of(const sf_window *window, const int8_t *const *rows,
                                     int32_t group) {
  const int32_t depth = window->input_channels / window->groups, width = window->kernel_width;
  const int32_t step = window->dilation * window->input_channels;
  const int32_t size = window->kernel_height * width * depth;
  if (step == depth) return (sf_source){window, rows, 0, width * depth, 1, 0, size};
  return (sf_source){window, rows, group * depth, depth, width, step, size};
}

#endif  // SF_SOURCE_H_
