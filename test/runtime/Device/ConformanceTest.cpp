// What every device has to do, whatever it runs kernels on: a new one is in the list at the end, and passes.
// The kernels are those of a small network, whose package has code for each. KINEMA_CONFORMANCE_DEVICES names
// the devices (default: cpu,emulator); where `cuda` is among them, there is a GPU or a library in its place.
#include "runtime/Device/Device.h"
#include "runtime/Package/Manifest.h"
#include "runtime/Package/Package.h"
#include "runtime/Support/Floats.h"
#include "test/runtime/LinearPackage.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <sstream>
#include <thread>

using namespace kinema;
using namespace kinema::test;

namespace {

std::vector<std::string> devices() {
  const char *wanted = std::getenv("KINEMA_CONFORMANCE_DEVICES");
  std::stringstream list(wanted ? wanted : "cpu,emulator");
  std::vector<std::string> names;
  for (std::string name; std::getline(list, name, ',');)
    names.push_back(name);
  return names;
}

class Conformance : public testing::TestWithParam<std::string> {
protected:
  Conformance() : package(KINEMA_CONFORMANCE_PACKAGE) {
    TargetKind kind = GetParam() == "cpu" ? TargetKind::Cpu : TargetKind::Cuda;
    for (const Manifest &each : readManifests(package))
      if (each.kind == kind)
        manifest = each;
    device = make();
  }

  std::unique_ptr<Device> make() { return makeDevice(GetParam(), manifest.kind, manifest.target, 2); }

  void load() {
    std::vector<std::string> code = manifest.code;
    if (GetParam() == "emulator")
      code = {emulatorCode};
    for (const std::string &entry : code)
      device->loadCode(package.read(entry), entry);
  }

  LaunchId prepare(const Launch &launch) {
    const Kernel &kernel = manifest.kernels.at(launch.kernel);
    return device->prepare(
        {kernel.symbol, launch.layer, kernel.grid, kernel.block, kernel.scratch, launch.args, kernel.maps});
  }

  std::vector<LaunchId> prepareAll() {
    std::vector<LaunchId> ids;
    for (const Launch &launch : launches())
      ids.push_back(prepare(launch));
    return ids;
  }

  // What must be zero when the launches begin.
  ArenaRange counters() const {
    return manifest.hasCounters("infer") ? ArenaRange{manifest.counters->offset, manifest.counters->bytes}
                                         : ArenaRange{};
  }

  // The arena that the launches leave, one after the other, of one that is filled from 1 on.
  std::vector<float> arenaBehind(const std::vector<LaunchId> &ids) {
    fillArena(1);
    device->fill(counters().offset, counters().bytes, 0);
    for (LaunchId id : ids)
      device->launch(id);
    return arena();
  }

  // The arena as it is, after all that was started.
  std::vector<float> arena() {
    std::vector<float> values(manifest.arenaBytes / sizeof(float));
    device->copyOut(0, values.data(), manifest.arenaBytes);
    return values;
  }

  void fillArena(float first) {
    std::vector<float> values(manifest.arenaBytes / sizeof(float));
    for (size_t i = 0; i < values.size(); ++i)
      values[i] = first + static_cast<float>(i % 7) / 8;
    device->copyIn(0, values.data(), manifest.arenaBytes);
  }

  const std::vector<Launch> &launches() const { return manifest.entries.at("infer"); }

  Package package;
  Manifest manifest;
  std::unique_ptr<Device> device;
};

bool same(const std::vector<float> &a, const std::vector<float> &b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0; // NaNs too
}

} // namespace

TEST_P(Conformance, TheArenaIsZeroAndHoldsWhatIsCopied) {
  device->allocate(256);
  std::vector<float> values(64, -1);
  device->copyOut(0, values.data(), 256);
  EXPECT_EQ(values, std::vector<float>(64, 0));
  device->fill(64, 8, 0x3F800000);
  device->copyOut(60, values.data(), 16);
  EXPECT_EQ(std::vector<float>(values.begin(), values.begin() + 4), (std::vector<float>{0, 1, 1, 0}));
  EXPECT_GE(device->memory(), 256);
  EXPECT_FALSE(device->describe().empty());
}

