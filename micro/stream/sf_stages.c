#include "sf_stages.h"

#include <string.h>

#include "sf_stage_parts.h"

// --- Checks

static sf_status check_one_factor(const sf_stage *stage, const uint8_t *section) {
  (void)stage;
  return sf_check_factors(section, 1);
}

static sf_status check_two_factors(const sf_stage *stage, const uint8_t *section) {
  (void)stage;
  return sf_check_factors(section, 2);
}

static sf_status check_three_factors(const sf_stage *stage, const uint8_t *section) {
  (void)stage;
  return sf_check_factors(section, 3);
}

// --- Convolutions

static sf_constants constants_of(const sf_convolution *convolution, const uint8_t *section) {
  const uint32_t channels = convolution->window.output_channels;
  sf_constants constants;
  constants.bias = (const int32_t *)(const void *)section;
  constants.factors = constants.bias + channels;
  const int8_t *rest = (const int8_t *)(constants.factors + channels);
  constants.shifts = convolution->wide ? rest : NULL;
  if (convolution->wide) rest += sf_aligned(channels);
  constants.codes = convolution->fixed_codes ? convolution->fixed_codes : rest;
  return constants;
}

typedef void convolution_kernel(const sf_window *window, const sf_constants *constants,
                                const int8_t *const *rows, int8_t *output);

static void run_convolution(convolution_kernel *kernel, const sf_network *network,
                            const sf_stage *stage, const int8_t *const *rows, int8_t *output) {
  const sf_convolution *convolution = stage->parameters;
  const sf_constants constants = constants_of(convolution, sf_section(network, stage));
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

static void run_multiplied(const sf_network *network, const sf_stage *stage,
                           const int8_t *const *rows, int8_t *output) {
  run_convolution(sf_multiplied_row, network, stage, rows, output);
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
    if (!sf_is_factor(word, shift)) return SF_BAD_FACTOR;
  }
  return SF_OK;
}

const sf_kind sf_convolve = {run_convolve, check_convolution};
const sf_kind sf_convolve_widened = {run_convolve_widened, check_convolution};
const sf_kind sf_multiplied = {run_multiplied, check_convolution};
const sf_kind sf_depthwise = {run_depthwise, check_convolution};

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

const sf_kind sf_average_pool = {run_average_pool, sf_check_nothing};
const sf_kind sf_max_pool = {run_max_pool, sf_check_nothing};

// Adds a row to a stage's running sums. Returns them after the last row, else NULL.
static const int32_t *sum(const sf_network *network, const sf_stage *stage, uint32_t place,
                          int32_t width, int32_t channels, const int8_t *row) {
  int32_t *sums = (int32_t *)(void *)(network->memory + place);
  const uint16_t step = sf_step(network, stage);
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
  const sf_factor *factor = (const sf_factor *)(const void *)sf_section(network, stage);
  if (sums) {
    sf_mean_sums(mean->channels, mean->width * mean->height, mean->input_zero_point,
                 mean->output_zero_point, factor, sums, output);
  }
}

const sf_kind sf_running_average = {run_running_average, sf_check_nothing};
const sf_kind sf_running_mean = {run_running_mean, check_one_factor};

static const int32_t *reduce(const sf_network *network, const sf_stage *stage, const int8_t *row) {
  const sf_reducing *reducing = stage->parameters;
  int32_t *made = (int32_t *)(void *)(network->memory + reducing->sums);
  const uint16_t step = sf_step(network, stage);
  if (!reducing->over_rows || step == 0) {
    sf_start_reduction(&reducing->reduction, (int32_t)reducing->made, made);
  }
  sf_reduce_row(&reducing->reduction, row, made);
  return !reducing->over_rows || step + 1 == stage->steps ? made : NULL;
}

static void run_reduce(const sf_network *network, const sf_stage *stage, const int8_t *const *rows,
                       int8_t *output) {
  const sf_reducing *reducing = stage->parameters;
  const sf_factor *factor = (const sf_factor *)(const void *)sf_section(network, stage);
  const int32_t *sums = reduce(network, stage, rows[0]);
  if (sums) {
    sf_mean_sums((int32_t)reducing->made, (int32_t)reducing->count, reducing->input_zero_point,
                 reducing->output_zero_point, factor, sums, output);
  }
}

static void run_extreme(const sf_network *network, const sf_stage *stage, const int8_t *const *rows,
                        int8_t *output) {
  const sf_reducing *reducing = stage->parameters;
  const int32_t *codes = reduce(network, stage, rows[0]);
  for (uint32_t i = 0; codes && i < reducing->made; i++) output[i] = (int8_t)codes[i];
}

static void run_arg_max(const sf_network *network, const sf_stage *stage, const int8_t *const *rows,
                        int8_t *output) {
  (void)network;
  const sf_pixels *pixels = stage->parameters;
  sf_arg_max_row(pixels->width, pixels->channels, rows[0], output);
}

const sf_kind sf_reduce = {run_reduce, check_one_factor};
const sf_kind sf_extreme = {run_extreme, sf_check_nothing};
static void run_normalize(const sf_network *network, const sf_stage *stage,
                          const int8_t *const *rows, int8_t *output) {
  (void)network;
  const sf_normalizing *shape = stage->parameters;
  sf_normalize_row(shape->width, shape->channels, shape->zero_point, rows[0], output);
}

const sf_kind sf_normalize = {run_normalize, sf_check_nothing};
const sf_kind sf_arg_max = {run_arg_max, sf_check_nothing};

