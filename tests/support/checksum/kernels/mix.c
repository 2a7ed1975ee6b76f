#include "mix.h"

#ifndef TABLE_BYTES
#define TABLE_BYTES 256
#endif

static const unsigned char table[TABLE_BYTES] = {7, 5, 3, 1};

unsigned long mix(unsigned char byte) { return 31UL * byte + table[byte % sizeof table]; }
