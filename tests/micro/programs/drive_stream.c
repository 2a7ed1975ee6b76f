// Does to an exported network what a script says, and writes down what became of it:
// `prog SCRIPT OUTPUT`. Each task image and each row lies in a heap buffer of exactly its size, and
// is freed when the network may no longer use it, so that AddressSanitizer ends the program at any
// read outside.
//
//   SCRIPT                               OUTPUT
//   'T', uint32 offset, uint32 size,     a status, a byte
//     bytes: loads a task image that
//     lies `offset` bytes behind a
//     multiple of 16
//   'R', a row of the image: pushes it   a status; all outputs, if the image is complete: zeros
//                                        where the task gives none
//   'B': begins a new image
//   'S', a byte: asks for the text of    the text, then a 0
//     a status
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net_stream.h"

enum { ROW_BYTES = NET_INPUT_WIDTH * NET_INPUT_CHANNELS };

static const sf_network *const network = &net_network;
static FILE *script, *written;
static int8_t *outputs[NET_OUTPUTS];

static const sf_tensor *tensor_of(uint16_t output) {
  return &network->tensors[network->outputs[output].tensor];
}

static size_t row_bytes(uint16_t output) {
  return (size_t)tensor_of(output)->width * tensor_of(output)->channels;
}

static void keep_row(void *user, uint16_t output, uint16_t row, const int8_t *values) {
  (void)user;
  memcpy(outputs[output] + row * row_bytes(output), values, row_bytes(output));
}

static void *read_bytes(size_t size) {
  void *bytes = malloc(size);
  if (bytes == NULL || fread(bytes, 1, size, script) != size) abort();
  return bytes;
}

static uint32_t read_number(void) {
  uint32_t number;
  if (fread(&number, sizeof number, 1, script) != 1) abort();
  return number;
}

static void load_task(void) {
  static uint8_t *in_use;
  const uint32_t offset = read_number(), size = read_number();
  uint8_t *buffer = malloc(offset + size);
  if (buffer == NULL || fread(buffer + offset, 1, size, script) != size) abort();
  const sf_status status = sf_load_task(network, buffer + offset, size);
  fputc(status, written);
  if (status == SF_OK) {
    free(in_use);
    in_use = buffer;
  } else {
    free(buffer);
  }
}

static void push_row(void) {
  int8_t *row = read_bytes(ROW_BYTES);
  const sf_status status = sf_push_row(network, row);
  free(row);
  fputc(status, written);
  for (uint16_t i = 0; i < NET_OUTPUTS && status == SF_IMAGE_COMPLETE; ++i) {
    const sf_tensor *tensor = tensor_of(i);
    const int8_t *given = sf_output(network, i);
    if (tensor->height == 1 && given && memcmp(given, outputs[i], row_bytes(i)) != 0) abort();
    fwrite(outputs[i], row_bytes(i), tensor->height, written);
    memset(outputs[i], 0, row_bytes(i) * tensor->height);
  }
}

static void write_text(void) {
  const char *text = sf_status_text((sf_status)fgetc(script));
  fwrite(text, 1, strlen(text) + 1, written);
}

int main(int count, char **arguments) {
  if (count != 3) return EXIT_FAILURE;
  script = fopen(arguments[1], "rb"), written = fopen(arguments[2], "wb");
  if (script == NULL || written == NULL) return EXIT_FAILURE;
  for (uint16_t i = 0; i < NET_OUTPUTS; ++i)
    outputs[i] = calloc(row_bytes(i), tensor_of(i)->height);
  sf_set_on_row(network, keep_row, NULL);
  for (int command; (command = fgetc(script)) != EOF;) {
    if (command == 'T') load_task();
    if (command == 'R') push_row();
    if (command == 'B') sf_start(network);
    if (command == 'S') write_text();
  }
  return fclose(written);
}
