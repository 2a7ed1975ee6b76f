// Two slots for task images, A and B, in flash or in RAM. A new image comes byte by byte, over a
// serial line for example, into the slot that is not in use. It is used once all of it has been
// checked. Power may fail at any moment: the device then starts with the newest image that was
// complete.
//
//   static sf_slots slots;
//   sf_slots_start(&slots, &face_network, &memory);                     // the newest image, or
//   if (slots.used == SF_NO_SLOT) sf_load_task(&face_network, face_task, FACE_TASK_BYTES);
//   ...
//   switch (sf_slots_take(&slots, byte)) ...                            // for each byte received
//
// A sender sends the file as it is. It waits for an answer after each SF_SLOT_PAGE bytes, because
// erasing flash takes longer than a serial line can wait. What comes between images is ignored.
#ifndef SF_SLOTS_H_
#define SF_SLOTS_H_

#include "sf_stream.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SF_SLOT_PAGE 256
#define SF_NO_SLOT 2
// Bytes of a slot for images of up to so many bytes: whole pages, and one that says that the image
// is complete.
#define SF_SLOT_BYTES(task_bytes) \
  (((task_bytes) + SF_SLOT_PAGE - 1) / SF_SLOT_PAGE * SF_SLOT_PAGE + SF_SLOT_PAGE)

// Where the slots are. Functions return 0 if they have done it.
typedef struct {
  const uint32_t *slot[2];  // where they are read
  uint32_t bytes;           // of each, a multiple of SF_SLOT_PAGE; see SF_SLOT_BYTES
  int (*erase)(void *user, uint8_t slot);
  // Writes SF_SLOT_PAGE bytes at an offset that is a multiple of it; never twice after an erase.
  int (*write)(void *user, uint8_t slot, uint32_t offset, const uint8_t *page);
  void *user;
} sf_slot_memory;

typedef struct {
  const sf_network *network;
  const sf_slot_memory *memory;
  uint32_t page[SF_SLOT_PAGE / 4];  // what has not been written yet
  uint32_t received, expected;      // bytes of the image that comes
  uint32_t sequence;                // of the image in use: a newer one has one more
  uint8_t used;                     // slot of the image in use: 0, 1 or SF_NO_SLOT
  uint8_t written;                  // slot of the image that comes
  sf_status status;                 // what sf_load_task() said about the last image
} sf_slots;

typedef enum {
  SF_SLOTS_MORE = 0,   // the byte was taken
  SF_SLOTS_PAGE_DONE,  // as many as SF_SLOT_PAGE were taken; answer the sender, and it sends more
  SF_SLOTS_LOADED,     // the byte was the image's last, and the image is in use now
  SF_SLOTS_REFUSED,    // the image was refused, see status; the task before it is still in use
  SF_SLOTS_FAILED      // erasing or writing failed; the task before it is still in use
} sf_slots_answer;

// Puts the newest complete image into use. The network keeps its task if there is none, or if
// `memory` is none: a function or a slot is NULL, or `bytes` is no size of a slot. Not to be called
// from the function given to sf_set_on_row().
void sf_slots_start(sf_slots *slots, const sf_network *network, const sf_slot_memory *memory);

// Takes the next byte of an image. An image that is complete is put into use at once, so do not
// call this from the function given to sf_set_on_row(); an unfinished camera image is forgotten.
// Returns SF_SLOTS_FAILED before sf_slots_start(), or if that was given no memory. The slot that
// the network reads is never written.
sf_slots_answer sf_slots_take(sf_slots *slots, uint8_t byte);

// Forgets an image that has not come as a whole, for example because the sender went silent.
void sf_slots_drop(sf_slots *slots);

#ifdef __cplusplus
}
#endif

#endif  // SF_SLOTS_H_
