// The gradient of a pool by gathering, in the emulator, against the reference lowering, which scatters.
#include "test/compiler/Target/NVGPU/ConvCases.h"
#include "test/compiler/Target/NVGPU/MutantCheck.h"

#include "compiler/Target/NVGPU/PoolGrad.h"

#include "mlir/Support/DebugStringHelper.h"

#include <cmath>

using namespace mlir;
using namespace kinema;
using namespace kinema::testing;
using kernel::PoolKind;

namespace {
struct Case {
  std::string name;
  int64_t clips = 1, channels;
  shape::Size3 input;
  shape::Window window;

  std::vector<int64_t> source() const { return clipsOf(clips, channels, input); }
  std::vector<int64_t> result() const {
    return clipsOf(clips, channels, *shape::windowOutput(input, window));
  }
};

std::ostream &operator<<(std::ostream &out, const Case &c) { return out << c.name; }

const Case cases[] = {
    {.name = "spatial", .clips = 2, .channels = 12, .input = {2, 13, 11}, .window = spatial2},
    {.name = "dense", .channels = 16, .input = {9, 5, 6}, .window = whole},
    {.name = "frames stride 2",
     .clips = 3,
     .channels = 8,
     .input = {7, 4, 9},
     .window = {.kernel = {3, 2, 3}, .stride = {2, 2, 3}, .padLow = {1, 0, 0}, .padHigh = {1, 0, 2}}},
    {.name = "dilated",
     .channels = 5,
     .input = {8, 6, 9},
     .window = {.kernel = {2, 2, 2},
                .stride = {2, 2, 3},
                .padLow = {1, 0, 0},
                .padHigh = {0, 0, 1},
                .dilation = {2, 1, 2}}},
    {.name = "windows apart",
     .channels = 8,
     .input = {7, 3, 9},
     .window = {.kernel = {1, 1, 2}, .stride = {3, 1, 4}}},
};

OwningOpRef<ModuleOp> gradKernel(const Case &c, PoolKind kind, RankedTensorType x) {
  KernelBuilder k;
  Value g = k.operand(inBlocks(c.result()));
  KernelRegion prologue(k);
  prologue.yield(kernel::Yield::Value,
                 kind == PoolKind::Max ? prologue.negate(prologue.pixel(x)) : prologue.zero());
  k.poolGrad(kind, g, c.window, prologue, inBlocks(c.source()));
  return k.finish();
}

/// Returns the kernel with the schedule "sm90.gather" and so many frames a block.
OwningOpRef<ModuleOp> scheduled(ModuleOp kernel, int64_t frames) {
  OwningOpRef<ModuleOp> copy = kernel.clone();
  auto op = cast<kernel::PoolGradOp>(defOf(*copy).getKernel());
  auto schedule = nvidia::schedulePoolGrad(op, *nvidia::processorNamed(hopper), frames);
  EXPECT_TRUE(schedule && schedule->getName() == "sm90.gather");
  if (schedule)
    op.setScheduleAttr(*schedule);
  return copy;
}

std::vector<Tensor> operandsOf(const Case &c, PoolKind kind) {
  Tensor g = random(c.result(), 1), x = random(c.source(), 2);
  for (float &value : x.values)
    value = std::round(value * 4) / 4; // equal maxima: the first one counts
  return kind == PoolKind::Max ? std::vector{g, x} : std::vector{g};
}

class PoolGrad : public ::testing::TestWithParam<Case> {};
} // namespace

TEST_P(PoolGrad, AddsUpAsTheReferenceDoes) {
  const Case &c = GetParam();
  for (PoolKind kind : {PoolKind::Max, PoolKind::Average})
    for (RankedTensorType x : {bfloat16InBlocks(c.source()), inBlocks(c.source())})
      for (int64_t frames : {1, 3, 64}) {
        SCOPED_TRACE((stringifyPoolKind(kind) + " " + debugString(x) + " " + Twine(frames)).str());
        OwningOpRef<ModuleOp> kernel = gradKernel(c, kind, x);
        auto operands = operandsOf(c, kind);
        auto expected = ReferenceKernel(*kernel).run(operands);
        expectNear(ReferenceKernel(*scheduled(*kernel, std::min(frames, c.input[0]))).run(operands)[0],
                   expected[0], 0.0); // the same order of sums
      }
}

INSTANTIATE_TEST_SUITE_P(Cases, PoolGrad, ::testing::ValuesIn(cases), caseName);

TEST(PoolGradMutants, AreFound) {
  const Case c = {.name = "small",
                  .channels = 8,
                  .input = {3, 5, 9},
                  .window = {.kernel = {2, 3, 3}, .padLow = {0, 1, 1}, .padHigh = {1, 1, 1}}};
  OwningOpRef<ModuleOp> kernel = gradKernel(c, PoolKind::Max, inBlocks(c.source()));
  EXPECT_GE(expectMutantsFound(*scheduled(*kernel, 2), operandsOf(c, PoolKind::Max)), 1u);
}
