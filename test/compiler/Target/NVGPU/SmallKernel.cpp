#include "test/compiler/Target/NVGPU/SmallKernel.h"
#include "test/compiler/Target/Common/TargetUnderTest.h"

#include "test/compiler/Target/NVGPU/OneKernel.h"

#include "compiler/Target/Common/Reference.h"
#include "compiler/Target/NVGPU/HaloConv.h"
#include "compiler/Target/NVGPU/Strategies.h"
#include "dialects/Kernel/Partials.h"
#include "dialects/Kernel/Traffic.h"
#include "dialects/Kernel/WidenedWeights.h"

#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"

#include <map>
#include <set>

using namespace mlir;
using namespace kinema;
using namespace kinema::testing;

namespace {

constexpr int64_t block = 8; // channels

int64_t workOf(Operation *op) {
  kernel::Traffic traffic = kernel::trafficOf(op);
  return traffic.macs + traffic.reads + traffic.writes;
}

/// Says what a dimension of a tensor counts.
enum class Dimension { Clips, Frames, Rows, Columns, Channels, Other };

Dimension dimensionOf(RankedTensorType type, bool isWeight, int64_t dimension) {
  constexpr Dimension ofActivation[] = {Dimension::Clips, Dimension::Channels, Dimension::Frames,
                                        Dimension::Rows, Dimension::Columns};
  if (type.getRank() == 5 && !isWeight)
    return ofActivation[dimension];
  bool isWindow = dimension >= type.getRank() - 3 && type.getRank() >= 5;
  bool isCount = type.getRank() > 1 && type.getRank() != 5 && dimension == 0; // of partials
  return isWindow || isCount ? Dimension::Other : Dimension::Channels;
}

/// New sizes for old ones.
using Sizes = std::map<int64_t, int64_t>;

/// A kernel while it shrinks.
class Shrinker {
public:
  explicit Shrinker(const std::string &text) : best(parseSourceString<ModuleOp>(text, &contextOfThread())) {}

  Operation *kernel() { return operationOf(*best); }
  ModuleOp module() { return *best; }

  /// The sizes that a dimension has in the kernel's tensors, the largest first.
  SmallVector<int64_t> sizesOf(Dimension dimension) {
    std::set<int64_t, std::greater<>> sizes;
    forTypes(kernel(), [&](RankedTensorType type, bool isWeight) {
      for (int64_t i = 0; i < type.getRank(); ++i)
        if (dimensionOf(type, isWeight, i) == dimension)
          sizes.insert(type.getDimSize(i));
      return type;
    });
    return SmallVector<int64_t>(sizes.begin(), sizes.end());
  }

  /// Returns whether the kernel still is one with these sizes; then it has them.
  bool apply(Dimension dimension, const Sizes &sizes) {
    OwningOpRef<ModuleOp> trial = best->clone();
    Operation *op = operationOf(*trial);
    auto newSize = [&](int64_t size) {
      auto found = sizes.find(size);
      return found == sizes.end() ? size : found->second;
    };
    forTypes(op, [&](RankedTensorType type, bool isWeight) {
      SmallVector<int64_t> shape(type.getShape());
      for (int64_t i = 0; i < type.getRank(); ++i)
        if (dimensionOf(type, isWeight, i) == dimension)
          shape[i] = newSize(shape[i]);
      return RankedTensorType::get(shape, type.getElementType(), type.getEncoding());
    });
    if (auto groups = op->getAttrOfType<IntegerAttr>("groups"); groups && groups.getInt() > 1)
      if (dimension == Dimension::Channels)
        op->setAttr("groups", IntegerAttr::get(groups.getType(), newSize(groups.getInt())));
    if (!schedule(op))
      return false;
    best = std::move(trial);
    return true;
  }

