// Hooks that give every row of every stage to sf_dump_row(), which the program must define: build
// with -DSF_HOOKS='"sf_dump_hooks.h"'.
#ifndef SF_DUMP_HOOKS_H_
#define SF_DUMP_HOOKS_H_

#include "sf_stream.h"

void sf_dump_row(const sf_network *network, uint16_t stage, uint16_t row, const int8_t *values);

#define SF_BEFORE_STAGE(network, stage) ((void)0)
#define SF_AFTER_STAGE(network, stage, row, values) \
  ((values) ? sf_dump_row(network, stage, row, values) : (void)0)

#endif  // SF_DUMP_HOOKS_H_
