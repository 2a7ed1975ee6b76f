#ifndef TFLM_INTERFACE_MICRO_MUTABLE_OP_RESOLVER_H_
#define TFLM_INTERFACE_MICRO_MUTABLE_OP_RESOLVER_H_

#include <cstdint>

typedef enum TfLiteStatus { kTfLiteOk = 0, kTfLiteError = 1 } TfLiteStatus;

#define TF_LITE_ENSURE_STATUS(a)            \
  do {                                      \
    const TfLiteStatus status = (a);        \
    if (status != kTfLiteOk) return status; \
  } while (0)

namespace tflite {

class MicroOpResolver {};

template <unsigned int tOpCount>
class MicroMutableOpResolver : public MicroOpResolver {
 public:
  TfLiteStatus AddAdd();
  TfLiteStatus AddAveragePool2D();
  TfLiteStatus AddCast();
  TfLiteStatus AddConcatenation();
  TfLiteStatus AddConv2D();
  TfLiteStatus AddDepthwiseConv2D();
  TfLiteStatus AddGather();
  TfLiteStatus AddAssignVariable();
  TfLiteStatus AddCallOnce();
  TfLiteStatus AddMul();
  TfLiteStatus AddReadVariable();
  TfLiteStatus AddVarHandle();
  TfLiteStatus AddSplitV();
};

}  // namespace tflite

#endif  // TFLM_INTERFACE_MICRO_MUTABLE_OP_RESOLVER_H_
