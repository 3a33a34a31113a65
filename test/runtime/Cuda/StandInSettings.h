// What the environment says of the libraries in place of NVIDIA's driver and of NCCL.
#ifndef KINEMA_TEST_RUNTIME_CUDA_STANDINSETTINGS_H
#define KINEMA_TEST_RUNTIME_CUDA_STANDINSETTINGS_H

#include <cstdlib>
#include <string_view>

namespace kinema::standin {

// Returns whether the variable has this value.
inline bool isSet(const char *variable, std::string_view value) {
  const char *told = std::getenv(variable);
  return told && told == value;
}

// KINEMA_STANDIN_CAPABILITY: the GPU's, "86" for 8.6; else it is that of an H200.
inline int capabilityTold() {
  const char *told = std::getenv("KINEMA_STANDIN_CAPABILITY");
  return told ? std::atoi(told) : 90;
}

// Bytes of shared memory that a GPU of that capability gives a block (CUDA C++ Programming Guide, "Compute
// Capabilities").
inline int maxShared() {
  switch (capabilityTold()) {
  case 80:
  case 87:
    return 163 * 1024;
  case 86:
  case 89:
  case 120:
  case 121:
    return 99 * 1024;
  default:
    return 227 * 1024;
  }
}

// KINEMA_STANDIN_GPUS: how many there are.
inline int gpus() {
  const char *told = std::getenv("KINEMA_STANDIN_GPUS");
  return told ? std::atoi(told) : 1;
}

// KINEMA_STANDIN_LACKS: what is not there, the driver itself, GPUs, or the one that is counted.
inline bool lacks(std::string_view what) { return isSet("KINEMA_STANDIN_LACKS", what); }

// KINEMA_STANDIN_NCCL: how NCCL behaves (NcclStandIn.cpp). With "early", the branches of a graph run as soon
// as they may.
inline bool ncclIs(std::string_view behaviour) { return isSet("KINEMA_STANDIN_NCCL", behaviour); }

} // namespace kinema::standin

#endif
