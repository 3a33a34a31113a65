// Lowers what goes through a tensor in its storage order: changes of layout or shape, and the folding of a
// scale.
#include "compiler/Target/Common/ReferenceOps.h"
#include "dialects/Kernel/Terms.h"
#include "dialects/Kernel/WidenedWeights.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::reference;

namespace {
/// Takes `size` steps of `step` along a logical axis.
struct Level {
  int64_t axis, size, step;
};

/// A StorageNest is one loop nest in which every tensor's flat position is a sum of counter * stride. Its
/// loops are those of the result's storage order, each split where another tensor's layout blocks its axis
/// more finely.
class StorageNest {
public:
  StorageNest(const Machine &machine, ArrayRef<RankedTensorType> sources, RankedTensorType result);

  int64_t grid() const {
    return std::min<int64_t>(shape::ceilDiv(outerIterations, machine.threads), machine.blocks);
  }
  int64_t perBlock() const { return shape::ceilDiv(outerIterations, grid()); }
  Blocks blocks() const { return {grid(), 0, perBlock()}; }

  /// Calls `element(positions of the sources)` for each element of the block, or for a vector of elements in
  /// a row where all layouts allow it, and stores what it returns in `target`, from element `first` on;
  /// stores zero where the result has padding.
  void emit(KernelEmitter &e, Value block, Value target,
            function_ref<Value(ArrayRef<Value>, int64_t)> element, int64_t first = 0);

private:
  struct State {
    SmallVector<Value> sources; // flat positions
    Value result;
    SmallVector<Value> coordinates; // one for each axis
  };
  /// Says whether padding may be met from here on.
  enum class Padding { Unknown, None, Checked };

  bool ragged(int64_t axis) const;
  int64_t reach(int64_t axis, unsigned depth) const;
  Value within(KernelEmitter &e, unsigned depth, const State &state) const;
  State step(KernelEmitter &e, const State &state, const Level &level, Value counter) const;
  void loops(KernelEmitter &e, unsigned depth, const State &state, Padding padding);
  void store(KernelEmitter &e, const State &state, Padding padding);

  const Machine &machine;
  SmallVector<RankedTensorType> sources;
  RankedTensorType result;
  SmallVector<Level> levels;
  unsigned outerLevels = 0;    // levels that are flattened into the grid
  int64_t outerIterations = 1; // iterations of these levels
  int64_t width = 1;           // vector width of the innermost level
  function_ref<Value(ArrayRef<Value>, int64_t)> element;
  Value target;
};
} // namespace

int64_t reference::strideOf(RankedTensorType type, int64_t axis, int64_t step) {
  auto order = kernel::layoutOf(type).order(type.getShape());
  int64_t stride = 1, best = 0, bestStep = 0;
  for (const auto &loop : llvm::reverse(order)) {
    if (loop.axis == axis && loop.step <= step && loop.step > bestStep) {
      bestStep = loop.step;
      best = stride * (step / loop.step);
    }
    stride *= loop.size;
  }
  return best;
}

/// Returns the same for a level's steps.
static int64_t strideOf(RankedTensorType type, const Level &level) {
  return reference::strideOf(type, level.axis, level.step);
}

int64_t reference::storedExtent(RankedTensorType type, int64_t axis) {
  int64_t last = 0;
  for (const auto &loop : kernel::layoutOf(type).order(type.getShape()))
    if (loop.axis == axis)
      last += (loop.size - 1) * loop.step;
  return last + 1;
}

/// Returns all steps at which one of the tensors cuts the axis, largest first.
static SmallVector<int64_t> stepsOf(ArrayRef<RankedTensorType> types, int64_t axis) {
  SmallVector<int64_t> steps;
  for (RankedTensorType type : types)
    for (const auto &loop : kernel::layoutOf(type).order(type.getShape()))
      if (loop.axis == axis && !llvm::is_contained(steps, loop.step))
        steps.push_back(loop.step);
  llvm::sort(steps, std::greater<>());
  return steps;
}

