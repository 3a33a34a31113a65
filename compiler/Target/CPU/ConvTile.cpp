#include "compiler/Target/CPU/ConvTile.h"

#include "compiler/Target/CPU/ConvPlan.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::cpu;
using kernel::Access;
using kernel::LayoutKind;
using kernel::Yield;

static StagedOperand sourceOf(kernel::ConvOp op) {
  return {op.getPrologueOperands(), op.getPrologueAccess(), op.getPrologue(), op.getSourceType()};
}

//===-- Schedule ----------------------------------------------------------===//

static bool isBlocked(RankedTensorType type, int64_t lanes) {
  auto layout = kernel::layoutOf(type);
  return layout.getKind() == LayoutKind::Blocked && layout.getBlock() == lanes;
}

static LayoutKind weightKind(kernel::ConvOp op, const Machine &machine) {
  bool forward = op.getDirection() == kernel::Direction::Forward;
  if (op.getWinograd() > 1)
    return forward ? LayoutKind::Points : LayoutKind::PointsTransposed;
  if (factorsOf(op, machine, op.getWinograd()) != Factors::Single)
    return forward ? LayoutKind::Pairs : LayoutKind::PairsTransposed;
  return forward ? LayoutKind::Weight : LayoutKind::WeightTransposed;
}

static bool isSupported(kernel::ConvOp op, const Machine &machine) {
  int64_t lanes = machine.vector;
  StagedOperand source = sourceOf(op);
  if (op.getGroups() != 1 || !source.isSupported(lanes))
    return false;
  if (factorsOf(op, machine, op.getWinograd()) != Factors::Single && !source.isBFloat16())
    return false;
  auto weight = kernel::layoutOf(cast<RankedTensorType>(op.getWeight().getType()));
  if (weight.getKind() != weightKind(op, machine) || weight.getBlock() != lanes ||
      weight.getReduce() != kernel::layoutOf(op.getSourceType()).getBlock())
    return false;
  int64_t channels = shape::roundUp(op.getResultType().getDimSize(1), lanes);
  auto holdsVectors = [&](Type type) {
    auto tensor = cast<RankedTensorType>(type);
    return isBlocked(tensor, lanes) || (tensor.getRank() != 5 && tensor.getShape().back() == channels);
  };
  return llvm::all_of(op.getEpilogueOperands().getTypes(), holdsVectors) &&
         llvm::all_of(op.getResultTypes(), holdsVectors);
}

static kernel::ScheduleAttr scheduleOf(kernel::ConvOp op, const ConvPlan &plan) {
  Builder builder(op.getContext());
  auto integer = [&](StringRef name, int64_t value) {
    return builder.getNamedAttr(name, builder.getI64IntegerAttr(value));
  };
  auto parameters =
      builder.getDictionaryAttr({integer("clips", plan.cuts[0].size), integer("frames", plan.cuts[1].size),
                                 integer("rows", plan.cuts[2].size), integer("parts", plan.parts.parts),
                                 integer("partials", plan.cuts.count()), integer("winograd", plan.winograd)});
  return kernel::ScheduleAttr::get(op.getContext(), "cpu.tile", plan.grid(), plan.scratchBytes(), parameters);
}

kernel::ScheduleAttr kinema::cpu::convTileSchedule(kernel::ConvOp op, const Machine &machine,
                                                   BlockShape block, int64_t parts) {
  return scheduleOf(op, ConvPlan(op, machine, block, parts, op.getWinograd()));
}

/// The least that a block has along its axes.
static BlockShape smallestBlock(kernel::ConvOp op, int64_t winograd) {
  auto result = op.getResultType().getShape(); // [N, C, T, H, W]
  auto step = op.getGather().resultStep;
  return {1, std::min(step[0], result[2]), std::min(std::max(step[1], winograd), result[3])};
}

static int64_t channelGroups(kernel::ConvOp op, const Machine &machine) {
  return groupBlocks(shape::ceilDiv(op.getResultType().getDimSize(1), machine.vector)).count();
}

kernel::ScheduleAttr kinema::cpu::remakeConvTile(kernel::ConvOp op, const Machine &machine,
                                                 ScheduleParameters &parameters) {
  if (!isSupported(op, machine))
    return {};
  constexpr int64_t mostPixels = 1 << 16;      // each has an entry in a table
  auto result = op.getResultType().getShape(); // [N, C, T, H, W]
  int64_t winograd = parameters.read("winograd", op.getWinograd(), op.getWinograd());
  BlockShape smallest = smallestBlock(op, winograd);
  BlockShape block = {parameters.read("clips", 1, result[0]),
                      parameters.read("frames", smallest[1], result[2], smallest[1]),
                      parameters.read("rows", smallest[2], result[3], smallest[2])};
  int64_t parts = parameters.read("parts", 1, channelGroups(op, machine));
  if (parameters.failed())
    return {};
  if (int64_t pixels = block[0] * block[1] * block[2] * result[4]; block != smallest && pixels > mostPixels) {
    parameters.fault() << "blocks have " << pixels << " positions, expected at most " << mostPixels;
    return {};
  }
  return scheduleOf(op, ConvPlan(op, machine, block, parts, winograd));
}