  /// Keeps these parameters alone of a launch for several.
  void keepParameters(ArrayRef<int64_t> kept) {
    Operation *op = kernel();
    OpBuilder b(op);
    Operation *fewer = nullptr;
    auto pick = [&](ValueRange values) {
      return llvm::map_to_vector(kept, [&](int64_t i) -> Value { return values[i]; });
    };
    if (auto update = dyn_cast<kernel::UpdateOp>(op)) {
      SmallVector<Value> tensors;
      for (int64_t which = 0; which < update.getTensorsEach(); ++which)
        llvm::append_range(tensors, pick(update.getOfEach(which)));
      if (Value norm = update.getClippedNorm())
        tensors.push_back(norm);
      size_t made = kept.size() * update.getNumResults() / update.getParameters();
      auto types = llvm::to_vector(TypeRange(ValueRange(tensors)).take_front(made));
      fewer = kernel::UpdateOp::create(b, op->getLoc(), types, update.getRule(), tensors, update.getHyper(),
                                       DenseF64ArrayAttr(), DenseF64ArrayAttr(), update.getMaxNormAttr(),
                                       update.getAveraged(), update.getHeld(), update.getChecked(),
                                       kernel::ScheduleAttr());
    } else {
      auto convert = cast<kernel::ConvertOp>(op);
      fewer = kernel::ConvertOp::create(b, op->getLoc(), ValueRange(pick(convert.getResults())).getTypes(),
                                        pick(convert.getInputs()), kernel::ScheduleAttr());
      auto widened = kernel::widenedGroups(convert);
      kernel::setWidenedGroups(cast<kernel::ConvertOp>(fewer),
                               llvm::map_to_vector(kept, [&](int64_t i) { return widened[i]; }));
    }
    cast<kernel::LaunchableOp>(fewer).setScheduleAttr(kernel::scheduleOf(op));
    op->getBlock()->getTerminator()->setOperands(fewer->getResults());
    op->erase();
    fewer->getBlock()->eraseArguments([](BlockArgument argument) { return argument.use_empty(); });
    if (!schedule(fewer))
      llvm::report_fatal_error("a launch for fewer parameters is none");
  }

private:
  static Operation *operationOf(ModuleOp module) { return defOf(module).getKernel(); }

  /// Gives each operand and result the type that `change` makes of its own.
  static void forTypes(Operation *op,
                       function_ref<RankedTensorType(RankedTensorType, bool isWeight)> change) {
    llvm::SmallPtrSet<Value, 8> weights;
    if (auto conv = dyn_cast<kernel::ConvOp>(op))
      weights.insert(conv.getWeight());
    if (auto pair = dyn_cast<kernel::PairOp>(op))
      weights.insert({pair.getFirstWeight(), pair.getSecondWeight()});
    llvm::SmallPtrSet<Value, 8> seen;
    auto visit = [&](Value value) {
      if (auto type = dyn_cast<RankedTensorType>(value.getType()); type && seen.insert(value).second)
        value.setType(change(type, weights.contains(value)));
    };
    for (Value operand : op->getOperands())
      visit(operand);
    for (Value result : op->getResults())
      visit(result);
    if (auto attached = cast<kernel::DefOp>(op->getParentOp()).getAttached()) {
      for (Value input : attached.getInputs())
        visit(input);
      for (Value result : attached.getResults())
        visit(result);
    }
  }

  /// Schedules the operation anew; whether it verifies and the schedule has the name that it had.
  bool schedule(Operation *op) {
    ScopedDiagnosticHandler silence(op->getContext(), [](Diagnostic &) { return success(); });
    auto old = kernel::scheduleOf(op);
    kernel::forgetPartials(op);
    if (failed(verify(op)))
      return false;
    const nvidia::Processor &processor = *nvidia::processorOf(op);
    SmallVector<Strategy> strategies = nvidia::strategies(processor);
    bool plain = old.getName() == processor.machine.reference;
    auto candidates = candidatesOf(op, plain ? referenceAlone(strategies) : ArrayRef(strategies));
    if (candidates.empty() || candidates.front().schedule.getName() != old.getName())
      return false;
    cast<kernel::LaunchableOp>(op).setScheduleAttr(candidates.front().schedule);
    if (old.getName() == nvidia::HaloTile::schedule(processor.tensorCores))
      walk(cast<kernel::ConvOp>(op));
    fixPartials(op, kernel::scheduleOf(op));
    return succeeded(verify(op->getParentOfType<ModuleOp>()));
  }

  /// Blocks share tiles, as they do where there are many.
  static void walk(kernel::ConvOp conv) {
    nvidia::HaloPlan plan = nvidia::haloPlanOf(conv);
    int64_t shares = shape::roundUp(shape::ceilDiv(plan.positionTiles(), 3), plan.tile.cluster);
    plan.tile.blocks = shares * plan.channelTiles();
    auto schedule = nvidia::haloSchedule(conv, plan.tile);
    if (plan.clustersMatch() && schedule.getScratch() <= nvidia::processorOf(conv)->blockSharedBytes())
      conv.setScheduleAttr(schedule);
  }

  OwningOpRef<ModuleOp> best;
};

/// Rank, layout and padding of a parameter's tensors in a launch for many.
std::string sortOf(ArrayRef<Value> tensors) {
  std::string sort;
  llvm::raw_string_ostream stream(sort);
  for (Value value : tensors) {
    auto type = cast<RankedTensorType>(value.getType());
    stream << type.getRank() << ' ' << type.getElementType() << ' ' << type.getEncoding();
    for (int64_t i = 0; i < std::min<int64_t>(2, type.getRank()); ++i)
      stream << (type.getDimSize(i) % block ? " padded" : " full");
    stream << ", ";
  }
  return sort;
}

SmallVector<Value> tensorsOf(Operation *op, int64_t parameter) {
  if (auto update = dyn_cast<kernel::UpdateOp>(op))
    return {update.getWeights()[parameter], update.getGradients()[parameter]};
  return {op->getOperand(parameter), op->getResult(parameter)};
}

std::string textOf(ModuleOp module) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  module.print(stream, OpPrintingFlags().useLocalScope());
  return text;
}

