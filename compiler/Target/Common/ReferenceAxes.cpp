// Lowers what goes along axes: their arrangement, and statistics over some of them.
#include "compiler/Target/Common/ReferenceOps.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include <optional>

using namespace mlir;
using namespace kinema;
using namespace kinema::reference;

//===-- Arrange -----------------------------------------------------------===//

namespace {
/// Computes each stored element of the result, or vectors of its channels.
struct Arrange {
  clip::ArrangementAttr how;
  RankedTensorType from, to;
  int64_t width = 1;                  // channels that are computed at once
  std::optional<int64_t> stride = {}; // how far apart they lie in the source; nothing: side by side

  Arrange(kernel::ArrangeOp op, const Machine &machine);

  void emit(KernelEmitter &e, Value source, Value target, Value at, int64_t width) const;

private:
  std::optional<int64_t> strideOfLanes() const;
  SmallVector<Value> numbersOf(KernelEmitter &e, ValueRange coordinates) const;
  Value total(KernelEmitter &e, Value source, SmallVector<Value> &numbers, ArrayRef<int64_t> summed,
              Value lanes, int64_t width) const;
  Value load(KernelEmitter &e, Value source, ArrayRef<Value> numbers, Value lanes, int64_t width) const;
};
} // namespace

/// Returns whether channels lie side by side in blocks of whole vectors.
static bool endsInChannels(RankedTensorType type, int64_t vector) {
  auto order = kernel::layoutOf(type).order(type.getShape());
  return order.back().axis == 1 && order.back().step == 1 && order.back().size % vector == 0;
}

Arrange::Arrange(kernel::ArrangeOp op, const Machine &machine)
    : how(op.getHow()), from(tensorOf(op.getX())), to(tensorOf(op.getResult())) {
  ArrayRef<int64_t> source = how.sourceFactors(1), target = how.targetFactors(1);
  if (!endsInChannels(to, machine.vector) || target.empty())
    return;
  bool isWhole = how.getSizes()[target.back()] % machine.vector == 0;
  // Where channels stay what they are, both sides have the same padding.
  bool isSame = source == target;
  if ((isSame || (isWhole && !source.empty() && source.back() == target.back())) &&
      endsInChannels(from, machine.vector)) {
    width = machine.vector;
    return;
  }
  // Threads that share a block store neighbouring elements of one vector together.
  std::optional<int64_t> found = strideOfLanes();
  if (machine.threads == 1 && found && (isWhole || target.size() == 1)) {
    width = machine.vector;
    stride = found;
  }
}

/// Returns how far apart in the source lies what the lanes of a vector take of it; nothing where they do not
/// lie along an axis other than the channels.
std::optional<int64_t> Arrange::strideOfLanes() const {
  int64_t lanes = how.targetFactors(1).back();
  for (unsigned axis = 0; axis < 5; ++axis) {
    ArrayRef<int64_t> factors = how.sourceFactors(axis);
    const int64_t *found = llvm::find(factors, lanes);
    if (found == factors.end())
      continue;
    int64_t step = 1;
    for (int64_t inner : ArrayRef(found + 1, factors.end()))
      step *= how.getSizes()[inner];
    return axis == 1 ? std::nullopt : std::optional(strideOf(from, axis, step));
  }
  return 0; // they repeat one element
}

/// Returns the number of each factor of the result; null for the others.
SmallVector<Value> Arrange::numbersOf(KernelEmitter &e, ValueRange coordinates) const {
  SmallVector<Value> numbers(how.getSizes().size());
  for (auto [axis, coordinate] : llvm::enumerate(coordinates)) {
    Value rest = coordinate;
    ArrayRef<int64_t> factors = how.targetFactors(axis);
    for (auto [i, factor] : llvm::enumerate(llvm::reverse(factors))) {
      bool isFirst = i + 1 == factors.size();
      numbers[factor] = isFirst ? rest : e.rem(rest, how.getSizes()[factor]);
      rest = isFirst ? rest : e.div(rest, how.getSizes()[factor]);
    }
  }
  return numbers;
}

