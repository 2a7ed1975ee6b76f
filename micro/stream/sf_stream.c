#include "sf_stream.h"

#include <string.h>

#include "sf_stage_parts.h"
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

static uint16_t made(const sf_network *network, uint16_t tensor) {
  return network->made[tensor] & COUNT;
}

static int8_t *kept_row(const sf_network *network, const sf_tensor *tensor, uint16_t y) {
  return network->memory + tensor->kept + (y % tensor->rows) * sf_aligned(row_bytes(tensor));
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

// Moves the newest row of a tensor, if it has one, to where later lines find it.
static void retire(const sf_network *network, uint16_t tensor) {
  if (!(network->made[tensor] & IS_NEW)) return;
  network->made[tensor] &= COUNT;
  const sf_tensor *kept = &network->tensors[tensor];
  const int32_t size = (int32_t)row_bytes(kept);
  sf_copy_channels(1, size, 1, size, size, newest_row(network, tensor),
                   kept_row(network, kept, (uint16_t)(made(network, tensor) - 1)));
}

// Whether the rows that a step of a stage reads are there.
static int is_due(const sf_network *network, const sf_stage *stage, uint16_t step) {
  if (stage->reads) {
    const sf_reads *read = &stage->reads[step];
    return made(network, stage->inputs[read->input]) > read->last;
  }
  const int32_t last = stage->first_rows + step * stage->row_stride;
  const int32_t rows = last < stage->input_height ? last : stage->input_height;
  const uint16_t *input = stage->inputs, *end = input + stage->input_count;
  for (; input < end; input++) {
    if (made(network, *input) < rows) return 0;
  }
  return 1;
}

// Points at them.
static void find_rows(const sf_network *network, const sf_stage *stage, uint16_t step) {
  const int32_t first = step * stage->row_stride - stage->rows_above;
  if (stage->reads) {
    const sf_reads *read = &stage->reads[step];
    for (uint16_t y = read->first; y <= read->last; y++) {
      network->rows[y - read->first] = row_of(network, stage->inputs[read->input], y);
    }
    return;
  }
  if (stage->input_count == 1) {
    for (int32_t i = 0; i < stage->window_rows; i++) {
      const int32_t y = first + i * stage->row_dilation;
      const int is_within = y >= 0 && y < stage->input_height;
      network->rows[i] = is_within ? row_of(network, stage->inputs[0], (uint16_t)y) : NULL;
    }
  } else {
    for (int32_t i = 0; i < stage->input_count; i++) {
      network->rows[i] = row_of(network, stage->inputs[i], step);
    }
  }
}

static int is_met(const sf_network *network, uint8_t condition) {
  return condition == 0 || network->switching->is_met(network, network->state->task, condition);
}

// Gives an output's new row to whoever asked for it.
static void report(const sf_network *network, uint16_t tensor, uint16_t row, const int8_t *values) {
  const sf_state *state = network->state;
  // on_row may set another function, or none.
  for (uint32_t i = 0; i < network->output_count && state->on_row != NULL; i++) {
    const sf_output_tensor *output = &network->outputs[i];
    if (output->tensor == tensor && is_met(network, output->condition)) {
      state->on_row(state->user, (uint16_t)i, row, values);
    }
  }
}

// Does a step of a stage.
static void run(const sf_network *network, const sf_stage *stage, uint16_t step) {
  const uint16_t index = (uint16_t)(stage - network->stages);
  const sf_tensor *tensor = &network->tensors[stage->output];
  int8_t *output = network->memory + tensor->newest;
  find_rows(network, stage, step);
  SF_BEFORE_STAGE(network, index);
  stage->kind->run(network, stage, network->rows, output);
  network->steps[index] = (uint16_t)(step + 1);
  // A stage that sums up has no row before its last step.
  const uint16_t row = made(network, stage->output);
  const int makes_row = step + 1 == stage->steps || stage->steps == tensor->height;
  SF_AFTER_STAGE(network, index, row, makes_row ? output : NULL);
  if (makes_row) {
    network->made[stage->output] = (uint16_t)((row + 1) | IS_NEW);
    report(network, stage->output, row, output);
  }
}

// Goes on in a line, in which every stage that is due runs once: the time that one row of the image
// takes in hardware. Stops after the first stage that has run, or goes to the end. Returns whether
// a stage has run.
static int run_line(const sf_network *network, int to_the_end) {
  const uint16_t *steps = network->steps;
  const sf_stage *stage = network->stages + network->state->next_stage;
  const sf_stage *end = network->stages + network->stage_count;
  int has_run = 0;
  for (steps += network->state->next_stage; stage < end && (to_the_end || !has_run); stage++) {
    const uint16_t step = *steps++;
    if (step < stage->steps && is_due(network, stage, step)) {
      run(network, stage, step);
      has_run = 1;
    }
    for (int32_t i = 0; i < stage->retire_count; i++) retire(network, stage->retires[i]);
  }
  network->state->next_stage = (uint16_t)(stage - network->stages);
  return has_run;
}

static int is_unfinished(const sf_network *network) {
  for (uint32_t i = 0; i < network->stage_count; i++) {
    if (network->steps[i] < network->stages[i].steps) return 1;
  }
  return 0;
}

static void start(const sf_network *network) {
  memset(network->made, 0, (network->stage_count + 1u) * sizeof *network->made);
  memset(network->steps, 0, network->stage_count * sizeof *network->steps);
  network->state->next_stage = 0;
  network->state->is_pending = 0;
  if (network->switching) network->switching->rest(network);
}

static void reset(const sf_network *network) {
  for (uint32_t i = 0; i < network->state_count; i++) {
    const sf_kept_map *state = &network->states[i];
    memset(network->memory + state->place, state->initial, (size_t)state->row_bytes * state->rows);
  }
  start(network);
}

// Ends a line that is over: the next one begins if the image has no further row, but work is left.
static sf_status end_line(const sf_network *network) {
  network->state->next_stage = 0;
  if (made(network, 0) == network->tensors[0].height) {
    if (is_unfinished(network)) return SF_BUSY;
    start(network);
    return SF_IMAGE_COMPLETE;
  }
  network->state->is_pending = 0;
  return SF_OK;
}

// Does pieces of the pending work: one, or all. Returns SF_BUSY if work is left.
static sf_status work(const sf_network *network, int all) {
  sf_state *state = network->state;
  sf_status status = SF_BUSY;
  state->is_running = 1;
  while (status == SF_BUSY) {
    const int has_run = run_line(network, all);
    if (state->next_stage == network->stage_count) status = end_line(network);
    if (has_run && !all) break;
  }
  state->is_running = 0;
  return status;
}

sf_status sf_give_row(const sf_network *network, const int8_t *row) {
  sf_state *state = network->state;
  if (state->is_running || state->is_pending) return SF_BUSY;
  if (row == NULL) return SF_NULL;
  if (state->task == NULL) return SF_NO_TASK;
  state->image_row = row;
  state->is_pending = 1;
  network->made[0] = (uint16_t)((made(network, 0) + 1) | IS_NEW);
  return SF_OK;
}

sf_status sf_work(const sf_network *network) {
  if (network->state->is_running) return SF_BUSY;
  return network->state->is_pending ? work(network, 0) : SF_OK;
}

sf_status sf_push_row(const sf_network *network, const int8_t *row) {
  const sf_status status = sf_give_row(network, row);
  return status == SF_OK ? work(network, 1) : status;
}

sf_status sf_start(const sf_network *network) {
  if (network->state->is_running) return SF_BUSY;
  if (made(network, 0) > 0) {
    reset(network);
  } else {
    start(network);
  }
  return SF_OK;
}

sf_status sf_reset(const sf_network *network) {
  if (network->state->is_running) return SF_BUSY;
  reset(network);
  return SF_OK;
}

void sf_set_on_row(const sf_network *network,
                   void (*on_row)(void *user, uint16_t output, uint16_t row, const int8_t *values),
                   void *user) {
  network->state->on_row = on_row;
  network->state->user = user;
}

const int8_t *sf_output(const sf_network *network, uint16_t output) {
  if (output >= network->output_count || network->state->task == NULL) return NULL;
  const sf_output_tensor *place = &network->outputs[output];
  const sf_tensor *tensor = &network->tensors[place->tensor];
  if (tensor->height != 1 || !is_met(network, place->condition)) return NULL;
  return network->memory + tensor->kept;
}
