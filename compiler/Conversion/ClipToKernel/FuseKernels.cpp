// Implements the pass fuse-kernels: clip operations become kernels. Contractions, pools, the loss and the
// update are anchors, one kernel each; pointwise operations are virtual and ride in the prologues and
// epilogues of the kernels that read or make their values; reductions ride with the kernel that stores what
// they sum.
#include "compiler/Conversion/ClipToKernel/Fuser.h"

namespace kinema {
#define GEN_PASS_DEF_FUSEKERNELS
#include "compiler/Conversion/Passes.h.inc"
} // namespace kinema

using namespace mlir;
using namespace kinema;
using kernel::Access;
using kernel::Yield;

LogicalResult Fuser::run() {
  for (Value argument : function.getArguments())
    storage.hold(argument, argument);
  SmallVector<Operation *> ops;
  for (Operation &op : function.front())
    ops.push_back(&op);
  for (Operation *op : ops) {
    b.setInsertionPoint(op);
    if (failed(visit(op)))
      return failure();
  }
  // Nobody reads what became part of a kernel, nor kernels that others read through.
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(function.front())))
    if (isOpTriviallyDead(&op))
      op.erase();
  return success();
}

//===-- Operations --------------------------------------------------------===//

LogicalResult Fuser::visit(Operation *op) {
  if (auto read = dyn_cast<clip::ReadOp>(op)) {
    storage.hold(read, read);
    return success();
  }
  if (isa<clip::WriteOp, func::ReturnOp>(op))
    return visitEnd(op);
  if (auto prepared = dyn_cast<clip::PreparedOp>(op)) {
    storage.hold(prepared, prepared);
    return visitEnd(op);
  }
  if (isa<clip::ChannelReductionOp>(op))
    return visitReduction(op);
  if (auto channelwise = dyn_cast<clip::ChannelwiseOp>(op)) {
    reductions.compute(channelwise);
    return success();
  }
  auto pointwise = pointwiseOf(op);
  return pointwise ? visitPointwise(pointwise) : makeAnchor(*this, op);
}

/// Values that leave the function, or are kept for its next run, must be in memory.
LogicalResult Fuser::visitEnd(Operation *op) {
  for (OpOperand &operand : op->getOpOperands()) {
    if (failed(require(operand.get())))
      return failure();
    operand.set(storage.lookup(operand.get()));
  }
  if (isa<func::ReturnOp>(op)) { // what kernels make may have a layout by now
    auto function = op->getParentOfType<func::FuncOp>();
    function.setType(function.getFunctionType().clone(function.getArgumentTypes(), op->getOperandTypes()));
  }
  return success();
}

/// Gives a map to a reduction that rode with no kernel.
LogicalResult Fuser::visitReduction(Operation *op) {
  Value value = op->getOperand(0);
  if (!reductions.rides(op) && failed(require(value)))
    return failure();
  if (!reductions.rides(op))
    map(op->getLoc(), value);
  reductions.merge(op);
  return success();
}

LogicalResult Fuser::visitPointwise(clip::PointwiseOp op) {
  bool spreads = false;
  for (Value operand : op->getOperands()) {
    Access access = accessOf(operand, op->getResult(0));
    bool isSmall = access == Access::BatchChannel || access == Access::Spread;
    if (isSmall && failed(require(operand)))
      return failure();
    spreads |= access == Access::Spread;
  }
  if (spreads)
    return spread(op);
  return storage.isStoredAtOnce(op) ? materialise(op->getResult(0)) : success();
}

/// Makes a map for an operation that spreads an operand otherwise than over T, H and W.
LogicalResult Fuser::spread(clip::PointwiseOp op) {
  if (failed(require(op->getOperands())))
    return failure();
  RegionBuilder body = region(op->getLoc());
  body.yield(Yield::Store, body.emit(op->getResult(0)));
  auto kernel = kernel::MapOp::create(b, op->getLoc(), op->getResultTypes(), body.operands, body.access,
                                      kernel::ScheduleAttr());
  body.finish(kernel.getBody());
  storage.hold(op->getResult(0), kernel.getResult(0));
  return success();
}

//===-- Values ------------------------------------------------------------===//

LogicalResult Fuser::require(Value value) {
  if (storage.holds(value))
    return success();
  Value partials = storage.partialsOf(value);
  if (!partials)
    return materialise(value);
  storage.hold(value, kernel::ReduceOp::create(b, value.getLoc(), value.getType(), ValueRange{partials},
                                               kernel::ScheduleAttr()));
  return success();
}

LogicalResult Fuser::require(ValueRange values) {
  for (Value value : values)
    if (failed(require(value)))
      return failure();
  return success();
}

/// Stores a virtual value, together with the reductions of it.
LogicalResult Fuser::materialise(Value value) {
  if (!leavesOf(value, storage.held()).complete)
    return value.getDefiningOp()->emitError("the value of ")
           << value.getDefiningOp()->getName() << " cannot be stored here";
  map(value.getLoc(), value);
  return success();
}

/// Makes a kernel.map that stores a value, if it is not yet stored, and takes the reductions of it.
void Fuser::map(Location loc, Value value) {
  RegionBuilder body = region(loc);
  Outputs outputs;
  Value scalar = body.emit(value);
  if (!storage.holds(value)) {
    outputs.types.push_back(value.getType());
    body.yield(Yield::Store, scalar);
  }
  reductions.yield(body, value, scalar, outputs);
  auto kernel =
      kernel::MapOp::create(b, loc, outputs.types, body.operands, body.access, kernel::ScheduleAttr());
  body.finish(kernel.getBody());
  bind(kernel, outputs, value);
}

LogicalResult Fuser::prologue(RegionBuilder &region, Value source, bool joinsToo) {
  if (!storage.isComputedBy(source, joinsToo) && failed(require(source)))
    return failure();
  region.yield(Yield::Value, region.emit(source));
  return success();
}

void Fuser::bind(Operation *kernel, const Outputs &outputs, Value value) {
  bool stores = !storage.holds(value);
  if (stores)
    storage.hold(value, kernel->getResult(0));
  reductions.bind(kernel, outputs, stores ? 1 : 0);
}

namespace {
struct FuseKernels : kinema::impl::FuseKernelsBase<FuseKernels> {
  using FuseKernelsBase::FuseKernelsBase;

  void runOnOperation() override {
    getOperation().walk([&](func::FuncOp function) {
      if (failed(Fuser(function, fuse).run()))
        signalPassFailure();
    });
  }
};
} // namespace
