// The network tiny, line by line. Generated; do not edit.
// SHA-256 of the task image: d4312d5b4214e8c3f052a046b849ded00a8abb010fb6ba32192f6ad4f777528e
#ifndef TINY_STREAM_H_
#define TINY_STREAM_H_

#include "sf/sf_stack.h"
#include "sf/sf_stream.h"

#define TINY_INPUT_HEIGHT 8
#define TINY_INPUT_WIDTH 6
#define TINY_INPUT_CHANNELS 3
#define TINY_INPUT_SCALE 7.8125e-03f  // code = value / scale + zero point
#define TINY_INPUT_ZERO_POINT 0
#define TINY_OUTPUTS 2
// Output 0, head.task.pool.activation: value = scale * (code - zero point). Of tasks whose head.task.pooling is 1
#define TINY_OUTPUT0_HEIGHT 1
#define TINY_OUTPUT0_WIDTH 1
#define TINY_OUTPUT0_CHANNELS 2
#define TINY_OUTPUT0_SCALE 1.5625e-02f
#define TINY_OUTPUT0_ZERO_POINT 0
// Output 1, head.task.activation: value = scale * (code - zero point). Of tasks whose head.task.pooling is 0
#define TINY_OUTPUT1_HEIGHT 2
#define TINY_OUTPUT1_WIDTH 2
#define TINY_OUTPUT1_CHANNELS 2
#define TINY_OUTPUT1_SCALE 1.5625e-02f
#define TINY_OUTPUT1_ZERO_POINT 0
#define TINY_MEMORY_BYTES 152  // rows that are kept, newest rows, running sums, states
#define TINY_TASK_BYTES 1156
// The most stack that sf_push_row() and sf_load_task() use; what it counts, sf_stack.h says.
#define TINY_STACK_BYTES SF_LARGER(SF_LARGER(SF_STACK_OTHERS, SF_STACK_CONVOLVE), SF_STACK_DEPTHWISE)

#ifdef __cplusplus
extern "C" {
#endif

// For sf_load_task(), sf_push_row(), sf_output().
extern const sf_network tiny_network;

// Another instance of the network, with memory of its own that you place where you like.
typedef struct {
  sf_network network;
  sf_state state;
  uint16_t made[23 + 1];
  uint16_t steps[23];
  const int8_t *rows[3];
  int32_t memory[TINY_MEMORY_BYTES / 4];
} tiny_instance;

// Makes an instance ready, whatever was in it. Returns: the network for the functions above.
const sf_network *tiny_begin(tiny_instance *instance);

// The task image that was made with this network. It consists of words, so that every compiler
// aligns it as sf_load_task() requires.
extern const uint32_t tiny_task[TINY_TASK_BYTES / 4];

#ifdef __cplusplus
}
#endif

#endif  // TINY_STREAM_H_
