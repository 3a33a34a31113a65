#include "compiler/Target/CPU/Codegen.h"

#include "compiler/Target/CPU/LowerKernels.h"
#include "compiler/Target/Common/HostCode.h"

#include "dialects/Kernel/Kernel.h"

#include "mlir/Pass/PassManager.h"

using namespace mlir;
using namespace kinema;

/// Blocks of channels tell which level the kernels were scheduled for.
static LogicalResult checkLevel(ModuleOp planned, const cpu::Level &level) {
  auto isOthers = [&](Type type) {
    auto tensor = dyn_cast<RankedTensorType>(type);
    if (!tensor || tensor.getRank() != 5)
      return false;
    int64_t block = kernel::layoutOf(tensor).getBlock();
    return block != level.lanes() &&
           llvm::any_of(cpu::levels, [&](const cpu::Level &other) { return other.lanes() == block; });
  };
  for (auto def : planned.getOps<kernel::DefOp>())
    if (llvm::any_of(def.getKernel()->getResultTypes(), isOthers))
      return def.emitError("the channels lie in blocks of another level than ")
             << level.name << ", which has " << level.lanes()
             << ": compile the module for the target that it was planned for";
  return success();
}

FailureOr<std::string> cpu::compileKernels(ModuleOp planned, const Level &level) {
  if (failed(checkLevel(planned, level)))
    return failure();
  OwningOpRef<ModuleOp> copy = planned.clone();
  PassManager passes(planned.getContext());
  buildLoweringPipeline(passes, level);
  if (failed(passes.run(*copy)))
    return failure();
  return generateHostCode(*copy, level.processor);
}