SmallVector<Candidate> kinema::cpu::convTileCandidates(kernel::ConvOp op, const Machine &machine,
                                                       int64_t winograd) {
  if (!isSupported(op, machine))
    return {};
  constexpr int64_t maxPixels = 4096;
  auto result = op.getResultType().getShape(); // [N, C, T, H, W]
  auto step = op.getGather().resultStep;
  Best best;
  auto consider = [&](BlockShape block, int64_t parts, int64_t mostPixels) {
    ConvPlan plan(op, machine, block, parts, winograd);
    if (plan.blockPixels() <= mostPixels)
      best.consider(plan.cost(op.getPrologueOperands().size(), op.getEpilogueOperands().size()),
                    [&] { return scheduleOf(op, plan); });
  };
  int64_t rowStep = std::max(step[1], winograd);
  consider(smallestBlock(op, winograd), 1, std::numeric_limits<int64_t>::max());
  int64_t groups = channelGroups(op, machine);
  for (int64_t clips : evenSizes(result[0]))
    for (int64_t frames : evenSizes(result[2], step[0]))
      for (int64_t rows : evenSizes(result[3], rowStep))
        for (int64_t parts : partCounts(std::min<int64_t>(groups, 16)))
          consider({clips, frames, rows}, parts, maxPixels);
  return best.take();
}

//===-- Emission ----------------------------------------------------------===//

namespace {

/// Writes one kernel; the members are set as the code that computes them is written.
class ConvTileEmitter {
public:
  ConvTileEmitter(kernel::ConvOp op, const ConvPlan &plan, KernelEmitter &e)
      : op(op), plan(plan), e(e), lanes(plan.lanes), result(op.getResultType().getShape()),
        yield(cast<kernel::YieldOp>(op.getEpilogue().front().getTerminator())) {}

  void emit();

private:
  /// What the epilogue knows of one channel block.
  struct ChannelBlock {
    Value block;                // index of the channel block
    Value tileAt;               // position of its accumulators in scratch
    SmallVector<Value> vectors; // of channel and batch_channel operands, else null
    Value keep;                 // lanes that are channels; null where all are
  };
  /// Where one vector of the result is.
  struct Pixel {
    Value n, t, h, w;
    Value tileAt, resultAt;
  };
  using PixelBody = function_ref<SmallVector<Value>(const Pixel &, ValueRange)>;

  Value epilogueBuffer(unsigned i) { return e.operands[1 + op.getPrologueOperands().size() + i]; }
  void emitTables();
  void emitSource();
  void emitResultTiles(Value width);
  void emitContraction(Value firstBlock, Value width);
  void emitPass(Value point, Value pass, Value firstBlock, Value width);
  void emitEpilogue(const ChannelBlock &channels);
  SmallVector<Value> emitStores(const ChannelBlock &channels, const Pixel &pixel);
  void emitMoments(const ChannelBlock &channels, Value sum);
  void storePartial(Value value, Value buffer, int64_t rows, int64_t row, Value block);
  SmallVector<Value> overPixels(const ChannelBlock &channels, ArrayRef<Value> init, PixelBody body);

