// What a task can switch about a network's structure. Its image holds the position of each switch,
// an int32, behind the header. A stage rests while its condition is not met.
#ifndef SF_SWITCHES_H_
#define SF_SWITCHES_H_

#include "sf_stream.h"

#ifdef __cplusplus
extern "C" {
#endif

// A switch, with its first and its last position.
typedef struct {
  uint8_t first, last;
} sf_switch;

// Met while a switch is in one of these positions.
typedef struct {
  uint8_t number, first, last;
} sf_condition;

// The functions are those below, which networks without switches then do not carry.
struct sf_switching {
  sf_status (*check)(const sf_network *network, const uint8_t *task, size_t size);
  int (*is_met)(const sf_network *network, const uint8_t *task, uint8_t condition);
  void (*rest)(const sf_network *network);
  const sf_switch *switches;
  const sf_condition *conditions;
  const uint32_t *task_bytes;  // in each position of the first switch
  uint16_t switch_count;
};

// Checks the positions that a task image has, its size, and its sections for stages that run.
sf_status sf_check_switched(const sf_network *network, const uint8_t *task, size_t size);

// Whether a task image whose positions have been checked meets a condition, 1 + its index.
int sf_is_met(const sf_network *network, const uint8_t *task, uint8_t condition);

// Leaves nothing to do, in the image to come, for the stages that rest.
void sf_rest(const sf_network *network);

#ifdef __cplusplus
}
#endif

#endif  // SF_SWITCHES_H_
