// A library in place of NVIDIA's driver that shows a GPU, says what it is, and refuses to do anything with
// it: for programs that decide what they make for it. KINEMA_STANDIN_CAPABILITY is the GPU's, "86" for 8.6.
#include "runtime/Cuda/Driver.h"

#include <cstdlib>
#include <cstring>

using namespace kinema::cuda;

extern "C" {
Result cuInit(unsigned) { return success; }

Result cuDeviceGetCount(int *count) {
  *count = 1;
  return success;
}

Result cuDeviceGet(DeviceNumber *device, int ordinal) {
  *device = ordinal;
  return success;
}

Result cuDeviceGetName(char *name, int length, DeviceNumber) {
  std::strncpy(name, "a shown device", length);
  return success;
}

Result cuDeviceGetAttribute(int *value, int attribute, DeviceNumber) {
  const int capability = std::atoi(std::getenv("KINEMA_STANDIN_CAPABILITY"));
  *value = attribute == attributeMajor   ? capability / 10
           : attribute == attributeMinor ? capability % 10
                                         : 99 * 1024;
  return success;
}
}
