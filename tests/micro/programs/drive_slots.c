// Slots in a flash that forgets power at a moment that the test chooses; for
// tests/micro/test_slots.py.
#include <string.h>

#include "net_stream.h"
#include "sf/sf_slots.h"

#define SLOT_BYTES SF_SLOT_BYTES(NET_TASK_BYTES)

static uint32_t flash[2][SLOT_BYTES / 4];
static int operations_left;
static uint32_t torn_bytes;
static sf_slots slots;

// Returns: how many of so many bytes are done before power is gone.
static uint32_t powered(uint32_t bytes) {
  if (operations_left-- > 0) return bytes;
  return operations_left == -1 && torn_bytes < bytes ? torn_bytes : 0;
}

static int erase(void *user, uint8_t slot) {
  (void)user;
  const uint32_t done = powered(SLOT_BYTES);
  memset(flash[slot], 0xff, done);
  return done != SLOT_BYTES;
}

// As NOR flash does: it only clears bits.
static int write(void *user, uint8_t slot, uint32_t offset, const uint8_t *page) {
  (void)user;
  const uint32_t done = powered(SF_SLOT_PAGE);
  uint8_t *place = (uint8_t *)flash[slot] + offset;
  for (uint32_t i = 0; i < done; ++i) place[i] &= page[i];
  return done != SF_SLOT_PAGE;
}

static const sf_slot_memory memory = {{flash[0], flash[1]}, SLOT_BYTES, erase, write, NULL};

void forget(void) { memset(flash, 0x5a, sizeof flash); }

// Power comes back, for so many operations of the flash and some bytes of the next. Returns: the
// slot in use.
int start(int operations, uint32_t torn) {
  operations_left = operations;
  torn_bytes = torn;
  sf_load_task(&net_network, net_task, NET_TASK_BYTES);
  sf_slots_start(&slots, &net_network, &memory);
  return slots.used;
}

// Returns: the last answer that is not SF_SLOTS_MORE, or that.
int take(const uint8_t *bytes, size_t size) {
  int answer = SF_SLOTS_MORE;
  for (size_t i = 0; i < size; ++i) {
    const sf_slots_answer one = sf_slots_take(&slots, bytes[i]);
    if (one != SF_SLOTS_MORE) answer = one;
  }
  return answer;
}

int status(void) { return slots.status; }

void drop(void) { sf_slots_drop(&slots); }

const uint8_t *in_use(void) { return net_network.state->task; }
