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
    told.lines = markedLines(op, printed, "step");
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
  AsmState::LocationMap printed;
  AsmState state(planned, textFlags(), &printed);
  for (auto def : planned.getOps<kernel::DefOp>()) {
    const std::string name = def.getSymName().str();
    std::string text = textOf(def, state);
    exploration.code[name]["kernel"] = {std::move(text), markedLines(def, printed, "step")};
    exploration.madeOf[name] = marksIn(def.getLoc(), "fused").front();
  }
}

//===-- Code --------------------------------------------------------------===//

/// Returns the code of kernels in a form. With `places`, directives say what its lines come from.
static FailureOr<std::map<std::string, std::string>> codeOf(ModuleOp lowered, const Target &target,
                                                            CodeForm form,
                                                            const std::set<std::string> &kernels,
                                                            bool places) {
  OwningOpRef<ModuleOp> copy = lowered.clone();
  if (places && failed(placeMarks(*copy, "step")))
    return failure();
  auto text = target.codeText(*copy, form);
  if (failed(text))
    return failure();
  return functionsIn(*text, kernels);
}

/// Adds a function of phase `target` to a kernel's code.
static void addFunction(LLVM::LLVMFuncOp function, ExploredCode &code) {
  AsmState::LocationMap printed;
  AsmState state(function, textFlags().useLocalScope(), &printed);
  const size_t first = llvm::count(code.text, '\n');
  code.text += textOf(function, state) + "\n";
  for (auto &[line, numbers] : markedLines(function, printed, "step"))
    code.lines[first + line] = std::move(numbers);
}

/// Adds the functions that kernels have in phase `target`, with those that they call.
static void addLowered(ModuleOp lowered, Exploration &exploration) {
  lowered->walk([&](LLVM::LLVMFuncOp function) {
    auto found = exploration.code.find(function.getName().str());
    if (found == exploration.code.end())
      return;
    llvm::SetVector<Operation *> functions;
    functions.insert(function);
    for (size_t number = 0; number < functions.size(); ++number)
      functions[number]->walk([&](LLVM::CallOp call) {
        auto callee = SymbolTable::lookupNearestSymbolFrom<LLVM::LLVMFuncOp>(call, call.getCalleeAttr());
        if (callee && !callee.isExternal())
          functions.insert(callee);
      });
    for (Operation *part : functions)
      addFunction(cast<LLVM::LLVMFuncOp>(part), found->second["target"]);
  });
}

/// Returns the operations of `step` that a kernel was made of, with those of what it carries.
static std::set<int64_t> operationsIn(const std::string &kernel, const Exploration &exploration) {
  const int64_t made = exploration.madeOf.at(kernel);
  std::set<int64_t> operations;
  for (auto [number, fused] : llvm::enumerate(exploration.kernels))
    if (static_cast<int64_t>(number) == made ||
        (fused.carrier && static_cast<int64_t>(*fused.carrier) == made))
      operations.insert(fused.from.begin(), fused.from.end());
  return operations;
}

/// Leaves a kernel's own operations in the lines of its code. Kernels share functions, which have the
/// locations of the first one that needed them.
static void keepOwn(std::map<std::string, ExploredCode> &texts, const std::set<int64_t> &own) {
  for (auto &[form, code] : texts)
    for (auto &[line, numbers] : code.lines)
      llvm::erase_if(numbers, [&](int64_t number) { return !own.contains(number); });
}

LogicalResult kinema::inspect::exploreCode(ModuleOp lowered, const Target &target, Exploration &exploration) {
  std::set<std::string> kernels;
  for (auto &[kernel, texts] : exploration.code)
    kernels.insert(kernel);
  addLowered(lowered, exploration);
  auto ir = codeOf(lowered, target, CodeForm::LLVM, kernels, false),
       code = codeOf(lowered, target, CodeForm::Assembly, kernels, false),
       placed = codeOf(lowered, target, CodeForm::Assembly, kernels, true);
  if (failed(ir) || failed(code) || failed(placed))
    return failure();
  for (auto &[kernel, texts] : exploration.code) {
    texts[nameOf(CodeForm::LLVM, target)].text = std::move((*ir)[kernel]);
    std::string &withPlaces = (*placed)[kernel];
    MarkedLines lines = takePlaces(withPlaces);
    // Places change no code; if they ever did, the code that is shown would still be that of packages.
    if (withPlaces != (*code)[kernel])
      lines.clear();
    texts[nameOf(CodeForm::Assembly, target)] = {std::move((*code)[kernel]), std::move(lines)};
    keepOwn(texts, operationsIn(kernel, exploration));
  }
  return success();
}
