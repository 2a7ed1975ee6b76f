#include "sf_stream.h"

#include <string.h>

#include "sf_switches.h"

// Hooks around each step of a stage, for measuring time or looking at rows; define SF_HOOKS to a
// header that defines both. values is NULL after a step that made no row.
#ifdef SF_HOOKS
#include SF_HOOKS
#else
#define SF_BEFORE_STAGE(network, stage) ((void)0)
#define SF_AFTER_STAGE(network, stage, row, values) ((void)0)
#endif

// A tensor's newest row is still in the place that all stages share: a flag beside the count of its
// rows.
#define IS_NEW 0x8000u
#define COUNT 0x7fffu

static uint32_t row_bytes(const sf_tensor *tensor) {
  return (uint32_t)tensor->width * tensor->channels;
}

static uint32_t aligned(uint32_t size) { return (size + 3) & ~UINT32_C(3); }

static uint16_t made(const sf_network *network, uint16_t tensor) {
  return network->made[tensor] & COUNT;
}

static int8_t *kept_row(const sf_network *network, const sf_tensor *tensor, uint16_t y) {
  return network->memory + tensor->kept + (y % tensor->rows) * aligned(row_bytes(tensor));
}

static const int8_t *newest_row(const sf_network *network, uint16_t tensor) {
  return tensor == 0 ? network->state->image_row
                     : network->memory + network->tensors[tensor].newest;
}

static const int8_t *row_of(const sf_network *network, uint16_t tensor, uint16_t y) {
  if ((network->made[tensor] & IS_NEW) && y + 1 == made(network, tensor)) {
    return newest_row(network, tensor);
  }
  return kept_row(network, &network->tensors[tensor], y);
}

// Moves the newest row of a tensor to where later lines find it.
static void retire(const sf_network *network, uint16_t tensor) {
  if (!(network->made[tensor] & IS_NEW)) return;
  network->made[tensor] &= COUNT;
  memcpy(kept_row(network, &network->tensors[tensor], (uint16_t)(made(network, tensor) - 1)),
         newest_row(network, tensor), row_bytes(&network->tensors[tensor]));
}

// Points at the rows that the next step of a stage reads. Returns whether they are all there.
static int find_rows(const sf_network *network, const sf_stage *stage, uint16_t step) {
  const int32_t height = network->tensors[stage->inputs[0]].height;
  const int32_t first = (int32_t)step * stage->row_stride - stage->rows_above;
  int32_t end = first + (stage->window_rows - 1) * stage->row_dilation + 1;
  if (end > height) end = height;
  for (int32_t i = 0; i < stage->input_count; i++) {
    if (end > made(network, stage->inputs[i])) return 0;
  }
  if (stage->input_count == 1) {
    for (int32_t i = 0; i < stage->window_rows; i++) {
      const int32_t y = first + i * stage->row_dilation;
      network->rows[i] =
          y >= 0 && y < height ? row_of(network, stage->inputs[0], (uint16_t)y) : NULL;
    }
  } else {
    for (int32_t i = 0; i < stage->input_count; i++) {
      network->rows[i] = row_of(network, stage->inputs[i], step);
    }
  }
  return 1;
}

static int is_met(const sf_network *network, uint8_t condition) {
  return condition == 0 || network->switching->is_met(network, network->state->task, condition);
}

// Gives an output's new row to whoever asked for it.
static void report(const sf_network *network, uint16_t tensor, uint16_t row, const int8_t *values) {
  const sf_state *state = network->state;
  if (state->on_row == NULL) return;
  for (uint32_t i = 0; i < network->output_count; i++) {
    const sf_output_tensor *output = &network->outputs[i];
    if (output->tensor == tensor && is_met(network, output->condition)) {
      state->on_row(state->user, (uint16_t)i, row, values);
    }
  }
}

// Does the next step of a stage if it can. Returns whether any are left.
static int run(const sf_network *network, uint32_t index) {
  const sf_stage *stage = &network->stages[index];
  uint16_t *steps = &network->steps[index];
  const uint16_t step = *steps;
  if (step == stage->steps) return 0;
  if (!find_rows(network, stage, step)) return 1;
  const sf_tensor *tensor = &network->tensors[stage->output];
  int8_t *output = network->memory + tensor->newest;
  SF_BEFORE_STAGE(network, (uint16_t)index);
  stage->kind->run(network, stage, network->rows, output);
  *steps = (uint16_t)(step + 1);
  // A stage that sums up has no row before its last step.
  const uint16_t row = made(network, stage->output);
  const int is_last = step + 1 == stage->steps,
            makes_row = is_last || stage->steps == tensor->height;
  SF_AFTER_STAGE(network, (uint16_t)index, row, makes_row ? output : NULL);
  if (makes_row) {
    network->made[stage->output] = (uint16_t)((row + 1) | IS_NEW);
    report(network, stage->output, row, output);
  }
  return !is_last;
}

// Runs every stage once: the time that one row of the image takes in hardware. Returns whether
// anything is left to do.
static int run_line(const sf_network *network) {
  int left = 0;
  for (uint32_t i = 0; i < network->stage_count; i++) {
    const sf_stage *stage = &network->stages[i];
    left |= run(network, i);
    for (int32_t j = 0; j < stage->retire_count; j++) retire(network, stage->retires[j]);
  }
  return left;
}

sf_status sf_push_row(const sf_network *network, const int8_t *row) {
  if (!network->state->task) return SF_NO_TASK;
  network->state->image_row = row;
  network->made[0] = (uint16_t)((made(network, 0) + 1) | IS_NEW);
  int left = run_line(network);
  if (made(network, 0) != network->tensors[0].height) return SF_OK;
  while (left) left = run_line(network);
  sf_start(network);
  return SF_IMAGE_COMPLETE;
}

void sf_start(const sf_network *network) {
  memset(network->made, 0, (network->stage_count + 1u) * sizeof *network->made);
  memset(network->steps, 0, network->stage_count * sizeof *network->steps);
  if (network->switching) network->switching->rest(network);
}

void sf_set_on_row(const sf_network *network,
                   void (*on_row)(void *user, uint16_t output, uint16_t row, const int8_t *values),
                   void *user) {
  network->state->on_row = on_row;
  network->state->user = user;
}

const int8_t *sf_output(const sf_network *network, uint16_t output) {
  const sf_output_tensor *wanted = &network->outputs[output];
  if (!is_met(network, wanted->condition)) return NULL;
  return network->memory + network->tensors[wanted->tensor].kept;
}
