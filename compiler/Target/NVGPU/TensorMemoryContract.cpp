// The products that one thread of a warpgroup begins (tcgen05) and whose sums lie in tensor memory. They run
// in the order in which they were begun; mbarriers tell when they have ended, so that nobody waits for them
// but those who read the sums.
#include "compiler/Target/NVGPU/SharedMemoryContract.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::nvidia;

namespace {
/// While products run, what is carried for a sum says whether any has been added to it (i1).
class TensorMemoryContract final : public SharedMemoryContract {
public:
  using Contract::begin;
  using SharedMemoryContract::SharedMemoryContract;

  Sums zero(int64_t count) override { return Sums(count, flag(false)); }
  Sums begin(ValueRange sums, ArrayRef<Factors> factors, int64_t depth) override;
  Sums proceed(ValueRange sums, ArrayRef<Factors> factors, int64_t from, int64_t to) override;
  void await(const Ring &ring, Value step) override;
  void free(const Ring &ring, Value step, Value condition) override;
  Value follow(const Ring &ring, Value step, Value first) override;
  void finish(Value number, ArrayRef<Read> read) override;
  Held hold(ValueRange sums, int64_t tile, int64_t tiles, int64_t group, int64_t most) override;
  void release(bool last) override;

private:
  /// An address of tensor memory is a word: its lower half counts columns, its upper half lanes.
  static constexpr int64_t oneLane = 1 << 16, halfOfWarp = warp / 2;

  Value flag(bool value) { return arith::ConstantIntOp::create(e.b, e.loc, value, 1); }
  void issue(function_ref<void()> body);
  Value placeOf(int64_t sum);
  void products(ValueRange added, ArrayRef<Factors> factors);
  void product(Value place, Value added, const Factors &factors);
  void commit(Value barrier, int64_t cluster = 1);
  Value partOf(int64_t sum);
  SmallVector<Value> load(Value place, int64_t groups);
  Value sumOf(ArrayRef<Value> loaded, int64_t groups);
};
} // namespace

std::unique_ptr<Contract> nvidia::contractOfTensorMemory(WarpgroupEmitter &w, const Pipeline &pipeline,
                                                         const SumsPlan &plan) {
  return std::make_unique<TensorMemoryContract>(w, pipeline, plan);
}

/// Runs the body in the one thread of the warpgroup that begins products: it is always the same (PTX ISA,
/// "elect.sync"), since what it commits are its own products. Only it may wait for stages, too. They may be
/// filled again as soon as its products have ended, and a slower warp would take a later phase for the one it
/// waits for.
void TensorMemoryContract::issue(function_ref<void()> body) {
  e.when(pipeline.isFirstWarp, [&] { e.when(w.elected(), body); });
}

//===-- Sums --------------------------------------------------------------===//

/// Each two sums have the same columns: each has half of the lanes of every warp or, where they are joined,
/// all lanes of two warps (PTX ISA, "Data path layout organization", M = 64 and M = 128).
Value TensorMemoryContract::placeOf(int64_t sum) {
  Value number = e.add(e.mul(pipeline.consumer, plan.count), sum);
  Value column = e.add(e.mul(e.div(number, 2), plan.pitch()), plan.firstColumn);
  Value place = arith::AddIOp::create(e.b, e.loc, pipeline.tensorMemory, w.word(column));
  if (plan.joins)
    return place;
  Value lanes = w.word(e.mul(e.rem(number, 2), halfOfWarp * oneLane));
  return arith::AddIOp::create(e.b, e.loc, place, lanes);
}

//===-- Products ----------------------------------------------------------===//

