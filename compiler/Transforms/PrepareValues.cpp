// Implements the pass prepare-values.
#include "compiler/Transforms/ClipFunctions.h"
#include "compiler/Transforms/Passes.h"
#include "dialects/Kernel/Kernel.h"

#include "mlir/Transforms/RegionUtils.h"

namespace kinema {
#define GEN_PASS_DEF_PREPAREVALUES
#include "compiler/Transforms/Passes.h.inc"
} // namespace kinema

using namespace mlir;
using namespace kinema;
using clip::PreparedOp;

namespace {

struct PrepareValues : kinema::impl::PrepareValuesBase<PrepareValues> {
  using Base::Base;

  void runOnOperation() override {
    for (auto param : getOperation().getOps<clip::ParamOp>())
      names.insert(param.getSymName());
    for (auto function : getOperation().getOps<func::FuncOp>())
      for (auto prepared : function.getOps<PreparedOp>())
        names.insert(prepared.getName());
    for (auto function : getOperation().getOps<func::FuncOp>())
      if (!function.isExternal() && function.getOps<clip::WriteOp>().empty())
        prepare(function);
  }

private:
  void prepare(func::FuncOp function);
  void prepare(Value value, llvm::function_ref<bool(OpOperand &)> isRead);

  llvm::StringSet<> names; // of parameters, and of what is prepared
};

} // namespace

/// Returns the operations of a function that compute something of parameters alone, or of what is prepared.
static DenseSet<Operation *> fixedOperations(func::FuncOp function) {
  DenseSet<Operation *> fixed;
  for (Operation &op : function.front()) {
    llvm::SetVector<Value> operands(op.operand_begin(), op.operand_end());
    getUsedValuesDefinedAbove(op.getRegions(), operands);
    auto isFixed = [&](Value value) { return fixed.contains(value.getDefiningOp()); };
    if (isa<clip::ReadOp>(op) || (isPure(&op) && llvm::all_of(operands, isFixed)))
      fixed.insert(&op);
  }
  return fixed;
}

/// Prepares the last fixed values on each way, as far as they are small. From the end on, an operation whose
/// results are too large is done in each run and so reads what is prepared.
void PrepareValues::prepare(func::FuncOp function) {
  auto fixed = fixedOperations(function);
  auto isRead = [&](OpOperand &use) { return !fixed.contains(use.getOwner()); };
  auto isTooLarge = [&](Value value) {
    return llvm::any_of(value.getUses(), isRead) && kernel::storedBytes(tensorOf(value)) > mostBytes;
  };
  auto launches = llvm::to_vector(function.getOps<kernel::LaunchableOp>());
  for (kernel::LaunchableOp op : llvm::reverse(launches))
    if (llvm::any_of(op->getResults(), isTooLarge))
      fixed.erase(op);
  for (PreparedOp op : llvm::make_early_inc_range(function.getOps<PreparedOp>())) {
    // What is prepared of it is made of what it is made of, and may be all that needs it.
    op.getResult().replaceUsesWithIf(op.getValue(), [&](OpOperand &use) { return !isRead(use); });
    if (op.use_empty())
      op.erase();
  }
  for (kernel::LaunchableOp op : launches)
    for (Value value : op->getResults())
      if (fixed.contains(op) && llvm::any_of(value.getUses(), isRead))
        prepare(value, isRead);
}

/// Has these uses read the value as what is prepared.
void PrepareValues::prepare(Value value, llvm::function_ref<bool(OpOperand &)> isRead) {
  OpBuilder builder(&getContext());
  builder.setInsertionPointAfterValue(value);
  std::string name = freeName(names, layerName(value.getLoc()) + ".prepared");
  auto made = PreparedOp::create(builder, value.getLoc(), name, value);
  value.replaceUsesWithIf(made, [&](OpOperand &use) { return use.getOwner() != made && isRead(use); });
  ++prepared;
}
