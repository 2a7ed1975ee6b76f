// The kinds of stages that move bytes, to other channels, pixels or sizes.
#include <string.h>

#include "sf_stage_parts.h"
#include "sf_stages.h"

// --- To other channels

// Whether two runs fill the same places of the output in turn.
static int alternate(const sf_wire_run *first, const sf_wire_run *second) {
  return first->step == 2 && second->step == 2 && first->count == second->count &&
         first->to + 1 == second->to;
}

static void run_wire(const sf_network *network, const sf_stage *stage, const int8_t *const *rows,
                     int8_t *output) {
  (void)network;
  const sf_wiring *wiring = stage->parameters;
  for (const sf_wire_run *run = wiring->runs, *end = run + wiring->run_count; run < end; run++) {
    const sf_wire_run *next = run + 1;
    const int32_t channels = wiring->input_channels[run->input];
    const int8_t *from = rows[run->input] + run->from;
    if (next < end && alternate(run, next)) {
      sf_interleave_channels(wiring->width, run->count, channels,
                             wiring->input_channels[next->input], wiring->channels, from,
                             rows[next->input] + next->from, output + run->to);
      run++;
    } else {
      sf_copy_channels(wiring->width, run->count, run->step, channels, wiring->channels, from,
                       output + run->to);
    }
  }
}

static const int32_t *is_on(const uint8_t *section) {
  return (const int32_t *)(const void *)section;
}

static void run_core_shuffle(const sf_network *network, const sf_stage *stage,
                             const int8_t *const *rows, int8_t *output) {
  const sf_core_shuffling *cores = stage->parameters;
  const int32_t channels = cores->channels, half = channels / 2;
  const int8_t *other = rows[*is_on(sf_section(network, stage))];
  sf_copy_channels(cores->width, half, 1, channels, channels, rows[0], output);
  sf_copy_channels(cores->width, channels - half, 1, channels, channels, other + half,
                   output + half);
}

static sf_status check_core_shuffle(const sf_stage *stage, const uint8_t *section) {
  (void)stage;
  return *is_on(section) == 0 || *is_on(section) == 1 ? SF_OK : SF_BAD_SWITCH;
}

static void run_pad(const sf_network *network, const sf_stage *stage, const int8_t *const *rows,
                    int8_t *output) {
  (void)network;
  const sf_padding *padding = stage->parameters;
  const int32_t channels = padding->before + padding->channels + padding->after;
  const size_t pixels = (size_t)padding->left + padding->width + padding->right;
  memset(output, padding->value, pixels * (size_t)channels);
  if (rows[0]) {
    sf_copy_channels(padding->width, padding->channels, 1, padding->channels, channels, rows[0],
                     output + padding->left * channels + padding->before);
  }
}

const sf_kind sf_wire = {run_wire, sf_check_nothing};
const sf_kind sf_core_shuffle = {run_core_shuffle, check_core_shuffle};
const sf_kind sf_pad = {run_pad, sf_check_nothing};

// --- To other pixels

static void run_resize(const sf_network *network, const sf_stage *stage, const int8_t *const *rows,
                       int8_t *output) {
  const sf_resizing *resizing = stage->parameters;
  const uint16_t step = sf_step(network, stage);
  const sf_reads *read = &stage->reads[step];
  sf_resize_row(resizing->width, resizing->channels, resizing->columns, resizing->weights[step],
                rows[0], rows[read->last - read->first], output);
}

static void run_rearrange(const sf_network *network, const sf_stage *stage,
                          const int8_t *const *rows, int8_t *output) {
  const uint16_t step = sf_step(network, stage);
  sf_rearrange_row(stage->parameters, step, stage->reads[step].first, rows, output);
}

static void run_join(const sf_network *network, const sf_stage *stage, const int8_t *const *rows,
                     int8_t *output) {
  (void)network;
  const sf_joining *joining = stage->parameters;
  for (int32_t i = 0; i < joining->count; i++) {
    memcpy(output, rows[i], joining->row_bytes[i]);
    output += joining->row_bytes[i];
  }
}

static void run_constant(const sf_network *network, const sf_stage *stage,
                         const int8_t *const *rows, int8_t *output) {
  (void)rows;
  const sf_table *table = stage->parameters;
  memcpy(output, sf_section(network, stage) + sf_step(network, stage) * table->count, table->count);
}

const sf_kind sf_rearrange = {run_rearrange, sf_check_nothing};
const sf_kind sf_join = {run_join, sf_check_nothing};
const sf_kind sf_constant = {run_constant, sf_check_nothing};
const sf_kind sf_resize = {run_resize, sf_check_nothing};

// --- From one image to the next

// Where a row of a state is.
static int8_t *state_row(const sf_network *network, const sf_stage *stage) {
  const uint16_t *index = stage->parameters;
  const sf_kept_map *state = &network->states[*index];
  return network->memory + state->place + sf_step(network, stage) * state->row_bytes;
}

static void copy_row(const sf_network *network, const sf_stage *stage, const int8_t *from,
                     int8_t *to) {
  const sf_tensor *tensor = &network->tensors[stage->output];
  memcpy(to, from, (size_t)tensor->width * tensor->channels);
}

static void run_read_state(const sf_network *network, const sf_stage *stage,
                           const int8_t *const *rows, int8_t *output) {
  (void)rows;
  copy_row(network, stage, state_row(network, stage), output);
}

static void run_write_state(const sf_network *network, const sf_stage *stage,
                            const int8_t *const *rows, int8_t *output) {
  copy_row(network, stage, rows[0], state_row(network, stage));
  copy_row(network, stage, rows[0], output);
}

const sf_kind sf_read_state = {run_read_state, sf_check_nothing};
const sf_kind sf_write_state = {run_write_state, sf_check_nothing};
