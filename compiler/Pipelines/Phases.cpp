#include "compiler/Pipelines/Phases.h"
#include "dialects/Clip/Attributes.h"

#include "compiler/Pipelines/Step.h"
#include "compiler/Transforms/ModuleRecipe.h"
#include "compiler/Transforms/Passes.h"
#include "compiler/Transforms/VerifyLaunches.h"
#include "dialects/Kernel/Attributes.h"
#include "dialects/Kernel/Kernel.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Pass/PassInstrumentation.h"
#include "mlir/Transforms/Passes.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/SHA256.h"

using namespace mlir;
using namespace kinema;

static constexpr PhaseInfo table[] = {
    {Phase::Ast, "ast", "text", "parsed and checked"},
    {Phase::Clip, "clip", "clip dialect", "blocks and stages expanded, (2+1)D factorised, shapes inferred"},
    {Phase::Step, "step", "clip dialect",
     "forward, backward and update in one function; batch norm folded for inference"},
    {Phase::Fused, "fused", "kernel dialect", "each operation is one launch; layouts and schedules chosen"},
    {Phase::Planned, "planned", "kernel dialect",
     "buffers placed in one arena; entry points are lists of launches"},
    {Phase::Target, "target", "kernel, llvm and nvvm dialects", "kernels have functions of the machine"},
    {Phase::LLVM, "llvm", "LLVM IR", "what the code generator gets of the kernels, optimised"},
    {Phase::Assembly, "asm", "assembly or PTX", "what the code generator makes of them"},
    {Phase::Package, "package", "zip archive", "manifest and machine code in one file"},
};

ArrayRef<PhaseInfo> kinema::phases() { return table; }

ArrayRef<PhaseInfo> kinema::startingPhases() {
  constexpr size_t first = static_cast<size_t>(Phase::Clip), end = static_cast<size_t>(Phase::LLVM);
  return phases().slice(first, end - first);
}

const PhaseInfo &kinema::info(Phase phase) { return table[static_cast<size_t>(phase)]; }

std::optional<Phase> kinema::phaseNamed(StringRef name) {
  for (const PhaseInfo &info : table)
    if (info.name == name)
      return info.phase;
  return std::nullopt;
}

std::optional<Phase> kinema::phaseOf(ModuleOp module) {
  auto holds = [](func::FuncOp function, auto isOne) {
    return function
        .walk([&](Operation *op) { return isOne(op) ? WalkResult::interrupt() : WalkResult::advance(); })
        .wasInterrupted();
  };
  auto isLaunch = [](Operation *op) { return isa<kernel::LaunchableOp>(op); };
  std::optional<Phase> phase;
  bool isPlanned = false;
  for (Operation &op : module.getOps()) {
    if (isa<ModuleOp, gpu::GPUModuleOp>(op))
      return Phase::Target;
    isPlanned |= isa<kernel::DefOp, kernel::EntryOp, kernel::ArenaOp>(op);
    auto function = dyn_cast<func::FuncOp>(op);
    if (!function)
      continue;
    if (holds(function, isLaunch))
      return Phase::Fused;
    phase = function.getName() == "forward" ? Phase::Clip : Phase::Step;
  }
  return isPlanned ? Phase::Planned : phase;
}

/// Succeeds if a module in phase `fused` or later was made for the target that is wanted, since layouts and
/// schedules fit one target only, and if that target can carry out its schedules.
static LogicalResult verifyTarget(ModuleOp module, const Target &wanted) {
  auto target = targetOf(module);
  if (failed(target))
    return failure();
  if (*target != &wanted)
    return module.emitError("the module was made for ")
           << (*target)->name << ", not for " << wanted.name << ": go on with --target " << (*target)->name
           << ", or start from phase " << info(Phase::Step).name << ", in which no target is chosen yet";
  return wanted.verifySchedules(module);
}

/// Returns the target's options. The fusion level also decides whether convs may be paired, so that one
/// option governs all fusion.
static TargetOptions scheduleOptions(const CompileOptions &options) {
  TargetOptions target = options.targetOptions;
  target.pairs &= options.fuse == FusionScope::All;
  return target;
}