/// Loads the element of these numbers, or as many as there are lanes from it on. `lanes`: how many of these
/// are channels; null: all.
Value Arrange::load(KernelEmitter &e, Value source, ArrayRef<Value> numbers, Value lanes,
                    int64_t width) const {
  SmallVector<Value> coordinates;
  for (unsigned axis = 0; axis < 5; ++axis) {
    Value coordinate = e.index(0);
    for (int64_t factor : how.sourceFactors(axis))
      coordinate = e.add(e.mul(coordinate, how.getSizes()[factor]), numbers[factor]);
    coordinates.push_back(coordinate);
  }
  Value at = e.position(from, coordinates);
  if (width == 1 || !stride)
    return e.loadElements(source, at, width);
  if (stride == 0)
    return e.splat(e.load(source, at), width);
  SmallVector<Value> elements;
  for (int64_t i = 0; i < width; ++i) {
    Value lane = lanes ? e.min(e.index(i), e.sub(lanes, e.index(1))) : e.index(i);
    elements.push_back(e.load(source, e.add(at, e.mul(lane, *stride))));
  }
  return vector::FromElementsOp::create(e.b, e.loc, e.vectorType(width), elements);
}

/// Sums over the factors that are left; each loop adds up its own sum, so that sums stay exact.
Value Arrange::total(KernelEmitter &e, Value source, SmallVector<Value> &numbers, ArrayRef<int64_t> summed,
                     Value lanes, int64_t width) const {
  if (summed.empty())
    return load(e, source, numbers, lanes, width);
  int64_t factor = summed.front();
  return e.loop(e.index(0), e.index(how.getSizes()[factor]), 1, e.zero(width), [&](Value i, ValueRange sum) {
    numbers[factor] = i;
    return SmallVector<Value>{e.addf(sum[0], total(e, source, numbers, summed.drop_front(), lanes, width))};
  })[0];
}

void Arrange::emit(KernelEmitter &e, Value source, Value target, Value at, int64_t width) const {
  SmallVector<Value> coordinates = coordinatesOf(e, to, at);
  Value inside;
  for (auto [axis, coordinate] : llvm::enumerate(coordinates))
    if (storedExtent(to, axis) > to.getDimSize(axis)) {
      Value fits = e.inRange(coordinate, to.getDimSize(axis));
      inside = inside ? e.both(inside, fits) : fits;
    }
  SmallVector<Value> numbers = numbersOf(e, coordinates);
  Value lanes, channels = e.index(to.getDimSize(1));
  if (width > 1 && to.getDimSize(1) % width)
    lanes = e.min(e.sub(channels, coordinates[1]), e.index(width));
  auto compute = [&] {
    Value value = total(e, source, numbers, how.summed(), lanes, width);
    return lanes ? masked(e, firstLanes(e, lanes, width), value) : value;
  };
  e.storeElements(inside ? e.select(inside, compute, e.zero(width)) : compute(), target, at);
}

static Blocks blocksOf(kernel::ArrangeOp op, const Machine &machine) {
  return flatBlocks(machine, storedElements(tensorOf(op.getResult())));
}

static void emit(kernel::ArrangeOp op, KernelEmitter &e) {
  Arrange arrange(op, e.machine);
  e.forEachBlock([&](Value block) {
    forEachFlat(e, storedElements(arrange.to), block, arrange.width,
                [&](Value at, int64_t width) { arrange.emit(e, e.operands[0], e.results[0], at, width); });
  });
}

//===-- Statistics over axes ----------------------------------------------===//

namespace {
/// A row is what shares its statistics: of a clip, a group of channels, or one channel, at all positions
/// along the axes that statistics are over, and one along the others. A thread computes a row.
struct Rows {
  RankedTensorType type;
  ArrayRef<int64_t> over;
  int64_t groups;
  double eps;
  int64_t width;

