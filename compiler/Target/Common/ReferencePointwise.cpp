// Maps: a pointwise expression over a domain, stored and summed.
#include "compiler/Target/Common/ReferenceOps.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::reference;

static Walk walkOf(kernel::MapOp op, const Machine &machine) {
  SmallVector<RankedTensorType> types;
  bool flat = true;
  for (auto [operand, access] : llvm::zip(op.getInputs(), op.getAccess())) {
    types.push_back(tensorType(operand));
    flat &= access != static_cast<int32_t>(kernel::Access::Lattice);
  }
  llvm::append_range(types, tensorTypes(op.getResults()));
  int64_t channels = 0;
  for (Value result : op.getResults())
    channels = std::max(channels, storedChannels(tensorType(result)));
  return Walk(machine, op.getDomainType(), channels, channelWidth(machine, types), flat, machine.partials);
}

Blocks reference::blocksOf(kernel::MapOp op, const Machine &machine) {
  return walkOf(op, machine).getPartition().blocks();
}

void reference::emit(kernel::MapOp op, KernelEmitter &e) {
  Walk walk = walkOf(op, e.machine);
  RegionReader reader(e, op.getInputs(), op.getAccess(), op.getDomainType(), walk.getWidth(), &walk);
  emitElements(e, walk, op.getBody(), reader, [](const Walk::Coordinates &) { return SmallVector<Value>(); });
}
