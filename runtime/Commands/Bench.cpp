#include "runtime/Commands/Bench.h"

#include "runtime/Support/Random.h"
#include "runtime/Training/LossScale.h"
#include "runtime/Training/Schedule.h"
#include "runtime/Training/Targets.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <fstream>

using nlohmann::json;

namespace kinema {
namespace {

double median(std::vector<double> values) {
  if (values.empty())
    return 0;
  auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// Times an entry. The first runs touch all memory and raise the clocks; they do not count.
EntryTime timeEntry(Program &program, const std::string &entry, int64_t runs) {
  if (entry == "infer") // a training step leaves nothing of what was prepared
    program.run("prepare");
  program.time(entry, 1 + runs / 5);
  return {entry, program.time(entry, runs)};
}

void timeLaunches(Program &program, const std::string &entry, int64_t runs) {
  for (int64_t i = 0; i < runs; ++i) {
    if (program.launchesAhead())
      program.run(entry); // keeps a GPU busy while the launches behind it are started one by one
    program.setProfile(true);
    program.run(entry);
    program.setProfile(false);
  }
}

std::vector<std::string> entriesWithLaunches(const Manifest &manifest) {
  std::vector<std::string> names;
  for (const auto &[name, launches] : manifest.entries)
    if (!launches.empty())
      names.push_back(name);
  return names;
}

// Returns Linux's figure for this process, 0 where there is none.
int64_t peakMemory() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmHWM:"))
      return 1024 * std::stoll(line.substr(line.find(':') + 1));
  return 0;
}

double gigaflops(int64_t macs, double seconds) {
  return seconds > 0 ? 2e-9 * static_cast<double>(macs) / seconds : 0;
}

double gigabytes(const Launch &launch, double seconds) {
  return seconds > 0 ? 1e-9 * static_cast<double>(launch.reads + launch.writes) / seconds : 0;
}

// Sums up all launches of an entry: the work they do, the time they took, and the time they ought to take.
struct Sum {
  int64_t macs = 0;
  double seconds = 0, floor = 0, predicted = 0;

