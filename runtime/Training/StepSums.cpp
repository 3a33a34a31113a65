#include "runtime/Training/StepSums.h"

#include "runtime/Support/Background.h"
#include "runtime/Support/Digest.h"
#include "runtime/Support/Error.h"
#include "runtime/Training/RankSums.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>
#include <optional>

using nlohmann::json;

namespace kinema {

// How sums are made.
class StepSums::Way {
public:
  virtual ~Way() = default;
  // Starts adding up a bucket, which the step has computed.
  virtual void start(size_t bucket, Factors factors) = 0;
  // Has all that was started come before what is started from now on.
  virtual void finish() = 0;
  virtual std::string describe() const = 0;
};

namespace {

using Factors = StepSums::Factors;

std::string count(const std::vector<Bucket> &buckets) {
  return buckets.size() == 1 ? "one bucket" : fmt::format("{} buckets", buckets.size());
}

// Copies values through this machine's memory, in their logical order, so that ranks may run code of several
// targets; adds them up by MPI. Where a launch has ended when it was started, a thread does that beside the
// launches behind it.
class HostWay final : public StepSums::Way {
public:
  // `reason` says why the ranks have no better way; empty: there is none for their devices.
  HostWay(Program &program, Ranks &ranks, const std::vector<Bucket> &buckets, Wire wire, std::string reason);
  ~HostWay() override;

  void start(size_t bucket, Factors factors) override;
  void finish() override;
  std::string describe() const override;

private:
  void sum(size_t bucket, Factors factors);
  void copy(const ArenaTensor &tensor, float factor, std::span<float> own);

  Program &program;
  Ranks &ranks;
  const std::vector<Bucket> &buckets;
  Wire wire;
  std::string reason;
  std::vector<std::vector<float>> values; // of each bucket, one tensor behind the other
  std::optional<Background> beside;
};

HostWay::HostWay(Program &program, Ranks &ranks, const std::vector<Bucket> &buckets, Wire wire,
                 std::string reason)
    : program(program), ranks(ranks), buckets(buckets), wire(wire), reason(std::move(reason)) {
  for (const Bucket &bucket : buckets)
    values.emplace_back(bucket.elements());
  if (buckets.size() > 1)
    beside.emplace();
}

// A rank that fails in a step must not wait for the others, which wait for it.
HostWay::~HostWay() {
  if (beside && beside->isBusy())
    ranks.giveUp();
}

void HostWay::start(size_t bucket, Factors factors) {
  if (!beside)
    return sum(bucket, factors);
  beside->start([this, bucket, factors] { sum(bucket, factors); });
}

void HostWay::finish() {
  if (beside)
    beside->finish();
}

std::string HostWay::describe() const {
  return fmt::format("{} through {}MPI{}{}{}", count(buckets),
                     reason.empty() ? "" : "this machine's memory and ",
                     wire == Wire::Bfloat16 ? ", as bfloat16" : "", beside ? ", while the step goes on" : "",
                     reason.empty() ? "" : "; NCCL cannot do it: " + reason);
}

void HostWay::copy(const ArenaTensor &tensor, float factor, std::span<float> own) {
  if (factor == 0) {
    std::ranges::fill(own, 0.0f);
    return;
  }
  program.get(tensor, own);
  if (factor != 1)
    for (float &value : own)
      value *= factor;
}

void HostWay::sum(size_t number, Factors factors) {
  const Bucket &bucket = buckets[number];
  auto each = [&](auto visit) {
    size_t begin = 0;
    for (auto [tensors, factor] :
         {std::pair(&bucket.gradients, factors.present), {&bucket.statistics, factors.share}})
      for (const ArenaTensor &tensor : *tensors) {
        visit(tensor, factor, std::span(values[number]).subspan(begin, tensor.elements()));
        begin += tensor.elements();
      }
  };
  each([&](const ArenaTensor &tensor, float factor, std::span<float> own) { copy(tensor, factor, own); });
  size_t gradients = 0;
  for (const ArenaTensor &tensor : bucket.gradients)
    gradients += static_cast<size_t>(tensor.elements());
  ranks.sum(std::span(values[number]).first(gradients), wire);
  ranks.sum(std::span(values[number]).subspan(gradients)); // statistics are few, and stay exact
  each([&](const ArenaTensor &tensor, float, std::span<float> summed) {
    program.set(tensor, std::span<const float>(summed));
  });
}

// Leaves values where they are, on devices that are joined, which add them up beside the launches that go on.
class DeviceWay final : public StepSums::Way {
public:
  DeviceWay(Program &program, const std::vector<Bucket> &buckets) : program(program), buckets(buckets) {}

  void start(size_t bucket, Factors factors) override;
  void finish() override { program.awaitSums(); }
  std::string describe() const override {
    return fmt::format("{} by {} between their GPUs{}", count(buckets), program.link().library,
                       buckets.size() > 1 ? ", while the step goes on" : "");
  }

private:
  void scale(const ArenaTensor &tensor, float factor);

