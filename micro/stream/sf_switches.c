#include "sf_switches.h"

#include "sf_task.h"

static const int32_t *positions(const uint8_t *task) {
  return (const int32_t *)(const void *)(task + sizeof(sf_task_header));
}

int sf_is_met(const sf_network *network, const uint8_t *task, uint8_t condition) {
  const sf_condition *needed = &network->switching->conditions[condition - 1];
  const int32_t position = positions(task)[needed->number];
  return position >= needed->first && position <= needed->last;
}

static int rests(const sf_network *network, const uint8_t *task, const sf_stage *stage) {
  return stage->condition && !sf_is_met(network, task, stage->condition);
}

void sf_rest(const sf_network *network) {
  if (!network->state->task) return;
  for (uint16_t i = 0; i < network->stage_count; i++) {
    const sf_stage *stage = &network->stages[i];
    if (rests(network, network->state->task, stage)) network->steps[i] = stage->steps;
  }
}

static sf_status check_positions(const sf_switching *has, const uint8_t *task, size_t size) {
  if (size < sizeof(sf_task_header) + has->switch_count * sizeof(int32_t)) return SF_OTHER_SIZE;
  for (uint16_t i = 0; i < has->switch_count; i++) {
    const int32_t position = positions(task)[i];
    if (position < has->switches[i].first || position > has->switches[i].last) return SF_BAD_SWITCH;
  }
  const int32_t first = positions(task)[0] - has->switches[0].first;
  return size == has->task_bytes[first] ? SF_OK : SF_OTHER_SIZE;
}

sf_status sf_check_switched(const sf_network *network, const uint8_t *task, size_t size) {
  sf_status status = check_positions(network->switching, task, size);
  for (uint16_t i = 0; i < network->stage_count && status == SF_OK; i++) {
    const sf_stage *stage = &network->stages[i];
    // One that rests may have no section in this image.
    if (!rests(network, task, stage)) status = stage->kind->check(stage, task + stage->section);
  }
  return status;
}
