#include "compiler/Target/Common/ScheduleParameters.h"

using namespace mlir;
using namespace kinema;

kernel::ScheduleAttr kinema::makeSchedule(MLIRContext *context, StringRef name, const Grid &grid,
                                          ArrayRef<std::pair<StringRef, int64_t>> parameters) {
  Builder b(context);
  SmallVector<NamedAttribute> named;
  auto add = [&](StringRef parameter, int64_t value) {
    named.push_back(b.getNamedAttr(parameter, b.getI64IntegerAttr(value)));
  };
  for (auto [parameter, value] : parameters)
    add(parameter, value);
  if (grid.partials)
    add(kernel::ScheduleAttr::partialsName, *grid.partials);
  if (grid.threads)
    add(kernel::ScheduleAttr::threadsName, *grid.threads);
  return kernel::ScheduleAttr::get(context, name, grid.blocks, grid.scratch, b.getDictionaryAttr(named));
}

ScheduleParameters::ScheduleParameters(Operation *kernel)
    : kernel(kernel), schedule(kernel::scheduleOf(kernel)) {}

InFlightDiagnostic ScheduleParameters::fault() {
  wrong = true;
  return kernel->emitOpError("has the schedule ") << schedule.getName() << ", whose ";
}

int64_t ScheduleParameters::inRange(StringRef name, int64_t value, int64_t least, int64_t most,
                                    int64_t step) {
  if (value >= least && value <= most && (value % step == 0 || value == most))
    return value;
  auto error = fault() << name << " is " << value << ", expected " << least;
  if (most > least)
    error << " to " << most;
  if (most > least && step > 1)
    error << " in multiples of " << step;
  return least;
}

int64_t ScheduleParameters::checked(const void *place, int64_t least, int64_t most, int64_t step) {
  const Given *found = llvm::find_if(given, [&](const Given &other) { return other.place == place; });
  assert(found != given.end() && "only what was read can be checked");
  if (found->value)
    return inRange(found->name, *found->value, least, most, step);
  fault() << "parameter " << found->name << " is missing, a number from " << least << " to " << most;
  return least;
}

int64_t ScheduleParameters::readGrid(int64_t least, int64_t most, int64_t step) {
  return inRange("grid", schedule.getGrid(), least, most, step);
}
