#include "runtime/Device/DeviceList.h"

#include "runtime/Device/CpuLevel.h"
#include "runtime/Device/Device.h"
#include "runtime/Support/Cores.h"

#include <fmt/format.h>

namespace kinema {

std::vector<ListedDevice> listDevices() {
  const int cores = availableCores();
  const std::string_view level = bestCpuLevel();
  std::vector<ListedDevice> devices = {
      {"cpu", fmt::format("{} core{}, {}", cores, cores == 1 ? "" : "s",
                          level.empty() ? "of no level that there is code for" : level)}};
  for (const CudaGpu &gpu : cudaGpus())
    devices.push_back({fmt::format("cuda:{}", devices.size() - 1), gpu.name + ", " + gpu.architecture});
  return devices;
}

} // namespace kinema
