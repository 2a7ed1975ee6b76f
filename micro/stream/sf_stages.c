#include "sf_stages.h"

#include <string.h>

static const uint8_t *section(const sf_network *network, const sf_stage *stage) {
  return network->state->task + stage->section;
}

static uint32_t aligned(uint32_t size) { return (size + 3) & ~UINT32_C(3); }

// --- Checks: whatever a task image says, kernels stay within defined arithmetic

static int is_factor(int32_t multiplier, int32_t shift) {
  return multiplier >= 0 && shift >= -31 && shift <= 31;
}

static sf_status check_nothing(const sf_stage *stage, const uint8_t *section) {
  (void)stage, (void)section;
  return SF_OK;
}

static sf_status check_factors(const uint8_t *section, int32_t count) {
  const sf_factor *factors = (const sf_factor *)(const void *)section;
  for (int32_t i = 0; i < count; i++) {
    if (!is_factor(factors[i].multiplier, factors[i].shift)) return SF_BAD_FACTOR;
  }
  return SF_OK;
}

static sf_status check_one_factor(const sf_stage *stage, const uint8_t *section) {
  (void)stage;
  return check_factors(section, 1);
}

static sf_status check_three_factors(const sf_stage *stage, const uint8_t *section) {
  (void)stage;
  return check_factors(section, 3);
}

// --- Convolutions

static sf_constants constants_of(const sf_convolution *convolution, const uint8_t *section) {
  const uint32_t channels = convolution->window.output_channels;
  sf_constants constants;
  constants.bias = (const int32_t *)(const void *)section;
  constants.factors = constants.bias + channels;
  const int8_t *rest = (const int8_t *)(constants.factors + channels);
  constants.shifts = convolution->wide ? rest : NULL;
  if (convolution->wide) rest += aligned(channels);
  constants.codes = convolution->fixed_codes ? convolution->fixed_codes : rest;
  return constants;
}

typedef void convolution_kernel(const sf_window *window, const sf_constants *constants,
                                const int8_t *const *rows, int8_t *output);

static void run_convolution(convolution_kernel *kernel, const sf_network *network,
                            const sf_stage *stage, const int8_t *const *rows, int8_t *output) {
  const sf_convolution *convolution = stage->parameters;
  const sf_constants constants = constants_of(convolution, section(network, stage));
  kernel(&convolution->window, &constants, rows, output);
}

static void run_convolve(const sf_network *network, const sf_stage *stage,
                         const int8_t *const *rows, int8_t *output) {
  run_convolution(sf_convolve_row, network, stage, rows, output);
}

static void run_convolve_widened(const sf_network *network, const sf_stage *stage,
                                 const int8_t *const *rows, int8_t *output) {
  run_convolution(sf_convolve_widened_row, network, stage, rows, output);
}

static void run_depthwise(const sf_network *network, const sf_stage *stage,
                          const int8_t *const *rows, int8_t *output) {
  run_convolution(sf_depthwise_row, network, stage, rows, output);
}

static sf_status check_convolution(const sf_stage *stage, const uint8_t *section) {
  const sf_convolution *convolution = stage->parameters;
  const sf_constants constants = constants_of(convolution, section);
  for (int32_t i = 0; i < convolution->window.output_channels; i++) {
    const int32_t word = constants.factors[i];
    const int32_t shift = constants.shifts ? constants.shifts[i] : (word & 127) - 64;
    if (!is_factor(word, shift)) return SF_BAD_FACTOR;
  }
  return SF_OK;
}

const sf_kind sf_convolve = {run_convolve, check_convolution, NULL};
const sf_kind sf_convolve_widened = {run_convolve_widened, check_convolution, NULL};
const sf_kind sf_depthwise = {run_depthwise, check_convolution, NULL};

// --- Pools

static void run_average_pool(const sf_network *network, const sf_stage *stage,
                             const int8_t *const *rows, int8_t *output) {
  (void)network;
  sf_average_pool_row(stage->parameters, rows, output);
}

static void run_max_pool(const sf_network *network, const sf_stage *stage,
                         const int8_t *const *rows, int8_t *output) {
  (void)network;
  sf_max_pool_row(stage->parameters, rows, output);
}

const sf_kind sf_average_pool = {run_average_pool, check_nothing, NULL};
const sf_kind sf_max_pool = {run_max_pool, check_nothing, NULL};

