// Implements the pass merge-launches: one launch updates, or copies, many parameters.
#include "compiler/Transforms/Passes.h"
#include "dialects/Clip/Attributes.h"
#include "dialects/Kernel/WidenedWeights.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <map>

namespace kinema {
#define GEN_PASS_DEF_MERGELAUNCHES
#include "compiler/Transforms/Passes.h.inc"
} // namespace kinema

using namespace mlir;
using namespace kinema;
using kernel::ConvertOp;
using kernel::NormsOp;
using kernel::UpdateOp;

namespace {

/// A launch's arguments are at most 4096 bytes, of which a pointer takes 8.
constexpr int64_t mostPointers = 505;

struct MergeLaunches : kinema::impl::MergeLaunchesBase<MergeLaunches> {
  using Base::Base;

  void runOnOperation() override {
    constexpr int64_t most = 100; // each has at least 5 pointers
    if (parametersPerLaunch < 1 || parametersPerLaunch > most) {
      getOperation().emitError("parameters-per-launch is ")
          << int64_t(parametersPerLaunch) << ", expected a number from 1 to " << most;
      return signalPassFailure();
    }
    const bool distributed = getOperation()->hasAttr(clip::distributedAttribute);
    getOperation().walk([&](func::FuncOp function) {
      if (distributed)
        spreadSums(function);
      mergeUpdates(function);
      mergeNorms(function);
      if (copies)
        mergeCopies(function);
    });
  }

private:
  void spreadSums(func::FuncOp function);
  void mergeUpdates(func::FuncOp function);
  void merge(ArrayRef<UpdateOp> updates);
  void mergeNorms(func::FuncOp function);
  void merge(ArrayRef<NormsOp> norms);
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

/// Returns whether two updates are the same but for their parameters, and read the same besides these.
static bool areAlike(UpdateOp a, UpdateOp b) {
  return a.getRule() == b.getRule() && a.getHyper() == b.getHyper() &&
         a.getMaxNormAttr() == b.getMaxNormAttr() && a.getAveraged() == b.getAveraged() &&
         a.getHeld() == b.getHeld() && a.getChecked() == b.getChecked() &&
         a.getClippedNorm() == b.getClippedNorm();
}

/// Returns the bytes of the gradients that an update adds to sums.
static int64_t bytesOf(UpdateOp update) {
  int64_t bytes = 0;
  for (Value sum : update.getOfEach(0))
    bytes += cast<RankedTensorType>(sum.getType()).getNumElements() * int64_t(sizeof(float));
  return bytes;
}

/// Moves the sums of gradients, in groups of `bytesPerSum` or more, behind the last gradient of each group.
void MergeLaunches::spreadSums(func::FuncOp function) {
  llvm::DenseMap<Operation *, int64_t> places;
  for (Operation &op : function.front())
    places.insert({&op, int64_t(places.size())});
  std::multimap<int64_t, UpdateOp> byPlace; // of the last of their operands
  for (UpdateOp update : function.getOps<UpdateOp>()) {
    if (update.getRule() != clip::UpdateRule::Sum)
      continue;
    int64_t place = -1;
    for (Value operand : update->getOperands())
      if (Operation *op = operand.getDefiningOp())
        place = std::max(place, places.lookup(op));
    byPlace.insert({place, update});
  }
  SmallVector<std::pair<int64_t, UpdateOp>> sums(byPlace.begin(), byPlace.end());
  auto operations = llvm::to_vector(llvm::make_pointer_range(function.front()));
  int64_t bytes = 0;
  SmallVector<UpdateOp> group;
  for (size_t i = 0; i < sums.size(); ++i) {
    auto [place, update] = sums[i];
    group.push_back(update);
    bytes += bytesOf(update);
    const bool isLast = i + 1 == sums.size();
    if (!isLast && (bytes < bytesPerSum || sums[i + 1].first == place))
      continue;
    if (place >= 0)
      for (UpdateOp moved : llvm::reverse(group))
        moved->moveAfter(operations[place]);
    group.clear();
    bytes = 0;
  }
}

/// Merges updates that follow one another with nothing between them.
void MergeLaunches::mergeUpdates(func::FuncOp function) {
  SmallVector<UpdateOp> run;
  int64_t pointers = 0;
  for (Operation &op : llvm::make_early_inc_range(function.front())) {
    auto update = dyn_cast<UpdateOp>(op);
    int64_t more = op.getNumOperands() + op.getNumResults();
    bool joins = update && !run.empty() && areAlike(update, run.front()) &&
                 int64_t(run.size()) < parametersPerLaunch && pointers + more <= mostPointers;
    if (!joins) {
      merge(run);
      run.clear();
      pointers = 0;
    }
    if (update) {
      run.push_back(update);
      pointers += more;
    }
  }
}

/// Returns the factors of several updates as one list; null where all are 1.
static DenseF64ArrayAttr joinFactors(ArrayRef<UpdateOp> updates,
                                     function_ref<double(UpdateOp, int64_t)> factorOf) {
  SmallVector<double> factors;
  for (UpdateOp update : updates)
    for (int64_t i = 0; i < update.getParameters(); ++i)
      factors.push_back(factorOf(update, i));
  bool arePlain = llvm::all_of(factors, [](double factor) { return factor == 1.0; });
  return arePlain ? DenseF64ArrayAttr()
                  : DenseF64ArrayAttr::get(UpdateOp(updates.front()).getContext(), factors);
}

/// Replaces the updates by one in the place of the last.
void MergeLaunches::merge(ArrayRef<UpdateOp> updates) {
  if (updates.size() < 2)
    return;
  UpdateOp first = updates.front();
  SmallVector<Value> tensors, newTensors;
  for (int64_t which = 0; which < first.getTensorsEach(); ++which)
    for (UpdateOp update : updates)
      llvm::append_range(tensors, update.getOfEach(which));
  TypeRange types = TypeRange(ValueRange(tensors));
  for (int64_t which = 0; which < first.getTensorsEach() - 1 - first.form().norms(); ++which)
    for (UpdateOp update : updates)
      llvm::append_range(
          newTensors, update.getNewTensors().slice(which * update.getParameters(), update.getParameters()));
  auto newTypes = llvm::to_vector(types.take_front(newTensors.size()));
  if (Value norm = first.getClippedNorm())
    tensors.push_back(norm);
  OpBuilder b(UpdateOp(updates.back()));
  auto merged = UpdateOp::create(
      b, locationOf(updates, "updates"), newTypes, first.getRule(), tensors, first.getHyper(),
      joinFactors(updates, [](UpdateOp op, int64_t i) { return op.getRateFactor(i); }),
      joinFactors(updates, [](UpdateOp op, int64_t i) { return op.getDecayFactor(i); }),
      first.getMaxNormAttr(), first.getAveraged(), first.getHeld(), first.getChecked(),
      kernel::ScheduleAttr());
  finish(updates, newTensors, merged);
}

/// Moves norms of norms behind the norms of tensors, which then stand side by side.
static void sortNorms(func::FuncOp function) {
  SmallVector<NormsOp> ofNorms;
  Operation *last = nullptr;
  for (NormsOp norms : function.getOps<NormsOp>()) {
    if (norms.getInputs().front().getDefiningOp<NormsOp>())
      ofNorms.push_back(norms);
    else
      last = norms;
  }
  for (NormsOp norms : ofNorms)
    if (last && norms->isBeforeInBlock(last)) {
      norms->moveAfter(last);
      last = norms;
    }
}

/// Merges norms that follow one another with nothing between them.
void MergeLaunches::mergeNorms(func::FuncOp function) {
  sortNorms(function);
  SmallVector<NormsOp> run;
  for (Operation &op : llvm::make_early_inc_range(function.front())) {
    auto norms = dyn_cast<NormsOp>(op);
    bool reads = norms && llvm::any_of(norms.getInputs(), [&](Value input) {
                   return llvm::is_contained(run, input.getDefiningOp());
                 });
    if (!norms || norms.getTogether() || reads || int64_t(run.size()) >= parametersPerLaunch) {
      merge(run);
      run.clear();
    }
    if (norms && !norms.getTogether())
      run.push_back(norms);
  }
}

/// Replaces the norms by one launch in the place of the last.
void MergeLaunches::merge(ArrayRef<NormsOp> norms) {
  if (norms.size() < 2)
    return;
  SmallVector<Value> inputs, results;
  for (NormsOp op : norms) {
    llvm::append_range(inputs, op.getInputs());
    llvm::append_range(results, op.getResults());
  }
  OpBuilder b(NormsOp(norms.back()));
  auto merged = NormsOp::create(b, locationOf(norms, "norms"), ValueRange(results).getTypes(), inputs,
                                /*together=*/false, kernel::ScheduleAttr());
  finish(norms, results, merged);
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
