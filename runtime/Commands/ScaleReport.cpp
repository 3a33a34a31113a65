#include "runtime/Commands/ScaleReport.h"

#include "runtime/Commands/Info.h"
#include "runtime/Support/Error.h"
#include "runtime/Training/Buckets.h"
#include "runtime/Training/ScaleModel.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

using nlohmann::json;

namespace kinema {
namespace {

constexpr double milli = 1e-3, mega = 1e6, giga = 1e9, micro = 1e-6;

bool isOne(const ScaledStep &step) { return step.bucketBytes == INT64_MAX; }

std::string sizeText(const ScaledStep &step) {
  return isOne(step) ? "all" : fmt::format("{:.0f} MB", static_cast<double>(step.bucketBytes) / mega);
}

json toJson(const ScaledStep &step) {
  return {{"bucket_bytes", isOne(step) ? json() : json(step.bucketBytes)},
          {"buckets", step.buckets},
          {"seconds", step.seconds},
          {"efficiency", step.efficiency()},
          {"bound", step.bound()}};
}

void printTable(const std::vector<ScaledStep> &steps) {
  fmt::print("{:>8}  {:>7}  {:>9}  {:>10}  bound by\n", "--bucket", "buckets", "ms a step", "efficiency");
  for (const ScaledStep &step : steps)
    fmt::print("{:>8}  {:>7}  {:>9.2f}  {:>9.1f}%  {}\n", sizeText(step), step.buckets, step.seconds / milli,
               100 * step.efficiency(), step.bound());
}

} // namespace

void printScale(const Manifest &manifest, const ScaleOptions &options, bool asJson) {
  if (!manifest.distributed())
    refuse("{} was compiled for one process: compile it with --distributed", manifest.name);
  const RankNetwork network = findNetwork(options.network);
  const Wire wire = wireOf(options.compress);
  const StepTimes times = timesOf(manifest, milli * options.stepMilliseconds);
  const std::vector<ScaledStep> steps = scaleSteps(manifest, times, options.ranks, network, wire);
  const ScaledStep &best = quickest(steps);
  const std::vector<Bucket> whole = bucketsOf(manifest, INT64_MAX);
  const int64_t clips = options.ranks * manifest.batch;
  int64_t bytes = whole.front().bytesSent(wire);
  for (const StepCut &cut : cutsOf(manifest, whole))
    bytes += cut.bytesOfSums();
  if (asJson) {
    json document = {
        {"ranks", options.ranks},  {"network", network.name},
        {"batch", manifest.batch}, {"alone", best.alone},
        {"bytes", bytes},          {"compress", options.compress},
        {"best", toJson(best)},    {"clips_per_second", static_cast<double>(clips) / best.seconds}};
    for (const ScaledStep &step : steps)
      document["steps"].push_back(toJson(step));
    fmt::print("{}\n", document.dump(1));
    return;
  }
  fmt::print("{}: {} ranks on {}, of {} clips each, add up {} a step over {}{} ({:.1f} us, {:.1f} GB/s)\n",
             manifest.name, options.ranks, manifest.target, manifest.batch, formatBytes(bytes), network.name,
             textOf(wire), network.latency / micro, network.bandwidth / giga);
  fmt::print("a step of one rank by itself: {:.2f} ms\n", best.alone / milli);
  printTable(steps);
  fmt::print("best: --bucket {}, {:.1f}% efficient, bound by {}: {:.0f} clips/s\n",
             isOne(best) ? "1000000" : fmt::format("{:.0f}", static_cast<double>(best.bucketBytes) / mega),
             100 * best.efficiency(), best.bound(), static_cast<double>(clips) / best.seconds);
}

} // namespace kinema
