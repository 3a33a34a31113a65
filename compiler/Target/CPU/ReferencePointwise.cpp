// Maps: a pointwise expression over a domain, stored and summed.
#include "compiler/Target/CPU/ReferenceOps.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::cpu;

static Walk walkOf(kernel::MapOp op) {
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
  return Walk(op.getDomainType(), channels, channelWidth(types), flat);
}

Blocks cpu::blocksOf(kernel::MapOp op) {
  Partition partition = walkOf(op).getPartition();
  return {partition.grid(), partition.partials()};
}

void cpu::emit(kernel::MapOp op, KernelEmitter &e) {
  Walk walk = walkOf(op);
  RegionReader reader(e, op.getInputs(), op.getAccess(), op.getDomainType(), walk.getWidth(), &walk);
  Yields yields(e, op, cast<kernel::YieldOp>(op.getBody().front().getTerminator()), walk);
  e.forEachBlock([&](Value block) {
    auto part = walk.part(e, block);
    walk.forEachChannel(e, part, [&](Value c, Value valid) {
      Value from = walk.readable(e, c);
      yields.run(
          part, c, valid, [&](Value n) { reader.enter(n, from); },
          [&](Walk::Coordinates at) {
            at[1] = from;
            return e.inlineRegion(op.getBody(), reader.at(at), walk.getWidth());
          });
    });
  });
}
