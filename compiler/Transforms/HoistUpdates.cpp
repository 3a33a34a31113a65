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

/// Returns the last operation that `sgd` must come after: one that makes its operands, or one that reads the
/// parameters that it overwrites. Returns null where there is none.
static Operation *lastBefore(kernel::SgdOp sgd) {
  Operation *last = nullptr;
  auto see = [&](Operation *op) {
    if (op && op != sgd && op->isBeforeInBlock(sgd) && (!last || last->isBeforeInBlock(op)))
      last = op;
  };
  for (Value operand : sgd->getOperands())
    see(operand.getDefiningOp());
  for (OperandRange parameters : {sgd.getWeights(), sgd.getVelocities()})
    for (Value parameter : parameters)
      for (Operation *user : parameter.getUsers())
        see(user);
  return last;
}

namespace {
struct HoistUpdates : kinema::impl::HoistUpdatesBase<HoistUpdates> {
  void runOnOperation() override {
    getOperation().walk([&](func::FuncOp function) {
      for (auto sgd : llvm::make_early_inc_range(function.getOps<kernel::SgdOp>()))
        if (Operation *last = lastBefore(sgd); last && last->getNextNode() != sgd) {
          sgd->moveAfter(last);
          ++hoisted;
        }
    });
  }
};
} // namespace