  Rows(Operation *op, ArrayRef<int64_t> over, int64_t groups, double eps, const Machine &machine)
      : type(tensorOf(op->getResult(0))), over(over), groups(groups), eps(eps) {
    SmallVector<RankedTensorType> types = tensorTypes(op->getOperands());
    types.push_back(type);
    width = isOver(1) && channels() % machine.vector == 0 ? channelWidth(machine, types) : 1;
  }

  bool isOver(int64_t axis) const { return llvm::is_contained(over, axis); }
  /// Returns the channels of a row.
  int64_t channels() const { return isOver(1) ? type.getDimSize(1) / groups : 1; }
  /// Returns the rows along an axis.
  int64_t along(int64_t axis) const {
    return axis == 1 ? type.getDimSize(1) / channels() : isOver(axis) ? 1 : type.getDimSize(axis);
  }
  int64_t count() const {
    int64_t rows = type.getDimSize(0);
    for (int64_t axis = 1; axis < 5; ++axis)
      rows *= along(axis);
    return rows;
  }
  int64_t elements() const { return type.getNumElements() / count(); }
};

/// Goes through the elements of one row.
class Row {
public:
  Row(KernelEmitter &e, const Rows &rows, Value number) : e(e), rows(rows), first(5) {
    for (int64_t axis = 4; axis >= 0; --axis) {
      int64_t along = axis == 0 ? rows.type.getDimSize(0) : rows.along(axis);
      first[axis] = axis == 0 ? number : e.rem(number, along);
      number = e.div(number, along);
    }
    first[1] = e.mul(first[1], rows.channels());
  }

  using At = SmallVector<Value>;

  /// Adds up what `terms` returns at each element, or vector of channels; the sums are scalars.
  SmallVector<Value> sum(size_t count, function_ref<SmallVector<Value>(const At &)> terms) {
    SmallVector<Value> sums = visit(2, first, SmallVector<Value>(count, e.zero(rows.width)), terms);
    if (rows.width > 1)
      for (Value &sum : sums)
        sum = sumOfLanes(e, sum);
    return sums;
  }
  /// Stores `element` at each element, and zeros where the last row's channels are padded.
  void fill(function_ref<Value(const At &)> element) {
    visit(2, first, {}, [&](const At &at) {
      e.storeElements(element(at), e.results[0], e.position(rows.type, at));
      return SmallVector<Value>();
    });
    int64_t channels = rows.type.getDimSize(1), stored = storedChannels(rows.type);
    if (stored == channels)
      return;
    e.when(e.equal(first[1], channels - rows.channels()), [&] {
      e.loop(e.index(channels), e.index(stored), 1, [&](Value c) {
        At at = first;
        at[1] = c;
        pad(2, at);
      });
    });
  }
  Value load(unsigned operand, RankedTensorType type, const At &at) {
    return e.loadElements(e.operands[operand], e.position(type, at), rows.width);
  }
  /// Returns a scalar in all lanes of a vector.
  Value spread(Value scalar) { return rows.width > 1 ? e.splat(scalar, rows.width) : scalar; }

  KernelEmitter &e;
  const Rows &rows;

private:
  SmallVector<Value> visit(int64_t axis, At at, ValueRange sums,
                           function_ref<SmallVector<Value>(const At &)> body) {
    if (axis < 5 && !rows.isOver(axis))
      return visit(axis + 1, at, sums, body);
    bool ofChannels = axis == 5;
    Value from = ofChannels ? first[1] : e.index(0);
    Value to = ofChannels ? e.add(from, rows.channels()) : e.index(rows.type.getDimSize(axis));
    return e.loop(from, to, ofChannels ? rows.width : 1, sums, [&](Value i, ValueRange state) {
      at[ofChannels ? 1 : axis] = i;
      return ofChannels ? e.sums(state, body(at)) : visit(axis + 1, at, state, body);
    });
  }
  void pad(int64_t axis, At at) {
    if (axis == 5)
      return e.store(e.zero(1), e.results[0], e.position(rows.type, at));
    if (!rows.isOver(axis))
      return pad(axis + 1, at);
    e.loop(rows.type.getDimSize(axis), [&](Value i) {
      at[axis] = i;
      pad(axis + 1, at);
    });
  }

