// Which columns of its row a window covers, and which of them lie inside of the map.
#ifndef SF_WINDOW_H_
#define SF_WINDOW_H_

#include "sf_kernels.h"
#include "sf_rounding.h"

// The taps of each kernel row over a row of the input: tap i lies on column + i * dilation, and
// taps first..end - 1 lie inside of the map.
typedef struct {
  int32_t column, first, end;
} sf_taps;

static inline sf_taps sf_taps_at(const sf_window *window, int32_t output_column) {
  const int32_t column = output_column * window->stride - window->left;
  const int32_t dilation = window->dilation, to_the_edge = window->input_width - column;
  sf_taps taps = {column, 0, window->kernel_width};
  if (column < 0) taps.first = (dilation - 1 - column) / dilation;
  if ((taps.end - 1) * dilation >= to_the_edge) {
    taps.end = (to_the_edge + dilation - 1) / dilation;
  }
  return taps;
}

// Output columns begin..end - 1 have windows with every tap inside of the map.
typedef struct {
  int32_t begin, end;
} sf_columns;

static inline sf_columns sf_whole_columns(const sf_window *window) {
  const int32_t extent = (window->kernel_width - 1) * window->dilation + 1;
  const int32_t stride = window->stride, width = window->output_width;
  // How far the first window, which begins in the padding, can move until it ends with the map.
  const int32_t way = window->left + window->input_width - extent;
  const int32_t begin = sf_clamp((window->left + stride - 1) / stride, 0, width);
  return (sf_columns){begin, way < 0 ? begin : sf_clamp(way / stride + 1, begin, width)};
}

// How many pixels, from output column x on, can be made at once, because their windows have the
// same taps inside of the map.
enum { SF_PIXELS_AT_ONCE = 16 };

static inline int32_t sf_pixels_alike(sf_columns whole, int32_t x) {
  return x < whole.begin ? 1 : sf_clamp(whole.end - x, 1, SF_PIXELS_AT_ONCE);
}

#endif  // SF_WINDOW_H_
