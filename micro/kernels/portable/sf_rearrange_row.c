#include "sf_kernels.h"
#include "sf_platform.h"

// Where the run of the innermost loop that has this number begins.
static int32_t begin_of(const sf_rearranging *moves, uint32_t run) {
  int32_t place = (int32_t)moves->first;
  for (const sf_loop *loop = moves->loops + moves->loop_count - 1; loop-- > moves->loops;) {
    place += (int32_t)(run % loop->size) * loop->step;
    run /= loop->size;
  }
  return place;
}

static uint32_t smaller(uint32_t a, uint32_t b) { return a < b ? a : b; }

// Values one after the other, which may go on in the next row.
static void copy(const sf_rearranging *moves, uint32_t place, uint32_t count,
                 const int8_t *const *rows, int8_t *output) {
  while (count > 0) {
    const uint32_t offset = place % moves->input_values;
    const uint32_t within = smaller(count, moves->input_values - offset);
    SF_COPY(output, rows[place / moves->input_values] + offset, within);
    place += within, output += within, count -= within;
  }
}

static void gather(const sf_rearranging *moves, int32_t place, int32_t step, uint32_t count,
                   const int8_t *const *rows, int8_t *output) {
  for (; count > 0; --count, place += step) {
    const uint32_t from = (uint32_t)place;
    *output++ = rows[from / moves->input_values][from % moves->input_values];
  }
}

void sf_rearrange_row(const sf_rearranging *moves, uint32_t y, uint32_t first_row,
                      const int8_t *const *rows, int8_t *output) {
  const sf_loop inner = moves->loops[moves->loop_count - 1];
  const int32_t above = (int32_t)(first_row * moves->input_values);
  for (uint32_t i = y * moves->values, end = i + moves->values; i < end;) {
    const uint32_t done = i % inner.size, count = smaller(inner.size - done, end - i);
    const int32_t place = begin_of(moves, i / inner.size) + (int32_t)done * inner.step - above;
    if (inner.step == 1) {
      copy(moves, (uint32_t)place, count, rows, output);
    } else {
      gather(moves, place, inner.step, count, rows, output);
    }
    i += count, output += count;
  }
}
