#include "runtime/Commands/Commands.h"

#include "runtime/Commands/Info.h"
#include "runtime/Commands/NetworkInputs.h"
#include "runtime/Support/Error.h"
#include "runtime/Support/Files.h"
#include "runtime/Support/Progress.h"

#include <nlohmann/json.hpp>

using nlohmann::json;

namespace kinema {

EvalOptions EvalOptions::ofSecond() const {
  EvalOptions second = *this;
  second.package = with;
  second.weights = withWeights;
  second.names = withNames;
  second.weightsOption = "--with-weights";
  second.with.clear();
  return second;
}

ListOptions ListFlags::readOptions(ListPart part, int64_t classes) const {
  ListOptions options;
  options.root = part == ListPart::Test && !testRoot.empty() ? testRoot : root;
  options.format = format;
  options.labels = labels;
  options.split = split;
  options.part = part;
  options.classes = classes;
  return options;
}

void check(const RunCommandOptions &options, const Manifest &network) {
  checkWeights(network, options.weights, options.names);
  checkWritable(options.output);
}

void run(const RunCommandOptions &options) {
  check(options, networkOf(Package(options.package)));
  Progress().begin("computing");
  Program program(Package(options.package), {.threads = options.threads, .device = options.device});
  runTensors(program, options);
}

void info(const InfoOptions &options) {
  Package package(options.package);
  std::vector<Manifest> manifests = readManifests(package);
  if (options.json) {
    json document = toJson(manifests.front());
    for (const Manifest &manifest : manifests)
      document["targets"].push_back(manifest.target);
    fmt::print("{}\n", document.dump(1, ' ', false, json::error_handler_t::replace));
    return;
  }
  for (const Manifest &manifest : manifests)
    fmt::print("{}{}", &manifest == &manifests.front() ? "" : "\n", describe(manifest));
}

void bench(const BenchCommandOptions &options) {
  Progress().begin("measuring");
  Program program(Package(options.package), {.threads = options.threads, .device = options.device});
  BenchResult result = benchmark(program, options);
  if (options.json) {
    fmt::print("{}\n", toJson(program, result).dump(1, ' ', false, json::error_handler_t::replace));
    return;
  }
  fmt::print("{}, batch {}, {}, {} of memory, the process {} at most\n", program.manifest().name,
             program.manifest().batch, program.describeDevice(), formatBytes(program.deviceMemory()),
             formatBytes(result.peakMemory));
  if (result.peak.threads > 0)
    fmt::print("this machine's peak: {}\n", describe(result.peak));
  for (const EntryTime &time : result.entries) {
    fmt::print("\n{}", describe(program, time, result.peak));
    if (options.perKernel)
      fmt::print("{}", describeLaunches(program, time.entry, result.peak, options.rows));
  }
}

void verify(const VerifyCommandOptions &options) {
  Progress().begin("comparing each launch with its plain twin");
  Program program(Package(options.package), {.threads = options.threads, .device = options.device});
  VerifyResult result = verify(program, options);
  if (options.json)
    fmt::print("{}\n", toJson(program, result).dump(1, ' ', false, json::error_handler_t::replace));
  else
    fmt::print("{}", describe(program, result));
  if (!result.findings.empty())
    fail("{} on {}: {} wrong results", program.manifest().name, program.describeDevice(),
         result.findings.size());
}

} // namespace kinema
