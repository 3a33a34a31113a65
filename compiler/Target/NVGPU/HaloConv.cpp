#include "compiler/Target/NVGPU/HaloConv.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::nvidia;
using kernel::Access;
using kernel::Yield;

namespace {

constexpr int64_t blockChannels = 8; // of the blocked layout: 16 bytes a position
constexpr int64_t positionBytes = 16;
constexpr int64_t warp = 32, warpgroup = 128;

/// An mbarrier for each stage of a ring, in both directions.
struct Ring {
  int64_t stages;
  int64_t fullAt, emptyAt; // bytes from the start of shared memory
  int64_t dataAt, stageBytes;
};

/// Writes one kernel; the members are set as the code that computes them is written.
class HaloConvEmitter {
public:
  HaloConvEmitter(kernel::ConvOp op, const HaloPlan &plan, KernelEmitter &e, Value shared)
      : op(op), plan(plan), e(e), shared(shared),
        yield(cast<kernel::YieldOp>(op.getEpilogue().front().getTerminator())) {}

  void emit();

private:
  /// What the block computes along one axis.
  struct AxisPlace {
    Value first;  // result of the phase
    Value count;  // results of the phase
    Value offset; // of the phase
    Value taps, firstTap, firstShift;
  };
  /// One row of the accumulators.
  struct Row {
    Value valid;                 // whether it is a result
    Value n;                     // clip
    std::array<Value, 3> result; // its coordinates, clamped to a result that exists
    Value at;                    // position of its first channel of this thread in a plane of the result
  };

  // Words of 32 bits, as the machine's instructions take them.
  Value word(int64_t value) { return arith::ConstantIntOp::create(e.b, e.loc, value, 32); }
  Value word(Value index) { return arith::IndexCastOp::create(e.b, e.loc, e.b.getI32Type(), index); }
  Value pointer(Value bytes);
  Value pointer(int64_t bytes) { return pointer(e.index(bytes)); }

  Value less(Value a, Value b) { return arith::CmpIOp::create(e.b, e.loc, arith::CmpIPredicate::slt, a, b); }
  Value choose(Value condition, Value a, Value b) {
    return arith::SelectOp::create(e.b, e.loc, condition, a, b);
  }
  Value pick(Value phase, const HaloAxis &axis, int64_t HaloAxis::Phase::*field);

  void layOut();
  void placeBlock();
  void initialiseBarriers();

  // Rings. `step` counts the stages that have passed.
  Value stageOf(const Ring &ring, Value step) { return e.rem(step, ring.stages); }
  Value barrier(int64_t at, Value stage) { return pointer(e.add(e.index(at), e.mul(stage, 8))); }
  Value stageAt(const Ring &ring, Value stage) {
    return e.add(e.index(ring.dataAt), e.mul(stage, ring.stageBytes));
  }
  void wait(Value barrier, Value parity);
  void waitFull(const Ring &ring, Value step);
  void waitEmpty(const Ring &ring, Value step);
  void arrive(Value barrier) { NVVM::MBarrierArriveOp::create(e.b, e.loc, e.b.getI64Type(), barrier); }

  /// Runs the body for each tap of the block's phase, carrying values.
  SmallVector<Value> overTaps(ValueRange init,
                              function_ref<SmallVector<Value>(ArrayRef<Value>, ValueRange)> body);

  void emitWeights();
  void emitWeightStage(Value chunk, ArrayRef<Value> tap, Value step);
  void emitSource();
  void emitSourceBlock(Value chunk, Value block, Value stageData);
  Value emitProloguePosition(Value position, Value block, ArrayRef<Value> vectors);

  void emitConsumers();
  Value descriptor(Value bytes, int64_t leading, int64_t stride);
  SmallVector<Value> emitProducts(ValueRange accumulators, Value sourceAt, Value weightAt);
  Value shiftOf(ArrayRef<Value> tap);

  void emitEpilogue(ValueRange accumulators);
  Row rowOf(int64_t tile, int64_t half);
  Value epilogueOperand(unsigned i, const Row &row, Value block);
  Value channelsOf(Value block);
  Value butterfly(Value pair);
  void emitReduction(ArrayRef<Value> sums, int64_t first, int64_t group);
  void consumersMeet();
  void storePartials(ArrayRef<int64_t> rows, Value buffer, int64_t rowCount,
                     function_ref<SmallVector<Value>(Value channel)> values);
  Value reduced(int64_t sum, Value channel);

  Value loadPair(Value buffer, Value at);
  Value loadBlock(Value buffer, Value at);