StorageNest::StorageNest(const Machine &machine, ArrayRef<RankedTensorType> sources, RankedTensorType result)
    : machine(machine), sources(sources), result(result) {
  SmallVector<RankedTensorType> all(sources);
  all.push_back(result);
  // Each of the result's loops covers the steps from its own up to the next coarser one of its axis.
  DenseMap<int64_t, int64_t> covered; // the finest step so far, by axis
  for (const auto &loop : kernel::layoutOf(result).order(result.getShape()))
    for (int64_t step : stepsOf(all, loop.axis)) {
      auto found = covered.find(loop.axis);
      if (step < loop.step || (found != covered.end() && step >= found->second))
        continue;
      int64_t size =
          shape::ceilDiv(found != covered.end() ? found->second : storedExtent(result, loop.axis), step);
      levels.push_back({loop.axis, size, step});
      covered[loop.axis] = step;
    }
  const Level &last = levels.back();
  bool inRow = last.size % machine.vector == 0 &&
               llvm::all_of(all, [&](auto type) { return strideOf(type, last) == 1; });
  width = inRow ? machine.vector : 1;
  // Threads take what lies side by side, so all loops are flattened down to a vector.
  bool shares = machine.threads > 1;
  if (shares && inRow) {
    Level row = levels.pop_back_val();
    levels.push_back({row.axis, row.size / width, row.step * width});
    levels.push_back({row.axis, width, row.step});
  }
  size_t most = shares && !inRow ? levels.size() : levels.size() - 1;
  while (outerLevels < most && (shares || outerIterations < machine.blocks))
    outerIterations *= levels[outerLevels++].size;
}

/// Returns how far the levels from `depth` on go along an axis.
int64_t StorageNest::reach(int64_t axis, unsigned depth) const {
  int64_t last = 0;
  for (const Level &level : ArrayRef(levels).drop_front(depth))
    last += level.axis == axis ? (level.size - 1) * level.step : 0;
  return last + 1;
}

/// Returns whether the axis has padding in the nest.
bool StorageNest::ragged(int64_t axis) const { return reach(axis, 0) > result.getDimSize(axis); }

/// Returns whether all that the levels from `depth` on reach is inside the logical shape; null: always.
Value StorageNest::within(KernelEmitter &e, unsigned depth, const State &state) const {
  Value inside;
  for (int64_t axis = 0; axis < result.getRank(); ++axis) {
    if (!ragged(axis))
      continue;
    Value fits = e.inRange(e.add(state.coordinates[axis], reach(axis, depth) - 1), result.getDimSize(axis));
    inside = inside ? e.both(inside, fits) : fits;
  }
  return inside;
}

StorageNest::State StorageNest::step(KernelEmitter &e, const State &state, const Level &level,
                                     Value counter) const {
  State next = state;
  for (auto [position, type] : llvm::zip(next.sources, sources))
    position = e.add(position, e.mul(counter, strideOf(type, level)));
  next.result = e.add(next.result, e.mul(counter, strideOf(result, level)));
  next.coordinates[level.axis] = e.add(next.coordinates[level.axis], e.mul(counter, level.step));
  return next;
}

void StorageNest::emit(KernelEmitter &e, Value block, Value buffer,
                       function_ref<Value(ArrayRef<Value>, int64_t)> compute, int64_t first) {
  element = compute;
  target = buffer;
  Value from = e.mul(block, perBlock()), to = e.min(e.add(from, perBlock()), e.index(outerIterations));
  e.spread(from, to, [&](Value outer) {
    State state{SmallVector<Value>(sources.size(), e.index(0)), e.index(first),
                SmallVector<Value>(result.getRank(), e.index(0))};
    int64_t inner = outerIterations;
    for (unsigned depth = 0; depth < outerLevels; ++depth) {
      inner /= levels[depth].size;
      state = step(e, state, levels[depth], e.rem(e.div(outer, inner), levels[depth].size));
    }
    bool anyRagged = llvm::any_of(levels, [&](const Level &level) { return ragged(level.axis); });
    loops(e, outerLevels, state, anyRagged ? Padding::Unknown : Padding::None);
  });
}

void StorageNest::loops(KernelEmitter &e, unsigned depth, const State &state, Padding padding) {
  if (depth == levels.size())
    return store(e, state, padding);
  // Inside the coarse loops, each block is checked as a whole, and those without padding need no further
  // checks.
  bool fine = llvm::all_of(ArrayRef(levels).drop_front(depth), [&](const Level &level) {
    return llvm::any_of(ArrayRef(levels).take_front(depth),
                        [&](const Level &l) { return l.axis == level.axis; });
  });
  if (padding == Padding::Unknown && fine)
    return e.when(
        within(e, depth, state), [&] { loops(e, depth, state, Padding::None); },
        [&] { loops(e, depth, state, Padding::Checked); });
  const Level &level = levels[depth];
  bool inRow = depth + 1 == levels.size() && padding == Padding::None;
  e.loop(e.index(0), e.index(level.size), inRow ? width : 1,
         [&](Value counter) { loops(e, depth + 1, step(e, state, level, counter), padding); });
}

