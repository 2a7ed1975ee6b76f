// Two instances of a network, of which one has another task, and the network itself: their rows
// alternate. `prog IMAGES TASK OUTPUT`: three images; TASK is that of the second instance.
#include <stdio.h>
#include <string.h>

#include "net_stream.h"

enum { ROW_BYTES = NET_INPUT_WIDTH * NET_INPUT_CHANNELS };

static net_instance instances[2];
static uint32_t task[NET_TASK_BYTES / 4];
static int8_t images[3][NET_INPUT_HEIGHT][ROW_BYTES];

static size_t read_file(const char *name, void *to, size_t size) {
  FILE *file = fopen(name, "rb");
  const size_t got = file ? fread(to, 1, size, file) : 0;
  if (file) fclose(file);
  return got;
}

int main(int count, char **arguments) {
  memset(instances, 0xa5, sizeof instances);
  const sf_network *networks[] = {&net_network, net_begin(&instances[0]), net_begin(&instances[1])};
  if (count != 4 || read_file(arguments[1], images, sizeof images) != sizeof images ||
      read_file(arguments[2], task, sizeof task) != sizeof task) {
    return 1;
  }
  for (int i = 0; i < 3; ++i) {
    if (sf_push_row(networks[i], images[i][0]) != SF_NO_TASK) return 2;
    if (sf_load_task(networks[i], i == 2 ? task : net_task, NET_TASK_BYTES) != SF_OK) return 3;
  }
  for (int y = 0; y < NET_INPUT_HEIGHT; ++y) {
    for (int i = 0; i < 3; ++i) sf_push_row(networks[i], images[i][y]);
  }
  FILE *output = fopen(arguments[3], "wb");
  for (int i = 0; i < 3; ++i) fwrite(sf_output(networks[i], 0), 1, NET_OUTPUT0_CHANNELS, output);
  return fclose(output);
}