  kernel::ConvOp op;
  const HaloPlan &plan;
  KernelEmitter &e;
  Value shared;
  kernel::YieldOp yield;
  Ring source, weights;
  int64_t reductionAt = 0;
  Value n, channelTile, positionTile;
  std::array<AxisPlace, 3> place;
  Value consumerThread, lane; // of the consumers
};

//===-- Addresses and barriers --------------------------------------------===//

Value HaloConvEmitter::pointer(Value bytes) {
  return LLVM::GEPOp::create(e.b, e.loc, shared.getType(), e.b.getI8Type(), shared,
                             ArrayRef<LLVM::GEPArg>{word(bytes)});
}

void HaloConvEmitter::layOut() {
  int64_t at = 0;
  auto take = [&](int64_t bytes) { return std::exchange(at, at + bytes); };
  for (auto [ring, stages] : {std::pair{&source, plan.sourceStages}, {&weights, plan.weightStages}}) {
    ring->stages = stages;
    ring->fullAt = take(8 * stages);
    ring->emptyAt = take(8 * stages);
  }
  at = shape::roundUp(at, 128);
  source.stageBytes = plan.sourceStageBytes();
  weights.stageBytes = plan.weightStageBytes();
  source.dataAt = take(source.stages * source.stageBytes);
  weights.dataAt = take(weights.stages * weights.stageBytes);
  reductionAt = at;
}

void HaloConvEmitter::initialiseBarriers() {
  e.when(e.equal(e.thread, 0), [&] {
    for (auto [ring, producers] : {std::pair{&source, plan.producerThreads}, {&weights, int64_t(1)}})
      for (int64_t stage = 0; stage < ring->stages; ++stage) {
        NVVM::MBarrierInitOp::create(e.b, e.loc, barrier(ring->fullAt, e.index(stage)), word(producers),
                                     Value());
        NVVM::MBarrierInitOp::create(e.b, e.loc, barrier(ring->emptyAt, e.index(stage)),
                                     word(4 * plan.consumers), Value());
      }
    NVVM::FenceMbarrierInitOp::create(e.b, e.loc);
  });
  NVVM::BarrierOp::create(e.b, e.loc);
}

void HaloConvEmitter::wait(Value barrier, Value parity) {
  constexpr int64_t ticks = 1000000; // between looks
  NVVM::MBarrierTryWaitParityOp::create(e.b, e.loc, barrier, word(parity), word(ticks));
}

/// The stage's data are there: it has been filled once more than it was emptied.
void HaloConvEmitter::waitFull(const Ring &ring, Value step) {
  wait(barrier(ring.fullAt, stageOf(ring, step)), e.rem(e.div(step, ring.stages), 2));
}

/// The stage may be filled; it is empty at the beginning.
void HaloConvEmitter::waitEmpty(const Ring &ring, Value step) {
  wait(barrier(ring.emptyAt, stageOf(ring, step)), e.rem(e.add(e.div(step, ring.stages), 1), 2));
}

//===-- The block's place -------------------------------------------------===//

/// The field of the phase with that number.
Value HaloConvEmitter::pick(Value phase, const HaloAxis &axis, int64_t HaloAxis::Phase::*field) {
  Value picked = e.index(axis.phases.back().*field);
  for (int64_t i = axis.phases.size() - 2; i >= 0; --i)
    if (axis.phases[i].*field != axis.phases.back().*field || axis.phases.size() > 2)
      picked = choose(e.equal(phase, i), e.index(axis.phases[i].*field), picked);
  return picked;
}

void HaloConvEmitter::placeBlock() {
  auto next = [rest = e.firstBlock, this](int64_t size) mutable {
    Value part = e.rem(rest, size);
    rest = e.div(rest, size);
    return part;
  };
  channelTile = next(plan.channelTiles());
  positionTile = e.div(e.firstBlock, plan.channelTiles());
  for (int axis = 2; axis >= 0; --axis)
    place[axis].first = e.mul(next(plan.axes[axis].tiles()), plan.axes[axis].tile);
  for (int axis = 2; axis >= 0; --axis) {
    const HaloAxis &halo = plan.axes[axis];
    Value phase = next(halo.phases.size());
    place[axis].count = pick(phase, halo, &HaloAxis::Phase::count);
    place[axis].offset = pick(phase, halo, &HaloAxis::Phase::offset);
    place[axis].taps = pick(phase, halo, &HaloAxis::Phase::taps);
    place[axis].firstTap = pick(phase, halo, &HaloAxis::Phase::firstTap);
    place[axis].firstShift = pick(phase, halo, &HaloAxis::Phase::firstShift);
  }
  n = next(plan.clips);
}

SmallVector<Value>
HaloConvEmitter::overTaps(ValueRange init,
                          function_ref<SmallVector<Value>(ArrayRef<Value>, ValueRange)> body) {
  Value zero = e.index(0);
  return e.loop(zero, place[0].taps, 1, init, [&](Value t, ValueRange atT) {
    return e.loop(zero, place[1].taps, 1, atT, [&](Value h, ValueRange atH) {
      return e.loop(zero, place[2].taps, 1, atH,
                    [&](Value w, ValueRange carried) { return body({t, h, w}, carried); });
    });
  });
}

//===-- Producers ---------------------------------------------------------===//

/// One thread copies, for each chunk of the source's channels, the weights of one tap after the other.
void HaloConvEmitter::emitWeights() {
  Value zero = e.index(0);
  e.loop(zero, e.index(plan.chunks()), 1, {zero}, [&](Value chunk, ValueRange step) {
    return overTaps(step, [&](ArrayRef<Value> tap, ValueRange step) -> SmallVector<Value> {
      emitWeightStage(chunk, tap, step[0]);
      return {e.add(step[0], 1)};
    });
  });
}

void HaloConvEmitter::emitWeightStage(Value chunk, ArrayRef<Value> tap, Value step) {
  auto kernel = op.getWindow().getWindow().kernel;
  Value number = e.index(0);
  for (int axis = 0; axis < 3; ++axis) {
    Value k = e.add(place[axis].firstTap, e.mul(tap[axis], plan.axes[axis].tapStep));
    number = e.add(e.mul(number, kernel[axis]), k);
  }
  waitEmpty(weights, step);
  Value stage = stageOf(weights, step), full = barrier(weights.fullAt, stage);
  NVVM::MBarrierArriveExpectTxOp::create(e.b, e.loc, e.b.getI64Type(), full, word(weights.stageBytes),
                                         NVVM::MemScopeKind::CTA, false, Value());
  // weight: [taps, channel blocks of the source, channels of the result, 8]
  Type pointerType = LLVM::LLVMPointerType::get(e.b.getContext(), 1);
  Value global =
      UnrealizedConversionCastOp::create(e.b, e.loc, pointerType, e.bufferOf(op.getWeightMutable()))
          .getResult(0);
  int64_t rowBytes = plan.tile.channels * positionBytes;
  for (int64_t i = 0; i < plan.tile.depth / blockChannels; ++i) {
    // What lies beyond the weight meets zeros of the source: any numbers will do.
    Value block =
        e.min(e.add(e.mul(chunk, plan.tile.depth / blockChannels), i), e.index(plan.sourceBlocks - 1));
    Value row = e.add(e.mul(number, plan.sourceBlocks), block);
    Value bytes =
        e.add(e.mul(row, plan.resultBlocks * blockChannels * positionBytes), e.mul(channelTile, rowBytes));
    Value from = LLVM::GEPOp::create(e.b, e.loc, global.getType(), e.b.getI8Type(), global,
                                     ArrayRef<LLVM::GEPArg>{word(bytes)});
    // As memory of the cluster, which older drivers know too.
    Value to = LLVM::AddrSpaceCastOp::create(e.b, e.loc, LLVM::LLVMPointerType::get(e.b.getContext(), 7),
                                             pointer(e.add(stageAt(weights, stage), i * rowBytes)));
    NVVM::CpAsyncBulkGlobalToSharedClusterOp::create(e.b, e.loc, to, from, full, word(rowBytes), Value(),
                                                     Value());
  }
}

/// Stages the source's halo, one chunk of channels after the other.
void HaloConvEmitter::emitSource() {
  e.loop(plan.chunks(), [&](Value chunk) {
    waitEmpty(source, chunk);
    Value stage = stageOf(source, chunk);
    e.loop(plan.tile.depth / blockChannels,
           [&](Value block) { emitSourceBlock(chunk, block, stageAt(source, stage)); });
    NVVM::FenceProxyOp::create(e.b, e.loc, NVVM::ProxyKind::async_shared,
                               NVVM::SharedSpaceAttr::get(e.b.getContext(), NVVM::SharedSpace::shared_cta));
    arrive(barrier(source.fullAt, stage));
  });
}

Value HaloConvEmitter::loadBlock(Value buffer, Value at) { return e.loadVector(buffer, at, blockChannels); }

/// One channel block of a stage, its positions spread over the producers' threads.
void HaloConvEmitter::emitSourceBlock(Value chunk, Value block, Value stageData) {
  Value wanted = e.add(e.mul(chunk, plan.tile.depth / blockChannels), block);
  Value exists = less(wanted, e.index(plan.sourceBlocks));
  Value channelBlock = e.min(wanted, e.index(plan.sourceBlocks - 1));
  SmallVector<Value> vectors; // of channel and batch_channel operands, else null
  for (auto [i, access] : llvm::enumerate(op.getPrologueAccess())) {
    Value buffer = e.operands[1 + i];
    Value row = static_cast<Access>(access) == Access::BatchChannel
                    ? e.add(e.mul(n, plan.sourceBlocks), channelBlock)
                    : channelBlock;
    vectors.push_back(static_cast<Access>(access) == Access::Pixel
                          ? Value()
                          : loadBlock(buffer, e.mul(row, blockChannels)));
  }
  Value first = e.sub(e.thread, e.index(warp));
  e.loop(first, e.index(plan.stagedPositions()), plan.producerThreads, [&](Value position) {
    Value value = emitProloguePosition(position, channelBlock, vectors);
    Value zero = e.constant(0.0f, e.vectorType(blockChannels));
    auto narrow = VectorType::get({blockChannels}, e.b.getBF16Type());
    Value rounded = arith::TruncFOp::create(e.b, e.loc, narrow, choose(exists, value, zero));
    Value at = e.add(e.mul(block, plan.pitch()), position);
    LLVM::StoreOp::create(e.b, e.loc, rounded, pointer(e.add(stageData, e.mul(at, positionBytes))),
                          positionBytes);
  });
}

/// The prologue's value at a position of the halo, zero outside the source.
Value HaloConvEmitter::emitProloguePosition(Value position, Value block, ArrayRef<Value> vectors) {
  Value plane = e.div(position, plan.planePositions()), rest = e.rem(position, plan.planePositions());
  Value inside = arith::ConstantIntOp::create(e.b, e.loc, 1, 1);
  std::array<Value, 3> at;
  for (int axis = 2; axis >= 0; --axis) {
    const HaloAxis &halo = plan.axes[axis];
    Value q = e.add(place[axis].first, e.rem(rest, halo.extent()));
    rest = e.div(rest, halo.extent());
    at[axis] = e.add(e.add(e.mul(q, halo.sourceStep), e.rem(plane, halo.planes())), halo.low);
    plane = e.div(plane, halo.planes());
    inside = e.both(inside, e.inRange(at[axis], halo.source));
  }
  Value row = e.add(e.mul(n, plan.sourceBlocks), block);
  for (int axis = 0; axis < 3; ++axis)
    row = e.add(e.mul(row, plan.axes[axis].source), at[axis]);
  // Read somewhere in any case: a load that waits for no branch can be under way beside others.
  Value address = choose(inside, e.mul(row, blockChannels), e.index(0));
  SmallVector<Value> arguments;
  for (auto [i, vector] : llvm::enumerate(vectors))
    arguments.push_back(vector ? vector : loadBlock(e.operands[1 + i], address));
  Value value = e.inlineRegion(op.getPrologue(), arguments, blockChannels).front();
  return choose(inside, value, e.constant(0.0f, e.vectorType(blockChannels)));
}

//===-- Consumers ---------------------------------------------------------===//

/// The shared memory from `bytes` on as a matrix without swizzle: `leading` bytes from 8 channels to the
/// next, `stride` bytes from 8 rows to the next (PTX ISA, matrix descriptor).
Value HaloConvEmitter::descriptor(Value bytes, int64_t leading, int64_t stride) {
  auto wide = e.b.getI64Type();
  Value address = LLVM::PtrToIntOp::create(e.b, e.loc, wide, pointer(bytes));
  auto constant = [&](int64_t value) -> Value { return arith::ConstantIntOp::create(e.b, e.loc, value, 64); };
  Value low = arith::AndIOp::create(e.b, e.loc, address, constant(0x3FFFF));
  Value start = arith::ShRUIOp::create(e.b, e.loc, low, constant(4));
  return arith::OrIOp::create(e.b, e.loc, start, constant((leading >> 4) << 16 | (stride >> 4) << 32));
}

/// By how many positions a tap shifts the halo.
Value HaloConvEmitter::shiftOf(ArrayRef<Value> tap) {
  Value plane = e.index(0), shift = e.index(0);
  for (int axis = 0; axis < 3; ++axis) {
    const HaloAxis &halo = plan.axes[axis];
    Value d = e.add(place[axis].firstShift, e.mul(tap[axis], e.index(halo.shiftStep)));
    plane = e.add(e.mul(plane, halo.planes()), e.rem(d, halo.sourceStep));
    shift = e.add(e.mul(shift, halo.extent()), e.div(d, halo.sourceStep));
  }
  return e.add(e.mul(plane, plan.planePositions()), shift);
}

/// All products of one stage of weights.
SmallVector<Value> HaloConvEmitter::emitProducts(ValueRange accumulators, Value sourceAt, Value weightAt) {
  int64_t sourceBlock = plan.pitch() * positionBytes, weightBlock = plan.tile.channels * positionBytes;
  constexpr int64_t rows = 128; // bytes of 8 rows of 16 bytes
  auto *context = e.b.getContext();
  auto shape = NVVM::MMAShapeAttr::get(context, 64, plan.tile.channels, 16);
  SmallVector<Value> sums(accumulators);
  NVVM::WgmmaFenceAlignedOp::create(e.b, e.loc);
  for (int64_t k = 0; k < plan.tile.depth / 16; ++k)
    for (auto [tile, sum] : llvm::enumerate(sums)) {
      Value a = descriptor(e.add(sourceAt, 2 * k * sourceBlock + int64_t(tile) * 64 * positionBytes),
                           sourceBlock, rows);
      Value b = descriptor(e.add(weightAt, 2 * k * weightBlock), weightBlock, rows);
      sum = NVVM::WgmmaMmaAsyncOp::create(
          e.b, e.loc, sum.getType(), sum, a, b, shape, NVVM::WGMMATypes::bf16, NVVM::WGMMATypes::bf16,
          NVVM::WGMMATypes::f32, NVVM::WGMMAScaleOut::one, NVVM::WGMMAScaleIn::one, NVVM::WGMMAScaleIn::one,
          NVVM::MMALayout::row, NVVM::MMALayout::col, NVVM::MMAIntOverflowAttr());
    }
  NVVM::WgmmaGroupSyncAlignedOp::create(e.b, e.loc);
  NVVM::WgmmaWaitGroupSyncOp::create(e.b, e.loc, 0);
  return sums;
}

void HaloConvEmitter::emitConsumers() {
  consumerThread = e.sub(e.thread, e.index(warpgroup));
  lane = e.rem(e.thread, warp);
  Value group = e.div(consumerThread, warpgroup);
  Value leads = e.equal(lane, 0); // each warp says for itself that it has read a stage
  Value firstRow = e.mul(group, 64 * plan.rowTiles() * positionBytes);

  SmallVector<Type> registers(plan.tile.channels / 2, e.b.getF32Type());
  auto type = LLVM::LLVMStructType::getLiteral(e.b.getContext(), registers);
  Value nothing = LLVM::ZeroOp::create(e.b, e.loc, type);
  SmallVector<Value> carried(plan.rowTiles(), nothing);
  Value zero = e.index(0);
  carried.push_back(zero); // step of the weights
  auto sums = e.loop(zero, e.index(plan.chunks()), 1, carried, [&](Value chunk, ValueRange carried) {
    waitFull(source, chunk);
    Value stage = stageOf(source, chunk);
    Value sourceAt = e.add(stageAt(source, stage), firstRow);
    auto next = overTaps(carried, [&](ArrayRef<Value> tap, ValueRange carried) {
      Value step = carried.back(), weightStage = stageOf(weights, step);
      waitFull(weights, step);
      auto sums = emitProducts(carried.drop_back(), e.add(sourceAt, e.mul(shiftOf(tap), positionBytes)),
                               stageAt(weights, weightStage));
      e.when(leads, [&] { arrive(barrier(weights.emptyAt, weightStage)); });
      sums.push_back(e.add(step, 1));
      return sums;
    });
    e.when(leads, [&] { arrive(barrier(source.emptyAt, stage)); });
    return next;
  });
  sums.pop_back();
  emitEpilogue(sums);
}

//===-- Epilogue ----------------------------------------------------------===//

/// Row `half` (0 or 1) that this thread holds of its warpgroup's tile `tile`: a thread holds rows lane / 4
/// and lane / 4 + 8 of its warp's 16, of these the channels 2 * (lane % 4) and the next of every 8.
HaloConvEmitter::Row HaloConvEmitter::rowOf(int64_t tile, int64_t half) {
  Value group = e.div(consumerThread, warpgroup), warpOfGroup = e.div(e.rem(consumerThread, warpgroup), warp);
  Value position = e.add(e.mul(e.add(e.mul(group, plan.rowTiles()), tile), 64),
                         e.add(e.add(e.mul(warpOfGroup, 16), e.div(lane, 4)), 8 * half));
  Row row;
  row.n = n;
  row.valid = arith::ConstantIntOp::create(e.b, e.loc, 1, 1);
  row.at = e.index(0);
  for (int axis = 2; axis >= 0; --axis) {
    const HaloAxis &halo = plan.axes[axis];
    Value inTile = axis == 0 ? position : e.rem(position, halo.extent());
    position = e.div(position, halo.extent());
    Value q = e.add(place[axis].first, inTile);
    row.valid = e.both(row.valid, e.both(e.inRange(inTile, halo.tile), less(q, place[axis].count)));
    row.result[axis] = e.add(e.mul(q, halo.resultStep), place[axis].offset);
  }
  for (int axis = 0; axis < 3; ++axis) {
    row.result[axis] = choose(row.valid, row.result[axis], e.index(0));
    row.at = e.add(e.mul(row.at, plan.axes[axis].result), row.result[axis]);
  }
  row.at = e.add(e.mul(row.at, blockChannels), e.mul(e.rem(lane, 4), 2));
  return row;
}

Value HaloConvEmitter::loadPair(Value buffer, Value at) { return e.loadVector(buffer, at, 2); }

/// A pair of channels of the epilogue's operand for one row.
Value HaloConvEmitter::epilogueOperand(unsigned i, const Row &row, Value block) {
  unsigned number = 1 + op.getPrologueOperands().size() + i;
  auto type = cast<RankedTensorType>(op.getEpilogueOperands()[i].getType());
  auto access = static_cast<Access>(op.getEpilogueAccess()[i]);
  int64_t plane = blockChannels;
  for (const HaloAxis &axis : plan.axes)
    plane *= axis.result;
  Value pair = e.mul(e.rem(lane, 4), 2);
  if (access == Access::Pixel)
    return loadPair(e.operands[number],
                    e.add(e.mul(e.add(e.mul(row.n, plan.resultBlocks), block), plane), row.at));
  return e.loadAccess(
      e.operands[number], type, access, op.getResultType(),
      {row.n, e.add(e.mul(block, blockChannels), pair), row.result[0], row.result[1], row.result[2]}, 2);
}

/// Which of this thread's pair in a block are channels, not padding, which holds zero; null where all are.
Value HaloConvEmitter::channelsOf(Value block) {
  int64_t channels = op.getResultType().getDimSize(1);
  if (channels % blockChannels == 0)
    return {};
  Value first = e.add(e.mul(block, blockChannels), e.mul(e.rem(lane, 4), 2));
  SmallVector<Value> exist = {e.inRange(first, channels), e.inRange(e.add(first, 1), channels)};
  return vector::FromElementsOp::create(e.b, e.loc, VectorType::get({2}, e.b.getI1Type()), exist);
}

/// The sum over the eight rows of a warp that hold the same channels, in a fixed order.
Value HaloConvEmitter::butterfly(Value pair) {
  SmallVector<Value> sums;
  for (int64_t i = 0; i < 2; ++i) {
    Value sum = vector::ExtractOp::create(e.b, e.loc, pair, i);
    for (int64_t distance : {4, 8, 16}) {
      Value other = NVVM::ShflOp::create(e.b, e.loc, e.b.getF32Type(), word(-1), sum, word(distance),
                                         word(31), NVVM::ShflKind::bfly, UnitAttr());
      sum = e.addf(sum, other);
    }
    sums.push_back(sum);
  }
  return vector::FromElementsOp::create(e.b, e.loc, e.vectorType(2), sums);
}

/// Leaves the warp's sums, numbered from `first` on, of channel group `group` in shared memory: [sum, warp,
/// channel].
void HaloConvEmitter::emitReduction(ArrayRef<Value> sums, int64_t first, int64_t group) {
  Value warpNumber = e.div(consumerThread, warp);
  for (auto [i, sum] : llvm::enumerate(sums)) {
    Value total = butterfly(sum);
    e.when(e.inRange(lane, 4), [&] {
      Value at =
          e.add(e.mul(e.add(e.index((first + i) * 4 * plan.consumers), warpNumber), plan.tile.channels),
                e.add(e.mul(lane, 2), group * blockChannels));
      LLVM::StoreOp::create(e.b, e.loc, total, pointer(e.add(e.mul(at, 4), reductionAt)), 8);
    });
  }
}

void HaloConvEmitter::consumersMeet() {
  constexpr int64_t consumersBarrier = 1;
  NVVM::BarrierOp::create(e.b, e.loc, TypeRange{}, word(consumersBarrier), word(plan.consumers * warpgroup),
                          NVVM::BarrierReductionAttr(), Value());
}

/// The block's sum of a channel: the warps' in their order.
Value HaloConvEmitter::reduced(int64_t sum, Value channel) {
  Value total;
  for (int64_t w = 0; w < 4 * plan.consumers; ++w) {
    Value at = e.add(channel, (sum * 4 * plan.consumers + w) * plan.tile.channels);
    Value part =
        LLVM::LoadOp::create(e.b, e.loc, e.b.getF32Type(), pointer(e.add(e.mul(at, 4), reductionAt)), 4);
    total = total ? e.addf(total, part) : part;
  }
  return total;
}

/// Stores rows of the block's partials: buffer[positionTile, row, channel].
void HaloConvEmitter::storePartials(ArrayRef<int64_t> rows, Value buffer, int64_t rowCount,
                                    function_ref<SmallVector<Value>(Value channel)> values) {
  e.loop(consumerThread, e.index(plan.tile.channels), plan.consumers * warpgroup, [&](Value channel) {
    auto stored = values(channel);
    Value column = e.add(e.mul(channelTile, plan.tile.channels), channel);
    int64_t channels = op.getResultType().getDimSize(1);
    for (auto [row, value] : llvm::zip(rows, stored)) {
      Value at = e.add(e.mul(positionTile, rowCount), row);
      if (channels % blockChannels)
        value = choose(e.inRange(column, channels), value, e.constant(0.0f));
      e.store(value, buffer, e.add(e.mul(at, plan.resultBlocks * blockChannels), column));
    }
  });
}

void HaloConvEmitter::emitEpilogue(ValueRange accumulators) {
  SmallVector<Row> rows;
  for (int64_t tile = 0; tile < plan.rowTiles(); ++tile)
    for (int64_t half = 0; half < 2; ++half)
      rows.push_back(rowOf(tile, half));
  int64_t stores = yield.countOf(Yield::Store), moments = yield.countOf(Yield::Moments);
  int64_t sumCount = yield.countOf(Yield::Sum);
  int64_t groups = plan.tile.channels / blockChannels;
  int64_t plane = blockChannels;
  for (const HaloAxis &axis : plan.axes)
    plane *= axis.result;
  Value noPair = e.constant(0.0f, e.vectorType(2));
  SmallVector<SmallVector<Value>> kept(groups); // what moments are taken of, a pair each row

  for (int64_t group = 0; group < groups; ++group) {
    Value block = e.add(e.mul(channelTile, groups), group);
    SmallVector<Value> totals(moments + sumCount, noPair);
    for (auto [i, row] : llvm::enumerate(rows)) {
      SmallVector<Value> pair;
      for (int64_t channel = 0; channel < 2; ++channel)
        pair.push_back(LLVM::ExtractValueOp::create(
            e.b, e.loc, accumulators[i / 2], ArrayRef<int64_t>{4 * group + 2 * int64_t(i % 2) + channel}));
      SmallVector<Value> arguments = {vector::FromElementsOp::create(e.b, e.loc, e.vectorType(2), pair)};
      for (unsigned operand = 0; operand < op.getEpilogueOperands().size(); ++operand)
        arguments.push_back(epilogueOperand(operand, row, block));
      auto yielded = e.inlineRegion(op.getEpilogue(), arguments);
      if (Value channels = channelsOf(block))
        for (Value &value : yielded)
          value = choose(channels, value, noPair);
      Value at = e.add(e.mul(e.add(e.mul(n, plan.resultBlocks), block), plane), row.at);
      e.when(row.valid, [&] {
        for (int64_t store = 0; store < stores; ++store)
          e.storeVector(yielded[store], e.results[store], at);
      });
      for (auto [total, value] : llvm::zip(totals, ArrayRef(yielded).drop_front(stores)))
        total = e.addf(total, choose(row.valid, value, noPair));
      if (moments)
        kept[group].push_back(yielded[stores]);
    }
    emitReduction(totals, 0, group);
  }
  if (moments + sumCount == 0)
    return;
  consumersMeet();
  if (sumCount) {
    SmallVector<int64_t> numbers = llvm::to_vector(llvm::seq<int64_t>(0, sumCount));
    storePartials(numbers, e.results[stores + moments], sumCount, [&](Value channel) {
      SmallVector<Value> sums;
      for (int64_t i = 0; i < sumCount; ++i)
        sums.push_back(reduced(moments + i, channel));
      return sums;
    });
  }
  if (!moments)
    return;
  // Count, mean, then the squared distances from it.
  Value count = e.index(1);
  for (int axis = 0; axis < 3; ++axis)
    count = e.mul(count, e.max(e.index(0), e.min(e.index(plan.axes[axis].tile),
                                                 e.sub(place[axis].count, place[axis].first))));
  Value number = e.toFloat(count), divisor = e.toFloat(e.max(count, e.index(1)));
  storePartials({0, 1}, e.results[stores], 3, [&](Value channel) -> SmallVector<Value> {
    return {number, e.divf(reduced(0, channel), divisor)};
  });
  int64_t squaresAt = moments + sumCount;
  for (int64_t group = 0; group < groups; ++group) {
    Value channel = e.add(e.mul(e.rem(lane, 4), 2), group * blockChannels);
    SmallVector<Value> pair = {e.divf(reduced(0, channel), divisor),
                               e.divf(reduced(0, e.add(channel, 1)), divisor)};
    Value mean = vector::FromElementsOp::create(e.b, e.loc, e.vectorType(2), pair);
    Value squares = noPair;
    for (auto [row, value] : llvm::zip(rows, kept[group])) {
      Value distance = e.subf(value, mean);
      squares = choose(row.valid, e.fma(distance, distance, squares), squares);
    }
    emitReduction({squares}, squaresAt, group);
  }
  consumersMeet();
  storePartials({2}, e.results[stores], 3,
                [&](Value channel) -> SmallVector<Value> { return {reduced(squaresAt, channel)}; });
}

//===-- The kernel --------------------------------------------------------===//

void HaloConvEmitter::emit() {
  layOut();
  placeBlock();
  initialiseBarriers();
  constexpr int64_t producerRegisters = 104, consumerRegisters = 200; // of 65536: 128 * 104 + 256 * 200
  auto registers = [&](int64_t count, NVVM::SetMaxRegisterAction action) {
    NVVM::SetMaxRegisterOp::create(e.b, e.loc, count, action);
  };
  e.when(
      e.inRange(e.thread, warpgroup),
      [&] {
        registers(producerRegisters, NVVM::SetMaxRegisterAction::decrease);
        e.when(
            e.inRange(e.thread, warp), [&] { e.when(e.equal(e.thread, 0), [&] { emitWeights(); }); },
            [&] { emitSource(); });
      },
      [&] {
        registers(consumerRegisters, NVVM::SetMaxRegisterAction::increase);
        emitConsumers();
      });
}

} // namespace

