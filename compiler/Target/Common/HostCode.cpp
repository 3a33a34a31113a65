#include "compiler/Target/Common/HostCode.h"

#include "compiler/Target/Common/Link.h"
#include "compiler/Target/Common/MachineCode.h"

#include "mlir/IR/Threading.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"

#include <mutex>

using namespace mlir;
using namespace kinema;

/// Lists those passes of LLVM's -O2 that make the kernels' code quicker, each once. The kernels come with
/// their loops tiled and unrolled, their indices in the machine's width and their values in registers; the
/// rest of -O2 takes two thirds of the time of compiling and changes nothing that can be measured.
static constexpr StringRef passesForQuickCode =
    "cgscc(inline),globaldce,function("
    "sroa,early-cse<memssa>,simplifycfg,instcombine<no-verify-fixpoint>,"
    "loop-mssa(loop-rotate,licm),simplifycfg,instcombine<no-verify-fixpoint>,"
    "loop(loop-deletion,loop-unroll-full),"
    "gvn,sccp,bdce,instcombine<no-verify-fixpoint>,loop-mssa(licm),simplifycfg)";

/// Lists the passes that take less time than they spare the code generator.
static constexpr StringRef passesForQuickCompiling =
    "cgscc(inline),globaldce,function(sroa,early-cse<memssa>,simplifycfg)";

static std::unique_ptr<llvm::TargetMachine> makeTargetMachine(HostProcessor processor, Quick quick) {
  static std::once_flag once;
  std::call_once(once, [] {
    LLVMInitializeX86TargetInfo();
    LLVMInitializeX86Target();
    LLVMInitializeX86TargetMC();
    LLVMInitializeX86AsmPrinter();
    LLVMInitializeAArch64TargetInfo();
    LLVMInitializeAArch64Target();
    LLVMInitializeAArch64TargetMC();
    LLVMInitializeAArch64AsmPrinter();
  });
  const llvm::Triple triple(processor.triple);
  std::string error;
  const llvm::Target *target = llvm::TargetRegistry::lookupTarget(triple, error);
  if (!target)
    return nullptr;
  return std::unique_ptr<llvm::TargetMachine>(target->createTargetMachine(
      triple, processor.name, processor.features, exactArithmetic(), llvm::Reloc::PIC_, std::nullopt,
      quick == Quick::Code ? llvm::CodeGenOptLevel::Default : llvm::CodeGenOptLevel::None));
}

/// Leads one nested module from the LLVM dialect through LLVM IR to an object file or, with a `form`, to
/// text.
static FailureOr<std::string> compilePart(ModuleOp part, HostProcessor processor, Quick quick,
                                          std::optional<CodeForm> form = std::nullopt) {
  llvm::LLVMContext context;
  auto module = translateModuleToLLVMIR(part, context, "kernels");
  auto machine = makeTargetMachine(processor, quick);
  if (!module || !machine)
    return part.emitError("the kernels do not translate to LLVM IR for ") << processor.name;
  if (quick == Quick::Compiling) // which makes long frames: none may step over the page that guards a stack
    for (llvm::Function &function : *module)
      function.addFnAttr("probe-stack", "inline-asm");
  optimise(*module, *machine, quick == Quick::Code ? passesForQuickCode : passesForQuickCompiling);
  if (form == CodeForm::LLVM)
    return textOf(*module);
  auto object = emitCode(*module, *machine,
                         form ? llvm::CodeGenFileType::AssemblyFile : llvm::CodeGenFileType::ObjectFile);
  if (!object)
    return part.emitError(llvm::toString(object.takeError()));
  return std::move(*object);
}

/// Does so with all nested modules.
static FailureOr<std::vector<std::string>> compileParts(ModuleOp lowered, HostProcessor processor,
                                                        Quick quick,
                                                        std::optional<CodeForm> form = std::nullopt) {
  SmallVector<ModuleOp> parts(lowered.getOps<ModuleOp>());
  std::vector<std::string> objects(parts.size());
  auto compile = [&](size_t i) -> LogicalResult {
    auto object = compilePart(parts[i], processor, quick, form);
    if (failed(object))
      return failure();
    objects[i] = std::move(*object);
    return success();
  };
  if (failed(failableParallelForEachN(lowered.getContext(), 0, parts.size(), compile)))
    return failure();
  return objects;
}

FailureOr<std::string> kinema::hostCodeText(ModuleOp lowered, HostProcessor processor, CodeForm form) {
  auto texts = compileParts(lowered, processor, Quick::Code, form);
  if (failed(texts))
    return failure();
  return llvm::join(*texts, "\n");
}

FailureOr<std::string> kinema::generateHostCode(ModuleOp lowered, HostProcessor processor, Quick quick) {
  auto objects = compileParts(lowered, processor, quick);
  if (failed(objects))
    return failure();
  std::string error;
  auto library = linkShared(*objects, error);
  if (!library)
    return lowered.emitError(error);
  return std::move(*library);
}

void kinema::registerHostCode(DialectRegistry &registry) {
  registerBuiltinDialectTranslation(registry);
  registerLLVMDialectTranslation(registry);
}
