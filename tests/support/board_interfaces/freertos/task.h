// What the demo for ESP-IDF uses of FreeRTOS.
#ifndef TASK_H_
#define TASK_H_

#include "FreeRTOS.h"

void vTaskDelay(TickType_t ticks);
void app_main(void);

#endif  // TASK_H_