  kernel::ConvOp op;
  const ConvPlan &plan;
  KernelEmitter &e;
  int64_t lanes;
  ArrayRef<int64_t> result; // [N, C, T, H, W]
  kernel::YieldOp yield;
  Value pixels, ranges, tapTable, passes; // tables
  int64_t passCount = 0, classCount = 0;
  Value partial;    // index of the block of positions
  BlockPlace place; // of the grid's block
};

void ConvTileEmitter::emitTables() {
  auto contents = plan.tables();
  std::string name = op->getParentOfType<kernel::DefOp>().getSymName().str();
  pixels = emitTable(e, name + "_pixels", contents.pixels);
  ranges = emitTable(e, name + "_ranges", contents.ranges);
  tapTable = emitTable(e, name + "_taps", contents.taps);
  passes = emitTable(e, name + "_passes", contents.passes);
  passCount = contents.passes.size() / ConvPlan::passFields;
  classCount = contents.classes;
}

void ConvTileEmitter::emitSource() {
  auto start = [&](int axis, Value at) {
    Value q = e.div(at, plan.gather.resultStep[axis]);
    return e.add(e.mul(q, plan.gather.sourceStep[axis]), plan.box.axes[axis].low);
  };
  StagedPart part{place.first[0],           place.size[0],           e.index(0), e.index(plan.sourceBlocks),
                  start(0, place.first[1]), start(1, place.first[2])};
  emitStage(e, sourceOf(op), plan.box, part, e.index(0));
  if (plan.winograd > 1)
    emitWinogradTiles(e, WinogradInput::Source, plan.winograd, plan.box, e.index(0),
                      e.index(plan.operandAt()));
}

/// Makes the results of a group of `width` blocks from their products.
void ConvTileEmitter::emitResultTiles(Value width) {
  int64_t m = plan.winograd, across = plan.tileColumns() / m, down = plan.tileRows() / m;
  e.loop(e.index(0), width, 1, [&](Value block) {
    e.loop(plan.cuts[0].size * plan.cuts[1].size, [&](Value frame) {
      e.loop(down, [&](Value line) {
        WinogradTiles tiles;
        tiles.source = tiles.target = e.scratch;
        Value row = e.add(e.mul(frame, down), line);
        tiles.from = e.add(e.add(e.mul(block, plan.productPixels() * lanes), e.mul(row, across * lanes)),
                           plan.productsAt());
        tiles.fromStep = e.index(lanes);
        tiles.fromStride = e.index(plan.productStride());
        tiles.to =
            e.add(e.add(e.mul(block, plan.blockPixels() * lanes), e.mul(row, m * plan.tileColumns() * lanes)),
                  plan.tileAt());
        tiles.toStep = e.index(m * lanes);
        tiles.toStride = e.index(plan.tileColumns() * lanes);
        tiles.count = e.index(across);
        callWinogradResult(e, m, tiles);
      });
    });
  });
}

/// One pass of the contraction at a point for a group of `width` result blocks.
void ConvTileEmitter::emitPass(Value point, Value pass, Value firstBlock, Value width) {
  Value at = e.mul(pass, ConvPlan::passFields);
  auto get = [&](int64_t i) { return loadIndex(e, passes, e.add(at, i)); };
  Value pixelClass = get(0), firstSource = get(3);
  Value range = e.mul(e.add(e.mul(place.variant, classCount), pixelClass), 2);
  const StagedBox &operand = plan.operand;
  int64_t taps = plan.winograd > 1 ? plan.kernel[0] : shape::product(plan.kernel);
  int64_t sourceBlockWeights = taps * plan.reduce * lanes;
  int64_t resultBlockWeights = plan.sourceBlocks * sourceBlockWeights;
  int64_t pointWeights = plan.resultBlocks * resultBlockWeights;
  ConvTile tile;
  tile.source = tile.tile = e.scratch;
  tile.weights = e.bufferOf(op.getWeightMutable());
  tile.pixels = pixels;
  tile.taps = tapTable;
  tile.sourceAt = e.add(e.add(e.mul(firstSource, operand.blockStride()), e.mul(point, plan.operandStride())),
                        plan.operandAt());
  tile.sourceBlockStride = e.index(operand.blockStride());
  tile.weightsAt = e.add(e.add(e.mul(firstBlock, resultBlockWeights), e.mul(firstSource, sourceBlockWeights)),
                         e.mul(point, pointWeights));
  tile.weightsBlockStride = e.index(sourceBlockWeights);
  tile.weightsGroupStride = e.index(resultBlockWeights);
  tile.tileAt = e.add(e.mul(point, plan.productStride()), plan.productsAt());
  tile.tileGroupStride = e.index(plan.productPixels() * lanes);
  tile.firstPixel = loadIndex(e, ranges, range);
  tile.pixelCount = loadIndex(e, ranges, e.add(range, 1));
  tile.firstTap = get(1);
  tile.tapCount = get(2);
  tile.channelBlocks = get(4);
  tile.accumulate = arith::CmpIOp::create(e.b, e.loc, arith::CmpIPredicate::ne, get(5), e.index(0));
  callForWidth(e, plan.groups, width,
               [&](int64_t blocks) { callConvTile(e, plan.factors, blocks, plan.depth, tile); });
}

//===-- Epilogue ----------------------------------------------------------===//

/// Runs the body for each pixel of the block at one channel block, in order, carrying values.
SmallVector<Value> ConvTileEmitter::overPixels(const ChannelBlock &channels, ArrayRef<Value> init,
                                               PixelBody body) {
  Value zero = e.index(0);
  int64_t columns = plan.columns;
  return e.loop(zero, place.size[0], 1, init, [&](Value clip, ValueRange atClip) {
    Value n = e.add(place.first[0], clip);
    Value plane = e.add(e.mul(n, plan.resultBlocks), channels.block);
    return e.loop(zero, place.size[1], 1, atClip, [&](Value frame, ValueRange atFrame) {
      Value t = e.add(place.first[1], frame);
      Value tileFrame = e.add(e.mul(clip, plan.cuts[1].size), frame);
      return e.loop(zero, place.size[2], 1, atFrame, [&](Value line, ValueRange atRow) {
        Value h = e.add(place.first[2], line);
        Value tileRow = e.mul(e.add(e.mul(tileFrame, plan.tileRows()), line), plan.tileColumns());
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
SmallVector<Value> ConvTileEmitter::emitStores(const ChannelBlock &channels, const Pixel &pixel) {
  SmallVector<Value> arguments = {e.loadVector(e.scratch, pixel.tileAt, lanes)};
  for (auto [i, operand] : llvm::enumerate(op.getEpilogueOperands())) {
    auto access = static_cast<Access>(op.getEpilogueAccess()[i]);
    Value buffer = epilogueBuffer(i);
    if (access == Access::Pixel)
      arguments.push_back(e.loadVector(buffer, pixel.resultAt, lanes));
    else if (channels.vectors[i])
      arguments.push_back(channels.vectors[i]);
    else
      arguments.push_back(
          e.loadAccess(buffer, cast<RankedTensorType>(operand.getType()), access, op.getResultType(),
                       {pixel.n, e.mul(channels.block, lanes), pixel.t, pixel.h, pixel.w}, lanes));
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
void ConvTileEmitter::storePartial(Value value, Value buffer, int64_t rows, int64_t row, Value block) {
  Value at = e.add(e.mul(partial, rows), row);
  e.storeVector(value, buffer, e.mul(e.add(e.mul(at, plan.resultBlocks), block), lanes));
}

/// Count, mean and squared deviations of what the epilogue has left in the tile.
void ConvTileEmitter::emitMoments(const ChannelBlock &channels, Value sum) {
  Value count = e.mul(e.mul(place.size[0], place.size[1]), e.mul(place.size[2], plan.columns));
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

void ConvTileEmitter::emitEpilogue(const ChannelBlock &channels) {
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

//===-- Blocks ------------------------------------------------------------===//

/// All passes of a group of result blocks, then their epilogue.
void ConvTileEmitter::emitContraction(Value firstBlock, Value width) {
  e.loop(plan.points(), [&](Value point) {
    e.loop(passCount, [&](Value pass) { emitPass(point, pass, firstBlock, width); });
  });
  if (plan.winograd > 1)
    emitResultTiles(width);
  e.loop(e.index(0), width, 1, [&](Value i) {
    ChannelBlock channels;
    channels.block = e.add(firstBlock, i);
    channels.tileAt = e.add(e.mul(i, plan.blockPixels() * lanes), plan.tileAt());
    for (auto [i, access] : llvm::enumerate(op.getEpilogueAccess()))
      channels.vectors.push_back(static_cast<Access>(access) == Access::Channel
                                     ? e.loadVector(epilogueBuffer(i), e.mul(channels.block, lanes), lanes)
                                     : Value());
    if (result[1] % lanes)
      channels.keep = channelMask(e, channels.block, result[1], lanes);
    emitEpilogue(channels);
  });
}

void ConvTileEmitter::emit() {
  emitTables();
  // The parts of a block of positions follow each other and share what the first of them in this call has
  // staged.
  e.forEachBlock([&](Value block) {
    Value part = e.rem(block, plan.parts.parts);
    partial = e.div(block, plan.parts.parts);
    place = emitBlockPlace(e, plan.cuts, partial);
    auto isEqual = [&](Value x, Value y) {
      return arith::CmpIOp::create(e.b, e.loc, arith::CmpIPredicate::eq, x, y);
    };
    e.when(arith::OrIOp::create(e.b, e.loc, isEqual(part, e.index(0)), isEqual(block, e.firstBlock)),
           [&] { emitSource(); });
    auto [from, to] = emitShare(e, plan.parts, part);
    e.loop(from, to, 1, [&](Value group) {
      auto [firstBlock, width] = emitGroup(e, plan.groups, group);
      emitContraction(firstBlock, width);
    });
  });
}

} // namespace

void kinema::cpu::emitConvTile(kernel::ConvOp op, KernelEmitter &e) {
  auto schedule = *op.getSchedule();
  ConvPlan plan(op, e.machine, {schedule.getInt("clips"), schedule.getInt("frames"), schedule.getInt("rows")},
                schedule.getInt("parts"), op.getWinograd());
  ConvTileEmitter(op, plan, e).emit();
}