  void add(const Launch &launch, double took, const Peak &peak) {
    macs += launch.macs;
    seconds += took;
    floor += floorOf(launch, peak);
    predicted += launch.predicted;
  }
};

Sum workOf(const Manifest &manifest, const std::string &entry, const Peak &peak) {
  Sum sum;
  for (const Launch &launch : manifest.entries.at(entry))
    sum.add(launch, 0, peak);
  return sum;
}

// A Row is a launch with its median time.
struct Row {
  double seconds;
  const Launch *launch;
};

std::string describeHeader(const Sum &sum) {
  std::string text = fmt::format("{:>9} {:>6} {:>8} {:>7}", "ms", "%", "GFLOP/s", "GB/s");
  if (sum.floor > 0)
    text += fmt::format(" {:>9} {:>7}", "floor ms", "x floor");
  if (sum.predicted > 0)
    text += fmt::format(" {:>9}", "predicted");
  return text + fmt::format("  {:<14} {:<16} {}\n", "op", "schedule", "layer");
}

std::string describeRow(const Kernel &kernel, const Row &row, const Peak &peak, const Sum &sum) {
  const Launch &launch = *row.launch;
  std::string text = fmt::format("{:>9.3f} {:>6.1f} {:>8.1f} {:>7.1f}", 1e3 * row.seconds,
                                 sum.seconds > 0 ? 100 * row.seconds / sum.seconds : 0,
                                 gigaflops(launch.macs, row.seconds), gigabytes(launch, row.seconds));
  double floor = floorOf(launch, peak);
  if (floor > 0)
    text += fmt::format(" {:>9.3f} {:>7.2f}", 1e3 * floor, row.seconds / floor);
  else if (sum.floor > 0)
    text += fmt::format(" {:>9} {:>7}", "-", "-");
  if (sum.predicted > 0)
    text +=
        launch.predicted > 0 ? fmt::format(" {:>9.3f}", 1e3 * launch.predicted) : fmt::format(" {:>9}", "-");
  return text + fmt::format("  {:<14} {:<16} {}\n", kernel.op, kernel.schedule, launch.layer);
}

json launchJson(const Kernel &kernel, const LaunchTime &timed, const Peak &peak) {
  const Launch &launch = *timed.launch;
  double seconds = median(timed.seconds), floor = floorOf(launch, peak);
  json document = {{"layer", launch.layer},
                   {"kernel", launch.kernel},
                   {"op", kernel.op},
                   {"signature", kernel.signature},
                   {"schedule", kernel.schedule},
                   {"parameters", kernel.parameters},
                   {"seconds", seconds},
                   {"least", *std::min_element(timed.seconds.begin(), timed.seconds.end())},
                   {"macs", launch.macs},
                   {"bytes", launch.reads + launch.writes},
                   {"gflops", gigaflops(launch.macs, seconds)},
                   {"gbytes", gigabytes(launch, seconds)}};
  if (floor > 0)
    document["floor"] = floor;
  if (launch.predicted > 0)
    document["predicted"] = launch.predicted;
  return document;
}

json entryJson(const Program &program, const EntryTime &time, const Peak &peak) {
  const Manifest &manifest = program.manifest();
  Sum work = workOf(manifest, time.entry, peak);
  json document = {{"entry", time.entry},
                   {"seconds", time.median()},
                   {"least", time.least()},
                   {"runs", time.seconds},
                   {"macs", work.macs}};
  if (work.floor > 0)
    document["floor"] = work.floor;
  for (const LaunchTime &timed : program.times(time.entry))
    if (!timed.seconds.empty())
      document["launches"].push_back(launchJson(manifest.kernels.at(timed.launch->kernel), timed, peak));
  return document;
}

} // namespace

void fillInputs(Program &program) {
  const Manifest &manifest = program.manifest();
  program.initialise(1);
  for (size_t index = 0; index < manifest.inputs.size(); ++index) {
    std::vector<float> clips(manifest.inputs[index].elements());
    for (size_t i = 0; i < clips.size(); ++i)
      clips[i] = random::normal(1, random::stream(random::Purpose::Inputs, index), i);
    program.set(manifest.inputs[index], clips);
  }
  if (!manifest.labels && !manifest.targets)
    return;
  std::vector<ClipLabels> labels(manifest.batch);
  for (int64_t i = 0; i < manifest.batch; ++i)
    labels[i] = {{static_cast<int32_t>(i % manifest.classes)}};
  setLabels(program, labels, manifest.recipe.train, {});
  TrainRecipe recipe = manifest.recipe.train;
  recipe.nesterov = true;
  UpdateCount count;
  Hyper hyper = nextHyper(recipe, count);
  hyper.rate = 1e-4f; // small: no number overflows
  if (manifest.scalesLoss())
    LossScale::of(recipe).tell(hyper);
  program.setHyper(hyper);
}

double EntryTime::least() const { return *std::min_element(seconds.begin(), seconds.end()); }
double EntryTime::median() const { return kinema::median(seconds); }

BenchResult benchmark(Program &program, const BenchOptions &options) {
  fillInputs(program);
  int64_t runs = std::max<int64_t>(options.runs, 1);
  BenchResult result;
  for (const std::string &entry :
       options.entries.empty() ? entriesWithLaunches(program.manifest()) : options.entries) {
    result.entries.push_back(timeEntry(program, entry, runs));
    if (options.perKernel)
      timeLaunches(program, entry, runs);
  }
  result.peakMemory = peakMemory(); // before the measurement below, which takes memory of its own
  result.peak = program.measurePeak();
  return result;
}

double floorOf(const Launch &launch, const Peak &peak) {
  if (launch.floor > 0 || peak.threads == 0)
    return launch.floor;
  return std::max(2 * static_cast<double>(launch.macs) / peak.flops(),
                  static_cast<double>(launch.reads + launch.writes) / peak.bandwidth);
}

std::string describe(const Peak &peak) {
  if (peak.threads == 0)
    return "";
  std::string text;
  auto add = [&](double flops, const char *by) {
    if (flops > 0)
      text += fmt::format("{:.1f} {}by {}, ", 1e-9 * flops, text.empty() ? "GFLOP/s " : "", by);
  };
  add(peak.avx2, "AVX2");
  add(peak.avx512, "AVX-512");
  add(peak.bfloat16, "its products of bfloat16");
  add(peak.neon, "NEON");
  return text + fmt::format("{:.1f} GB/s of memory, with {} thread{}", 1e-9 * peak.bandwidth, peak.threads,
                            peak.threads == 1 ? "" : "s");
}

std::string describe(const Program &program, const EntryTime &time, const Peak &peak) {
  const Manifest &manifest = program.manifest();
  Sum work = workOf(manifest, time.entry, peak);
  std::string text = fmt::format("{}: median {:.2f} ms, best {:.2f} ms", time.entry, 1e3 * time.median(),
                                 1e3 * time.least());
  if (time.entry == "prepare")
    return text + "\n";
  double rate = gigaflops(work.macs, time.median());
  text += fmt::format(", {:.2f} clips/s, {:.1f} GFLOP/s", static_cast<double>(manifest.batch) / time.median(),
                      rate);
  if (peak.threads > 0)
    text += fmt::format(" ({:.0f}% of the peak)", 100 * 1e9 * rate / peak.flops());
  if (work.floor > 0)
    text += fmt::format(", {:.2f} x the floor of {:.3f} ms", time.median() / work.floor, 1e3 * work.floor);
  return text + "\n";
}

std::string describeLaunches(const Program &program, const std::string &entry, const Peak &peak,
                             size_t rows) {
  std::vector<Row> launches;
  Sum sum;
  for (const LaunchTime &time : program.times(entry)) {
    launches.push_back({median(time.seconds), time.launch});
    sum.add(*time.launch, launches.back().seconds, peak);
  }
  std::sort(launches.begin(), launches.end(), [](const Row &a, const Row &b) {
    return a.seconds != b.seconds ? a.seconds > b.seconds : a.launch < b.launch;
  });
  if (rows > 0 && launches.size() > rows)
    launches.resize(rows);
  std::string text = describeHeader(sum);
  for (const Row &row : launches)
    text += describeRow(program.manifest().kernels.at(row.launch->kernel), row, peak, sum);
  text += fmt::format("all launches: {:.3f} ms", 1e3 * sum.seconds);
  if (sum.floor > 0)
    text += fmt::format(", at least {:.3f} ms", 1e3 * sum.floor);
  if (sum.predicted > 0)
    text += fmt::format(", {:.3f} ms predicted", 1e3 * sum.predicted);
  return text + "\n";
}

json toJson(const Program &program, const BenchResult &result) {
  const Peak &peak = result.peak;
  json document = {{"name", program.manifest().name},        {"batch", program.manifest().batch},
                   {"target", program.manifest().target},    {"device", program.describeDevice()},
                   {"memory_bytes", program.deviceMemory()}, {"peak_memory_bytes", result.peakMemory}};
  if (peak.threads > 0)
    document["peak"] = {{"threads", peak.threads},   {"avx2", peak.avx2},
                        {"avx512", peak.avx512},     {"neon", peak.neon},
                        {"bfloat16", peak.bfloat16}, {"bandwidth", peak.bandwidth}};
  for (const EntryTime &time : result.entries)
    document["entries"].push_back(entryJson(program, time, peak));
  return document;
}

} // namespace kinema
