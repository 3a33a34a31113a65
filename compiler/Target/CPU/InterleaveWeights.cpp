#include "compiler/Target/CPU/InterleaveWeights.h"

#include "compiler/Target/CPU/Blocks.h"
#include "compiler/Target/CPU/Layouts.h"
#include "compiler/Target/CPU/Stage.h"
#include "compiler/Target/Common/ScheduleParameters.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::cpu;

/// Returns whether the weight lies in pairs of output channels, for a data gradient.
static bool isExchanged(RankedTensorType paired, int64_t lanes) {
  return kernel::layoutOf(paired) ==
         interleavedWeight(paired.getContext(), {lanes, lanes, /*exchanged=*/true});
}

namespace {

/// A InterleaveWeights is a weight as matrices [reduce][lanes], one for each pair of channel blocks and tap.
struct InterleaveWeights {
  int64_t outBlocks, inBlocks, taps, reduce, lanes;
  bool exchanged;

  InterleaveWeights(kernel::ConvertOp op, const Machine &machine) : lanes(machine.vector) {
    auto source = tensorOf(op->getOperand(0)), result = tensorOf(op->getResult(0));
    auto shape = source.getShape(); // [O, I, T, H, W]
    reduce = kernel::layoutOf(source).blockOf(1);
    outBlocks = shape::ceilDiv(shape[0], lanes);
    inBlocks = shape::ceilDiv(shape[1], reduce);
    taps = shape[2] * shape[3] * shape[4];
    exchanged = isExchanged(result, lanes);
  }
  int64_t matrices() const { return outBlocks * inBlocks * taps; }
  int64_t elements() const { return reduce * lanes; } // those of a matrix
};

class InterleaveWeightsEmitter {
public:
  InterleaveWeightsEmitter(const InterleaveWeights &weights, KernelEmitter &e) : weights(weights), e(e) {}

  void emit(Value matrix) { weights.exchanged ? emitExchanged(matrix) : emitStraight(matrix); }

private:
  /// Returns row `i` of the source's matrix at `at`, as bfloat16 holds it.
  Value row(Value at, int64_t i) {
    Value values = e.loadVector(e.operands[0], e.add(at, i * weights.lanes), weights.lanes);
    Type narrow = VectorType::get({weights.lanes}, e.b.getBF16Type());
    Value rounded = arith::TruncFOp::create(e.b, e.loc, narrow, values);
    return arith::ExtFOp::create(e.b, e.loc, values.getType(), rounded);
  }
  /// Stores a row of pairs, each a word.
  void store(Value words, Value matrix, int64_t row) {
    auto pairs = VectorType::get({2 * weights.lanes}, e.b.getBF16Type());
    e.storeVector(vector::BitCastOp::create(e.b, e.loc, pairs, words), e.results[0],
                  e.add(e.mul(matrix, weights.elements()), 2 * row * weights.lanes));
  }
  void emitStraight(Value matrix);
  void emitExchanged(Value matrix);

  const InterleaveWeights &weights;
  KernelEmitter &e;
};

/// Makes each two rows of output channels one row of pairs.
void InterleaveWeightsEmitter::emitStraight(Value matrix) {
  Value at = e.mul(matrix, weights.elements());
  for (int64_t pair = 0; pair < weights.reduce / 2; ++pair)
    store(columnPairs(e, row(at, 2 * pair), row(at, 2 * pair + 1)), matrix, pair);
}

/// Turns the matrix: each row of output channels becomes half a vector of pairs, of which two go side by
/// side.
void InterleaveWeightsEmitter::emitExchanged(Value matrix) {
  int64_t lanes = weights.lanes, half = lanes / 2;
  Value tap = e.rem(matrix, weights.taps), blocks = e.div(matrix, weights.taps);
  Value in = e.div(blocks, weights.outBlocks), out = e.rem(blocks, weights.outBlocks);
  Value from = e.add(e.mul(e.add(e.mul(out, weights.inBlocks), in), weights.taps), tap);
  Value at = e.mul(from, weights.elements());
  auto bothHalves = llvm::to_vector(llvm::seq<int64_t>(0, lanes));
  SmallVector<Value> rows;
  for (int64_t i = 0; i < half; ++i)
    rows.push_back(vector::ShuffleOp::create(e.b, e.loc, channelPairs(e, row(at, i)),
                                             channelPairs(e, row(at, half + i)), bothHalves));
  turn(e, rows);
  for (auto [pair, words] : llvm::enumerate(rows))
    store(words, matrix, pair);
}

} // namespace

std::optional<kernel::ScheduleAttr> kinema::cpu::interleaveWeightsSchedule(kernel::ConvertOp op,
                                                                           const Machine &machine) {
  if (!machine.multipliesPairs || op->getNumOperands() != 1)
    return std::nullopt;
  auto source = tensorOf(op->getOperand(0)), result = tensorOf(op->getResult(0));
  auto from = weightBlocksOf(source);
  int64_t lanes = machine.vector;
  if (!from || source.getRank() != 5 || *from != WeightBlocks{lanes, from->reduce} || from->reduce % 2 != 0)
    return std::nullopt;
  bool isPaired = kernel::layoutOf(result) == interleavedWeight(op.getContext(), *from);
  if ((!isPaired && (from->reduce != lanes || !isExchanged(result, lanes))) ||
      !source.getElementType().isF32() || !result.getElementType().isBF16())
    return std::nullopt;
  constexpr int64_t mostBlocks = 64;
  int64_t grid = std::min(mostBlocks, InterleaveWeights(op, machine).matrices());
  return makeSchedule(op.getContext(), interleaveWeightsName, {grid});
}

void kinema::cpu::emitInterleaveWeights(kernel::ConvertOp op, KernelEmitter &e) {
  InterleaveWeights weights(op, e.machine);
  Shares shares{weights.matrices(), op.getSchedule()->getGrid()};
  e.forEachBlock([&](Value part) {
    auto [from, to] = emitShare(e, shares, part);
    e.loop(from, to, 1, [&](Value matrix) { InterleaveWeightsEmitter(weights, e).emit(matrix); });
  });
}
