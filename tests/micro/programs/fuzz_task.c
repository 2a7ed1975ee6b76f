// libFuzzer on sf_load_task(): whatever is let through must run clean.
//
// The first byte of an input says what is done to the rest, so that not everything ends at the
// CRC-32: FIX_CHECKSUM writes a header that is right in every field, FIT before that makes the size
// right, SHIFT puts the image at an odd address.
#include <stdlib.h>
#include <string.h>

#include "net_stream.h"
#include "sf/sf_crc32.h"
#include "sf/sf_switches.h"
#include "sf/sf_task.h"

enum { FIX_CHECKSUM = 1, FIT = 2, SHIFT = 4 };
enum { SIZE_OFFSET = 8, CRC_OFFSET = 12, DIGESTS = 16, HEADER_BYTES = 80 };
enum { ROW_BYTES = NET_INPUT_WIDTH * NET_INPUT_CHANNELS };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void put_number(uint8_t *place, uint32_t number) { memcpy(place, &number, sizeof number); }

static void fix_checksum(uint8_t *image, size_t size) {
  if (size < HEADER_BYTES) return;
  memcpy(image, net_task, SIZE_OFFSET);
  put_number(image + SIZE_OFFSET, (uint32_t)size);
  memcpy(image + DIGESTS, (const uint8_t *)net_task + DIGESTS, HEADER_BYTES - DIGESTS);
  put_number(image + CRC_OFFSET, sf_crc32(0, image + DIGESTS, size - DIGESTS));
}

static void push_image(void) {
  int8_t row[ROW_BYTES];
  uint32_t random = 1;
  for (int y = 0; y < NET_INPUT_HEIGHT; ++y) {
    for (int i = 0; i < ROW_BYTES; ++i) {
      random = random * UINT32_C(1664525) + UINT32_C(1013904223);
      row[i] = (int8_t)((int32_t)(random >> 24) - 128);
    }
    const sf_status expected = y + 1 < NET_INPUT_HEIGHT ? SF_OK : SF_IMAGE_COMPLETE;
    if (sf_push_row(&net_network, row) != expected) abort();
  }
}

// Whether task images may have a size: one for each position of the first switch.
static int is_size(size_t size) {
  const sf_switching *has = net_network.switching;
  if (has == NULL) return size == NET_TASK_BYTES;
  for (int i = 0; i <= has->switches[0].last - has->switches[0].first; ++i) {
    if (size == has->task_bytes[i]) return 1;
  }
  return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0) return 0;
  const uint8_t mode = *data++;
  const size_t given = size - 1, length = mode & FIT ? NET_TASK_BYTES : given;
  const size_t shift = mode & SHIFT ? 1 : 0;
  uint8_t *buffer = calloc(shift + length, 1), *image = buffer + shift;
  if (shift + length > 0 && buffer == NULL) abort();
  memcpy(image, data, given < length ? given : length);
  if (mode & FIX_CHECKSUM) fix_checksum(image, length);
  if (sf_load_task(&net_network, image, length) == SF_OK) {
    if (shift != 0 || !is_size(((const sf_task_header *)(const void *)image)->bytes)) abort();
    push_image();
    if (sf_load_task(&net_network, net_task, NET_TASK_BYTES) != SF_OK) abort();
  }
  free(buffer);
  return 0;
}
