#include "compiler/Target/CPU/Winograd.h"

#include "compiler/Target/CPU/Blocks.h"
#include "compiler/Target/CPU/Layouts.h"
#include "compiler/Target/CPU/MicroKernels.h"
#include "compiler/Target/CPU/Model.h"
#include "compiler/Target/Common/ScheduleParameters.h"
#include "dialects/Recipe.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::cpu;

bool kinema::cpu::allowsWinograd(ModuleOp module) {
  auto allowed = dyn_cast_or_null<BoolAttr>(recipeField(module, "compute", "winograd"));
  return !allowed || allowed.getValue();
}

std::vector<shape::Tap> kinema::cpu::winogradTaps(const shape::Phase &phase, int64_t results) {
  if (results == 1)
    return phase.taps;
  std::vector<shape::Tap> taps;
  for (shape::Tap tap : phase.taps)
    if (tap.index[1] == 0 && tap.index[2] == 0) {
      tap.shift[1] = tap.shift[2] = 0;
      taps.push_back(tap);
    }
  return taps;
}

bool kinema::cpu::winogradFits(const shape::Window &window) {
  return llvm::all_of(ArrayRef{1, 2}, [&](int axis) {
    return window.kernel[axis] == 3 && window.stride[axis] == 1 && window.dilation[axis] == 1;
  });
}

//===-- One axis ----------------------------------------------------------===//

namespace {

/// Does arithmetic on vectors of one width.
struct Arithmetic {
  KernelEmitter &e;
  int64_t width;

  Value times(float factor, Value x) { return e.mulf(e.constant(factor, e.vectorType(width)), x); }
  /// Returns factor * x + y.
  Value plus(float factor, Value x, Value y) { return e.fma(e.constant(factor, e.vectorType(width)), x, y); }
};

} // namespace

/// Returns B^T d.
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

/// Returns A^T m.
static SmallVector<Value> resultTransform(Arithmetic a, ArrayRef<Value> m) {
  KernelEmitter &e = a.e;
  Value sum = e.addf(m[1], m[2]), difference = e.subf(m[1], m[2]);
  if (m.size() == 4)
    return {e.addf(m[0], sum), e.subf(difference, m[3])};
  Value sum2 = e.addf(m[3], m[4]), difference2 = e.subf(m[3], m[4]);
  return {e.addf(m[0], e.addf(sum, sum2)), a.plus(2, difference2, difference), a.plus(4, sum2, sum),
          e.addf(a.plus(8, difference2, difference), m[5])};
}

/// Returns G g.
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

/// Returns A y, by the transpose of the result's matrix.
static SmallVector<Value> gradientTransform(Arithmetic a, ArrayRef<Value> y) {
  KernelEmitter &e = a.e;
  if (y.size() == 2)
    return {y[0], e.addf(y[0], y[1]), e.subf(y[0], y[1]), a.times(-1, y[1])};
  Value even = e.addf(y[0], y[2]), odd = e.addf(y[1], y[3]);
  Value even2 = a.plus(4, y[2], y[0]), odd2 = a.times(2, a.plus(4, y[3], y[1]));
  return {y[0], e.addf(even, odd), e.subf(even, odd), e.addf(even2, odd2), e.subf(even2, odd2), y[3]};
}

/// Returns G^T u, by the transpose of the weight's matrix.
static SmallVector<Value> weightGradTransform(Arithmetic a, ArrayRef<Value> u) {
  KernelEmitter &e = a.e;
  Value sum = e.addf(u[1], u[2]), difference = e.subf(u[1], u[2]);
  if (u.size() == 4)
    return {a.plus(0.5f, sum, u[0]), a.times(0.5f, difference), a.plus(0.5f, sum, u[3])};
  Value sum2 = e.addf(u[3], u[4]), difference2 = e.subf(u[3], u[4]);
  return {a.plus(-1.0f / 6, sum, a.plus(1.0f / 24, sum2, a.times(0.25f, u[0]))),
          a.plus(-1.0f / 6, difference, a.times(1.0f / 12, difference2)),
          a.plus(-1.0f / 6, sum, a.plus(1.0f / 6, sum2, u[5]))};
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

namespace {

/// Says how a transform walks a tile, from a square of side x side elements to another square. `sourceRow`
/// and `targetRow` say how many elements of a row lie side by side in each; 1: all lie a stride apart.
struct TileWalk {
  StringRef name;
  int64_t results, width; // results of a tile; lanes of a vector
  int64_t side, sourceRow, targetRow;
};

SmallVector<Value> toList(const WinogradTiles &t) {
  return {t.source, t.target, t.from, t.fromStep, t.fromStride, t.to, t.toStep, t.toStride, t.count};
}

WinogradTiles tilesFromList(ValueRange v) { return {v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7], v[8]}; }

using AxisTransform = function_ref<SmallVector<Value>(Arithmetic, ArrayRef<Value>)>;

void callOnTiles(KernelEmitter &e, const TileWalk &walk, const WinogradTiles &tiles,
                 AxisTransform transform) {
  std::string name = (walk.name + "_" + Twine(walk.results) + "_" + Twine(walk.width)).str();
  callShared(e, name, toList(tiles), [&](KernelEmitter &e, ValueRange arguments) {
    WinogradTiles t = tilesFromList(arguments);
    auto position = [&](Value at, Value stride, int64_t i, int64_t row) {
      return e.add(e.add(at, e.mul(stride, i / row)), i % row * walk.width);
    };
    e.loop(e.index(0), t.count, 1, [&](Value i) {
      Value from = e.add(t.from, e.mul(i, t.fromStep)), to = e.add(t.to, e.mul(i, t.toStep));
      SmallVector<Value> elements;
      for (int64_t k = 0; k < walk.side * walk.side; ++k)
        elements.push_back(
            e.loadVector(t.source, position(from, t.fromStride, k, walk.sourceRow), walk.width));
      auto transformed = onBothAxes(elements, walk.side,
                                    [&](ArrayRef<Value> line) { return transform({e, walk.width}, line); });
      for (auto [k, value] : llvm::enumerate(transformed))
        e.storeVector(value, t.target, position(to, t.toStride, k, walk.targetRow));
    });
  });
}

} // namespace

