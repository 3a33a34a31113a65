#include "compiler/Target/CPU/Winograd.h"

#include "compiler/Target/CPU/Blocks.h"
#include "compiler/Target/CPU/MicroKernels.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::cpu;

//===-- One axis ----------------------------------------------------------===//

namespace {

/// Arithmetic on vectors of one width.
struct Arithmetic {
  KernelEmitter &e;
  int64_t width;

  Value times(float factor, Value x) { return e.mulf(e.constant(factor, e.vectorType(width)), x); }
  /// factor * x + y
  Value plus(float factor, Value x, Value y) { return e.fma(e.constant(factor, e.vectorType(width)), x, y); }
};

} // namespace

/// B^T d
static SmallVector<Value> sourceTransform(Arithmetic a, ArrayRef<Value> d) {
  KernelEmitter &e = a.e;
  if (d.size() == 4)
    return {e.subf(d[0], d[2]), e.addf(d[1], d[2]), e.subf(d[2], d[1]), e.subf(d[1], d[3])};
  Value even = a.plus(-4, d[2], d[4]), odd = a.plus(-4, d[1], d[3]);
  Value even2 = e.subf(d[4], d[2]), odd2 = e.subf(d[3], d[1]);
  return {a.plus(4, d[0], a.plus(-5, d[2], d[4])),
          e.addf(even, odd),
          e.subf(even, odd),
          a.plus(2, odd2, even2),
          a.plus(-2, odd2, even2),
          a.plus(4, d[1], a.plus(-5, d[3], d[5]))};
}

/// A^T m
static SmallVector<Value> resultTransform(Arithmetic a, ArrayRef<Value> m) {
  KernelEmitter &e = a.e;
  Value sum = e.addf(m[1], m[2]), difference = e.subf(m[1], m[2]);
  if (m.size() == 4)
    return {e.addf(m[0], sum), e.subf(difference, m[3])};
  Value sum2 = e.addf(m[3], m[4]), difference2 = e.subf(m[3], m[4]);
  return {e.addf(m[0], e.addf(sum, sum2)), a.plus(2, difference2, difference), a.plus(4, sum2, sum),
          e.addf(a.plus(8, difference2, difference), m[5])};
}

/// G g
static SmallVector<Value> weightTransform(Arithmetic a, int64_t results, ArrayRef<Value> g) {
  KernelEmitter &e = a.e;
  Value outer = e.addf(g[0], g[2]);
  if (results == 2)
    return {g[0], a.times(0.5f, e.addf(outer, g[1])), a.times(0.5f, e.subf(outer, g[1])), g[2]};
  Value even = a.times(-1.0f / 6, outer), odd = a.times(-1.0f / 6, g[1]);
  Value even2 = a.plus(1.0f / 6, g[2], a.times(1.0f / 24, g[0])), odd2 = a.times(1.0f / 12, g[1]);
  return {a.times(0.25f, g[0]), e.addf(even, odd),   e.subf(even, odd),
          e.addf(even2, odd2),  e.subf(even2, odd2), g[2]};
}

//===-- Both axes ---------------------------------------------------------===//

using Transform = function_ref<SmallVector<Value>(ArrayRef<Value>)>;

/// Applies `transform` to the columns, then to the rows of a square of values.
static SmallVector<Value> onBothAxes(ArrayRef<Value> values, int64_t size, Transform transform) {
  SmallVector<SmallVector<Value>> columns;
  for (int64_t column = 0; column < size; ++column) {
    SmallVector<Value> inputs;
    for (int64_t row = 0; row < size; ++row)
      inputs.push_back(values[row * size + column]);
    columns.push_back(transform(inputs));
  }
  SmallVector<Value> results;
  for (size_t row = 0; row < columns.front().size(); ++row) {
    SmallVector<Value> inputs;
    for (const auto &column : columns)
      inputs.push_back(column[row]);
    results.append(transform(inputs));
  }
  return results;
}

static SmallVector<Value> toList(const WinogradTiles &t) {
  return {t.buffer, t.from, t.fromStep, t.fromStride, t.to, t.toStep, t.toStride, t.count};
}

static WinogradTiles tilesFromList(ValueRange v) { return {v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7]}; }

static void callOnTiles(KernelEmitter &e, const Twine &name, const WinogradTiles &tiles,
                        function_ref<void(KernelEmitter &, const WinogradTiles &)> body) {
  callShared(e, name.str(), toList(tiles), [&](KernelEmitter &inside, ValueRange arguments) {
    WinogradTiles t = tilesFromList(arguments);
    inside.loop(inside.index(0), t.count, 1, [&](Value i) {
      WinogradTiles one = t;
      one.from = inside.add(t.from, inside.mul(i, t.fromStep));
      one.to = inside.add(t.to, inside.mul(i, t.toStep));
      body(inside, one);
    });
  });
}

