// Misuses slots and people in every order, outside of on_row and within it: `prog INPUT OUTPUT`.
// INPUT is a task image that fits. Whatever was done, each function answers as its documentation
// promises, and the slot that the network reads is not written. OUTPUT is the number of orders, a
// uint32.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net_stream.h"
#include "sf/sf_people.h"
#include "sf/sf_slots.h"

enum {
  OUTSIDE = 2,  // actions of an order, besides the one that on_row does
  FEW = 2000,   // longer orders, at random
  SLOT_BYTES = SF_SLOT_BYTES(NET_TASK_BYTES),
  DIMENSIONS = 3,
  TABLE_BYTES = SF_PEOPLE_BYTES(DIMENSIONS, 2),
  MOST_ROWS = 2 * NET_INPUT_HEIGHT
};

static const sf_network *const network = &net_network;
static uint32_t task[NET_TASK_BYTES / 4 + 1], flash[2][SLOT_BYTES / 4];
static int8_t rows[NET_INPUT_HEIGHT][NET_INPUT_WIDTH * NET_INPUT_CHANNELS];
static uint8_t table[TABLE_BYTES];
static sf_slots slots;
static uint32_t random_state = 1;
static int is_inside, within, last_person;

static void require(int condition) {
  if (!condition) abort();
}

static uint32_t random_number(void) {
  random_state = random_state * UINT32_C(1664525) + UINT32_C(1013904223);
  return random_state >> 8;
}

// --- The flash, which fails now and then

static int erase(void *user, uint8_t slot) {
  require(user == flash && slot < 2 && network->state->task != (const uint8_t *)flash[slot]);
  memset(flash[slot], 0xff, SLOT_BYTES);
  return random_number() % 16 == 0;
}

static int write(void *user, uint8_t slot, uint32_t offset, const uint8_t *page) {
  const int is_seal = offset == SLOT_BYTES - SF_SLOT_PAGE;
  require(user == flash && slot < 2 && offset % SF_SLOT_PAGE == 0 && offset < SLOT_BYTES);
  require(is_seal || network->state->task != (const uint8_t *)flash[slot]);
  memcpy((uint8_t *)flash[slot] + offset, page, SF_SLOT_PAGE);
  return random_number() % 16 == 0;
}

static const sf_slot_memory memory = {{flash[0], flash[1]}, SLOT_BYTES, erase, write, flash};

// --- Actions on the slots

static void start(void) { sf_slots_start(&slots, network, &memory); }

static void start_without(void) {
  static const sf_slot_memory none[] = {
      {{NULL, flash[1]}, SLOT_BYTES, erase, write, flash},
      {{flash[0], flash[1]}, 0, erase, write, flash},
      {{flash[0], flash[1]}, SF_SLOT_PAGE, erase, write, flash},
      {{flash[0], flash[1]}, SLOT_BYTES - 1, erase, write, flash},
      {{flash[0], flash[1]}, SLOT_BYTES, NULL, write, flash},
      {{flash[0], flash[1]}, SLOT_BYTES, erase, NULL, flash},
  };
  const uint32_t which = random_number() % 8;
  sf_slots_start(&slots, which == 7 ? NULL : network, which < 6 ? &none[which] : NULL);
  require(slots.used == SF_NO_SLOT && sf_slots_take(&slots, 'S') == SF_SLOTS_FAILED);
}

static void take(size_t begin, size_t end) {
  for (size_t i = begin; i < end; ++i) {
    const sf_slots_answer answer = sf_slots_take(&slots, ((const uint8_t *)task)[i]);
    require(answer <= SF_SLOTS_FAILED && !(is_inside && answer == SF_SLOTS_LOADED));
    if (answer == SF_SLOTS_LOADED) require(network->state->task == (uint8_t *)flash[slots.used]);
  }
}

static void take_image(void) { take(0, NET_TASK_BYTES); }

static void take_begin(void) { take(0, NET_TASK_BYTES / 2); }

static void take_end(void) { take(NET_TASK_BYTES / 2, NET_TASK_BYTES); }

static void take_noise(void) {
  for (int i = 0; i < 300; ++i) sf_slots_take(&slots, (uint8_t)random_number());
}

static void take_wrong_size(void) {
  const uint8_t sizes[] = {0, 1, 12, 255};
  take(0, 8);
  for (int i = 0; i < 4; ++i) sf_slots_take(&slots, sizes[random_number() % 4]);
}

static void drop(void) { sf_slots_drop(&slots); }

// As after other software has used the flash.
static void damage_slot(void) {
  const uint32_t slot = random_number() % 2;
  if (network->state->task == (const uint8_t *)flash[slot]) return;
  flash[slot][random_number() % (SLOT_BYTES / 4)] ^= UINT32_C(1) << random_number() % 32;
}

static void load_task(void) { sf_load_task(network, task, NET_TASK_BYTES); }

static void load_slot(void) { sf_load_task(network, flash[random_number() % 2], SLOT_BYTES); }

static void push_rows(void) {
  for (int i = 0; i < MOST_ROWS && sf_push_row(network, rows[i % NET_INPUT_HEIGHT]) == SF_OK; ++i) {
  }
}

