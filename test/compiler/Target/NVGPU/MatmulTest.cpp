// Products of matrices on tensor cores, in the emulator, against the reference lowering.
#include "test/compiler/Target/NVGPU/ConvCases.h"
#include "test/compiler/Target/NVGPU/MutantCheck.h"

#include "compiler/Target/NVGPU/Matmul.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::testing;
using nvidia::MatmulTile;

namespace {

/// A Case is a product of matrices rows x depth and depth x columns. As tensors, what is in channels has one
/// number, and what is in positions three.
struct Case {
  std::string name = {};
  const char *processor = hopper;
  int64_t clips = 1;
  bool transposeLhs = false, transposeRhs = false;
  shape::Size3 rows, columns, depth; // a number of channels is the product of the three

  /// Returns the shape of a matrix of channels by positions.
  std::vector<int64_t> shapeOf(const shape::Size3 &channels, const shape::Size3 &positions) const {
    return clipsOf(clips, shape::product(channels), positions);
  }
  std::vector<int64_t> lhs() const { return transposeLhs ? shapeOf(depth, rows) : shapeOf(rows, depth); }
  std::vector<int64_t> rhs() const {
    return transposeRhs ? shapeOf(columns, depth) : shapeOf(depth, columns);
  }
  std::vector<int64_t> result() const { return shapeOf(rows, columns); }
};

std::ostream &operator<<(std::ostream &out, const Case &c) { return out << c.name; }

const Case cases[] = {
    // Those of attention: scores, results, and the gradients of values, keys and queries.
    {.name = "scores",
     .clips = 2,
     .transposeLhs = true,
     .rows = {2, 7, 7},
     .columns = {2, 9, 11},
     .depth = {1, 1, 40}},
    {.name = "values", .clips = 2, .rows = {1, 1, 24}, .columns = {2, 9, 11}, .depth = {2, 7, 7}},
    {.name = "gradient of values",
     .clips = 2,
     .transposeRhs = true,
     .rows = {1, 1, 24},
     .columns = {2, 7, 7},
     .depth = {2, 9, 11}},
    {.name = "both transposed",
     .transposeLhs = true,
     .transposeRhs = true,
     .rows = {1, 5, 5},
     .columns = {1, 3, 50},
     .depth = {1, 3, 5}},
    {.name = "many channels", .rows = {1, 1, 330}, .columns = {1, 5, 3}, .depth = {1, 1, 16}},
    {.name = "many scores",
     .transposeLhs = true,
     .rows = {5, 7, 8},
     .columns = {3, 9, 13},
     .depth = {1, 1, 72}},
    {.name = "odd channels",
     .clips = 3,
     .transposeLhs = true,
     .rows = {1, 1, 3},
     .columns = {1, 2, 1},
     .depth = {1, 1, 5}},
    {.name = "one contracted", .clips = 2, .rows = {1, 1, 9}, .columns = {1, 3, 3}, .depth = {1, 1, 1}},
};

OwningOpRef<ModuleOp> matmulKernel(const Case &c) {
  KernelBuilder k(c.processor);
  Value lhs = k.operand(bfloat16InBlocks(c.lhs())), rhs = k.operand(bfloat16InBlocks(c.rhs()));
  k.matmul(lhs, c.transposeLhs, rhs, c.transposeRhs, bfloat16InBlocks(c.result()));
  return k.finish();
}

OwningOpRef<ModuleOp> scheduled(const Case &c, std::optional<MatmulTile> tile = {}) {
  return scheduledAs(*matmulKernel(c), tile, nvidia::matmulSchedule, nvidia::matmulCandidates);
}

/// Returns operands whose sums are exact.
std::vector<Tensor> operandsOf(const Case &c) { return {coarse(c.lhs(), 1), coarse(c.rhs(), 2)}; }

class Matmul : public ::testing::TestWithParam<Case> {
protected:
  void expectTheBitsOfTheReference(ModuleOp kernel) {
    auto operands = operandsOf(GetParam());
    auto expected = ReferenceKernel(*matmulKernel(GetParam())).run(operands);
    expectNear(ReferenceKernel(kernel).run(operands)[0], expected[0], 0.0);
  }
};

} // namespace

