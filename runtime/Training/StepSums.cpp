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
  // Adds up what the next launches wait for. A rank without clips adds nothing.
  virtual void addUp(std::span<const RankSum *const> sums, float share) = 0;
  // Has all that was started come before what is started from now on.
  virtual void finish() = 0;
  virtual std::string describe() const = 0;
};

namespace {

using Factors = StepSums::Factors;

// Returns what a rank with this share of the step's clips multiplies its values by.
float factorOf(const RankSum &sum, float share) { return sum.weighted || share == 0 ? share : 1; }

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
  void addUp(std::span<const RankSum *const> sums, float share) override;
  void finish() override;
  std::string describe() const override;

private:
  void sum(size_t bucket, Factors factors);
  void sum(std::span<const RankSum *const> sums, float share);
  void copy(const ArenaTensor &tensor, float factor, std::span<float> own);

  Program &program;
  Ranks &ranks;
  const std::vector<Bucket> &buckets;
  Wire wire;
  std::string reason;
  std::vector<std::vector<float>> values; // of each bucket, one tensor behind the other
  std::vector<float> statistics;          // of one place between launches
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

// They wait for the buckets before them, since ranks add up one after the other.
void HostWay::addUp(std::span<const RankSum *const> sums, float share) {
  if (!beside)
    return sum(sums, share);
  beside->start([this, sums, share] { sum(sums, share); });
  beside->finish();
}

void HostWay::finish() {
  if (beside)
    beside->finish();
}

std::string HostWay::describe() const {
  return fmt::format("{} through {}{}{}{}{}", count(buckets),
                     reason.empty() ? "" : "this machine's memory and ", ranks.library(), textOf(wire),
                     beside ? ", while the step goes on" : "",
                     reason.empty() ? "" : "; NCCL cannot do it by itself: " + reason);
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

void HostWay::sum(std::span<const RankSum *const> sums, float share) {
  auto each = [&](auto visit) {
    size_t begin = 0;
    for (const RankSum *sum : sums)
      for (const ArenaTensor &tensor : sum->tensors) {
        statistics.resize(std::max(statistics.size(), begin + tensor.elements()));
        visit(tensor, factorOf(*sum, share), std::span(statistics).subspan(begin, tensor.elements()));
        begin += tensor.elements();
      }
    return begin;
  };
  const size_t count =
      each([&](const ArenaTensor &tensor, float factor, std::span<float> own) { copy(tensor, factor, own); });
  ranks.sum(std::span(statistics).first(count));
  each([&](const ArenaTensor &tensor, float, std::span<float> summed) {
    program.set(tensor, std::span<const float>(summed));
  });
}

// Leaves values where they are, on devices that are joined, which add them up beside the launches that go on.
class DeviceWay final : public StepSums::Way {
public:
  DeviceWay(Program &program, const std::vector<Bucket> &buckets, Wire wire)
      : program(program), buckets(buckets), wire(wire) {}

  void start(size_t bucket, Factors factors) override;
  void addUp(std::span<const RankSum *const> sums, float share) override;
  void finish() override { program.awaitSums(); }
  std::string describe() const override {
    return fmt::format("{} by {} between their GPUs{}{}", count(buckets), program.link().library,
                       textOf(wire), buckets.size() > 1 ? ", while the step goes on" : "");
  }

  // Returns what is added up of these tensors by a rank with this share of the step's clips. Every rank has
  // to ask for the same kind of sum, and those with clips want no factor of gradients.
  static std::vector<ArenaSum> sumsOf(const Bucket &bucket, float share, Wire wire);
  static std::vector<ArenaSum> sumsOf(std::span<const RankSum *const> sums, float share);

private:
  void scale(const ArenaTensor &tensor, float factor);

  Program &program;
  const std::vector<Bucket> &buckets;
  Wire wire;
};

// Padding is added up too, which nobody reads.
ArenaSum sumOf(const ArenaTensor &tensor, std::optional<float> factor, Wire wire = Wire::Float32) {
  return {tensor.offset, tensor.bytes / static_cast<int64_t>(sizeof(float)), factor, wire == Wire::Bfloat16};
}

std::vector<ArenaSum> DeviceWay::sumsOf(const Bucket &bucket, float share, Wire wire) {
  std::vector<ArenaSum> all;
  for (const ArenaTensor &tensor : bucket.gradients)
    all.push_back(sumOf(tensor, std::nullopt, wire));
  for (const ArenaTensor &tensor : bucket.statistics)
    all.push_back(sumOf(tensor, share));
  return all;
}

std::vector<ArenaSum> DeviceWay::sumsOf(std::span<const RankSum *const> sums, float share) {
  std::vector<ArenaSum> all;
  for (const RankSum *sum : sums)
    for (const ArenaTensor &tensor : sum->tensors)
      all.push_back(sumOf(tensor, sum->weighted ? std::optional(share) : std::nullopt));
  return all;
}

void DeviceWay::start(size_t number, Factors factors) {
  if (factors.present != 1)
    for (const ArenaTensor &tensor : buckets[number].gradients)
      scale(tensor, factors.present);
  program.addUp(sumsOf(buckets[number], factors.share, wire));
}

// Of a rank without clips, what lies there is of an earlier step.
void DeviceWay::addUp(std::span<const RankSum *const> sums, float share) {
  if (share == 0)
    for (const RankSum *sum : sums)
      for (const ArenaTensor &tensor : sum->tensors)
        program.clear(tensor);
  program.addUp(sumsOf(sums, share));
  program.awaitSums();
}

// Other factors than 0 pass through this machine's memory, which a rank without clips has time for.
void DeviceWay::scale(const ArenaTensor &tensor, float factor) {
  if (factor == 0)
    return program.clear(tensor);
  std::vector<float> values = program.get(tensor);
  for (float &value : values)
    value *= factor;
  program.set(tensor, std::span<const float>(values));
}

// What a rank tells the others of its device.
json tellDevice(Program &program, const Ranks &ranks, bool profiles) {
  const DeviceLink link = program.link();
  Digest places;
  for (const Bucket &bucket : bucketsOf(program.manifest(), INT64_MAX))
    for (const std::vector<ArenaTensor> *tensors : {&bucket.gradients, &bucket.statistics})
      for (const ArenaTensor &tensor : *tensors)
        places.add(fmt::format("{} {} {} ", tensor.name, tensor.offset, tensor.bytes));
  for (const RankSum &sum : rankSumsOf(program.manifest()))
    for (const ArenaTensor &tensor : sum.tensors)
      places.add(fmt::format("{} {} {} ", sum.behind, tensor.offset, tensor.bytes));
  return {{"device", link.device},
          {"library", link.library},
          {"obstacle", link.obstacle},
          {"places", places.text()},
          {"ahead", program.launchesAhead()},
          {"threads", ranks.serveAnyThread()},
          {"captures", program.capturesSums() && !profiles}};
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

// Returns the most numbers that ranks of this wire round together.
int64_t roundedElements(const std::vector<Bucket> &buckets, Wire wire) {
  int64_t most = 0;
  for (const Bucket &bucket : buckets) {
    int64_t own = 0;
    for (const ArenaSum &sum : DeviceWay::sumsOf(bucket, /*share=*/1, wire))
      own += sum.rounded ? sum.elements : 0;
    most = std::max(most, own);
  }
  return most;
}

void joinDevices(Program &program, Ranks &ranks, const std::vector<Bucket> &buckets, Wire wire) {
  const std::string id = ranks.gather(ranks.isFirst() ? program.makeGroup() : "").front();
  program.join({.id = id,
                .rank = ranks.rank(),
                .count = ranks.count(),
                .patience = Ranks::patience(),
                .roundedElements = roundedElements(buckets, wire),
                .unjoined = [&ranks] { ranks.endUnjoined(); }});
}

// Returns a digest of what is added up together, and in which order.
std::string digestOf(std::span<const StepCut> cuts, std::span<const Bucket> buckets) {
  Digest digest;
  auto add = [&](const std::vector<ArenaTensor> &tensors, std::string_view how) {
    for (const ArenaTensor &tensor : tensors)
      digest.add(fmt::format("{} {} {}\n", tensor.name, tensor.elements(), how));
  };
  for (const StepCut &cut : cuts) {
    for (const RankSum *sum : cut.sums)
      add(sum->tensors, sum->weighted ? "mean" : "sum");
    digest.add("\n");
    if (!cut.bucket)
      continue;
    add(buckets[*cut.bucket].gradients, "gradient");
    add(buckets[*cut.bucket].statistics, "statistic");
  }
  return digest.text();
}

void requireSame(Ranks &ranks, const std::vector<Bucket> &buckets, std::span<const StepCut> cuts, Wire wire) {
  const std::vector<std::string> all =
      ranks.gather(fmt::format("{}, {}{}", count(buckets), digestOf(cuts, buckets), textOf(wire)));
  for (size_t rank = 1; rank < all.size(); ++rank)
    if (all[rank] != all[0])
      fail("rank {} adds up its gradients in other buckets than rank 0: give all ranks the same network, "
           "target, --bucket and --compress",
           rank);
}

bool allSay(const std::vector<json> &told, const char *what) {
  return std::ranges::all_of(told, [&](const json &one) { return one.at(what).get<bool>(); });
}

} // namespace

StepSums::StepSums(Program &program, Ranks &ranks, const StepSumsOptions &options) : program(program) {
  const Wire wire = options.wire;
  const std::vector<json> devices = gatherJson(ranks, tellDevice(program, ranks, options.profiles));
  const std::string obstacle = obstacleOf(devices);
  // Where launches end later than they are started, nothing can be copied beside them.
  const bool ahead =
      std::ranges::any_of(devices, [](const json &told) { return told.at("ahead").get<bool>(); });
  const bool beside = !ahead && allSay(devices, "threads");
  buckets = bucketsOf(program.manifest(), obstacle.empty() || beside ? options.bucketBytes : INT64_MAX);
  cuts = cutsOf(program.manifest(), buckets);
  requireSame(ranks, buckets, cuts, wire);
  if (obstacle.empty()) {
    joinDevices(program, ranks, buckets, wire);
    way = std::make_unique<DeviceWay>(program, buckets, wire);
  } else {
    way = std::make_unique<HostWay>(program, ranks, buckets, wire, ahead ? obstacle : "");
  }
  std::vector<int64_t> ends;
  for (const StepCut &cut : cuts)
    ends.push_back(cut.end);
  program.split("train_step", ends);
  // A sum is captured by all ranks or by none.
  if (obstacle.empty() && allSay(devices, "captures"))
    asOne = program.prepareWithSums("train_step", sumsOfEvenStep(ranks.count(), wire));
}

StepSums::~StepSums() = default;

// Returns what is added up, and where, in a step of which each rank has an equal share.
std::vector<SequenceSums> StepSums::sumsOfEvenStep(int ranks, Wire wire) const {
  const auto share = static_cast<float>(1.0 / ranks);
  std::vector<SequenceSums> all;
  for (const StepCut &cut : cuts) {
    if (!cut.sums.empty())
      all.push_back({cut.end, DeviceWay::sumsOf(cut.sums, share), /*awaited=*/true});
    if (cut.bucket)
      all.push_back({cut.end, DeviceWay::sumsOf(buckets[*cut.bucket], share, wire), /*awaited=*/false});
  }
  return all;
}

void StepSums::run(bool computes, Factors factors) {
  if (asOne && factors.even)
    return program.runWithSums("train_step");
  for (size_t part = 0; part < cuts.size(); ++part) {
    if (computes)
      program.runPart("train_step", part);
    const StepCut &cut = cuts[part];
    if (!cut.sums.empty())
      way->addUp(cut.sums, factors.share);
    if (cut.bucket)
      way->start(*cut.bucket, factors);
  }
  way->finish();
}

std::string StepSums::describe() const { return way->describe() + (asOne ? ", all in one graph" : ""); }

} // namespace kinema
