// Two networks of one core in one program: their rows alternate, and each gives its own test
// vector's outputs.
#include <stdio.h>

#include "first_stream.h"
#include "second_stream.h"

static int8_t row[1 << 12];

// Byte i of the test vector's image.
static int8_t vector_code(uint32_t i) {
  uint32_t x = i * UINT32_C(0x9E3779B1);
  x = (x ^ (x >> 15)) * UINT32_C(0x85EBCA77);
  return (int8_t)((int32_t)((x ^ (x >> 13)) & 0xff) - 128);
}

static void push(const sf_network *network, uint32_t y) {
  const uint32_t bytes = (uint32_t)network->tensors[0].width * network->tensors[0].channels;
  if (y >= network->tensors[0].height) return;
  for (uint32_t i = 0; i < bytes; ++i) row[i] = vector_code(y * bytes + i);
  sf_push_row(network, row);
}

int main(int count, char **arguments) {
  FILE *output = count == 2 ? fopen(arguments[1], "wb") : NULL;
  if (!output || sf_load_task(&first_network, first_task, FIRST_TASK_BYTES) ||
      sf_load_task(&second_network, second_task, SECOND_TASK_BYTES)) {
    return 1;
  }
  for (uint32_t y = 0; y < FIRST_INPUT_HEIGHT || y < SECOND_INPUT_HEIGHT; ++y) {
    push(&first_network, y);
    push(&second_network, y);
  }
  fwrite(sf_output(&first_network, 0), 1, FIRST_OUTPUT0_CHANNELS, output);
  fwrite(sf_output(&second_network, 0), 1, SECOND_OUTPUT0_CHANNELS, output);
  return fclose(output);
}
