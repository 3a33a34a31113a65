#include "compiler/Inspect/Exploration.h"

#include "compiler/Inspect/CodeText.h"
#include "compiler/Inspect/Marks.h"
#include "compiler/Inspect/Texts.h"
#include "compiler/Target/Common/Target.h"
#include "dialects/Clip/Attributes.h"
#include "dialects/Clip/Clip.h"
#include "dialects/Clip/Layers.h"
#include "dialects/Kernel/Attributes.h"
#include "dialects/Kernel/Terms.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::inspect;

llvm::StringRef kinema::inspect::nameOf(StepPart part) {
  switch (part) {
  case StepPart::Forward:
    return "forward";
  case StepPart::Backward:
    return "backward";
  case StepPart::Update:
    return "update";
  }
}

static clip::Layers layersOf(ModuleOp module) {
  return clip::Layers(module->getAttrOfType<ArrayAttr>(clip::layersAttribute));
}

/// Returns the layer that a location names, the first of several; operations that read and write parameters
/// have the names of these.
static std::optional<size_t> layerAt(const clip::Layers &layers, Location location) {
  std::optional<size_t> layer;
  location->walk([&](Location part) {
    if (auto name = dyn_cast<NameLoc>(part))
      layer = layers.find(name.getName());
    return layer ? WalkResult::interrupt() : WalkResult::advance();
  });
  return layer;
}

//===-- Before fusion -----------------------------------------------------===//

/// Returns the operations of a module's functions, in their order.
static SmallVector<Operation *> operationsOf(ModuleOp module) {
  SmallVector<Operation *> operations;
  for (auto function : module.getOps<func::FuncOp>())
    for (Operation &op : function.getOps())
      if (!op.hasTrait<OpTrait::IsTerminator>())
        operations.push_back(&op);
  return operations;
}

static std::vector<ExploredOperation> describeOperations(ModuleOp module, ArrayRef<Operation *> operations) {
  const clip::Layers layers = layersOf(module);
  AsmState state(module, textFlags());
  std::vector<ExploredOperation> described;
  for (Operation *op : operations) {
    ExploredOperation &told = described.emplace_back();
    told.function = op->getParentOfType<func::FuncOp>().getSymName().str();
    told.op = op->getName().getStringRef().str();
    told.text = textOf(op, state);
    told.layer = layerAt(layers, op->getLoc());
  }
  return described;
}

void kinema::inspect::exploreClip(ModuleOp clip, llvm::function_ref<SourcePlace(Operation &)> placeOf,
                                  Exploration &exploration) {
  SmallVector<Operation *> operations = operationsOf(clip);
  exploration.clip = describeOperations(clip, operations);
  for (auto [op, told] : llvm::zip_equal(operations, exploration.clip))
    told.place = placeOf(*op);
  mark(operations, "clip");
}

/// Returns the operations that the results of a step's forward part depend on: the loss and the scores, and
/// what is written besides updates, which are the statistics of batch norm.
static llvm::DenseSet<Operation *> forwardOf(func::FuncOp function) {
  llvm::DenseSet<Operation *> forward;
  SmallVector<Operation *> open;
  auto add = [&](Value value) {
    if (Operation *maker = value.getDefiningOp(); maker && forward.insert(maker).second)
      open.push_back(maker);
  };
  for (Value result : function.front().getTerminator()->getOperands())
    add(result);
  for (auto write : function.getOps<clip::WriteOp>())
    if (!isa_and_nonnull<clip::UpdateOp>(write.getValue().getDefiningOp()))
      add(write.getValue());
  while (!open.empty())
    for (Value operand : open.pop_back_val()->getOperands())
      add(operand);
  return forward;
}

void kinema::inspect::exploreStep(ModuleOp step, Exploration &exploration) {
  SmallVector<Operation *> operations = operationsOf(step);
  exploration.step = describeOperations(step, operations);
  llvm::DenseSet<Operation *> forward;
  for (auto function : step.getOps<func::FuncOp>())
    forward.insert_range(forwardOf(function));
  for (auto [op, told] : llvm::zip_equal(operations, exploration.step)) {
    told.from = marksIn(op, "clip");
    if (isa<clip::UpdateOp, clip::WriteOp>(op))
      told.part = StepPart::Update;
    else if (!forward.contains(op) && !isa<clip::ReadOp>(op))
      told.part = StepPart::Backward;
  }
  mark(operations, "step");
}

//===-- Kernels and launches ----------------------------------------------===//

/// Notes which lines of a kernel's text compute something of which operations.
static void noteLines(Operation *kernel, const AsmState::LocationMap &printed, ExploredKernel &told) {
  std::map<size_t, std::set<int64_t>> lines;
  kernel->walk([&](Operation *inner) {
    auto place = printed.find(inner);
    if (inner == kernel || place == printed.end())
      return;
    for (int64_t number : marksIn(inner->getLoc(), "step"))
      lines[place->second.first - 1].insert(number);
  });
  for (auto &[line, numbers] : lines)
    told.lines[line] = {numbers.begin(), numbers.end()};
}

