// Implements the pass merge-launches: one launch updates, or copies, many parameters.
#include "compiler/Transforms/Passes.h"
#include "dialects/Kernel/WidenedWeights.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace kinema {
#define GEN_PASS_DEF_MERGELAUNCHES
#include "compiler/Transforms/Passes.h.inc"
} // namespace kinema

using namespace mlir;
using namespace kinema;
using kernel::ConvertOp;
using kernel::SgdOp;

namespace {

struct MergeLaunches : kinema::impl::MergeLaunchesBase<MergeLaunches> {
  using Base::Base;

  void runOnOperation() override {
    constexpr int64_t most = 100; // each has 5 pointers of 8 bytes among the 4096 bytes of arguments
    if (parametersPerLaunch < 1 || parametersPerLaunch > most) {
      getOperation().emitError("parameters-per-launch is ")
          << int64_t(parametersPerLaunch) << ", expected a number from 1 to " << most;
      return signalPassFailure();
    }
    getOperation().walk([&](func::FuncOp function) {
      mergeUpdates(function);
      if (copies)
        mergeCopies(function);
    });
  }

private:
  void mergeUpdates(func::FuncOp function);
  void merge(ArrayRef<SgdOp> updates);
  void mergeCopies(func::FuncOp function);
  void merge(ArrayRef<ConvertOp> conversions);
  template <typename Op> void finish(ArrayRef<Op> ops, ValueRange old, Op merged);

  /// Returns a location under one name that keeps where each of the parts came from.
  template <typename Op> static Location locationOf(ArrayRef<Op> ops, StringRef name) {
    auto parts = llvm::map_to_vector(ops, [](Op op) { return op->getLoc(); });
    MLIRContext *context = parts.front().getContext();
    return NameLoc::get(StringAttr::get(context, name), FusedLoc::get(context, parts));
  }
};

} // namespace

/// Merges updates that follow one another with nothing between them.
void MergeLaunches::mergeUpdates(func::FuncOp function) {
  SmallVector<SgdOp> run;
  for (Operation &op : llvm::make_early_inc_range(function.front())) {
    auto sgd = dyn_cast<SgdOp>(op);
    bool joins = sgd && !run.empty() && sgd.getHyper() == run.front().getHyper() &&
                 int64_t(run.size()) < parametersPerLaunch;
    if (!joins) {
      merge(run);
      run.clear();
    }
    if (sgd)
      run.push_back(sgd);
  }
}

/// Replaces the updates by one in the place of the last.
void MergeLaunches::merge(ArrayRef<SgdOp> updates) {
  if (updates.size() < 2)
    return;
  SmallVector<Value> weights, velocities, gradients, newWeights, newVelocities;
  for (SgdOp sgd : updates) {
    llvm::append_range(weights, sgd.getWeights());
    llvm::append_range(velocities, sgd.getVelocities());
    llvm::append_range(gradients, sgd.getGradients());
    llvm::append_range(newWeights, sgd.getNewWeights());
    llvm::append_range(newVelocities, sgd.getNewVelocities());
  }
  OpBuilder b(SgdOp(updates.back()));
  TypeRange types = ValueRange(weights).getTypes();
  auto merged = SgdOp::create(b, locationOf(updates, "updates"), types, types, weights, velocities, gradients,
                              SgdOp(updates.front()).getHyper(), kernel::ScheduleAttr());
  llvm::append_range(newWeights, newVelocities);
  finish(updates, newWeights, merged);
}

/// Merges the conversions of parameters, wherever they stand.
void MergeLaunches::mergeCopies(func::FuncOp function) {
  SmallVector<ConvertOp> conversions;
  for (ConvertOp op : function.getOps<ConvertOp>()) {
    Operation *read = op->getOperand(0).getDefiningOp<clip::ReadOp>();
    if (read && (conversions.empty() || read->isBeforeInBlock(conversions.front())))
      conversions.push_back(op);
  }
  for (ArrayRef<ConvertOp> rest = conversions; !rest.empty();
       rest = rest.drop_front(std::min<size_t>(rest.size(), parametersPerLaunch)))
    merge(rest.take_front(parametersPerLaunch));
}

/// Replaces the conversions by one in the place of the first.
void MergeLaunches::merge(ArrayRef<ConvertOp> conversions) {
  if (conversions.size() < 2)
    return;
  SmallVector<Value> inputs, results;
  SmallVector<int64_t> widened;
  for (ConvertOp op : conversions) {
    llvm::append_range(inputs, op.getInputs());
    llvm::append_range(results, op.getResults());
    llvm::append_range(widened, kernel::widenedGroups(op));
  }
  OpBuilder b(ConvertOp(conversions.front()));
  auto merged = ConvertOp::create(b, locationOf(conversions, "weights"), ValueRange(results).getTypes(),
                                  inputs, kernel::ScheduleAttr());
  kernel::setWidenedGroups(merged, widened);
  finish(conversions, results, merged);
}

template <typename Op> void MergeLaunches::finish(ArrayRef<Op> ops, ValueRange old, Op merged) {
  for (auto [from, to] : llvm::zip_equal(old, merged->getResults()))
    from.replaceAllUsesWith(to);
  for (Op op : ops)
    op->erase();
  ++launches;
}
