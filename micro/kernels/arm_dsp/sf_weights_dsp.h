// The weights of a convolution as they lie in flash: codes or, where SF_WIDENED is 1, widened.
#ifndef SF_WEIGHTS_DSP_H_
#define SF_WEIGHTS_DSP_H_

#include "sf_dsp.h"

#if SF_DSP

enum { BYTES = SF_WIDENED ? 2 : 1 };  // of a weight

// How many of so many weights come in whole fours: all, if they are widened, for they are filled
// up.
static int32_t in_fours(int32_t count) { return (SF_WIDENED ? count + 3 : count) & ~3; }

// What the weights of a channel take.
static int32_t bytes_of(int32_t count) { return SF_WIDENED ? in_fours(count) * BYTES : count; }

// The codes that come after the last whole four of a channel, whose codes end at `end`.
SF_INLINED uint32_t last_weights(int32_t count, const int8_t *end) {
  return sf_last_codes(end - count, count);
}

// Four weights of a channel, or fewer and zeros.
typedef struct {
  uint32_t words[BYTES];
} four_weights;

// Where `left` of `size` are left.
SF_INLINED four_weights load_four(int32_t size, int32_t left, const int8_t *from) {
  if (!SF_WIDENED && left < 4) return (four_weights){{last_weights(size, from + left)}};
  four_weights four;
  SF_COPY(&four, from, sizeof four);
  return four;
}

// Both words of them.
SF_INLINED uint32_t even_of(const four_weights *four) {
  return SF_WIDENED ? four->words[0] : sf_even_weights(four->words[0]);
}
SF_INLINED uint32_t odd_of(const four_weights *four) {
  return SF_WIDENED ? four->words[BYTES - 1] : sf_odd_weights(four->words[0]);
}

// The sum with the products of four values of one pixel.
SF_INLINED uint32_t add_four(const uint32_t values[2], const four_weights *by, uint32_t sum) {
  return sf_add_both(sf_add_both(sum, values[0], even_of(by)), values[1], odd_of(by));
}

#if !SF_WIDENED

// Those of a channel and the next one, as sf_dsp_4x2.h says.
SF_INLINED void store_two(uint32_t codes, uint32_t others, uint32_t *to) {
  to[0] = sf_even_weights(codes), to[1] = sf_even_weights(others);
  to[2] = sf_odd_weights(codes), to[3] = sf_odd_weights(others);
}
SF_OUTLINED void widen_two(int32_t size, const int8_t *weights, uint32_t *to) {
  const int8_t *other = weights + size;
  for (const uint32_t *end = to + in_fours(size); to != end; to += 4) {
    store_two(sf_four_codes(weights), sf_four_codes(other), to);
    weights += 4, other += 4;
  }
  if (size % 4 == 0) return;
  store_two(last_weights(size, weights + size % 4), last_weights(size, other + size % 4), to);
}

// The last code of each of three rows.
SF_INLINED uint32_t last_of_rows(int32_t length, const int8_t *codes) {
  return (uint8_t)codes[length - 1] | (uint32_t)(uint8_t)codes[2 * length - 1] << 8 |
         (uint32_t)(uint8_t)codes[3 * length - 1] << 16;
}

// The same in the order of widen_rows(): of three rows of `length` weights first the whole fours.
SF_OUTLINED void widen_two_by_rows(int32_t length, const int8_t *weights, uint32_t *to) {
  const int8_t *row = weights, *other = weights + 3 * length;
  for (const int8_t *end = other; row != end; ++row, ++other) {
    for (const int8_t *last = row + length - 1; row != last; row += 4, other += 4, to += 4) {
      store_two(sf_four_codes(row), sf_four_codes(other), to);
    }
  }
  store_two(last_of_rows(length, weights), last_of_rows(length, weights + 3 * length), to);
}

#endif

#endif  // SF_DSP

#endif  // SF_WEIGHTS_DSP_H_
