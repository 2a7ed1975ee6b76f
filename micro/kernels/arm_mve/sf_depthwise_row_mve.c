// Works on a vector of 16 channels and a strip of pixels at a time; with a stride of 1 and 8 or
// fewer channels, a vector holds those of neighbouring pixels. Products are int16: of 3 x 3 windows
// two are added as such, before they go into sums of 32 bits.
#include "sf_scale_mve.h"

#if SF_MVE

enum {
  LANES = 16,
  TAPS = 9,          // of a 3 x 3 window
  ROW = 9 * LANES,   // bytes of a row of a strip
  SUMS = 6 * LANES,  // of a strip
};

// A block of channels, made of vectors that hold one pixel, or all channels of some.
typedef struct {
  const sf_window *window;
  const sf_constants *constants;
  const int8_t *const *rows;
  int32_t channel, channels;  // first, number
  int32_t column;             // lanes of a pixel
  int32_t pixels;             // of a strip
  mve_pred16_t within;        // lanes in use
} block;

// --- Sums

// Sums of the lanes of 16-bit products, in the order that the instructions want: lanes 0, 4, 8, 12;
// then 2, 6, 10, 14; 1, 5, 9, 13; and 3, 7, 11, 15.
typedef struct {
  int32x4_t lanes0, lanes2, lanes1, lanes3;
} lane_sums;

// even, odd: of the lanes 0, 2, 4.. and of the lanes 1, 3, 5..
SF_INLINED lane_sums widen_lanes(int16x8_t even, int16x8_t odd) {
  return (lane_sums){vmovlbq_s16(even), vmovltq_s16(even), vmovlbq_s16(odd), vmovltq_s16(odd)};
}

SF_INLINED lane_sums add_lanes(lane_sums sums, int16x8_t even, int16x8_t odd) {
  sums.lanes0 = vaddq_s32(sums.lanes0, vmovlbq_s16(even));
  sums.lanes2 = vaddq_s32(sums.lanes2, vmovltq_s16(even));
  sums.lanes1 = vaddq_s32(sums.lanes1, vmovlbq_s16(odd));
  sums.lanes3 = vaddq_s32(sums.lanes3, vmovltq_s16(odd));
  SF_FINISH(sums.lanes0, sums.lanes1, sums.lanes2, sums.lanes3);
  return sums;
}

SF_INLINED void store_sums(lane_sums from, int32_t *to) {
  sf_store_interleaved(from.lanes0, from.lanes1, from.lanes2, from.lanes3, to);
}

// Of any window. Padding counts as values, of codes that stand for 0.
SF_OUTLINED void sum_any(const block *of, int32_t x, int32_t pixels, int32_t *sums) {
  const sf_window *window = of->window;
  const int32_t channels = window->input_channels, width = window->input_width;
  const int8x16_t padding = vdupq_n_s8((int8_t)window->input_zero_point);
  for (; pixels > 0; --pixels, ++x, sums += LANES) {
    const int8_t *weights = of->constants->codes + of->channel;
    const int16x8_t zero = vdupq_n_s16(0);
    lane_sums all = widen_lanes(zero, zero);
    for (int32_t y = 0; y < window->kernel_height; ++y) {
      const int8_t *row = of->rows[y];
      int32_t column = x * window->stride - window->left;
      for (int32_t left = window->kernel_width; left > 0; --left, weights += channels) {
        int8x16_t values = padding;
        if (row != NULL && column >= 0 && column < width) {
          values = vldrbq_z_s8(row + column * channels + of->channel, of->within);
        }
        const int8x16_t weight = vldrbq_z_s8(weights, of->within);
        all = add_lanes(all, vmullbq_int_s8(values, weight), vmulltq_int_s8(values, weight));
        column += window->dilation;
      }
    }
    store_sums(all, sums);
  }
}

// --- 3 x 3 windows

// Products of the even lanes and of the odd lanes.
typedef struct {
  int16x8_t even, odd;
} lane_products;

// The sum of two products fits into int16, unless both weights are -128.
SF_INLINED lane_products multiply_two(const int8_t *values0, const int8_t *weights0,
                                      const int8_t *values1, const int8_t *weights1) {
  const int8x16_t value0 = vldrbq_s8(values0), weight0 = vldrbq_s8(weights0);
  const int8x16_t value1 = vldrbq_s8(values1), weight1 = vldrbq_s8(weights1);
  return (lane_products){
      vaddq_s16(vmullbq_int_s8(value0, weight0), vmullbq_int_s8(value1, weight1)),
      vaddq_s16(vmulltq_int_s8(value0, weight0), vmulltq_int_s8(value1, weight1))};
}