// --- Value by value

static void run_scale(const sf_network *network, const sf_stage *stage, const int8_t *const *rows,
                      int8_t *output) {
  const sf_factor *factor = (const sf_factor *)(const void *)sf_section(network, stage);
  sf_scale_row(stage->parameters, (const int8_t *)(factor + 1), factor, rows[0], output);
}

static void run_add(const sf_network *network, const sf_stage *stage, const int8_t *const *rows,
                    int8_t *output) {
  const sf_pairing *pairing = stage->parameters;
  sf_add_row((int32_t)pairing->count, &pairing->pair,
             (const sf_factor *)(const void *)sf_section(network, stage), rows[0], rows[1], output);
}

static void run_multiply(const sf_network *network, const sf_stage *stage,
                         const int8_t *const *rows, int8_t *output) {
  const sf_pairing *pairing = stage->parameters;
  sf_multiply_row((int32_t)pairing->count, &pairing->pair,
                  (const sf_factor *)(const void *)sf_section(network, stage), rows[0], rows[1],
                  output);
}

static void run_matmul(const sf_network *network, const sf_stage *stage, const int8_t *const *rows,
                       int8_t *output) {
  const sf_factor *factor = (const sf_factor *)(const void *)sf_section(network, stage);
  sf_matmul_row(stage->parameters, factor, rows[0], rows[1], output);
}

static void run_lookup(const sf_network *network, const sf_stage *stage, const int8_t *const *rows,
                       int8_t *output) {
  const sf_table *table = stage->parameters;
  sf_lookup_row((int32_t)table->count, (const int8_t *)sf_section(network, stage), rows[0], output);
}

static void run_subtract(const sf_network *network, const sf_stage *stage,
                         const int8_t *const *rows, int8_t *output) {
  const sf_pairing *pairing = stage->parameters;
  sf_subtract_row((int32_t)pairing->count, &pairing->pair,
                  (const sf_factor *)(const void *)sf_section(network, stage), rows[0], rows[1],
                  output);
}

static void run_square_difference(const sf_network *network, const sf_stage *stage,
                                  const int8_t *const *rows, int8_t *output) {
  const sf_pairing *pairing = stage->parameters;
  sf_square_difference_row((int32_t)pairing->count, &pairing->pair,
                           (const sf_factor *)(const void *)sf_section(network, stage), rows[0],
                           rows[1], output);
}

static void run_maximum(const sf_network *network, const sf_stage *stage, const int8_t *const *rows,
                        int8_t *output) {
  (void)network;
  const sf_pairing *pairing = stage->parameters;
  sf_maximum_row((int32_t)pairing->count, &pairing->pair, rows[0], rows[1], output);
}

static void run_minimum(const sf_network *network, const sf_stage *stage, const int8_t *const *rows,
                        int8_t *output) {
  (void)network;
  const sf_pairing *pairing = stage->parameters;
  sf_minimum_row((int32_t)pairing->count, &pairing->pair, rows[0], rows[1], output);
}

static void run_prelu(const sf_network *network, const sf_stage *stage, const int8_t *const *rows,
                      int8_t *output) {
  const sf_factor *factors = (const sf_factor *)(const void *)sf_section(network, stage);
  const sf_bending *bending = stage->parameters;
  const sf_scaling *scaling = &bending->scaling;
  const int8_t *slopes = (const int8_t *)(factors + 2);
  const int32_t slope_step = bending->of_each_value ? scaling->channels : 0;
  slopes += sf_step(network, stage) * scaling->width * slope_step;
  sf_prelu_row(scaling, slopes, slope_step, factors, rows[0], output);
}

const sf_kind sf_subtract = {run_subtract, check_three_factors};
const sf_kind sf_square_difference = {run_square_difference, check_three_factors};
const sf_kind sf_maximum = {run_maximum, sf_check_nothing};
const sf_kind sf_minimum = {run_minimum, sf_check_nothing};
const sf_kind sf_prelu = {run_prelu, check_two_factors};
const sf_kind sf_scale = {run_scale, check_one_factor};
const sf_kind sf_add = {run_add, check_three_factors};
const sf_kind sf_multiply = {run_multiply, check_one_factor};
const sf_kind sf_matmul = {run_matmul, check_one_factor};
const sf_kind sf_lookup = {run_lookup, sf_check_nothing};

// --- Softmax

static void run_softmax(const sf_network *network, const sf_stage *stage, const int8_t *const *rows,
                        int8_t *output) {
  const sf_pixels *shape = stage->parameters;
  const sf_factor *factor = (const sf_factor *)(const void *)sf_section(network, stage);
  const int32_t *smallest = (const int32_t *)(const void *)(factor + 1);
  sf_softmax_row(shape->width, shape->channels, factor, *smallest, rows[0], output);
}

const sf_kind sf_softmax = {run_softmax, check_one_factor};

static void run_log_softmax(const sf_network *network, const sf_stage *stage,
                            const int8_t *const *rows, int8_t *output) {
  const sf_pixels *shape = stage->parameters;
  const sf_factor *factors = (const sf_factor *)(const void *)sf_section(network, stage);
  const int32_t *smallest = (const int32_t *)(const void *)(factors + 2);
  sf_log_softmax_row(shape->width, shape->channels, factors, *smallest, rows[0], output);
}

const sf_kind sf_log_softmax = {run_log_softmax, check_two_factors};