// --- Actions on the table of people

static const int8_t faces[2][DIMENSIONS] = {{127, -128, 5}, {0, 0, 0}};

static void answered(int answer) {
  require(answer >= SF_PEOPLE_NULL && answer < 2);
  last_person = answer;
}

static void clear(void) { answered(sf_people_clear(table, TABLE_BYTES, DIMENSIONS)); }

static void clear_wrongly(void) {
  require(sf_people_clear(NULL, TABLE_BYTES, DIMENSIONS) == SF_PEOPLE_NULL);
  require(sf_people_clear(table, 11, DIMENSIONS) == SF_PEOPLE_FULL);
  require(sf_people_clear(table, TABLE_BYTES, -1) == SF_PEOPLE_FULL);
  answered(sf_people_clear(table, TABLE_BYTES, 1024));
}

static void enrol(void) {
  static const char *const names[] = {"ann", "ben", "cleo", "thirty-one letters are the most"};
  const int8_t *face = faces[random_number() % 2];
  answered(sf_people_enrol(table, TABLE_BYTES, names[random_number() % 4], face));
}

static void enrol_wrongly(void) {
  require(sf_people_enrol(NULL, TABLE_BYTES, "ann", faces[0]) == SF_PEOPLE_NULL);
  require(sf_people_enrol(table, TABLE_BYTES, NULL, faces[0]) == SF_PEOPLE_NULL);
  require(sf_people_enrol(table, TABLE_BYTES, "ann", NULL) == SF_PEOPLE_NULL);
  answered(sf_people_enrol(table, TABLE_BYTES, "", faces[0]));
  answered(sf_people_enrol(table, random_number() % TABLE_BYTES, "ann", faces[0]));
}

static void find(void) {
  int32_t cosine = 0;
  answered(sf_people_nearest(table, TABLE_BYTES, faces[0], &cosine));
  require(cosine >= -SF_PEOPLE_ONE && cosine <= SF_PEOPLE_ONE);
  require(sf_people_nearest(table, TABLE_BYTES, NULL, &cosine) == SF_PEOPLE_NULL);
  require(sf_people_nearest(table, TABLE_BYTES, faces[0], NULL) == SF_PEOPLE_NULL);
}

static void read_names(void) {
  static const int people[] = {-5, -1, 0, 1, 2, 0x7fff, -0x7fffffff};
  int32_t cosine;
  require(strlen(sf_people_name(NULL, 0)) == 0);
  if (sf_people_nearest(table, TABLE_BYTES, faces[0], &cosine) < SF_PEOPLE_NONE) return;
  for (size_t i = 0; i < sizeof people / sizeof *people; ++i) {
    require(strlen(sf_people_name(table, people[i])) < SF_PEOPLE_NAME_BYTES);
  }
  require(strlen(sf_people_name(table, last_person)) < SF_PEOPLE_NAME_BYTES);
}

static void damage_table(void) {
  table[random_number() % TABLE_BYTES] ^= (uint8_t)(1u << random_number() % 8);
}

typedef void action(void);
static action *const actions[] = {
    start, start_without, take_image, take_begin, take_end,     take_noise, take_wrong_size,
    drop,  damage_slot,   load_task,  load_slot,  push_rows,    clear,      clear_wrongly,
    enrol, enrol_wrongly, find,       read_names, damage_table,
};
enum { ACTIONS = sizeof actions / sizeof *actions };

static void on_row(void *user, uint16_t output, uint16_t row, const int8_t *values) {
  (void)user, (void)output, (void)row, (void)values;
  is_inside = 1;
  actions[within]();
  is_inside = 0;
}

// --- Orders

static void try_order(const int *order, int count) {
  memset(network->state, 0, sizeof *network->state);  // as after a reset; the flash stays
  memset(&slots, 0, sizeof slots);
  sf_start(network);
  sf_set_on_row(network, on_row, NULL);
  within = order[0];
  for (int i = 1; i < count; ++i) actions[order[i]]();
  push_rows();
}

int main(int count, char **arguments) {
  FILE *input = count == 3 ? fopen(arguments[1], "rb") : NULL;
  uint32_t tried = 0;
  require(input != NULL && fread(task, 1, NET_TASK_BYTES, input) == NET_TASK_BYTES);
  int order[1 + 4 * OUTSIDE] = {0};
  int orders = ACTIONS;
  for (int k = 0; k < OUTSIDE; ++k) orders *= ACTIONS;
  for (int i = 0; i < orders; ++i, ++tried) {
    for (int k = 0, rest = i; k <= OUTSIDE; ++k, rest /= ACTIONS) order[k] = rest % ACTIONS;
    try_order(order, 1 + OUTSIDE);
  }
  for (int i = 0; i < FEW; ++i, ++tried) {
    for (int k = 0; k <= 4 * OUTSIDE; ++k) order[k] = (int)(random_number() % ACTIONS);
    try_order(order, 1 + 4 * OUTSIDE);
  }
  FILE *output = fopen(arguments[2], "wb");
  require(output != NULL && fwrite(&tried, sizeof tried, 1, output) == 1);
  return fclose(output);
}
