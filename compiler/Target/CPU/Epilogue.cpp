#include "compiler/Target/CPU/Epilogue.h"

#include "compiler/Target/CPU/Stage.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::cpu;
using kernel::Access;
using kernel::Yield;

bool kinema::cpu::hasVectorEpilogue(kernel::ConvOp op, int64_t lanes) {
  int64_t channels = shape::roundUp(op.getResultType().getDimSize(1), lanes);
  auto holdsVectors = [&](Type type) {
    auto tensor = cast<RankedTensorType>(type);
    return kernel::channelBlock(tensor) == lanes ||
           (tensor.getRank() != 5 && tensor.getShape().back() == channels);
  };
  return llvm::all_of(op.getEpilogueOperands().getTypes(), holdsVectors) &&
         llvm::all_of(op.getResultTypes(), holdsVectors);
}

TileEpilogue::TileEpilogue(kernel::ConvOp op, KernelEmitter &e, const shape::Size3 &tileSize)
    : op(op), e(e), tileSize(tileSize), lanes(e.machine.vector), result(op.getResultType().getShape()),
      resultBlocks(shape::ceilDiv(result[1], lanes)),
      yield(cast<kernel::YieldOp>(op.getEpilogue().front().getTerminator())) {}

/// Runs the body for each pixel of the block at one channel block, in order, and carries values.
SmallVector<Value> TileEpilogue::overPixels(const ChannelBlock &channels, ArrayRef<Value> init,
                                            PixelBody body) {
  Value zero = e.index(0);
  int64_t columns = result[4];
  return e.loop(zero, place.size[0], 1, init, [&](Value clip, ValueRange atClip) {
    Value n = e.add(place.first[0], clip);
    Value plane = e.add(e.mul(n, resultBlocks), channels.block);
    return e.loop(zero, place.size[1], 1, atClip, [&](Value frame, ValueRange atFrame) {
      Value t = e.add(place.first[1], frame);
      Value tileFrame = e.add(e.mul(clip, tileSize[0]), frame);
      return e.loop(zero, place.size[2], 1, atFrame, [&](Value line, ValueRange atRow) {
        Value h = e.add(place.first[2], line);
        Value tileRow = e.mul(e.add(e.mul(tileFrame, tileSize[1]), line), tileSize[2]);
        Value resultRow = e.mul(e.add(e.mul(e.add(e.mul(plane, result[2]), t), result[3]), h), columns);
        return e.loop(zero, e.index(columns), 1, atRow, [&](Value w, ValueRange carried) {
          Pixel pixel{n,
                      t,
                      h,
                      w,
                      e.add(channels.tileAt, e.mul(e.add(tileRow, w), lanes)),
                      e.mul(e.add(resultRow, w), lanes)};
          return body(pixel, carried);
        });
      });
    });
  });
}

/// Computes and stores a pixel's results; returns all that the epilogue yields.
SmallVector<Value> TileEpilogue::emitStores(const ChannelBlock &channels, const Pixel &pixel) {
  SmallVector<Value> arguments = {e.loadVector(e.scratch, pixel.tileAt, lanes)};
  for (auto [operand, vector] : llvm::zip_equal(op.epilogue(), channels.vectors)) {
    if (operand.access == Access::Pixel)
      arguments.push_back(e.loadVector(e.bufferOf(*operand.operand), pixel.resultAt, lanes));
    else if (vector)
      arguments.push_back(vector);
    else
      arguments.push_back(e.loadAccess(operand, op.getResultType(),
                                       {pixel.n, e.mul(channels.block, lanes), pixel.t, pixel.h, pixel.w},
                                       lanes));
  }
  auto yielded = e.inlineRegion(op.getEpilogue(), arguments);
  if (channels.keep)
    for (Value &value : yielded)
      value =
          arith::SelectOp::create(e.b, e.loc, channels.keep, value, e.constant(0.0f, e.vectorType(lanes)));
  unsigned store = 0;
  for (auto [i, value] : llvm::enumerate(yielded)) {
    if (yield.getKind(i) == Yield::Store)
      e.storeVector(value, e.results[store++], pixel.resultAt);
    else if (yield.getKind(i) == Yield::Moments)
      e.storeVector(value, e.scratch, pixel.tileAt);
  }
  return yielded;
}

/// Stores a channel block's vector to buffer[partial, row, channels], of `rows` rows.
void TileEpilogue::storePartial(Value value, Value buffer, int64_t rows, int64_t row, Value block) {
  Value at = e.add(e.mul(partial, rows), row);
  e.storeVector(value, buffer, e.mul(e.add(e.mul(at, resultBlocks), block), lanes));
}

/// Stores count, mean and squared deviations of what the epilogue has left in the tile.
void TileEpilogue::emitMoments(const ChannelBlock &channels, Value sum) {
  Value count = e.mul(e.mul(place.size[0], place.size[1]), e.mul(place.size[2], result[4]));
  Value wide = arith::IndexCastOp::create(e.b, e.loc, e.b.getI32Type(), count);
  Value number = e.splat(arith::SIToFPOp::create(e.b, e.loc, e.b.getF32Type(), wide), lanes);
  Value mean = arith::DivFOp::create(e.b, e.loc, sum, number);
  Value zero = e.constant(0.0f, e.vectorType(lanes));
  Value squares =
      overPixels(channels, {zero}, [&](const Pixel &pixel, ValueRange carried) -> SmallVector<Value> {
        Value value = e.loadVector(e.scratch, pixel.tileAt, lanes);
        Value distance = arith::SubFOp::create(e.b, e.loc, value, mean);
        return {math::FmaOp::create(e.b, e.loc, distance, distance, carried[0])};
      })[0];
  if (channels.keep)
    number = arith::SelectOp::create(e.b, e.loc, channels.keep, number, zero);
  Value buffer = e.results[yield.countOf(Yield::Store)];
  for (auto [row, value] : llvm::enumerate(ArrayRef<Value>{number, mean, squares}))
    storePartial(value, buffer, 3, row, channels.block);
}

void TileEpilogue::emit(const BlockPlace &blockPlace, Value partialIndex, Value block, Value tileAt) {
  place = blockPlace;
  partial = partialIndex;
  ChannelBlock channels;
  channels.block = block;
  channels.tileAt = tileAt;
  for (kernel::AccessOperand operand : op.epilogue())
    channels.vectors.push_back(operand.access == Access::Channel
                                   ? e.loadVector(e.bufferOf(*operand.operand), e.mul(block, lanes), lanes)
                                   : Value());
  if (result[1] % lanes)
    channels.keep = channelMask(e, block, result[1], lanes);
  int64_t stores = yield.countOf(Yield::Store), moments = yield.countOf(Yield::Moments);
  int64_t sums = yield.countOf(Yield::Sum);
  SmallVector<Value> init(moments + sums, e.constant(0.0f, e.vectorType(lanes)));
  auto totals = overPixels(channels, init, [&](const Pixel &pixel, ValueRange carried) {
    auto yielded = emitStores(channels, pixel);
    SmallVector<Value> next;
    for (auto [sum, value] : llvm::zip(carried, ArrayRef(yielded).drop_front(stores)))
      next.push_back(arith::AddFOp::create(e.b, e.loc, sum, value));
    return next;
  });
  if (moments)
    emitMoments(channels, totals[0]);
  for (int64_t i = 0; i < sums; ++i)
    storePartial(totals[moments + i], e.results[stores + moments], sums, i, channels.block);
}