TEST_P(Conformance, WhatLiesOutsideTheArenaIsAnError) {
  device->allocate(256);
  char bytes[8] = {};
  EXPECT_EQ(errorOf([&] { device->copyOut(252, bytes, 8); }), "8 bytes at 252 lie outside the arena of 256");
  EXPECT_EQ(errorOf([&] { device->copyIn(252, bytes, 8); }), "8 bytes at 252 lie outside the arena of 256");
  EXPECT_EQ(errorOf([&] { device->fill(256, 4, 0); }), "4 bytes at 256 lie outside the arena of 256");
}

TEST_P(Conformance, OtherThreadsMayEnter) {
  device->allocate(64);
  float found = 0;
  std::string message = "nothing was done";
  std::thread([&] {
    message = errorOf([&] {
      const float value = 3;
      device->enterThread();
      device->copyIn(0, &value, 4);
      device->copyOut(0, &found, 4);
    });
  }).join();
  EXPECT_EQ(message, "");
  EXPECT_EQ(found, 3);
}

TEST_P(Conformance, ACopyInIsDoneWithItsSource) {
  device->allocate(64);
  float value = 1;
  device->copyIn(0, &value, 4);
  value = 2;
  device->copyIn(4, &value, 4);
  float found[2] = {};
  device->copyOut(0, found, 8);
  EXPECT_EQ(found[0], 1);
  EXPECT_EQ(found[1], 2);
}

TEST_P(Conformance, CopiesOutInTwoPartsSeeTheirOwnMoment) {
  device->allocate(64);
  float one = 1, two = 2, value = 0;
  device->copyIn(0, &one, 4);
  CopyId first = device->beginCopyOut(0, 4);
  device->copyIn(0, &two, 4);
  CopyId second = device->beginCopyOut(0, 4);
  device->finishCopyOut(second, &value);
  EXPECT_EQ(value, 2);
  device->finishCopyOut(first, &value);
  EXPECT_EQ(value, 1);
}

TEST_P(Conformance, LaunchesAndCopiesKeepTheirOrder) {
  device->allocate(manifest.arenaBytes);
  load();
  LaunchId launch = prepare(launches().front());
  fillArena(1);
  std::vector<float> before = arena();
  device->launch(launch);
  std::vector<float> after = arena();
  EXPECT_FALSE(same(before, after)) << "the kernel writes something";

  fillArena(1);
  device->launch(launch);
  CopyId copy = device->beginCopyOut(0, manifest.arenaBytes);
  fillArena(2);
  device->launch(launch);
  std::vector<float> early(after.size());
  device->finishCopyOut(copy, early.data());
  EXPECT_TRUE(same(early, after)) << "what was started later is not seen";
  EXPECT_FALSE(same(arena(), after)) << "what was started later has happened";
}

TEST_P(Conformance, ASequenceIsItsLaunchesInOrder) {
  device->allocate(manifest.arenaBytes);
  load();
  const std::vector<LaunchId> ids = prepareAll();
  SequenceId sequence = device->prepareSequence("infer", ids, counters());
  const std::vector<float> wanted = arenaBehind(ids);
  for (int run = 0; run < 3; ++run) {
    fillArena(1);
    device->run(sequence);
    EXPECT_TRUE(same(arena(), wanted)) << "run " << run;
  }
}

TEST_P(Conformance, ASequenceZeroesWhatItIsTold) {
  device->allocate(manifest.arenaBytes + 64);
  load();
  SequenceId sequence = device->prepareSequence("zeroes", {}, {manifest.arenaBytes, 8});
  for (int run = 0; run < 2; ++run) {
    device->fill(manifest.arenaBytes, 16, 0x3F800000);
    device->run(sequence);
    float found[4] = {};
    device->copyOut(manifest.arenaBytes, found, 16);
    EXPECT_EQ(std::vector<float>(found, found + 4), (std::vector<float>{0, 0, 1, 1})) << "run " << run;
  }
}

