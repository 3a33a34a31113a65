// Pairs of convs on tensor cores, in the emulator, against the two convs apart.
#include "test/compiler/Target/NVGPU/ConvCases.h"
#include "test/compiler/Target/NVGPU/MutantCheck.h"

#include "compiler/Target/NVGPU/PairConv.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::testing;
using kernel::Yield;
using nvidia::PairTile;

namespace {

struct Case {
  ConvCase first;
  int64_t out; // channels of the result
  shape::Window window = temporal;
  std::string name = first.name;

  ConvCase second() const {
    return {.clips = first.clips,
            .in = first.out,
            .out = out,
            .input = first.output(),
            .window = window,
            .processor = first.processor};
  }
};

std::ostream &operator<<(std::ostream &out, const Case &c) { return out << c.name; }

constexpr shape::Window causal = {.kernel = {3, 1, 1}, .padLow = {2, 0, 0}};
constexpr shape::Window dilated = {
    .kernel = {3, 1, 1}, .padLow = {2, 0, 0}, .padHigh = {2, 0, 0}, .dilation = {2, 1, 1}};

const Case cases[] = {
    {.first = {.name = "block", .in = 16, .out = 40, .input = {4, 7, 9}, .window = spatial}, .out = 16},
    {.first =
         {.name = "odd channels", .clips = 2, .in = 21, .out = 45, .input = {3, 6, 5}, .window = spatial},
     .out = 10},
    {.first = {.name = "strides", .in = 16, .out = 24, .input = {5, 9, 11}, .window = spatial2},
     .out = 24,
     .window = temporal2},
    {.first = {.name = "dilated", .in = 8, .out = 32, .input = {5, 4, 4}, .window = spatial},
     .out = 16,
     .window = dilated},
    {.first = {.name = "causal", .in = 16, .out = 24, .input = {4, 5, 6}, .window = spatial},
     .out = 16,
     .window = causal},
    {.first = {.name = "one frame", .clips = 3, .in = 16, .out = 16, .input = {1, 5, 4}, .window = spatial},
     .out = 8},
    {.first = {.name = "no padding", .in = 24, .out = 16, .input = {4, 5, 5}, .window = spatial},
     .out = 16,
     .window = {.kernel = {2, 1, 1}}},
};

/// Returns the first cases or the other ones, with sums in tensor memory.
std::vector<Case> inTensorMemory(bool others) {
  constexpr int64_t first = 3;
  std::vector<Case> some;
  for (auto [i, c] : llvm::enumerate(cases))
    if ((i >= first) == others) {
      some.push_back(c);
      some.back().first.processor = "sm_100a";
    }
  return some;
}

/// Returns what a bias and ReLU make of the accumulator, rounded.
Value biased(KernelRegion &region, const ConvCase &c) {
  Value sum = region.argument(), bias = region.channel(c.out);
  return region.rounded(region.relu(region.add(sum, bias)));
}

/// Returns the same with a residual.
Value joined(KernelRegion &region, const ConvCase &c) {
  Value sum = region.argument(), residual = region.pixel(c.outputType()), bias = region.channel(c.out);
  return region.rounded(region.relu(region.add(region.add(sum, bias), residual)));
}

/// Returns a kernel that reads both weights, the source, the middle's bias, the residual, the result's bias.
OwningOpRef<ModuleOp> pairKernel(const Case &c) {
  ConvCase first = c.first, second = c.second();
  KernelBuilder k(first.processor);
  Value firstWeight = k.operand(first.weightType()), secondWeight = k.operand(second.weightType());
  KernelRegion prologue = k.identity(first.inputType()), middle(k), epilogue(k);
  middle.yield(Yield::Value, biased(middle, first));
  epilogue.yield(Yield::Store, joined(epilogue, second));
  k.pair(firstWeight, first.window, secondWeight, second.window, prologue, middle, epilogue,
         second.outputType());
  return k.finish();
}

OwningOpRef<ModuleOp> convKernel(const ConvCase &c, Value (*emitEpilogue)(KernelRegion &, const ConvCase &)) {
  KernelBuilder k(c.processor);
  Value weight = k.operand(c.weightType());
  KernelRegion prologue = k.identity(c.inputType()), epilogue(k);
  epilogue.yield(Yield::Store, emitEpilogue(epilogue, c));
  k.conv(kernel::Direction::Forward, weight, c.window, prologue, epilogue, c.outputType());
  return k.finish();
}

std::vector<Tensor> operandsOf(const Case &c) {
  ConvCase first = c.first, second = c.second();
  return {coarse(first.weightShape(), 1), coarse(second.weightShape(), 2), coarse(first.inputShape(), 3),
          coarse({first.out}, 4),         coarse(second.outputShape(), 5), coarse({c.out}, 6)};
}

/// Computes the two convs one after the other.
Tensor apart(const Case &c, const std::vector<Tensor> &operands) {
  ReferenceKernel first(*convKernel(c.first, biased)), second(*convKernel(c.second(), joined));
  Tensor middle = first.run({operands[0], operands[2], operands[3]})[0];
  return second.run({operands[1], middle, operands[4], operands[5]})[0];
}

/// Returns the pair with the schedule of tensor cores; by default, with the tile that is found best.
OwningOpRef<ModuleOp> scheduled(const Case &c, std::optional<PairTile> tile = {}) {
  return scheduledAs(*pairKernel(c), tile, nvidia::pairSchedule, nvidia::pairCandidates);
}

// What lies between rounds at the same place; sums in another order may round a result to the neighbour in
// bfloat16.
constexpr double bound = 1.0 / 128;

class Pair : public ::testing::TestWithParam<Case> {
protected:
  void expectTheTwoConvs(ModuleOp kernel, double tolerance) {
    auto operands = operandsOf(GetParam());
    expectNear(ReferenceKernel(kernel).run(operands)[0], apart(GetParam(), operands), tolerance);
  }
};

} // namespace