void kinema::cpu::callWinogradSource(KernelEmitter &e, int64_t results, int64_t width,
                                     const WinogradTiles &tiles) {
  int64_t points = winogradPoints(results);
  callOnTiles(
      e, "winograd_source_" + Twine(results) + "_" + Twine(width), tiles,
      [&](KernelEmitter &e, const WinogradTiles &tile) {
        SmallVector<Value> elements;
        for (int64_t row = 0; row < points; ++row)
          for (int64_t column = 0; column < points; ++column)
            elements.push_back(e.loadVector(
                tile.buffer, e.add(e.add(tile.from, e.mul(tile.fromStride, row)), column * width), width));
        auto transformed =
            onBothAxes(elements, points, [&](ArrayRef<Value> d) { return sourceTransform({e, width}, d); });
        for (auto [i, value] : llvm::enumerate(transformed))
          e.storeVector(value, tile.buffer, e.add(tile.to, e.mul(tile.toStride, i)));
      });
}

void kinema::cpu::callWinogradResult(KernelEmitter &e, int64_t results, int64_t width,
                                     const WinogradTiles &tiles) {
  int64_t points = winogradPoints(results);
  callOnTiles(
      e, "winograd_result_" + Twine(results) + "_" + Twine(width), tiles,
      [&](KernelEmitter &e, const WinogradTiles &tile) {
        SmallVector<Value> products;
        for (int64_t i = 0; i < points * points; ++i)
          products.push_back(e.loadVector(tile.buffer, e.add(tile.from, e.mul(tile.fromStride, i)), width));
        auto transformed =
            onBothAxes(products, points, [&](ArrayRef<Value> m) { return resultTransform({e, width}, m); });
        for (auto [i, value] : llvm::enumerate(transformed))
          e.storeVector(value, tile.buffer,
                        e.add(e.add(tile.to, e.mul(tile.toStride, i / results)), i % results * width));
      });
}

//===-- Weights -----------------------------------------------------------===//

static RankedTensorType tensorType(Value value) { return cast<RankedTensorType>(value.getType()); }

/// Vectors of a weight [O, I, T, 3, 3] that lie in a row for each tap: channel blocks, T, and the channels of
/// the contraction.
namespace {
struct WeightVectors {
  int64_t blocks, frames, reduce;

  explicit WeightVectors(kernel::WinogradOp op) {
    auto type = tensorType(op.getWeight());
    auto layout = kernel::layoutOf(type);
    reduce = layout.getReduce();
    frames = type.getDimSize(2);
    blocks = layout.storedElements(type.getShape()) / (frames * 9 * reduce * lanes);
  }
};
} // namespace

kernel::ScheduleAttr kinema::cpu::winogradWeightSchedule(kernel::WinogradOp op) {
  constexpr int64_t mostBlocks = 64;
  int64_t grid = std::min(mostBlocks, WeightVectors(op).blocks);
  return kernel::ScheduleAttr::get(op.getContext(), "cpu.winograd", grid, /*scratch=*/0,
                                   DictionaryAttr::get(op.getContext()));
}

void kinema::cpu::emitWinogradWeight(kernel::WinogradOp op, KernelEmitter &e) {
  WeightVectors vectors(op);
  int64_t results = op.getTile(), points = winogradPoints(results), tap = vectors.reduce * lanes;
  int64_t pointStride = vectors.blocks * vectors.frames * tap;
  Shares shares{vectors.blocks, op.getSchedule()->getGrid()};
  e.forEachBlock([&](Value part) {
    auto [from, to] = emitShare(e, shares, part);
    e.loop(e.mul(from, vectors.frames), e.mul(to, vectors.frames), 1, [&](Value matrix) {
      e.loop(vectors.reduce, [&](Value channel) {
        Value row = e.mul(channel, lanes);
        Value source = e.add(e.mul(matrix, 9 * tap), row), target = e.add(e.mul(matrix, tap), row);
        SmallVector<Value> taps;
        for (int64_t i = 0; i < 9; ++i) // the data gradient's windows are turned round
          taps.push_back(
              e.loadVector(e.operands[0], e.add(source, (op.getTurned() ? 8 - i : i) * tap), lanes));
        auto transformed =
            onBothAxes(taps, 3, [&](ArrayRef<Value> g) { return weightTransform({e, lanes}, results, g); });
        for (int64_t i = 0; i < points * points; ++i)
          e.storeVector(transformed[i], e.results[0], e.add(target, i * pointStride));
      });
    });
  });
}
