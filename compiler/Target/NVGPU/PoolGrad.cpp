#include "compiler/Target/NVGPU/PoolGrad.h"

#include "compiler/Target/Common/ReferenceOps.h"
#include "compiler/Target/Common/Window.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include <limits>

using namespace mlir;
using namespace kinema;
using namespace kinema::reference;

namespace {
/// Plans a block, which computes some frames of a clip, 8 channels deep. First its threads find, for each
/// window that touches them, the tap of the maximum, one byte a channel, and leave it in shared memory; then
/// each position asks the windows over it, in order, whether it is their maximum.
struct PoolGrad {
  PoolGrad(kernel::PoolGradOp op, int64_t frames) : op(op), frames(frames) {}

  static constexpr int64_t width = 8; // channels of a thread
  kernel::PoolGradOp op;
  RankedTensorType g = tensorOf(op.getG()), result = tensorOf(op.getResult());
  shape::Window window = op.getWindow().getWindow();
  bool max = op.getKind() == kernel::PoolKind::Max;
  int64_t frames; // frames of a block

  int64_t clips() const { return result.getDimSize(0); }
  int64_t units() const { return shape::ceilDiv(storedChannels(result), width); }
  int64_t tiles() const { return shape::ceilDiv(result.getDimSize(2), frames); }
  int64_t grid() const { return clips() * units() * tiles(); }
  int64_t windowsOfFrame() const { return g.getDimSize(3) * g.getDimSize(4); }
  int64_t positionsOfFrame() const { return result.getDimSize(3) * result.getDimSize(4); }
  int64_t sharedBytes() const {
    int64_t reach = (frames - 1 + (window.kernel[0] - 1) * window.dilation[0]) / window.stride[0] + 1;
    return max ? std::min(reach, g.getDimSize(2)) * windowsOfFrame() * width : 0;
  }
  bool isSupported(const nvidia::Processor &processor) const {
    constexpr int64_t taps = 256; // a tap's number is a byte
    SmallVector<RankedTensorType> types = tensorTypes(op->getOperands());
    types.push_back(result);
    return channelWidth(processor.machine, types) == width && sharedBytes() <= processor.blockSharedBytes() &&
           window.taps() <= taps;
  }
};

class PoolGradEmitter {
public:
  PoolGradEmitter(const PoolGrad &plan, KernelEmitter &e)
      : plan(plan), op(plan.op), e(e), reader(e, op.prologue(), plan.result, PoolGrad::width) {}

  void emit();

private:
  using Coordinates = SmallVector<Value, 3>;

  VectorType numbers(unsigned bits) { return VectorType::get({PoolGrad::width}, e.b.getIntegerType(bits)); }
  Value numberOf(ArrayRef<Value> tap);
  Value winnerAt(ArrayRef<Value> window);
  Value winner(ArrayRef<Value> window);
  Value given(ArrayRef<Value> window, ArrayRef<Value> tap);
  Value gathered(ArrayRef<Value> position);
  Coordinates coordinates(Value i, RankedTensorType type, Value firstFrame);
  void emitWinners(Value windows);

  const PoolGrad &plan;
  kernel::PoolGradOp op;
  KernelEmitter &e;
  RegionReader reader;
  Value n, c, firstWindow;
};
} // namespace

/// Returns the coordinates of position i, counted from frame `firstFrame` on.
PoolGradEmitter::Coordinates PoolGradEmitter::coordinates(Value i, RankedTensorType type, Value firstFrame) {
  Value line = e.div(i, type.getDimSize(4));
  return {e.add(firstFrame, e.div(line, type.getDimSize(3))), e.rem(line, type.getDimSize(3)),
          e.rem(i, type.getDimSize(4))};
}

/// Returns a tap's number in each lane.
Value PoolGradEmitter::numberOf(ArrayRef<Value> tap) {
  auto kernel = plan.window.kernel;
  Value number = e.add(e.mul(e.add(e.mul(tap[0], kernel[1]), tap[1]), kernel[2]), tap[2]);
  Value word = arith::IndexCastOp::create(e.b, e.loc, e.b.getI32Type(), number);
  return vector::BroadcastOp::create(e.b, e.loc, numbers(32), word);
}

/// Returns where the winners of a window lie in shared memory.
Value PoolGradEmitter::winnerAt(ArrayRef<Value> window) {
  Value line = e.add(e.mul(e.sub(window[0], firstWindow), plan.g.getDimSize(3)), window[1]);
  Value bytes = e.mul(e.add(e.mul(line, plan.g.getDimSize(4)), window[2]), PoolGrad::width);
  Value word = arith::IndexCastOp::create(e.b, e.loc, e.b.getI32Type(), bytes);
  return LLVM::GEPOp::create(e.b, e.loc, e.scratch.getType(), e.b.getI8Type(), e.scratch,
                             ArrayRef<LLVM::GEPArg>{word});
}

/// Returns the tap of the window's first maximum, one for each lane. A strictly greater value wins, so that
/// NaN never does.
Value PoolGradEmitter::winner(ArrayRef<Value> window) {
  Value lowest = e.constant(-std::numeric_limits<float>::infinity(), e.vectorType(PoolGrad::width));
  Value start = numberOf(clipWindow(e, plan.window, plan.result, window).first);
  auto better = [&](ArrayRef<Value> at, ArrayRef<Value> tap, ValueRange best) -> SmallVector<Value> {
    Value x = reader.value({n, c, at[0], at[1], at[2]});
    Value greater = arith::CmpFOp::create(e.b, e.loc, arith::CmpFPredicate::OGT, x, best[0]);
    return {arith::SelectOp::create(e.b, e.loc, greater, x, best[0]),
            arith::SelectOp::create(e.b, e.loc, greater, numberOf(tap), best[1])};
  };
  return forEachInWindow(e, plan.window, plan.result, window, {lowest, start}, better)[1];
}

