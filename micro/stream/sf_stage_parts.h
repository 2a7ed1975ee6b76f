// What the files of stages share: where a stage's part of the task image is, and what is checked of
// it.
#ifndef SF_STAGE_PARTS_H_
#define SF_STAGE_PARTS_H_

#include "sf_stream.h"

// Parts of a task image and kept rows take whole words.
static inline uint32_t sf_aligned(uint32_t size) { return (size + 3) & ~UINT32_C(3); }

static inline const uint8_t *sf_section(const sf_network *network, const sf_stage *stage) {
  return network->state->task + stage->section;
}

static inline uint16_t sf_step(const sf_network *network, const sf_stage *stage) {
  return network->steps[stage - network->stages];
}

// Whatever a task image says, kernels stay within defined arithmetic.
static inline int sf_is_factor(int32_t multiplier, int32_t shift) {
  return multiplier >= 0 && shift >= -31 && shift <= 31;
}

static inline sf_status sf_check_factors(const uint8_t *section, int32_t count) {
  const sf_factor *factors = (const sf_factor *)(const void *)section;
  for (int32_t i = 0; i < count; i++) {
    if (!sf_is_factor(factors[i].multiplier, factors[i].shift)) return SF_BAD_FACTOR;
  }
  return SF_OK;
}

static inline sf_status sf_check_nothing(const sf_stage *stage, const uint8_t *section) {
  (void)stage, (void)section;
  return SF_OK;
}

#endif  // SF_STAGE_PARTS_H_
