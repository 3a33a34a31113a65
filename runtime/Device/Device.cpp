#include "runtime/Device/Device.h"

#include "runtime/Device/CpuLevel.h"
#include "runtime/Support/Error.h"

#include <charconv>

using namespace kinema;

int kinema::cudaNumber(const std::string &name, int gpu) {
  constexpr std::string_view prefix = "cuda:";
  if (name == "cuda")
    return gpu;
  if (!name.starts_with(prefix))
    return -1;
  int number = -1;
  const char *end = name.data() + name.size();
  auto [stop, error] = std::from_chars(name.data() + prefix.size(), end, number);
  return error == std::errc() && stop == end ? number : -1;
}

static std::string levelNames() {
  std::string names;
  for (const CpuLevel &level : cpuLevels())
    names += fmt::format("{}{}", names.empty() ? "" : ", ", level.target);
  return names;
}

static bool isAutomatic(const std::string &name) { return name.empty() || name == "auto"; }

void kinema::checkDeviceName(const std::string &name) {
  if (!isAutomatic(name) && name != "cpu" && name != emulatorTarget && cudaNumber(name) < 0)
    refuse("there is no device '{}'; there are auto, cpu, cuda, cuda:N and emulator", name);
}

std::unique_ptr<Device> kinema::makeDevice(const std::string &name, TargetKind kind,
                                           const std::string &target, int threads, int gpu) {
  bool isGpuCode = kind == TargetKind::Cuda;
  checkDeviceName(name);
  bool automatic = isAutomatic(name);
  const int number = automatic && isGpuCode ? gpu : cudaNumber(name, gpu);
  bool cpu = (automatic && !isGpuCode) || name == "cpu";
  if (!isGpuCode && !findCpuLevel(target))
    fail("this runtime has no CPU device for code of target '{}'; it runs {}", target, levelNames());
  if (cpu != !isGpuCode)
    fail("the package's code is for {}, which {} cannot run; compile it with --target {}", target,
         cpu                      ? "the CPU"
         : name == emulatorTarget ? "the emulator"
                                  : "a GPU",
         cpu                      ? "cpu"
         : name == emulatorTarget ? "sm_90a --emulator"
                                  : "sm_90a");
  if (name == emulatorTarget) {
    if (!findCpuLevel(emulatorLevel)->runsHere())
      fail("the emulator's code is for {}, which this processor cannot run", emulatorLevel);
    return makeEmulatorDevice(threads);
  }
  if (number >= 0)
    return makeCudaDevice(number, target);
  requireCpuLevel(target);
  return makeCpuDevice(threads);
}
