// The row adapters of sf_pixels.h as functions of a library; for tests/micro/test_pixels.py.
#include "sf_pixels.h"

void grey(const uint8_t *pixels, int32_t width, int32_t channels, int8_t *codes) {
  sf_grey_row(pixels, width, channels, codes);
}

void rgb888(const uint8_t *pixels, int32_t width, int32_t channels, int8_t *codes) {
  sf_rgb888_row(pixels, width, channels, codes);
}

void rgb565(const uint8_t *pixels, int32_t width, int32_t channels, int8_t *codes) {
  sf_rgb565_row(pixels, width, channels, SF_HIGH_BYTE_FIRST, codes);
}

void rgb565_low(const uint8_t *pixels, int32_t width, int32_t channels, int8_t *codes) {
  sf_rgb565_row(pixels, width, channels, SF_LOW_BYTE_FIRST, codes);
}

void yuyv(const uint8_t *pixels, int32_t width, int32_t channels, int8_t *codes) {
  sf_yuyv_row(pixels, width, channels, codes);
}
