// Tests what the kernels of a network keep when they are made small.
#include "test/compiler/Target/NVGPU/SmallKernel.h"
#include "test/compiler/Target/NVGPU/OneKernel.h"

#include "mlir/Parser/Parser.h"
#include "gtest/gtest.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::testing;

namespace {

constexpr int64_t fewWork = 8000000;

/// Returns the kernels of a training step of R(2+1)D-18 as it is written.
const std::vector<NetworkKernel> &kernels() {
  static const auto all = [] {
    std::vector<std::string> errors;
    auto kernels =
        kernelsOf({{"r2plus1d_18", KINEMA_MODELS "/r2plus1d_18.arch", {FrontendOptions()}}}, errors);
    EXPECT_TRUE(errors.empty());
    return kernels;
  }();
  return all;
}

struct Parsed {
  explicit Parsed(const NetworkKernel &kernel)
      : module(parseSourceString<ModuleOp>(kernel.text, &contextOfThread())), op(defOf(*module).getKernel()) {
  }
  StringRef schedule() { return kernel::scheduleOf(op).getName(); }
  std::vector<bool> padded() {
    std::vector<bool> padded;
    for (Type type : op->getOperandTypes())
      if (auto tensor = dyn_cast<RankedTensorType>(type); tensor && tensor.getRank() == 5)
        padded.push_back(tensor.getDimSize(1) % 8 != 0);
    return padded;
  }
  OwningOpRef<ModuleOp> module;
  Operation *op;
};

} // namespace

TEST(SmallKernel, KeepsOperationScheduleWindowAndPadding) {
  int shrunk = 0;
  for (const NetworkKernel &kernel : kernels()) {
    SCOPED_TRACE(kernel.text);
    NetworkKernel small = makeSmall(kernel, fewWork);
    if (small.text == kernel.text)
      continue;
    ++shrunk;
    EXPECT_LT(small.work, kernel.work);
    Parsed before(kernel), after(small);
    EXPECT_EQ(after.op->getName(), before.op->getName());
    EXPECT_EQ(after.schedule(), before.schedule());
    EXPECT_EQ(after.op->getAttr("window"), before.op->getAttr("window"));
    EXPECT_EQ(after.padded(), before.padded());
  }
  EXPECT_GT(shrunk, 50);
}

TEST(SmallKernel, ConvsAndTheirGradientsBecomeSmall) {
  for (const NetworkKernel &kernel : kernels())
    if (isa<kernel::ConvOp, kernel::WeightGradOp>(Parsed(kernel).op))
      EXPECT_LE(makeSmall(kernel, fewWork).work, fewWork) << kernel.text;
}

TEST(SmallKernel, LeavesSmallOnesAlone) {
  for (const NetworkKernel &kernel : kernels())
    EXPECT_EQ(makeSmall(kernel, kernel.work).text, kernel.text);
}

TEST(SmallKernel, LaunchesForManyParametersAreTakenApart) {
  int taken = 0;
  for (const NetworkKernel &kernel : kernels()) {
    Parsed before(kernel);
    auto few = withFewParameters(kernel);
    if (before.op->getNumResults() < 6 || !isa<kernel::UpdateOp, kernel::ConvertOp>(before.op)) {
      EXPECT_EQ(few.size(), 1u);
      continue;
    }
    SCOPED_TRACE(kernel.text);
    ++taken;
    EXPECT_GE(few.size(), 1u);
    for (const NetworkKernel &part : few) {
      Parsed after(part);
      EXPECT_EQ(after.op->getName(), before.op->getName());
      EXPECT_EQ(after.schedule(), before.schedule());
      EXPECT_LE(after.op->getNumResults(), isa<kernel::UpdateOp>(after.op) ? 4u : 2u);
      EXPECT_LT(part.work, kernel.work);
    }
  }
  EXPECT_GE(taken, 2);
}
