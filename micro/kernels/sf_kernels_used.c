#include "sf_kernel_set.h"
#include "sf_kernels.h"

const char *sf_kernels_used(void) { return SF_KERNELS; }