void kinema::inspect::exploreFused(ModuleOp fused, Exploration &exploration) {
  SmallVector<Operation *> kernels;
  for (auto function : fused.getOps<func::FuncOp>())
    for (Operation &op : function.getOps())
      if (isa<kernel::LaunchableOp>(op))
        kernels.push_back(&op);
  AsmState::LocationMap printed;
  AsmState state(fused, textFlags(), &printed);
  llvm::DenseMap<Operation *, size_t> numbers;
  for (Operation *op : kernels) {
    ExploredKernel &told = exploration.kernels.emplace_back();
    told.function = op->getParentOfType<func::FuncOp>().getSymName().str();
    told.op = op->getName().stripDialect().str();
    told.text = textOf(op, state);
    told.from = marksIn(op, "step");
    noteLines(op, printed, told);
    if (auto finalize = dyn_cast<kernel::FinalizeOp>(op); finalize && finalize.getAttached())
      told.carrier = numbers.lookup(finalize.getPartials().getDefiningOp());
    numbers[op] = exploration.kernels.size() - 1;
  }
  mark(kernels, "fused");
}

static ExploredLaunch describeLaunch(kernel::LaunchOp launch, const clip::Layers &layers,
                                     SymbolTable &symbols, const Target &target,
                                     const Exploration &exploration) {
  Operation *kernel = symbols.lookup<kernel::DefOp>(launch.getKernel()).getKernel();
  ExploredLaunch told;
  told.work = summarise(launch, symbols);
  told.schedule = describe(launch, symbols, target);
  told.kernel = launch.getKernel().str();
  told.threads = kernel::scheduleOf(kernel).getThreads().value_or(1);
  told.products = kernel::productsOfMac(kernel);
  told.layer = layers.find(launch.getLayer());
  told.kernels = marksIn(launch.getLoc(), "fused");
  for (auto [number, other] : llvm::enumerate(exploration.kernels))
    if (other.carrier && llvm::is_contained(told.kernels, static_cast<int64_t>(*other.carrier)))
      told.kernels.push_back(static_cast<int64_t>(number));
  // A kernel may compute values of the forward part again; whose kernel it is, its own location says.
  std::optional<StepPart> first;
  for (int64_t operation : marksIn(launch.getLoc(), "step")) {
    const StepPart part = exploration.step[operation].part;
    first = std::min(first.value_or(part), part);
  }
  told.part = first.value_or(StepPart::Forward);
  return told;
}

void kinema::inspect::explorePlanned(ModuleOp planned, const Target &target, Exploration &exploration) {
  const clip::Layers layers = layersOf(planned);
  SymbolTable symbols(planned);
  kernel::ArenaOp arena = *kernel::ArenaOp::of(planned); // plan-memory has made the arena
  exploration.target = target.name.str();
  exploration.peaks = target.peaks();
  exploration.plan = summarise(planned);
  if (auto precision = planned->getAttrOfType<kernel::PrecisionAttr>(kernel::precisionAttribute))
    exploration.precision = stringifyPrecision(precision.getValue()).str();
  for (auto segment : arena.getOps<kernel::SegmentOp>())
    exploration.segments.push_back({stringifySegmentKind(segment.getKind()).str(),
                                    int64_t(segment.getOffset()), int64_t(segment.getBytes())});
  for (auto entry : planned.getOps<kernel::EntryOp>()) {
    ExploredEntry &told = exploration.entries.emplace_back();
    told.name = entry.getSymName().str();
    for (auto launch : entry.getOps<kernel::LaunchOp>())
      told.launches.push_back(describeLaunch(launch, layers, symbols, target, exploration));
    told.lives = livesOf(entry, arena, symbols);
  }
  AsmState state(planned, textFlags());
  for (auto def : planned.getOps<kernel::DefOp>())
    exploration.code[def.getSymName().str()]["kernel"] = textOf(def, state);
}

//===-- Code --------------------------------------------------------------===//

LogicalResult kinema::inspect::exploreCode(ModuleOp lowered, const Target &target, Exploration &exploration) {
  std::set<std::string> kernels;
  for (auto &[kernel, texts] : exploration.code)
    kernels.insert(kernel);
  lowered->walk([&](LLVM::LLVMFuncOp function) {
    if (auto found = exploration.code.find(function.getName().str()); found != exploration.code.end())
      found->second["target"] = textOf(function, textFlags());
  });
  for (CodeForm form : {CodeForm::LLVM, CodeForm::Assembly}) {
    OwningOpRef<ModuleOp> copy = lowered.clone();
    auto text = target.codeText(*copy, form);
    if (failed(text))
      return failure();
    for (auto &[kernel, function] : functionsIn(*text, kernels))
      exploration.code[kernel][nameOf(form, target)] = std::move(function);
  }
  return success();
}
