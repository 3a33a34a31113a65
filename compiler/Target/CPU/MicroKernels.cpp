#include "compiler/Target/CPU/MicroKernels.h"

#include "compiler/Target/CPU/Level.h"
#include "compiler/Target/CPU/MatrixTile.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/BuiltinOps.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::cpu;

BlockGroups kinema::cpu::groupBlocks(int64_t blocks) {
  if (blocks == 1)
    return {0, 1, 1};
  int64_t twos = blocks % 3 == 0 ? 0 : blocks % 3 == 2 ? 1 : 2;
  return {(blocks - 2 * twos) / 3, 2, twos};
}

int64_t kinema::cpu::tilePixels(const Machine &machine, Factors factors, int64_t blocks, int64_t depth) {
  if (factors == Factors::Matrices)
    return matrixPixels(blocks);
  if (registersOf(machine) == 16)
    return blocks == 3 ? 4 : blocks == 2 ? 6 : 8;
  // More pixels would not fit the 16 registers of their addresses. All operands of two steps are loaded
  // before the first product, and are more than the registers beside 16 accumulators.
  return blocks == 3 || (blocks == 2 && depth <= 2) ? 6 : 8;
}

int64_t kinema::cpu::mostTilePixels(const Machine &machine, Factors factors) {
  return tilePixels(machine, factors, 1, machine.vector);
}

int64_t kinema::cpu::tileChannels(const Machine &machine, int64_t reduce) {
  return std::min<int64_t>(reduce, registersOf(machine) / 4);
}

std::pair<Value, Value> kinema::cpu::emitGroup(KernelEmitter &e, const BlockGroups &groups, Value group) {
  if (groups.rests == 0)
    return {e.mul(group, 3), e.index(3)};
  if (groups.threes == 0)
    return {e.mul(group, groups.rest), e.index(groups.rest)};
  Value threes = e.index(groups.threes);
  Value inThrees = e.min(group, threes), inRests = e.sub(group, inThrees);
  Value isThree = arith::CmpIOp::create(e.b, e.loc, arith::CmpIPredicate::ult, group, threes);
  return {e.add(e.mul(inThrees, 3), e.mul(inRests, groups.rest)),
          arith::SelectOp::create(e.b, e.loc, isThree, e.index(3), e.index(groups.rest))};
}

void kinema::cpu::callForWidth(KernelEmitter &e, const BlockGroups &groups, Value width,
                               function_ref<void(int64_t)> body) {
  if (!groups.rests)
    return body(3);
  if (!groups.threes)
    return body(groups.rest);
  Value isThree = arith::CmpIOp::create(e.b, e.loc, arith::CmpIPredicate::eq, width, e.index(3));
  e.when(isThree, [&] { body(3); }, [&] { body(groups.rest); });
}

Value kinema::cpu::loadIndex(KernelEmitter &e, Value table, Value at) {
  return arith::IndexCastOp::create(e.b, e.loc, e.b.getIndexType(), e.load(table, at));
}

Value kinema::cpu::emitTable(KernelEmitter &e, StringRef name, ArrayRef<int32_t> values) {
  auto module = e.b.getInsertionBlock()->getParentOp()->getParentOfType<ModuleOp>();
  auto type = MemRefType::get({int64_t(values.size())}, e.b.getI32Type());
  {
    OpBuilder::InsertionGuard guard(e.b);
    e.b.setInsertionPointToEnd(module.getBody());
    auto contents =
        DenseElementsAttr::get(RankedTensorType::get(type.getShape(), type.getElementType()), values);
    memref::GlobalOp::create(e.b, e.loc, name, e.b.getStringAttr("private"), type, contents,
                             /*constant=*/true, IntegerAttr());
  }
  return memref::GetGlobalOp::create(e.b, e.loc, type, name);
}

//===-- Functions ---------------------------------------------------------===//

