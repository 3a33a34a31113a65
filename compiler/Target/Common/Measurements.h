// Chooses the schedule of a kernel among those that a target's model finds best: the model's first choice,
// that of another rank, or the one that was measured to be the quickest.
#ifndef KINEMA_COMPILER_TARGET_COMMON_MEASUREMENTS_H
#define KINEMA_COMPILER_TARGET_COMMON_MEASUREMENTS_H

#include "compiler/Support/MeasuredSchedules.h"
#include "dialects/Kernel/Kernel.h"

#include <optional>

namespace kinema {

/// A Prediction is what a model says of a kernel that has a schedule.
struct Prediction {
  Prediction(double seconds, llvm::StringRef limit = {}) : seconds(seconds), limit(limit) {}

  double seconds;
  llvm::StringRef limit; // what the kernel waits for most, in a word; empty where the model does not say
};

/// A Candidate is a schedule with what the model says of it.
struct Candidate {
  kernel::ScheduleAttr schedule;
  double seconds;
};

/// Keeps the quickest few of the candidates that it is shown; of equally quick ones the first. Times are in
/// the unit in which they are computed, so that those that differ in their last bit stay apart.
class Best {
public:
  void consider(double time, llvm::function_ref<kernel::ScheduleAttr()> schedule);
  /// Returns whether a schedule that takes so long would be kept.
  bool wants(double time) const { return kept.size() < count || time < kept.back().seconds; }
  /// `unit`: its seconds.
  llvm::SmallVector<Candidate> take(double unit = 1);

private:
  static constexpr size_t count = 8;
  llvm::SmallVector<Candidate> kept; // their times in place of seconds
};

/// The candidates of several ways to do the same, each list the quickest first: the quickest of all, the
/// quickest of the other ways, then the rest. So the first few try every way.
llvm::SmallVector<Candidate> mixed(llvm::ArrayRef<llvm::SmallVector<Candidate>> ways);

/// A ScheduleChoice is a kernel's schedule and, where that was measured, the seconds of a launch. Of a pinned
/// schedule, the name, the parameters and the grid alone are known: Strategy::remake computes the rest.
struct ScheduleChoice {
  kernel::ScheduleAttr schedule;
  std::optional<double> measured = {};
  bool isPinned = false;
  llvm::SmallVector<Candidate> candidates = {}; // what it was chosen from, if that is to be noted

  /// Gives the schedule to the kernel, whose partials become as many as it leaves, and notes the seconds in
  /// the attribute `kernel.measured` and the candidates in `kernel.candidates`.
  void applyTo(mlir::Operation *kernel) const;
};

/// Returns the seconds that were measured, for a kernel that a choice was applied to.
std::optional<double> measuredSeconds(mlir::Operation *kernel);

/// Returns the candidates that a choice has noted on a kernel; none where it was not to.
llvm::SmallVector<Candidate> notedCandidates(mlir::Operation *kernel);

class ScheduleChooser {
public:
  /// Makes a chooser from the options of a pass on a module for `target`: `file` of measured schedules, if
  /// there is one, which has to be of that target. A `rank` from 0 on takes the candidate of that number, or
  /// the last, whatever was measured; -1 takes what was measured, or the first.
  /// `notes`: whether its choices note their candidates.
  static llvm::Expected<ScheduleChooser> make(llvm::StringRef file, int64_t rank, llvm::StringRef target,
                                              bool notes);

  /// Chooses a candidate or the pinned schedule. A measured schedule that is no longer among the candidates
  /// is passed over.
  ScheduleChoice choose(mlir::Operation *kernel, llvm::ArrayRef<Candidate> candidates) const;

private:
  ScheduleChoice best(mlir::Operation *kernel, llvm::ArrayRef<Candidate> candidates) const;

  MeasuredSchedules measured;
  int64_t rank = -1;
  bool notes = false;
};

} // namespace kinema

#endif
