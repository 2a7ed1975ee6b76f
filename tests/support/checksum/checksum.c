#include "checksum.h"

#include "kernels/mix.h"

#ifndef STATIC_BYTES
#define STATIC_BYTES 256
#endif
#ifndef LOCAL_BYTES
#define LOCAL_BYTES 256
#endif

static volatile unsigned char seen[STATIC_BYTES];
static volatile unsigned char first[4] = {1, 2, 3, 4};
static unsigned long sum;

void checksum_add(const unsigned char *bytes, size_t count) {
  volatile unsigned char local[LOCAL_BYTES];
  for (size_t i = 0; i < sizeof local; ++i) local[i] = first[i % 4];
  for (size_t i = 0; i < count; ++i) {
    local[i % sizeof local] = bytes[i];
    ++seen[i % sizeof seen];
    sum = (sum + mix(local[i % sizeof local])) & 0xFFFFFFFFU;
  }
#ifdef TRAP
  __builtin_trap();
#endif
#ifdef OVERRUN
  sum += local[count + sizeof local];
#endif
#ifdef ENDLESS
  while (first[0]) {
  }
#endif
}

unsigned long checksum(void) { return sum; }
