#include "runtime/Program/Contest.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <functional>

using namespace kinema;

namespace {

// A device whose sequences take as long as it is told; run(i) counts what was run.
struct ToldDevice final : Device {
  std::vector<std::function<double(int64_t run)>> seconds; // of a sequence's runs
  std::vector<int64_t> runs;
  std::vector<double> moments;
  double time = 0;

  SequenceId add(std::function<double(int64_t)> takes) {
    seconds.push_back(std::move(takes));
    runs.push_back(0);
    return static_cast<SequenceId>(runs.size()) - 1;
  }
  void run(SequenceId id) override { time += seconds[id](runs[id]++); }
  void mark(int64_t number) override {
    moments.resize(std::max<size_t>(moments.size(), number + 1));
    moments[number] = time;
  }
  double secondsBetween(int64_t from, int64_t to) override { return moments[to] - moments[from]; }

  std::string describe() const override { return ""; }
  void allocate(int64_t) override {}
  void copyIn(int64_t, const void *, int64_t) override {}
  void copyOut(int64_t, void *, int64_t) override {}
  CopyId beginCopyOut(int64_t, int64_t) override { return 0; }
  void finishCopyOut(CopyId, void *) override {}
  void fill(int64_t, int64_t, uint32_t) override {}
  void loadCode(std::string_view, const std::string &) override {}
  LaunchId prepare(const LaunchDescription &) override { return 0; }
  SequenceId prepareSequence(const std::string &, std::span<const LaunchId>, ArenaRange) override {
    return 0;
  }
  void launch(LaunchId) override {}
  void wait() override {}
  int64_t memory() const override { return 0; }
};

} // namespace

TEST(Contest, MediansOfRoundsThatAllTakePartIn) {
  ToldDevice device;
  std::vector<SequenceId> sequences = {
      device.add([](int64_t) { return 0.010; }),
      // Every fifth run, something else has the machine.
      device.add([](int64_t run) { return run % 5 == 4 ? 0.100 : 0.008; }),
      device.add([](int64_t run) { return run == 0 ? 1.0 : 0.009; }), // the first run touches memory
  };
  std::vector<ContestTimes> times = timeSequences(device, sequences);
  EXPECT_NEAR(times[0].median, 0.010, 1e-12);
  EXPECT_NEAR(times[1].median, 0.008, 1e-12);
  EXPECT_NEAR(times[2].median, 0.009, 1e-12);
  EXPECT_EQ(quickest(times), 1);
  EXPECT_EQ(device.runs[0], device.runs[1]);
  EXPECT_EQ(device.runs[0], device.runs[2]);
}

TEST(Contest, WhatIsFarBehindIsNotTriedAgainButForTheFirst) {
  ToldDevice device;
  std::vector<SequenceId> sequences = {device.add([](int64_t) { return 0.030; }),
                                       device.add([](int64_t) { return 0.010; }),
                                       device.add([](int64_t) { return 0.030; })};
  std::vector<ContestTimes> times = timeSequences(device, sequences);
  EXPECT_EQ(device.runs[2], 2);
  EXPECT_GT(device.runs[0], 2);
  EXPECT_NEAR(times[2].median, 0.030, 1e-12);
  EXPECT_EQ(quickest(times), 1);
}

TEST(Contest, ShortRunsAreTimedTogether) {
  ToldDevice device;
  std::vector<SequenceId> sequences = {device.add([](int64_t) { return 1e-5; })};
  EXPECT_NEAR(timeSequences(device, sequences)[0].median, 1e-5, 1e-9);
  EXPECT_GT(device.runs[0], 1000);
}

TEST(Contest, TheFirstWinsWithinWhatMeasuringErrsBy) {
  using Times = std::vector<ContestTimes>;
  EXPECT_EQ(quickest(Times{{1.0, 1.0}, {0.99, 0.99}, {1.2, 1.2}}), 0);
  EXPECT_EQ(quickest(Times{{1.0, 1.0}, {0.95, 0.95}, {0.94, 0.94}}), 2);
  EXPECT_EQ(quickest(Times{{1.0, 0.9}, {0.95, 0.85}, {0.5, 0.9}}), 1) << "others had the machine";
  EXPECT_EQ(quickest(Times{{1.0, 1.0}}), 0);
}

TEST(Contest, NumbersAreFiniteInEitherType) {
  auto device = makeCpuDevice(1);
  device->allocate(4096);
  fillWithNumbers(*device, 0, 4096);
  std::vector<uint16_t> halves(2048);
  device->copyOut(0, halves.data(), 4096);
  size_t large = 0, negative = 0;
  for (uint16_t half : halves) {
    float value = std::bit_cast<float>(static_cast<uint32_t>(half) << 16);
    EXPECT_LT(std::abs(value), 8);
    large += std::abs(value) > 0.5f;
    negative += value < 0;
  }
  EXPECT_GT(large, halves.size() / 3);
  EXPECT_GT(negative, halves.size() / 3);
}
