// What the windows of a convolution read, collected and widened for the DSP extension.
#ifndef SF_WINDOWS_DSP_H_
#define SF_WINDOWS_DSP_H_

#include <stddef.h>

#include "sf_dsp.h"
#include "sf_source.h"

#if SF_DSP

enum { MOST_COLLECTED = 48 };  // values of a window

// Four at a time, the last of them in part again.
SF_INLINED void copy(int32_t count, const int8_t *from, int8_t *to) {
  if (count < 4) {
    for (; count > 0; --count) *to++ = *from++;
    return;
  }
  const int8_t *last = from + count - 4;
  int8_t *last_to = to + count - 4;
  for (; from < last; from += 4, to += 4) SF_COPY(to, from, 4);
  SF_COPY(last_to, last, 4);
}

// `count` values from position `at` of a row on, some of which lie in the padding.
SF_OUTLINED void copy_near_edge(const sf_window *window, int32_t count, const int8_t *row,
                                int32_t at, int8_t *to) {
  const int32_t end = row == NULL ? 0 : window->input_width * window->input_channels;
  for (; count > 0; --count, ++at) {
    *to++ = (int8_t)(at >= 0 && at < end ? row[at] : window->input_zero_point);
  }
}

// All values of the window that begins at position `at` of its rows, which have `row_end` values.
SF_OUTLINED void collect(const sf_source *from, int32_t at, int32_t row_end, int8_t *to) {
  for (int32_t y = 0; y < from->window->kernel_height; ++y) {
    const int8_t *row = from->rows[y];
    int32_t begin = at;
    for (int32_t run = from->runs; run > 0; --run, begin += from->step, to += from->length) {
      if (row != NULL && begin >= 0 && begin + from->length <= row_end) {
        copy(from->length, row + begin, to);
      } else {
        copy_near_edge(from->window, from->length, row, begin, to);
      }
    }
  }
}

// Values that lie side by side, of pixels that are `apart`; they are stored `pitch` codes apart.
SF_INLINED void copy_runs(int32_t pixels, int32_t length, const int8_t *from, int32_t apart,
                          int32_t pitch, int8_t *to) {
  if (length >= 8 && length <= 12) {  // as three channels of three columns
    const int8_t *last = from + length - 4;
    for (const int8_t *end = to + pixels * pitch; to != end; to += pitch) {
      const uint32_t first4 = sf_four_codes(from), second4 = sf_four_codes(from + 4);
      const uint32_t last4 = sf_four_codes(last);
      from += apart, last += apart;
      SF_COPY(to, &first4, 4);
      SF_COPY(to + 4, &second4, 4);
      SF_COPY(to + length - 4, &last4, 4);
    }
    return;
  }
  for (; pixels > 0; --pixels, from += apart, to += pitch) copy(length, from, to);
}

// All values of windows that lie inside of the map.
SF_OUTLINED void collect_inside(const sf_source *from, int32_t pixels, int32_t at, int32_t apart,
                                int32_t pitch, int8_t *to) {
  const int8_t *const *row = from->rows;
  for (const int8_t *const *end = row + from->window->kernel_height; row != end; ++row) {
    const int8_t *begin = *row + at;
    for (int32_t run = from->runs; run > 0; --run, begin += from->step, to += from->length) {
      copy_runs(pixels, from->length, begin, apart, pitch, to);
    }
  }
}

// Values first..first + count - 1 of it.
SF_OUTLINED void collect_part(const sf_source *from, int32_t at, int32_t row_end, int32_t first,
                              int32_t count, int8_t *to) {
  int32_t run = first / from->length, skipped = first % from->length;
  for (const int8_t *end = to + count; to != end; ++run, skipped = 0) {
    const int32_t y = run / from->runs, rest = (int32_t)(end - to);
    const int32_t size = from->length - skipped < rest ? from->length - skipped : rest;
    const int32_t begin = at + (run - y * from->runs) * from->step + skipped;
    const int8_t *row = from->rows[y];
    if (row != NULL && begin >= 0 && begin + size <= row_end) {
      copy(size, row + begin, to);
    } else {
      copy_near_edge(from->window, size, row, begin, to);
    }
    to += size;
  }
}

