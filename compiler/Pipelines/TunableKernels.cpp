#include "compiler/Pipelines/TunableKernels.h"

#include "dialects/Kernel/Signature.h"
#include "dialects/Shape/ShapeRules.h"

using namespace mlir;
using namespace kinema;

kernel::ScheduleAttr KernelAlternative::schedule() const {
  return kernel::scheduleOf(kernel::DefOp(def).getKernel());
}

//===-- Collecting --------------------------------------------------------===//

namespace {
class Collector {
public:
  void add(ModuleOp planned, bool isFirst);
  std::vector<TunableKernel> take();

private:
  TunableKernel &kernelOf(kernel::DefOp def);
  void addLaunch(kernel::EntryOp entry, kernel::LaunchOp launch, kernel::DefOp def, bool isFirst);

  std::vector<TunableKernel> kernels;
  std::map<std::string, size_t> numbers;      // index into `kernels`, by signature
  std::map<int64_t, kernel::DefOp> weightsAt; // kernel.winograd of the entry so far, by where it writes
};
} // namespace

static std::string nameOf(Operation *op) {
  auto conv = dyn_cast<kernel::ConvOp>(op);
  bool transposed = conv && conv.getDirection() == kernel::Direction::Transposed;
  return op->getName().stripDialect().str() + (transposed ? " transposed" : "");
}

TunableKernel &Collector::kernelOf(kernel::DefOp def) {
  std::string signature = kernel::signatureOf(def.getKernel());
  auto [known, isNew] = numbers.try_emplace(signature, kernels.size());
  if (isNew)
    kernels.push_back({signature, nameOf(def.getKernel()), {}, {}, 0, {}});
  return kernels[known->second];
}

void Collector::addLaunch(kernel::EntryOp entry, kernel::LaunchOp launch, kernel::DefOp def, bool isFirst) {
  TunableKernel &kernel = kernelOf(def);
  if (isFirst) {
    ++kernel.launches[entry.getSymName().str()];
    kernel.macs += launch.getMacs();
    if (!llvm::is_contained(kernel.layers, launch.getLayer()))
      kernel.layers.push_back(launch.getLayer().str());
  }
  KernelAlternative alternative{def, nullptr};
  if (auto conv = dyn_cast<kernel::ConvOp>(def.getKernel()); conv && conv.readsPoints()) {
    int64_t number = cast<BlockArgument>(conv.getWeight()).getArgNumber();
    if (auto weight = weightsAt.find(launch.getArgs()[number]); weight != weightsAt.end())
      alternative.weight = weight->second;
  }
  auto same = llvm::find_if(kernel.alternatives, [&](const KernelAlternative &known) {
    return known.schedule() == alternative.schedule();
  });
  if (same == kernel.alternatives.end())
    kernel.alternatives.push_back(alternative);
  else if (!same->weight) // the same schedule without a weight was in @infer; the one of the step counts
    *same = alternative;
}

void Collector::add(ModuleOp planned, bool isFirst) {
  SymbolTable symbols(planned);
  for (auto entry : planned.getOps<kernel::EntryOp>()) {
    weightsAt.clear();
    for (auto launch : entry.getOps<kernel::LaunchOp>()) {
      auto def = symbols.lookup<kernel::DefOp>(launch.getKernel());
      if (isa<kernel::WinogradOp>(def.getKernel()))
        weightsAt[launch.getArgs().back()] = def;
      else
        addLaunch(entry, launch, def, isFirst);
    }
  }
}

std::vector<TunableKernel> Collector::take() {
  llvm::erase_if(kernels, [](const TunableKernel &kernel) { return kernel.alternatives.size() < 2; });
  std::sort(kernels.begin(), kernels.end(), [](const TunableKernel &a, const TunableKernel &b) {
    return a.macs != b.macs ? a.macs > b.macs : a.signature < b.signature;
  });
  return std::move(kernels);
}

std::vector<TunableKernel> kinema::tunableKernels(ArrayRef<ModuleOp> planned) {
  Collector collector;
  for (ModuleOp module : planned)
    collector.add(module, module == planned.front());
  return collector.take();
}

//===-- Alone -------------------------------------------------------------===//

/// Appends an offset for each value, one value behind the other.
static void place(TypeRange types, int64_t &end, SmallVectorImpl<int64_t> &places) {
  constexpr int64_t alignment = 4096;
  for (Type type : types) {
    places.push_back(end);
    end += shape::roundUp(kernel::storedBytes(cast<RankedTensorType>(type)), alignment);
  }
}

/// Copies the kernel into `module`, under a name of its own.
static SoloLaunch copyInto(ModuleOp module, kernel::DefOp def, const Twine &name) {
  OpBuilder builder(module.getBodyRegion());
  builder.setInsertionPointToEnd(module.getBody());
  auto copy = cast<kernel::DefOp>(builder.clone(*def));
  copy.setSymName(name.str());
  auto schedule = kernel::scheduleOf(copy.getKernel());
  return {name.str(), schedule.getGrid(), schedule.getThreads().value_or(0), schedule.getScratch(), {}};
}

SoloKernel kinema::soloKernel(const TunableKernel &kernel) {
  auto origin = kernel::DefOp(kernel.alternatives.front().def)->getParentOfType<ModuleOp>();
  SoloKernel solo;
  solo.module = ModuleOp::create(origin.getLoc());
  solo.module->getOperation()->setAttrs(origin->getAttrDictionary());
  for (auto [number, alternative] : llvm::enumerate(kernel.alternatives)) {
    SoloAlternative &alone = solo.alternatives.emplace_back();
    kernel::DefOp def = alternative.def;
    SoloLaunch launch = copyInto(*solo.module, def, "kernel" + Twine(number));
    int64_t end = 0;
    place(def.getOperandTypes(), end, launch.args);
    if (def.getAttached()) {
      alone.countersAt = launch.args.back();
      alone.counterBytes = kernel::storedBytes(cast<RankedTensorType>(def.getOperandTypes().back()));
    }
    if (kernel::DefOp weight = alternative.weight) {
      SoloLaunch before = copyInto(*solo.module, weight, "weight" + Twine(number));
      place(weight.getOperandTypes(), end, before.args);
      auto made = cast<BlockArgument>(cast<kernel::ConvOp>(def.getKernel()).getWeight());
      before.args.push_back(launch.args[made.getArgNumber()]);
      alone.launches.push_back(std::move(before));
    }
    solo.operandBytes = std::max(solo.operandBytes, end);
    alone.launches.push_back(std::move(launch));
  }
  for (auto [alternative, alone] : llvm::zip_equal(kernel.alternatives, solo.alternatives)) {
    int64_t end = solo.operandBytes;
    place(kernel::DefOp(alternative.def).getResultTypes(), end, alone.launches.back().args);
    solo.bytes = std::max(solo.bytes, end);
  }
  auto builder = OpBuilder::atBlockBegin(solo.module->getBody());
  auto arena = kernel::ArenaOp::create(builder, solo.module->getLoc(), solo.bytes, 0, 0);
  arena.getBody().emplaceBlock();
  return solo;
}
