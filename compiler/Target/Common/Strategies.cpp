#include "compiler/Target/Common/Strategies.h"

#include "compiler/Target/Common/Reference.h"
#include "dialects/Kernel/Signature.h"

#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace kinema;

Strategy kinema::referenceStrategy(const Machine &machine,
                                   std::function<double(Operation *, kernel::ScheduleAttr)> predict) {
  Strategy strategy{machine.reference, emitReference,
                    [&machine](Operation *op, ScheduleParameters &) {
                      return hasReference(op) ? scheduleReference(op, machine) : kernel::ScheduleAttr();
                    },
                    [&machine, predict](Operation *op) {
                      auto schedule = scheduleReference(op, machine);
                      return SmallVector<Candidate>{{schedule, predict ? predict(op, schedule) : 0}};
                    }};
  if (predict)
    strategy.predict = [predict](Operation *op) { return predict(op, kernel::scheduleOf(op)); };
  return strategy;
}

const Strategy *kinema::strategyNamed(ArrayRef<Strategy> strategies, StringRef name) {
  auto found = llvm::find_if(strategies, [&](const Strategy &strategy) { return strategy.name == name; });
  return found == strategies.end() ? nullptr : found;
}

/// Settles the operands for a pinned schedule as for a candidate that reads them in the same form, and gives
/// it to the kernel.
static LogicalResult applyPinned(ScheduleChoice choice, Operation *kernel, const Strategy &strategy) {
  if (strategy.settle) {
    auto candidates = strategy.candidates(kernel);
    auto like = llvm::find_if(candidates, [&](const Candidate &candidate) {
      return candidate.schedule.getName() == choice.schedule.getName() &&
             llvm::all_of(strategy.settledBy, [&](StringRef parameter) {
               return candidate.schedule.find(parameter) == choice.schedule.find(parameter);
             });
    });
    if (like == candidates.end())
      return kernel->emitOpError("is to have the pinned schedule ")
             << choice.schedule.getName() << ", whose parameters " << llvm::join(strategy.settledBy, ", ")
             << " are missing or not possible together here: pin another one";
    strategy.settle(kernel, like->schedule);
  }
  cast<kernel::LaunchableOp>(kernel).setScheduleAttr(choice.schedule);
  choice.schedule = completedSchedule(kernel, strategy);
  if (!choice.schedule)
    return kernel->emitWarning("its schedule is pinned: pin another one, or take it out of that file");
  choice.applyTo(kernel);
  return success();
}

LogicalResult kinema::apply(ScheduleChoice choice, Operation *kernel, ArrayRef<Strategy> strategies) {
  const Strategy *strategy = strategyNamed(strategies, choice.schedule.getName());
  if (!strategy)
    return kernel->emitOpError("is to have the pinned schedule ")
           << choice.schedule.getName() << ", which this target does not know: pin another one";
  if (choice.isPinned)
    return applyPinned(std::move(choice), kernel, *strategy);
  if (strategy->settle)
    strategy->settle(kernel, choice.schedule);
  choice.applyTo(kernel);
  return success();
}

SmallVector<Candidate> kinema::candidatesOf(Operation *kernel, ArrayRef<Strategy> strategies) {
  for (const Strategy &strategy : strategies)
    if (auto found = strategy.candidates(kernel); !found.empty())
      return found;
  return {};
}

std::string kinema::choiceKeyOf(Operation *kernel) {
  std::string text = kernel::signatureOf(kernel);
  llvm::raw_string_ostream os(text);
  llvm::interleaveComma(kernel->getOperandTypes(), os << " of ");
  for (Region &region : kernel->getRegions()) {
    os << "\n";
    region.walk([&](Operation *op) { os << op->getName() << op->getAttrDictionary() << " "; });
  }
  return text;
}

std::optional<Prediction> kinema::predictionOf(Operation *kernel, ArrayRef<Strategy> strategies) {
  const Strategy *strategy = strategyNamed(strategies, kernel::scheduleOf(kernel).getName());
  return strategy && strategy->predict ? std::optional(strategy->predict(kernel)) : std::nullopt;
}
