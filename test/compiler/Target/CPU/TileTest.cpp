// The tiled contractions against plain loops, at shapes that fit no tile.
#include "Cases.h"
#include "KernelRunner.h"

#include "compiler/Target/CPU/ConvTile.h"
#include "compiler/Target/CPU/GroupConvTile.h"
#include "compiler/Target/CPU/GroupWeightGrad.h"
#include "compiler/Target/CPU/GroupedSource.h"
#include "compiler/Target/CPU/MatmulTile.h"
#include "compiler/Target/CPU/MicroKernels.h"
#include "compiler/Target/CPU/WeightGradTile.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <random>

using namespace kinema;
using namespace kinema::cpu::test;

namespace kinema::cpu {
/// Writes it as tests' names show it.
static void PrintTo(const Level &level, std::ostream *out) { *out << level.name.str(); }
} // namespace kinema::cpu

namespace {

Tensor randomTensor(llvm::ArrayRef<int64_t> shape, std::mt19937 &random) {
  Tensor tensor{shape.vec(), std::vector<double>(mlir::ShapedType::getNumElements(shape))};
  std::uniform_real_distribution<float> uniform(-1, 1);
  for (double &value : tensor.values)
    value = uniform(random);
  return tensor;
}

/// Sums partials [P, ...] to [1, ...].
Tensor addPartials(const Tensor &partials) {
  Tensor sum = partials;
  sum.shape[0] = 1;
  size_t size = partials.values.size() / partials.shape[0];
  sum.values.assign(size, 0.0);
  for (size_t i = 0; i < partials.values.size(); ++i)
    sum.values[i % size] += partials.values[i];
  return sum;
}

/// Merges moments [P, 3, C] to [1, 3, C].
Tensor mergeMoments(const Tensor &partials) {
  int64_t channels = partials.shape[2];
  Tensor merged{{1, 3, channels}, std::vector<double>(3 * channels, 0.0)};
  double *total = merged.values.data();
  for (int64_t p = 0; p < partials.shape[0]; ++p)
    for (int64_t c = 0; c < channels; ++c) {
      const double *part = partials.values.data() + p * 3 * channels + c;
      double &count = total[c], &mean = total[channels + c], &squares = total[2 * channels + c];
      double distance = part[channels] - mean, sum = count + part[0];
      squares += part[2 * channels] + distance * distance * count * part[0] / sum;
      mean += distance * part[0] / sum;
      count = sum;
    }
  return merged;
}

/// The norm of the difference as a part of the norm.
double relativeError(const Tensor &actual, const Tensor &expected) {
  double norm = 0, error = 0;
  for (size_t i = 0; i < actual.values.size(); ++i) {
    norm += expected.values[i] * expected.values[i];
    error += (actual.values[i] - expected.values[i]) * (actual.values[i] - expected.values[i]);
  }
  return std::sqrt(error / norm);
}

/// How far values may be off: in the mean, and at most, as parts of their scale; at most also as a part of
/// each.
struct Bound {
  double mean, most, ofValue;
};
/// Of f32 arithmetic; where values are rounded to bfloat16 on the way; and where they are stored so.
constexpr Bound singleBound{1e-5, 1e-3, 0}, roundedBound{2e-4, 2e-2, 0}, storedBound{3e-3, 2e-2, 0x1p-8};

void expectClose(const Tensor &actual, const Tensor &expected, const Bound &bound, const std::string &what) {
  ASSERT_EQ(actual.shape, expected.shape) << what;
  double norm = 0, error = 0, largest = 0;
  for (size_t i = 0; i < actual.values.size(); ++i) {
    double distance = std::abs(actual.values[i] - expected.values[i]);
    norm += expected.values[i] * expected.values[i];
    error += distance * distance;
    distance -= bound.ofValue * std::abs(expected.values[i]);
    largest = std::max(largest, std::isfinite(distance) ? distance : 1e30);
  }
  double scale = std::sqrt(norm / actual.values.size());
  EXPECT_LT(std::sqrt(error / actual.values.size()), bound.mean * scale) << what;
  EXPECT_LT(largest, bound.most * (scale + 1e-3)) << what;
}

/// Each test, at each level that this processor runs.
class AtLevel : public testing::TestWithParam<cpu::Level> {
protected:
  void SetUp() override {
    if (!runsHere(level()))
      GTEST_SKIP() << "this processor cannot run code for " << level().name.str();
  }
  const cpu::Level &level() const { return GetParam(); }
  /// The case in blocks of the level's lanes.
  Case at(Case c) const {
    c.block = level().machine.vector;
    c.pairs = level().machine.multipliesPairs;
    return c;
  }
  Storage packWeight(const Tensor &weight, mlir::RankedTensorType type, const std::string &transform) const;
  void check(const std::string &text, const std::string &what, const Scheduler &scheduler = nullptr,
             const std::string &transform = "") const;
  double errorOf(shape::Size3 kernel, shape::Size3 tile) const;
  Scheduler smallBlocks() const;
  Scheduler smallGroupBlocks() const;
};

class ConvTile : public AtLevel {};
class WeightGradTile : public AtLevel {};
class MatmulTile : public AtLevel {};
class GroupTile : public AtLevel {
protected:
  /// In small blocks; every other size of the input also in those that the model chooses.
  void checkGroups(const std::string &text, const Case &c) const {
    check(text, describe(c), smallGroupBlocks());
    if (c.size[0] % 2 == 0)
      check(text, describe(c));
  }
};
/// All of them in bfloat16.
class BFloat16Tile : public AtLevel {
protected:
  static Case narrow(Case c) {
    c.bfloat16 = true;
    return c;
  }
};

/// The weight as the conv reads it: in Winograd's form made by the kernel that text `transform` holds.
Storage AtLevel::packWeight(const Tensor &weight, mlir::RankedTensorType type,
                            const std::string &transform) const {
  if (transform.empty())
    return pack(weight, type);
  Kernel kernel(transform, level());
  Storage taps = pack(weight, kernel.operandType(0));
  Storage points(kernel::storedBytes(type) / 4, std::nanf(""));
  kernel.runAll({taps.data(), points.data()});
  return points;
}

/// Runs the kernel in shuffled and in natural order on poisoned results and compares with plain loops.
/// `transform`: the kernel that makes operand 0 from the window's taps, if there is one.
void AtLevel::check(const std::string &text, const std::string &what, const Scheduler &scheduler,
                    const std::string &transform) const {
  SCOPED_TRACE(what);
  Kernel kernel(text, level(), scheduler);
  auto *op = kernel.operation();
  std::mt19937 random(1);
  std::vector<Tensor> operands;
  std::vector<Storage> inputs, outputs, again;
  std::vector<float *> buffers, buffersAgain;
  for (unsigned i = 0; i < op->getNumOperands(); ++i) {
    auto type = kernel.operandType(i);
    bool isTransformed = i == 0 && !transform.empty();
    llvm::SmallVector<int64_t> shape(type.getShape());
    if (isTransformed)
      llvm::copy(mlir::cast<kernel::ConvOp>(op).getWindow().getWindow().kernel, shape.begin() + 2);
    operands.push_back(randomTensor(shape, random));
    for (double &value : operands.back().values)
      value = rounded(value, type.getElementType());
    inputs.push_back(packWeight(operands.back(), type, isTransformed ? transform : ""));
    buffers.push_back(inputs.back().data());
  }
  buffersAgain = buffers;
  for (unsigned i = 0; i < op->getNumResults(); ++i) {
    size_t count = shape::ceilDiv(kernel::storedBytes(kernel.resultType(i)), 4);
    outputs.emplace_back(count, std::nanf(""));
    again.emplace_back(count, std::nanf(""));
    buffers.push_back(outputs.back().data());
    buffersAgain.push_back(again.back().data());
  }
  std::vector<int64_t> blocks(kernel.schedule().getGrid());
  for (size_t i = 0; i < blocks.size(); ++i)
    blocks[i] = i;
  std::shuffle(blocks.begin(), blocks.end(), random);
  kernel.run(buffers, blocks);
  kernel.runAll(buffersAgain);

  auto expected = reference(op, operands);
  for (unsigned i = 0; i < op->getNumResults(); ++i) {
    EXPECT_EQ(0, std::memcmp(outputs[i].data(), again[i].data(), outputs[i].count * 4))
        << "order of blocks matters";
    int64_t dirty = 0;
    Tensor actual = unpack(outputs[i], kernel.resultType(i), dirty);
    EXPECT_EQ(dirty, 0) << "padding of result " << i << " is not zero";
    if (actual.shape != expected[i].shape)
      actual = actual.shape.size() == 3 && actual.shape[1] == 3 ? mergeMoments(actual) : addPartials(actual);
    bool isStored = !kernel.resultType(i).getElementType().isF32();
    bool isRounded = text.find("bf16") != std::string::npos;
    expectClose(actual, expected[i],
                isStored    ? storedBound
                : isRounded ? roundedBound
                            : singleBound,
                what + ", result " + std::to_string(i));
  }
}

shape::Window window(shape::Size3 kernel, shape::Size3 stride, shape::Size3 low, shape::Size3 high) {
  return {kernel, stride, low, high, {1, 1, 1}};
}

/// Small blocks that fit nothing evenly.
Scheduler AtLevel::smallBlocks() const {
  int64_t group = 3 * level().machine.vector; // channels of the widest register tile
  return [group, machine = level().machine](mlir::Operation *op) {
    if (auto wgrad = mlir::dyn_cast<kernel::WeightGradOp>(op)) {
      auto dz = wgrad.getGradientType().getShape();
      cpu::BlockShape piece = {std::min<int64_t>(2, dz[0]), std::min<int64_t>(2, dz[2]),
                               std::min<int64_t>(3, dz[3])};
      int64_t pieces = cpu::BlockCuts(dz, piece).count(), groups = shape::ceilDiv(dz[1], group);
      return cpu::weightGradTileSchedule(wgrad, machine,
                                         {piece, (pieces + 1) / 2, std::min<int64_t>(2, groups), 1});
    }
    auto conv = mlir::cast<kernel::ConvOp>(op);
    auto result = conv.getResultType().getShape();
    auto step = conv.getGather().resultStep;
    for (int axis : {0, 1})
      step[axis] = std::max(step[axis], conv.getWinogradTile()[axis]);
    return cpu::convTileSchedule(conv, machine,
                                 {std::min<int64_t>(2, result[0]),
                                  std::min(shape::roundUp(2, step[0]), result[2]),
                                  std::min(shape::roundUp(3, step[1]), result[3])},
                                 std::min<int64_t>(2, shape::ceilDiv(result[1], group)));
  };
}

const std::vector<Case> cases = {
    {1, 8, 8, {1, 4, 4}, half({1, 3, 3}), "none", "identity"},
    {2, 16, 45, {3, 7, 7}, half({1, 3, 3})},
    {1, 64, 230, {2, 13, 13}, half({1, 3, 3}, {1, 2, 2}), "bn_relu", "mask"},
    {2, 45, 64, {5, 7, 13}, half({3, 1, 1}), "bn_relu", "bias_relu"},
    {3, 45, 24, {5, 7, 7}, half({3, 1, 1}, {2, 1, 1}), "bn_relu", "mask"},
    {1, 24, 40, {4, 9, 7}, half({3, 3, 3}), "none", "residual"},
    {2, 16, 16, {5, 13, 7}, half({3, 3, 3}, {2, 2, 2}), "bn_relu", "lattice"},
    {2, 24, 64, {3, 7, 13}, half({1, 1, 1}, {2, 2, 2}), "none", "moments"},
    {2, 24, 64, {4, 6, 8}, half({1, 1, 1}, {1, 2, 2}), "bn_relu", "gate"},
    {1, 64, 29, {1, 7, 7}, half({1, 1, 1}), "bn_relu", "gate"},
    {1, 64, 64, {3, 14, 14}, half({3, 3, 3}), "bn_relu", "mask"},
    {2, 12, 20, {5, 7, 9}, window({2, 3, 4}, {1, 2, 3}, {1, 0, 2}, {0, 2, 1}), "bn_relu", "bias_relu"},
    {1, 9, 17, {6, 11, 10}, window({3, 2, 5}, {2, 3, 2}, {0, 1, 3}, {2, 1, 0}), "bn_relu", "mask"},
    {1, 230, 64, {5, 7, 7}, half({3, 1, 1}), "bn_relu", "moments"},
    {1, 16, 16, {6, 5, 5}, {{3, 1, 3}, {1, 1, 1}, {2, 0, 2}, {2, 0, 2}, {2, 1, 2}}, "bn_relu", "moments"},
    {1, 20, 40, {1, 3, 70}, half({1, 3, 3}, {1, 1, 2})},
};

const std::vector<Case> stems = {
    {2, 3, 45, {2, 13, 13}, half({1, 7, 7}, {1, 2, 2}), "none", "moments", 4},
    {1, 3, 64, {5, 14, 12}, half({3, 7, 7}, {1, 2, 2}), "none", "mask", 4},
    {1, 2, 16, {3, 7, 7}, half({1, 3, 3}), "bn_relu", "identity", 4},
    {1, 3, 16, {3, 7, 7}, half({1, 3, 3}), "bn_relu", "moments"},
};

/// Makes the same for convs in groups, which stage as few channels at once as they can.
Scheduler AtLevel::smallGroupBlocks() const {
  return [machine = level().machine](mlir::Operation *op) {
    int64_t lanes = machine.vector;
    auto parts = [&](int64_t channels) { return std::min<int64_t>(2, shape::ceilDiv(channels, lanes)); };
    auto fewest = [&](int64_t results, int64_t sources, int64_t groups) {
      return cpu::planeCounts({results / groups, sources / groups, lanes}).back();
    };
    if (auto wgrad = mlir::dyn_cast<kernel::WeightGradOp>(op)) {
      auto dz = wgrad.getGradientType().getShape();
      int64_t planes = fewest(dz[1], wgrad.getActivationType().getDimSize(1), wgrad.getGroups());
      cpu::BlockShape piece = {std::min<int64_t>(2, dz[0]), std::min<int64_t>(2, dz[2]),
                               std::min<int64_t>(3, dz[3])};
      int64_t pieces = cpu::BlockCuts(dz, piece).count();
      return cpu::groupWeightGradSchedule(wgrad, machine, {piece, (pieces + 1) / 2, parts(dz[1]), planes});
    }
    auto conv = mlir::cast<kernel::ConvOp>(op);
    auto result = conv.getResultType().getShape();
    auto step = conv.getGather().resultStep;
    int64_t planes = fewest(result[1], conv.getSourceType().getDimSize(1), conv.getGroups());
    return cpu::groupConvTileSchedule(
        conv, machine,
        {{std::min<int64_t>(2, result[0]), std::min(shape::roundUp(2, step[0]), result[2]),
          std::min(shape::roundUp(3, step[1]), result[3])},
         parts(result[1]),
         planes});
  };
}

TEST_P(ConvTile, Forward) {
  for (const auto &c : cases)
    check(forwardText(at(c)), describe(at(c)));
}

TEST_P(ConvTile, ForwardStem) {
  for (const auto &c : stems)
    check(forwardText(at(c)), describe(at(c)));
}

TEST_P(ConvTile, Transposed) {
  for (const auto &c : cases)
    check(transposedText(at(c)), describe(at(c)));
}

TEST_P(ConvTile, TransposedWithTwoTensors) {
  for (Case c : cases) {
    c.prologue = "bn_dz";
    c.epilogue = "lattice";
    check(transposedText(at(c)), describe(at(c)));
  }
}

TEST_P(BFloat16Tile, Conv) {
  for (const Scheduler &scheduler : {Scheduler(), smallBlocks()}) {
    for (const auto &c : cases) {
      check(forwardText(narrow(at(c))), describe(narrow(at(c))), scheduler);
      check(transposedText(narrow(at(c))), describe(narrow(at(c))), scheduler);
    }
    for (const auto &c : stems)
      check(forwardText(narrow(at(c))), describe(narrow(at(c))), scheduler);
  }
}

TEST_P(BFloat16Tile, WeightGrad) {
  for (const Scheduler &scheduler : {Scheduler(), smallBlocks()})
    for (const auto &some : {cases, stems})
      for (const auto &c : some)
        check(weightGradText(narrow(at(c))), describe(narrow(at(c))), scheduler);
}

/// A weight becomes pairs as the layouts say, rounded, with zeros for padding.
TEST_P(BFloat16Tile, InterleaveWeights) {
  if (!level().machine.multipliesPairs || level().machine.multipliesMatrices)
    GTEST_SKIP() << level().name.str() << " makes none, or as the level before it";
  std::mt19937 random(1);
  for (const auto &some : {cases, stems})
    for (Case c : some)
      for (bool transposed : {false, true}) {
        if (transposed && c.inputBlock)
          continue;
        c = narrow(at(c));
        SCOPED_TRACE(describe(c));
        Kernel kernel(convertText(c, transposed), level());
        Tensor weight = randomTensor(kernel.operandType(0).getShape(), random);
        Storage from = pack(weight, kernel.operandType(0)), wanted = pack(weight, kernel.resultType(0));
        Storage found(wanted.count, std::nanf(""));
        kernel.runAll({from.data(), found.data()});
        EXPECT_EQ(0, std::memcmp(found.data(), wanted.data(), 4 * wanted.count));
      }
}

const std::vector<Case> winogradCases = {
    {1, 8, 8, {1, 4, 4}, half({1, 3, 3}), "none", "identity"},
    {2, 16, 45, {3, 7, 7}, half({1, 3, 3})},
    {1, 24, 40, {4, 9, 7}, half({3, 3, 3}), "none", "residual"},
    {1, 64, 64, {3, 14, 14}, half({3, 3, 3}), "bn_relu", "mask"},
    {3, 20, 29, {1, 5, 6}, half({3, 3, 3}), "bn_relu", "bias_relu"},
    {2, 9, 17, {5, 6, 11}, half({3, 3, 3}, {2, 1, 1}), "bn_relu", "lattice"},
    {1, 12, 20, {4, 10, 9}, window({2, 3, 3}, {1, 1, 1}, {0, 2, 0}, {1, 0, 1}), "bn_relu", "moments"},
};

/// Windows of 3 frames, whatever they do along H and W; frames that fill no tile.
const std::vector<Case> framesCases = {
    {1, 8, 8, {4, 3, 4}, half({3, 1, 1}), "none", "identity"},
    {2, 45, 64, {5, 7, 13}, half({3, 1, 1}), "bn_relu", "bias_relu"},
    {1, 230, 24, {1, 5, 6}, half({3, 1, 1}), "bn_relu", "mask"},
    {3, 20, 29, {9, 4, 5}, half({3, 3, 3}, {1, 2, 2}), "bn_relu", "residual"},
    {2, 9, 17, {3, 6, 7}, window({3, 2, 3}, {1, 1, 2}, {0, 1, 0}, {2, 0, 1}), "bn_relu", "lattice"},
};

struct TiledCase : Case {
  TiledCase(const Case &c, shape::Size3 size) : Case(c) { tile = size; }
};

std::vector<TiledCase> tiledCases() {
  std::vector<TiledCase> tiled;
  for (int64_t m : {2, 4}) {
    for (const Case &c : winogradCases)
      tiled.emplace_back(c, shape::Size3{1, m, m});
    for (const Case &c : framesCases)
      tiled.emplace_back(c, shape::Size3{m, 1, 1});
  }
  Case all{2, 20, 29, {5, 6, 11}, half({3, 3, 3}), "bn_relu", "bias_relu"};
  tiled.emplace_back(all, shape::Size3{4, 4, 4});
  tiled.emplace_back(all, shape::Size3{2, 4, 4});
  return tiled;
}

TEST_P(ConvTile, Winograd) {
  for (const Case &c : tiledCases()) {
    for (const Scheduler &scheduler : {Scheduler(), smallBlocks()}) {
      check(forwardText(at(c)), describe(at(c)), scheduler, winogradText(at(c), false));
      check(transposedText(at(c)), describe(at(c)), scheduler, winogradText(at(c), true));
    }
  }
  Case stem{1, 2, 16, {3, 7, 7}, half({1, 3, 3}), "bn_relu", "identity", 4, {1, 4, 4}};
  check(forwardText(at(stem)), describe(at(stem)), nullptr, winogradText(at(stem), false));
}

/// Against double precision, at 256 channels and random numbers: what docs/cpu.md states.
double AtLevel::errorOf(shape::Size3 window, shape::Size3 tile) const {
  Case c = at({1, 256, 24, {8, 9, 9}, half(window), "none", "identity"});
  c.tile = tile;
  Kernel kernel(forwardText(c), level());
  std::mt19937 random(1);
  Tensor weight = randomTensor({c.out, c.in, window[0], window[1], window[2]}, random);
  Tensor source = randomTensor(kernel.operandType(1).getShape(), random);
  Storage w =
      packWeight(weight, kernel.operandType(0), shape::product(tile) > 1 ? winogradText(at(c), false) : "");
  Storage x = pack(source, kernel.operandType(1));
  Storage y(kernel::storedBytes(kernel.resultType(0)) / 4);
  kernel.runAll({w.data(), x.data(), y.data()});
  int64_t dirty = 0;
  double error = relativeError(unpack(y, kernel.resultType(0), dirty),
                               reference(kernel.operation(), {weight, source})[0]);
  fmt::print("{}: relative error {:.2g}\n", describe(c), error);
  return error;
}

TEST_P(ConvTile, WinogradErrors) {
  shape::Size3 all = {3, 3, 3}, frames = {3, 1, 1};
  EXPECT_LT(errorOf(all, {1, 1, 1}), 2e-6);
  EXPECT_LT(errorOf(all, {1, 2, 2}), 2e-6);
  EXPECT_LT(errorOf(all, {1, 4, 4}), 1e-5);
  EXPECT_LT(errorOf(all, {4, 4, 4}), 4e-5);
  EXPECT_LT(errorOf(frames, {1, 1, 1}), 2e-6);
  EXPECT_LT(errorOf(frames, {2, 1, 1}), 2e-6);
  EXPECT_LT(errorOf(frames, {4, 1, 1}), 1e-5);
}

/// An epilogue's operand and the result may be one buffer.
TEST_P(ConvTile, ResultInPlace) {
  Case c{2, 24, 45, {3, 9, 7}, half({3, 3, 3}), "none", "residual"};
  Kernel kernel(forwardText(at(c)), level(), smallBlocks());
  std::mt19937 random(1);
  std::vector<Storage> inputs;
  std::vector<float *> buffers;
  unsigned residual = 2; // the operands are w, z, residual, bias
  for (unsigned i = 0; i < kernel.operation()->getNumOperands(); ++i) {
    inputs.push_back(pack(randomTensor(kernel.operandType(i).getShape(), random), kernel.operandType(i)));
    buffers.push_back(inputs.back().data());
  }
  Storage result(inputs[residual].count);
  buffers.push_back(result.data());
  kernel.runAll(buffers);
  buffers.back() = buffers[residual];
  kernel.runAll(buffers);
  EXPECT_EQ(0, std::memcmp(result.data(), buffers[residual], result.count * 4));
}

TEST_P(WeightGradTile, AllShapes) {
  for (const auto &c : cases)
    check(weightGradText(at(c)), describe(at(c)));
  for (const auto &c : stems)
    check(weightGradText(at(c)), describe(at(c)));
}

TEST_P(ConvTile, UnevenBlocks) {
  for (const auto &c : cases) {
    check(forwardText(at(c)), describe(at(c)), smallBlocks());
    check(transposedText(at(c)), describe(at(c)), smallBlocks());
  }
}

TEST_P(WeightGradTile, Winograd) {
  for (const Case &c : tiledCases())
    for (bool small : {false, true})
      check(weightGradText(at(c)), describe(at(c)) + (small ? ", small pieces" : ""),
            [&](mlir::Operation *op) {
              auto wgrad = mlir::cast<kernel::WeightGradOp>(op);
              auto dz = wgrad.getGradientType().getShape();
              cpu::BlockShape piece = {dz[0], dz[2], dz[3]};
              if (small)
                piece = {1, std::min(std::max<int64_t>(2, c.tile[0]), dz[2]), std::min(c.tile[1], dz[3])};
              int64_t pieces = cpu::BlockCuts(dz, piece).count();
              return cpu::weightGradTileSchedule(
                  wgrad, level().machine,
                  {piece, (pieces + 1) / 2,
                   std::min<int64_t>(2, shape::ceilDiv(dz[1], 3 * level().machine.vector)), 1, c.tile[1],
                   c.tile[0]});
            });
}

TEST_P(WeightGradTile, UnevenBlocks) {
  for (const auto &c : cases)
    check(weightGradText(at(c)), describe(at(c)), smallBlocks());
}

/// Sides that are whole vectors, less than one, and more; a depth that ends within a vector or is within one.
const std::vector<MatmulCase> matmulCases = {
    {2, 32, 64, 48}, {3, 13, 6, 40}, {2, 70, 37, 29}, {1, 9, 150, 5}};

/// All ways of turning the sides, by the model's choice and in small blocks with chunks of a vector.
TEST_P(MatmulTile, AllWays) {
  Scheduler small = [machine = level().machine](mlir::Operation *op) {
    auto matmul = mlir::cast<kernel::MatmulOp>(op);
    auto shape = matmul.getResult().getType().getShape();
    int64_t columns = std::min(machine.vector, shape[4]);
    int64_t groups = cpu::groupBlocks(shape::ceilDiv(shape[1], machine.vector)).count();
    return cpu::matmulTileSchedule(matmul, machine, {columns, std::min<int64_t>(2, groups), 1});
  };
  for (MatmulCase c : matmulCases)
    for (int way = 0; way < 8; ++way) {
      c.turnsLhs = way & 1;
      c.turnsRhs = way & 2;
      c.bfloat16 = way & 4;
      c.block = level().machine.vector;
      check(matmulText(c), describe(c));
      check(matmulText(c), describe(c), small);
    }
}

Case grouped(int64_t groups, Case c) {
  c.groups = groups;
  return c;
}

/// One channel a group, few, and blocks of them; more on one side; lanes that are no channels.
const std::vector<Case> groupedCases = {
    grouped(20, {2, 20, 20, {3, 7, 13}, half({3, 3, 3}), "bn_relu", "bias_relu"}),
    grouped(40, {2, 40, 40, {5, 8, 9}, half({3, 3, 3}, {2, 2, 2}), "bn_relu", "mask"}),
    grouped(24, {1, 24, 24, {2, 11, 30}, half({1, 5, 5}, {1, 2, 2}), "bn_relu", "lattice"}),
    grouped(9, {1, 9, 9, {6, 5, 5}, half({5, 1, 1}), "none", "identity"}),
    grouped(17, {2, 17, 17, {1, 7, 7}, half({3, 3, 3}), "bn_relu", "residual"}),
    grouped(16, {1, 16, 16, {6, 11, 10}, window({3, 2, 5}, {2, 3, 2}, {0, 1, 3}, {2, 1, 0})}),
    grouped(16, {1, 16, 16, {6, 5, 5}, {{3, 1, 3}, {1, 1, 1}, {2, 0, 2}, {2, 0, 2}, {2, 1, 2}}}),
    grouped(16, {1, 16, 32, {3, 6, 7}, half({3, 3, 3}), "bn_relu", "moments"}),
    grouped(10, {1, 30, 20, {2, 6, 7}, half({1, 3, 3}), "bn_relu", "mask"}),
    grouped(8, {2, 32, 32, {2, 7, 9}, half({3, 3, 3}, {1, 2, 2}), "bn_relu", "gate"}),
    grouped(7, {1, 42, 42, {3, 5, 6}, half({3, 3, 3}), "bn_relu", "mask"}),
    grouped(4, {2, 48, 48, {3, 4, 5}, half({1, 1, 1}), "bn_relu", "moments"}),
    grouped(2, {1, 46, 46, {2, 3, 4}, half({1, 3, 3}), "bn_relu", "moments"}),
    grouped(2, {1, 48, 48, {3, 5, 5}, half({3, 3, 3}, {2, 1, 1}), "bn_relu", "residual"}),
    grouped(3, {1, 96, 48, {2, 5, 6}, half({1, 3, 3}, {1, 2, 2}), "bn_relu", "bias_relu"}),
    grouped(6, {1, 12, 18, {5, 7, 9}, window({2, 3, 4}, {1, 2, 3}, {1, 0, 2}, {0, 2, 1}), "bn_relu", "mask"}),
};

TEST_P(GroupTile, Forward) {
  for (const auto &c : groupedCases)
    checkGroups(forwardText(at(c)), at(c));
}

TEST_P(GroupTile, Transposed) {
  for (Case c : groupedCases) {
    c.prologue = c.prologue == "none" ? "none" : "bn_dz";
    checkGroups(transposedText(at(c)), at(c));
  }
}

TEST_P(GroupTile, WeightGrad) {
  for (const auto &c : groupedCases)
    checkGroups(weightGradText(at(c)), at(c));
}

TEST_P(BFloat16Tile, Groups) {
  for (size_t i = 1; i < groupedCases.size(); i += 4) {
    Case c = narrow(at(groupedCases[i]));
    check(forwardText(c), describe(c));
    check(transposedText(c), describe(c));
    check(weightGradText(c), describe(c));
  }
}

std::string levelName(const testing::TestParamInfo<cpu::Level> &info) {
  std::string name = info.param.name.str();
  std::replace_if(name.begin(), name.end(), [](char c) { return !std::isalnum(c); }, '_');
  return name;
}

/// In f32, levels with pairs have the code of those without.
std::vector<cpu::Level> singleLevels() {
  std::vector<cpu::Level> found;
  std::ranges::copy_if(cpu::levels, std::back_inserter(found),
                       [](const cpu::Level &level) { return !level.machine.multipliesPairs; });
  return found;
}

INSTANTIATE_TEST_SUITE_P(Levels, ConvTile, testing::ValuesIn(singleLevels()), levelName);
INSTANTIATE_TEST_SUITE_P(Levels, WeightGradTile, testing::ValuesIn(singleLevels()), levelName);
INSTANTIATE_TEST_SUITE_P(Levels, MatmulTile, testing::ValuesIn(singleLevels()), levelName);
INSTANTIATE_TEST_SUITE_P(Levels, GroupTile, testing::ValuesIn(singleLevels()), levelName);
INSTANTIATE_TEST_SUITE_P(Levels, BFloat16Tile, testing::ValuesIn(cpu::levels), levelName);

} // namespace
