#include "sf_slots.h"

#include <string.h>

#include "sf_crc32.h"

#define HEAD_BYTES 12  // of a task image, of which the last four are its size; see sf_task.h

// The last page of a slot begins with it, and is written last.
typedef struct {
  char magic[4];
  uint32_t sequence;
  uint32_t bytes;  // of the image
  uint32_t crc;    // of what is before it
} sf_seal;

static const char seal_magic[4] = {'S', 'F', 'S', 'L'};

static uint32_t seal_offset(const sf_slots *slots) { return slots->memory->bytes - SF_SLOT_PAGE; }

static const sf_seal *seal_of(const sf_slots *slots, uint8_t slot) {
  const sf_seal *seal =
      (const sf_seal *)(const void *)(slots->memory->slot[slot] + seal_offset(slots) / 4);
  const uint32_t crc = sf_crc32(0, (const uint8_t *)seal, offsetof(sf_seal, crc));
  const int is_whole = memcmp(seal->magic, seal_magic, 4) == 0 && seal->crc == crc;
  return is_whole && seal->bytes <= seal_offset(slots) ? seal : NULL;
}

static int load(sf_slots *slots, uint8_t slot) {
  const sf_seal *seal = seal_of(slots, slot);
  if (!seal) return 0;
  slots->status = sf_load_task(slots->network, slots->memory->slot[slot], seal->bytes);
  if (slots->status != SF_OK) return 0;
  slots->used = slot;
  slots->sequence = seal->sequence;
  return 1;
}

static int is_memory(const sf_slot_memory *memory) {
  return memory && memory->slot[0] && memory->slot[1] && memory->erase && memory->write &&
         memory->bytes >= 2 * SF_SLOT_PAGE && memory->bytes % SF_SLOT_PAGE == 0;
}

void sf_slots_start(sf_slots *slots, const sf_network *network, const sf_slot_memory *memory) {
  memset(slots, 0, sizeof *slots);
  slots->used = SF_NO_SLOT;
  if (!network || !is_memory(memory)) return;
  slots->network = network;
  slots->memory = memory;
  const sf_seal *a = seal_of(slots, 0), *b = seal_of(slots, 1);
  // The difference, because a sequence may have run over.
  const uint8_t newest = (uint8_t)(!a || (b && (int32_t)(b->sequence - a->sequence) > 0));
  if (!load(slots, newest)) load(slots, (uint8_t)(1 - newest));
}

void sf_slots_drop(sf_slots *slots) { slots->received = 0; }

static int is_read(const sf_slots *slots, uint8_t slot) {
  return slots->network->state->task == (const uint8_t *)slots->memory->slot[slot];
}

// The slot for the next image: the one that is not in use. Which one the network reads can differ
// from `used`, when the firmware has called sf_load_task() or started the slots again.
static uint8_t other_slot(const sf_slots *slots) {
  const uint8_t other = slots->used == 0 ? 1 : 0;
  return is_read(slots, other) ? (uint8_t)(1 - other) : other;
}

static int write_page(sf_slots *slots, uint32_t offset) {
  const sf_slot_memory *memory = slots->memory;
  const uint8_t slot = slots->written;
  if (offset == 0 && memory->erase(memory->user, slot) != 0) return 0;
  return memory->write(memory->user, slot, offset, (const uint8_t *)slots->page) == 0;
}

static sf_slots_answer end(sf_slots *slots, sf_slots_answer answer) {
  sf_slots_drop(slots);
  return answer;
}

// The image is there as a whole: checks it, seals its slot and uses it.
static sf_slots_answer finish(sf_slots *slots) {
  const uint8_t slot = slots->written;
  const uint32_t bytes = slots->expected;
  slots->status = sf_load_task(slots->network, slots->memory->slot[slot], bytes);
  if (slots->status != SF_OK) return end(slots, SF_SLOTS_REFUSED);
  sf_seal seal = {{0}, slots->sequence + 1, bytes, 0};
  memcpy(seal.magic, seal_magic, 4);
  seal.crc = sf_crc32(0, (const uint8_t *)&seal, offsetof(sf_seal, crc));
  memset(slots->page, 0xff, SF_SLOT_PAGE);
  memcpy(slots->page, &seal, sizeof seal);
  const int is_sealed = write_page(slots, seal_offset(slots));
  slots->used = slot;  // also if it is not sealed: the network reads this slot from now on
  slots->sequence += 1;
  return end(slots, is_sealed ? SF_SLOTS_LOADED : SF_SLOTS_FAILED);
}

sf_slots_answer sf_slots_take(sf_slots *slots, uint8_t byte) {
  static const char magic[4] = {'S', 'F', 'T', 'I'};
  if (!slots->memory) return SF_SLOTS_FAILED;
  if (slots->received < 4 && byte != (uint8_t)magic[slots->received]) {
    slots->received = byte == (uint8_t)magic[0];
    ((uint8_t *)slots->page)[0] = byte;
    return SF_SLOTS_MORE;
  }
  ((uint8_t *)slots->page)[slots->received % SF_SLOT_PAGE] = byte;
  slots->received += 1;
  if (slots->received < HEAD_BYTES) return SF_SLOTS_MORE;
  if (slots->received == HEAD_BYTES) {
    slots->expected = slots->page[2];
    if (slots->expected <= HEAD_BYTES || slots->expected > seal_offset(slots)) {
      slots->status = SF_OTHER_SIZE;
      return end(slots, SF_SLOTS_REFUSED);
    }
  }
  const int is_last = slots->received == slots->expected;
  const uint32_t in_page = (slots->received - 1) % SF_SLOT_PAGE + 1;
  if (!is_last && in_page < SF_SLOT_PAGE) return SF_SLOTS_MORE;
  memset((uint8_t *)slots->page + in_page, 0xff, SF_SLOT_PAGE - in_page);
  if (slots->received == in_page) slots->written = other_slot(slots);
  if (!write_page(slots, slots->received - in_page)) return end(slots, SF_SLOTS_FAILED);
  return is_last ? finish(slots) : SF_SLOTS_PAGE_DONE;
}
