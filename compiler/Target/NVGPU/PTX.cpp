#include "compiler/Target/NVGPU/PTX.h"

#include "compiler/Target/Common/MachineCode.h"
#include "compiler/Target/NVGPU/Passes.h"
#include "dialects/Kernel/Attributes.h"

#include "mlir/Conversion/NVVMToLLVM/NVVMToLLVM.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/GPU/GPUToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/NVVM/NVVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/InlineAsm.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/Instructions.h"
#include "llvm/IR/IntrinsicsNVPTX.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/TargetSelect.h"

#include <mutex>

using namespace mlir;
using namespace kinema;

/// Lists what matters of LLVM's -O2 to kernels, which have neither calls nor memory of their own. It takes
/// half the time, and ptxas, which optimises again, makes no more code of the result.
static constexpr char optimisations[] =
    "function(early-cse,simplifycfg,instcombine<no-verify-fixpoint>,loop-mssa(loop-rotate,licm),simplifycfg,"
    "loop(indvars,loop-deletion,loop-unroll-full),early-cse<memssa>,sccp,instcombine<no-verify-fixpoint>,"
    "simplifycfg)";

/// Leaves out what the code generator would do once more to addresses: it takes a fifth of the time, and
/// saves one instruction of machine code in 700.
static constexpr llvm::StringRef leftOut[] = {"slsr", "nary-reassociate"};

static std::unique_ptr<llvm::TargetMachine> makeTargetMachine(const nvidia::Processor &processor) {
  static std::once_flag once;
  std::call_once(once, [] {
    LLVMInitializeNVPTXTargetInfo();
    LLVMInitializeNVPTXTarget();
    LLVMInitializeNVPTXTargetMC();
    LLVMInitializeNVPTXAsmPrinter();
  });
  llvm::Triple triple("nvptx64-nvidia-cuda");
  std::string error;
  const llvm::Target *target = llvm::TargetRegistry::lookupTarget(triple, error);
  if (!target)
    return nullptr;
  return std::unique_ptr<llvm::TargetMachine>(
      target->createTargetMachine(triple, processor.name, processor.features, exactArithmetic(), std::nullopt,
                                  std::nullopt, llvm::CodeGenOptLevel::Less)); // the code is the same
}

/// Prefixes a part's own names with the part's name, so that parts can be joined.
static void makeNamesUnique(llvm::Module &module, StringRef part) {
  for (llvm::GlobalVariable &global : module.globals())
    global.setName(part + "_" + global.getName());
  for (llvm::Function &function : module)
    if (function.hasLocalLinkage())
      function.setName(part + "_" + function.getName());
}

void nvidia::addInlineAssembly(OpPassManager &passes) {
  OpPassManager &part = passes.nest<gpu::GPUModuleOp>();
  part.addPass(createPollNVGPUWaits());
  part.addPass(createConvertNVVMToLLVMPass());
}

/// Writes waits for the launch before as assembly. To LLVM their intrinsic has no effect on memory, so that
/// it may move loads in front of it.
static void keepLoadsBehindWaits(llvm::Module &module) {
  auto type = llvm::FunctionType::get(llvm::Type::getVoidTy(module.getContext()), /*isVarArg=*/false);
  auto *wait = llvm::InlineAsm::get(type, "griddepcontrol.wait;", "~{memory}", /*hasSideEffects=*/true);
  if (llvm::Function *intrinsic =
          llvm::Intrinsic::getDeclarationIfExists(&module, llvm::Intrinsic::nvvm_griddepcontrol_wait))
    for (llvm::User *user : llvm::make_early_inc_range(intrinsic->users())) {
      auto *call = llvm::cast<llvm::CallInst>(user);
      llvm::CallInst::Create(type, wait, "", call->getIterator());
      call->eraseFromParent();
    }
}

static bool calls(const llvm::Instruction &instruction, llvm::StringRef intrinsics) {
  auto *call = llvm::dyn_cast<llvm::CallInst>(&instruction);
  return call && call->getCalledFunction() && call->getCalledFunction()->getName().starts_with(intrinsics);
}

/// Moves each word that a load from tensor memory yields once more, by assembly behind the wait for the load,
/// and gives whoever stands behind the wait what was moved.
static void moveBehind(llvm::Instruction &wait, llvm::CallInst &load) {
  auto *words = llvm::cast<llvm::FixedVectorType>(load.getType());
  llvm::IRBuilder<> b(wait.getNextNode());
  auto *type = llvm::FunctionType::get(b.getInt32Ty(), {b.getInt32Ty()}, /*isVarArg=*/false);
  auto *move = llvm::InlineAsm::get(type, "mov.b32 $0, $1;", "=r,r", /*hasSideEffects=*/true);
  llvm::SmallVector<llvm::Use *> uses;
  for (llvm::Use &use : load.uses())
    if (auto *user = llvm::cast<llvm::Instruction>(use.getUser());
        user->getParent() != wait.getParent() || wait.comesBefore(user))
      uses.push_back(&use);
  llvm::Value *moved = llvm::PoisonValue::get(words);
  for (uint64_t i = 0; i < words->getNumElements(); ++i)
    moved = b.CreateInsertElement(moved, b.CreateCall(type, move, b.CreateExtractElement(&load, i)), i);
  for (llvm::Use *use : uses)
    use->set(moved);
}

