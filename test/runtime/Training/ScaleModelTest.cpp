#include "runtime/Training/ScaleModel.h"

#include "runtime/Training/Buckets.h"
#include "test/runtime/LinearPackage.h"

#include <gtest/gtest.h>

using namespace kinema;
using namespace kinema::test;

namespace {

// Two gradients of a megabyte each: the first is there after 3 ms, the second after 5; the update takes 1.
constexpr int64_t bytes = 1'000'000;
Manifest network() {
  Manifest manifest;
  for (int64_t i = 0; i < 2; ++i) {
    Parameter parameter;
    parameter.name = fmt::format("p{}", i);
    parameter.shape = {bytes / 4};
    parameter.offset = 2 * i * bytes;
    parameter.bytes = bytes;
    parameter.states[std::string(gradientState)] = (2 * i + 1) * bytes;
    manifest.parameters.push_back(parameter);
  }
  manifest.target = "a machine";
  manifest.kernels["k"].buffers = {bytes};
  auto launch = [](int64_t place, double seconds, int64_t macs) {
    Launch made;
    made.kernel = "k";
    made.args = {place * bytes};
    made.predicted = seconds;
    made.macs = macs;
    return made;
  };
  manifest.entries["train_step"] = {launch(9, 1e-3, 100), launch(1, 2e-3, 200), launch(3, 2e-3, 200)};
  manifest.entries["update"] = {launch(0, 1e-3, 100)};
  return manifest;
}

} // namespace

TEST(ScaleModel, ARingPassesEachByteTwiceAtMost) {
  const RankNetwork network{"", 1e-6, 1e9};
  EXPECT_DOUBLE_EQ(secondsToAddUp(0, 2, network), 2e-6);
  EXPECT_DOUBLE_EQ(secondsToAddUp(bytes, 2, network), 2e-6 + 1e-3);
  EXPECT_NEAR(secondsToAddUp(bytes, 1024, network), 2046e-6 + 2e-3, 3e-6);
}

TEST(ScaleModel, SumsLieBesideTheLaunchesBehindThem) {
  const Manifest manifest = network();
  const StepTimes times = timesOf(manifest, 0);
  const RankNetwork network{"", 1e-6, 1e9}; // two ranks take 1.002 ms for each gradient
  const ScaledStep early = scaleStep(manifest, times, 2, network, 1),
                   late = scaleStep(manifest, times, 2, network, INT64_MAX);
  EXPECT_EQ(early.buckets, 2u);
  EXPECT_DOUBLE_EQ(early.alone, 6e-3);
  EXPECT_DOUBLE_EQ(early.seconds, 6e-3 + 1.002e-3);
  EXPECT_EQ(late.buckets, 1u);
  EXPECT_DOUBLE_EQ(late.seconds, 6e-3 + 2.002e-3);
  EXPECT_EQ(late.bound(), "bandwidth");
  EXPECT_DOUBLE_EQ(scaleStep(manifest, times, 2, network, INT64_MAX, Wire::Bfloat16).seconds,
                   6e-3 + 1.002e-3);
  EXPECT_EQ(quickest(scaleSteps(manifest, times, 2, network)).buckets, 2u);
}

TEST(ScaleModel, StatisticsAreSentAsTheyAre) {
  ArenaTensor tensor;
  tensor.shape = {250};
  Bucket bucket;
  bucket.gradients = {tensor, tensor};
  bucket.statistics = {tensor};
  EXPECT_EQ(bucket.bytesSent(Wire::Float32), 3000);
  EXPECT_EQ(bucket.bytesSent(Wire::Bfloat16), 2000);
}

TEST(ScaleModel, LaunchesWaitForStatistics) {
  Manifest manifest = network();
  ArenaTensor tensor;
  tensor.shape = {250};
  manifest.rankSums["train_step"] = {{1, true, {tensor}}, {1, false, {tensor}}, {2, true, {tensor}}};
  const StepTimes times = timesOf(manifest, 0);
  const RankNetwork network{"", 1e-6, 1e9}; // 4 us for the first two together, 3 us for the third
  const ScaledStep late = scaleStep(manifest, times, 2, network, INT64_MAX);
  EXPECT_DOUBLE_EQ(late.alone, 6e-3);
  EXPECT_DOUBLE_EQ(late.seconds, 6e-3 + 4e-6 + 3e-6 + 2.002e-3);
  EXPECT_DOUBLE_EQ(late.latency, 3 * 2e-6);
  // The third waits for the bucket before it: that is there after 3 ms, and takes 1.002.
  manifest.rankSums["train_step"] = {{3, true, {tensor}}};
  const ScaledStep early = scaleStep(manifest, times, 2, network, 1);
  EXPECT_DOUBLE_EQ(early.seconds, 5e-3 + 3e-6 + 1.002e-3 + 1e-3);
}

TEST(ScaleModel, ASlowNetworkIsNeverDone) {
  const Manifest manifest = network();
  const StepTimes times = timesOf(manifest, 0);
  const ScaledStep slow = scaleStep(manifest, times, 2, {"", 1e-6, 1e8}, 1); // 10.002 ms for each
  EXPECT_DOUBLE_EQ(slow.seconds, 3e-3 + 2 * 10.002e-3 + 1e-3);
  const ScaledStep far = scaleStep(manifest, times, 1024, {"", 1e-4, 1e12}, 1);
  EXPECT_EQ(far.bound(), "latency");
  // With so long a way, fewer buckets are quicker.
  EXPECT_EQ(quickest(scaleSteps(manifest, times, 1024, {"", 1e-4, 1e12})).buckets, 1u);
  EXPECT_EQ(scaleStep(manifest, times, 2, {"", 1e-9, 1e15}, 1).bound(), "nothing");
}

TEST(ScaleModel, AMeasuredStepIsSharedOut) {
  const StepTimes times = timesOf(network(), 0.6);
  EXPECT_DOUBLE_EQ(times.launches[1], 2 * times.launches[0]);
  EXPECT_DOUBLE_EQ(times.launches[0] + times.launches[1] + times.launches[2] + times.update, 0.6);
  Manifest unknown = network();
  unknown.entries["update"][0].predicted = 0;
  EXPECT_EQ(errorOf([&] { timesOf(unknown, 0); }), "the plan for a machine does not say how long its "
                                                   "launches take: say with --step-ms how long a step of one "
                                                   "rank takes, as `kinema bench` measures it");
}

TEST(ScaleModel, NetworksHaveNamesOrFigures) {
  EXPECT_GT(findNetwork("nvlink").bandwidth, findNetwork("ethernet10").bandwidth);
  const RankNetwork own = findNetwork("2.5:12");
  EXPECT_DOUBLE_EQ(own.latency, 2.5e-6);
  EXPECT_DOUBLE_EQ(own.bandwidth, 12e9);
  for (const char *wrong : {"token-ring", "5", "5:", "5:-1", ":5", "5:5x"})
    EXPECT_EQ(
        errorOf([&] { findNetwork(wrong); }),
        fmt::format("there is no network '{}'; there are nvlink, infiniband, ethernet100, ethernet10, and "
                    "LATENCY:BANDWIDTH in microseconds and GB a second",
                    wrong));
}
