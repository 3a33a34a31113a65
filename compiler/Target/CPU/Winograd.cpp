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

std::vector<shape::Tap> kinema::cpu::winogradTaps(const shape::Phase &phase, const shape::Size3 &tile) {
  std::vector<shape::Tap> taps;
  for (shape::Tap tap : phase.taps) {
    bool isFirst = true;
    for (int axis = 0; axis < 3; ++axis)
      if (tile[axis] > 1) {
        isFirst &= tap.index[axis] == 0;
        tap.shift[axis] = 0;
      }
    if (isFirst)
      taps.push_back(tap);
  }
  return taps;
}

SmallVector<shape::Size3> kinema::cpu::winogradTiles(const shape::Window &window) {
  auto fitting = [&](ArrayRef<shape::Size3> tiles) {
    return llvm::filter_to_vector(
        tiles, [&](const shape::Size3 &tile) { return kernel::winogradFits(window, tile); });
  };
  auto planes = fitting({{1, 2, 2}, {1, 4, 4}, {4, 4, 4}});
  return planes.empty() ? fitting({{2, 1, 1}, {4, 1, 1}}) : planes;
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
static SmallVector<Value> sourceTransform(Arithmetic a, int64_t results, ArrayRef<Value> d) {
  KernelEmitter &e = a.e;
  if (results == 2)
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
static SmallVector<Value> resultTransform(Arithmetic a, int64_t results, ArrayRef<Value> m) {
  KernelEmitter &e = a.e;
  Value sum = e.addf(m[1], m[2]), difference = e.subf(m[1], m[2]);
  if (results == 2)
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
static SmallVector<Value> gradientTransform(Arithmetic a, int64_t results, ArrayRef<Value> y) {
  KernelEmitter &e = a.e;
  if (results == 2)
    return {y[0], e.addf(y[0], y[1]), e.subf(y[0], y[1]), a.times(-1, y[1])};
  Value even = e.addf(y[0], y[2]), odd = e.addf(y[1], y[3]);
  Value even2 = a.plus(4, y[2], y[0]), odd2 = a.times(2, a.plus(4, y[3], y[1]));
  return {y[0], e.addf(even, odd), e.subf(even, odd), e.addf(even2, odd2), e.subf(even2, odd2), y[3]};
}

/// Returns G^T u, by the transpose of the weight's matrix.
static SmallVector<Value> weightGradTransform(Arithmetic a, int64_t results, ArrayRef<Value> u) {
  KernelEmitter &e = a.e;
  Value sum = e.addf(u[1], u[2]), difference = e.subf(u[1], u[2]);
  if (results == 2)
    return {a.plus(0.5f, sum, u[0]), a.times(0.5f, difference), a.plus(0.5f, sum, u[3])};
  Value sum2 = e.addf(u[3], u[4]), difference2 = e.subf(u[3], u[4]);
  return {a.plus(-1.0f / 6, sum, a.plus(1.0f / 24, sum2, a.times(0.25f, u[0]))),
          a.plus(-1.0f / 6, difference, a.times(1.0f / 12, difference2)),
          a.plus(-1.0f / 6, sum, a.plus(1.0f / 6, sum2, u[5]))};
}

//===-- Tiles -------------------------------------------------------------===//

namespace {

/// Says how a transform walks a tile, from one cuboid of elements to another.
struct TileWalk {
  StringRef name;
  shape::Size3 tile; // results
  int64_t width;     // lanes of a vector
  shape::Size3 from, to;
  bool fromRows, toRows; // whether the elements of a row lie side by side
};

using AxisTransform = function_ref<SmallVector<Value>(Arithmetic, int64_t results, ArrayRef<Value>)>;

} // namespace

/// Returns the taps of a window along the axes that are tiled.
static shape::Size3 windowOf(shape::Size3 tile) {
  for (int64_t &results : tile)
    results = results == 1 ? 1 : 3;
  return tile;
}

static SmallVector<shape::Size3> placesIn(const shape::Size3 &size) {
  SmallVector<shape::Size3> places;
  for (int64_t t = 0; t < size[0]; ++t)
    for (int64_t h = 0; h < size[1]; ++h)
      for (int64_t w = 0; w < size[2]; ++w)
        places.push_back({t, h, w});
  return places;
}

/// Applies `transform` to each line along an axis of a cuboid of values, whose size there becomes another.
static SmallVector<Value> alongAxis(ArrayRef<Value> values, shape::Size3 &size, int axis,
                                    function_ref<SmallVector<Value>(ArrayRef<Value>)> transform) {
  int64_t inner = shape::product(size) / size[0], length = size[axis];
  for (int i = 1; i <= axis; ++i)
    inner /= size[i];
  SmallVector<Value> results;
  for (size_t outer = 0; outer < values.size(); outer += length * inner) {
    SmallVector<SmallVector<Value>> lines;
    for (int64_t i = 0; i < inner; ++i) {
      SmallVector<Value> line;
      for (int64_t k = 0; k < length; ++k)
        line.push_back(values[outer + k * inner + i]);
      lines.push_back(transform(line));
    }
    size[axis] = lines.front().size();
    for (int64_t k = 0; k < size[axis]; ++k)
      for (const auto &line : lines)
        results.push_back(line[k]);
  }
  return results;
}

/// Applies `transform` along each axis of the tile in turn.
static SmallVector<Value> alongTiledAxes(SmallVector<Value> values, shape::Size3 size,
                                         const shape::Size3 &tile, Arithmetic arithmetic,
                                         AxisTransform transform) {
  for (int axis = 0; axis < 3; ++axis)
    if (tile[axis] > 1)
      values = alongAxis(values, size, axis,
                         [&](ArrayRef<Value> line) { return transform(arithmetic, tile[axis], line); });
  return values;
}

static void appendPlaces(KernelEmitter &e, const TilePlaces &places, SmallVectorImpl<Value> &list) {
  list.append({places.buffer, places.first, places.step});
  for (int64_t stride : places.strides)
    list.push_back(e.index(stride));
}

/// Calls a function that applies the transform to `count` tiles, by the places that its arguments are.
static void callOnTiles(KernelEmitter &e, const TileWalk &walk, const TilePlaces &from, const TilePlaces &to,
                        Value count, AxisTransform transform) {
  std::string name = walk.name.str();
  for (int64_t number : {walk.tile[0], walk.tile[1], walk.tile[2], walk.width})
    name += "_" + std::to_string(number);
  SmallVector<Value> arguments;
  appendPlaces(e, from, arguments);
  appendPlaces(e, to, arguments);
  arguments.push_back(count);
  constexpr unsigned placeArguments = 6;
  callShared(e, name, arguments, [&](KernelEmitter &e, ValueRange arguments) {
    ValueRange from = arguments.take_front(placeArguments),
               to = arguments.slice(placeArguments, placeArguments);
    auto position = [&](ValueRange places, Value tile, const shape::Size3 &at, bool rows) {
      Value position = e.add(places[1], e.mul(tile, places[2]));
      for (int axis = 0; axis < 3; ++axis)
        if (at[axis] > 0)
          position = axis == 2 && rows ? e.add(position, at[axis] * walk.width)
                                       : e.add(position, e.mul(places[3 + axis], at[axis]));
      return position;
    };
    e.loop(e.index(0), arguments.back(), 1, [&](Value tile) {
      SmallVector<Value> elements;
      for (const shape::Size3 &at : placesIn(walk.from))
        elements.push_back(e.loadVector(from[0], position(from, tile, at, walk.fromRows), walk.width));
      auto results = alongTiledAxes(elements, walk.from, walk.tile, {e, walk.width}, transform);
      for (auto [at, value] : llvm::zip_equal(placesIn(walk.to), results))
        e.storeVector(value, to[0], position(to, tile, at, walk.toRows));
    });
  });
}

void kinema::cpu::callWinogradResult(KernelEmitter &e, const shape::Size3 &tile, const TilePlaces &points,
                                     const TilePlaces &results, Value count) {
  TileWalk walk{"winograd_result", tile, e.machine.vector, winogradPoints(tile), tile, false, true};
  callOnTiles(e, walk, points, results, count, resultTransform);
}

void kinema::cpu::callWinogradWeightGrad(KernelEmitter &e, const shape::Size3 &tile, const TilePlaces &points,
                                         const TilePlaces &taps, Value count) {
  TileWalk walk{"winograd_wgrad", tile, e.machine.vector, winogradPoints(tile), windowOf(tile), false, false};
  callOnTiles(e, walk, points, taps, count, weightGradTransform);
}

StagedBox kinema::cpu::winogradBox(WinogradInput input, const shape::Size3 &tile, const StagedBox &box) {
  StagedBox points = box;
  for (int axis = 0; axis < 3; ++axis)
    if (tile[axis] > 1) {
      int64_t overlap = input == WinogradInput::Source ? 2 : 0;
      points.axes[axis] = {(box.axes[axis].extent - overlap) / tile[axis], 1, 0, 1};
    }
  return points;
}

void kinema::cpu::emitWinogradTiles(KernelEmitter &e, WinogradInput input, const shape::Size3 &tile,
                                    const StagedBox &box, Value boxAt, Value pointsAt) {
  StagedBox points = winogradBox(input, tile, box);
  bool isSource = input == WinogradInput::Source;
  TileWalk walk{isSource ? "winograd_source" : "winograd_gradient",
                tile,
                box.width,
                isSource ? winogradPoints(tile) : tile,
                winogradPoints(tile),
                true,
                false};
  shape::Size3 boxStrides = {box.frameStride(), box.rowStride(), box.width};
  e.loop(box.clips * box.blocks, [&](Value plane) {
    e.loop(points.axes[0].extent, [&](Value frame) {
      e.loop(points.axes[1].extent, [&](Value line) {
        auto at = [&](const StagedBox &in, Value first, int64_t frames, int64_t lines) {
          Value place = e.add(e.mul(plane, in.blockStride()), e.mul(frame, frames * in.frameStride()));
          return e.add(first, e.add(place, e.mul(line, lines * in.rowStride())));
        };
        TilePlaces from{e.scratch, at(box, boxAt, tile[0], tile[1]), e.index(tile[2] * box.width),
                        boxStrides};
        TilePlaces to{e.scratch, at(points, pointsAt, 1, 1), e.index(points.width),
                      pointStrides(tile, winogradStride(points.elements()))};
        callOnTiles(e, walk, from, to, e.index(points.axes[2].extent),
                    isSource ? sourceTransform : gradientTransform);
      });
    });
  });
}

//===-- Weights -----------------------------------------------------------===//

/// Counts the vectors of a weight [O, I, T, H, W] that lie side by side for each tap: over channel blocks,
/// taps, and the channels of the contraction.
namespace {
struct WeightVectors {
  int64_t blocks, reduce, lanes;
  shape::Size3 taps;

  WeightVectors(kernel::WinogradOp op, const WeightBlocks &weight)
      : reduce(weight.reduce), lanes(weight.vector) {
    auto type = tensorOf(op.getWeight());
    llvm::copy(type.getShape().take_back(3), taps.begin());
    blocks = kernel::layoutOf(type).storedElements(type.getShape()) / (shape::product(taps) * reduce * lanes);
  }
};
} // namespace

/// Returns the blocks of channels in which both the weight's taps and the result's points lie; nothing where
/// one of them does not lie in such blocks.
static std::optional<WeightBlocks> blocksOf(kernel::WinogradOp op, const Machine &machine) {
  auto blocks = weightBlocksOf(tensorOf(op.getWeight()));
  bool fits =
      blocks && blocks->vector == machine.vector &&
      kernel::layoutOf(tensorOf(op.getResult())) == winogradWeight(op.getContext(), *blocks, op.getTile());
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

/// Brings one vector of a window's taps to its points, by places in the weight and in the result.
static void emitWeightPoints(kernel::WinogradOp op, KernelEmitter &e, const TilePlaces &from,
                             const TilePlaces &to) {
  int64_t lanes = e.machine.vector;
  shape::Size3 tile = op.getTile(), window = windowOf(tile);
  auto position = [&](const TilePlaces &places, const shape::Size3 &at) {
    int64_t distance = 0;
    for (int axis = 0; axis < 3; ++axis)
      distance += at[axis] * places.strides[axis];
    return e.add(places.first, distance);
  };
  SmallVector<Value> taps;
  for (shape::Size3 at : placesIn(window)) {
    for (int axis = 0; axis < 3 && op.getTurned(); ++axis)
      at[axis] = window[axis] - 1 - at[axis];
    taps.push_back(e.loadVector(from.buffer, position(from, at), lanes));
  }
  auto points = alongTiledAxes(taps, window, tile, {e, lanes}, weightTransform);
  for (auto [at, value] : llvm::zip_equal(placesIn(winogradPoints(tile)), points))
    e.storeVector(value, to.buffer, position(to, at));
}

void kinema::cpu::emitWinogradWeight(kernel::WinogradOp op, KernelEmitter &e) {
  WeightVectors vectors(op, *blocksOf(op, e.machine));
  shape::Size3 tile = op.getTile(), rest = winogradWindow(vectors.taps, tile);
  int64_t tap = vectors.reduce * vectors.lanes, allTaps = shape::product(vectors.taps);
  shape::Size3 tapStrides = {vectors.taps[1] * vectors.taps[2] * tap, vectors.taps[2] * tap, tap};
  shape::Size3 strides = pointStrides(tile, vectors.blocks * shape::product(rest) * tap);
  Shares shares{vectors.blocks, op.getSchedule()->getGrid()};
  e.forEachBlock([&](Value part) {
    auto [from, to] = emitShare(e, shares, part);
    e.loop(from, to, 1, [&](Value block) {
      for (auto [i, at] : llvm::enumerate(placesIn(rest))) {
        int64_t first = 0;
        for (int axis = 0; axis < 3; ++axis)
          first += at[axis] * tapStrides[axis];
        e.loop(vectors.reduce, [&](Value channel) {
          Value row = e.mul(channel, vectors.lanes);
          Value source = e.add(e.add(e.mul(block, allTaps * tap), row), first);
          Value target = e.add(e.add(e.mul(block, shape::product(rest) * tap), row), i * tap);
          emitWeightPoints(op, e, {e.operands[0], source, {}, tapStrides},
                           {e.results[0], target, {}, strides});
        });
      }
    });
  });
}
