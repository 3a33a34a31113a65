#include "compiler/Target/Common/Functions.h"

using namespace mlir;
using namespace kinema;

LogicalResult kinema::verifyParameters(LLVM::LLVMFuncOp function, ArrayRef<Type> parameters) {
  LLVM::LLVMFunctionType type = function.getFunctionType();
  auto expected = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(function.getContext()), parameters);
  if (type == expected)
    return success();
  return function.emitOpError("is the function of a kernel and has the type ")
         << type << ", expected " << expected;
}

LogicalResult kinema::forEachFunction(ModuleOp lowered, ArrayRef<Operation *> parts,
                                      function_ref<LogicalResult(kernel::DefOp, LLVM::LLVMFuncOp)> verify) {
  llvm::StringMap<LLVM::LLVMFuncOp> functions;
  for (Operation *part : parts)
    for (auto function : part->getRegion(0).getOps<LLVM::LLVMFuncOp>()) {
      if (function.isExternal() || function.getLinkage() != LLVM::Linkage::External)
        continue;
      auto [known, isNew] = functions.try_emplace(function.getName(), function);
      if (!isNew)
        return function.emitOpError("has the name of a function of another nested module");
    }
  for (auto def : lowered.getOps<kernel::DefOp>()) {
    LLVM::LLVMFuncOp function = functions.lookup(def.getSymName());
    if (!function)
      return def.emitOpError("has no function: a nested module has to define @") << def.getSymName();
    if (failed(verify(def, function)))
      return failure();
  }
  return success();
}
