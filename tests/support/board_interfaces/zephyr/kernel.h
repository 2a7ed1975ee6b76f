// What the demo uses of Zephyr.
#ifndef ZEPHYR_KERNEL_H_
#define ZEPHYR_KERNEL_H_

#include <stdint.h>

int32_t k_msleep(int32_t milliseconds);

#endif  // ZEPHYR_KERNEL_H_
