// Every function of the driver that the runtime looks for, none of which does anything: beside it stand those
// that do.
#include "runtime/Cuda/Driver.h"

using namespace kinema::cuda;

#define KINEMA_REFUSAL(member, symbol, parameters)                                                           \
  extern "C" __attribute__((weak)) Result symbol parameters { return 801; } // CUDA_ERROR_NOT_SUPPORTED

#pragma clang diagnostic ignored "-Wunused-parameter"
KINEMA_CUDA_FUNCTIONS(KINEMA_REFUSAL)
