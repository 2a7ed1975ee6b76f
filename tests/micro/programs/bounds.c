// Runs every kernel over many geometries, with each row and constant in a heap buffer of exactly
// its size. Built with AddressSanitizer, which ends the program at a read or write outside of them.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "sf_kernels.h"

enum { MOST_ROWS = 3 };

static void *filled(size_t size) {
  uint8_t *bytes = malloc(size);
  if (bytes == NULL) abort();
  for (size_t i = 0; i < size; ++i) bytes[i] = (uint8_t)rand();
  return bytes;
}

typedef struct {
  int8_t *inputs[MOST_ROWS], *output;
  const int8_t *rows[MOST_ROWS];
} buffers;

// missing: the row that lies in the padding, or -1.
static buffers allocate(const sf_window *window, int missing) {
  buffers made = {0};
  for (int y = 0; y < window->kernel_height; ++y) {
    made.inputs[y] = filled((size_t)window->input_width * window->input_channels);
    made.rows[y] = y == missing ? NULL : made.inputs[y];
  }
  made.output = filled((size_t)window->output_width * window->output_channels);
  return made;
}

static void release(buffers *made) {
  for (int y = 0; y < MOST_ROWS; ++y) free(made->inputs[y]);
  free(made->output);
}

typedef void kernel(const sf_window *, const sf_constants *, const int8_t *const *, int8_t *);

static void run_convolution(kernel *convolve, const sf_window *window, int missing, int wide) {
  const size_t channels = window->output_channels;
  const size_t depth = (size_t)(window->input_channels / window->groups);
  const size_t size = window->kernel_height * window->kernel_width * depth;
  buffers made = allocate(window, missing);
  int8_t *codes =
      filled(channels * (convolve == sf_convolve_widened_row ? (size + 3) / 4 * 8 : size));
  int32_t *bias = filled(channels * sizeof *bias), *factors = filled(channels * sizeof *factors);
  int8_t *shifts = filled(channels);
  for (size_t i = 0; i < channels; ++i) {
    factors[i] = wide ? factors[i] & INT32_MAX : (factors[i] & 0x7fffff80) | (64 - (int32_t)i % 32);
    shifts[i] = (int8_t)(i % 32) - 31;
  }
  const sf_constants constants = {codes, bias, factors, wide ? shifts : NULL};
  convolve(window, &constants, made.rows, made.output);
  free(codes), free(bias), free(factors), free(shifts);
  release(&made);
}

static void run_window(sf_window window, int missing) {
  buffers made = allocate(&window, missing);
  if (window.dilation == 1 && missing < 0) {
    sf_average_pool_row(&window, made.rows, made.output);
    sf_max_pool_row(&window, made.rows, made.output);
  }
  release(&made);
  run_convolution(sf_depthwise_row, &window, missing, 0);
  window.groups = window.input_channels;  // one input channel each, two output channels
  window.output_channels = (uint16_t)(2 * window.groups);
  run_convolution(sf_convolve_row, &window, missing, 1);
  run_convolution(sf_convolve_widened_row, &window, missing, 1);
  run_convolution(sf_multiplied_row, &window, missing, 1);
  window.groups = 1;
  window.output_channels = 3;
  run_convolution(sf_convolve_row, &window, missing, 0);
  run_convolution(sf_convolve_widened_row, &window, missing, 0);
}

