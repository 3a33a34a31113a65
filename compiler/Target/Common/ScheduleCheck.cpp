#include "compiler/Target/Common/ScheduleCheck.h"

#include "compiler/Target/Common/LowerKernels.h"
#include "compiler/Target/Common/Reference.h"

#include <limits>

using namespace mlir;
using namespace kinema;

using kernel::scheduleOf;

//===-- Schedules ---------------------------------------------------------===//

static bool hasFixedSize(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  return tensor && tensor.hasStaticShape();
}

static LogicalResult verifySizes(Operation *kernel) {
  for (Type type : llvm::concat<const Type>(kernel->getOperandTypes(), kernel->getResultTypes()))
    if (!hasFixedSize(type))
      return kernel->emitOpError("has the type ") << type << ", whose size is not fixed";
  return success();
}

/// Returns the schedule that the kernel's parameters lead to; null after an error.
static kernel::ScheduleAttr remake(Operation *kernel, const Strategy &strategy) {
  ScheduleParameters parameters(kernel);
  kernel::ScheduleAttr made = strategy.remake(kernel, parameters);
  if (!made && !parameters.failed())
    kernel->emitOpError("has the schedule ")
        << scheduleOf(kernel).getName()
        << ", which does not take it on this target: look at its layouts, types, groups and window";
  return parameters.failed() ? kernel::ScheduleAttr() : made;
}

static LogicalResult verifyNumber(Operation *kernel, const Twine &what, int64_t found, int64_t expected) {
  if (found == expected)
    return success();
  return kernel->emitOpError("has the schedule ")
         << scheduleOf(kernel).getName() << ", whose " << what << " is " << found
         << ", but its parameters lead to " << expected;
}

/// Succeeds if the kernel's schedule has the parameters and the grid of what was computed.
static LogicalResult verifySame(Operation *kernel, kernel::ScheduleAttr given, kernel::ScheduleAttr made) {
  for (const auto &[name, value] : given.getNumbers())
    if (!made.find(name)) {
      auto error = kernel->emitOpError("has the schedule ")
                   << given.getName() << ", which takes no parameter \"" << name << "\"";
      if (made.getParameters().empty())
        return error << "; it takes none";
      error << "; it takes ";
      llvm::interleaveComma(made.getNumbers(), error, [&](const auto &known) { error << known.first; });
      return error;
    }
  for (const auto &[name, expected] : made.getNumbers()) {
    std::optional<int64_t> value = given.find(name);
    if (!value)
      return kernel->emitOpError("has the schedule ")
             << given.getName() << ", whose parameter " << name << " is missing; it is " << expected;
    if (failed(verifyNumber(kernel, name, *value, expected)))
      return failure();
  }
  return verifyNumber(kernel, "grid", given.getGrid(), made.getGrid());
}

kernel::ScheduleAttr kinema::completedSchedule(Operation *kernel, const Strategy &strategy) {
  auto made = remake(kernel, strategy);
  return made && succeeded(verifySame(kernel, scheduleOf(kernel), made)) ? made : kernel::ScheduleAttr();
}

static LogicalResult verifyPartials(Operation *kernel, kernel::ScheduleAttr schedule) {
  int64_t expected = schedule.getPartials();
  for (auto [i, result] : llvm::enumerate(kernel->getResults()))
    if (cast<kernel::LaunchableOp>(kernel).getForm(i) != kernel::Form::Whole &&
        tensorOf(result).getDimSize(0) != expected)
      return kernel->emitOpError("leaves the partials ")
             << result.getType() << ", but by its schedule there are " << expected << " of them";
  return success();
}

/// Checks that a block's scratch is small enough, since positions in near memory are numbers of 32 bits.
static LogicalResult verifyScratch(Operation *kernel, kernel::ScheduleAttr schedule) {
  constexpr int64_t most = std::numeric_limits<int32_t>::max();
  if (schedule.getScratch() <= most)
    return success();
  return kernel->emitOpError("has the schedule ")
         << schedule.getName() << ", whose blocks take " << schedule.getScratch()
         << " bytes of scratch: choose smaller ones";
}

/// The strategy that the kernel's schedule names.
static FailureOr<const Strategy *> namedStrategy(Operation *kernel, const LoweringTarget &target) {
  auto schedule = scheduleOf(kernel);
  if (!schedule)
    return kernel->emitOpError("has no schedule; run the pass that assigns them first");
  if (const Strategy *strategy = strategyNamed(target.strategies, schedule.getName()))
    return strategy;
  return kernel->emitOpError("has the schedule ")
         << schedule.getName() << ", which the " << target.name << " target does not know";
}

