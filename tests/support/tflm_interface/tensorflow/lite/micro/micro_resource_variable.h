#ifndef TFLM_INTERFACE_MICRO_RESOURCE_VARIABLE_H_
#define TFLM_INTERFACE_MICRO_RESOURCE_VARIABLE_H_

#include "tensorflow/lite/micro/micro_allocator.h"

namespace tflite {

class MicroResourceVariables {
 public:
  static MicroResourceVariables *Create(MicroAllocator *allocator, int num_variables);
};

}  // namespace tflite

#endif  // TFLM_INTERFACE_MICRO_RESOURCE_VARIABLE_H_
