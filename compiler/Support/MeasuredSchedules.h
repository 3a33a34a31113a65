// The file of measured schedules that `kinema tune` writes and `--measurements` reads (docs/benchmarks.md
// describes it).
#ifndef KINEMA_COMPILER_SUPPORT_MEASUREDSCHEDULES_H
#define KINEMA_COMPILER_SUPPORT_MEASUREDSCHEDULES_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <cstdint>
#include <map>
#include <string>

namespace kinema {

/// The quickest of a kernel's schedules that were measured.
struct MeasuredSchedule {
  std::string schedule; // its name
  std::map<std::string, int64_t> parameters;
  double seconds, modelSeconds; // of a launch with it, and with the model's choice
  std::string machine;          // where that was
};

/// Those of the kernels of one target, by their signatures (dialects/Kernel/Signature.h).
class MeasuredSchedules {
public:
  explicit MeasuredSchedules(std::string target = "") : target(std::move(target)) {}

  /// The error begins with `origin` and says what is wrong, and where.
  static llvm::Expected<MeasuredSchedules> parse(llvm::StringRef text, llvm::StringRef origin);
  static llvm::Expected<MeasuredSchedules> read(llvm::StringRef path);
  /// What `parse` reads.
  std::string text() const;

  llvm::StringRef getTarget() const { return target; }
  size_t size() const { return entries.size(); }
  /// Null where the kernel was not measured.
  const MeasuredSchedule *find(llvm::StringRef signature) const;
  /// In place of what was kept of this kernel before.
  void keep(const std::string &signature, MeasuredSchedule measured) {
    entries[signature] = std::move(measured);
  }

private:
  std::string target;
  std::map<std::string, MeasuredSchedule, std::less<>> entries;
};

} // namespace kinema

#endif
