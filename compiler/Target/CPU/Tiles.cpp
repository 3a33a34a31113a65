// Decides which body a tile has: of vectors or of matrices.
#include "compiler/Target/CPU/Level.h"
#include "compiler/Target/CPU/MatrixTile.h"
#include "compiler/Target/CPU/VectorTile.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::cpu;

int64_t kinema::cpu::tilePixels(const Machine &machine, Factors factors, int64_t blocks, int64_t depth) {
  if (factors == Factors::Matrices)
    return matrixPixels(blocks);
  if (registersOf(machine) == 16)
    return blocks == 3 ? 4 : blocks == 2 ? 6 : 8;
  // More pixels would not fit the 16 registers of their addresses. All operands of two steps are loaded
  // before the first product, and they are more than the registers that 16 accumulators leave.
  return blocks == 3 || (blocks == 2 && depth <= 2) ? 6 : 8;
}

int64_t kinema::cpu::mostTilePixels(const Machine &machine, Factors factors) {
  return tilePixels(machine, factors, 1, machine.vector);
}

/// Lists what a tile's function takes, in its order.
static constexpr Value ConvTile::*convFields[] = {&ConvTile::source,
                                                  &ConvTile::weights,
                                                  &ConvTile::tile,
                                                  &ConvTile::pixels,
                                                  &ConvTile::taps,
                                                  &ConvTile::sourceAt,
                                                  &ConvTile::sourceBlockStride,
                                                  &ConvTile::weightsAt,
                                                  &ConvTile::weightsBlockStride,
                                                  &ConvTile::weightsGroupStride,
                                                  &ConvTile::tileAt,
                                                  &ConvTile::tileGroupStride,
                                                  &ConvTile::firstPixel,
                                                  &ConvTile::pixelCount,
                                                  &ConvTile::firstTap,
                                                  &ConvTile::tapCount,
                                                  &ConvTile::channelBlocks,
                                                  &ConvTile::accumulate,
                                                  &ConvTile::aheadAt,
                                                  &ConvTile::aheadWords};
static constexpr Value WeightGradTile::*weightGradFields[] = {
    &WeightGradTile::activation,   &WeightGradTile::gradient,
    &WeightGradTile::out,          &WeightGradTile::rows,
    &WeightGradTile::activationAt, &WeightGradTile::activationStep,
    &WeightGradTile::gradientAt,   &WeightGradTile::gradientGroupStride,
    &WeightGradTile::outAt,        &WeightGradTile::outGroupStride,
    &WeightGradTile::firstRow,     &WeightGradTile::rowCount,
    &WeightGradTile::columns,      &WeightGradTile::accumulate};

template <typename Tile> static SmallVector<Value> toList(ArrayRef<Value Tile::*> fields, const Tile &tile) {
  return llvm::map_to_vector(fields, [&](Value Tile::*field) { return tile.*field; });
}

template <typename Tile> static Tile fromList(ArrayRef<Value Tile::*> fields, ValueRange values) {
  Tile tile;
  for (auto [field, value] : llvm::zip_equal(fields, values))
    tile.*field = value;
  return tile;
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
  callShared(e, name, toList<ConvTile>(convFields, arguments), [&](KernelEmitter &inside, ValueRange v) {
    if (factors == Factors::Matrices)
      emitMatrixConvTile(inside, fromList<ConvTile>(convFields, v), blocks, depth);
    else
      emitVectorConvTile(inside, factors, fromList<ConvTile>(convFields, v), blocks, depth);
  });
}

void kinema::cpu::callWeightGradTile(KernelEmitter &e, Factors factors, int64_t blocks, int64_t reduce,
                                     int64_t depth, const WeightGradTile &arguments) {
  if (reduce > tileChannels(e.machine, reduce)) // blocks with padding are contracted whole
    depth = reduce;
  auto name =
      ("wgrad_tile_" + Twine(depth) + "x" + Twine(blocks) + "_" + Twine(reduce) + nameOf(factors)).str();
  callShared(e, name, toList<WeightGradTile>(weightGradFields, arguments),
             [&](KernelEmitter &inside, ValueRange v) {
               emitVectorWeightGradTile(inside, factors, fromList<WeightGradTile>(weightGradFields, v),
                                        blocks, reduce, depth);
             });
}

void kinema::cpu::callMatrixWeightGradTile(KernelEmitter &e, int64_t blocks, int64_t columns,
                                           int64_t channelWords, const WeightGradTile &arguments) {
  auto name =
      ("wgrad_tile_" + Twine(columns) + "x" + Twine(blocks) + "_" + Twine(channelWords) + "_matrices").str();
  callShared(e, name, toList<WeightGradTile>(weightGradFields, arguments),
             [&](KernelEmitter &inside, ValueRange v) {
               emitMatrixWeightGradTile(inside, fromList<WeightGradTile>(weightGradFields, v), blocks,
                                        columns, channelWords);
             });
}
