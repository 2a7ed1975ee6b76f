// The kinds of stages that remember the steps before.
#include "sf_recurrent.h"
#include "sf_stage_parts.h"
#include "sf_stages.h"

// The memories of a stage are kept maps of one row, one after the other.
static void *memory_of(const sf_network *network, uint32_t index) {
  return network->memory + network->states[index].place;
}

static void run_lstm(const sf_network *network, const sf_stage *stage, const int8_t *const *rows,
                     int8_t *output) {
  const sf_recurring_lstm *lstm = stage->parameters;
  const sf_lstm_shape *shape = &lstm->shape;
  const uint32_t units = shape->units, biases = 8 * units, codes = 4 * units * shape->channels;
  sf_lstm_constants constants;
  constants.factors = (const sf_factor *)(const void *)sf_section(network, stage);
  constants.bias = (const int32_t *)(const void *)(constants.factors + SF_LSTM_FACTORS);
  constants.codes = (const int8_t *)(constants.bias + biases);
  constants.recurrent_codes = constants.codes + sf_aligned(codes);
  sf_lstm_row(shape, &constants, rows[0], memory_of(network, lstm->first_memory),
              memory_of(network, lstm->first_memory + 1u), output);
}

static sf_status check_lstm(const sf_stage *stage, const uint8_t *section) {
  (void)stage;
  return sf_check_factors(section, SF_LSTM_FACTORS);
}

static void run_svdf(const sf_network *network, const sf_stage *stage, const int8_t *const *rows,
                     int8_t *output) {
  const sf_recurring_svdf *svdf = stage->parameters;
  const sf_svdf_shape *shape = &svdf->shape;
  const uint32_t filters = (uint32_t)shape->units * shape->rank;
  sf_svdf_constants constants;
  constants.factors = (const sf_factor *)(const void *)sf_section(network, stage);
  constants.bias = (const int32_t *)(const void *)(constants.factors + SF_SVDF_FACTORS);
  constants.time_codes = (const int16_t *)(const void *)(constants.bias + shape->units + filters);
  constants.codes = (const int8_t *)constants.time_codes + sf_aligned(2 * filters * shape->steps);
  sf_svdf_row(shape, &constants, rows[0], memory_of(network, svdf->first_memory), output);
}

static sf_status check_svdf(const sf_stage *stage, const uint8_t *section) {
  (void)stage;
  return sf_check_factors(section, SF_SVDF_FACTORS);
}

const sf_kind sf_lstm = {run_lstm, check_lstm};
const sf_kind sf_svdf = {run_svdf, check_svdf};
