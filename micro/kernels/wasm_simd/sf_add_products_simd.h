// The inner loops of the convolutions: values times weights, added to the sums of some pixels,
// which lie `apart` values from each other.
//
// In a file of their own, because compilers that inline them into the loops around them run out of
// registers: gcc for a Cortex-M4 then needs 3.5 instead of 2.5 instructions a multiplication.
#ifndef SF_ADD_PRODUCTS_H_
#define SF_ADD_PRODUCTS_H_

#include <stdint.h>

// Two output channels, which read the same `length` neighbouring values. sums: two a pixel.
void sf_add_products(int32_t pixels, int32_t apart, int32_t length, const int8_t *values,
                     const int8_t *const weights[2], uint32_t *sums);

// Four neighbouring channels, each with its own values. From one tap of the window to the next it
// is value_step values and weight_step weights. sums: four a pixel.
void sf_add_products_by_channel(int32_t pixels, int32_t apart, int32_t taps, int32_t value_step,
                                int32_t weight_step, const int8_t *values, const int8_t *weights,
                                uint32_t *sums);

#endif  // SF_ADD_PRODUCTS_H_
