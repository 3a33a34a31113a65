// Reads and writes the file of measured schedules that `kinema tune` makes and `--measurements` takes
// (docs/benchmarks.md describes it).
#ifndef KINEMA_COMPILER_SUPPORT_MEASUREDSCHEDULES_H
#define KINEMA_COMPILER_SUPPORT_MEASUREDSCHEDULES_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace kinema {

/// A MeasuredSchedule is the quickest of a kernel's schedules that were measured or, where somebody has
/// pinned it, one that was made by hand, which no measurement replaces.
struct MeasuredSchedule {
  std::string schedule; // name of the schedule
  std::map<std::string, int64_t> parameters;
  double seconds = 0, modelSeconds = 0; // of a launch with this schedule, and with the model's choice
  std::string machine = {};             // where the times were measured
  std::optional<int64_t> pinnedGrid = std::nullopt; // of a pinned schedule: its grid; it has no times
};

/// Holds the measured schedules of one target's kernels, by the kernels' signatures
/// (dialects/Kernel/Signature.h).
class MeasuredSchedules {
public:
  explicit MeasuredSchedules(std::string target = "") : target(std::move(target)) {}

  /// Parses the file's text. An error begins with `origin` and says what is wrong, and where.
  static llvm::Expected<MeasuredSchedules> parse(llvm::StringRef text, llvm::StringRef origin);
  static llvm::Expected<MeasuredSchedules> read(llvm::StringRef path);
  /// Returns the text that `parse` reads.
  std::string text() const;

  llvm::StringRef getTarget() const { return target; }
  /// Succeeds if the schedules were measured for the target; an error begins with `origin`.
  llvm::Error checkTarget(llvm::StringRef wanted, llvm::StringRef origin) const;
  size_t size() const { return entries.size(); }
  /// Returns the kernel's schedule; null where the kernel was not measured.
  const MeasuredSchedule *find(llvm::StringRef signature) const;
  /// Keeps the kernel's schedule in place of one that was kept before.
  void keep(const std::string &signature, MeasuredSchedule measured) {
    entries[signature] = std::move(measured);
  }
  bool isPinned(llvm::StringRef signature) const {
    const MeasuredSchedule *entry = find(signature);
    return entry && entry->pinnedGrid;
  }

private:
  std::string target;
  std::map<std::string, MeasuredSchedule, std::less<>> entries;
};

} // namespace kinema

#endif
