// The products of warps (mma.sync): a warp loads fragments of operands into its registers and multiplies them
// at once. Four warps with 16 rows each make a sum, of which a thread holds what it holds of a warpgroup's.
#include "compiler/Target/NVGPU/Contract.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::nvidia;

namespace {
class WarpContract final : public Contract {
public:
  using Contract::begin;
  using Contract::Contract;

  Matrix matrix(Value at, int64_t leading, int64_t stride, bool contractedFastest) override {
    return {w.word(at), leading, stride, contractedFastest};
  }
  Sums begin(ValueRange sums, ArrayRef<Factors> factors, int64_t depth) override;
  Sums proceed(ValueRange sums, ArrayRef<Factors> factors, int64_t from, int64_t to) override;
  Value follow(const Ring &ring, Value step, Value first) override;
  void finish(Value number, ArrayRef<Read> read) override;

private:
  using Registers = SmallVector<Value>; // of a sum
  using Words = SmallVector<Value>;     // of a fragment, two halves each
  /// Holds the fragments of the terms of a number: of the number itself, and of what rounding has left.
  struct Terms {
    Words number, rest;
  };

  bool met = false; // whether the warp's threads meet behind the products that were written last

  SmallVector<Registers> registersOf(ValueRange sums);
  Sums sumsOf(ArrayRef<Registers> registers);
  Words load(const Matrix &matrix, Value ofLane, int64_t matrices);
  Terms loadTerms(const Matrix &matrix, Value ofLane, int64_t matrices);
  Value rowsOfLane(const Matrix &rows);
  Value columnsOfLane(const Matrix &columns);
  void multiply(MutableArrayRef<Registers> sums, ArrayRef<Factors> factors);
  void multiplyBySame(ArrayRef<Registers *> sums, ArrayRef<Matrix> rows, const Matrix &columns);
  void product(Registers &sum, int64_t group, ArrayRef<Value> rows, ArrayRef<Value> columns);
};
} // namespace

std::unique_ptr<Contract> nvidia::contractOfWarps(WarpgroupEmitter &w, const Pipeline &pipeline,
                                                  const SumsPlan &plan) {
  return std::make_unique<WarpContract>(w, pipeline, plan);
}

//===-- Sums --------------------------------------------------------------===//

SmallVector<WarpContract::Registers> WarpContract::registersOf(ValueRange sums) {
  SmallVector<Registers> all;
  for (Value sum : sums) {
    Registers &registers = all.emplace_back();
    for (int64_t i = 0; i < ProductShape::accumulators(plan.columns); ++i)
      registers.push_back(LLVM::ExtractValueOp::create(e.b, e.loc, sum, i));
  }
  return all;
}

Contract::Sums WarpContract::sumsOf(ArrayRef<Registers> registers) {
  Sums sums;
  for (const Registers &some : registers) {
    Value sum = LLVM::PoisonOp::create(e.b, e.loc, sumType());
    for (auto [i, value] : llvm::enumerate(some))
      sum = LLVM::InsertValueOp::create(e.b, e.loc, sum, value, int64_t(i));
    sums.push_back(sum);
  }
  return sums;
}

//===-- Fragments of operands ---------------------------------------------===//

/// Loads so many core matrices, of each of which the lanes name the rows in memory, eight lanes one matrix. A
/// thread gets the words of row lane / 4 and the contracted numbers 2 * (lane % 4) and the next.
WarpContract::Words WarpContract::load(const Matrix &matrix, Value ofLane, int64_t matrices) {
  auto byte = e.b.getI8Type();
  Value base = arith::AddIOp::create(e.b, e.loc, matrix.start, ofLane);
  Value at =
      LLVM::GEPOp::create(e.b, e.loc, e.scratch.getType(), byte, e.scratch, ArrayRef<LLVM::GEPArg>{base});
  at =
      LLVM::GEPOp::create(e.b, e.loc, at.getType(), byte, at, ArrayRef<LLVM::GEPArg>{int32_t(matrix.offset)});
  SmallVector<Type> words(matrices, e.b.getI32Type());
  auto layout = matrix.contractedFastest ? NVVM::MMALayout::row : NVVM::MMALayout::col;
  Value loaded = NVVM::LdMatrixOp::create(
      e.b, e.loc, LLVM::LLVMStructType::getLiteral(e.b.getContext(), words), at, int32_t(matrices), layout,
      NVVM::LdStMatrixShapeAttr::get(e.b.getContext(), 8, 8), NVVM::LdStMatrixEltType::B16);
  Words all;
  for (int64_t i = 0; i < matrices; ++i)
    all.push_back(LLVM::ExtractValueOp::create(e.b, e.loc, loaded, i));
  return all;
}

WarpContract::Terms WarpContract::loadTerms(const Matrix &matrix, Value ofLane, int64_t matrices) {
  Terms terms{load(matrix, ofLane, matrices), {}};
  if (matrix.rest)
    terms.rest = load(matrix.behind(matrix.rest), ofLane, matrices);
  return terms;
}

/// Returns how far from the start the lane's row of the rows' fragment lies: the matrices are rows and the
/// next eight, then the same of the next eight contracted numbers.
Value WarpContract::rowsOfLane(const Matrix &rows) {
  Value warpOfGroup = e.div(e.rem(e.thread, warpgroup), warp), eight = e.div(w.lane(), 8);
  Value strides = e.add(e.mul(warpOfGroup, 2), e.rem(eight, 2));
  Value at = e.add(e.mul(strides, rows.stride), e.mul(e.div(eight, 2), rows.leading));
  return w.word(e.add(at, e.mul(e.rem(w.lane(), 8), positionBytes)));
}

