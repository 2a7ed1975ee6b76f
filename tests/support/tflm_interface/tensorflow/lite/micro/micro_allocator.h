#ifndef TFLM_INTERFACE_MICRO_ALLOCATOR_H_
#define TFLM_INTERFACE_MICRO_ALLOCATOR_H_

#include <cstddef>
#include <cstdint>

namespace tflite {

class MicroAllocator {
 public:
  static MicroAllocator *Create(uint8_t *tensor_arena, size_t arena_size);
};

}  // namespace tflite

#endif  // TFLM_INTERFACE_MICRO_ALLOCATOR_H_
