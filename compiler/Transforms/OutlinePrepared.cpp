// Implements the pass outline-prepared.
#include "compiler/Transforms/ClipFunctions.h"
#include "compiler/Transforms/Passes.h"
#include "dialects/Clip/Params.h"

#include "mlir/IR/IRMapping.h"
#include "mlir/Transforms/RegionUtils.h"

namespace kinema {
#define GEN_PASS_DEF_OUTLINEPREPARED
#include "compiler/Transforms/Passes.h.inc"
} // namespace kinema

using namespace mlir;
using namespace kinema;
using clip::PreparedOp;

namespace {

struct OutlinePrepared : kinema::impl::OutlinePreparedBase<OutlinePrepared> {
  using Base::Base;

  void runOnOperation() override {
    auto functions = llvm::to_vector(getOperation().getOps<func::FuncOp>());
    auto found = getOperation().lookupSymbol<func::FuncOp>("prepare");
    func::FuncOp prepare = found ? found : createPrepare();
    for (func::FuncOp function : functions)
      if (failed(outline(function, prepare)))
        return signalPassFailure();
    hoistReads(prepare);
  }

private:
  func::FuncOp createPrepare();
  LogicalResult outline(func::FuncOp function, func::FuncOp prepare);
  LogicalResult outline(PreparedOp op, IRMapping &mapping, OpBuilder &prepare);
};

} // namespace

/// Creates @prepare. Every program has it, even an empty one: whoever has changed parameters runs it.
func::FuncOp OutlinePrepared::createPrepare() {
  OpBuilder builder = OpBuilder::atBlockEnd(getOperation().getBody());
  Location where = getOperation().getLoc();
  auto function = func::FuncOp::create(builder, where, "prepare", builder.getFunctionType({}, {}));
  builder.setInsertionPointToStart(function.addEntryBlock());
  func::ReturnOp::create(builder, where);
  return function;
}

/// Copies the operations that a value is made by, as far as they are not copied yet.
static LogicalResult copyOrigin(PreparedOp wanted, Value value, IRMapping &mapping, OpBuilder &to) {
  if (mapping.contains(value))
    return success();
  Operation *op = value.getDefiningOp();
  if (!op)
    return wanted.emitOpError("is made of an input of the function, expected parameters alone");
  if (!isPure(op))
    return wanted.emitOpError("is made by ") << op->getName() << ", which does more than compute a value";
  llvm::SetVector<Value> operands(op->operand_begin(), op->operand_end());
  getUsedValuesDefinedAbove(op->getRegions(), operands);
  for (Value operand : operands)
    if (failed(copyOrigin(wanted, operand, mapping, to)))
      return failure();
  to.clone(*op, mapping);
  return success();
}

LogicalResult OutlinePrepared::outline(PreparedOp op, IRMapping &mapping, OpBuilder &prepare) {
  if (getOperation().lookupSymbol(op.getName()))
    return op.emitOpError("has the name '") << op.getName() << "', which is another parameter's";
  if (failed(copyOrigin(op, op.getValue(), mapping, prepare)))
    return failure();
  auto type = cast<RankedTensorType>(op.getType());
  OpBuilder builder(&getContext());
  auto params = llvm::to_vector(getOperation().getOps<clip::ParamOp>());
  if (params.empty())
    builder.setInsertionPointToStart(getOperation().getBody());
  else
    builder.setInsertionPointAfter(params.back());
  auto declared = RankedTensorType::get(type.getShape(), builder.getF32Type());
  clip::ParamOp::create(builder, op.getLoc(), op.getName(), declared, "prepared", /*init=*/nullptr,
                        /*file_shape=*/nullptr);
  clip::WriteOp::create(prepare, op.getLoc(), op.getName(), mapping.lookup(op.getValue()));
  builder.setInsertionPoint(op);
  Value read = clip::ReadOp::create(builder, op.getLoc(), type, op.getName());
  mapping.map(read, mapping.lookup(op.getValue())); // what is prepared of it need not read it
  op.replaceAllUsesWith(read);
  op.erase();
  ++prepared;
  return success();
}

LogicalResult OutlinePrepared::outline(func::FuncOp function, func::FuncOp prepare) {
  if (function.isExternal())
    return success();
  IRMapping mapping;
  OpBuilder end(prepare.front().getTerminator());
  for (PreparedOp op : llvm::make_early_inc_range(function.getOps<PreparedOp>()))
    if (failed(outline(op, mapping, end)))
      return failure();
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(function.front())))
    if (isOpTriviallyDead(&op))
      op.erase();
  hoistReads(function);
  return success();
}
