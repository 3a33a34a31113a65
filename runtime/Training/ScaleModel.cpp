#include "runtime/Training/ScaleModel.h"

#include "runtime/Support/Error.h"
#include "runtime/Training/Buckets.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <numeric>

namespace kinema {
namespace {

constexpr double micro = 1e-6, giga = 1e9;

// Reads a number above 0 that fills the text; returns 0 for others.
double positive(std::string_view text) {
  double value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && value > 0 ? value : 0;
}

// What a launch takes of a step's time where only the whole is known: as if each byte took as long as so many
// multiply-adds.
double weightOf(const Launch &launch) {
  constexpr double perByte = 8;
  return static_cast<double>(launch.macs) + perByte * static_cast<double>(launch.reads + launch.writes);
}

double secondsOf(const std::vector<Launch> &launches, double factor, std::vector<double> *each) {
  double sum = 0;
  for (const Launch &launch : launches) {
    const double seconds = factor > 0 ? factor * weightOf(launch) : std::max(launch.predicted, launch.floor);
    if (each)
      each->push_back(seconds);
    sum += seconds;
  }
  return sum;
}

} // namespace

std::span<const RankNetwork> rankNetworks() {
  static const std::vector<RankNetwork> networks = {
      {"nvlink", 3 * micro, 360 * giga},    // fourth generation, 18 links: 450 GB/s
      {"infiniband", 5 * micro, 45 * giga}, // NDR, 400 Gb/s a rank
      {"ethernet100", 15 * micro, 11 * giga},
      {"ethernet10", 30 * micro, 1.1 * giga}};
  return networks;
}

RankNetwork findNetwork(const std::string &text) {
  std::vector<std::string> names;
  for (const RankNetwork &network : rankNetworks()) {
    if (network.name == text)
      return network;
    names.push_back(network.name);
  }
  const size_t colon = std::min(text.find(':'), text.size());
  const double latency = positive(std::string_view(text).substr(0, colon)),
               bandwidth = colon < text.size() ? positive(std::string_view(text).substr(colon + 1)) : 0;
  if (latency == 0 || bandwidth == 0)
    refuse("there is no network '{}'; there are {}, and LATENCY:BANDWIDTH in microseconds and GB a second",
           text, fmt::join(names, ", "));
  return {text, latency * micro, bandwidth * giga};
}

double secondsToAddUp(int64_t bytes, int64_t ranks, const RankNetwork &network) {
  const auto count = static_cast<double>(ranks);
  const double passes = 2 * (count - 1);
  return passes * network.latency + passes / count * static_cast<double>(bytes) / network.bandwidth;
}

StepTimes timesOf(const Manifest &manifest, double step) {
  const std::vector<Launch> &launches = manifest.entries.at("train_step"),
                            &updates = manifest.entries.at("update");
  double weights = 0;
  bool areKnown = true;
  for (const std::vector<Launch> *part : {&launches, &updates})
    for (const Launch &launch : *part) {
      weights += weightOf(launch);
      areKnown &= launch.predicted > 0 || launch.floor > 0;
    }
  if (step == 0 && !areKnown)
    refuse(
        "the plan for {} does not say how long its launches take: say with --step-ms how long a step of one "
        "rank takes, as `kinema bench` measures it",
        manifest.target);
  StepTimes times;
  const double factor = step > 0 ? step / weights : 0;
  secondsOf(launches, factor, &times.launches);
  times.update = secondsOf(updates, factor, nullptr);
  return times;
}

std::string ScaledStep::bound() const {
  constexpr double little = 1.01;
  if (seconds < little * alone)
    return "nothing";
  return latency > bandwidth ? "latency" : "bandwidth";
}

// A bucket begins when it is complete and what comes before it has been added up. Launches wait for
// statistics of batch norms, and these for the buckets before them.
ScaledStep scaleStep(const Manifest &manifest, const StepTimes &times, int64_t ranks,
                     const RankNetwork &network, int64_t bucketBytes, Wire wire) {
  const std::vector<Bucket> buckets = bucketsOf(manifest, bucketBytes);
  ScaledStep step{.bucketBytes = bucketBytes, .buckets = buckets.size()};
  double computed = 0, summed = 0; // when the launches so far, and the sums, have ended
  auto launch = times.launches.begin();
  auto addUp = [&](int64_t bytes) {
    const double latency = secondsToAddUp(0, ranks, network), all = secondsToAddUp(bytes, ranks, network);
    summed = std::max(summed, computed) + all;
    step.latency += latency;
    step.bandwidth += all - latency;
  };
  for (const StepCut &cut : cutsOf(manifest, buckets)) {
    const auto end = times.launches.begin() + cut.end;
    computed = std::accumulate(launch, end, computed);
    launch = end;
    if (!cut.sums.empty()) {
      addUp(cut.bytesOfSums());
      computed = summed;
    }
    if (cut.bucket)
      addUp(buckets[*cut.bucket].bytesSent(wire));
  }
  step.alone = std::accumulate(times.launches.begin(), times.launches.end(), times.update);
  step.seconds = std::max(computed, summed) + times.update;
  return step;
}

std::vector<ScaledStep> scaleSteps(const Manifest &manifest, const StepTimes &times, int64_t ranks,
                                   const RankNetwork &network, Wire wire) {
  constexpr int64_t megabyte = 1'000'000;
  std::vector<ScaledStep> steps;
  auto add = [&](int64_t bytes) {
    const ScaledStep step = scaleStep(manifest, times, ranks, network, bytes, wire);
    if (steps.empty() || step.buckets < steps.back().buckets)
      steps.push_back(step);
  };
  for (int64_t size : {1, 2, 4, 8, 16, 32, 64, 128})
    add(size * megabyte);
  add(INT64_MAX);
  return steps;
}

const ScaledStep &quickest(const std::vector<ScaledStep> &steps) {
  constexpr double alike = 1.001;
  const ScaledStep *best = &*std::ranges::min_element(steps, {}, &ScaledStep::seconds);
  const double most = alike * best->seconds;
  for (const ScaledStep &step : steps)
    if (step.seconds <= most && step.buckets < best->buckets)
      best = &step;
  return *best;
}

} // namespace kinema
