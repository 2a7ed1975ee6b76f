// The start of a task image; export/datapath/task_image.py writes it.
#ifndef SF_TASK_H_
#define SF_TASK_H_

#include <stdint.h>

typedef struct {
  char magic[4];
  uint32_t version;
  uint32_t bytes;  // of the whole image
  uint32_t crc;    // of everything behind it
  uint8_t
      core_digest[32];  // SHA-256 of the frozen codes that it belongs to; zeros if there are none
  uint8_t datapath_digest[32];  // SHA-256 of the description of the network's structure
} sf_task_header;

#endif  // SF_TASK_H_