/// Returns what a window gives to the position at its tap.
Value PoolGradEmitter::given(ArrayRef<Value> window, ArrayRef<Value> tap) {
  SmallVector<Value> at = {n, c};
  llvm::append_range(at, window);
  Value value = e.loadElements(e.operands[0], e.position(plan.g, at), PoolGrad::width);
  if (!plan.max)
    return e.mulf(value, e.constant(1.0f / plan.window.taps(), value.getType()));
  Value bytes = LLVM::LoadOp::create(e.b, e.loc, numbers(8), winnerAt(window), PoolGrad::width);
  Value number = arith::ExtUIOp::create(e.b, e.loc, numbers(32), bytes);
  Value isIts = arith::CmpIOp::create(e.b, e.loc, arith::CmpIPredicate::eq, number, numberOf(tap));
  return masked(e, isIts, value);
}

/// Returns the gradient at a position. Windows come in their order, so that taps go backwards.
Value PoolGradEmitter::gathered(ArrayRef<Value> position) {
  return forEachTap(e, plan.window, e.zero(PoolGrad::width), [&](ArrayRef<Value> fromLast, Value sum) {
    SmallVector<Value> tap;
    for (int axis = 0; axis < 3; ++axis)
      tap.push_back(e.sub(e.index(plan.window.kernel[axis] - 1), fromLast[axis]));
    auto window = sourceOf(e, plan.window, /*forward=*/false, plan.g, position, tap);
    return e.select(window.inside, [&] { return e.addf(sum, given(window.coordinates, tap)); }, sum);
  });
}

void PoolGradEmitter::emitWinners(Value windows) {
  reader.enter(n, c);
  e.spread(e.index(0), windows, [&](Value i) {
    auto at = coordinates(i, plan.g, firstWindow);
    Value bytes = arith::TruncIOp::create(e.b, e.loc, numbers(8), winner(at));
    LLVM::StoreOp::create(e.b, e.loc, bytes, winnerAt(at), PoolGrad::width);
  });
}

void PoolGradEmitter::emit() {
  const auto &window = plan.window;
  Value tile = e.rem(e.firstBlock, plan.tiles()), rest = e.div(e.firstBlock, plan.tiles());
  Partition one{plan.clips(), 1, plan.units(), 1, 1, 1}; // a block has one clip and one vector of channels
  Walk walk(plan.result, PoolGrad::width, one);
  Walk::Part part = walk.part(e, rest);
  n = part.firstClip;
  Value first = e.mul(tile, plan.frames);
  Value end = e.min(e.add(first, plan.frames), e.index(plan.result.getDimSize(2)));
  Value before =
      e.add(first, window.padLow[0] - (window.kernel[0] - 1) * window.dilation[0] + window.stride[0] - 1);
  firstWindow = e.div(e.max(before, e.index(0)), window.stride[0]);
  Value endWindow = e.min(e.add(e.div(e.add(end, window.padLow[0] - 1), window.stride[0]), 1),
                          e.index(plan.g.getDimSize(2)));
  auto [channel, valid] = walk.channelAt(e, part.firstChannel);
  c = channel;
  if (plan.max) {
    emitWinners(e.mul(e.sub(endWindow, firstWindow), plan.windowsOfFrame()));
    NVVM::BarrierOp::create(e.b, e.loc);
  }
  e.spread(e.index(0), e.mul(e.sub(end, first), plan.positionsOfFrame()), [&](Value i) {
    auto at = coordinates(i, plan.result, first);
    Value sum = masked(e, valid, gathered(at));
    e.storeElements(sum, e.results[0], e.position(plan.result, {n, c, at[0], at[1], at[2]}));
  });
}

/// Returns the frames of a block. Frames share windows with their neighbours, so a block takes as many as fit
/// while there are blocks enough.
static int64_t bestFrames(kernel::PoolGradOp op) {
  // Chosen, not the processor's limits: six blocks of Hopper share a multiprocessor.
  constexpr int64_t budget = 32 * 1024, enoughBlocks = 1024;
  int64_t frames = 1;
  for (int64_t most = tensorOf(op.getResult()).getDimSize(2); frames < most; ++frames)
    if (PoolGrad next(op, frames + 1); next.sharedBytes() > budget || next.grid() < enoughBlocks)
      break;
  return frames;
}

std::optional<kernel::ScheduleAttr> nvidia::schedulePoolGrad(kernel::PoolGradOp op,
                                                             const Processor &processor) {
  return schedulePoolGrad(op, processor, bestFrames(op));
}

std::optional<kernel::ScheduleAttr> nvidia::schedulePoolGrad(kernel::PoolGradOp op,
                                                             const Processor &processor, int64_t frames) {
  PoolGrad plan(op, frames);
  if (!plan.isSupported(processor))
    return std::nullopt;
  return makeSchedule(op, GatherParameters::schedule(processor.tensorCores),
                      {plan.grid(), plan.sharedBytes(), std::nullopt, processor.machine.threads},
                      GatherParameters{plan.frames});
}

kernel::ScheduleAttr nvidia::remakePoolGrad(kernel::PoolGradOp op, const Processor &processor,
                                            ScheduleParameters &parameters) {
  GatherParameters read;
  parameters.read(read);
  parameters.check(read.frames, 1, tensorOf(op.getResult()).getDimSize(2));
  return schedulePoolGrad(op, processor, read.frames).value_or(kernel::ScheduleAttr());
}

void nvidia::emitPoolGrad(kernel::PoolGradOp op, KernelEmitter &e) {
  PoolGrad plan(op, parametersOf<GatherParameters>(*op.getSchedule()).frames);
  PoolGradEmitter(plan, e).emit();
}
