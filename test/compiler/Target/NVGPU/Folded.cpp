#include "test/compiler/Target/NVGPU/Folded.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::testing;

/// Leaves `op` alone in the kernel.
static void keep(kernel::DefOp def, Operation *op) {
  Block &body = def.getBody().front();
  body.getTerminator()->setOperands(op->getResults());
  while (&body.front() != op)
    body.front().erase();
  while (op->getNextNode() != body.getTerminator())
    op->getNextNode()->erase();
  body.eraseArguments([](BlockArgument argument) { return argument.use_empty(); });
}

void kinema::testing::dropFolded(ModuleOp module) {
  kernel::DefOp def = defOf(module);
  keep(def, def.getKernel());
}

void kinema::testing::keepFolded(ModuleOp module) {
  kernel::DefOp def = defOf(module);
  kernel::FinalizeOp folded = def.getFolded();
  auto partials = cast<RankedTensorType>(folded.getPartials().getType());
  SmallVector<int64_t> shape(partials.getShape());
  shape[0] = 1;
  Value one = def.getBody().front().insertArgument(
      0u, RankedTensorType::get(shape, partials.getElementType(), partials.getEncoding()), folded.getLoc());
  folded.getPartialsMutable().assign(one);
  folded.setFolded(false);
  keep(def, folded);
}
