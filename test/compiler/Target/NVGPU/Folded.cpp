#include "test/compiler/Target/NVGPU/Folded.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::testing;

static void finish(kernel::DefOp def, Operation *op) {
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
  Operation *op = def.getKernel();
  def.getBody().front().getTerminator()->setOperands(op->getResults());
  if (auto folded = def.getFolded())
    folded.erase();
  finish(def, op);
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
  def.getBody().front().getTerminator()->setOperands(folded.getResults());
  finish(def, folded);
}
