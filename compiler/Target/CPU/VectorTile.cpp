#include "compiler/Target/CPU/VectorTile.h"

#include "compiler/Target/CPU/MicroKernels.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::cpu;

namespace {

Value fma(KernelEmitter &e, Value x, Value y, Value sum) {
  return math::FmaOp::create(e.b, e.loc, x, y, sum);
}

/// Returns accumulators: zero, or what the output holds at `positions`.
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

/// Emits vdpbf16ps of AVX-512, which adds both products of each bfloat16 pair to sum[i]: sum[i] + x[2 i + 1]
/// * y[2 i + 1] + x[2 i] * y[2 i].
Value addProductsOfPairs(KernelEmitter &e, Value x, Value y, Value sum) {
  return LLVM::CallIntrinsicOp::create(e.b, e.loc, sum.getType(),
                                       e.b.getStringAttr("llvm.x86.avx512bf16.dpbf16ps.512"),
                                       ValueRange{sum, x, y})
      .getResult(0);
}

/// Computes accumulators[i, j] += scalars[i] * vectors[j], the outer product that all tiles are made of.
/// Scalars are f32, or words of pairs where the vectors are.
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

/// Loads what one result block's channels are multiplied by.
Value loadWeights(KernelEmitter &e, Factors factors, Value weights, Value at) {
  if (factors == Factors::Single)
    return e.loadVector(weights, at, e.machine.vector);
  return vector::LoadOp::create(e.b, e.loc, pairsType(e), weights, e.mul(at, 2));
}

/// Contracts channels [0, count) of one tap from these positions on, by as many outer products.
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

/// Contracts one channel block of one tap, by `depth` outer products. With more than 8 in a row, LLVM would
/// load the weights early and spill them.
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

/// Asks the second cache for a share of the weights that come next: for the tile of pixels from `first` on,
/// of all tiles of the call. Else the first tile of the next weights would wait for memory, while the others
/// need none.
void emitPrefetch(KernelEmitter &e, Factors factors, const ConvTile &a, int64_t blocks, int64_t pixelsInTile,
                  Value first) {
  constexpr int64_t lineWords = 16, secondCache = 2;
  Value tiles = e.div(e.add(a.pixelCount, pixelsInTile - 1), pixelsInTile);
  Value lines = e.div(a.aheadWords, lineWords);
  Value share = arith::DivUIOp::create(e.b, e.loc, e.add(lines, e.sub(tiles, e.index(1))), tiles);
  Value from = e.mul(e.div(first, pixelsInTile), share);
  e.loop(from, e.min(e.add(from, share), lines), 1, [&](Value line) {
    Value at = e.add(a.aheadAt, e.mul(line, lineWords));
    for (int64_t j = 0; j < blocks; ++j) {
      Value word = e.add(at, e.mul(a.weightsGroupStride, j));
      if (factors == Factors::Pairs)
        word = e.mul(word, 2);
      memref::PrefetchOp::create(e.b, e.loc, a.weights, word, /*isWrite=*/false, secondCache,
                                 /*isDataCache=*/true);
    }
  });
}

} // namespace

void kinema::cpu::emitVectorConvTile(KernelEmitter &e, Factors factors, const ConvTile &a, int64_t blocks,
                                     int64_t depth) {
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
    emitPrefetch(e, factors, a, blocks, pixelsInTile, q);
    auto start = loadAccumulators(e, a.accumulate, a.tile, positions);
    auto sums = overConvSteps(e, a, start, [&](Value shift, Value weightsAt, ValueRange carried) {
      return emitConvBlock(e, factors, a, blocks, depth, pixels, shift, weightsAt, carried);
    });
    storeAccumulators(e, sums, a.tile, positions);
  });
}

//===-- Weight gradient ---------------------------------------------------===//

namespace {

/// Computes the products of one row of the result.
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

/// Computes `channels` of a tile of `padded` over all rows, at these positions.
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
    Value gradientRow = e.add(a.gradientAt, pairEntry(e, a.rows, pair, 0));
    Value activationRow = e.add(activationAt, pairEntry(e, a.rows, pair, 1));
    return emitWeightGradRow(e, factors, a, blocks, channels, gradientRow, activationRow, carried);
  });
  storeAccumulators(e, sums, a.out, positions);
  for (int64_t c = channels; c < padded; ++c)
    for (int64_t j = 0; j < blocks; ++j)
      e.storeVector(e.constant(0.0f, e.vectorType(lanes)), a.out, positionOf(c, j));
}

} // namespace

void kinema::cpu::emitVectorWeightGradTile(KernelEmitter &e, Factors factors, const WeightGradTile &a,
                                           int64_t blocks, int64_t reduce, int64_t depth) {
  int64_t channels = tileChannels(e.machine, reduce);
  e.loop(e.index(0), e.index(reduce), channels, [&](Value channel) {
    emitWeightGradChannels(e, factors, a, blocks, std::min(depth, channels), channels,
                           e.add(a.activationAt, channel), e.add(a.outAt, e.mul(channel, e.machine.vector)));
  });
}