//===-- Schedule ----------------------------------------------------------===//

static int64_t sumsOf(kernel::ConvOp op) {
  auto yield = cast<kernel::YieldOp>(op.getEpilogue().front().getTerminator());
  return 2 * yield.countOf(Yield::Moments) +
         yield.countOf(Yield::Sum); // of moments: the sum, then the squares
}

static bool isSupported(kernel::ConvOp op) {
  auto isBlocked = [](RankedTensorType type) {
    auto layout = kernel::layoutOf(type);
    return layout.getKind() == kernel::LayoutKind::Blocked && layout.getBlock() == blockChannels &&
           type.getElementType().isBF16();
  };
  auto weight = cast<RankedTensorType>(op.getWeight().getType());
  bool forward = op.getDirection() == kernel::Direction::Forward;
  if (op.getGroups() != 1 || !isBlocked(op.getSourceType()) || !weight.getElementType().isBF16() ||
      kernel::layoutOf(weight).getKind() !=
          (forward ? kernel::LayoutKind::Taps : kernel::LayoutKind::TapsTransposed))
    return false;
  for (auto [operand, access] : llvm::zip(op.getPrologueOperands(), op.getPrologueAccess())) {
    auto type = cast<RankedTensorType>(operand.getType());
    if (static_cast<Access>(access) == Access::Lattice ||
        (static_cast<Access>(access) == Access::Pixel && !isBlocked(type)))
      return false;
  }
  for (auto [operand, access] : llvm::zip(op.getEpilogueOperands(), op.getEpilogueAccess()))
    if (static_cast<Access>(access) == Access::Pixel && !isBlocked(cast<RankedTensorType>(operand.getType())))
      return false;
  return llvm::all_of(op.getResultTypes(), [&](Type type) {
    auto tensor = cast<RankedTensorType>(type);
    return tensor.getRank() != 5 || isBlocked(tensor);
  });
}

