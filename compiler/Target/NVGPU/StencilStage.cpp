#include "compiler/Target/NVGPU/StencilStage.h"

#include "compiler/Target/NVGPU/HaloStage.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::nvidia;
using kernel::Access;

bool nvidia::canStageStencil(const kernel::AccessRegion &prologue) {
  return prologue.count(Access::Pixel) > 0 &&
         llvm::all_of(prologue, [&](kernel::AccessOperand operand) {
           return operand.access == Access::Pixel ? isBlocked(operand.getType()) : operand.isByChannel();
         });
}

bool nvidia::isStencilTransformed(const kernel::AccessRegion &prologue) {
  auto yield = cast<kernel::YieldOp>(prologue.getRegion().front().getTerminator());
  return prologue.operandOf(yield.getValues().front()) != prologue.getPixel();
}

StencilStage::Position StencilStage::positionOf(Value chunk, Value number) {
  Value line = e.div(number, ring.columns);
  std::array<Value, 3> at = {e.add(e.mul(chunk, ring.frames), e.div(line, ring.rows)), e.rem(line, ring.rows),
                             e.rem(number, ring.columns)};
  Position position{arith::ConstantIntOp::create(e.b, e.loc, 1, 1),
                    e.add(e.mul(n, shape::ceilDiv(type.getDimSize(1), blockChannels)), block)};
  for (int axis = 0; axis < 3; ++axis) {
    int64_t size = type.getDimSize(axis + 2);
    at[axis] = e.add(at[axis], first[axis]);
    position.inside = e.both(position.inside, e.inRange(at[axis], size));
    position.at = e.add(e.mul(position.at, size), at[axis]);
  }
  position.at = w.choose(position.inside, e.mul(position.at, blockChannels), e.index(0));
  return position;
}

Value StencilStage::placeOf(Value chunk, Value number, int64_t operand) {
  Value bytes = e.mul(number, positionBytes);
  if (operand > 0)
    return w.pointer(e.add(bytes, restAt + (operand - 1) * ring.chunkBytes()));
  return w.pointer(e.add(e.add(bytes, ringAt), e.mul(e.rem(chunk, ring.chunks()), ring.chunkBytes())));
}

void StencilStage::copy(Value chunk) {
  e.spread(e.index(0), e.index(ring.positions()), [&](Value number) {
    Position position = positionOf(chunk, number);
    Value element = arith::IndexCastOp::create(e.b, e.loc, e.b.getI64Type(), position.at);
    Value bytes = w.choose(position.inside, w.word(positionBytes), w.word(0));
    int64_t tensors = 0;
    for (kernel::AccessOperand operand : prologue)
      if (operand.access == Access::Pixel) {
        Value buffer = w.globalPointer(e.bufferOf(*operand.operand));
        Value from = LLVM::GEPOp::create(e.b, e.loc, buffer.getType(), e.b.getBF16Type(), buffer,
                                         ArrayRef<LLVM::GEPArg>{element});
        NVVM::CpAsyncOp::create(e.b, e.loc, placeOf(chunk, number, tensors++), from, positionBytes,
                                NVVM::LoadCacheModifierKind::CG, bytes);
      }
  });
  NVVM::CpAsyncCommitGroupOp::create(e.b, e.loc);
}

/// Loads the prologue's vectors of channels; null for its tensors.
SmallVector<Value> StencilStage::vectors() {
  Value c = e.mul(block, blockChannels), zero = e.index(0);
  return llvm::map_to_vector(prologue, [&](kernel::AccessOperand operand) {
    return operand.isByChannel() ? e.loadAccess(operand, type, {n, c, zero, zero, zero}, blockChannels)
                                 : Value();
  });
}

void StencilStage::transform(Value chunk) {
  if (!isStencilTransformed(prologue))
    return;
  SmallVector<Value> ofChannels = vectors();
  e.spread(e.index(0), e.index(ring.positions()), [&](Value number) {
    e.when(positionOf(chunk, number).inside, [&] {
      SmallVector<Value> arguments(ofChannels);
      int64_t tensors = 0;
      for (Value &argument : arguments)
        if (!argument)
          argument = loadPosition(w, placeOf(chunk, number, tensors++));
      Value value = e.inlineRegion(prologue.getRegion(), arguments, blockChannels).front();
      auto narrow = VectorType::get({blockChannels}, e.b.getBF16Type());
      LLVM::StoreOp::create(e.b, e.loc, arith::TruncFOp::create(e.b, e.loc, narrow, value),
                            placeOf(chunk, number, 0), positionBytes);
    });
  });
}

Value StencilStage::frameAt(Value chunk, int64_t frame) {
  // A chunk that lies before the first one is no chunk, but its number must not be negative.
  Value number = e.add(chunk, ring.chunks() - ring.before + frame / ring.frames);
  int64_t inChunk = frame % ring.frames * ring.rows * ring.columns * positionBytes;
  return e.add(e.mul(e.rem(number, ring.chunks()), ring.chunkBytes()), ringAt + inChunk);
}

void nvidia::awaitStencilCopies(KernelEmitter &e) { NVVM::CpAsyncWaitGroupOp::create(e.b, e.loc, 0); }

Value nvidia::loadPosition(WarpgroupEmitter &w, Value at) {
  KernelEmitter &e = w.e;
  if (!isa<LLVM::LLVMPointerType>(at.getType()))
    at = w.pointer(at);
  auto narrow = VectorType::get({blockChannels}, e.b.getBF16Type());
  Value value = LLVM::LoadOp::create(e.b, e.loc, narrow, at, positionBytes);
  return arith::ExtFOp::create(e.b, e.loc, e.vectorType(blockChannels), value);
}