void StorageNest::store(KernelEmitter &e, const State &state, Padding padding) {
  if (padding == Padding::None)
    return e.storeElements(element(state.sources, width), target, state.result);
  Value value =
      e.select(within(e, levels.size(), state), [&] { return element(state.sources, 1); }, e.zero(1));
  // Another tensor may be padded further than the result.
  Value stored = e.inRange(e.index(0), 1);
  for (int64_t axis = 0; axis < result.getRank(); ++axis)
    if (int64_t extent = storedExtent(result, axis); extent < reach(axis, 0))
      stored = e.both(stored, e.inRange(state.coordinates[axis], extent));
  e.when(stored, [&] { e.store(value, target, state.result); });
}

//===-- Convert -----------------------------------------------------------===//

/// Returns whether one loop nest serves both layouts: they have the same shape, and each axis is cut in steps
/// that divide one another.
static bool sharesNest(RankedTensorType x, RankedTensorType result) {
  if (x.getShape() != result.getShape())
    return false;
  for (int64_t axis = 0; axis < result.getRank(); ++axis) {
    auto steps = stepsOf({x, result}, axis);
    for (size_t i = 0; i + 1 < steps.size(); ++i)
      if (steps[i] % steps[i + 1])
        return false;
  }
  return result.getRank() > 0;
}

SmallVector<Value> reference::coordinatesOf(KernelEmitter &e, RankedTensorType type, Value at) {
  SmallVector<Value> coordinates(type.getRank(), e.index(0));
  int64_t inner = 1;
  auto order = kernel::layoutOf(type).order(type.getShape());
  for (const auto &loop : llvm::reverse(order)) {
    Value counter = e.rem(e.div(at, inner), loop.size);
    coordinates[loop.axis] = e.add(coordinates[loop.axis], e.mul(counter, loop.step));
    inner *= loop.size;
  }
  return coordinates;
}

/// Returns the type of one of the terms that lie one behind the other in a tensor.
static RankedTensorType typeOfTerm(RankedTensorType terms) {
  return RankedTensorType::get(terms.getShape().drop_front(), terms.getElementType(),
                               kernel::layoutOf(terms).withRank(terms.getRank() - 1));
}

namespace {
/// A Conversion is one tensor of several that are converted.
struct Conversion {
  RankedTensorType from, to; // to: each of the terms, where these are made
  int64_t groups;            // of the conv for which a weight is widened; 1: it is not
  int64_t terms;             // that are made of a number; 1: itself

  Conversion(kernel::ConvertOp op, unsigned i)
      : from(tensorOf(op.getInputs()[i])), to(tensorOf(op.getResult(i))),
        groups(kernel::widenedGroups(op)[i]), terms(kernel::makesTerms(from, to) ? kernel::terms : 1) {
    if (terms > 1)
      to = typeOfTerm(to);
  }

  Blocks blocks(const Machine &machine) const {
    return sharesNest(from, to) ? StorageNest(machine, from, to).blocks()
                                : flatBlocks(machine, storedElements(to));
  }
  /// Writes one term after the other.
  void emit(KernelEmitter &e, Value block, Value source, Value target) const {
    for (int64_t term = 0; term < terms; ++term)
      emitTerm(e, block, source, target, term);
  }
  void emitTerm(KernelEmitter &e, Value block, Value source, Value target, int64_t term) const {
    if (!sharesNest(from, to))
      return reshape(e, block, source, target, term);
    StorageNest(e.machine, from, to)
        .emit(
            e, block, target,
            [&](ArrayRef<Value> at, int64_t width) {
              return termOf(e, e.loadElements(source, at[0], width), term);
            },
            term * storedElements(to));
  }
  /// Returns a term of a number, in f32.
  Value termOf(KernelEmitter &e, Value value, int64_t term) const {
    return terms == 1 ? value : e.asF32(e.termsOf(value)[term]);
  }
  void reshape(KernelEmitter &e, Value block, Value source, Value target, int64_t term) const;
  SmallVector<Value> sourceOf(KernelEmitter &e, ArrayRef<Value> coordinates) const;
  SmallVector<Value> narrowed(KernelEmitter &e, ArrayRef<Value> coordinates, Value &exists) const;
};
} // namespace

