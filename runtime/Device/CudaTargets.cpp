#include "runtime/Device/CudaTargets.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <utility>

namespace kinema {
namespace {

// An Architecture is the compute capability behind "sm_": 86 is 8.6, and 120 is 12.0.
struct Architecture {
  int capability = 0;
  bool isAlone = false; // its code runs on no other

  int generation() const { return capability / 10; }
};

std::optional<Architecture> parse(std::string_view name) {
  constexpr std::string_view prefix = "sm_";
  if (!name.starts_with(prefix))
    return std::nullopt;
  name.remove_prefix(prefix.size());
  Architecture found;
  auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), found.capability);
  const std::string_view suffix(end, name.data() + name.size());
  found.isAlone = suffix == "a" || suffix == "f";
  if (error != std::errc() || !(suffix.empty() || found.isAlone))
    return std::nullopt;
  return found;
}

} // namespace

CudaFit cudaFit(std::string_view target, std::string_view architecture) {
  const auto code = parse(target), gpu = parse(architecture);
  if (!code || !gpu)
    return CudaFit::None;
  if (code->capability == gpu->capability)
    return CudaFit::Exact;
  if (code->isAlone || code->capability > gpu->capability)
    return CudaFit::None;
  return code->generation() == gpu->generation() ? CudaFit::MachineCode : CudaFit::AsText;
}

size_t chooseCudaCode(const std::vector<CudaCode> &codes, std::string_view architecture,
                      std::optional<int64_t> sharedBytes) {
  size_t best = codes.size();
  std::pair<CudaFit, int> bestFit = {CudaFit::None, 0};
  for (size_t i = 0; i < codes.size(); ++i) {
    const CudaFit fit = cudaFit(codes[i].target, architecture);
    if (fit == CudaFit::None || (fit == CudaFit::AsText && !codes[i].hasText) ||
        (sharedBytes && codes[i].sharedBytes > *sharedBytes))
      continue;
    const std::pair<CudaFit, int> here = {fit, parse(codes[i].target)->capability};
    if (here > bestFit) {
      bestFit = here;
      best = i;
    }
  }
  return best;
}

bool isTextOfUse(std::string_view target, const std::vector<std::string> &targets) {
  // CUDA Toolkit documentation, "GPU Feature List"; the last one stands for those to come.
  constexpr const char *gpus[] = {"sm_75",  "sm_80",  "sm_86",  "sm_87",  "sm_88",  "sm_89", "sm_90",
                                  "sm_100", "sm_103", "sm_110", "sm_120", "sm_121", "sm_130"};
  std::vector<CudaCode> codes;
  for (const std::string &name : targets)
    codes.push_back({name});
  return std::any_of(std::begin(gpus), std::end(gpus), [&](const char *gpu) {
    const size_t best = chooseCudaCode(codes, gpu);
    return best < codes.size() && codes[best].target == target && cudaFit(target, gpu) == CudaFit::AsText;
  });
}

} // namespace kinema
