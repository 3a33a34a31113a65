#include "runtime/Training/Buckets.h"

#include <algorithm>
#include <map>

namespace kinema {
namespace {

struct Summed {
  ArenaTensor tensor;
  bool isGradient = false;
  size_t number = 0; // in the manifest's order
  int64_t end = 0;   // launches after which nothing touches it
};

std::vector<Summed> summedTensors(const Manifest &manifest) {
  std::vector<Summed> all;
  for (const Parameter &parameter : manifest.parameters) {
    if (!parameter.trained())
      all.push_back({parameter, false, all.size()});
    else if (parameter.states.contains(std::string(gradientState)))
      all.push_back({parameter.stateTensor(std::string(gradientState)), true, all.size()});
    // else it is frozen
  }
  return all;
}

bool touches(const Launch &launch, const Kernel &kernel, const ArenaTensor &tensor) {
  for (size_t i = 0; i < launch.args.size(); ++i)
    if (launch.args[i] < tensor.offset + tensor.bytes && tensor.offset < launch.args[i] + kernel.buffers[i])
      return true;
  return false;
}

} // namespace

int64_t Bucket::elements() const {
  int64_t count = 0;
  for (const std::vector<ArenaTensor> *tensors : {&gradients, &statistics})
    for (const ArenaTensor &tensor : *tensors)
      count += tensor.elements();
  return count;
}

int64_t Bucket::bytesSent(Wire wire) const {
  int64_t sent = bytes();
  for (const ArenaTensor &tensor : gradients)
    sent -= tensor.elements() * (bytesOf(Wire::Float32) - bytesOf(wire));
  return sent;
}

int64_t StepCut::bytesOfSums() const {
  int64_t bytes = 0;
  for (const RankSum *sum : sums)
    for (const ArenaTensor &tensor : sum->tensors)
      bytes += tensor.elements() * static_cast<int64_t>(sizeof(float));
  return bytes;
}

std::span<const RankSum> rankSumsOf(const Manifest &manifest) {
  auto sums = manifest.rankSums.find("train_step");
  return sums == manifest.rankSums.end() ? std::span<const RankSum>() : sums->second;
}

std::vector<StepCut> cutsOf(const Manifest &manifest, std::span<const Bucket> buckets) {
  std::map<int64_t, StepCut> byEnd;
  for (const RankSum &sum : rankSumsOf(manifest))
    byEnd[sum.behind].sums.push_back(&sum);
  for (size_t bucket = 0; bucket < buckets.size(); ++bucket)
    byEnd[buckets[bucket].end].bucket = bucket;
  std::vector<StepCut> cuts;
  for (auto &[end, cut] : byEnd) {
    cut.end = end;
    cuts.push_back(std::move(cut));
  }
  return cuts;
}

std::vector<Bucket> bucketsOf(const Manifest &manifest, int64_t bytes) {
  std::vector<Summed> tensors = summedTensors(manifest);
  const std::vector<Launch> &launches = manifest.entries.at("train_step");
  const auto count = static_cast<int64_t>(launches.size());
  for (int64_t i = 0; i < count; ++i)
    for (Summed &summed : tensors)
      if (touches(launches[i], manifest.kernels.at(launches[i].kernel), summed.tensor))
        summed.end = i + 1;
  int64_t all = 0;
  for (const Summed &summed : tensors)
    all += summed.tensor.bytes;
  // A single bucket is in the manifest's order, which the code of all targets shares.
  if (all > bytes)
    std::ranges::sort(tensors, {}, [](const Summed &summed) { return std::pair(summed.end, summed.number); });
  std::vector<Bucket> buckets(1);
  for (const Summed &summed : tensors) {
    if (buckets.back().bytes() >= bytes && summed.end > buckets.back().end)
      buckets.emplace_back();
    Bucket &bucket = buckets.back();
    (summed.isGradient ? bucket.gradients : bucket.statistics).push_back(summed.tensor);
    bucket.end = summed.end;
  }
  buckets.back().end = count;
  return buckets;
}

} // namespace kinema
