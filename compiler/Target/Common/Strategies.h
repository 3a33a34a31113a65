// The ways to carry kernels out on a machine, as the rows of its family's table, and what is asked of them.
#ifndef KINEMA_COMPILER_TARGET_COMMON_STRATEGIES_H
#define KINEMA_COMPILER_TARGET_COMMON_STRATEGIES_H

#include "compiler/Target/Common/KernelEmitter.h"
#include "compiler/Target/Common/Measurements.h"
#include "compiler/Target/Common/ScheduleCheck.h"

#include <functional>
#include <optional>
#include <type_traits>

namespace kinema {

/// One way of carrying kernels out on a machine: a row of its target's table. Which kernels it takes, how it
/// writes them, how long they last. The preferred rows come first; the last one is the reference lowering.
struct Strategy {
  llvm::StringRef name; // in schedules
  void (*emit)(mlir::Operation *kernel, KernelEmitter &e);
  /// The schedule that the parameters of the kernel's own lead to, by the code that schedules are chosen
  /// with; null where the strategy does not take the kernel or `parameters` have reported an error.
  std::function<kernel::ScheduleAttr(mlir::Operation *kernel, ScheduleParameters &parameters)> remake;
  /// The best few schedules of a kernel, the quickest first; none where the strategy does not take it.
  std::function<llvm::SmallVector<Candidate>(mlir::Operation *kernel)> candidates;
  /// Predicts a kernel that has a schedule of this strategy; empty where there is no model of the machine.
  std::function<Prediction(mlir::Operation *kernel)> predict = {};
  bool goesOnWithMerges = false; // a kernel.finalize may be attached to its kernels
  /// Brings the operands of a kernel into the form in which the chosen schedule reads them, by operations in
  /// front of it, before the kernel gets the schedule; empty where they lie so already.
  void (*settle)(mlir::Operation *kernel, kernel::ScheduleAttr schedule) = nullptr;
  llvm::ArrayRef<llvm::StringLiteral> settledBy = {}; // the parameters on which that form depends
};

/// A row of the functions of one operation, which take what their family knows of the machine as `Model`. The
/// row refers to the model.
template <typename Op, auto emit, auto remake, auto candidates, auto predict = nullptr, typename Model>
Strategy strategyOf(llvm::StringRef name, const Model &model) {
  Strategy strategy{name, [](mlir::Operation *op, KernelEmitter &e) { emit(llvm::cast<Op>(op), e); },
                    [&model](mlir::Operation *op, ScheduleParameters &parameters) {
                      auto kernel = llvm::dyn_cast<Op>(op);
                      return kernel ? remake(kernel, model, parameters) : kernel::ScheduleAttr();
                    },
                    [&model](mlir::Operation *op) {
                      auto kernel = llvm::dyn_cast<Op>(op);
                      return kernel ? candidates(kernel, model) : llvm::SmallVector<Candidate>();
                    }};
  if constexpr (!std::is_null_pointer_v<decltype(predict)>)
    strategy.predict = [&model](mlir::Operation *op) { return predict(llvm::cast<Op>(op), model); };
  return strategy;
}

/// The last row of a table: the reference lowering, which takes every kernel. `predict`: its seconds with a
/// schedule; empty where there is no model of the machine. The row refers to the machine.
Strategy
referenceStrategy(const Machine &machine,
                  std::function<double(mlir::Operation *kernel, kernel::ScheduleAttr schedule)> predict = {});

/// Returns what remains of a table where every kernel is to have the reference lowering.
inline llvm::ArrayRef<Strategy> referenceAlone(llvm::ArrayRef<Strategy> strategies) {
  return strategies.take_back();
}

/// Carries a choice out: brings the kernel's operands into the form that the schedule reads, and gives the
/// kernel the schedule. Fails, with an error on the kernel, where a pinned schedule does not fit it.
mlir::LogicalResult apply(ScheduleChoice choice, mlir::Operation *kernel,
                          llvm::ArrayRef<Strategy> strategies);

/// The strategy whose schedules have this name; null where there is none.
const Strategy *strategyNamed(llvm::ArrayRef<Strategy> strategies, llvm::StringRef name);

/// The schedules that may be measured for a kernel, the model's choice first: those of the first strategy
/// that takes it.
llvm::SmallVector<Candidate> candidatesOf(mlir::Operation *kernel, llvm::ArrayRef<Strategy> strategies);

/// Returns a line that is the same for kernels that differ only in where their operands come from, so that
/// the same schedules may be measured for them, and the same one is the quickest.
std::string choiceKeyOf(mlir::Operation *kernel);

/// Predicts a kernel with a schedule; nothing if that is of none of the strategies, or has no model.
std::optional<Prediction> predictionOf(mlir::Operation *kernel, llvm::ArrayRef<Strategy> strategies);

} // namespace kinema

#endif
