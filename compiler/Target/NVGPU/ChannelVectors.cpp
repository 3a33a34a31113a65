#include "compiler/Target/NVGPU/ChannelVectors.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::nvidia;

static constexpr int64_t elementBytes = 4;

/// Returns where the number of a channel lies, behind the vectors of the operands before.
Value ChannelVectors::place(const kernel::AccessOperand &operand, Value channel) {
  int64_t before = 0;
  for (kernel::AccessOperand other : epilogue) {
    if (other.operand == operand.operand)
      break;
    before += keeps(other);
  }
  return w.pointer(e.add(e.mul(channel, elementBytes), region.at + before * bytes(1, channels)));
}

void ChannelVectors::fill(Value firstChannel, Value thread, int64_t threads) {
  e.loop(thread, e.index(channels), threads, [&](Value channel) {
    SmallVector<std::pair<kernel::AccessOperand, Value>> loaded; // all, before the first one is stored
    Value from = e.add(firstChannel, channel);
    for (kernel::AccessOperand operand : epilogue)
      if (keeps(operand))
        loaded.emplace_back(operand, e.loadAccess(operand, result, {e.index(0), from}, 1));
    for (auto [operand, value] : loaded)
      LLVM::StoreOp::create(e.b, e.loc, value, place(operand, channel), elementBytes);
  });
}

Value ChannelVectors::load(const kernel::AccessOperand &operand, Value channel) {
  constexpr int64_t pair = 2;
  return LLVM::LoadOp::create(e.b, e.loc, e.vectorType(pair), place(operand, channel), pair * elementBytes);
}