void kinema::buildPhase(OpPassManager &passes, Phase phase, const CompileOptions &options) {
  switch (phase) {
  case Phase::Step:
    buildStepPipeline(passes, {options.train, options.keepGradients});
    break;
  case Phase::Fused:
    passes.addPass(createSetTarget(SetTargetOptions{options.target->kind, options.target->name.str()}));
    passes.addPass(createFuseKernels(FuseKernelsOptions{options.fuse}));
    options.target->addStorage(passes, options.precision.value_or(options.target->preferredPrecision()),
                               options.targetOptions);
    passes.addPass(createCSEPass());
    if (options.target->hasCostlyLaunches())
      passes.addPass(createMergeLaunches(MergeLaunchesOptions{.copies = true}));
    else
      passes.addPass(createHoistUpdates());
    options.target->addSchedules(passes, scheduleOptions(options));
    passes.addPass(createPrepareValues());
    passes.addPass(createOutlinePrepared());
    break;
  case Phase::Planned:
    passes.addPass(createPlanMemory());
    if (options.targetOptions.twins)
      options.target->addTwins(passes);
    break;
  case Phase::Target:
    options.target->addLowering(passes);
    break;
  case Phase::Ast:
  case Phase::Clip:
  case Phase::LLVM:
  case Phase::Assembly:
  case Phase::Package:
    break; // these phases do not lead from one module to another
  }
}

std::string kinema::printed(ModuleOp module, bool locations) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  auto flags = OpPrintingFlags().printNameLocAsPrefix().enableDebugInfo(locations);
  // When the text is read again, the parser would take a location behind the short form of a barrier for the
  // reduction that a barrier may have.
  if (locations && module.walk([](NVVM::BarrierOp) { return WalkResult::interrupt(); }).wasInterrupted())
    flags.printGenericOpForm();
  module.print(stream, flags);
  stream << "\n";
  return text;
}

static std::error_code writeText(StringRef path, StringRef text) {
  std::error_code error;
  llvm::raw_fd_ostream file(path, error);
  if (error)
    return error;
  file << text;
  file.close();
  error = file.error();
  file.clear_error();
  return error;
}

LogicalResult kinema::dumpPhase(Location location, Phase phase, StringRef directory,
                                function_ref<std::string()> text) {
  if (directory.empty())
    return success();
  SmallString<128> path(directory);
  llvm::sys::path::append(path, llvm::formatv("{0}-{1}.{2}", static_cast<int>(phase), info(phase).name,
                                              phase == Phase::Ast ? "arch" : "mlir")
                                    .str());
  std::error_code error =
      llvm::sys::fs::create_directories(directory, /*IgnoreExisting=*/true, llvm::sys::fs::all_all);
  if (!error)
    error = writeText(path, text());
  return error ? emitError(location) << "cannot write '" << path << "': " << error.message() : success();
}

static LogicalResult dump(ModuleOp module, Phase phase, StringRef directory) {
  return dumpPhase(UnknownLoc::get(module.getContext()), phase, directory, [&] { return printed(module); });
}

namespace {
/// Remembers the name of the pass that failed.
struct FailedPass : PassInstrumentation {
  explicit FailedPass(std::string &name) : name(name) {}
  void runAfterPassFailed(Pass *pass, Operation *) override {
    if (name.empty())
      name = pass->getArgument().str();
  }
  std::string &name;
};
} // namespace

/// Returns whether a failure of the pass is the author's to mend, who has been told: a loss that reaches no
/// parameter is, and so are files of schedules that cannot be read or pin one that does not fit, for which
/// alone the passes fail that assign schedules.
static bool isAuthors(StringRef pass) {
  return llvm::is_contained({"clip-differentiate", "assign-cpu-schedules", "assign-nvgpu-schedules"}, pass);
}

/// Reports an internal failure: names the phase and the pass, and writes a file that reproduces it.
static void reportFailure(ModuleOp before, Phase phase, StringRef pass) {
  auto previous = static_cast<Phase>(static_cast<int>(phase) - 1);
  std::string file = llvm::formatv("kinema-{0}-reproducer.mlir", info(phase).name).str();
  std::error_code error = writeText(file, printed(before, /*locations=*/true));
  auto diagnostic = emitError(before.getLoc())
                    << "phase '" << info(phase).name << "' failed in pass '" << pass << "'; ";
  if (error)
    diagnostic << "no reproducer, for '" << file << "' cannot be written: " << error.message();
  else
    diagnostic << "this reproduces it: kinema compile " << file << " --from " << info(previous).name
               << " --emit " << info(phase).name;
}