// Of 1 to 4 pixels that are `apart`, some times four values each become two words; those of the
// next four come `step` words after them.
SF_INLINED void widen_fours(int pixels, int32_t fours, uint32_t offsets, const int8_t *values,
                            int32_t apart, int32_t step, uint32_t *words) {
  const int8_t *third = values + 2 * apart;
  for (const int8_t *end = values + 4 * fours; values != end; words += step) {
    const uint32_t codes0 = sf_four_codes(values);
    const uint32_t codes1 = pixels > 1 ? sf_four_codes(values + apart) : 0;
    const uint32_t codes2 = pixels > 2 ? sf_four_codes(third) : 0;
    const uint32_t codes3 = pixels > 3 ? sf_four_codes(third + apart) : 0;
    values += 4, third += 4;
    words[0] = sf_even_codes(offsets, codes0), words[1] = sf_odd_codes(offsets, codes0);
    if (pixels > 1) {
      words[2] = sf_even_codes(offsets, codes1), words[3] = sf_odd_codes(offsets, codes1);
    }
    if (pixels > 2) {
      words[4] = sf_even_codes(offsets, codes2), words[5] = sf_odd_codes(offsets, codes2);
    }
    if (pixels > 3) {
      words[6] = sf_even_codes(offsets, codes3), words[7] = sf_odd_codes(offsets, codes3);
    }
  }
}

SF_OUTLINED void widen_fours_4(int32_t fours, uint32_t offsets, const int8_t *values, int32_t apart,
                               int32_t step, uint32_t *words) {
  widen_fours(4, fours, offsets, values, apart, step, words);
}
SF_OUTLINED void widen_fours_3(int32_t fours, uint32_t offsets, const int8_t *values, int32_t apart,
                               int32_t step, uint32_t *words) {
  widen_fours(3, fours, offsets, values, apart, step, words);
}
SF_OUTLINED void widen_fours_2(int32_t fours, uint32_t offsets, const int8_t *values, int32_t apart,
                               int32_t step, uint32_t *words) {
  widen_fours(2, fours, offsets, values, apart, step, words);
}
SF_OUTLINED void widen_fours_1(int32_t fours, uint32_t offsets, const int8_t *values, int32_t apart,
                               int32_t step, uint32_t *words) {
  widen_fours(1, fours, offsets, values, apart, step, words);
}

typedef void widener(int32_t fours, uint32_t offsets, const int8_t *values, int32_t apart,
                     int32_t step, uint32_t *words);
static widener *const widen_pixels[] = {widen_fours_1, widen_fours_2, widen_fours_3, widen_fours_4};

// The last `count` % 4 values of each pixel, and zeros.
SF_OUTLINED void widen_rest(int32_t pixels, int32_t count, uint32_t offsets, const int8_t *values,
                            int32_t apart, uint32_t *words) {
  const uint32_t zeros = ((0 - offsets) & 0xff) * 0x1010101 << 8 * (count % 4);
  for (; pixels > 0; --pixels, values += apart, words += 2) {
    const uint32_t codes = sf_last_codes(values, count) | zeros;
    words[0] = sf_even_codes(offsets, codes), words[1] = sf_odd_codes(offsets, codes);
  }
}

static int is_pointwise(const sf_window *window) {
  return window->kernel_height == 1 && window->kernel_width == 1;
}

// Values of a tap of a window: input channels of the group.
static int32_t depth_of(const sf_source *from) {
  return from->runs == 1 ? from->length / from->window->kernel_width : from->length;
}