TEST_P(Pair, ReferenceHasTheBitsOfTheTwoConvs) { expectTheTwoConvs(*pairKernel(GetParam()), 0.0); }

TEST_P(Pair, IsTheTwoConvs) { expectTheTwoConvs(*scheduled(GetParam()), bound); }

TEST_P(Pair, IsTheTwoConvsInTilesThatDoNotDivide) {
  int64_t frames = std::min<int64_t>(2, GetParam().second().output()[0]);
  for (int64_t boxes : {0, 1}) {
    PairTile tile = {.frames = frames, .rows = 4, .columns = 3, .channels = 8, .depth = 32, .boxes = boxes};
    expectTheTwoConvs(*scheduled(GetParam(), tile), bound);
  }
}

INSTANTIATE_TEST_SUITE_P(Cases, Pair, ::testing::ValuesIn(cases), caseName);
INSTANTIATE_TEST_SUITE_P(InTensorMemory, Pair, ::testing::ValuesIn(inTensorMemory(/*others=*/false)),
                         caseName);
INSTANTIATE_TEST_SUITE_P(OthersInTensorMemory, Pair, ::testing::ValuesIn(inTensorMemory(/*others=*/true)),
                         caseName);

TEST(PairMutants, AreFoundInTensorMemory) {
  Case c = {.first = {.in = 16, .out = 24, .input = {6, 8, 9}, .window = spatial, .processor = "sm_100a"},
            .out = 16,
            .window = causal};
  PairTile tile = {
      .frames = 6, .rows = 8, .columns = 9, .channels = 24, .depth = 16, .feedStages = 2, .weightStages = 4};
  // Before products of either conv overwrite its sums, those of the other one end, and a fence follows; so do
  // the barriers at which a warpgroup meets, of which one is enough.
  auto isFence = [](StringRef mutant) { return mutant.starts_with("drop nvvm.tcgen05.fence"); };
  auto isNotImplied = [&](StringRef mutant) {
    return !isFence(mutant) && !mutant.starts_with("drop nvvm.barrier");
  };
  EXPECT_GE(expectMutantsFound(*scheduled(c, tile), operandsOf(c), isNotImplied), 30u);
  // It is not so where a frame of the middle has several sums, and where the last two results follow one
  // another.
  c.window = temporal;
  tile.channels = 8;
  EXPECT_GE(expectMutantsFound(*scheduled(c, tile), operandsOf(c), isFence), 6u);
}

TEST(PairMutants, AreFound) {
  // Few channels a stage and six frames, so that all rings come round; work for each thread that stages; a
  // first result right behind the first frame of the middle.
  const Case c = {
      .first = {.in = 16, .out = 24, .input = {6, 8, 9}, .window = spatial}, .out = 16, .window = causal};
  PairTile tile = {
      .frames = 6, .rows = 8, .columns = 9, .channels = 24, .depth = 16, .feedStages = 2, .weightStages = 4};
  EXPECT_GE(expectMutantsFound(*scheduled(c, tile), operandsOf(c)), 30u);
  tile.boxes = 1;
  // The thread that begins the boxes has waited for weights that were freed after the source's stage, so that
  // fewer arrivals there can do no harm.
  auto isNotImplied = [](StringRef mutant) { return !mutant.starts_with("less: arrivals"); };
  EXPECT_GE(expectMutantsFound(*scheduled(c, tile), operandsOf(c), isNotImplied), 30u);
}
