#include "compiler/Target/NVGPU/StencilStage.h"

#include "compiler/Target/NVGPU/FeedPlan.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::nvidia;
using kernel::Access;

static constexpr int64_t noteBytes = StencilRing::noteBytes;

bool nvidia::canStageStencil(const kernel::AccessRegion &prologue) {
  return prologue.count(Access::Pixel) > 0 && llvm::all_of(prologue, [&](kernel::AccessOperand operand) {
           return operand.access == Access::Pixel ? isBlocked(operand.getType()) : operand.isByChannel();
         });
}

bool nvidia::isStencilTransformed(const kernel::AccessRegion &prologue) {
  auto yield = cast<kernel::YieldOp>(prologue.getRegion().front().getTerminator());
  return prologue.operandOf(yield.getValues().front()) != prologue.getPixel();
}

//===-- Notes -------------------------------------------------------------===//

/// A position's note is its number in a frame of the source; it is negative where the source does not reach.
/// Positions of the frame's end that no thread has are noted as such, so that loops need no other end.
Value StencilStage::noteAt(Value number) {
  return w.pointer(e.add(e.mul(number, noteBytes), ring.notesAt(at)));
}

void StencilStage::begin() {
  auto words = VectorType::get({4}, e.b.getI32Type());
  Value zeros = arith::ConstantOp::create(e.b, e.loc, DenseElementsAttr::get(words, int32_t(0)));
  e.spread(e.index(0), e.index(ring.notes()), [&](Value number) {
    Value row = e.add(e.div(number, ring.columns), first[1]);
    Value column = e.add(e.rem(number, ring.columns), first[2]);
    int64_t rows = type.getDimSize(3), columns = type.getDimSize(4);
    Value exists = e.inRange(number, ring.framePositions());
    Value inside = e.both(exists, e.both(e.inRange(row, rows), e.inRange(column, columns)));
    Value note = w.choose(inside, w.word(e.add(e.mul(row, columns), column)), w.word(-1));
    LLVM::StoreOp::create(e.b, e.loc, note, noteAt(number), noteBytes);
    Value isBorder =
        w.less(w.choose(inside, e.index(1), e.index(0)), w.choose(exists, e.index(1), e.index(0)));
    e.when(isBorder, [&] {
      for (int64_t frame = 0; frame < ring.chunks() * ring.frames; ++frame)
        LLVM::StoreOp::create(e.b, e.loc, zeros, placeOf(e.index(at + frame * ring.frameBytes()), number),
                              positionBytes);
    });
  });
}

void StencilStage::forEachPosition(function_ref<void(Value, Value)> body) {
  e.loop(e.thread, e.index(ring.notes()), ring.threads * ring.together(), [&](Value from) {
    SmallVector<Value> numbers, notes;
    for (int64_t i = 0; i < ring.together(); ++i) {
      numbers.push_back(e.add(from, i * ring.threads));
      notes.push_back(LLVM::LoadOp::create(e.b, e.loc, e.b.getI32Type(), noteAt(numbers[i]), noteBytes));
    }
    for (auto [number, note] : llvm::zip(numbers, notes)) {
      Value inside = arith::CmpIOp::create(e.b, e.loc, arith::CmpIPredicate::sge, note, w.word(0));
      e.when(inside, [&, number = number, note = note] {
        body(number, arith::IndexCastOp::create(e.b, e.loc, e.b.getIndexType(), note));
      });
    }
  });
}

//===-- Copies ------------------------------------------------------------===//

void StencilStage::forEachFrame(Value chunk, function_ref<void(int64_t, Value, Value)> body) {
  for (int64_t frame = 0; frame < ring.frames; ++frame) {
    Value number = e.add(e.add(first[0], e.mul(chunk, ring.frames)), frame);
    Value exists = e.inRange(number, type.getDimSize(2));
    if (frames)
      exists = e.both(exists, e.inRange(e.sub(number, frames->first), frames->second));
    body(frame, number, exists);
  }
}

Value StencilStage::frameOf(Value chunk, int64_t frame, int64_t operand) {
  if (operand > 0)
    return e.index(at + ring.restAt() + (operand - 1) * ring.chunkBytes() + frame * ring.frameBytes());
  return e.add(e.mul(e.rem(chunk, ring.chunks()), ring.chunkBytes()), at + frame * ring.frameBytes());
}