/// Cycles of the whole launch on an H200's 132 multiprocessors, roughly.
static double cost(kernel::ConvOp op, const HaloPlan &plan) {
  constexpr double multiprocessors = 132, start = 3000, instructionsPerPosition = 40;
  double taps = op.getWindow().getWindow().taps() / double(plan.phases());
  double products = plan.chunks() * taps * (plan.tile.depth / 16) * plan.rowTiles() * plan.consumers;
  double matrix = products * std::max(plan.tile.channels / 2.0, 16 + plan.tile.channels / 4.0);
  double stage = plan.chunks() * (plan.tile.depth / 8) * plan.stagedPositions() * instructionsPerPosition *
                 op.getPrologueOperands().size() / plan.producerThreads / 2;
  double results = plan.rowTiles() * 64.0 * plan.consumers * plan.tile.channels / 256;
  double epilogue = results * (6 + 6 * op.getEpilogueOperands().size() + 4 * sumsOf(op)) / 4;
  return std::ceil(plan.grid() / multiprocessors) * (start + std::max(matrix, stage) + epilogue);
}

static kernel::ScheduleAttr scheduleOf(kernel::ConvOp op, const HaloPlan &plan) {
  Builder builder(op.getContext());
  auto integer = [&](StringRef name, int64_t value) {
    return builder.getNamedAttr(name, builder.getI64IntegerAttr(value));
  };
  auto parameters = builder.getDictionaryAttr(
      {integer("frames", plan.tile.results[0]), integer("rows", plan.tile.results[1]),
       integer("columns", plan.tile.results[2]), integer("channels", plan.tile.channels),
       integer("depth", plan.tile.depth), integer("partials", plan.positionTiles()),
       integer("threads", plan.threads)});
  return kernel::ScheduleAttr::get(op.getContext(), "sm90.halo", plan.grid(), plan.sharedBytes(sumsOf(op)),
                                   parameters);
}

