#include "compiler/Target/CPU/Codegen.h"

#include "compiler/Target/CPU/Link.h"
#include "compiler/Target/CPU/LowerKernels.h"

#include "mlir/IR/Threading.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"

#include <mutex>

using namespace mlir;
using namespace kinema;

static std::unique_ptr<llvm::TargetMachine> makeTargetMachine() {
  static std::once_flag once;
  std::call_once(once, [] {
    LLVMInitializeX86TargetInfo();
    LLVMInitializeX86Target();
    LLVMInitializeX86TargetMC();
    LLVMInitializeX86AsmPrinter();
  });
  llvm::Triple triple("x86_64-unknown-linux-gnu");
  std::string error;
  const llvm::Target *target = llvm::TargetRegistry::lookupTarget(triple, error);
  if (!target)
    return nullptr;
  llvm::TargetOptions options;
  options.AllowFPOpFusion = llvm::FPOpFusion::Strict; // an fma is where a kernel says fma, nowhere else
  return std::unique_ptr<llvm::TargetMachine>(
      target->createTargetMachine(triple, cpu::targetName, /*features=*/"", options, llvm::Reloc::PIC_,
                                  std::nullopt, llvm::CodeGenOptLevel::Default));
}

/// The kernels' loops are written as they are to run: no vectorisers.
static void optimise(llvm::Module &module, llvm::TargetMachine &machine) {
  llvm::PipelineTuningOptions tuning;
  tuning.LoopVectorization = false;
  tuning.SLPVectorization = false;
  tuning.LoopInterleaving = false;
  llvm::PassBuilder builder(&machine, tuning);
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager callGraph;
  llvm::ModuleAnalysisManager modules;
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(callGraph);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, callGraph, modules);
  builder.buildPerModuleDefaultPipeline(llvm::OptimizationLevel::O2).run(module, modules);
}

static FailureOr<std::string> emitObject(llvm::Module &module, llvm::TargetMachine &machine) {
  SmallVector<char, 0> object;
  llvm::raw_svector_ostream stream(object);
  llvm::legacy::PassManager passes;
  if (machine.addPassesToEmitFile(passes, stream, nullptr, llvm::CodeGenFileType::ObjectFile))
    return failure();
  passes.run(module);
  return std::string(object.begin(), object.end());
}

/// One nested module: LLVM dialect -> LLVM IR -> object file.
static FailureOr<std::string> compilePart(ModuleOp part) {
  llvm::LLVMContext context;
  auto module = translateModuleToLLVMIR(part, context, "kernels");
  auto machine = makeTargetMachine();
  if (!module || !machine)
    return part.emitError("the kernels do not translate to LLVM IR for ") << cpu::targetName;
  module->setTargetTriple(machine->getTargetTriple());
  module->setDataLayout(machine->createDataLayout());
  for (llvm::Function &function : *module)
    function.addFnAttr(llvm::Attribute::NoUnwind);
  optimise(*module, *machine);
  auto object = emitObject(*module, *machine);
  if (failed(object))
    return part.emitError("LLVM emits no object file for ") << cpu::targetName;
  return object;
}

FailureOr<std::string> cpu::generateCode(ModuleOp lowered) {
  SmallVector<ModuleOp> parts(lowered.getOps<ModuleOp>());
  std::vector<std::string> objects(parts.size());
  auto compile = [&](size_t i) -> LogicalResult {
    auto object = compilePart(parts[i]);
    if (failed(object))
      return failure();
    objects[i] = std::move(*object);
    return success();
  };
  if (failed(failableParallelForEachN(lowered.getContext(), 0, parts.size(), compile)))
    return failure();
  std::string error;
  auto library = linkShared(objects, error);
  if (!library)
    return lowered.emitError(error);
  return std::move(*library);
}

FailureOr<std::string> cpu::compileKernels(ModuleOp planned) {
  OwningOpRef<ModuleOp> copy = planned.clone();
  PassManager passes(planned.getContext());
  buildLoweringPipeline(passes);
  if (failed(passes.run(*copy)))
    return failure();
  return generateCode(*copy);
}

void cpu::registerCodegen(DialectRegistry &registry) {
  registerBuiltinDialectTranslation(registry);
  registerLLVMDialectTranslation(registry);
}