  Program &program;
  const std::vector<Bucket> &buckets;
};

// Every rank has to ask for the same kind of sum, and those with clips want no factor of gradients.
void DeviceWay::start(size_t number, Factors factors) {
  std::vector<ArenaSum> sums;
  auto add = [&](const ArenaTensor &tensor, std::optional<float> factor) {
    sums.push_back({tensor.offset, tensor.bytes / static_cast<int64_t>(sizeof(float)), factor});
  };
  for (const ArenaTensor &tensor : buckets[number].gradients) {
    if (factors.present != 1)
      scale(tensor, factors.present);
    add(tensor, std::nullopt);
  }
  for (const ArenaTensor &tensor : buckets[number].statistics)
    add(tensor, factors.share);
  program.addUp(sums);
}

// It passes through this machine's memory, which a rank without clips has time for.
void DeviceWay::scale(const ArenaTensor &tensor, float factor) {
  std::vector<float> values(tensor.elements());
  if (factor != 0)
    program.get(tensor, values);
  for (float &value : values)
    value *= factor;
  program.set(tensor, std::span<const float>(values));
}

// What a rank tells the others of its device.
json tellDevice(Program &program, const Ranks &ranks) {
  const DeviceLink link = program.link();
  Digest places;
  for (const Bucket &bucket : bucketsOf(program.manifest(), INT64_MAX))
    for (const std::vector<ArenaTensor> *tensors : {&bucket.gradients, &bucket.statistics})
      for (const ArenaTensor &tensor : *tensors)
        places.add(fmt::format("{} {} {} ", tensor.name, tensor.offset, tensor.bytes));
  return {{"device", link.device},   {"library", link.library},          {"obstacle", link.obstacle},
          {"places", places.text()}, {"ahead", program.launchesAhead()}, {"threads", ranks.serveAnyThread()}};
}

// Returns why ranks that have said this of their devices cannot join them; an empty string: they can.
std::string obstacleOf(const std::vector<json> &all) {
  std::map<std::string, size_t> ranks; // by their devices
  for (size_t rank = 0; rank < all.size(); ++rank) {
    const json &told = all[rank];
    if (const auto obstacle = told.at("obstacle").get<std::string>(); !obstacle.empty())
      return fmt::format("rank {}: {}", rank, obstacle);
    if (told.at("library") != all[0].at("library"))
      return fmt::format("rank 0 has {} and rank {} has {}", all[0].at("library").get<std::string>(), rank,
                         told.at("library").get<std::string>());
    if (told.at("places") != all[0].at("places"))
      return fmt::format("rank {} runs other code than rank 0", rank);
    auto [other, isNew] = ranks.try_emplace(told.at("device").get<std::string>(), rank);
    if (!isNew)
      return fmt::format("ranks {} and {} share a GPU", other->second, rank);
  }
  return "";
}

void joinDevices(Program &program, Ranks &ranks) {
  const std::string id = ranks.gather(ranks.isFirst() ? program.makeGroup() : "").front();
  program.join({.id = id, .rank = ranks.rank(), .count = ranks.count(), .patience = Ranks::patience()});
}

// Returns a digest of what is added up together.
std::string digestOf(const std::vector<Bucket> &buckets) {
  Digest digest;
  for (const Bucket &bucket : buckets) {
    for (const std::vector<ArenaTensor> *tensors : {&bucket.gradients, &bucket.statistics})
      for (const ArenaTensor &tensor : *tensors)
        digest.add(fmt::format("{} {} ", tensor.name, tensor.elements()));
    digest.add("\n");
  }
  return digest.text();
}

void requireSame(Ranks &ranks, const std::vector<Bucket> &buckets, Wire wire) {
  const std::vector<std::string> all = ranks.gather(fmt::format(
      "{}, {}{}", count(buckets), digestOf(buckets), wire == Wire::Bfloat16 ? ", as bfloat16" : ""));
  for (size_t rank = 1; rank < all.size(); ++rank)
    if (all[rank] != all[0])
      fail("rank {} adds up its gradients in other buckets than rank 0: give all ranks the same network, "
           "target, --bucket and --compress",
           rank);
}

} // namespace

StepSums::StepSums(Program &program, Ranks &ranks, int64_t bucketBytes, Wire wire) : program(program) {
  const std::vector<json> devices = gatherJson(ranks, tellDevice(program, ranks));
  const std::string obstacle = obstacleOf(devices);
  // Where launches end later than they are started, nothing can be copied beside them.
  const bool ahead =
      std::ranges::any_of(devices, [](const json &told) { return told.at("ahead").get<bool>(); });
  const bool beside =
      !ahead && std::ranges::all_of(devices, [](const json &told) { return told.at("threads").get<bool>(); });
  buckets = bucketsOf(program.manifest(), obstacle.empty() || beside ? bucketBytes : INT64_MAX);
  requireSame(ranks, buckets, wire);
  if (obstacle.empty()) {
    if (wire != Wire::Float32)
      refuse("--compress bf16: between GPUs, NCCL adds up gradients as they are: leave it out");
    joinDevices(program, ranks);
    way = std::make_unique<DeviceWay>(program, buckets);
  } else {
    way = std::make_unique<HostWay>(program, ranks, buckets, wire, ahead ? obstacle : "");
  }
  std::vector<int64_t> ends;
  for (const Bucket &bucket : buckets)
    ends.push_back(bucket.end);
  program.split("train_step", ends);
}

StepSums::~StepSums() = default;

void StepSums::run(bool computes, Factors factors) {
  for (size_t bucket = 0; bucket < buckets.size(); ++bucket) {
    if (computes)
      program.runPart("train_step", bucket);
    way->start(bucket, factors);
  }
  way->finish();
}

std::string StepSums::describe() const { return way->describe(); }

} // namespace kinema
