// Goldens: the launches of whole networks and of one residual block, and the bytes that they move. Fusion,
// layouts and schedules decide them: a change here is a change of speed.
#include "compiler/Inspect/Plan.h"
#include "compiler/Pipelines/Compile.h"
#include "compiler/Target/Common/Layouts.h"
#include "dialects/Kernel/Kernel.h"

#include <gtest/gtest.h>

using namespace kinema;
using inspect::LaunchSummary;
using inspect::PlanSummary;

namespace {

/// Holds what launches cost, in bytes.
struct Traffic {
  int64_t launches = 0, reads = 0, writes = 0;

  bool operator==(const Traffic &) const = default;
};

std::ostream &operator<<(std::ostream &os, const Traffic &traffic) {
  return os << "{" << traffic.launches << ", " << traffic.reads << ", " << traffic.writes << "}";
}

using Launches = std::vector<LaunchSummary>;

Traffic trafficOf(const Launches &launches) {
  Traffic traffic;
  for (const LaunchSummary &launch : launches) {
    ++traffic.launches;
    traffic.reads += launch.reads;
    traffic.writes += launch.writes;
  }
  return traffic;
}

Launches launchesOf(const PlanSummary &plan, const std::string &entry) {
  for (const auto &[name, launches] : plan.entries)
    if (name == entry)
      return launches;
  ADD_FAILURE() << "no entry " << entry;
  return {};
}

/// One of models/torchvision as it is planned: one clip of 3x16x112x112, float32.
struct Planned {
  Planned(const std::string &name, bool train, std::vector<std::string> settings = {})
      : compilation({.train = train}, oneClip(std::move(settings)), 1, llvm::errs()) {
    std::string path = KINEMA_SOURCE_DIR "/models/torchvision/" + name + ".arch";
    EXPECT_EQ(compilation.fromSpec(path, Phase::Planned), Outcome::Done);
    summary = inspect::summarise(compilation.module());
  }

  static FrontendOptions oneClip(std::vector<std::string> settings) {
    FrontendOptions options;
    options.batch = 1;
    options.overrides = std::move(settings);
    return options;
  }

  Compilation compilation;
  PlanSummary summary;
};

//===-- Networks ----------------------------------------------------------===//

struct Figures {
  const char *name;
  Traffic step;
  int64_t stepKernels; // different ones
  Traffic inference;
  int64_t inferenceKernels; // with those that fold
};

std::ostream &operator<<(std::ostream &os, const Figures &figures) { return os << figures.name; }

class Networks : public testing::TestWithParam<Figures> {};

TEST_P(Networks, HaveTheirLaunchesAndBytes) {
  const Figures &wanted = GetParam();
  Planned training(wanted.name, true), inference(wanted.name, false);
  EXPECT_EQ(trafficOf(launchesOf(training.summary, "train_step")), wanted.step);
  EXPECT_EQ(training.summary.kernels, wanted.stepKernels);
  EXPECT_EQ(trafficOf(launchesOf(inference.summary, "infer")), wanted.inference);
  EXPECT_EQ(inference.summary.kernels, wanted.inferenceKernels);
}

INSTANTIATE_TEST_SUITE_P(
    ResNets, Networks,
    testing::Values(
        Figures{"r2plus1d_18", {388, 2891495060, 1291119876}, 286, {39, 659243712, 252426560}, 78},
        Figures{"r3d_18", {214, 1840708644, 1068523140}, 149, {22, 707164480, 85302848}, 40},
        Figures{"mc3_18", {220, 1661554724, 853443204}, 149, {22, 336998720, 120426048}, 40}));

/// Activations have one layout throughout: only weights are converted, for their data gradients.
TEST_P(Networks, ConvertWeightsAlone) {
  Planned training(GetParam().name, true);
  training.compilation.module().walk([](kernel::ConvertOp op) {
    auto from = weightBlocksOf(tensorOf(op.getOperand(0))), to = weightBlocksOf(tensorOf(op.getResult(0)));
    EXPECT_TRUE(from && !from->exchanged);
    EXPECT_TRUE(to && to->exchanged);
  });
}

//===-- A residual block --------------------------------------------------===//

/// The launches of R(2+1)D-18's first block that strides and projects, computed directly, without its
/// weights' updates and conversions.
struct Block {
  Block() {
    bool backward = false;
    Planned planned("r2plus1d_18", true, {"compute.winograd=off"});
    for (LaunchSummary &launch : launchesOf(planned.summary, "train_step")) {
      backward |= launch.op == "softmax_xent";
      if (!launch.layer.starts_with("stage2.0.") || launch.op == "update" || launch.op == "convert")
        continue;
      bool merges = launch.op == "finalize";
      (backward ? merges ? backwardMerges : backwardPass
       : merges ? forwardMerges
                : forwardPass)
          .push_back(launch);
    }
  }

  Launches forwardPass, forwardMerges, backwardPass, backwardMerges;
};

TEST(ResidualBlock, HasItsLaunchesAndBytes) {
  Block block;
  // Activations, weights and vectors read; activations and partials of moments written.
  EXPECT_EQ(trafficOf(block.forwardPass), (Traffic{6, 41545728 + 2349056 + 6784, 30306304 + 221952}));
  EXPECT_EQ(block.forwardMerges.size(), 5); // one a batch norm
  // Gradients and activations, weights and vectors read; gradients and partials of weights and sums written.
  EXPECT_EQ(trafficOf(block.backwardPass), (Traffic{10, 191471616 + 2384128, 35123200 + 13489664}));
  EXPECT_EQ(block.backwardMerges.size(), 4); // the last conv's and the projection's are one
}

} // namespace