// Of a strip. column: from one of its columns to the next; step: from one vector to the next; tap:
// from one tap's weights to the next one's.
SF_INLINED void sum_3x3(int32_t column, int32_t step, int32_t vectors, int32_t tap,
                        const int8_t *weights, const int8_t *strip, int32_t *sums) {
  const int8_t *row0 = strip, *row1 = strip + ROW, *row2 = strip + 2 * ROW;
  for (; vectors > 0; --vectors, row0 += step, row1 += step, row2 += step, sums += LANES) {
    lane_products two = multiply_two(row0, weights, row1, weights + 3 * tap);
    lane_sums all = widen_lanes(two.even, two.odd);
    SF_FINISH(all.lanes0, all.lanes1, all.lanes2, all.lanes3);
    two = multiply_two(row0 + column, weights + tap, row1 + column, weights + 4 * tap);
    all = add_lanes(all, two.even, two.odd);
    two = multiply_two(row0 + 2 * column, weights + 2 * tap, row1 + 2 * column, weights + 5 * tap);
    all = add_lanes(all, two.even, two.odd);
    two = multiply_two(row2, weights + 6 * tap, row2 + column, weights + 7 * tap);
    all = add_lanes(all, two.even, two.odd);
    const int8x16_t value = vldrbq_s8(row2 + 2 * column), weight = vldrbq_s8(weights + 8 * tap);
    all = add_lanes(all, vmullbq_int_s8(value, weight), vmulltq_int_s8(value, weight));
    store_sums(all, sums);
  }
}

// One function for vectors of one pixel, one for those of several.
SF_OUTLINED void sum_channels(int32_t stride, int32_t pixels, int32_t tap, const int8_t *weights,
                              const int8_t *strip, int32_t *sums) {
  sum_3x3(LANES, stride * LANES, pixels, tap, weights, strip, sums);
}
SF_OUTLINED void sum_pixels(int32_t column, int32_t pixels, const int8_t *weights,
                            const int8_t *strip, int32_t *sums) {
  sum_3x3(column, LANES, (pixels * column + LANES - 1) / LANES, LANES, weights, strip, sums);
}

// The weights of a block, as vectors.
static void collect_weights(const block *of, int8_t weights[TAPS * LANES]) {
  const int8_t *from = of->constants->codes + of->channel;
  for (int32_t tap = 0; tap < TAPS; ++tap, from += of->window->input_channels) {
    for (int32_t lane = 0; lane < LANES; lane += of->column) {
      vstrbq_p_s8(weights + tap * LANES + lane, vldrbq_z_s8(from, of->within), of->within);
    }
  }
}

// These write whole vectors, and return where what they should write ends.
static inline int8_t *fill(int32_t count, int32_t code, int8_t *to) {
  int8_t *const end = to + count;
  for (; count > 0; count -= LANES, to += LANES) vstrbq_s8(to, vdupq_n_s8((int8_t)code));
  return end;
}

static inline int8_t *copy(int32_t count, const int8_t *from, int8_t *to) {
  for (; count >= LANES; count -= LANES, from += LANES, to += LANES) {
    vstrbq_s8(to, vldrbq_s8(from));
  }
  if (count > 0) vstrbq_s8(to, vldrbq_z_s8(from, vctp8q((uint32_t)count)));
  return to + count;
}

static inline int8_t *copy_columns(const block *of, int32_t columns, const int8_t *from,
                                   int8_t *to) {
  const int32_t channels = of->window->input_channels;
  const mve_pred16_t within = of->within;
  if (of->column < LANES) return copy(columns * of->column, from, to);
  int32_t left = columns;
  if (of->channels == LANES) {
    for (; left > 0; --left, from += channels, to += LANES) vstrbq_s8(to, vldrbq_s8(from));
  } else {
    for (; left > 0; --left, from += channels, to += LANES) {
      vstrbq_s8(to, vldrbq_z_s8(from, within));
    }
  }
  return to;
}

// The columns from x on, some of which may lie in the padding.
static void collect_strip(const block *of, int32_t x, int32_t columns, int8_t *strip) {
  const sf_window *window = of->window;
  const int32_t before = sf_clamp(-x, 0, columns);
  const int32_t inside = sf_clamp(window->input_width - x - before, 0, columns - before);
  for (int32_t y = 0; y < 3; ++y) {
    int8_t *to = strip + y * ROW;
    if (of->rows[y] == NULL) {
      fill(columns * of->column, window->input_zero_point, to);
      continue;
    }
    const int8_t *row = of->rows[y] + of->channel;
    to = fill(before * of->column, window->input_zero_point, to);
    to = copy_columns(of, inside, row + (x + before) * window->input_channels, to);
    fill((columns - before - inside) * of->column, window->input_zero_point, to);
  }
}

// --- Rows

