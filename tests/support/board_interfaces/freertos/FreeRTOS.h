// What the demo for ESP-IDF uses of FreeRTOS.
#ifndef FREERTOS_H_
#define FREERTOS_H_

#include <stdint.h>

typedef uint32_t TickType_t;

#endif  // FREERTOS_H_
