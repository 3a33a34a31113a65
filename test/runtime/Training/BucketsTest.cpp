#include "runtime/Training/Buckets.h"

#include <gtest/gtest.h>

using namespace kinema;

namespace {

// Of 256 bytes each, one behind the other: a.weight, a.weight's gradient, a.mean, b.weight, b's gradient,
// frozen.weight.
constexpr int64_t bytes = 256;
Parameter parameter(const std::string &name, int64_t place, int64_t gradient, Role role = Role::Weight) {
  Parameter made;
  made.name = name;
  made.shape = {8, 8};
  made.offset = bytes * place;
  made.bytes = bytes;
  made.role = role;
  if (gradient >= 0)
    made.states[std::string(gradientState)] = bytes * gradient;
  return made;
}

Launch launch(std::vector<int64_t> places) {
  Launch made;
  made.kernel = places.size() == 1 ? "one" : "two";
  for (int64_t place : places)
    made.args.push_back(bytes * place);
  return made;
}

Manifest network() {
  Manifest manifest;
  manifest.parameters = {parameter("a.weight", 0, 1), parameter("a.mean", 2, -1, Role::RunningMean),
                         parameter("b.weight", 3, 4), parameter("frozen.weight", 5, -1)};
  manifest.kernels["one"].buffers = {bytes};
  manifest.kernels["two"].buffers = {bytes, bytes};
  manifest.entries["train_step"] = {launch({0, 2}), launch({3}),    launch({3, 4}), launch({9}),
                                    launch({4}),    launch({0, 1}), launch({10})};
  return manifest;
}

std::vector<std::string> namesOf(const std::vector<ArenaTensor> &tensors) {
  std::vector<std::string> names;
  for (const ArenaTensor &tensor : tensors)
    names.push_back(tensor.name);
  return names;
}

using Names = std::vector<std::string>;

} // namespace

TEST(Buckets, EachEndsBehindTheLastLaunchThatTouchesItsTensors) {
  const std::vector<Bucket> buckets = bucketsOf(network(), 1);
  ASSERT_EQ(buckets.size(), 3u);
  EXPECT_EQ(namesOf(buckets[0].statistics), Names({"a.mean"}));
  EXPECT_EQ(buckets[0].end, 1);
  EXPECT_EQ(namesOf(buckets[1].gradients), Names({"gradient.b.weight"}));
  EXPECT_EQ(buckets[1].end, 5);
  EXPECT_EQ(namesOf(buckets[2].gradients), Names({"gradient.a.weight"}));
  EXPECT_EQ(buckets[2].end, 7); // all launches, though its tensors are complete after six
}

TEST(Buckets, TheyHaveAsManyBytesAsWanted) {
  const std::vector<Bucket> buckets = bucketsOf(network(), bytes + 1);
  ASSERT_EQ(buckets.size(), 2u);
  EXPECT_EQ(buckets[0].bytes(), 2 * bytes);
  EXPECT_EQ(buckets[0].end, 5);
  EXPECT_EQ(namesOf(buckets[1].gradients), Names({"gradient.a.weight"}));
  const std::vector<Bucket> one = bucketsOf(network(), INT64_MAX);
  ASSERT_EQ(one.size(), 1u);
  EXPECT_EQ(one[0].elements(), 3 * 64);
  EXPECT_EQ(one[0].end, 7);
}

TEST(Buckets, WhatIsReadyAtOnceStaysTogether) {
  Manifest manifest = network();
  manifest.entries["train_step"] = {launch({1, 2}), launch({4})};
  const std::vector<Bucket> buckets = bucketsOf(manifest, 1);
  ASSERT_EQ(buckets.size(), 2u);
  EXPECT_EQ(buckets[0].elements(), 2 * 64);
}

TEST(Buckets, AStepStopsForStatisticsAndForBuckets) {
  Manifest manifest = network();
  manifest.rankSums["train_step"] = {{2, true, {manifest.parameters[0]}},
                                     {5, false, {manifest.parameters[0]}},
                                     {5, true, {manifest.parameters[0]}}};
  const std::vector<Bucket> buckets = bucketsOf(manifest, 1);
  std::vector<int64_t> ends, sums, bucketOf;
  for (const StepCut &cut : cutsOf(manifest, buckets)) {
    ends.push_back(cut.end);
    sums.push_back(cut.bytesOfSums());
    bucketOf.push_back(cut.bucket ? static_cast<int64_t>(*cut.bucket) : -1);
  }
  EXPECT_EQ(ends, (std::vector<int64_t>{1, 2, 5, 7}));
  EXPECT_EQ(sums, (std::vector<int64_t>{0, bytes, 2 * bytes, 0}));
  EXPECT_EQ(bucketOf, (std::vector<int64_t>{0, -1, 1, 2}));
}
