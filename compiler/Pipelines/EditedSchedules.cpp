#include "compiler/Pipelines/EditedSchedules.h"

#include "dialects/Kernel/Signature.h"

#include "llvm/Support/FormatVariadic.h"

#include <map>

using namespace mlir;
using namespace kinema;

namespace {
/// The kernels of one signature: whose launches run them, and with which schedules.
struct Kernels {
  std::vector<std::string> layers;
  std::vector<kernel::ScheduleAttr> schedules;
};
} // namespace

/// Returns whether anything of a schedule was chosen: else it follows from the kernel, such as from how many
/// partials it reads.
static bool isChosen(kernel::ScheduleAttr schedule) {
  return llvm::any_of(schedule.getNumbers(), [](const auto &parameter) {
    return parameter.first != kernel::ScheduleAttr::partialsName &&
           parameter.first != kernel::ScheduleAttr::threadsName;
  });
}

static std::map<std::string, Kernels> kernelsOf(ModuleOp planned) {
  std::map<std::string, Kernels> found;
  SymbolTable symbols(planned);
  planned.walk([&](kernel::LaunchOp launch) {
    Operation *kernel = symbols.lookup<kernel::DefOp>(launch.getKernel()).getKernel();
    if (!isChosen(kernel::scheduleOf(kernel)))
      return;
    Kernels &kernels = found[kernel::signatureOf(kernel)];
    if (!llvm::is_contained(kernels.layers, launch.getLayer()))
      kernels.layers.push_back(launch.getLayer().str());
    if (!llvm::is_contained(kernels.schedules, kernel::scheduleOf(kernel)))
      kernels.schedules.push_back(kernel::scheduleOf(kernel));
  });
  return found;
}

/// Returns whether schedules of two contexts are the same.
static bool isSame(kernel::ScheduleAttr a, kernel::ScheduleAttr b) {
  return a.getName() == b.getName() && a.getGrid() == b.getGrid() && a.getNumbers() == b.getNumbers();
}

llvm::Expected<std::vector<EditedSchedule>> kinema::editedSchedules(ModuleOp edited, ModuleOp byModel) {
  std::vector<EditedSchedule> all;
  std::map<std::string, Kernels> known = kernelsOf(byModel);
  for (auto &[signature, kernels] : kernelsOf(edited)) {
    auto like = known.find(signature);
    if (like == known.end())
      return llvm::createStringError(
          llvm::formatv("a kernel of layer '{0}' is none of the spec's: give the options with which the "
                        "module was made, such as --batch, --size, --mode and --precision",
                        kernels.layers.front()));
    llvm::erase_if(kernels.schedules, [&](kernel::ScheduleAttr schedule) {
      return llvm::any_of(like->second.schedules,
                          [&](kernel::ScheduleAttr other) { return isSame(schedule, other); });
    });
    if (kernels.schedules.size() > 1)
      return llvm::createStringError(llvm::formatv(
          "kernels that are alike have two schedules that were made by hand, one of them in layer "
          "'{0}': a file has one for all of them",
          kernels.layers.front()));
    for (kernel::ScheduleAttr schedule : kernels.schedules)
      all.push_back({signature, kernels.layers, schedule});
  }
  return all;
}
