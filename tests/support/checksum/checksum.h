// A checksum that uses as much static memory, stack and constants as the tests ask for.
#ifndef CHECKSUM_H_
#define CHECKSUM_H_

#include <stddef.h>

void checksum_add(const unsigned char *bytes, size_t count);
unsigned long checksum(void);

#endif  // CHECKSUM_H_