/// Returns the same for two groups of 8 columns: the matrices are eight contracted numbers and the next
/// eight, then the same of the next group.
Value WarpContract::columnsOfLane(const Matrix &columns) {
  Value eight = e.div(w.lane(), 8);
  Value at = e.add(e.mul(e.rem(eight, 2), columns.leading), e.mul(e.div(eight, 2), columns.stride));
  return w.word(e.add(at, e.mul(e.rem(w.lane(), 8), positionBytes)));
}

//===-- Products ----------------------------------------------------------===//

/// Adds the product of 16 rows by a group of 8 columns to the group's registers.
void WarpContract::product(Registers &sum, int64_t group, ArrayRef<Value> rows, ArrayRef<Value> columns) {
  using NVVM::MMALayout;
  using NVVM::MMATypes;
  constexpr int64_t held = 4; // registers of a group
  MMATypes half = plan.half.isF16() ? MMATypes::f16 : MMATypes::bf16;
  auto *registers = sum.begin() + held * group;
  SmallVector<Type> types(held, e.b.getF32Type());
  auto fragment = [&](ArrayRef<Value> words) { // of bfloat16, the dialect takes the words as they are
    auto pair = VectorType::get({2}, e.b.getF16Type());
    return llvm::map_to_vector(words, [&](Value word) -> Value {
      return plan.half.isF16() ? LLVM::BitcastOp::create(e.b, e.loc, pair, word).getResult() : word;
    });
  };
  Value result = NVVM::MmaOp::create(
      e.b, e.loc, LLVM::LLVMStructType::getLiteral(e.b.getContext(), types), fragment(rows),
      fragment(columns), ArrayRef<Value>(registers, held), ArrayRef<int64_t>{16, 8, ProductShape::depth},
      std::nullopt, std::nullopt, std::array{half, half}, std::array{MMALayout::row, MMALayout::col});
  for (int64_t i = 0; i < held; ++i)
    registers[i] = LLVM::ExtractValueOp::create(e.b, e.loc, result, i);
}

/// Multiplies several rows by the same columns, whose fragments are loaded once, two groups of 8 at a time.
void WarpContract::multiplyBySame(ArrayRef<Registers *> sums, ArrayRef<Matrix> rows, const Matrix &columns) {
  constexpr int64_t ofRows = 4, ofGroup = 2; // matrices
  SmallVector<Terms> loaded;
  for (const Matrix &some : rows)
    loaded.push_back(loadTerms(some, rowsOfLane(some), ofRows));
  Value ofLane = columnsOfLane(columns);
  int64_t groups = plan.columns / blockChannels;
  for (int64_t group = 0; group < groups; group += 2) {
    int64_t together = std::min<int64_t>(2, groups - group);
    Terms both = loadTerms(columns.behind(group * columns.stride), ofLane, together * ofGroup);
    for (int64_t i = 0; i < together; ++i)
      for (auto [sum, ofSum] : llvm::zip_equal(sums, loaded)) {
        auto column = ArrayRef(both.number).slice(i * ofGroup, ofGroup);
        if (columns.rest) {
          product(*sum, group + i, ofSum.rest, column);
          product(*sum, group + i, ofSum.number, ArrayRef(both.rest).slice(i * ofGroup, ofGroup));
        }
        product(*sum, group + i, ofSum.number, column);
      }
  }
}

/// Multiplies over as many contracted numbers as a product has.
void WarpContract::multiply(MutableArrayRef<Registers> sums, ArrayRef<Factors> factors) {
  met = false;
  SmallVector<bool> done(sums.size(), false);
  for (size_t first = 0; first < sums.size(); ++first) {
    if (done[first])
      continue;
    SmallVector<Registers *> same;
    SmallVector<Matrix> rows;
    for (size_t i = first; i < sums.size(); ++i)
      if (!done[i] && factors[i].columns == factors[first].columns) {
        done[i] = true;
        same.push_back(&sums[i]);
        rows.push_back(factors[i].rows);
      }
    multiplyBySame(same, rows, factors[first].columns);
  }
}

Contract::Sums WarpContract::begin(ValueRange before, ArrayRef<Factors> factors, int64_t depth) {
  SmallVector<Registers> sums = registersOf(before);
  for (int64_t k = 0; k < depth / ProductShape::depth; ++k) {
    SmallVector<Factors> moved;
    for (const Factors &factor : factors)
      moved.push_back(factor.step(k));
    multiply(sums, moved);
  }
  return sumsOf(sums);
}

Contract::Sums WarpContract::proceed(ValueRange before, ArrayRef<Factors> factors, int64_t from, int64_t to) {
  return e.loop(e.index(from), e.index(to), ProductShape::depth, before, [&](Value k, ValueRange carried) {
    auto moved = [&](Matrix matrix) {
      Value distance = w.word(e.mul(k, matrix.leading / 8));
      matrix.start = arith::AddIOp::create(e.b, e.loc, matrix.start, distance);
      return matrix;
    };
    SmallVector<Factors> there;
    for (const Factors &factor : factors)
      there.push_back({moved(factor.rows), moved(factor.columns)});
    SmallVector<Registers> sums = registersOf(carried);
    multiply(sums, there);
    return sumsOf(sums);
  });
}

/// The products of this step have read their stage as well, but it is freed with the next step, as one that
/// products read while they run.
Value WarpContract::follow(const Ring &ring, Value step, Value first) {
  Value follows = w.less(first, step);
  w.warpMeets();
  met = true;
  ring.free(e.sub(step, e.index(1)), follows);
  return follows;
}

/// Products have been made when they are written, but each thread has read stages by itself.
void WarpContract::finish(Value, ArrayRef<Read> read) {
  if (!met && llvm::any_of(read, [](const Read &stage) { return stage.ring.plan.refilled; }))
    w.warpMeets();
  for (const auto &[ring, step, condition] : read)
    ring.free(step, condition);
}
