// Says which tensors of a distributed step ranks add up together, and when.
#pragma once

#include "runtime/Package/Manifest.h"
#include "runtime/Ranks/Ranks.h"

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace kinema {

// A Bucket is a part of what ranks add up in a step. It is added up as soon as the step has computed it,
// while the launches behind it go on.
struct Bucket {
  int64_t end = 0; // launches of train_step after which nothing touches its tensors
  std::vector<ArenaTensor> gradients, statistics;

  int64_t elements() const;
  int64_t bytes() const { return elements() * static_cast<int64_t>(sizeof(float)); }
  // Returns the bytes that ranks send of it: statistics stay as they are.
  int64_t bytesSent(Wire wire) const;
};

// Returns the buckets of a distributed package, in the order in which a step has computed them. Each has
// about so many bytes: it ends with the launch that leaves as many or more. The last one's end is the number
// of all launches.
std::vector<Bucket> bucketsOf(const Manifest &manifest, int64_t bytes);

// A StepCut is a place in a distributed step where it stops, so that something can be added up.
struct StepCut {
  int64_t end = 0;                   // launches of train_step that come before it
  std::vector<const RankSum *> sums; // which the next launch waits for
  std::optional<size_t> bucket;      // which is added up, behind these, while the launches go on

  int64_t bytesOfSums() const;
};

// Returns what ranks add up in the step between its launches, in the order of these.
std::span<const RankSum> rankSumsOf(const Manifest &manifest);
// Returns all places where a step with these buckets stops, in order; the last one is behind all launches.
// They point into the manifest.
std::vector<StepCut> cutsOf(const Manifest &manifest, std::span<const Bucket> buckets);

// How many bytes a bucket has where nobody says: few enough that several are under way while a network of
// some ten million parameters goes back, and so many that their latencies count little.
inline constexpr int64_t usualBucketBytes = 8'000'000;

} // namespace kinema
