#include "compiler/Target/CPU/Level.h"
#include "compiler/Target/CPU/Passes.h"
#include "compiler/Target/Common/ToLLVM.h"

namespace kinema {
#define GEN_PASS_DEF_LOWERCPUTOLLVM
#include "compiler/Target/CPU/Passes.h.inc"
} // namespace kinema

using namespace mlir;
using namespace kinema;

/// Makes the function internal and writes the exported one that takes its buffers from a list.
static void exportFunction(LLVM::LLVMFuncOp body) {
  OpBuilder b(body);
  Location loc = body.getLoc();
  std::string name = body.getName().str();
  body.setName(name + ".body");
  body.setLinkage(LLVM::Linkage::Internal);
  auto pointer = LLVM::LLVMPointerType::get(b.getContext());
  Type i64 = b.getI64Type();
  auto type =
      LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(b.getContext()), {pointer, i64, i64, pointer});
  auto function = LLVM::LLVMFuncOp::create(b, loc, name, type);
  Block *block = function.addEntryBlock(b);
  b.setInsertionPointToStart(block);
  SmallVector<Value> arguments;
  for (unsigned i = 0; i + 3 < body.getNumArguments(); ++i) {
    Value slot = LLVM::GEPOp::create(b, loc, pointer, pointer, block->getArgument(0),
                                     ArrayRef<LLVM::GEPArg>{int32_t(i)});
    arguments.push_back(LLVM::LoadOp::create(b, loc, pointer, slot));
  }
  llvm::append_range(arguments, block->getArguments().drop_front());
  LLVM::CallOp::create(b, loc, body, arguments);
  LLVM::ReturnOp::create(b, loc, ValueRange());
}

namespace {
struct LowerCPUToLLVMPass : kinema::impl::LowerCPUToLLVMBase<LowerCPUToLLVMPass> {
  using Base::Base;
  void runOnOperation() override {
    ModuleOp module = getOperation();
    const cpu::Level *found = cpu::levelOf(module);
    if (!found)
      return signalPassFailure();
    ToLLVMOptions options;
    options.expandBFloat16 = !found->machine.multipliesPairs;
    if (failed(convertToLLVM(module, options)))
      return signalPassFailure();
    for (auto function : llvm::to_vector(module.getOps<LLVM::LLVMFuncOp>())) {
      if (function.isExternal() || function.getLinkage() == LLVM::Linkage::Internal)
        continue;
      if (function.isPrivate()) // a micro-kernel that kernels share
        function.setLinkage(LLVM::Linkage::Internal);
      else
        exportFunction(function);
    }
  }
};
} // namespace
