// Sums and extremes over rows, columns or channels.
#include "sf_kernels.h"

static int32_t joined(const sf_reduction *reduction, int32_t before, int32_t value) {
  switch (reduction->what) {
    case SF_LARGEST:
      return value > before ? value : before;
    case SF_SMALLEST:
      return value < before ? value : before;
    default:
      return before + value;
  }
}

void sf_start_reduction(const sf_reduction *reduction, int32_t count, int32_t *made) {
  const int32_t first = reduction->what == SF_LARGEST    ? INT8_MIN
                        : reduction->what == SF_SMALLEST ? INT8_MAX
                                                         : 0;
  for (int32_t i = 0; i < count; ++i) made[i] = first;
}

void sf_reduce_row(const sf_reduction *reduction, const int8_t *row, int32_t *made) {
  const int32_t channels = reduction->over_channels ? 1 : reduction->channels;
  for (int32_t x = 0; x < reduction->width; ++x) {
    int32_t *pixel = made + (reduction->over_columns ? 0 : x * channels);
    for (int32_t channel = 0; channel < reduction->channels; ++channel, ++row) {
      int32_t *place = pixel + (reduction->over_channels ? 0 : channel);
      *place = joined(reduction, *place, *row);
    }
  }
}

void sf_arg_max_row(int32_t width, int32_t channels, const int8_t *input, int8_t *output) {
  for (int32_t x = 0; x < width; ++x, input += channels) {
    int32_t largest = 0;
    for (int32_t channel = 1; channel < channels; ++channel) {
      if (input[channel] > input[largest]) largest = channel;
    }
    output[x] = (int8_t)(largest + INT8_MIN);
  }
}