namespace {

/// The type under which a buffer of any size is handed to a tile: pointers are bare, so sizes have to be
/// static.
MemRefType anySize(Type element) { return MemRefType::get({int64_t(1) << 40}, element); }

Value withAnySize(KernelEmitter &e, Value buffer) {
  auto type = anySize(cast<MemRefType>(buffer.getType()).getElementType());
  return memref::ReinterpretCastOp::create(e.b, e.loc, type, buffer, /*offset=*/0, type.getShape(),
                                           ArrayRef<int64_t>{1});
}

/// The function `name`, written by `body` (given an emitter and the arguments) unless the module has it
/// already.
func::FuncOp sharedFunction(KernelEmitter &e, StringRef name, TypeRange types,
                            function_ref<void(KernelEmitter &, ValueRange)> body) {
  auto module = e.b.getInsertionBlock()->getParentOp()->getParentOfType<ModuleOp>();
  if (auto function = module.lookupSymbol<func::FuncOp>(name))
    return function;
  OpBuilder builder = OpBuilder::atBlockEnd(module.getBody());
  auto function = func::FuncOp::create(builder, e.loc, name, builder.getFunctionType(types, {}));
  function.setPrivate();
  function->setAttr("passthrough", builder.getStrArrayAttr({"noinline"}));
  function->setAttr("llvm.linkage", LLVM::LinkageAttr::get(module.getContext(), LLVM::Linkage::Internal));
  builder.setInsertionPointToStart(function.addEntryBlock());
  KernelEmitter inside(builder, e.loc, e.machine);
  body(inside, function.getArguments());
  func::ReturnOp::create(builder, e.loc);
  return function;
}

Value entry(KernelEmitter &e, Value table, Value pair, int64_t which) {
  return loadIndex(e, table, e.add(e.mul(pair, 2), which));
}

Value fma(KernelEmitter &e, Value x, Value y, Value sum) {
  return math::FmaOp::create(e.b, e.loc, x, y, sum);
}

/// Accumulators: zero, or what the output holds at `positions`.
SmallVector<Value> loadAccumulators(KernelEmitter &e, Value accumulate, Value buffer,
                                    ArrayRef<Value> positions) {
  int64_t lanes = e.machine.vector;
  Value zero = e.constant(0.0f, e.vectorType(lanes));
  SmallVector<Type> types(positions.size(), zero.getType());
  auto ifOp = scf::IfOp::create(e.b, e.loc, types, accumulate, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(e.b);
  e.b.setInsertionPointToStart(ifOp.thenBlock());
  SmallVector<Value> loaded;
  for (Value at : positions)
    loaded.push_back(e.loadVector(buffer, at, lanes));
  scf::YieldOp::create(e.b, e.loc, loaded);
  e.b.setInsertionPointToStart(ifOp.elseBlock());
  scf::YieldOp::create(e.b, e.loc, SmallVector<Value>(positions.size(), zero));
  return SmallVector<Value>(ifOp.getResults());
}

void storeAccumulators(KernelEmitter &e, ValueRange values, Value buffer, ArrayRef<Value> positions) {
  for (auto [value, at] : llvm::zip(values, positions))
    e.storeVector(value, buffer, at);
}

VectorType pairsType(KernelEmitter &e) { return VectorType::get({2 * e.machine.vector}, e.b.getBF16Type()); }

Value asPairs(KernelEmitter &e, Value words) {
  return LLVM::BitcastOp::create(e.b, e.loc, pairsType(e), words);
}

/// Of AVX-512: sum[i] + x[2 i + 1] * y[2 i + 1] + x[2 i] * y[2 i].
Value addProductsOfPairs(KernelEmitter &e, Value x, Value y, Value sum) {
  return LLVM::CallIntrinsicOp::create(e.b, e.loc, sum.getType(),
                                       e.b.getStringAttr("llvm.x86.avx512bf16.dpbf16ps.512"),
                                       ValueRange{sum, x, y})
      .getResult(0);
}

/// accumulators[i, j] += scalars[i] * vectors[j]: the outer product that all tiles are made of. Scalars are
/// f32, or words of pairs where the vectors are.
void addOuterProduct(KernelEmitter &e, Factors factors, MutableArrayRef<Value> accumulators,
                     ArrayRef<Value> scalars, ArrayRef<Value> vectors) {
  for (auto [i, scalar] : llvm::enumerate(scalars)) {
    Value x = e.splat(scalar, e.machine.vector);
    if (factors == Factors::Pairs)
      x = asPairs(e, x);
    for (auto [j, vector] : llvm::enumerate(vectors)) {
      Value &sum = accumulators[i * vectors.size() + j];
      sum = factors == Factors::Pairs ? addProductsOfPairs(e, x, vector, sum) : fma(e, x, vector, sum);
    }
  }
}

//===-- Conv --------------------------------------------------------------===//

SmallVector<Value> toList(const ConvTile &a) {
  return {a.source,
          a.weights,
          a.tile,
          a.pixels,
          a.taps,
          a.sourceAt,
          a.sourceBlockStride,
          a.weightsAt,
          a.weightsBlockStride,
          a.weightsGroupStride,
          a.tileAt,
          a.tileGroupStride,
          a.firstPixel,
          a.pixelCount,
          a.firstTap,
          a.tapCount,
          a.channelBlocks,
          a.accumulate};
}

ConvTile fromList(ValueRange v) {
  return {v[0], v[1],  v[2],  v[3],  v[4],  v[5],  v[6],  v[7],  v[8],
          v[9], v[10], v[11], v[12], v[13], v[14], v[15], v[16], v[17]};
}

/// What one result block's channels are multiplied by.
Value loadWeights(KernelEmitter &e, Factors factors, Value weights, Value at) {
  if (factors == Factors::Single)
    return e.loadVector(weights, at, e.machine.vector);
  return vector::LoadOp::create(e.b, e.loc, pairsType(e), weights, e.mul(at, 2));
}

/// Channels [0, count) of one tap from these positions on: as many outer products.
SmallVector<Value> emitConvSteps(KernelEmitter &e, Factors factors, const ConvTile &a, int64_t blocks,
                                 int64_t count, ArrayRef<Value> pixels, Value shift, Value weightsAt,
                                 ValueRange carried) {
  SmallVector<Value> accumulators(carried);
  int64_t lanes = e.machine.vector;
  for (int64_t c = 0; c < count; ++c) {
    SmallVector<Value> scalars, vectors;
    for (int64_t j = 0; j < blocks; ++j)
      vectors.push_back(loadWeights(e, factors, a.weights,
                                    e.add(e.add(weightsAt, e.mul(a.weightsGroupStride, j)), c * lanes)));
    for (Value pixel : pixels)
      scalars.push_back(e.load(a.source, e.add(e.add(pixel, shift), c)));
    addOuterProduct(e, factors, accumulators, scalars, vectors);
  }
  return accumulators;
}

/// One channel block of one tap: `depth` outer products. Of more than 8 in a row, LLVM loads the weights
/// early and spills them.
SmallVector<Value> emitConvBlock(KernelEmitter &e, Factors factors, const ConvTile &a, int64_t blocks,
                                 int64_t depth, ArrayRef<Value> pixels, Value shift, Value weightsAt,
                                 ValueRange carried) {
  constexpr int64_t unrolled = 8;
  if (depth <= unrolled || depth % unrolled)
    return emitConvSteps(e, factors, a, blocks, depth, pixels, shift, weightsAt, carried);
  return e.loop(e.index(0), e.index(depth), unrolled, carried, [&](Value c, ValueRange inner) {
    return emitConvSteps(e, factors, a, blocks, unrolled, pixels, e.add(shift, c),
                         e.add(weightsAt, e.mul(c, e.machine.vector)), inner);
  });
}

void emitConvTile(KernelEmitter &e, Factors factors, const ConvTile &a, int64_t blocks, int64_t depth) {
  int64_t pixelsInTile = tilePixels(e.machine, factors, blocks, depth);
  e.loop(e.index(0), a.pixelCount, pixelsInTile, [&](Value q) {
    SmallVector<Value> pixels, positions;
    for (int64_t i = 0; i < pixelsInTile; ++i) {
      Value pair = e.add(e.add(a.firstPixel, q), i);
      pixels.push_back(pixelEntry(e, a, pair, 0));
      Value at = pixelEntry(e, a, pair, 1);
      for (int64_t j = 0; j < blocks; ++j)
        positions.push_back(e.add(at, e.mul(a.tileGroupStride, j)));
    }
    auto start = loadAccumulators(e, a.accumulate, a.tile, positions);
    auto sums = overConvSteps(e, a, start, [&](Value shift, Value weightsAt, ValueRange carried) {
      return emitConvBlock(e, factors, a, blocks, depth, pixels, shift, weightsAt, carried);
    });
    storeAccumulators(e, sums, a.tile, positions);
  });
}

//===-- Weight gradient ---------------------------------------------------===//

SmallVector<Value> toList(const WeightGradTile &a) {
  return {a.activation,   a.gradient,       a.out,        a.rows,
          a.activationAt, a.activationStep, a.gradientAt, a.gradientGroupStride,
          a.outAt,        a.outGroupStride, a.firstRow,   a.rowCount,
          a.columns,      a.accumulate};
}

WeightGradTile gradFromList(ValueRange v) {
  return {v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7], v[8], v[9], v[10], v[11], v[12], v[13]};
}

/// The products of one row of the result.
SmallVector<Value> emitWeightGradRow(KernelEmitter &e, Factors factors, const WeightGradTile &a,
                                     int64_t blocks, int64_t channels, Value gradientAt, Value activationAt,
                                     ValueRange carried) {
  return e.loop(e.index(0), a.columns, 1, carried, [&](Value column, ValueRange inner) {
    SmallVector<Value> accumulators(inner), scalars, vectors;
    int64_t lanes = e.machine.vector;
    Value gradient = e.add(gradientAt, e.mul(column, lanes));
    for (int64_t j = 0; j < blocks; ++j) {
      Value vector = e.loadVector(a.gradient, e.add(gradient, e.mul(a.gradientGroupStride, j)), lanes);
      vectors.push_back(factors == Factors::Pairs ? asPairs(e, vector) : vector);
    }
    Value activation = e.add(activationAt, e.mul(column, a.activationStep));
    for (int64_t c = 0; c < channels; ++c)
      scalars.push_back(e.load(a.activation, e.add(activation, c)));
    addOuterProduct(e, factors, accumulators, scalars, vectors);
    return accumulators;
  });
}

/// `channels` of a tile of `padded` over all rows, at these positions.
void emitWeightGradChannels(KernelEmitter &e, Factors factors, const WeightGradTile &a, int64_t blocks,
                            int64_t channels, int64_t padded, Value activationAt, Value outAt) {
  int64_t lanes = e.machine.vector;
  auto positionOf = [&](int64_t c, int64_t j) {
    return e.add(e.add(outAt, c * lanes), e.mul(a.outGroupStride, j));
  };
  SmallVector<Value> positions;
  for (int64_t c = 0; c < channels; ++c)
    for (int64_t j = 0; j < blocks; ++j)
      positions.push_back(positionOf(c, j));
  auto start = loadAccumulators(e, a.accumulate, a.out, positions);
  auto sums = e.loop(e.index(0), a.rowCount, 1, start, [&](Value row, ValueRange carried) {
    Value pair = e.add(a.firstRow, row);
    Value gradientRow = e.add(a.gradientAt, entry(e, a.rows, pair, 0));
    Value activationRow = e.add(activationAt, entry(e, a.rows, pair, 1));
    return emitWeightGradRow(e, factors, a, blocks, channels, gradientRow, activationRow, carried);
  });
  storeAccumulators(e, sums, a.out, positions);
  for (int64_t c = channels; c < padded; ++c)
    for (int64_t j = 0; j < blocks; ++j)
      e.storeVector(e.constant(0.0f, e.vectorType(lanes)), a.out, positionOf(c, j));
}

void emitWeightGradTile(KernelEmitter &e, Factors factors, const WeightGradTile &a, int64_t blocks,
                        int64_t reduce, int64_t depth) {
  int64_t channels = tileChannels(e.machine, reduce);
  e.loop(e.index(0), e.index(reduce), channels, [&](Value channel) {
    emitWeightGradChannels(e, factors, a, blocks, std::min(depth, channels), channels,
                           e.add(a.activationAt, channel), e.add(a.outAt, e.mul(channel, e.machine.vector)));
  });
}

} // namespace

