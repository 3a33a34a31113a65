#include "compiler/Target/CPU/Codegen.h"

#include "compiler/Target/Common/Functions.h"
#include "compiler/Target/Common/HostCode.h"

using namespace mlir;
using namespace kinema;

FailureOr<std::string> cpu::compileKernels(ModuleOp lowered) {
  const Level *level = levelOf(lowered);
  if (!level)
    return failure();
  return generateHostCode(lowered, level->processor, Quick::Code);
}

FailureOr<std::string> cpu::codeText(ModuleOp lowered, CodeForm form) {
  const Level *level = levelOf(lowered);
  if (!level)
    return failure();
  return hostCodeText(lowered, level->processor, form);
}

LogicalResult cpu::verifyFunctions(ModuleOp lowered) {
  auto pointer = LLVM::LLVMPointerType::get(lowered.getContext());
  Type i64 = IntegerType::get(lowered.getContext(), 64);
  return forEachFunction<ModuleOp>(lowered, [&](kernel::DefOp, LLVM::LLVMFuncOp function) {
    return verifyParameters(function, {pointer, i64, i64, pointer});
  });
}
