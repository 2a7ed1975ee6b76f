// The switches of a task image: behind its header, an int32 each.
#ifndef SF_SWITCHES_H_
#define SF_SWITCHES_H_

#include "sf_stream.h"

#define SF_TASK_HEADER_BYTES 80

static inline const int32_t *sf_positions(const uint8_t *task) {
  return (const int32_t *)(const void *)(task + SF_TASK_HEADER_BYTES);
}

// Whether a task image meets a condition: 0, or 1 + the condition's index.
static inline int sf_meets(const sf_network *network, const uint8_t *task, uint8_t condition) {
  if (condition == 0) return 1;
  const sf_condition *wanted = &network->conditions[condition - 1];
  const int32_t position = sf_positions(task)[wanted->number];
  return position >= wanted->first && position <= wanted->last;
}

#endif  // SF_SWITCHES_H_