// More tensors than one launch rounds, of odd sizes, in two sums that share the memory for what is rounded.
TEST_P(Conformance, SumsThatAreRounded) {
  if (GetParam() != "cuda")
    GTEST_SKIP() << "it joins no others";
  ASSERT_EQ(device->link().obstacle, "");
  constexpr int64_t tensors = 150, step = 64;
  device->allocate(tensors * step * static_cast<int64_t>(sizeof(float)));
  DeviceGroup alone;
  alone.id = device->makeGroup();
  alone.patience = 60;
  alone.roundedElements = tensors * step;
  device->join(alone);
  std::vector<float> values(tensors * step), wanted;
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = std::ldexp(1.0f + 1e-3f * static_cast<float>(i % 997), static_cast<int>(i % 40) - 20) *
                (i % 2 ? -1.0f : 1.0f);
  wanted = values;
  std::vector<ArenaSum> sums;
  for (int64_t tensor = 0; tensor < tensors; ++tensor) {
    const int64_t elements = 1 + tensor % (step - 1);
    sums.push_back({tensor * step * static_cast<int64_t>(sizeof(float)), elements, {}, true});
    for (int64_t i = tensor * step; i < tensor * step + elements; ++i)
      wanted[i] = fromBF16(toBF16(values[i]));
  }
  device->copyIn(0, values.data(), static_cast<int64_t>(values.size() * sizeof(float)));
  device->addUp(std::span(sums).first(100));
  device->addUp(std::span(sums).subspan(100));
  device->awaitSums();
  std::vector<float> found(values.size());
  device->copyOut(0, found.data(), static_cast<int64_t>(found.size() * sizeof(float)));
  EXPECT_EQ(found, wanted);
}

// Between its launches, a sequence halves one tensor, rounds another and adds a third up as it is.
TEST_P(Conformance, ASequenceAddsUpBetweenItsLaunches) {
  if (GetParam() != "cuda")
    GTEST_SKIP() << "it joins no others";
  ASSERT_EQ(device->link().obstacle, "");
  constexpr int64_t elements = 33, bytes = elements * sizeof(float), step = 256;
  const int64_t begin = (manifest.arenaBytes + step - 1) / step * step;
  device->allocate(begin + 3 * step);
  load();
  DeviceGroup alone;
  alone.id = device->makeGroup();
  alone.patience = 60;
  alone.roundedElements = elements;
  device->join(alone);
  ASSERT_TRUE(device->capturesSums());
  const std::vector<LaunchId> ids = prepareAll();
  const auto last = static_cast<int64_t>(ids.size());
  const std::vector<SequenceSums> sums = {
      {1, {{begin, elements, 0.5f}, {begin + step, elements, {}, true}}, /*awaited=*/true},
      {last, {{begin + 2 * step, elements, {}}}}};
  const auto sequence = device->prepareSequenceWithSums("infer", ids, counters(), sums);
  ASSERT_TRUE(sequence);
  const std::vector<float> wanted = arenaBehind(ids);
  const float value = 1.0f + 1.0f / 1024; // which bfloat16 does not have
  for (int run = 0; run < 3; ++run) {
    fillArena(1);
    const std::vector<float> values(3 * step / sizeof(float), value);
    device->copyIn(begin, values.data(), 3 * step);
    device->run(*sequence);
    EXPECT_TRUE(same(arena(), wanted)) << "run " << run;
    const std::array<float, 3> found = {value / 2, fromBF16(toBF16(value)), value};
    for (int64_t tensor = 0; tensor < 3; ++tensor) {
      std::vector<float> sum(elements);
      device->copyOut(begin + tensor * step, sum.data(), bytes);
      EXPECT_EQ(sum, std::vector<float>(elements, found[tensor])) << "run " << run << ", tensor " << tensor;
    }
  }
}

TEST_P(Conformance, MomentsAreInOrder) {
  device->allocate(64);
  device->mark(2);
  device->mark(0);
  device->mark(1);
  EXPECT_GE(device->secondsBetween(0, 1), 0);
  EXPECT_LE(device->secondsBetween(1, 2), 0) << "2 came first";
  device->mark(2);
  EXPECT_GE(device->secondsBetween(1, 2), 0) << "2 came again";
  device->wait();
}

TEST_P(Conformance, WhatIsNotThereIsAnError) {
  EXPECT_NE(errorOf([&] { make()->allocate(int64_t{1} << 60); }), "");
  device->allocate(manifest.arenaBytes);
  load();
  EXPECT_EQ(errorOf([&] { device->prepare({"nothing", "", 1, 1, 0, {}}); }),
            "the package's code has no kernel nothing");
  auto other = make();
  other->allocate(64);
  EXPECT_NE(errorOf([&] { other->loadCode("no code", "code/x"); }).find("cannot load code/x"),
            std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(Devices, Conformance, testing::ValuesIn(devices()),
                         [](const auto &info) { return info.param; });