// The codes of how many windows of so many values are collected before they are widened: none where
// they can be widened from where they are.
static int32_t collected_of(const sf_source *from) {
  if (is_pointwise(from->window) || depth_of(from) % 4 == 0) return 0;
  return from->size <= MOST_COLLECTED ? 4 : 1;
}

static void clear_fours(int32_t fours, int32_t step, uint32_t *words) {
  for (; fours > 0; --fours, words += step) words[0] = words[1] = 0;
}

// The windows of a block, whose taps are whole fours, from position `at` on.
static void widen_taps(const sf_source *from, int32_t pixels, int32_t at, int32_t apart,
                       uint32_t offsets, uint32_t *words) {
  const sf_window *window = from->window;
  const int32_t depth = depth_of(from), fours = depth / 4, step = 2 * pixels;
  const int32_t row_end = window->input_width * window->input_channels;
  const int32_t last = row_end - (from->runs - 1) * from->step - from->length;
  const int inside = at >= 0 && at + (pixels - 1) * apart <= last;
  for (int32_t y = 0; y < window->kernel_height; ++y) {
    const int8_t *row = from->rows[y];
    for (int32_t run = 0; run < from->runs; ++run) {
      const int32_t begin = at + run * from->step, end = begin + from->length;
      if (row != NULL && inside) {
        widen_pixels[pixels - 1](from->length / 4, offsets, row + begin, apart, step, words);
        words += from->length / 4 * step;
        continue;
      }
      for (int32_t tap = begin; tap < end; tap += depth, words += fours * step) {
        for (int32_t i = 0; i < pixels; ++i) {
          const int32_t value = tap + i * apart;
          if (row != NULL && value >= 0 && value + depth <= row_end) {
            widen_fours_1(fours, offsets, row + value, 0, step, words + 2 * i);
          } else {
            clear_fours(fours, step, words + 2 * i);
          }
        }
      }
    }
  }
}

// The windows of a block, `first` to `first` + `count` - 1 of their values, from position `at` on:
// their codes are collected before, `most` windows at a time.
static void widen_collected(const sf_source *from, int32_t pixels, int32_t at, int32_t apart,
                            uint32_t offsets, int32_t first, int32_t count, int32_t most,
                            int8_t *collected, uint32_t *words) {
  const sf_window *window = from->window;
  const int32_t row_end = window->input_width * window->input_channels;
  const int32_t last = row_end - (from->runs - 1) * from->step - from->length;
  const int32_t filled = (count + 3) & ~3;
  int inside = count == from->size;
  for (int32_t y = 0; y < window->kernel_height; ++y) inside &= from->rows[y] != NULL;
  for (int32_t i = 0, some; i < pixels; i += some, at += some * apart) {
    some = pixels - i < most ? pixels - i : most;
    if (inside && at >= 0 && at + (some - 1) * apart <= last) {
      collect_inside(from, some, at, apart, filled, collected);
    } else {
      for (int32_t k = 0; k < some; ++k) {
        if (count == from->size) {
          collect(from, at + k * apart, row_end, collected + k * filled);
        } else {
          collect_part(from, at + k * apart, row_end, first, count, collected + k * filled);
        }
      }
    }
    widen_pixels[some - 1](filled / 4, offsets, collected, filled, 2 * pixels, words + 2 * i);
  }
}

#if !SF_WIDENED

// --- Windows of three rows whose length is one more than whole fours, as three columns of a color
// image: the fours of each row are widened from where they are, and then one four of the last
// values of all three rows.

static int is_by_rows(const sf_source *from) {
  return from->window->kernel_height == 3 && from->runs == 1 && from->length % 4 == 1;
}

