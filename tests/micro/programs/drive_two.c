// Two networks of one program: their rows alternate. `prog IMAGES OUTPUT`: an image of each.
#include <stdio.h>

#include "first_stream.h"
#include "second_stream.h"

enum {
  FIRST_ROW_BYTES = FIRST_INPUT_WIDTH * FIRST_INPUT_CHANNELS,
  SECOND_ROW_BYTES = SECOND_INPUT_WIDTH * SECOND_INPUT_CHANNELS
};

static struct {
  int8_t first[FIRST_INPUT_HEIGHT][FIRST_ROW_BYTES], second[SECOND_INPUT_HEIGHT][SECOND_ROW_BYTES];
} images;

int main(int count, char **arguments) {
  FILE *input = count == 3 ? fopen(arguments[1], "rb") : NULL;
  if (!input || fread(&images, sizeof images, 1, input) != 1 ||
      sf_load_task(&first_network, first_task, FIRST_TASK_BYTES) ||
      sf_load_task(&second_network, second_task, SECOND_TASK_BYTES)) {
    return 1;
  }
  for (int y = 0; y < FIRST_INPUT_HEIGHT || y < SECOND_INPUT_HEIGHT; ++y) {
    if (y < FIRST_INPUT_HEIGHT) sf_push_row(&first_network, images.first[y]);
    if (y < SECOND_INPUT_HEIGHT) sf_push_row(&second_network, images.second[y]);
  }
  FILE *output = fopen(arguments[2], "wb");
  fwrite(sf_output(&first_network, 0), 1, FIRST_OUTPUT0_CHANNELS, output);
  fwrite(sf_output(&second_network, 0), 1, SECOND_OUTPUT0_CHANNELS, output);
  return fclose(output);
}
