// Implements the pass clip-move-arrangements.
#include "compiler/Transforms/ClipFunctions.h"
#include "compiler/Transforms/Passes.h"

#include "llvm/ADT/MapVector.h"

namespace kinema {
#define GEN_PASS_DEF_CLIPMOVEARRANGEMENTS
#include "compiler/Transforms/Passes.h.inc"
} // namespace kinema

using namespace mlir;
using namespace kinema;
using namespace kinema::clip;

static int64_t clipsOf(Value value) { return tensorOf(value).getDimSize(0); }

static bool makesClips(ArrangeOp arrangement) {
  return arrangement.getHow().movesPositionsAlone() &&
         clipsOf(arrangement.getX()) < clipsOf(arrangement.getResult());
}

static bool joinsClips(ArrangeOp arrangement) {
  return arrangement.getHow().movesPositionsAlone() &&
         clipsOf(arrangement.getX()) > clipsOf(arrangement.getResult());
}

/// Returns whether the operation is a conv that makes each position of the same position of its input.
static bool isPositionsConv(Operation *op) {
  auto conv = dyn_cast_or_null<ConvOp>(op);
  if (!conv)
    return false;
  shape::Window window = conv.getWindow().getWindow(), one;
  one.kernel = {1, 1, 1};
  return window == one;
}

/// Returns whether a batch norm reads the value: it goes with the conv that makes it.
static bool isNormalised(Value value) {
  return llvm::any_of(value.getUsers(), [](Operation *user) { return isa<BatchNormOp>(user); });
}

/// Returns whether the operation makes each element of its first operand's at the same place, and of values
/// that belong to channels.
static bool isPointwiseByChannel(Operation *op) {
  auto pointwise = dyn_cast_or_null<PointwiseOp>(op);
  return pointwise && pointwise.isPointwise() && op->getNumResults() == 1 && op->getNumOperands() > 0 &&
         tensorOf(op->getResult(0)).getRank() == 5 &&
         tensorOf(op->getOperand(0)).getShape() == tensorOf(op->getResult(0)).getShape() &&
         llvm::all_of(op->getOperands().drop_front(),
                      [](Value operand) { return tensorOf(operand).getRank() == 1; });
}

namespace {

/// Moves the arrangements of one function.
class Movements {
public:
  explicit Movements(func::FuncOp function) : block(function.front()), kept(featuredValues(function)) {}

  void run() {
    moveBehind();
    moveBefore();
  }
  int64_t convs = 0, joined = 0;

private:
  /// What a value is an arrangement of, and whether that has been made by convs behind the first arrangement.
  struct Arranged {
    Value of;
    ArrangementAttr how;
    bool moved = false;
  };

  void moveBehind();
  void moveBehind(Operation &op);
  void visit(ArrangeOp arrangement);
  void moveBefore();
  void moveBefore(ArrangeOp arrangement);
  bool isKept(Value value) const { return llvm::is_contained(kept, value); }
  /// Does an operation with another first operand, and returns the result.
  Value doWith(Operation &op, Value operand);

  Block &block;
  SmallVector<Value> kept;
  llvm::MapVector<Value, Arranged> known;
};

} // namespace

Value Movements::doWith(Operation &op, Value operand) {
  Operation *other = OpBuilder(&op).clone(op);
  other->setOperand(0, operand);
  RankedTensorType type = tensorOf(other->getResult(0));
  auto shape = llvm::to_vector(tensorOf(operand).getShape());
  shape[1] = type.getDimSize(1);
  other->getResult(0).setType(type.clone(shape));
  convs += isPositionsConv(other);
  return other->getResult(0);
}

//===-- Behind convs ------------------------------------------------------===//

/// Goes on with the arrangement of a value that has moved, or takes note of one that makes more clips.
void Movements::visit(ArrangeOp arrangement) {
  auto before = known.find(arrangement.getX());
  if (before != known.end() && before->second.moved && !isKept(arrangement.getResult()))
    if (ArrangementAttr both = before->second.how.then(arrangement.getHow())) {
      OpBuilder builder(arrangement);
      Value result = builder.createOrFold<ArrangeOp>(arrangement.getLoc(), before->second.of, both);
      arrangement.getResult().replaceAllUsesWith(result);
      arrangement.erase();
      ++joined;
      arrangement = result.getDefiningOp<ArrangeOp>();
    }
  if (arrangement && makesClips(arrangement))
    known[arrangement.getResult()] = {arrangement.getX(), arrangement.getHow()};
}