static void run_windows(void) {
  sf_window window = {.kernel_height = MOST_ROWS, .groups = 1, .minimum = -128, .maximum = 127};
  for (int channels = 1; channels <= 9; channels += 2) {
    for (int width = 1; width <= 20; width += width < 5 ? 1 : 5) {
      for (int kernel = 1; kernel <= 3; ++kernel) {
        for (int dilation = 1; dilation <= 3; dilation += 2) {
          const int extent = (kernel - 1) * dilation + 1;
          for (int stride = 1; stride <= 3; ++stride) {
            for (int left = 0; left < extent; ++left) {
              for (int right = 0; right < extent && width + left + right >= extent; ++right) {
                window.input_width = (uint16_t)width;
                window.input_channels = window.output_channels = (uint16_t)channels;
                window.output_width = (uint16_t)((width + left + right - extent) / stride + 1);
                window.kernel_width = (uint8_t)kernel;
                window.stride = (uint8_t)stride;
                window.dilation = (uint8_t)dilation;
                window.left = (uint8_t)left;
                window.input_zero_point = (int16_t)(left - right);
                run_window(window, -1 + (left + right) % 2);
              }
            }
          }
        }
      }
    }
  }
}

// Windows with more values than kernels may take at once.
static void run_deep_windows(void) {
  sf_window window = {.kernel_height = MOST_ROWS, .groups = 1, .minimum = -128, .maximum = 127};
  for (int channels = 40; channels < 150; channels += 7) {
    for (int width = 1; width <= 7; ++width) {
      window.kernel_width = (uint8_t)(1 + width % 3);
      window.stride = window.dilation = 1;
      window.left = (uint8_t)(window.kernel_width - 1);
      window.input_channels = (uint16_t)channels;
      window.input_width = window.output_width = (uint16_t)width;
      window.output_channels = 18;
      run_convolution(sf_convolve_row, &window, width % 2 - 1, width % 2);
      run_convolution(sf_convolve_widened_row, &window, width % 2 - 1, width % 2);
    }
  }
}

static void run_others(void) {
  const sf_factor factors[3] = {{1 << 30, -1}, {INT32_MAX, -2}, {1 << 30, -18}};
  const sf_pair pair = {3, -5, 7, -128, 127};
  for (int width = 1; width <= 4; ++width) {
    for (int channels = 1; channels <= 5; ++channels) {
      const int32_t count = width * channels;
      const sf_scaling scaling = {(uint16_t)width, (uint16_t)channels, 3, -5, 7, -128, 127};
      const sf_window window = {.output_channels = (uint16_t)channels, .maximum = 127};
      int8_t *first = filled((size_t)count), *second = filled((size_t)count);
      int8_t *output = filled((size_t)count), *of_channels = filled((size_t)channels);
      int8_t *table = filled(256), *twice = filled((size_t)(2 * count));
      int8_t *two = filled((size_t)(2 * channels));
      int32_t *sums = calloc((size_t)channels, sizeof *sums);
      if (sums == NULL) abort();
      sf_add_row(count, &pair, factors, first, second, output);
      sf_multiply_row(count, &pair, factors, first, second, output);
      sf_scale_row(&scaling, of_channels, factors, first, output);
      sf_lookup_row(count, table, first, output);
      sf_softmax_row(width, channels, &(sf_factor){1 << 30, 23}, -124, first, output);
      sf_copy_channels(width, channels, 2, channels, 2 * channels, first, twice);
      sf_copy_channels(width, channels, 1, channels, 2 * channels, first, twice + channels);
      sf_interleave_channels(width, channels, channels, channels, 2 * channels, first, second,
                             twice);
      const sf_tap last = {(uint16_t)(width - 1), (uint16_t)(width - 1), 0};
      const sf_tap taps[2] = {{0, (uint16_t)(width - 1), 1023}, last};
      sf_resize_row(2, channels, taps, 512, first, second, two);
      sf_resize_row(2, channels, taps, 0, first, first, two);
      sf_copy_channels(width, channels, 1, 2 * channels, channels, twice + channels, output);
      sf_sum_row(width, channels, first, sums);
      sf_average_sums(&window, width, sums, of_channels);
      sf_mean_sums(channels, width, 3, -5, factors, sums, of_channels);
      free(first), free(second), free(output), free(of_channels), free(table), free(twice);
      free(two), free(sums);
    }
  }
}

int main(void) {
  run_windows();
  run_deep_windows();
  run_others();
  return 0;
}