// Adds a row to a stage's running sums. Returns them after the last row, else NULL.
static const int32_t *sum(const sf_network *network, const sf_stage *stage, uint32_t place,
                          int32_t width, int32_t channels, const int8_t *row) {
  int32_t *sums = (int32_t *)(void *)(network->memory + place);
  const uint16_t step = network->steps[stage - network->stages];
  if (step == 0) memset(sums, 0, (size_t)channels * sizeof *sums);
  sf_sum_row(width, channels, row, sums);
  return step + 1 == stage->steps ? sums : NULL;
}

static void run_running_average(const sf_network *network, const sf_stage *stage,
                                const int8_t *const *rows, int8_t *output) {
  const sf_whole_pool *pool = stage->parameters;
  const sf_window *window = &pool->window;
  const int32_t *sums =
      sum(network, stage, pool->sums, window->input_width, window->input_channels, rows[0]);
  if (sums) sf_average_sums(window, window->input_width * stage->steps, sums, output);
}

static void run_running_mean(const sf_network *network, const sf_stage *stage,
                             const int8_t *const *rows, int8_t *output) {
  const sf_mean *mean = stage->parameters;
  const int32_t *sums = sum(network, stage, mean->sums, mean->width, mean->channels, rows[0]);
  const sf_factor *factor = (const sf_factor *)(const void *)section(network, stage);
  if (sums) {
    sf_mean_sums(mean->channels, mean->width * mean->height, mean->input_zero_point,
                 mean->output_zero_point, factor, sums, output);
  }
}

const sf_kind sf_running_average = {run_running_average, check_nothing, NULL};
const sf_kind sf_running_mean = {run_running_mean, check_one_factor, NULL};

// --- Value by value

static void run_scale(const sf_network *network, const sf_stage *stage, const int8_t *const *rows,
                      int8_t *output) {
  const sf_factor *factor = (const sf_factor *)(const void *)section(network, stage);
  sf_scale_row(stage->parameters, (const int8_t *)(factor + 1), factor, rows[0], output);
}

static void run_add(const sf_network *network, const sf_stage *stage, const int8_t *const *rows,
                    int8_t *output) {
  const sf_pairing *pairing = stage->parameters;
  sf_add_row((int32_t)pairing->count, &pairing->pair,
             (const sf_factor *)(const void *)section(network, stage), rows[0], rows[1], output);
}

static void run_multiply(const sf_network *network, const sf_stage *stage,
                         const int8_t *const *rows, int8_t *output) {
  const sf_pairing *pairing = stage->parameters;
  sf_multiply_row((int32_t)pairing->count, &pairing->pair,
                  (const sf_factor *)(const void *)section(network, stage), rows[0], rows[1],
                  output);
}

static void run_lookup(const sf_network *network, const sf_stage *stage, const int8_t *const *rows,
                       int8_t *output) {
  const sf_table *table = stage->parameters;
  sf_lookup_row((int32_t)table->count, (const int8_t *)section(network, stage), rows[0], output);
}

const sf_kind sf_scale = {run_scale, check_one_factor, NULL};
const sf_kind sf_add = {run_add, check_three_factors, NULL};
const sf_kind sf_multiply = {run_multiply, check_one_factor, NULL};
const sf_kind sf_lookup = {run_lookup, check_nothing, NULL};

// --- Bytes that only move

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
  const int8_t *other = rows[*is_on(section(network, stage))];
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

const sf_kind sf_wire = {run_wire, check_nothing, NULL};
const sf_kind sf_core_shuffle = {run_core_shuffle, check_core_shuffle, NULL};
const sf_kind sf_pad = {run_pad, check_nothing, NULL};

// --- Another size

static const sf_tap *rows_of_resize(const sf_stage *stage) {
  const sf_resizing *resizing = stage->parameters;
  return resizing->rows;
}

static void run_resize(const sf_network *network, const sf_stage *stage, const int8_t *const *rows,
                       int8_t *output) {
  const sf_resizing *resizing = stage->parameters;
  const uint16_t step = network->steps[stage - network->stages];
  sf_resize_row(resizing->width, resizing->channels, resizing->columns, resizing->rows[step].weight,
                rows[0], rows[1], output);
}

const sf_kind sf_resize = {run_resize, check_nothing, rows_of_resize};

// --- Softmax

static void run_softmax(const sf_network *network, const sf_stage *stage, const int8_t *const *rows,
                        int8_t *output) {
  const sf_softmax_shape *shape = stage->parameters;
  const sf_factor *factor = (const sf_factor *)(const void *)section(network, stage);
  const int32_t *smallest = (const int32_t *)(const void *)(factor + 1);
  sf_softmax_row(shape->width, shape->channels, factor, *smallest, rows[0], output);
}

const sf_kind sf_softmax = {run_softmax, check_one_factor, NULL};
