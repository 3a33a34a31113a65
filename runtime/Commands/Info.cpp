#include "runtime/Commands/Info.h"

#include "runtime/Training/Buckets.h"

#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

using nlohmann::json;

namespace kinema {
namespace {

int64_t macsOf(const std::vector<Launch> &launches) {
  int64_t macs = 0;
  for (const Launch &launch : launches)
    macs += launch.macs;
  return macs;
}

// Returns the layers whose features inference gives.
std::vector<std::string> layersOf(const Manifest &manifest) {
  std::vector<std::string> layers;
  for (const OutputTensor &output : manifest.outputs.at("infer"))
    if (!output.layer.empty())
      layers.push_back(output.layer);
  return layers;
}

} // namespace

int64_t trainedValues(const Manifest &manifest) {
  int64_t values = 0;
  for (const Parameter &parameter : manifest.parameters)
    if (parameter.trained())
      values += parameter.elements();
  return values;
}

std::string formatBytes(int64_t bytes) {
  const char *units[] = {"B", "kB", "MB", "GB", "TB"};
  double value = static_cast<double>(bytes);
  int unit = 0;
  for (; value >= 1000 && unit < 4; ++unit)
    value /= 1000;
  return fmt::format("{:.{}f} {}", value, unit == 0 ? 0 : 1, units[unit]);
}

std::string describe(const Manifest &manifest) {
  std::string text = fmt::format("{}: {} package for {}\n", manifest.name,
                                 manifest.train ? "training" : "inference", manifest.target);
  for (const InputTensor &input : manifest.inputs)
    text += fmt::format("input       {} {} [{}]{}\n", input.name, input.kind, fmt::join(input.shape, ", "),
                        input.every > 1 ? fmt::format(" every={}", input.every) : "");
  text += fmt::format("classes     {}\n", manifest.classes);
  if (const std::vector<std::string> layers = layersOf(manifest); !layers.empty())
    text += fmt::format("features    of {}\n", fmt::join(layers, ", "));
  if (!manifest.precision.empty())
    text += fmt::format("precision   {}\n", manifest.precision);
  text += fmt::format("parameters  {} values in {} tensors\n", trainedValues(manifest),
                      manifest.parameters.size());
  text += fmt::format("memory      {}\n", formatBytes(manifest.arenaBytes));
  for (const Segment &segment : manifest.segments)
    text += fmt::format("            {:>10}  {}\n", formatBytes(segment.bytes), segment.name);
  text += fmt::format("kernels     {}\n", manifest.kernels.size());
  for (const auto &[name, launches] : manifest.entries)
    text += fmt::format("entry       {:<12}{:>5} launches, {:.2f} G multiply-adds\n", name, launches.size(),
                        1e-9 * static_cast<double>(macsOf(launches)));
  return text + describeBuckets(manifest, usualBucketBytes);
}

std::string describeBuckets(const Manifest &manifest, int64_t bucketBytes) {
  if (!manifest.distributed())
    return "";
  const std::vector<Launch> &launches = manifest.entries.at("train_step");
  std::string text;
  const std::vector<Bucket> buckets = bucketsOf(manifest, bucketBytes);
  for (const Bucket &bucket : buckets)
    text +=
        fmt::format("{:<12}{:>10}  {} gradients and {} statistics, behind launch {} of {}, of {}\n",
                    text.empty() ? "ranks sum" : "", formatBytes(bucket.bytes()), bucket.gradients.size(),
                    bucket.statistics.size(), bucket.end, launches.size(), launches[bucket.end - 1].layer);
  int64_t places = 0, bytes = 0;
  for (const StepCut &cut : cutsOf(manifest, buckets)) {
    places += !cut.sums.empty();
    bytes += cut.bytesOfSums();
  }
  if (places > 0)
    text += fmt::format("{:<12}{:>10}  statistics of batch norms, between launches in {} places\n", "",
                        formatBytes(bytes), places);
  return text;
}

json toJson(const Manifest &manifest) {
  json document = {
      {"name", manifest.name},
      {"mode", manifest.train ? "train" : "infer"},
      {"target", manifest.target},
      {"precision", manifest.precision},
      {"batch", manifest.batch},
      {"classes", manifest.classes},
      {"features", layersOf(manifest)},
      {"input", manifest.input().shape},
      {"parameters", {{"total", trainedValues(manifest)}, {"tensors", manifest.parameters.size()}}},
      {"memory", {{"arena_bytes", manifest.arenaBytes}}},
      {"kernels", manifest.kernels.size()},
      {"recipe", toJson(manifest.recipe)}};
  for (const auto &[name, launches] : manifest.entries)
    document["entries"][name] = {{"launches", launches.size()}, {"macs", macsOf(launches)}};
  if (manifest.distributed())
    for (const Bucket &bucket : bucketsOf(manifest, usualBucketBytes))
      document["buckets"].push_back({{"bytes", bucket.bytes()},
                                     {"gradients", bucket.gradients.size()},
                                     {"statistics", bucket.statistics.size()},
                                     {"behind_launch", bucket.end}});
  for (const StepCut &cut : cutsOf(manifest, {}))
    document["rank_sums"].push_back({{"bytes", cut.bytesOfSums()}, {"behind_launch", cut.end}});
  return document;
}

} // namespace kinema
