// Runs two images on an exported network with states: `prog INPUT OUTPUT`. INPUT holds them. OUTPUT
// is what every row of every output was, of the first image and the second; then the same after
// sf_reset(), after sf_start() in the middle of an image, and after a task image was loaded. After
// sf_start() between images, the states go on.
#include <stdio.h>
#include <stdlib.h>

#include "net_stream.h"

enum { ROW_BYTES = NET_INPUT_WIDTH * NET_INPUT_CHANNELS, IMAGES = 2 };

static const sf_network *const network = &net_network;
static int8_t images[IMAGES][NET_INPUT_HEIGHT][ROW_BYTES];

static void require(int condition) {
  if (!condition) abort();
}

static void write_row(void *user, uint16_t output, uint16_t row, const int8_t *values) {
  const sf_tensor *tensor = &network->tensors[network->outputs[output].tensor];
  (void)row;
  require(fwrite(values, tensor->channels, tensor->width, user) == tensor->width);
}

static void load(void) { require(sf_load_task(network, net_task, NET_TASK_BYTES) == SF_OK); }

static void run_images(void) {
  for (int i = 0; i < IMAGES; ++i) {
    sf_status status = SF_OK;
    for (int y = 0; y < NET_INPUT_HEIGHT; ++y) status = sf_push_row(network, images[i][y]);
    require(status == SF_IMAGE_COMPLETE);
    if (i + 1 < IMAGES) require(sf_start(network) == SF_OK);
  }
}

int main(int count, char **arguments) {
  FILE *input = count == 3 ? fopen(arguments[1], "rb") : NULL;
  FILE *output = count == 3 ? fopen(arguments[2], "wb") : NULL;
  require(input != NULL && output != NULL);
  require(fread(images, sizeof images, 1, input) == 1);
  sf_set_on_row(network, write_row, output);
  load();
  run_images();
  require(sf_reset(network) == SF_OK);
  run_images();
  sf_set_on_row(network, NULL, NULL);
  require(sf_push_row(network, images[0][0]) == SF_OK);
  require(sf_start(network) == SF_OK);
  sf_set_on_row(network, write_row, output);
  run_images();
  load();
  run_images();
  return fclose(output);
}