void kinema::cpu::callShared(KernelEmitter &e, StringRef name, SmallVector<Value> arguments,
                             function_ref<void(KernelEmitter &, ValueRange)> body) {
  for (Value &argument : arguments)
    if (isa<MemRefType>(argument.getType()))
      argument = withAnySize(e, argument);
  auto function = sharedFunction(e, name, ValueRange(arguments).getTypes(), body);
  func::CallOp::create(e.b, e.loc, function, arguments);
}

SmallVector<Value>
kinema::cpu::overConvSteps(KernelEmitter &e, const ConvTile &a, ValueRange start,
                           function_ref<SmallVector<Value>(Value, Value, ValueRange)> body) {
  return e.loop(e.index(0), a.channelBlocks, 1, start, [&](Value block, ValueRange outer) {
    Value sourceBlock = e.mul(block, a.sourceBlockStride);
    Value weightsBlock = e.add(a.weightsAt, e.mul(block, a.weightsBlockStride));
    return e.loop(e.index(0), a.tapCount, 1, outer, [&](Value tap, ValueRange inner) {
      Value pair = e.add(a.firstTap, tap);
      return body(e.add(sourceBlock, entry(e, a.taps, pair, 0)),
                  e.add(weightsBlock, entry(e, a.taps, pair, 1)), inner);
    });
  });
}

