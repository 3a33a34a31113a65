#include "runtime/Bench.h"

#include "runtime/Clock.h"
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

EntryTime timeEntry(Program &program, const std::string &entry, int64_t runs) {
  std::vector<double> seconds;
  program.run(entry); // touches all memory
  program.wait();
  for (int64_t i = 0; i < runs; ++i) {
    double start = now();
    program.run(entry);
    program.wait();
    seconds.push_back(now() - start);
  }
  std::sort(seconds.begin(), seconds.end());
  return {entry, seconds.front(), seconds[seconds.size() / 2]};
}

std::vector<std::string> entriesWithLaunches(const Manifest &manifest) {
  std::vector<std::string> names;
  for (const auto &[name, launches] : manifest.entries)
    if (!launches.empty())
      names.push_back(name);
  return names;
}

double meanSeconds(const LaunchTime &time) {
  return time.runs ? time.seconds / static_cast<double>(time.runs) : 0;
}

double gigaflops(const LaunchTime &time) {
  double seconds = meanSeconds(time);
  return seconds > 0 ? 2e-9 * static_cast<double>(time.launch->macs) / seconds : 0;
}

double gigabytes(const LaunchTime &time) {
  double seconds = meanSeconds(time);
  return seconds > 0 ? 1e-9 * static_cast<double>(time.launch->reads + time.launch->writes) / seconds : 0;
}

} // namespace

std::vector<EntryTime> benchmark(Program &program, const BenchOptions &options) {
  fillInputs(program);
  int64_t runs = std::max<int64_t>(options.runs, 1);
  std::vector<EntryTime> times;
  for (const std::string &entry :
       options.entries.empty() ? entriesWithLaunches(program.manifest()) : options.entries) {
    times.push_back(timeEntry(program, entry, runs));
    program.setProfile(true);
    timeEntry(program, entry, std::min<int64_t>(runs, 5));
    program.setProfile(false);
  }
  return times;
}

std::string describeLaunches(const Program &program, const std::string &entry, size_t rows) {
  std::vector<LaunchTime> times = program.times(entry);
  double total = 0;
  for (const LaunchTime &time : times)
    total += meanSeconds(time);
  std::sort(times.begin(), times.end(),
            [](const auto &a, const auto &b) { return meanSeconds(a) > meanSeconds(b); });
  if (rows > 0 && times.size() > rows)
    times.resize(rows);
  std::string text = fmt::format("{:>9} {:>6} {:>8} {:>7}  {:<14} {:<14} {}\n", "ms", "%", "GFLOP/s", "GB/s",
                                 "op", "schedule", "layer");
  for (const LaunchTime &time : times) {
    const Kernel &kernel = program.manifest().kernels.at(time.launch->kernel);
    text += fmt::format("{:>9.3f} {:>6.1f} {:>8.1f} {:>7.1f}  {:<14} {:<14} {}\n", 1e3 * meanSeconds(time),
                        total > 0 ? 100 * meanSeconds(time) / total : 0, gigaflops(time), gigabytes(time),
                        kernel.op, kernel.schedule, time.launch->layer);
  }
  return text;
}

json toJson(const Program &program, const EntryTime &time) {
  json launches = json::array();
  for (const LaunchTime &launch : program.times(time.entry)) {
    const Kernel &kernel = program.manifest().kernels.at(launch.launch->kernel);
    launches.push_back({{"layer", launch.launch->layer},
                        {"kernel", launch.launch->kernel},
                        {"op", kernel.op},
                        {"schedule", kernel.schedule},
                        {"seconds", meanSeconds(launch)},
                        {"gflops", gigaflops(launch)},
                        {"gbytes", gigabytes(launch)}});
  }
  return {{"entry", time.entry}, {"seconds", time.median}, {"least", time.least}, {"launches", launches}};
}

} // namespace kinema
