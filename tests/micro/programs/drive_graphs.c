// Runs several networks, which networks.h lists: `prog INPUT OUTPUT`. INPUT holds the images of one
// network after those of the other. OUTPUT gets every row of every stage, as main.c of an exported
// folder writes them, after their number of bytes for each network. Build with sf_dump_hooks.h.
#include <stdio.h>
#include <stdlib.h>

#include "networks.h"

static FILE *output;

static void require(int condition) {
  if (!condition) abort();
}

// Called by the hook of sf_dump_hooks.h.
void sf_dump_row(const sf_network *network, uint16_t stage, uint16_t row, const int8_t *values) {
  const uint16_t place[2] = {network->stages[stage].output, row};
  const sf_tensor *tensor = &network->tensors[place[0]];
  fwrite(place, sizeof place, 1, output);
  fwrite(values, 1, (size_t)tensor->width * tensor->channels, output);
}

static void run(const sf_network *network, const uint32_t *task, FILE *input) {
  static int8_t row[1 << 16];
  const size_t size = (size_t)network->tensors[0].width * network->tensors[0].channels;
  require(size <= sizeof row && sf_load_task(network, task, network->task_bytes) == SF_OK);
  for (int i = 0; i < IMAGES; ++i) {
    sf_status status = SF_OK;
    for (int y = 0; y < network->tensors[0].height; ++y) {
      require(fread(row, 1, size, input) == size);
      status = sf_push_row(network, row);
    }
    require(status == SF_IMAGE_COMPLETE);
  }
}

int main(int count, char **arguments) {
  FILE *input = count == 3 ? fopen(arguments[1], "rb") : NULL;
  output = count == 3 ? fopen(arguments[2], "wb") : NULL;
  require(input != NULL && output != NULL);
  for (size_t i = 0; i < sizeof networks / sizeof *networks; ++i) {
    uint32_t bytes = 0;
    const long begin = ftell(output);
    fwrite(&bytes, sizeof bytes, 1, output);
    run(networks[i].network, networks[i].task, input);
    const long end = ftell(output);
    bytes = (uint32_t)(end - begin - (long)sizeof bytes);
    require(fseek(output, begin, SEEK_SET) == 0 && fwrite(&bytes, sizeof bytes, 1, output) == 1);
    require(fseek(output, end, SEEK_SET) == 0);
  }
  return fclose(output);
}
