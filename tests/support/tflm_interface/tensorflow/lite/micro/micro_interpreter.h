#ifndef TFLM_INTERFACE_MICRO_INTERPRETER_H_
#define TFLM_INTERFACE_MICRO_INTERPRETER_H_

#include <cstddef>
#include <cstdint>

#include "tensorflow/lite/micro/micro_allocator.h"
#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"
#include "tensorflow/lite/micro/micro_resource_variable.h"

typedef union TfLitePtrUnion {
  char *raw;
  uint8_t *uint8;
  int8_t *int8;
} TfLitePtrUnion;

typedef struct TfLiteTensor {
  TfLitePtrUnion data;
  size_t bytes;
} TfLiteTensor;

namespace tflite {

struct Model;
const Model *GetModel(const void *buffer);

class MicroInterpreter {
 public:
  MicroInterpreter(const Model *model, const MicroOpResolver &op_resolver, uint8_t *tensor_arena,
                   size_t tensor_arena_size);
  MicroInterpreter(const Model *model, const MicroOpResolver &op_resolver,
                   MicroAllocator *allocator, MicroResourceVariables *resource_variables);
  ~MicroInterpreter();
  TfLiteStatus AllocateTensors();
  TfLiteStatus Invoke();
  TfLiteTensor *input(size_t index);
  TfLiteTensor *output(size_t index);
  size_t arena_used_bytes() const;
};

}  // namespace tflite

#endif  // TFLM_INTERFACE_MICRO_INTERPRETER_H_
