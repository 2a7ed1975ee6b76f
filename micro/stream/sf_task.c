// Loading a task image: everything is checked before anything changes.
#include "sf_task.h"

#include <string.h>

#include "sf_crc32.h"
#include "sf_switches.h"

#define VERSION 1

static sf_status check(const sf_network *network, const uint8_t *image, size_t size) {
  if ((uintptr_t)image % 4 != 0) return SF_NOT_ALIGNED;
  if (size < sizeof(sf_task_header)) return SF_TOO_SHORT;
  const sf_task_header *head = (const sf_task_header *)(const void *)image;
  if (memcmp(head->magic, "SFTI", 4) != 0) return SF_NOT_A_TASK;
  if (head->version != VERSION) return SF_OTHER_VERSION;
  if (head->bytes < sizeof *head || head->bytes > size) return SF_OTHER_SIZE;
  size = head->bytes;
  const size_t checked = offsetof(sf_task_header, core_digest);
  if (sf_crc32(0, image + checked, size - checked) != head->crc) return SF_DAMAGED;
  if (memcmp(head->core_digest, network->core_digest, 32) != 0) return SF_OTHER_CORE;
  if (memcmp(head->datapath_digest, network->datapath_digest, 32) != 0) return SF_OTHER_DATAPATH;
  if (network->switching) return network->switching->check(network, image, size);
  if (size != network->task_bytes) return SF_OTHER_SIZE;
  for (uint16_t i = 0; i < network->stage_count; i++) {
    const sf_stage *stage = &network->stages[i];
    const sf_status status = stage->kind->check(stage, image + stage->section);
    if (status != SF_OK) return status;
  }
  return SF_OK;
}

sf_status sf_check_task(const sf_network *network, const void *image, size_t size) {
  return image == NULL ? SF_NULL : check(network, image, size);
}

sf_status sf_load_task(const sf_network *network, const void *image, size_t size) {
  if (network->state->is_running) return SF_BUSY;
  const sf_status status = sf_check_task(network, image, size);
  if (status == SF_OK) {
    network->state->task = image;
    sf_reset(network);
  }
  return status;
}

const char *sf_status_text(sf_status status) {
  switch (status) {
    case SF_OK:
      return "ok";
    case SF_IMAGE_COMPLETE:
      return "the image is complete";
    case SF_NO_TASK:
      return "no task image has been loaded";
    case SF_BUSY:
      return "this cannot be called while a row is given to on_row";
    case SF_NULL:
      return "the row or the task image is NULL";
    case SF_NOT_ALIGNED:
      return "the task image does not begin at a multiple of 4 bytes";
    case SF_TOO_SHORT:
      return "the task image ends before its header does";
    case SF_NOT_A_TASK:
      return "this is no task image";
    case SF_OTHER_VERSION:
      return "the task image is of another version";
    case SF_OTHER_SIZE:
      return "the task image is not of the size that it should have";
    case SF_DAMAGED:
      return "the task image is damaged: its CRC-32 is wrong";
    case SF_OTHER_CORE:
      return "the task image belongs to another frozen core";
    case SF_OTHER_DATAPATH:
      return "the task image belongs to a network of another structure";
    case SF_BAD_FACTOR:
      return "the task image has a requantisation factor that is out of range";
    case SF_BAD_SWITCH:
      return "the task image has a switch in an unknown position";
  }
  return "unknown status";
}