/// Writes zeros to this thread's positions of a frame that the source does not have.
void StencilStage::clearFrame(Value frame) {
  auto words = VectorType::get({4}, e.b.getI32Type());
  Value zeros = arith::ConstantOp::create(e.b, e.loc, DenseElementsAttr::get(words, int32_t(0)));
  e.spread(e.index(0), e.index(ring.framePositions()), [&](Value number) {
    LLVM::StoreOp::create(e.b, e.loc, zeros, placeOf(frame, number), positionBytes);
  });
}

void StencilStage::clear(Value chunk) {
  for (int64_t frame = 0; frame < ring.frames; ++frame)
    clearFrame(frameOf(chunk, frame, 0));
}

void StencilStage::copy(Value chunk, bool inSource) {
  auto wide = e.b.getI64Type();
  Type half = e.b.getI16Type(); // by its bits
  forEachFrame(chunk, [&](int64_t frame, Value number, Value exists) {
    auto copyFrame = [&] {
      Value plane = e.add(e.mul(n, shape::ceilDiv(type.getDimSize(1), blockChannels)), block);
      plane = e.mul(e.add(e.mul(plane, type.getDimSize(2)), number),
                    type.getDimSize(3) * type.getDimSize(4) * blockChannels);
      SmallVector<std::pair<Value, Value>> tensors; // where the frame lies, and where it goes
      for (kernel::AccessOperand operand : prologue)
        if (operand.access == Access::Pixel) {
          Value buffer = w.globalPointer(e.bufferOf(*operand.operand));
          Value element = arith::IndexCastOp::create(e.b, e.loc, wide, plane);
          Value from = LLVM::GEPOp::create(e.b, e.loc, buffer.getType(), half, buffer,
                                           ArrayRef<LLVM::GEPArg>{element});
          tensors.push_back({from, frameOf(chunk, frame, tensors.size())});
        }
      forEachPosition([&](Value number, Value inSource) {
        Value element = arith::IndexCastOp::create(e.b, e.loc, wide, e.mul(inSource, blockChannels));
        for (auto [from, to] : tensors)
          NVVM::CpAsyncOp::create(
              e.b, e.loc, placeOf(to, number),
              LLVM::GEPOp::create(e.b, e.loc, from.getType(), half, from, ArrayRef<LLVM::GEPArg>{element}),
              positionBytes, NVVM::LoadCacheModifierKind::CG, Value());
      });
    };
    if (inSource)
      return copyFrame();
    e.when(exists, copyFrame, [&] { clearFrame(frameOf(chunk, frame, 0)); });
  });
}

//===-- The prologue ------------------------------------------------------===//

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
  auto narrow = VectorType::get({blockChannels}, kernel::halfOf(prologue));
  forEachFrame(chunk, [&](int64_t frame, Value, Value exists) {
    e.when(exists, [&] {
      forEachPosition([&](Value number, Value) {
        SmallVector<Value> arguments(ofChannels);
        int64_t tensors = 0;
        for (auto [argument, operand] : llvm::zip_equal(arguments, prologue))
          if (!argument)
            argument =
                load(operand.getType(), e.add(frameOf(chunk, frame, tensors++), e.mul(number, positionBytes)),
                     blockChannels);
        Value value = e.inlineRegion(prologue.getRegion(), arguments, blockChannels).front();
        LLVM::StoreOp::create(e.b, e.loc, arith::TruncFOp::create(e.b, e.loc, narrow, value),
                              placeOf(frameOf(chunk, frame, 0), number), positionBytes);
      });
    });
  });
}

Value StencilStage::frameAt(Value number) {
  return e.add(e.mul(e.rem(number, ring.chunks() * ring.frames), ring.frameBytes()), at);
}

void nvidia::commitStencilCopies(KernelEmitter &e) { NVVM::CpAsyncCommitGroupOp::create(e.b, e.loc); }

void nvidia::awaitStencilCopies(KernelEmitter &e) { NVVM::CpAsyncWaitGroupOp::create(e.b, e.loc, 0); }

Value StencilStage::load(Value at, int64_t channels) { return load(kernel::halfOf(prologue), at, channels); }

Value StencilStage::load(Type half, Value at, int64_t channels) {
  auto narrow = VectorType::get({channels}, getElementTypeOrSelf(half));
  Value value = LLVM::LoadOp::create(e.b, e.loc, narrow, w.pointer(at), 2 * channels);
  return arith::ExtFOp::create(e.b, e.loc, e.vectorType(channels), value);
}
