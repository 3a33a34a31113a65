// Implements the pass lower-nvgpu-to-llvm.
#include "compiler/Target/Common/ToLLVM.h"
#include "compiler/Target/NVGPU/Passes.h"
#include "dialects/Kernel/Attributes.h"

namespace kinema {
#define GEN_PASS_DEF_LOWERNVGPUTOLLVM
#include "compiler/Target/NVGPU/Passes.h.inc"
} // namespace kinema

using namespace mlir;
using namespace kinema;

/// Returns 32 bits where they are enough, since 64-bit arithmetic costs a GPU several instructions in place
/// of one.
static unsigned indexBits(gpu::GPUModuleOp module) {
  bool large = false;
  for (auto function : module.getOps<func::FuncOp>())
    for (Type type : function.getArgumentTypes())
      if (auto buffer = dyn_cast<MemRefType>(type)) // the others are tensor maps
        large |= buffer.getNumElements() > std::numeric_limits<int32_t>::max();
  return large ? 64 : 32;
}

/// Has the launch give a tensor map by value, in the memory of parameters, where the copy engine reads it.
static void markTensorMaps(LLVM::LLVMFuncOp function) {
  constexpr int64_t bytes = 128, alignment = 128; // CUtensorMap
  Builder b(function.getContext());
  for (unsigned i = 0; i < function.getNumArguments(); ++i) {
    if (!function.getArgAttr(i, kernel::tensorMapAttribute))
      continue;
    function.setArgAttr(i, LLVM::LLVMDialect::getByValAttrName(),
                        TypeAttr::get(LLVM::LLVMArrayType::get(b.getI8Type(), bytes)));
    function.setArgAttr(i, LLVM::LLVMDialect::getAlignAttrName(), b.getI64IntegerAttr(alignment));
    function.setArgAttr(i, NVVM::NVVMDialect::getGridConstantAttrName(), b.getUnitAttr());
  }
}

/// Writes `kernel.threads` and `kernel.cluster` in NVVM's words, which may stand only on functions of the
/// LLVM dialect.
static void markKernel(LLVM::LLVMFuncOp function) {
  auto threads = cast<IntegerAttr>(function->removeAttr(kernel::threadsAttribute));
  Builder b(function.getContext());
  function->setAttr(gpu::GPUDialect::getKernelFuncAttrName(), b.getUnitAttr());
  function->setAttr(NVVM::NVVMDialect::getKernelFuncAttrName(), b.getUnitAttr());
  auto size = b.getDenseI32ArrayAttr({int32_t(threads.getInt())});
  // Threads that trade registers (setmaxregister) may be fewer.
  bool trades =
      function.walk([](NVVM::SetMaxRegisterOp) { return WalkResult::interrupt(); }).wasInterrupted();
  function->setAttr(
      trades ? NVVM::NVVMDialect::getMaxntidAttrName() : NVVM::NVVMDialect::getReqntidAttrName(), size);
  if (auto cluster = dyn_cast_or_null<IntegerAttr>(function->removeAttr(kernel::clusterAttribute)))
    function->setAttr(NVVM::NVVMDialect::getClusterDimAttrName(),
                      b.getDenseI32ArrayAttr({int32_t(cluster.getInt()), 1, 1}));
  // Unless it is told that one block is enough, ptxas spills registers to fit more.
  function->setAttr(NVVM::NVVMDialect::getMinctasmAttrName(), b.getI32IntegerAttr(1));
}

namespace {
struct LowerNVGPUToLLVMPass : kinema::impl::LowerNVGPUToLLVMBase<LowerNVGPUToLLVMPass> {
  void runOnOperation() override {
    StringRef keep[] = {NVVM::NVVMDialect::getDialectNamespace()};
    ToLLVMOptions options;
    options.indexBits = indexBits(getOperation());
    options.keep = keep;
    options.hasApproximations = true;
    if (failed(convertToLLVM(getOperation(), options)))
      return signalPassFailure();
    for (auto function : getOperation().getOps<LLVM::LLVMFuncOp>())
      if (function->hasAttr(kernel::threadsAttribute)) {
        markKernel(function);
        markTensorMaps(function);
      }
  }
};
} // namespace