// Sets what is added to sums. Returns whether no weight is -128.
static int start_sums(const block *of, int32_t start[LANES]) {
  const sf_window *window = of->window;
  const int32_t zero_point = window->input_zero_point, channels = window->input_channels;
  const int8_t *weights = of->constants->codes + of->channel;
  const int16x8_t zero = vdupq_n_s16(0);
  lane_sums all = widen_lanes(zero, zero);
  int8x16_t least = vdupq_n_s8(0);
  for (int32_t y = window->kernel_height; y > 0; --y) {
    int16x8_t even = zero, odd = zero;  // of up to 255 weights
    for (int32_t left = window->kernel_width; left > 0; --left, weights += channels) {
      const int8x16_t weight = vldrbq_z_s8(weights, of->within);
      least = vminq_s8(least, weight);
      if (zero_point == 0) continue;
      even = vaddq_s16(even, vmovlbq_s8(weight)), odd = vaddq_s16(odd, vmovltq_s8(weight));
    }
    if (zero_point != 0) all = add_lanes(all, even, odd);
  }
  store_sums(all, start);
  for (int32_t i = 0; i < of->channels; i += 4) {
    const int32_t *from = of->constants->bias + of->channel + i;
    const int32_t left = of->channels - i;
    const int32x4_t bias =
        left >= 4 ? vldrwq_s32(from) : vldrwq_z_s32(from, vctp32q((uint32_t)left));
    vstrwq_s32(start + i, vmlaq_n_s32(bias, vldrwq_s32(start + i), -zero_point));
  }
  return vminvq_s8(0, least) > INT8_MIN;
}

static void store_codes(const block *of, const int32_t *start, int32_t pixels, int32_t apart,
                        const int32_t *sums, int8_t *output) {
  for (int32_t i = 0; i < of->channels; i += 4) {
    const sf_row_of_sums row = {pixels, sums + i, apart, output + i};
    sf_store_codes_of_four(of->window, of->constants, vldrwq_s32(start + i), of->channel + i,
                           of->channels - i, row);
  }
}

SF_OUTLINED void convolve_3x3(const block *of, const int32_t *start, int8_t *output) {
  const sf_window *window = of->window;
  const int32_t channels = window->output_channels;
  const int in_place = of->channels == LANES;
  int8_t collected[TAPS * LANES], strip[3 * ROW + LANES];
  int32_t sums[SUMS];
  if (!in_place) collect_weights(of, collected);
  for (int32_t x = 0, pixels; x < window->output_width; x += pixels, output += pixels * channels) {
    pixels = sf_clamp(window->output_width - x, 1, of->pixels);
    collect_strip(of, x * window->stride - window->left, (pixels - 1) * window->stride + 3, strip);
    if (of->column < LANES) {
      sum_pixels(of->column, pixels, collected, strip, sums);
    } else if (in_place) {
      const int8_t *weights = of->constants->codes + of->channel;
      sum_channels(window->stride, pixels, channels, weights, strip, sums);
    } else {
      sum_channels(window->stride, pixels, LANES, collected, strip, sums);
    }
    store_codes(of, start, pixels, of->column, sums, output);
  }
}

SF_OUTLINED void convolve_any(const block *of, const int32_t *start, int8_t *output) {
  int32_t sums[SUMS];
  const int32_t width = of->window->output_width;
  for (int32_t x = 0, pixels; x < width; x += pixels) {
    pixels = sf_clamp(width - x, 1, SUMS / LANES);
    sum_any(of, x, pixels, sums);
    store_codes(of, start, pixels, LANES, sums, output + x * of->window->output_channels);
  }
}

void sf_depthwise_row(const sf_window *window, const sf_constants *constants,
                      const int8_t *const *rows, int8_t *output) {
  const int32_t channels = window->output_channels;
  const int is_3x3 = window->kernel_height == 3 && window->kernel_width == 3 &&
                     window->dilation == 1 && window->stride <= 5;
  const int has_more_pixels = window->stride == 1 && channels < LANES && LANES % channels == 0;
  int32_t start[LANES];
  block of = {window, constants, rows, 0, 0, has_more_pixels ? channels : LANES, 0, 0};
  const int32_t most = SUMS / of.column, fitting = (ROW / of.column - 3) / window->stride + 1;
  of.pixels = most < fitting ? most : fitting;
  for (; of.channel < channels; of.channel += LANES) {
    of.channels = sf_clamp(channels - of.channel, 1, LANES);
    of.within = vctp8q((uint32_t)of.channels);
    if (start_sums(&of, start) && is_3x3) {
      convolve_3x3(&of, start, output + of.channel);
    } else {
      convolve_any(&of, start, output + of.channel);
    }
  }
}

#endif  // SF_MVE
