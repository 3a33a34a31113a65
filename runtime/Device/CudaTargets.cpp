#include "runtime/Device/CudaTargets.h"

#include <charconv>
#include <optional>
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

size_t chooseCudaTarget(const std::vector<std::string> &targets, std::string_view architecture) {
  size_t best = targets.size();
  std::pair<CudaFit, int> bestFit = {CudaFit::None, 0};
  for (size_t i = 0; i < targets.size(); ++i) {
    const CudaFit fit = cudaFit(targets[i], architecture);
    if (fit == CudaFit::None)
      continue;
    const std::pair<CudaFit, int> here = {fit, parse(targets[i])->capability};
    if (here > bestFit) {
      bestFit = here;
      best = i;
    }
  }
  return best;
}

} // namespace kinema
