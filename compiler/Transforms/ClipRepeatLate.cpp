#include "compiler/Transforms/ClipFunctions.h"
#include "compiler/Transforms/Passes.h"

#include "llvm/ADT/MapVector.h"

namespace kinema {
#define GEN_PASS_DEF_CLIPREPEATLATE
#include "compiler/Transforms/Passes.h.inc"
} // namespace kinema

using namespace mlir;
using namespace kinema;
using namespace kinema::clip;

//===-- Arrangements ------------------------------------------------------===//

/// Returns an arrangement whose factors have other sizes; those of size 1 are left out.
static ArrangementAttr resized(ArrangementAttr how, ArrayRef<int64_t> sizes) {
  SmallVector<int64_t> number(sizes.size()), left;
  for (auto [factor, size] : llvm::enumerate(sizes)) {
    number[factor] = left.size();
    if (size != 1)
      left.push_back(size);
  }
  auto side = [&](auto factorsOf, SmallVector<int64_t> &counts) {
    SmallVector<int64_t> factors;
    for (unsigned axis = 0; axis < 5; ++axis) {
      size_t before = factors.size();
      for (int64_t factor : factorsOf(axis))
        if (sizes[factor] != 1)
          factors.push_back(number[factor]);
      counts.push_back(factors.size() - before);
    }
    return factors;
  };
  SmallVector<int64_t> sourceCounts, targetCounts;
  auto source = side([&](unsigned axis) { return how.sourceFactors(axis); }, sourceCounts);
  auto target = side([&](unsigned axis) { return how.targetFactors(axis); }, targetCounts);
  return ArrangementAttr::get(how.getContext(), left, source, sourceCounts, target, targetCounts);
}

/// Returns an arrangement in which the first factor of N has another size.
static ArrangementAttr withFirst(ArrangementAttr how, int64_t size) {
  auto sizes = llvm::to_vector(how.getSizes());
  sizes[how.targetFactors(0).front()] = size;
  return resized(how, sizes);
}

/// Returns how many times an arrangement repeats all of its result; 1 where it does not.
static int64_t repetitionOf(ArrangementAttr how) {
  ArrayRef<int64_t> first = how.targetFactors(0).take_front();
  return first.empty() || llvm::is_contained(how.getSource(), first[0]) ? 1 : how.getSizes()[first[0]];
}

/// Returns what an arrangement of so many equal clips is for one of them; null where it does not leave clips
/// the first factor of N.
static ArrangementAttr ofOneClip(ArrangementAttr how, int64_t clips) {
  ArrayRef<int64_t> source = how.sourceFactors(0).take_front(), target = how.targetFactors(0).take_front();
  if (source.empty() || source != target || how.getSizes()[source[0]] % clips)
    return {};
  return withFirst(how, how.getSizes()[source[0]] / clips);
}

/// Returns the arrangement that also repeats its result so many times; null where that is a factor too many.
static ArrangementAttr repeated(ArrangementAttr how, int64_t clips) {
  if (how.getSizes().size() == ArrangementAttr::mostFactors)
    return {};
  auto sizes = llvm::to_vector(how.getSizes()), target = llvm::to_vector(how.getTarget()),
       targetCounts = llvm::to_vector(how.getTargetCounts());
  target.insert(target.begin(), int64_t(sizes.size()));
  sizes.push_back(clips);
  ++targetCounts[0];
  return ArrangementAttr::get(how.getContext(), sizes, how.getSource(), how.getSourceCounts(), target,
                              targetCounts);
}

/// Returns the arrangement that leaves a tensor as it is.
static ArrangementAttr identity(RankedTensorType type) {
  constexpr int64_t factors[] = {0, 1, 2, 3, 4}, counts[] = {1, 1, 1, 1, 1};
  auto how = ArrangementAttr::get(type.getContext(), type.getShape(), factors, counts, factors, counts);
  return resized(how, how.getSizes());
}

//===-- Values that are the same for all clips ----------------------------===//

namespace {

/// Makes one function's values late that are the same for all clips.
class Repeats {
public:
  explicit Repeats(func::FuncOp function) : block(function.front()), kept(featuredValues(function)) {}

  void run();
  int64_t operations = 0, repetitions = 0;

private:
  /// What a value is for one clip, and for how many it is the same. Where an arrangement makes it of another
  /// such value, `source` and `how` are that value and the arrangement for one clip.
  struct Repeated {
    Value one;
    int64_t clips;
    Value source;
    ArrangementAttr how;
  };

  void visit(Operation &op);
  std::optional<Repeated> arrange(ArrangeOp op);
  int64_t clipsOf(Operation &op) const;
  Value doOnce(Operation &op, int64_t clips);
  void settle(Operation &op, const Repeated &value);
  void clearMade();

