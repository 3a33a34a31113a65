// Implements the pass hoist-updates.
#include "compiler/Transforms/Passes.h"
#include "dialects/Kernel/Kernel.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace kinema {
#define GEN_PASS_DEF_HOISTUPDATES
#include "compiler/Transforms/Passes.h.inc"
} // namespace kinema

using namespace mlir;
using namespace kinema;

/// Returns the last operation that `update` must come after: one that makes its operands, or one that reads
/// what it overwrites. Returns null where there is none.
static Operation *lastBefore(kernel::UpdateOp update) {
  Operation *last = nullptr;
  auto see = [&](Operation *op) {
    if (op && op != update && op->isBeforeInBlock(update) && (!last || last->isBeforeInBlock(op)))
      last = op;
  };
  for (Value operand : update->getOperands())
    see(operand.getDefiningOp());
  for (Value overwritten : update.getOldValues())
    for (Operation *user : overwritten.getUsers())
      see(user);
  return last;
}

namespace {
struct HoistUpdates : kinema::impl::HoistUpdatesBase<HoistUpdates> {
  void runOnOperation() override {
    getOperation().walk([&](func::FuncOp function) {
      for (auto update : llvm::make_early_inc_range(function.getOps<kernel::UpdateOp>()))
        if (Operation *last = lastBefore(update); last && last->getNextNode() != update) {
          update->moveAfter(last);
          ++hoisted;
        }
    });
  }
};
} // namespace
