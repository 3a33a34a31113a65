#include "compiler/Inspect/Story.h"

#include "compiler/Inspect/Texts.h"
#include "compiler/Target/Common/Measurements.h"
#include "dialects/Clip/Attributes.h"
#include "dialects/Clip/Clip.h"
#include "dialects/Kernel/Attributes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <set>

using namespace mlir;
using namespace kinema;
using namespace kinema::inspect;

namespace {
/// Tells what belongs to one layer, by the names in locations.
class Belonging {
public:
  Belonging(ModuleOp module, size_t layer)
      : layers(module->getAttrOfType<ArrayAttr>(clip::layersAttribute)), layer(layer) {}

  bool owns(StringRef name) const { return layers.find(name) == layer; }
  /// Returns the names in a location, those of all layers or of the one alone: an operation that was merged
  /// of several has the names of all of them.
  std::set<std::string> namesIn(Location location, bool ofAll = false) const {
    std::set<std::string> names;
    location->walk([&](Location part) {
      if (auto name = dyn_cast<NameLoc>(part);
          name && (ofAll ? layers.find(name.getName()).has_value() : owns(name.getName())))
        names.insert(name.getName().str());
      return WalkResult::advance();
    });
    return names;
  }

private:
  clip::Layers layers;
  size_t layer;
};
} // namespace

static StringRef nameOf(Location location) {
  auto name = dyn_cast<NameLoc>(location);
  return name ? name.getName().getValue() : StringRef();
}

std::vector<StoryOperation> kinema::inspect::storyOperations(ModuleOp module, size_t layer) {
  Belonging belonging(module, layer);
  AsmState state(module, textFlags());
  std::vector<StoryOperation> operations;
  for (auto function : module.getOps<func::FuncOp>())
    for (Operation &op : function.getOps())
      if (!belonging.namesIn(op.getLoc()).empty())
        operations.push_back(
            {function.getName().str(), textOf(&op, state), isa<clip::ReadOp, clip::WriteOp>(op)});
  return operations;
}

/// Describes a kernel, if it computes something of the layer.
static std::optional<StoryKernel> kernelOf(Operation *op, const Belonging &belonging, AsmState &state) {
  StoryKernel kernel;
  op->walk([&](Operation *inner) {
    if (inner != op && !inner->hasTrait<OpTrait::IsTerminator>())
      for (const std::string &name : belonging.namesIn(inner->getLoc()))
        ++kernel.scalars[name];
  });
  if (kernel.scalars.empty() && belonging.namesIn(op->getLoc()).empty())
    return std::nullopt;
  kernel.op = op->getName().stripDialect().str();
  if (auto schedule = kernel::scheduleOf(op))
    kernel.schedule = schedule.getName().str();
  kernel.layer = nameOf(op->getLoc()).str();
  if (auto note = op->getAttrOfType<StringAttr>(kernel::noteAttribute))
    kernel.note = note.str();
  kernel.text = textOf(op, state);
  return kernel;
}

std::vector<StoryKernel> kinema::inspect::storyKernels(ModuleOp fused, size_t layer) {
  Belonging belonging(fused, layer);
  OwningOpRef<ModuleOp> copy = fused.clone(); // a kernel's text is long enough without its candidates
  copy->walk([](kernel::LaunchableOp op) { op->removeAttr(kernel::candidatesAttribute); });
  AsmState state(*copy, textFlags());
  std::vector<StoryKernel> kernels;
  for (auto function : copy->getOps<func::FuncOp>())
    for (Operation &op : function.getOps())
      if (isa<kernel::LaunchableOp>(op))
        if (auto kernel = kernelOf(&op, belonging, state)) {
          kernel->function = function.getName().str();
          kernels.push_back(std::move(*kernel));
        }
  return kernels;
}

static std::vector<StoryCandidate> candidatesOf(Operation *kernel) {
  std::vector<StoryCandidate> candidates;
  for (const Candidate &candidate : notedCandidates(kernel))
    candidates.push_back({candidate.schedule.getName().str(), candidate.schedule.getNumbers(),
                          candidate.seconds, candidate.schedule == kernel::scheduleOf(kernel)});
  return candidates;
}

static StoryLaunch launchOf(kernel::LaunchOp launch, SymbolTable &symbols, const Target &target) {
  Operation *kernel = symbols.lookup<kernel::DefOp>(launch.getKernel()).getKernel();
  StoryLaunch told;
  told.entry = launch->getParentOfType<kernel::EntryOp>().getSymName().str();
  told.kernel = launch.getKernel().str();
  told.work = summarise(launch, symbols);
  told.schedule = describe(launch, symbols, target);
  told.threads = kernel::scheduleOf(kernel).getThreads().value_or(1);
  told.candidates = candidatesOf(kernel);
  return told;
}

std::vector<StoryLaunch> kinema::inspect::storyLaunches(ModuleOp planned, size_t layer,
                                                        const Target &target) {
  Belonging belonging(planned, layer);
  SymbolTable symbols(planned);
  std::vector<StoryLaunch> launches;
  for (auto entry : planned.getOps<kernel::EntryOp>())
    for (auto launch : entry.getOps<kernel::LaunchOp>())
      if (!belonging.namesIn(launch.getLoc()).empty()) {
        launches.push_back(launchOf(launch, symbols, target));
        launches.back().layers = belonging.namesIn(launch.getLoc(), /*ofAll=*/true).size();
      }
  return launches;
}
