#include "compiler/Target/Common/MachineCode.h"

#include "llvm/IR/DiagnosticInfo.h"
#include "llvm/IR/DiagnosticPrinter.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/PassInfo.h"
#include "llvm/PassRegistry.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/ErrorHandling.h"

using namespace llvm;

TargetOptions kinema::exactArithmetic() {
  TargetOptions options;
  options.AllowFPOpFusion = FPOpFusion::Strict;
  return options;
}

void kinema::optimise(Module &module, TargetMachine &machine, StringRef passes) {
  module.setTargetTriple(machine.getTargetTriple());
  module.setDataLayout(machine.createDataLayout());
  for (Function &function : module)
    function.addFnAttr(Attribute::NoUnwind);
  PipelineTuningOptions tuning;
  tuning.LoopVectorization = false;
  tuning.SLPVectorization = false;
  tuning.LoopInterleaving = false;
  PassBuilder builder(&machine, tuning);
  LoopAnalysisManager loops;
  FunctionAnalysisManager functions;
  CGSCCAnalysisManager callGraph;
  ModuleAnalysisManager modules;
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(callGraph);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, callGraph, modules);
  ModulePassManager pipeline;
  cantFail(builder.parsePassPipeline(pipeline, passes));
  pipeline.run(module, modules);
}

std::string kinema::textOf(const Module &module) {
  std::string text;
  raw_string_ostream os(text);
  module.print(os, nullptr);
  return text;
}

namespace {
/// Leaves out some of the passes that a machine adds; LLVM's own switches for that would affect the whole
/// process.
class PassesWithout : public legacy::PassManager {
public:
  explicit PassesWithout(ArrayRef<StringRef> names) : names(names) {}

  void add(Pass *pass) override {
    const PassInfo *info = PassRegistry::getPassRegistry()->getPassInfo(pass->getPassID());
    if (info && is_contained(names, info->getPassArgument()))
      delete pass;
    else
      legacy::PassManager::add(pass);
  }

private:
  ArrayRef<StringRef> names;
};
} // namespace

/// The first error that the code generator reports on this thread.
static thread_local std::string firstError;

static void keepError(const DiagnosticInfo *info, void *) {
  if (info->getSeverity() != DS_Error || !firstError.empty())
    return;
  raw_string_ostream stream(firstError);
  DiagnosticPrinterRawOStream printer(stream);
  info->print(printer);
}

static std::string complaint(StringRef machine, StringRef reason) {
  return ("a kernel has what " + machine + " cannot do: " + reason).str();
}

/// Ends the process, as LLVM asks for where it cannot go on.
static void endWith(void *, const char *reason, bool) {
  StringRef first = firstError.empty() ? StringRef(reason).split('\n').first : StringRef(firstError);
  errs() << "error: " << complaint("the machine", first) << "\n";
  std::_Exit(1);
}

Expected<std::string> kinema::emitCode(Module &module, TargetMachine &machine, CodeGenFileType type,
                                       ArrayRef<StringRef> without) {
  static const bool endsCleanly = (install_fatal_error_handler(endWith), true);
  (void)endsCleanly;
  firstError.clear();
  module.getContext().setDiagnosticHandlerCallBack(keepError);
  SmallVector<char, 0> code;
  raw_svector_ostream stream(code);
  PassesWithout passes(without);
  if (machine.addPassesToEmitFile(passes, stream, nullptr, type))
    return createStringError("LLVM cannot write such files for this machine");
  passes.run(module);
  if (!firstError.empty())
    return createStringError(complaint(machine.getTargetCPU(), firstError));
  return std::string(code.begin(), code.end());
}
