#include "runtime/Bench.h"

#include "runtime/Random.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>

using nlohmann::json;

namespace kinema {
namespace {

void fillInputs(Program &program) {
  const Manifest &manifest = program.manifest();
  program.initialise(1);
  for (size_t index = 0; index < manifest.inputs.size(); ++index) {
    std::vector<float> clips(manifest.inputs[index].elements());
    for (size_t i = 0; i < clips.size(); ++i)
      clips[i] = random::normal(1, random::stream(random::Purpose::Inputs, index), i);
    program.set(manifest.inputs[index], clips);
  }
  if (!manifest.labels)
    return;
  std::vector<int32_t> labels(manifest.batch);
  for (int64_t i = 0; i < manifest.batch; ++i)
    labels[i] = static_cast<int32_t>(i % manifest.classes);
  program.set(*manifest.labels, labels);
  program.setHyper(
      {.rate = 1e-4f, .momentum = 0.9f, .nesterov = 1, .decay = 1e-4f}); // small: no number runs away
}

double median(std::vector<double> values) {
  if (values.empty())
    return 0;
  auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// The first runs touch all memory and raise the clocks; they do not count.
EntryTime timeEntry(Program &program, const std::string &entry, int64_t runs) {
  program.time(entry, 1 + runs / 5);
  std::vector<double> seconds = program.time(entry, runs);
  return {entry, *std::min_element(seconds.begin(), seconds.end()), median(seconds)};
}

std::vector<std::string> entriesWithLaunches(const Manifest &manifest) {
  std::vector<std::string> names;
  for (const auto &[name, launches] : manifest.entries)
    if (!launches.empty())
      names.push_back(name);
  return names;
}

double gigaflops(const Launch &launch, double seconds) {
  return seconds > 0 ? 2e-9 * static_cast<double>(launch.macs) / seconds : 0;
}

double gigabytes(const Launch &launch, double seconds) {
  return seconds > 0 ? 1e-9 * static_cast<double>(launch.reads + launch.writes) / seconds : 0;
}

// What all launches of an entry took, and by the model ought to take, together.
struct Sum {
  double seconds = 0, floor = 0, predicted = 0;
};

std::string describeRow(const Kernel &kernel, const Launch &launch, double seconds, const Sum &sum) {
  std::string text = fmt::format("{:>9.3f} {:>6.1f} {:>8.1f} {:>7.1f}", 1e3 * seconds,
                                 sum.seconds > 0 ? 100 * seconds / sum.seconds : 0,
                                 gigaflops(launch, seconds), gigabytes(launch, seconds));
  if (sum.floor > 0)
    text += launch.floor > 0 ? fmt::format(" {:>9.3f} {:>6.1f} {:>9.3f}", 1e3 * launch.floor,
                                           seconds / launch.floor, 1e3 * launch.predicted)
                             : fmt::format(" {:>9} {:>6} {:>9}", "-", "-", "-");
  return text + fmt::format("  {:<14} {:<16} {}\n", kernel.op, kernel.schedule, launch.layer);
}

} // namespace

std::vector<EntryTime> benchmark(Program &program, const BenchOptions &options) {
  fillInputs(program);
  int64_t runs = std::max<int64_t>(options.runs, 1);
  std::vector<EntryTime> times;
  for (const std::string &entry :
       options.entries.empty() ? entriesWithLaunches(program.manifest()) : options.entries) {
    times.push_back(timeEntry(program, entry, runs));
    for (int64_t i = 0; i < runs; ++i) {
      program.run(entry); // keeps a GPU busy while the launches behind it are started one by one
      program.setProfile(true);
      program.run(entry);
      program.setProfile(false);
    }
  }
  return times;
}

std::string describeLaunches(const Program &program, const std::string &entry, size_t rows) {
  std::vector<std::pair<double, const Launch *>> launches;
  Sum sum;
  for (const LaunchTime &time : program.times(entry)) {
    launches.emplace_back(median(time.seconds), time.launch);
    sum.seconds += launches.back().first;
    sum.floor += time.launch->floor;
    sum.predicted += time.launch->predicted;
  }
  std::sort(launches.begin(), launches.end(), [](const auto &a, const auto &b) {
    return a.first != b.first ? a.first > b.first : a.second < b.second;
  });
  if (rows > 0 && launches.size() > rows)
    launches.resize(rows);
  std::string text = fmt::format("{:>9} {:>6} {:>8} {:>7}", "ms", "%", "GFLOP/s", "GB/s");
  if (sum.floor > 0)
    text += fmt::format(" {:>9} {:>6} {:>9}", "floor ms", "ratio", "predicted");
  text += fmt::format("  {:<14} {:<16} {}\n", "op", "schedule", "layer");
  for (const auto &[seconds, launch] : launches)
    text += describeRow(program.manifest().kernels.at(launch->kernel), *launch, seconds, sum);
  if (sum.floor > 0)
    text += fmt::format("all launches: {:.3f} ms, at least {:.3f} ms, {:.3f} ms predicted\n",
                        1e3 * sum.seconds, 1e3 * sum.floor, 1e3 * sum.predicted);
  return text;
}

json toJson(const Program &program, const EntryTime &time) {
  json launches = json::array();
  for (const LaunchTime &timed : program.times(time.entry)) {
    const Launch &launch = *timed.launch;
    const Kernel &kernel = program.manifest().kernels.at(launch.kernel);
    double seconds = median(timed.seconds);
    launches.push_back({{"layer", launch.layer},
                        {"kernel", launch.kernel},
                        {"op", kernel.op},
                        {"schedule", kernel.schedule},
                        {"seconds", seconds},
                        {"gflops", gigaflops(launch, seconds)},
                        {"gbytes", gigabytes(launch, seconds)}});
    if (launch.floor > 0) {
      launches.back()["floor"] = launch.floor;
      launches.back()["predicted"] = launch.predicted;
    }
  }
  return {{"entry", time.entry}, {"seconds", time.median}, {"least", time.least}, {"launches", launches}};
}

} // namespace kinema
