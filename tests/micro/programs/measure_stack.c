// Loads the network's own task image and pushes an image: `prog OUTPUT`. Prints the stack that it
// takes, and writes NET_STACK_BYTES, uint32.
#include <stdio.h>

#include "net_stream.h"
#include "sf/sf_measure.h"

static int8_t row[NET_INPUT_WIDTH * NET_INPUT_CHANNELS];

int main(int count, char **arguments) {
  const uint32_t bound = NET_STACK_BYTES;
  if (count != 2) return EXIT_FAILURE;
  sf_measurement cost = {0};
  sf_measure_begin(&cost);
  const sf_status status = sf_load_task(&net_network, net_task, NET_TASK_BYTES);
  sf_measure_end(&cost);
  if (status != SF_OK) return EXIT_FAILURE;
  for (int32_t y = 0; y < NET_INPUT_HEIGHT; ++y) {
    for (uint32_t i = 0; i < sizeof row; ++i) row[i] = (int8_t)rand();
    sf_measure_begin(&cost);
    sf_push_row(&net_network, row);
    sf_measure_end(&cost);
  }
  sf_measure_print(&cost);
  FILE *output = fopen(arguments[1], "wb");
  if (output == NULL || fwrite(&bound, sizeof bound, 1, output) != 1) return EXIT_FAILURE;
  return fclose(output);
}