TEST_P(Matmul, HasTheBitsOfTheReference) { expectTheBitsOfTheReference(*scheduled(GetParam())); }

TEST_P(Matmul, HasThemInTilesThatDoNotDivide) {
  MatmulTile tile = {.positions = 128, .channels = 24, .depth = 48, .stages = 3, .blocks = 2};
  expectTheBitsOfTheReference(*scheduled(GetParam(), tile));
}

/// Products of warps have no clusters.
class MatmulOfWarpgroups : public Matmul {};

TEST_P(MatmulOfWarpgroups, HasThemInClusters) {
  MatmulTile tile = {.positions = 256, .channels = 40, .depth = 32, .stages = 2, .cluster = 2, .blocks = 2};
  expectTheBitsOfTheReference(*scheduled(GetParam(), tile));
}

INSTANTIATE_TEST_SUITE_P(Cases, Matmul, ::testing::ValuesIn(cases), caseName);
INSTANTIATE_TEST_SUITE_P(Cases, MatmulOfWarpgroups, ::testing::ValuesIn(cases), caseName);

/// Returns the cases on another processor.
static auto casesOn(const char *processor) {
  return ::testing::ValuesIn(llvm::map_to_vector<std::size(cases)>(cases, [&](Case c) {
    c.processor = processor;
    return c;
  }));
}

INSTANTIATE_TEST_SUITE_P(WithWarps, Matmul, casesOn("sm_80"), caseName);
INSTANTIATE_TEST_SUITE_P(InTensorMemory, Matmul, casesOn("sm_100a"), caseName);
INSTANTIATE_TEST_SUITE_P(InTensorMemory, MatmulOfWarpgroups, casesOn("sm_100a"), caseName);

// Each block has several tiles, and each tile several stages, so that the ring comes round; the last chunk is
// not whole, nor are the last tiles.
TEST(MatmulMutants, AreFound) {
  const Case c = {.clips = 2, .rows = {1, 1, 21}, .columns = {1, 7, 25}, .depth = {1, 9, 10}};
  MatmulTile tile = {.positions = 128, .channels = 16, .depth = 32, .stages = 2, .blocks = 2};
  EXPECT_GE(expectMutantsFound(*scheduled(c, tile), operandsOf(c)), 20u);
}

class MatmulMutantsOn : public ::testing::TestWithParam<const char *> {};

TEST_P(MatmulMutantsOn, AreFound) {
  for (bool transpose : {false, true}) {
    const Case c = {.processor = GetParam(),
                    .clips = 2,
                    .transposeLhs = transpose,
                    .transposeRhs = transpose,
                    .rows = {1, 1, 21},
                    .columns = {1, 7, 25},
                    .depth = {1, 9, 10}};
    MatmulTile tile = {.positions = 128, .channels = 16, .depth = 32, .stages = 2, .blocks = 2};
    EXPECT_GE(expectMutantsFound(*scheduled(c, tile), operandsOf(c)), 20u);
  }
}

INSTANTIATE_TEST_SUITE_P(Processors, MatmulMutantsOn, ::testing::Values("sm_80", "sm_100a"));

TEST(MatmulMutants, AreFoundInClusters) {
  const Case c = {.transposeLhs = true,
                  .transposeRhs = true,
                  .rows = {1, 5, 5},
                  .columns = {1, 7, 25},
                  .depth = {1, 1, 72}};
  MatmulTile tile = {.positions = 128, .channels = 16, .depth = 32, .stages = 2, .cluster = 2, .blocks = 2};
  EXPECT_GE(expectMutantsFound(*scheduled(c, tile), operandsOf(c)), 20u);
}