/// Keeps registers that are loaded from tensor memory unread until the wait for the load (PTX ISA,
/// "tcgen05.wait"). To LLVM, what a load yields is there at once, so that it may move reads in front of the
/// wait.
static void keepReadsBehindWaits(llvm::Module &module) {
  for (llvm::Function &function : module)
    for (llvm::BasicBlock &block : function) {
      llvm::SmallVector<llvm::CallInst *> loads;
      for (llvm::Instruction &instruction : llvm::make_early_inc_range(block)) {
        if (calls(instruction, "llvm.nvvm.tcgen05.ld."))
          loads.push_back(llvm::cast<llvm::CallInst>(&instruction));
        if (!calls(instruction, "llvm.nvvm.tcgen05.wait.ld"))
          continue;
        for (llvm::CallInst *load : loads)
          moveBehind(instruction, *load);
        loads.clear();
      }
    }
}

/// Rounds pairs to f16 by the instruction that makes a word of both. LLVM takes a pair apart that is also
/// widened again, and of two conversions side by side ptxas 13.0 makes one that it moves in front of the wait
/// for the products whose sums it reads.
static void roundPairsAtOnce(llvm::Module &module) {
  llvm::SmallVector<llvm::Instruction *> pairs;
  for (llvm::Function &function : module)
    for (llvm::Instruction &instruction : llvm::instructions(function))
      if (auto *type = llvm::dyn_cast<llvm::FixedVectorType>(instruction.getType());
          llvm::isa<llvm::FPTruncInst>(instruction) && type && type->getNumElements() == 2 &&
          type->getElementType()->isHalfTy() &&
          instruction.getOperand(0)->getType()->getScalarType()->isFloatTy())
        pairs.push_back(&instruction);
  for (llvm::Instruction *pair : pairs) {
    llvm::IRBuilder<> b(pair);
    llvm::Value *first = b.CreateExtractElement(pair->getOperand(0), uint64_t(0)),
                *second = b.CreateExtractElement(pair->getOperand(0), uint64_t(1));
    // The instruction's first operand becomes the upper half of the word.
    pair->replaceAllUsesWith(b.CreateIntrinsic(llvm::Intrinsic::nvvm_ff2f16x2_rn, {}, {second, first}));
    pair->eraseFromParent();
  }
}

/// Drops what the translation to LLVM IR does not know.
static void dropTensorMaps(gpu::GPUModuleOp part) {
  for (auto function : part.getOps<LLVM::LLVMFuncOp>())
    for (unsigned i = 0; i < function.getNumArguments(); ++i)
      function.removeArgAttr(i, kernel::tensorMapAttribute);
}

FailureOr<std::string> nvidia::generatePTX(gpu::GPUModuleOp part, const Processor &processor, CodeForm form) {
  dropTensorMaps(part);
  llvm::LLVMContext context;
  auto module = translateModuleToLLVMIR(part, context, part.getName());
  auto machine = makeTargetMachine(processor);
  if (!module || !machine)
    return part.emitError("the kernels do not translate to LLVM IR for ") << processor.name;
  makeNamesUnique(*module, part.getName());
  keepLoadsBehindWaits(*module);
  keepReadsBehindWaits(*module);
  optimise(*module, *machine, optimisations);
  roundPairsAtOnce(*module);
  for (llvm::Function &function : *module)
    if (function.isDeclaration() && !function.isIntrinsic() && !function.use_empty())
      return part.emitError("a kernel calls ")
             << function.getName().str() << ", which nobody defines: no device library is linked";
  if (form == CodeForm::LLVM)
    return textOf(*module);
  auto text = emitCode(*module, *machine, llvm::CodeGenFileType::AssemblyFile, leftOut);
  if (!text)
    return part.emitError(llvm::toString(text.takeError()));
  return std::move(*text);
}

std::string nvidia::joinPTX(ArrayRef<std::string> parts) {
  constexpr StringRef lastOfHead = ".address_size 64\n";
  std::string all;
  for (StringRef part : parts)
    all += all.empty() ? part : part.split(lastOfHead).second;
  return all;
}

void nvidia::registerPTX(DialectRegistry &registry) {
  registerBuiltinDialectTranslation(registry);
  registerGPUDialectTranslation(registry);
  registerLLVMDialectTranslation(registry);
  registerNVVMDialectTranslation(registry);
}