SF_INLINED void widen_rows(int pixels, const int8_t *const rows[3], int32_t fours, uint32_t offsets,
                           int32_t apart, uint32_t *words) {
  const int8_t *row0 = rows[0] + 4 * fours, *row1 = rows[1] + 4 * fours;
  const int8_t *row2 = rows[2] + 4 * fours;
  for (int32_t y = 0; y < 3; ++y, words += fours * 8) {
    widen_pixels[pixels - 1](fours, offsets, rows[y], apart, 8, words);
  }
  for (const uint32_t *end = words + 2 * pixels; words != end; words += 2) {
    // The fourth value meets a weight of 0.
    const uint32_t codes =
        (uint8_t)*row0 | (uint32_t)(uint8_t)*row1 << 8 | (uint32_t)(uint8_t)*row2 << 16;
    words[0] = sf_even_codes(offsets, codes), words[1] = sf_odd_codes(offsets, codes);
    row0 += apart, row1 += apart, row2 += apart;
  }
}

// Those of blocks of four pixels, as widen_windows() does. collected: room for one of them.
SF_OUTLINED void widen_by_rows(const sf_source *from, int32_t x, int32_t blocks, int8_t *collected,
                               uint32_t *words) {
  const sf_window *window = from->window;
  const uint32_t offsets = sf_offsets(window->input_zero_point);
  const int32_t channels = window->input_channels, apart = window->stride * channels;
  const int32_t length = from->length, fours = length / 4;
  const int32_t row_end = window->input_width * channels;
  const int8_t *const *rows = from->rows;
  const int inside = rows[0] != NULL && rows[1] != NULL && rows[2] != NULL;
  int32_t at = x * apart - window->left * channels;
  for (; blocks > 0; --blocks, words += 8 * (3 * fours + 1)) {
    if (inside && at >= 0 && at + 3 * apart + length <= row_end) {
      const int8_t *const begin[] = {rows[0] + at, rows[1] + at, rows[2] + at};
      widen_rows(4, begin, fours, offsets, apart, words);
      at += 4 * apart;
      continue;
    }
    for (int32_t i = 0; i < 4; ++i, at += apart) {
      const int8_t *begin[] = {collected, collected + length, collected + 2 * length};
      if (inside && at >= 0 && at + length <= row_end) {
        begin[0] = rows[0] + at, begin[1] = rows[1] + at, begin[2] = rows[2] + at;
      } else {
        collect(from, at, row_end, collected);
      }
      widen_rows(1, begin, fours, offsets, 0, words + 2 * i);
    }
  }
}

#endif

// Values first..first + count - 1 of the windows of blocks of `pixels` pixels, from output column x
// on: two words of each pixel of a block, then the next two of each. collected: room for the codes
// of `most` windows, each filled up to whole fours.
static void widen_windows(const sf_source *from, int32_t x, int32_t blocks, int32_t pixels,
                          int32_t first, int32_t count, int32_t most, int8_t *collected,
                          uint32_t *words) {
  const sf_window *window = from->window;
  const uint32_t offsets = sf_offsets(window->input_zero_point);
  const int32_t channels = window->input_channels, apart = window->stride * channels;
  const int32_t filled = (count + 3) & ~3;
  int32_t at = x * apart - window->left * channels + from->channel;
  for (int32_t i = 0; i < most; ++i) {
    for (int32_t k = count; k < filled; ++k) {
      collected[i * filled + k] = (int8_t)window->input_zero_point;
    }
  }
  const int32_t fours = count / 4, step = 2 * pixels;
  for (; blocks > 0; --blocks, words += filled / 4 * step, at += pixels * apart) {
    if (is_pointwise(window)) {
      const int8_t *values = from->rows[0] + at + first;
      widen_pixels[pixels - 1](fours, offsets, values, apart, step, words);
      if (filled != count) {
        widen_rest(pixels, count, offsets, values, apart, words + fours * step);
      }
    } else if (most == 0) {
      widen_taps(from, pixels, at, apart, offsets, words);
    } else {
      widen_collected(from, pixels, at, apart, offsets, first, count, most, collected, words);
    }
  }
}

#endif  // SF_DSP

#endif  // SF_WINDOWS_DSP_H_
