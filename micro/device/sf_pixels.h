// Rows of a camera as rows of codes, as the training made them of pictures: code = pixel - 128.
//
//   sf_rgb565_row(camera_row, FACE_INPUT_WIDTH, FACE_INPUT_CHANNELS, SF_HIGH_BYTE_FIRST, codes);
//   sf_push_row(&face_network, codes);
//
// channels: 3 for red, green and blue in this order, or 1 for grey. From colours to grey is ITU-R
// BT.601, rounded as Pillow's mode "L".
#ifndef SF_PIXELS_H_
#define SF_PIXELS_H_

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// Of the two bytes of an RGB565 pixel. Camera modules send the high byte first (OV2640, OV7670);
// a frame buffer of uint16_t has it last.
typedef enum { SF_HIGH_BYTE_FIRST, SF_LOW_BYTE_FIRST } sf_byte_order;

static inline int8_t sf_pixel_code(int32_t pixel) { return (int8_t)(pixel - 128); }

// A pixel as codes. Returns: where the next one goes.
static inline int8_t *sf_put_pixel(int32_t red, int32_t green, int32_t blue, int32_t channels,
                                   int8_t *codes) {
  if (channels == 1) {
    const int32_t weighted = 19595 * red + 38470 * green + 7471 * blue;
    *codes = sf_pixel_code((weighted + 0x8000) >> 16);
    return codes + 1;
  }
  codes[0] = sf_pixel_code(red);
  codes[1] = sf_pixel_code(green);
  codes[2] = sf_pixel_code(blue);
  return codes + 3;
}

// From a byte per pixel. Of a network for colours, all three channels are grey.
static inline void sf_grey_row(const uint8_t *pixels, int32_t width, int32_t channels,
                               int8_t *codes) {
  for (int32_t x = 0; x < width; ++x) {
    for (int32_t i = 0; i < channels; ++i) *codes++ = sf_pixel_code(pixels[x]);
  }
}

// From three bytes per pixel: red, green, blue.
static inline void sf_rgb888_row(const uint8_t *pixels, int32_t width, int32_t channels,
                                 int8_t *codes) {
  for (int32_t x = 0; x < width; ++x, pixels += 3) {
    codes = sf_put_pixel(pixels[0], pixels[1], pixels[2], channels, codes);
  }
}

// From two bytes per pixel: 5 bits of red, 6 of green, 5 of blue, each stretched to 0..255 and
// rounded to nearest.
static inline void sf_rgb565_row(const uint8_t *pixels, int32_t width, int32_t channels,
                                 sf_byte_order order, int8_t *codes) {
  const int high = order == SF_HIGH_BYTE_FIRST ? 0 : 1;
  for (int32_t x = 0; x < width; ++x, pixels += 2) {
    const int32_t pixel = pixels[high] << 8 | pixels[1 - high];
    const int32_t red = ((pixel >> 11) * 527 + 23) >> 6;
    const int32_t green = ((pixel >> 5 & 63) * 259 + 33) >> 6;
    const int32_t blue = ((pixel & 31) * 527 + 23) >> 6;
    codes = sf_put_pixel(red, green, blue, channels, codes);
  }
}

static inline int32_t sf_clamped_pixel(int32_t value) {
  return value < 0 ? 0 : value > 255 ? 255 : value;
}

// From four bytes per two pixels: Y, Cb, Y, Cr (YUYV, YUY2, YUV 4:2:2), all of 0..255. The colours
// are those that a JPEG file of the same values has. The width must be even. Grey is Y itself.
static inline void sf_yuyv_row(const uint8_t *pixels, int32_t width, int32_t channels,
                               int8_t *codes) {
  for (int32_t x = 0; x < width; ++x) {
    const uint8_t *pair = pixels + x / 2 * 4;
    const int32_t y = pair[x % 2 * 2], cb = pair[1] - 128, cr = pair[3] - 128;
    if (channels == 1) {
      *codes++ = sf_pixel_code(y);
      continue;
    }
    const int32_t red = y + ((91881 * cr + 0x8000) >> 16);
    const int32_t green = y + ((-22554 * cb - 46802 * cr + 0x8000) >> 16);
    const int32_t blue = y + ((116130 * cb + 0x8000) >> 16);
    codes = sf_put_pixel(sf_clamped_pixel(red), sf_clamped_pixel(green), sf_clamped_pixel(blue),
                         channels, codes);
  }
}

#ifdef __cplusplus
}
#endif

#endif  // SF_PIXELS_H_
