// Calls kernels as a script says, for boards, where Python cannot: `prog SCRIPT OUTPUT`. Each array
// lies in a heap buffer of its own, and bytes around the last one of a call show whether it was
// left.
//
//   a call     name and a 0, uint32 number of arguments, the arguments
//   'N'        int32: a number
//   'B'        uint32 size, uint32 offset, bytes: a pointer to them, `offset` bytes behind a
//              multiple of 8
//   'P'        uint32 number, then so many 'B' or '0': a pointer to pointers, '0' for NULL
//
// OUTPUT: of each call, the bytes of its last argument, which the kernel writes.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sf_kernels.h"

enum { MOST_ARGUMENTS = 9, MOST_BUFFERS = 64, GUARD = 16 };

// A board's kernels take numbers and pointers alike, a word each.
typedef void kernel(uint32_t, uint32_t, uint32_t, uint32_t, uint32_t, uint32_t, uint32_t, uint32_t,
                    uint32_t);
typedef void any(void);

#define KERNEL(name) {#name, (any *)name}
static const struct {
  const char *name;
  any *function;
} kernels[] = {KERNEL(sf_convolve_row),   KERNEL(sf_convolve_widened_row),
               KERNEL(sf_multiplied_row), KERNEL(sf_depthwise_row),
               KERNEL(sf_scale_row),      KERNEL(sf_add_row),
               KERNEL(sf_multiply_row),   KERNEL(sf_lookup_row),
               KERNEL(sf_copy_channels)};

static FILE *script;
static struct {
  uint8_t *heap, *bytes;
  uint32_t size;
} buffers[MOST_BUFFERS];
static uint32_t used;  // buffers

static void read_into(void *bytes, size_t size) {
  if (fread(bytes, 1, size, script) != size) abort();
}

static uint32_t read_number(void) {
  uint32_t number;
  read_into(&number, sizeof number);
  return number;
}

static uint32_t read_argument(void) {
  const int kind = fgetc(script);
  if (kind == '0') return 0;
  const uint32_t number = read_number();
  if (kind == 'N') return number;
  if (used == MOST_BUFFERS) abort();
  const uint32_t offset = kind == 'B' ? read_number() : 0;
  const uint32_t size = kind == 'B' ? number : number * (uint32_t)sizeof(uint32_t), here = used++;
  buffers[here].size = size;
  buffers[here].heap = malloc(size + offset + 2 * GUARD);
  if (buffers[here].heap == NULL) abort();
  memset(buffers[here].heap, 85, size + offset + 2 * GUARD);
  buffers[here].bytes = buffers[here].heap + GUARD + offset;
  if (kind == 'B') read_into(buffers[here].bytes, size);
  for (uint32_t i = 0; kind == 'P' && i < number; ++i) {
    ((uint32_t *)(void *)buffers[here].bytes)[i] = read_argument();
  }
  return (uint32_t)(uintptr_t)buffers[here].bytes;
}

static void require_guard(const uint8_t *bytes) {
  for (int i = 0; i < GUARD; ++i) {
    if (bytes[i] != 85) abort();
  }
}

static int call(const char *name, FILE *output) {
  uint32_t arguments[MOST_ARGUMENTS] = {0};
  const uint32_t count = read_number();
  for (uint32_t i = 0; i < count; ++i) arguments[i] = read_argument();
  size_t i = 0;
  while (strcmp(name, kernels[i].name) != 0) ++i;
  ((kernel *)kernels[i].function)(arguments[0], arguments[1], arguments[2], arguments[3],
                                  arguments[4], arguments[5], arguments[6], arguments[7],
                                  arguments[8]);
  const uint8_t *last = buffers[used - 1].bytes;
  require_guard(last - GUARD);
  require_guard(last + buffers[used - 1].size);
  fwrite(last, 1, buffers[used - 1].size, output);
  while (used > 0) free(buffers[--used].heap);
  return 0;
}

int main(int count, char **arguments) {
  if (count != 3) return 2;
  script = fopen(arguments[1], "rb");
  FILE *output = fopen(arguments[2], "wb");
  char name[32] = "";
  size_t length = 0;
  for (int c; (c = fgetc(script)) != EOF;) {
    name[length++] = (char)c;
    if (c == 0) length = 0, call(name, output);
  }
  return fclose(output);
}