/// A kernel with a strategy that cannot go on with a merge must have none.
static LogicalResult verifyAttached(Operation *kernel, const Strategy &strategy) {
  auto def = dyn_cast<kernel::DefOp>(kernel->getParentOp());
  if (!def || !def.getAttached() || strategy.goesOnWithMerges)
    return success();
  return def.getAttached()->emitOpError("is attached to a kernel with the schedule ")
         << scheduleOf(kernel).getName() << ", which does not go on with merges";
}

LogicalResult kinema::verifySchedule(Operation *kernel, const LoweringTarget &target) {
  auto strategy = namedStrategy(kernel, target);
  if (failed(strategy) || failed(verifySizes(kernel)) || failed(verifyAttached(kernel, **strategy)))
    return failure();
  kernel::ScheduleAttr given = scheduleOf(kernel), made = completedSchedule(kernel, **strategy);
  if (!made || failed(verifyNumber(kernel, "scratch", given.getScratch(), made.getScratch())) ||
      failed(verifyScratch(kernel, made)))
    return failure();
  return verifyPartials(kernel, made);
}

//===-- Kernels -----------------------------------------------------------===//

LogicalResult kinema::verifyKernel(kernel::DefOp def) {
  Block &body = def.getBody().front();
  size_t operations = llvm::range_size(body);
  if (operations < 2 || !isa<kernel::LaunchableOp>(body.front()) || !isa<kernel::ReturnOp>(body.back()))
    return def.emitOpError("holds something else than one launchable operation and kernel.return");
  kernel::FinalizeOp merge = def.getAttached();
  bool attaches = operations == 3 && merge && merge.getAttached();
  if (operations > 2 && !attaches)
    return def.emitOpError("holds several operations, of which the second is no attached kernel.finalize");
  SmallVector<Value> operands(def.getKernel()->getOperands()), results(def.getKernel()->getResults());
  if (attaches) {
    if (!llvm::is_contained(results, merge.getPartials()))
      return merge.emitOpError("is attached to a kernel that does not make its partials");
    llvm::append_range(operands, merge.getInputs());
    llvm::append_range(results, merge.getResults());
  }
  size_t arguments = operands.size() + (attaches ? 1 : 0); // the counters of the blocks
  if (body.getNumArguments() != arguments ||
      !llvm::equal(operands, body.getArguments().take_front(operands.size())))
    return def.emitOpError("has other arguments than the operands of its operation, in their order");
  if (!llvm::equal(results, body.getTerminator()->getOperands()))
    return def.emitOpError("returns something else than the results of its operation, in their order");
  for (Type type : llvm::concat<const Type>(def.getOperandTypes(), def.getResultTypes()))
    if (!hasFixedSize(type))
      return def.getKernel()->emitOpError("has the type ") << type << ", whose size is not fixed";
  return success();
}

//===-- Modules -----------------------------------------------------------===//

bool kinema::canGoOnWith(Operation *maker, kernel::FinalizeOp merge) {
  return merge.getPartials().hasOneUse() && llvm::all_of(merge.getInputs(), [&](Value input) {
           Operation *other = input.getDefiningOp();
           return !other || (other->getBlock() == maker->getBlock() && other->isBeforeInBlock(maker));
         });
}

/// Checks a merge that is no launch of its own, before memory is planned.
static LogicalResult verifyMerge(kernel::FinalizeOp merge, const LoweringTarget &target) {
  if (isa<kernel::DefOp>(merge->getParentOp()))
    return success(); // it is checked with its kernel
  Operation *maker = merge.getPartials() ? merge.getPartials().getDefiningOp() : nullptr;
  if (!maker || !scheduleOf(maker))
    return merge.emitOpError("is attached to no kernel: a kernel that has a schedule makes its partials");
  auto strategy = namedStrategy(maker, target);
  if (failed(strategy))
    return failure();
  int64_t merges = llvm::count_if(maker->getUsers(), [](Operation *user) {
    auto finalize = dyn_cast<kernel::FinalizeOp>(user);
    return finalize && finalize.getAttached();
  });
  if (!(*strategy)->goesOnWithMerges || merges != 1 || !canGoOnWith(maker, merge))
    return merge.emitOpError("is attached to ")
           << maker->getName() << ", which cannot go on with it: its schedule has to be one that does, the "
           << "partials are for this merge alone, the kernel has no other one, and what is merged with them "
           << "is made before the kernel";
  return success();
}

LogicalResult kinema::verifySchedules(ModuleOp module, const LoweringTarget &target) {
  for (auto def : module.getOps<kernel::DefOp>())
    if (failed(verifyKernel(def)))
      return failure();
  bool good = true;
  module.walk([&](Operation *op) {
    if (!isa<kernel::LaunchableOp>(op))
      return;
    auto merge = dyn_cast<kernel::FinalizeOp>(op);
    bool attached = merge && merge.getAttached();
    good &= succeeded(attached ? verifyMerge(merge, target) : verifySchedule(op, target));
  });
  return success(good);
}
