#include <string.h>

#include "sf_dot.h"
#include "sf_recurrent.h"
#include "sf_rounding.h"

enum { INPUT, FORGET, CELL, OUTPUT, GATES };
enum { HALF = 1 << 30 };  // multiplier of a factor that is a power of two

// sigmoid(i / 24) in units of 2^-16, as TensorFlow Lite has it: curves.py in
// export/graph/arithmetic makes the same.
static const uint16_t sigmoids[256] = {
    32768, 33451, 34133, 34813, 35493, 36169, 36843, 37513, 38180, 38841, 39498, 40149, 40794,
    41432, 42064, 42688, 43304, 43912, 44511, 45102, 45683, 46255, 46817, 47369, 47911, 48443,
    48964, 49475, 49975, 50464, 50942, 51409, 51865, 52311, 52745, 53169, 53581, 53983, 54374,
    54755, 55125, 55485, 55834, 56174, 56503, 56823, 57133, 57433, 57724, 58007, 58280, 58544,
    58800, 59048, 59288, 59519, 59743, 59959, 60168, 60370, 60565, 60753, 60935, 61110, 61279,
    61441, 61599, 61750, 61896, 62036, 62172, 62302, 62428, 62549, 62666, 62778, 62886, 62990,
    63090, 63186, 63279, 63368, 63454, 63536, 63615, 63691, 63765, 63835, 63903, 63968, 64030,
    64090, 64148, 64204, 64257, 64308, 64357, 64405, 64450, 64494, 64536, 64576, 64614, 64652,
    64687, 64721, 64754, 64786, 64816, 64845, 64873, 64900, 64926, 64950, 64974, 64997, 65019,
    65039, 65060, 65079, 65097, 65115, 65132, 65149, 65164, 65179, 65194, 65208, 65221, 65234,
    65246, 65258, 65269, 65280, 65291, 65301, 65310, 65319, 65328, 65337, 65345, 65352, 65360,
    65367, 65374, 65381, 65387, 65393, 65399, 65404, 65410, 65415, 65420, 65425, 65429, 65433,
    65438, 65442, 65445, 65449, 65453, 65456, 65459, 65462, 65465, 65468, 65471, 65474, 65476,
    65479, 65481, 65483, 65485, 65488, 65489, 65491, 65493, 65495, 65497, 65498, 65500, 65501,
    65503, 65504, 65505, 65507, 65508, 65509, 65510, 65511, 65512, 65513, 65514, 65515, 65516,
    65517, 65517, 65518, 65519, 65520, 65520, 65521, 65522, 65522, 65523, 65523, 65524, 65524,
    65525, 65525, 65526, 65526, 65526, 65527, 65527, 65528, 65528, 65528, 65529, 65529, 65529,
    65529, 65530, 65530, 65530, 65530, 65531, 65531, 65531, 65531, 65531, 65532, 65532, 65532,
    65532, 65532, 65532, 65533, 65533, 65533, 65533, 65533, 65533, 65533, 65533, 65534, 65534,
    65534, 65534, 65534, 65534, 65534, 65534, 65534, 65534, 65535};

// Between two entries: `bits` of the magnitude lie below those that choose one.
static int32_t between(uint32_t magnitude, int32_t bits, int32_t largest) {
  const uint32_t entry = magnitude >> bits;
  if (entry >= 255) return largest;
  const uint32_t first = sigmoids[entry], rest = magnitude & ((UINT32_C(1) << bits) - 1);
  return (int32_t)((first << bits) + rest * (sigmoids[entry + 1] - first));
}

static uint32_t magnitude_of(int32_t x) { return x < 0 ? (uint32_t)-x : (uint32_t)x; }

// Of a number of 12 fractional bits; the result has 15, as that of hyperbolic_tangent.
static int32_t sigmoid(int32_t x) {
  const int32_t value = between(magnitude_of(3 * x), 9, INT16_MAX << 10);
  return (x >= 0 ? value + (1 << 9) : (1 << 25) - value + (1 << 9) - 1) >> 10;
}

static int32_t hyperbolic_tangent(int32_t x, int32_t bits) {
  const int32_t right = bits - 12;
  const int32_t argument =
      right > 0 ? (3 * x + (1 << (right - 1))) >> right : 3 * x * (1 << -right);
  const int32_t value = between(magnitude_of(argument), 8, UINT16_MAX << 8);
  return (argument >= 0 ? value - (1 << 23) + (1 << 7) : (1 << 23) - value + (1 << 7) - 1) >> 8;
}

static int32_t as_int16(int32_t x) { return sf_clamp(x, INT16_MIN, INT16_MAX); }

static int32_t scaled(uint32_t sum, const sf_factor *factor) {
  return as_int16(sf_requantise((int32_t)sum, factor->multiplier, factor->shift));
}

void sf_lstm_row(const sf_lstm_shape *shape, const sf_lstm_constants *constants,
                 const int8_t *input, int8_t *hidden, int16_t *cell, int8_t *output) {
  const uint32_t channels = shape->channels, units = shape->units;
  const sf_factor *factors = constants->factors, *of_output = factors + 2 * GATES;
  const int32_t clip = shape->cell_clip ? shape->cell_clip : INT16_MAX + 1;
  for (uint32_t unit = 0; unit < units; ++unit) {
    int32_t gates[GATES];
    for (uint32_t gate = 0; gate < GATES; ++gate) {
      const uint32_t row = gate * units + unit;
      const int32_t *bias = constants->bias + row, *recurrent_bias = bias + GATES * units;
      const uint32_t sum = sf_dot((int32_t)channels, input, 0, constants->codes + row * channels);
      const uint32_t recurrent_sum =
          sf_dot((int32_t)units, hidden, 0, constants->recurrent_codes + row * units);
      gates[gate] =
          as_int16(scaled(sum + (uint32_t)*bias, &factors[gate]) +
                   scaled(recurrent_sum + (uint32_t)*recurrent_bias, &factors[GATES + gate]));
    }
    const int32_t kept = as_int16(sf_requantise(sigmoid(gates[FORGET]) * cell[unit], HALF, -14));
    const int32_t added = as_int16(sf_requantise(
        sigmoid(gates[INPUT]) * hyperbolic_tangent(gates[CELL], 12), HALF, shape->cell_bits - 29));
    const int32_t now = sf_clamp(as_int16(kept + added), -clip, clip);
    cell[unit] = (int16_t)now;
    const int32_t made = hyperbolic_tangent(now, shape->cell_bits) * sigmoid(gates[OUTPUT]);
    output[unit] = sf_code(sf_requantise(made, of_output->multiplier, of_output->shift),
                           shape->zero_point, INT8_MIN, INT8_MAX);
  }
  memcpy(hidden, output, units);
}