Value kinema::cpu::pixelEntry(KernelEmitter &e, const ConvTile &a, Value pixel, int64_t which) {
  return e.add(which == 0 ? a.sourceAt : a.tileAt, entry(e, a.pixels, pixel, which));
}

static const char *nameOf(Factors factors) {
  return factors == Factors::Pairs ? "_pairs" : factors == Factors::Matrices ? "_matrices" : "";
}

void kinema::cpu::callConvTile(KernelEmitter &e, Factors factors, int64_t blocks, int64_t depth,
                               const ConvTile &arguments) {
  bool widened =
      factors == Factors::Single && !cast<MemRefType>(arguments.weights.getType()).getElementType().isF32();
  auto name = ("conv_tile_" + Twine(tilePixels(e.machine, factors, blocks, depth)) + "x" + Twine(blocks) +
               "_" + Twine(depth) + nameOf(factors) + (widened ? "_widened" : ""))
                  .str();
  callShared(e, name, toList(arguments), [&](KernelEmitter &inside, ValueRange v) {
    if (factors == Factors::Matrices)
      emitMatrixConvTile(inside, fromList(v), blocks, depth);
    else
      emitConvTile(inside, factors, fromList(v), blocks, depth);
  });
}

void kinema::cpu::callWeightGradTile(KernelEmitter &e, Factors factors, int64_t blocks, int64_t reduce,
                                     int64_t depth, const WeightGradTile &arguments) {
  if (reduce > tileChannels(e.machine, reduce)) // padded blocks are contracted whole
    depth = reduce;
  auto name =
      ("wgrad_tile_" + Twine(depth) + "x" + Twine(blocks) + "_" + Twine(reduce) + nameOf(factors)).str();
  callShared(e, name, toList(arguments), [&](KernelEmitter &inside, ValueRange v) {
    emitWeightGradTile(inside, factors, gradFromList(v), blocks, reduce, depth);
  });
}

void kinema::cpu::callMatrixWeightGradTile(KernelEmitter &e, int64_t blocks, int64_t columns,
                                           int64_t channelWords, const WeightGradTile &arguments) {
  auto name =
      ("wgrad_tile_" + Twine(columns) + "x" + Twine(blocks) + "_" + Twine(channelWords) + "_matrices").str();
  callShared(e, name, toList(arguments), [&](KernelEmitter &inside, ValueRange v) {
    emitMatrixWeightGradTile(inside, gradFromList(v), blocks, columns, channelWords);
  });
}
