// What sf_load_task() costs for the network's own task image: `prog OUTPUT`.
#include <stdio.h>

#include "net_stream.h"
#include "sf/sf_measure.h"

int main(int count, char **arguments) {
  if (count != 2) return EXIT_FAILURE;
  sf_measurement cost = {0};
  sf_measure_begin(&cost);
  const sf_status status = sf_load_task(&net_network, net_task, NET_TASK_BYTES);
  sf_measure_end(&cost);
  sf_measure_print(&cost);
  FILE *output = fopen(arguments[1], "wb");
  return output == NULL || fputc((int)status, output) == EOF || fclose(output) != 0;
}