/// Brings a dimension of positions down to about `target`. Where a window strides, sizes differ and go down
/// in steps of the stride.
void shrinkPositions(Shrinker &shrinker, Dimension dimension, int64_t target) {
  SmallVector<int64_t> sizes = shrinker.sizesOf(dimension);
  llvm::erase(sizes, 1);
  if (sizes.empty() || sizes.back() <= target)
    return;
  int64_t steps = sizes.back() - target;
  for (int64_t stride : {1, 2, 3, 4, 8}) {
    Sizes small;
    int64_t step = 1;
    for (int64_t size : llvm::reverse(sizes)) {
      small[size] = size - steps * step;
      step *= stride;
    }
    if (small.begin()->second > 0 && shrinker.apply(dimension, small))
      return;
  }
}

/// Channels that are more than `target` become as many, and as many more as they were more than blocks.
void shrinkChannels(Shrinker &shrinker, int64_t target) {
  for (int64_t size : shrinker.sizesOf(Dimension::Channels))
    if (size > target + size % block)
      shrinker.apply(Dimension::Channels, {{size, target + size % block}});
}

} // namespace

std::vector<NetworkKernel> kinema::testing::withFewParameters(const NetworkKernel &kernel) {
  Shrinker whole(kernel.text);
  Operation *op = whole.kernel();
  auto update = dyn_cast<kernel::UpdateOp>(op);
  int64_t count = update ? update.getWeights().size() : op->getNumResults();
  if (count < 3 || !isa<kernel::UpdateOp, kernel::ConvertOp>(op))
    return {kernel};
  auto bytes = [&](int64_t parameter) {
    return kernel::storedBytes(cast<RankedTensorType>(tensorsOf(op, parameter).back().getType()));
  };
  std::map<std::string, int64_t> smallest; // of each sort
  int64_t smallestOfAll = 0;
  for (int64_t i = 0; i < count; ++i) {
    auto [known, isNew] = smallest.try_emplace(sortOf(tensorsOf(op, i)), i);
    if (!isNew && bytes(i) < bytes(known->second))
      known->second = i;
    if (bytes(i) < bytes(smallestOfAll))
      smallestOfAll = i;
  }
  std::vector<NetworkKernel> kernels;
  for (const auto &[sort, parameter] : smallest) {
    if (parameter == smallestOfAll && smallest.size() > 1)
      continue;
    SmallVector<int64_t> kept = {parameter};
    if (parameter != smallestOfAll)
      kept.push_back(smallestOfAll);
    Shrinker shrinker(kernel.text);
    llvm::sort(kept); // a kernel's arguments are its operands, in their order
    shrinker.keepParameters(kept);
    NetworkKernel few = kernel;
    few.work = workOf(shrinker.kernel());
    few.text = textOf(shrinker.module());
    kernels.push_back(std::move(few));
  }
  return kernels;
}

NetworkKernel kinema::testing::makeSmall(const NetworkKernel &kernel, int64_t work) {
  Shrinker shrinker(kernel.text);
  if (!isa<kernel::ConvOp, kernel::PairOp, kernel::WeightGradOp, kernel::PoolOp, kernel::PoolGradOp,
           kernel::MapOp, kernel::SpreadSumOp>(shrinker.kernel()))
    return kernel;
  auto isLarge = [&] { return workOf(shrinker.kernel()) > work; };
  if (!isLarge())
    return kernel;
  auto shrinkTo = [&](int64_t frames, int64_t rows, int64_t columns) {
    for (auto [dimension, target] :
         {std::pair(Dimension::Frames, frames), {Dimension::Rows, rows}, {Dimension::Columns, columns}})
      if (isLarge())
        shrinkPositions(shrinker, dimension, target);
  };
  for (int64_t clips : {2, 1})
    if (int64_t most = shrinker.sizesOf(Dimension::Clips).front(); isLarge() && most > clips)
      shrinker.apply(Dimension::Clips, {{most, clips}});
  shrinkTo(5, 9, 11);
  for (int64_t channels : {264, 136, 72})
    if (isLarge())
      shrinkChannels(shrinker, channels);
  shrinkTo(3, 5, 7);
  for (int64_t channels : {40, 24})
    if (isLarge())
      shrinkChannels(shrinker, channels);
  shrinkTo(2, 3, 3);
  NetworkKernel small = kernel;
  small.work = workOf(shrinker.kernel());
  small.text = textOf(shrinker.module());
  return small;
}