void kinema::noteDigest(ModuleOp module) {
  auto network = module->getAttrOfType<DictionaryAttr>(clip::networkAttribute);
  if (!network)
    return;
  std::string text;
  llvm::raw_string_ostream stream(text);
  AsmState names(module); // once: each print without it would verify and number all of the module
  for (Operation &op : module.getOps())
    op.print(stream, names);
  auto hash = llvm::SHA256::hash(llvm::arrayRefFromStringRef(text));
  std::string digest = llvm::toHex(ArrayRef(hash).take_front(16), /*LowerCase=*/true);
  NamedAttrList entries(network);
  entries.set("digest", StringAttr::get(module.getContext(), digest));
  module->setAttr(clip::networkAttribute, entries.getDictionary(module.getContext()));
}

/// Returns the precision that the options or else the recipe names; nothing where it is the target's own.
static std::optional<kernel::Precision> precisionOf(ModuleOp module, const CompileOptions &options) {
  if (options.precision)
    return options.precision;
  return kernel::symbolizePrecision(recipeOf(module).compute.precision); // of "auto": nothing
}

void kinema::noteTraining(ModuleOp module, const CompileOptions &options) {
  auto unit = UnitAttr::get(module.getContext());
  if (options.distributed)
    module->setAttr(clip::distributedAttribute, unit);
  if (options.train && precisionOf(module, options) == kernel::Precision::FP16)
    module->setAttr(clip::scaledLossAttribute, unit);
}

/// Lists the passes, and has them write the module before and after each of them to a folder of the phase's,
/// as the options say. A module is written as a whole, so that no other thread may work on it.
static void showPasses(PassManager &passes, Phase phase, const CompileOptions &options) {
  if (options.passList) {
    *options.passList << info(phase).name << "\n";
    for (Pass &pass : passes) {
      pass.printAsTextualPipeline(options.passList->indent(2));
      *options.passList << "\n";
    }
  }
  if (options.passDirectory.empty())
    return;
  passes.getContext()->disableMultithreading();
  SmallString<128> path(options.passDirectory);
  llvm::sys::path::append(path, llvm::formatv("{0}-{1}", static_cast<int>(phase), info(phase).name).str());
  auto always = [](Pass *, Operation *) { return true; };
  passes.enableIRPrintingToFileTree(always, always, /*printModuleScope=*/true,
                                    /*printAfterOnlyOnChange=*/false, /*printAfterOnlyOnFailure=*/false, path,
                                    OpPrintingFlags().printNameLocAsPrefix());
}

Outcome kinema::advance(ModuleOp module, Phase from, Phase to, const CompileOptions &options) {
  if (from >= Phase::Fused && failed(verifyTarget(module, *options.target)))
    return Outcome::SpecWrong;
  if (from >= Phase::Planned && failed(verifyLaunches(module)))
    return Outcome::SpecWrong;
  if (from == Phase::Target && failed(options.target->verifyFunctions(module)))
    return Outcome::SpecWrong;
  if (from == Phase::Clip)
    noteDigest(module); // the module may have been edited
  if (failed(dump(module, from, options.dumpDirectory)))
    return Outcome::Failed;
  for (int next = static_cast<int>(from) + 1; next <= static_cast<int>(to); ++next) {
    auto phase = static_cast<Phase>(next);
    OwningOpRef<ModuleOp> before = module.clone();
    std::string pass;
    PassManager passes(module.getContext());
    passes.addInstrumentation(std::make_unique<FailedPass>(pass));
    CompileOptions settled = options;
    settled.precision = precisionOf(module, options);
    buildPhase(passes, phase, settled);
    showPasses(passes, phase, options);
    // The functions of kernels are large: verifying them after each pass would take a fifth of the time.
    bool verifiesOnce = phase == Phase::Target;
    passes.enableVerifier(!verifiesOnce);
    if (failed(passes.run(module)) || (verifiesOnce && failed(verify(module)))) {
      if (isAuthors(pass))
        return Outcome::SpecWrong;
      reportFailure(*before, phase, pass);
      return Outcome::Failed;
    }
    if (failed(dump(module, phase, options.dumpDirectory)))
      return Outcome::Failed;
  }
  return Outcome::Done;
}