/// Begins one product (PTX ISA, "tcgen05.mma", "Instruction descriptor").
void TensorMemoryContract::product(Value place, Value added, const Factors &factors) {
  constexpr int64_t f32Sums = 1 << 4, bf16Rows = 1 << 7, bf16Columns = 1 << 10, rowsFastest = 1 << 15,
                    columnsFastest = 1 << 16, version = int64_t(1) << 46;
  int64_t rows = ProductShape::rows * (plan.joins ? 2 : 1);
  int64_t halves = plan.half.isF16() ? 0 : bf16Rows | bf16Columns;
  int64_t kind = f32Sums | halves | (factors.rows.contractedFastest ? 0 : rowsFastest) |
                 (factors.columns.contractedFastest ? 0 : columnsFastest) | (plan.columns / 8) << 17 |
                 (rows / 16) << 24;
  NVVM::Tcgen05MMAOp::create(e.b, e.loc, NVVM::Tcgen05MMAKind::F16, NVVM::CTAGroupKind::CTA_1,
                             NVVM::Tcgen05MMACollectorOp::DISCARD, /*aShift=*/false, w.tensorPointer(place),
                             descriptor(factors.rows, version), descriptor(factors.columns, version),
                             w.word(kind), added, Value(), Value());
}

/// Begins products over as many contracted numbers as one has, of all sums. Those of joined sums are made by
/// the first one's rows, behind which the second one's lie.
void TensorMemoryContract::products(ValueRange added, ArrayRef<Factors> factors) {
  for (size_t i = 0; i < factors.size(); i += plan.joins ? 2 : 1) {
    auto [rows, columns] = factors[i];
    Value place = placeOf(i), before = added[i];
    auto add = [&](const Matrix &rows, const Matrix &columns) {
      product(place, before, {rows, columns});
      before = flag(true);
    };
    if (rows.rest) {
      add(rows.behind(rows.rest), columns);
      add(rows, columns.behind(columns.rest));
    }
    add(rows, columns);
  }
}

Contract::Sums TensorMemoryContract::begin(ValueRange sums, ArrayRef<Factors> factors, int64_t depth) {
  issue([&] {
    for (int64_t k = 0; k < depth / ProductShape::depth; ++k) {
      SmallVector<Factors> there;
      for (const Factors &factor : factors)
        there.push_back(factor.step(k));
      products(k == 0 ? Sums(sums) : Sums(sums.size(), flag(true)), there);
    }
  });
  return Sums(sums.size(), flag(true));
}

Contract::Sums TensorMemoryContract::proceed(ValueRange sums, ArrayRef<Factors> factors, int64_t from,
                                             int64_t to) {
  issue([&] {
    e.loop(e.index(from), e.index(to), ProductShape::depth, [&](Value first) {
      SmallVector<Factors> there;
      for (const Factors &factor : factors)
        there.push_back({moved(factor.rows, first), moved(factor.columns, first)});
      products(sums, there);
    });
  });
  return Sums(sums);
}

//===-- Who waits for whom ------------------------------------------------===//

void TensorMemoryContract::await(const Ring &ring, Value step) {
  issue([&] { ring.waitFull(step); });
}

/// Has the mbarrier, in each block of the cluster, count an arrival when all products begun so far have
/// ended.
void TensorMemoryContract::commit(Value barrier, int64_t cluster) {
  Value blocks =
      cluster > 1 ? arith::ConstantIntOp::create(e.b, e.loc, (1 << cluster) - 1, 16).getResult() : Value();
  NVVM::Tcgen05CommitOp::create(e.b, e.loc, barrier, blocks, NVVM::CTAGroupKind::CTA_1);
}

void TensorMemoryContract::free(const Ring &ring, Value step, Value condition) {
  if (!ring.plan.refilled)
    return;
  issue([&] {
    auto freed = [&] { commit(ring.empty(step), ring.plan.cluster); };
    if (condition)
      e.when(condition, freed);
    else
      freed();
  });
}

/// The stage before becomes free when the products of this step have ended as well.
Value TensorMemoryContract::follow(const Ring &ring, Value step, Value first) {
  Value follows = w.less(first, step);
  free(ring, e.sub(step, e.index(1)), follows);
  return follows;
}

void TensorMemoryContract::finish(Value number, ArrayRef<Read> read) {
  for (const auto &[ring, step, condition] : read)
    free(ring, step, condition);
  issue([&] { commit(pipeline.productsEnd(pipeline.consumer)); });
  pipeline.awaitProducts(number);
  NVVM::Tcgen05FenceOp::create(e.b, e.loc, NVVM::Tcgen05FenceKind::AFTER_THREAD_SYNC);
}