void kinema::cpu::callWinogradResult(KernelEmitter &e, int64_t results, const WinogradTiles &tiles) {
  TileWalk walk{"winograd_result", results, e.machine.vector, winogradPoints(results), 1, results};
  callOnTiles(e, walk, tiles, resultTransform);
}

void kinema::cpu::callWinogradWeightGrad(KernelEmitter &e, int64_t results, const WinogradTiles &tiles) {
  TileWalk walk{"winograd_wgrad", results, e.machine.vector, winogradPoints(results), 1, 1};
  callOnTiles(e, walk, tiles, weightGradTransform);
}

StagedBox kinema::cpu::winogradBox(WinogradInput input, int64_t results, const StagedBox &box) {
  int64_t overlap = input == WinogradInput::Source ? winogradPoints(results) - results : 0;
  StagedBox points = box;
  for (int axis : {1, 2})
    points.axes[axis] = {(box.axes[axis].extent - overlap) / results, 1, 0, 1};
  return points;
}

void kinema::cpu::emitWinogradTiles(KernelEmitter &e, WinogradInput input, int64_t results,
                                    const StagedBox &box, Value boxAt, Value pointsAt) {
  StagedBox points = winogradBox(input, results, box);
  bool isSource = input == WinogradInput::Source;
  int64_t side = isSource ? winogradPoints(results) : results;
  TileWalk walk{isSource ? "winograd_source" : "winograd_gradient", results, box.width, side, side, 1};
  e.loop(box.clips * box.blocks * box.axes[0].extent, [&](Value plane) {
    e.loop(points.axes[1].extent, [&](Value line) {
      WinogradTiles tiles;
      tiles.source = tiles.target = e.scratch;
      tiles.from =
          e.add(boxAt, e.add(e.mul(plane, box.frameStride()), e.mul(line, results * box.rowStride())));
      tiles.fromStep = e.index(results * box.width);
      tiles.fromStride = e.index(box.rowStride());
      tiles.to = e.add(pointsAt, e.add(e.mul(plane, points.frameStride()), e.mul(line, points.rowStride())));
      tiles.toStep = e.index(points.width);
      tiles.toStride = e.index(winogradStride(points.elements()));
      tiles.count = e.index(points.axes[2].extent);
      callOnTiles(e, walk, tiles, isSource ? sourceTransform : gradientTransform);
    });
  });
}

//===-- Weights -----------------------------------------------------------===//

/// Counts the vectors of a weight [O, I, T, 3, 3] that lie side by side for each tap: over channel blocks, T,
/// and the channels of the contraction.
namespace {
struct WeightVectors {
  int64_t blocks, frames, reduce, lanes;

  WeightVectors(kernel::WinogradOp op, const WeightBlocks &weight)
      : reduce(weight.reduce), lanes(weight.vector) {
    auto type = tensorOf(op.getWeight());
    frames = type.getDimSize(2);
    blocks = kernel::layoutOf(type).storedElements(type.getShape()) / (frames * 9 * reduce * lanes);
  }
};
} // namespace

/// Returns the blocks of channels in which both the weight's taps and the result's points lie; nothing where
/// one of them does not lie in such blocks.
static std::optional<WeightBlocks> blocksOf(kernel::WinogradOp op, const Machine &machine) {
  auto blocks = weightBlocksOf(tensorOf(op.getWeight()));
  bool fits = blocks && blocks->vector == machine.vector &&
              kernel::layoutOf(tensorOf(op.getResult())) == winogradWeight(op.getContext(), *blocks);
  return fits ? blocks : std::nullopt;
}

double kinema::cpu::secondsOfPoints(const Rates &rates, RankedTensorType points) {
  constexpr double bytesACycle = 4;
  return secondsOf(rates, cyclesOverMachines(kernel::storedBytes(points) / bytesACycle));
}

std::optional<kernel::ScheduleAttr> kinema::cpu::winogradWeightSchedule(kernel::WinogradOp op,
                                                                        const Machine &machine) {
  auto blocks = blocksOf(op, machine);
  if (!blocks)
    return std::nullopt;
  constexpr int64_t mostBlocks = 64;
  int64_t grid = std::min(mostBlocks, WeightVectors(op, *blocks).blocks);
  return makeSchedule(op.getContext(), winogradWeightName, {grid});
}

void kinema::cpu::emitWinogradWeight(kernel::WinogradOp op, KernelEmitter &e) {
  WeightVectors vectors(op, *blocksOf(op, e.machine));
  int64_t lanes = vectors.lanes;
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
        for (int64_t i = 0; i < 9; ++i) // for the data gradient, windows are turned round
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