/// Returns the coordinates of the element that has the same row-major index.
SmallVector<Value> Conversion::sourceOf(KernelEmitter &e, ArrayRef<Value> coordinates) const {
  Value index = e.index(0);
  for (auto [coordinate, size] : llvm::zip(coordinates, to.getShape()))
    index = e.add(e.mul(index, size), coordinate);
  SmallVector<Value> source(from.getRank());
  for (int64_t axis = from.getRank(); axis-- > 0; index = e.div(index, from.getDimSize(axis)))
    source[axis] = e.rem(index, from.getDimSize(axis));
  return source;
}

/// Returns the coordinates of an element of a weight that was widened; it `exists` only if its input is one
/// of its output's own group.
SmallVector<Value> Conversion::narrowed(KernelEmitter &e, ArrayRef<Value> coordinates, Value &exists) const {
  int64_t inputs = from.getDimSize(1), together = to.getDimSize(1) / inputs;
  Value group = e.rem(e.div(coordinates[0], from.getDimSize(0) / groups), together);
  Value ofInput = e.div(coordinates[1], inputs);
  exists = e.both(exists, arith::CmpIOp::create(e.b, e.loc, arith::CmpIPredicate::eq, ofInput, group));
  SmallVector<Value> source(coordinates);
  source[1] = e.rem(coordinates[1], inputs);
  return source;
}

/// Copies element by element.
void Conversion::reshape(KernelEmitter &e, Value block, Value input, Value target, int64_t term) const {
  int64_t elements = storedElements(to), piece = shape::ceilDiv(elements, flatGrid(e.machine, elements));
  Value first = e.mul(block, piece), end = e.min(e.add(first, piece), e.index(elements));
  e.spread(first, end, [&](Value at) {
    auto coordinates = coordinatesOf(e, to, at);
    Value inside = e.inRange(e.index(0), 1);
    for (auto [coordinate, size] : llvm::zip(coordinates, to.getShape()))
      inside = e.both(inside, e.inRange(coordinate, size));
    auto source = groups > 1 ? narrowed(e, coordinates, inside) : sourceOf(e, coordinates);
    Value value = e.select(inside, [&] { return e.load(input, e.position(from, source)); }, e.zero(1));
    e.store(termOf(e, value, term), target, term ? e.add(at, term * elements) : at);
  });
}

static LaunchParts partsOf(kernel::ConvertOp op, const Machine &machine) {
  LaunchParts parts;
  for (unsigned i = 0; i < op.getNumOperands(); ++i) {
    Conversion conversion(op, i);
    auto how = RankedTensorType::get({conversion.groups, conversion.terms}, IndexType::get(op.getContext()));
    parts.add(conversion.blocks(machine), {conversion.from, conversion.to, how});
  }
  return parts;
}

static Blocks blocksOf(kernel::ConvertOp op, const Machine &machine) { return partsOf(op, machine).blocks(); }

static void emit(kernel::ConvertOp op, KernelEmitter &e) {
  LaunchParts parts = partsOf(op, e.machine);
  e.forEachBlock([&](Value block) {
    auto buffersOf = [&](int64_t i) { return SmallVector<Value>{e.operands[i], e.results[i]}; };
    parts.visit(e, block, buffersOf, [&](int64_t i, Value block, ValueRange buffers) {
      Conversion(op, i).emit(e, block, buffers[0], buffers[1]);
    });
  });
}

//===-- Fold --------------------------------------------------------------===//

static StorageNest nestOf(kernel::FoldOp op, const Machine &machine) {
  return StorageNest(machine, {tensorOf(op.getWeight()), tensorOf(op.getScale())}, tensorOf(op.getResult()));
}

static Blocks blocksOf(kernel::FoldOp op, const Machine &machine) { return nestOf(op, machine).blocks(); }

static void emit(kernel::FoldOp op, KernelEmitter &e) {
  StorageNest nest = nestOf(op, e.machine);
  e.forEachBlock([&](Value block) {
    nest.emit(e, block, e.results[0], [&](ArrayRef<Value> at, int64_t width) {
      return e.mulf(e.loadElements(e.operands[0], at[0], width), e.loadElements(e.operands[1], at[1], width));
    });
  });
}

ArrayRef<Lowering> reference::copyLowerings() {
  static const Lowering rows[] = {loweringOf<kernel::ConvertOp, blocksOf, emit>(),
                                  loweringOf<kernel::FoldOp, blocksOf, emit>()};
  return rows;
}