  At first; // the row's first element
};

/// Holds mean and 1 / sqrt(var + eps) of a row of an operand.
struct Statistics {
  Value mean, rstd; // in all lanes

  Statistics(Row &row, function_ref<Value(const Row::At &)> x) {
    KernelEmitter &e = row.e;
    Value share = e.constant(float(1.0 / double(row.rows.elements())));
    mean = row.spread(
        e.mulf(row.sum(1, [&](const Row::At &at) { return SmallVector<Value>{x(at)}; })[0], share));
    Value squares = row.sum(1, [&](const Row::At &at) {
      Value distance = e.subf(x(at), mean);
      return SmallVector<Value>{e.mulf(distance, distance)};
    })[0];
    Value variance = e.addf(e.mulf(squares, share), e.constant(float(row.rows.eps)));
    rstd = row.spread(e.divf(e.constant(1), math::SqrtOp::create(e.b, e.loc, variance)));
  }
};
} // namespace

template <typename Op> static Rows rowsOf(Op op, const Machine &machine) {
  return Rows(op, op.getOver(), op.getGroups(), op.getEps().convertToDouble(), machine);
}

template <typename Op> static Blocks rowBlocks(Op op, const Machine &machine) {
  Rows rows = rowsOf(op, machine);
  return itemBlocks(machine, rows.count(), rows.elements());
}

static void emit(kernel::StandardiseOp op, KernelEmitter &e) {
  Rows rows = rowsOf(op, e.machine);
  RankedTensorType type = tensorOf(op.getX());
  forEachItem(e, rows.count(), rows.elements(), [&](Value number) {
    Row row(e, rows, number);
    auto x = [&](const Row::At &at) { return row.load(0, type, at); };
    Statistics statistics(row, x);
    row.fill([&](const Row::At &at) { return e.mulf(e.subf(x(at), statistics.mean), statistics.rstd); });
  });
}

static void emit(kernel::StandardiseGradOp op, KernelEmitter &e) {
  Rows rows = rowsOf(op, e.machine);
  RankedTensorType typeOfG = tensorOf(op.getG()), typeOfX = tensorOf(op.getX());
  forEachItem(e, rows.count(), rows.elements(), [&](Value number) {
    Row row(e, rows, number);
    auto g = [&](const Row::At &at) { return row.load(0, typeOfG, at); };
    auto x = [&](const Row::At &at) { return row.load(1, typeOfX, at); };
    Statistics statistics(row, x);
    auto y = [&](const Row::At &at) { return e.mulf(e.subf(x(at), statistics.mean), statistics.rstd); };
    SmallVector<Value> sums = row.sum(2, [&](const Row::At &at) {
      Value gradient = g(at);
      return SmallVector<Value>{gradient, e.mulf(gradient, y(at))};
    });
    Value share = e.constant(float(1.0 / double(rows.elements())));
    Value mean = row.spread(e.mulf(sums[0], share)), product = row.spread(e.mulf(sums[1], share));
    row.fill([&](const Row::At &at) {
      Value centred = e.subf(e.subf(g(at), mean), e.mulf(y(at), product));
      return e.mulf(centred, statistics.rstd);
    });
  });
}

ArrayRef<Lowering> reference::axesLowerings() {
  static const Lowering rows[] = {
      loweringOf<kernel::ArrangeOp, blocksOf, emit>(),
      loweringOf<kernel::StandardiseOp, rowBlocks<kernel::StandardiseOp>, emit>(),
      loweringOf<kernel::StandardiseGradOp, rowBlocks<kernel::StandardiseGradOp>, emit>()};
  return rows;
}