void Movements::moveBehind(Operation &op) {
  if (op.getNumOperands() == 0 || op.getNumResults() != 1)
    return;
  if (auto arrangement = dyn_cast<ArrangeOp>(op))
    return visit(arrangement);
  auto before = known.find(op.getOperand(0));
  bool moves =
      isPositionsConv(&op) || (isPointwiseByChannel(&op) && before != known.end() && before->second.moved);
  if (before == known.end() || !moves || isKept(op.getResult(0)) || isNormalised(op.getResult(0)))
    return;
  Arranged source = before->second;
  if (ArrangementAttr how = source.how.withChannels(tensorOf(op.getResult(0)).getDimSize(1)))
    known[op.getResult(0)] = {doWith(op, source.of), how, true};
}

/// Values are arranged again only where others than arrangements and what has moved read them.
void Movements::moveBehind() {
  for (Operation &op : llvm::make_early_inc_range(block))
    moveBehind(op);
  for (auto &[value, arranged] : llvm::reverse(known)) {
    if (!arranged.moved)
      continue;
    Operation *op = value.getDefiningOp();
    if (!value.use_empty()) {
      OpBuilder builder(op);
      value.replaceAllUsesWith(ArrangeOp::create(builder, op->getLoc(), arranged.of, arranged.how));
    }
    op->erase();
  }
  for (auto &[value, arranged] : llvm::reverse(known))
    if (!arranged.moved && value.use_empty() && !isKept(value))
      value.getDefiningOp()->erase();
}

//===-- Before convs ------------------------------------------------------===//

/// Moves an arrangement before the convs that make its operand, and what is pointwise between them.
void Movements::moveBefore(ArrangeOp arrangement) {
  SmallVector<Operation *> way; // from the arrangement back to the first conv
  size_t withConv = 0;
  for (Value value = arrangement.getX(); value.hasOneUse() && !isKept(value);) {
    Operation *op = value.getDefiningOp();
    if (!isPositionsConv(op) && !isPointwiseByChannel(op))
      break;
    way.push_back(op);
    if (isPositionsConv(op))
      withConv = way.size();
    value = op->getOperand(0);
  }
  way.truncate(withConv);
  if (way.empty())
    return;
  OpBuilder builder(way.back());
  Value source = way.back()->getOperand(0);
  ArrangementAttr how = arrangement.getHow().withChannels(tensorOf(source).getDimSize(1));
  if (!how)
    return;
  auto first = source.getDefiningOp<ArrangeOp>();
  if (ArrangementAttr both = first ? first.getHow().then(how) : ArrangementAttr()) {
    source = first.getX();
    how = both;
    ++joined;
  }
  Value arranged = builder.createOrFold<ArrangeOp>(arrangement.getLoc(), source, how);
  for (Operation *op : llvm::reverse(way))
    arranged = doWith(*op, arranged);
  arrangement.getResult().replaceAllUsesWith(arranged);
  arrangement.erase();
  for (Operation *op : way)
    op->erase();
  if (first && first->use_empty() && !isKept(first.getResult()))
    first.erase();
}

void Movements::moveBefore() {
  SmallVector<ArrangeOp> arrangements;
  for (auto arrangement : block.getOps<ArrangeOp>())
    if (joinsClips(arrangement) && !isKept(arrangement.getResult()))
      arrangements.push_back(arrangement);
  for (ArrangeOp arrangement : arrangements)
    moveBefore(arrangement);
}

namespace {
struct ClipMoveArrangementsPass : kinema::impl::ClipMoveArrangementsBase<ClipMoveArrangementsPass> {
  using Base::Base;
  void runOnOperation() override {
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      if (function.isExternal())
        continue;
      Movements movements(function);
      movements.run();
      convs += movements.convs;
      joined += movements.joined;
    }
  }
};
} // namespace
