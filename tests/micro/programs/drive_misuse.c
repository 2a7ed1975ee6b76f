// Misuses every function of an exported network in every order, outside of on_row and within it:
// `prog INPUT OUTPUT`. INPUT is a task image that fits. Whatever was done, each function returns
// the status that its documentation promises, and the next image comes out right. OUTPUT is the
// number of orders, a uint32.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net_stream.h"

enum { ROW_BYTES = NET_INPUT_WIDTH * NET_INPUT_CHANNELS, MOST_ROWS = 2 * NET_INPUT_HEIGHT };
#ifndef OUTSIDE
#define OUTSIDE 2  // actions of an order, besides the one that on_row does
#endif
enum { FEW = 400 };  // longer orders, at random

static const sf_network *const network = &net_network;
static uint32_t task[NET_TASK_BYTES / 4 + 1];
static int8_t rows[NET_INPUT_HEIGHT][ROW_BYTES];
static int8_t expected[NET_OUTPUTS][NET_OUTPUT_BYTES];
static int is_loaded, is_pending, is_inside, within;

static void require(int condition) {
  if (!condition) abort();
}

// --- Actions: each does something to the network, and knows what must come of it

static void push(const int8_t *row) {
  const sf_status status = sf_push_row(network, row);
  if (is_inside || is_pending) {
    require(status == SF_BUSY);
  } else if (row == NULL) {
    require(status == SF_NULL);
  } else if (!is_loaded) {
    require(status == SF_NO_TASK);
  } else {
    require(status == SF_OK || status == SF_IMAGE_COMPLETE);
  }
}

static void push_row(void) { push(rows[0]); }

static void push_null(void) { push(NULL); }

static void push_to_the_end(void) {
  if (is_inside || is_pending || !is_loaded) {
    push_row();
    return;
  }
  int count = 1;
  while (sf_push_row(network, rows[count % NET_INPUT_HEIGHT]) == SF_OK)
    require(++count < MOST_ROWS);
}

static void give_row(void) {
  const sf_status status = sf_give_row(network, rows[0]);
  require(status == (is_inside || is_pending ? SF_BUSY : is_loaded ? SF_OK : SF_NO_TASK));
  if (status == SF_OK) is_pending = 1;
}

static void work(void) {
  const sf_status status = sf_work(network);
  if (is_inside) {
    require(status == SF_BUSY);
  } else if (!is_pending) {
    require(status == SF_OK);
  } else {
    require(status == SF_OK || status == SF_BUSY || status == SF_IMAGE_COMPLETE);
    is_pending = status == SF_BUSY;
  }
}

static void load(const void *image, size_t size, sf_status expected) {
  require(sf_check_task(network, image, size) == expected);
  require(sf_load_task(network, image, size) == (is_inside ? SF_BUSY : expected));
  if (!is_inside && expected == SF_OK) is_loaded = 1, is_pending = 0;
}

static void load_task(void) { load(task, NET_TASK_BYTES, SF_OK); }

static void load_null(void) { load(NULL, NET_TASK_BYTES, SF_NULL); }

static void load_nothing(void) { load(task, 0, SF_TOO_SHORT); }

static void load_short(void) { load(task, NET_TASK_BYTES - 1, SF_OTHER_SIZE); }

static void load_long(void) { load(task, NET_TASK_BYTES + 1, SF_OK); }

static void load_shifted(void) {
  load((const uint8_t *)task + 1, NET_TASK_BYTES - 1, SF_NOT_ALIGNED);
}

static void start(void) {
  require(sf_start(network) == (is_inside ? SF_BUSY : SF_OK));
  if (!is_inside) is_pending = 0;
}

static void reset(void) {
  require(sf_reset(network) == (is_inside ? SF_BUSY : SF_OK));
  if (!is_inside) is_pending = 0;
}

static void read_outputs(void) {
  static const uint16_t outputs[] = {0,      NET_OUTPUTS - 1, NET_OUTPUTS, NET_OUTPUTS + 1,
                                     0x7fff, 0xffff};
  for (size_t i = 0; i < sizeof outputs / sizeof *outputs; ++i) {
    const int8_t *output = sf_output(network, outputs[i]);
    require(is_loaded || output == NULL);
    if (outputs[i] >= NET_OUTPUTS) {
      require(output == NULL);
    } else if (output != NULL) {
      const sf_tensor *tensor = &network->tensors[network->outputs[outputs[i]].tensor];
      static volatile int32_t sum;  // of every value, so that each is read
      require(tensor->height == 1);
      for (int32_t k = 0; k < (int32_t)tensor->width * tensor->channels; ++k) sum = output[k];
      (void)sum;
    }
  }
}

