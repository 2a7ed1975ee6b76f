// Hooks that show a plugin of the emulator (sf_blocks.c) which stage is at work: it sees where
// sf_mark() writes. Build with -DSF_HOOKS='"sf_mark_hooks.h"'.
#ifndef SF_MARK_HOOKS_H_
#define SF_MARK_HOOKS_H_

#include <stdint.h>

static volatile uint8_t sf_marks[UINT16_MAX + 2];  // [0]: no stage; [1 + stage]

__attribute__((noipa)) static void sf_mark(uint32_t place) { sf_marks[place] = 0; }

#define SF_BEFORE_STAGE(network, stage) sf_mark((uint32_t)(stage) + 1)
#define SF_AFTER_STAGE(network, stage, row, values) sf_mark(0)

#endif  // SF_MARK_HOOKS_H_
