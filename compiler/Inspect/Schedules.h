// Computes what `kinema inspect --schedules` tells: how each launch is carried out, and how far the model of
// the machine puts it from its floor.
#ifndef KINEMA_COMPILER_INSPECT_SCHEDULES_H
#define KINEMA_COMPILER_INSPECT_SCHEDULES_H

#include "compiler/Target/Common/Target.h"

#include <nlohmann/json.hpp>

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace kinema::inspect {

struct ScheduledLaunch {
  std::string layer, op, schedule;
  int64_t blocks = 0, shared = 0; // blocks of a launch; bytes of a block
  std::map<std::string, int64_t> parameters;
  std::string note; // why it is not carried out in a better way
  /// The seconds that the model predicts, and the least that the launch's multiply-adds and bytes allow.
  /// Either is nothing where it is not known, as the least is not for a CPU.
  std::optional<double> predicted, floor;
  std::string limit;              // what it waits for most, by the model; empty where that does not say
  std::optional<double> measured; // seconds, where the schedule was measured (`kinema tune`)

  /// Returns how many times its floor the launch takes; it is worth improving where this is above
  /// `acceptable`.
  double ratio() const { return *predicted / *floor; }
  static constexpr double acceptable = 1.3;
};

/// Describes a launch of a module in phase `planned`, whose symbols are given.
ScheduledLaunch describe(kernel::LaunchOp launch, mlir::SymbolTable &symbols, const Target &target);
/// Returns the launches of an entry of a module in phase `planned`, in order; none without that entry.
std::vector<ScheduledLaunch> scheduledLaunches(mlir::ModuleOp planned, llvm::StringRef entry,
                                               const Target &target);

std::string scheduleTable(llvm::StringRef entry, const std::vector<ScheduledLaunch> &launches);
/// Returns [{layer, op, schedule, blocks, shared, parameters, note, predicted_us, floor_us, ratio, improve,
/// limit, measured_us}]. `measured_us` is there where the launch was measured, and the four fields before it
/// where they are known.
nlohmann::json schedulesJson(const std::vector<ScheduledLaunch> &launches);

/// Returns a schedule's parameters as "channels=144 depth=64", without the partials and threads, which follow
/// from the others or are told elsewhere.
std::string parametersText(const std::map<std::string, int64_t> &parameters);

} // namespace kinema::inspect

#endif