static void ask_texts(void) {
  static const int statuses[] = {-1,     0, SF_BUSY, SF_NULL, SF_BAD_SWITCH, SF_BAD_SWITCH + 1,
                                 1 << 20};
  for (size_t i = 0; i < sizeof statuses / sizeof *statuses; ++i) {
    require(sf_status_text((sf_status)statuses[i]) != NULL);
  }
}

static void on_row(void *user, uint16_t output, uint16_t row, const int8_t *values);

static void set_on_row(void) { sf_set_on_row(network, on_row, &within); }

static void set_no_on_row(void) { sf_set_on_row(network, NULL, NULL); }

typedef void action(void);
static action *const actions[] = {
    push_row,   push_null,     push_to_the_end, load_task, load_null,    load_nothing,
    load_short, load_long,     load_shifted,    start,     read_outputs, ask_texts,
    set_on_row, set_no_on_row, give_row,        work,      reset,
};
enum { ACTIONS = sizeof actions / sizeof *actions };

static void on_row(void *user, uint16_t output, uint16_t row, const int8_t *values) {
  static volatile int8_t last;
  require(user == &within && output < NET_OUTPUTS && is_loaded);
  (void)row, last = values[0], (void)last;
  is_inside = 1;
  actions[within]();
  is_inside = 0;
}

// --- Orders

static void keep_row(void *user, uint16_t output, uint16_t row, const int8_t *values) {
  const sf_tensor *tensor = &network->tensors[network->outputs[output].tensor];
  const size_t size = (size_t)tensor->width * tensor->channels;
  int8_t (*outputs)[NET_OUTPUT_BYTES] = user;
  memcpy(outputs[output] + row * size, values, size);
}

static sf_status push_in_pieces(const int8_t *row) {
  sf_status status = sf_give_row(network, row);
  require(status == SF_OK);
  do status = sf_work(network);
  while (status == SF_BUSY);
  return status;
}

// Pushes whole rows, or every second one in pieces.
static void run_image(int8_t (*outputs)[NET_OUTPUT_BYTES], int in_pieces) {
  sf_set_on_row(network, keep_row, outputs);
  require(sf_start(network) == SF_OK);
  require(sf_load_task(network, task, NET_TASK_BYTES) == SF_OK);
  for (int y = 0; y < NET_INPUT_HEIGHT; ++y) {
    const sf_status expected = y + 1 < NET_INPUT_HEIGHT ? SF_OK : SF_IMAGE_COMPLETE;
    const sf_status status =
        in_pieces && y % 2 ? push_in_pieces(rows[y]) : sf_push_row(network, rows[y]);
    require(status == expected);
  }
}

static void try_order(const int *order, int count) {
  static int8_t outputs[NET_OUTPUTS][NET_OUTPUT_BYTES];
  memset(network->state, 0, sizeof *network->state);  // as after a reset
  is_loaded = is_pending = 0;
  start();
  set_on_row();
  within = order[0];
  for (int i = 1; i < count; ++i) actions[order[i]]();
  memset(outputs, 0, sizeof outputs);
  run_image(outputs, 1);
  require(memcmp(outputs, expected, sizeof outputs) == 0);
}

int main(int count, char **arguments) {
  FILE *input = count == 3 ? fopen(arguments[1], "rb") : NULL;
  uint32_t random = 1, tried = 0;
  require(input != NULL && fread(task, 1, NET_TASK_BYTES, input) == NET_TASK_BYTES);
  for (int y = 0; y < NET_INPUT_HEIGHT; ++y) {
    for (int i = 0; i < ROW_BYTES; ++i) {
      random = random * UINT32_C(1664525) + UINT32_C(1013904223);
      rows[y][i] = (int8_t)((int32_t)(random >> 24) - 128);
    }
  }
  run_image(expected, 0);
  int order[1 + 4 * OUTSIDE] = {0};
  int orders = ACTIONS;
  for (int k = 0; k < OUTSIDE; ++k) orders *= ACTIONS;
  for (int i = 0; i < orders; ++i, ++tried) {
    for (int k = 0, rest = i; k <= OUTSIDE; ++k, rest /= ACTIONS) order[k] = rest % ACTIONS;
    try_order(order, 1 + OUTSIDE);
  }
  for (int i = 0; i < FEW; ++i, ++tried) {
    for (int k = 0; k <= 4 * OUTSIDE; ++k) {
      random = random * UINT32_C(1664525) + UINT32_C(1013904223);
      order[k] = (int)((random >> 16) % ACTIONS);
    }
    try_order(order, 1 + 4 * OUTSIDE);
  }
  FILE *output = fopen(arguments[2], "wb");
  require(output != NULL && fwrite(&tried, sizeof tried, 1, output) == 1);
  return fclose(output);
}