//===-- Loads -------------------------------------------------------------===//

/// Returns the place of this warp's part of a sum: 16 lanes of those that the warp can load from.
Value TensorMemoryContract::partOf(int64_t sum) {
  Value warpOfGroup = w.broadcast(e.rem(e.div(e.thread, warp), warpsOfGroup));
  Value lanes = e.mul(warpOfGroup, warp * oneLane);
  if (plan.joins)
    lanes = e.add(lanes, sum % 2 * halfOfWarp * oneLane);
  return arith::AddIOp::create(e.b, e.loc, placeOf(sum), w.word(lanes));
}

/// Begins loads of so many groups of 8 columns, of which a thread gets the numbers that it holds of a product
/// of warps. A load has a power of two of them.
SmallVector<Value> TensorMemoryContract::load(Value place, int64_t groups) {
  constexpr int64_t mostGroups = 32;
  SmallVector<Value> loaded;
  for (int64_t group = 0, some; group < groups; group += some) {
    some = std::min<int64_t>(mostGroups, llvm::bit_floor(uint64_t(groups - group)));
    Value at = arith::AddIOp::create(e.b, e.loc, place, w.word(group * blockChannels));
    auto words = VectorType::get({SumsPlan::numbersOfGroup * some}, e.b.getI32Type());
    loaded.push_back(NVVM::Tcgen05LdOp::create(e.b, e.loc, words, /*pack=*/false,
                                               NVVM::Tcgen05LdStShape::SHAPE_16X256B, w.tensorPointer(at),
                                               Value()));
  }
  return loaded;
}

/// Puts what was loaded of a sum together.
Value TensorMemoryContract::sumOf(ArrayRef<Value> loaded, int64_t groups) {
  Value sum = LLVM::PoisonOp::create(e.b, e.loc, sumType(groups * blockChannels));
  int64_t number = 0;
  for (Value part : loaded) {
    int64_t count = cast<VectorType>(part.getType()).getNumElements();
    Value floats = vector::BitCastOp::create(e.b, e.loc, e.vectorType(count), part);
    for (int64_t i = 0; i < count; ++i) {
      Value element = vector::ExtractOp::create(e.b, e.loc, floats, i);
      sum = LLVM::InsertValueOp::create(e.b, e.loc, sum, element, number++);
    }
  }
  return sum;
}

Contract::Held TensorMemoryContract::hold(ValueRange, int64_t tile, int64_t tiles, int64_t group,
                                          int64_t most) {
  int64_t part = group / groupsOfPart(), inPart = group % groupsOfPart();
  Held held{{}, group, std::min(most, groupsOfPart() - inPart)};
  SmallVector<SmallVector<Value>> loaded;
  for (int64_t i = tile; i < tile + tiles; ++i) {
    Value place = partOf(i * plan.parts + part);
    place = arith::AddIOp::create(e.b, e.loc, place, w.word(inPart * blockChannels));
    loaded.push_back(load(place, held.groups));
  }
  NVVM::Tcgen05WaitOp::create(e.b, e.loc, NVVM::Tcgen05WaitKind::LOAD);
  for (ArrayRef<Value> ofTile : loaded)
    held.ofTiles.push_back(sumOf(ofTile, held.groups));
  return held;
}

/// Products may write to the place of the sums again once all warps have loaded their parts.
void TensorMemoryContract::release(bool last) {
  NVVM::Tcgen05FenceOp::create(e.b, e.loc, NVVM::Tcgen05FenceKind::BEFORE_THREAD_SYNC);
  if (last)
    return;
  w.meet(w.word(e.add(pipeline.consumer, NamedBarriers::ofSums)), warpgroup);
  NVVM::Tcgen05FenceOp::create(e.b, e.loc, NVVM::Tcgen05FenceKind::AFTER_THREAD_SYNC);
}