/// Sizes that cut `n` into equal parts, largest first.
static SmallVector<int64_t> cuts(int64_t n) {
  SmallVector<int64_t> sizes;
  for (int64_t parts = 1; parts <= n; ++parts)
    if (int64_t size = shape::ceilDiv(n, parts); sizes.empty() || sizes.back() != size)
      sizes.push_back(size);
  return sizes;
}

std::optional<kernel::ScheduleAttr> kinema::nvidia::scheduleHaloConv(kernel::ConvOp op) {
  if (!isSupported(op))
    return std::nullopt;
  HaloPlan whole(op, {{1, 1, 1}, 8, 16});
  std::optional<HaloPlan> best;
  double least = 0;
  int64_t blocks = whole.resultBlocks;
  auto consider = [&](const HaloTile &tile) {
    HaloPlan plan(op, tile);
    if (!plan.fits(sumsOf(op)))
      return;
    double cycles = cost(op, plan);
    if (!best || cycles < least) {
      best = plan;
      least = cycles;
    }
  };
  std::array<SmallVector<int64_t>, 3> sizes;
  for (int axis = 0; axis < 3; ++axis)
    sizes[axis] = cuts(whole.axes[axis].tiles()); // of tiles of one result: the largest phase
  for (int64_t frames : sizes[0])
    for (int64_t rows : sizes[1])
      for (int64_t columns : sizes[2])
        for (int64_t parts = 1; parts <= blocks && frames * rows * columns <= 512; ++parts)
          for (int64_t depth : {16, 32, 48, 64})
            if (blocks % parts == 0 && blocks / parts <= 32)
              consider({{frames, rows, columns}, blocks / parts * blockChannels, depth});
  if (!best)
    return std::nullopt;
  return scheduleOf(op, *best);
}

kernel::ScheduleAttr kinema::nvidia::haloSchedule(kernel::ConvOp op, const HaloTile &tile) {
  return scheduleOf(op, HaloPlan(op, tile));
}

HaloPlan kinema::nvidia::haloPlanOf(kernel::ConvOp op) {
  auto schedule = *op.getSchedule();
  return HaloPlan(op, {{schedule.getInt("frames"), schedule.getInt("rows"), schedule.getInt("columns")},
                       schedule.getInt("channels"),
                       schedule.getInt("depth")});
}

void kinema::nvidia::emitHaloConv(kernel::ConvOp op, KernelEmitter &e, Value shared) {
  HaloPlan plan = haloPlanOf(op);
  HaloConvEmitter(op, plan, e, shared).emit();
}
