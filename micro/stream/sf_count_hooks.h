// Hooks that give the instructions of every step of every stage to sf_count_stage(), which the
// program must define: for boards whose counter sf_measure.h knows. Build with
// -DSF_HOOKS='"sf_count_hooks.h"'.
#ifndef SF_COUNT_HOOKS_H_
#define SF_COUNT_HOOKS_H_

#include "sf_measure.h"
#include "sf_stream.h"

void sf_count_stage(uint16_t stage, uint32_t instructions);

static uint32_t sf_step_began;

#define SF_BEFORE_STAGE(network, stage) ((void)(sf_step_began = SF_COUNTER))
#define SF_AFTER_STAGE(network, stage, row, values) \
  sf_count_stage(stage, (SF_COUNTER - sf_step_began) * SF_INSTRUCTIONS_A_COUNT)

#endif  // SF_COUNT_HOOKS_H_
