// What the files of stages share: where a stage's part of the task image is, and what is checked of
// it.
#ifndef SF_STAGE_PARTS_H_
#define SF_STAGE_PARTS_H_

#include "sf_stream.h"

static inline const uint8_t *sf_section(const sf_network *network, const sf_stage *stage) {
  return network->state->task + stage->section;
}

static inline uint16_t sf_step(const sf_network *network, const sf_stage *stage) {
  return network->steps[stage - network->stages];
}

static inline sf_status sf_check_nothing(const sf_stage *stage, const uint8_t *section) {
  (void)stage, (void)section;
  return SF_OK;
}

#endif  // SF_STAGE_PARTS_H_