  Block &block;
  SmallVector<Value> kept;
  llvm::MapVector<Operation *, Repeated> known; // by what makes the values for all clips
  SmallVector<Operation *> made;
};

} // namespace

/// Returns the operands that have clips. Those of a conv are not its weight and its bias.
static MutableArrayRef<OpOperand> clipOperands(Operation &op) {
  return isa<ConvOp>(op) ? op.getOpOperands().take_front() : op.getOpOperands();
}

/// Returns how many clips the result of an operation is the same for, as its operands are: they are repeated
/// as often, or belong to channels, or are spread over clips. Returns 1 where it may differ.
int64_t Repeats::clipsOf(Operation &op) const {
  if (op.getNumResults() != 1 || !worksClipByClip(&op))
    return 1;
  int64_t clips = 1;
  for (OpOperand &operand : clipOperands(op)) {
    auto repeated = known.find(operand.get().getDefiningOp());
    RankedTensorType type = tensorOf(operand.get());
    if (repeated == known.end() && (type.getRank() == 1 || type.getDimSize(0) == 1))
      continue;
    if (repeated == known.end() || (clips != 1 && clips != repeated->second.clips))
      return 1;
    clips = repeated->second.clips;
  }
  return clips;
}

Value Repeats::doOnce(Operation &op, int64_t clips) {
  Operation *once = OpBuilder(&op).clone(op);
  for (OpOperand &operand : clipOperands(*once))
    if (auto repeated = known.find(operand.get().getDefiningOp()); repeated != known.end())
      operand.set(repeated->second.one);
  RankedTensorType type = tensorOf(once->getResult(0));
  auto shape = llvm::to_vector(type.getShape());
  shape[0] /= clips;
  once->getResult(0).setType(type.clone(shape));
  made.push_back(once);
  return once->getResult(0);
}

std::optional<Repeats::Repeated> Repeats::arrange(ArrangeOp op) {
  Repeated result;
  if (auto repeated = known.find(op.getX().getDefiningOp()); repeated != known.end()) {
    result.clips = repeated->second.clips;
    result.source = repeated->second.one;
    result.how = ofOneClip(op.getHow(), result.clips);
  }
  if (!result.how && repetitionOf(op.getHow()) != 1)
    result = {Value(), repetitionOf(op.getHow()), op.getX(), withFirst(op.getHow(), 1)};
  if (!result.how)
    return std::nullopt;
  OpBuilder builder(op);
  result.one = builder.createOrFold<ArrangeOp>(op.getLoc(), result.source, result.how);
  if (result.one != result.source)
    made.push_back(result.one.getDefiningOp());
  return result;
}

void Repeats::visit(Operation &op) {
  if (auto arrangement = dyn_cast<ArrangeOp>(op)) {
    if (auto result = arrange(arrangement))
      known[&op] = *result;
  } else if (int64_t clips = clipsOf(op); clips != 1) {
    known[&op] = {doOnce(op, clips), clips, Value(), ArrangementAttr()};
  }
}

/// Erases what was made for all clips. Where others than such values are made of it, a repetition takes its
/// place.
void Repeats::settle(Operation &op, const Repeated &value) {
  Value all = op.getResult(0);
  bool isNeeded = !all.use_empty() || llvm::is_contained(kept, all);
  if (isNeeded && value.source == op.getOperand(0))
    return; // the arrangement's operand is there for one clip: it stays
  if (isNeeded) {
    ArrangementAttr how = value.how ? repeated(value.how, value.clips) : ArrangementAttr();
    Value from = how ? value.source : value.one;
    if (!how)
      how = repeated(identity(tensorOf(from)), value.clips);
    OpBuilder builder(&op);
    all.replaceAllUsesWith(ArrangeOp::create(builder, op.getLoc(), from, how));
    ++repetitions;
  }
  op.erase();
}

/// Erases what was made for one clip and is not needed: arrangements that repeat at once.
void Repeats::clearMade() {
  for (Operation *op : llvm::reverse(made)) {
    if (op->use_empty())
      op->erase();
    else
      ++operations;
  }
}

void Repeats::run() {
  for (Operation &op : llvm::make_early_inc_range(block))
    visit(op);
  for (auto &[op, value] : llvm::reverse(known))
    settle(*op, value);
  clearMade();
}

namespace {
struct ClipRepeatLatePass : kinema::impl::ClipRepeatLateBase<ClipRepeatLatePass> {
  using Base::Base;
  void runOnOperation() override {
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      if (function.isExternal())
        continue;
      Repeats repeats(function);
      repeats.run();
      operations += repeats.operations;
      repetitions += repeats.repetitions;
    }
  }
};
} // namespace
