#include "runtime/Commands/Doctor.h"

#include "runtime/Cuda/Driver.h"
#include "runtime/Cuda/Nccl.h"
#include "runtime/Data/FlowLibrary.h"
#include "runtime/Data/VideoReader.h"
#include "runtime/Device/CpuLevel.h"
#include "runtime/Device/Device.h"
#include "runtime/Ranks/MpiLibrary.h"
#include "runtime/Support/Cores.h"
#include "runtime/Support/Error.h"

#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <memory>

using nlohmann::json;

namespace kinema {
namespace {

Provision examineCpu() {
  Provision cpu{"CPU", true, "", "to run packages for CPUs"};
  std::vector<std::string_view> levels;
  std::string_view next;
  for (const CpuLevel &level : cpuLevels())
    if (runsHere(level))
      levels.push_back(level.target);
    else if (next.empty())
      next = level.needs;
  cpu.there = !levels.empty();
  const int cores = availableCores();
  cpu.detail = cpu.there ? fmt::format("{} core{}, runs code for {}", cores, cores == 1 ? "" : "s",
                                       fmt::join(levels, ", "))
                         : fmt::format("this processor lacks {}", next);
  return cpu;
}

Provision examineGpus() {
  Provision provision{"GPU", false, "", "to run packages for GPUs"};
  try {
    int version = 0;
    cuda::driver().driverGetVersion(&version);
    std::vector<std::string> gpus;
    for (const CudaGpu &gpu : cudaGpus())
      gpus.push_back(fmt::format("{} ({})", gpu.name, gpu.architecture));
    provision.there = true;
    provision.detail =
        fmt::format("{}; driver for CUDA {}.{}", fmt::join(gpus, ", "), version / 1000, version % 1000 / 10);
  } catch (const Error &error) {
    provision.detail = error.what();
  }
  return provision;
}

// Asks for something by a function that returns its name, or throws Error.
template <typename Ask> Provision ask(const char *what, const char *purpose, Ask &&name) {
  try {
    return {what, true, name(), purpose};
  } catch (const Error &error) {
    return {what, false, error.what(), purpose};
  }
}

} // namespace

std::vector<Provision> examineMachine() {
  return {examineCpu(),
          examineGpus(),
          ask("FFmpeg", "to read videos other than .y4m", [] { return requireDecoder("video.mp4"); }),
          ask("OpenCV", "to compute optical flow", flowImplementation),
          ask("MPI", "to train by several processes", [] { return mpiLibrary().file; }),
          ask("NCCL", "to train on several GPUs",
              [] { return fmt::format("{}, version {}", nccl::library().file, nccl::library().version); })};
}

std::string describe(const Provision &provision) {
  return fmt::format("{:<8} {}, {}: {}", provision.what, provision.there ? "there" : "missing",
                     provision.purpose, provision.detail);
}

static void print(const std::vector<Provision> &provisions, bool asJson) {
  json document = json::array();
  for (const Provision &provision : provisions)
    if (asJson)
      document.push_back({{"what", provision.what},
                          {"there", provision.there},
                          {"detail", provision.detail},
                          {"purpose", provision.purpose}});
    else
      fmt::print("{}\n", describe(provision));
  if (asJson)
    fmt::print("{}\n", document.dump(1, ' ', false, json::error_handler_t::replace));
}

void addDoctor(CLI::App &app, std::function<std::vector<Provision>()> more) {
  CLI::App *command = app.add_subcommand("doctor", "what this machine has, and what is missing for what");
  auto asJson = std::make_shared<bool>(false);
  command->add_flag("--json", *asJson, "print JSON");
  command->callback([asJson, more = std::move(more)] {
    std::vector<Provision> provisions = examineMachine();
    if (more)
      for (Provision &provision : more())
        provisions.push_back(std::move(provision));
    print(provisions, *asJson);
  });
}

} // namespace kinema
