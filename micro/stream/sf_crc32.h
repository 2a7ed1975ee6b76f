// CRC-32 as zlib and Ethernet compute it.
#ifndef SF_CRC32_H_
#define SF_CRC32_H_

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// The CRC-32 of bytes that follow on others whose CRC-32 is given; 0 before the first.
uint32_t sf_crc32(uint32_t crc, const uint8_t *bytes, size_t size);

#ifdef __cplusplus
}
#endif

#endif  // SF_CRC32_H_
