// The parameters of schedules, each schedule's a struct of its target: what they are called stands once, in
// the struct, from which schedules are made and in which they are read again.
//
// In text parameters are a dictionary, since dialect kernel does not know what targets choose. A struct says
// the schedule's name and its parameters:
//
//   struct GroupTile {
//     static constexpr llvm::StringLiteral schedule = "cpu.group_tile";
//     int64_t rows, parts;
//     static void forEach(auto &self, auto visit) {
//       visit("rows", self.rows);
//       visit("parts", self.parts);
//     }
//   };
#ifndef KINEMA_COMPILER_TARGET_COMMON_SCHEDULEPARAMETERS_H
#define KINEMA_COMPILER_TARGET_COMMON_SCHEDULEPARAMETERS_H

#include "dialects/Kernel/Kernel.h"

#include <optional>

namespace kinema {

/// A Grid is what a schedule says besides its parameters.
struct Grid {
  int64_t blocks;
  int64_t scratch = 0;                  // bytes of a block
  std::optional<int64_t> partials = {}; // that are left, where these follow from the parameters
  std::optional<int64_t> threads = {};  // of a block, where the machine shares blocks among threads
};

/// Makes a schedule of parameters with their names.
kernel::ScheduleAttr makeSchedule(mlir::MLIRContext *context, llvm::StringRef name, const Grid &grid,
                                  llvm::ArrayRef<std::pair<llvm::StringRef, int64_t>> parameters = {});

/// Makes a schedule whose name does not follow from its parameters alone.
template <typename Parameters>
kernel::ScheduleAttr makeSchedule(mlir::Operation *kernel, llvm::StringRef schedule, const Grid &grid,
                                  const Parameters &parameters) {
  llvm::SmallVector<std::pair<llvm::StringRef, int64_t>> named;
  Parameters::forEach(parameters,
                      [&](llvm::StringRef name, int64_t value) { named.push_back({name, value}); });
  return makeSchedule(kernel->getContext(), schedule, grid, named);
}

template <typename Parameters>
kernel::ScheduleAttr makeSchedule(mlir::Operation *kernel, const Grid &grid, const Parameters &parameters) {
  return makeSchedule(kernel, Parameters::schedule, grid, parameters);
}

/// The parameters of a kernel's schedule, which was verified.
template <typename Parameters> Parameters parametersOf(kernel::ScheduleAttr schedule) {
  Parameters parameters{};
  Parameters::forEach(parameters, [&]<typename T>(llvm::StringRef name, T &value) {
    value = static_cast<T>(*schedule.find(name));
  });
  return parameters;
}

/// Reads those parts of a kernel's schedule that were chosen, which are text that anybody may change. What is
/// missing or outside its range is an error on the kernel, after which `failed` is true and values are the
/// least of their ranges.
class ScheduleParameters {
public:
  explicit ScheduleParameters(mlir::Operation *kernel);

  /// Sets the parameters to what the schedule says. What it lacks is reported when `check` comes to it.
  template <typename Parameters> void read(Parameters &parameters) {
    Parameters::forEach(parameters, [&]<typename T>(llvm::StringRef name, T &value) {
      auto found = schedule.find(name);
      given.push_back({&value, name, found});
      value = static_cast<T>(found.value_or(0));
    });
  }
  /// Checks one of the parameters that were read. It lies in [least, most]; with a step it is a multiple of
  /// that, or `most`.
  template <typename T> void check(T &value, int64_t least, int64_t most, int64_t step = 1) {
    value = static_cast<T>(checked(&value, least, most, step));
  }
  /// Reads the grid, where it is chosen and does not follow from the parameters.
  int64_t readGrid(int64_t least, int64_t most, int64_t step);
  /// Reports that the parameters do not go together: "... has the schedule NAME, whose " and what the caller
  /// adds.
  mlir::InFlightDiagnostic fault();
  bool failed() const { return wrong; }

private:
  struct Given {
    const void *place;
    llvm::StringRef name;
    std::optional<int64_t> value;
  };
  int64_t checked(const void *place, int64_t least, int64_t most, int64_t step);
  int64_t inRange(llvm::StringRef name, int64_t value, int64_t least, int64_t most, int64_t step);

  mlir::Operation *kernel;
  kernel::ScheduleAttr schedule;
  llvm::SmallVector<Given> given;
  bool wrong = false;
};

} // namespace kinema

#endif
