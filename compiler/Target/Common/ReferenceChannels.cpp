// Lowers what goes across channels: pieces of tensors put side by side, the softmax, products of whole
// matrices.
#include "compiler/Target/Common/ReferenceOps.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include <limits>

using namespace mlir;
using namespace kinema;
using namespace kinema::reference;

//===-- Place -------------------------------------------------------------===//

static int64_t widthOf(kernel::PlaceOp op, const Machine &machine) {
  SmallVector<RankedTensorType> types = tensorTypes(op.getInputs());
  types.push_back(tensorOf(op.getResult()));
  return channelWidth(machine, types);
}

static Walk walkOf(kernel::PlaceOp op, const Machine &machine) {
  auto result = tensorOf(op.getResult());
  bool flat = llvm::all_of(op.getPieces().getAsRange<kernel::PieceAttr>(),
                           [](kernel::PieceAttr piece) { return piece.getFrames() == 0; });
  return Walk(machine, result, storedChannels(result), widthOf(op, machine), flat, machine.partials);
}

static Blocks blocksOf(kernel::PlaceOp op, const Machine &machine) { return walkOf(op, machine).blocks(); }

namespace {
struct Place {
  kernel::PlaceOp op;
  KernelEmitter &e;
  Walk walk = walkOf(op, e.machine);
  RankedTensorType result = walk.view(tensorOf(op.getResult()));

  /// Stores what `element` computes at each position of channel c.
  void fill(const Walk::Part &part, Value c, function_ref<Value(const Walk::Coordinates &)> element) {
    walk.sum(
        e, part, c, 0, [](Value) {},
        [&](const Walk::Coordinates &at) -> SmallVector<Value> {
          e.storeElements(element(at), e.results[0], e.position(result, at));
          return {};
        });
  }

  /// Loads what lies at a piece's operand in the frame of `at`, or in the one that the piece takes for it.
  Value load(kernel::PieceAttr piece, Walk::Coordinates at, int64_t width) {
    auto x = walk.view(tensorOf(op.getInputs()[piece.getInput()]));
    at[2] = e.add(at[2], piece.getFrames());
    auto load = [&] { return e.loadElements(e.operands[piece.getInput()], e.position(x, at), width); };
    if (piece.getFrames() == 0)
      return load();
    return e.select(e.inRange(at[2], x.getDimSize(2)), load, e.zero(width));
  }

  /// Returns the vector of a piece that goes to the channels from `at[1]` on. Where it lies across two of the
  /// operand's vectors, both are loaded.
  Value vectorOf(kernel::PieceAttr piece, Walk::Coordinates at) {
    int64_t width = walk.getWidth(), moves = piece.getFrom() - piece.getTo();
    int64_t across = ((moves % width) + width) % width;
    at[1] = e.add(at[1], moves - across);
    Value low = load(piece, at, width);
    if (across == 0)
      return low;
    at[1] = e.add(at[1], width);
    auto lanes = llvm::to_vector(llvm::seq(across, across + width));
    return vector::ShuffleOp::create(e.b, e.loc, low, load(piece, at, width), lanes);
  }

  /// Returns the element that goes to channel `at[1]`, of the first piece that covers it, else zero.
  Value elementAt(Walk::Coordinates at) {
    Value element = e.zero(1);
    for (Attribute each : llvm::reverse(op.getPieces())) {
      auto piece = cast<kernel::PieceAttr>(each);
      Walk::Coordinates from = at;
      from[1] = e.add(at[1], piece.getFrom() - piece.getTo());
      element = e.select(
          e.inRange(e.sub(at[1], e.index(piece.getTo())), piece.getCount()),
          [&] { return load(piece, from, 1); }, element);
    }
    return element;
  }

  /// Returns the vector at `at`, which no piece covers alone.
  Value mixedAt(Walk::Coordinates at) {
    int64_t width = walk.getWidth();
    auto ends = [&](Attribute each) {
      auto piece = cast<kernel::PieceAttr>(each);
      return piece.getTo() % width != 0 || piece.getCount() % width != 0;
    };
    if (llvm::none_of(op.getPieces(), ends))
      return e.zero(width);
    SmallVector<Value> lanes;
    for (int64_t lane = 0; lane < width; ++lane) {
      Walk::Coordinates own = at;
      own[1] = e.add(at[1], lane);
      lanes.push_back(elementAt(own));
    }
    auto type = VectorType::get({width}, lanes.front().getType());
    return width == 1 ? lanes.front() : Value(vector::FromElementsOp::create(e.b, e.loc, type, lanes));
  }

  /// Writes the channels from c on, from the first of the pieces that covers them all.
  void channel(const Walk::Part &part, Value c, ArrayRef<Attribute> pieces) {
    if (pieces.empty())
      return fill(part, c, [&](const Walk::Coordinates &at) { return mixedAt(at); });
    auto piece = cast<kernel::PieceAttr>(pieces.front());
    const int64_t places = piece.getCount() - walk.getWidth() + 1; // of a vector within the piece
    if (places <= 0)
      return channel(part, c, pieces.drop_front());
    e.when(
        e.inRange(e.sub(c, e.index(piece.getTo())), places),
        [&] { fill(part, c, [&](const Walk::Coordinates &at) { return vectorOf(piece, at); }); },
        [&] { channel(part, c, pieces.drop_front()); });
  }
};
} // namespace

static void emit(kernel::PlaceOp op, KernelEmitter &e) {
  Place place{op, e};
  e.forEachBlock([&](Value block) {
    auto part = place.walk.part(e, block);
    place.walk.forEachChannel(e, part,
                              [&](Value c, Value) { place.channel(part, c, op.getPieces().getValue()); });
  });
}

//===-- Softmax -----------------------------------------------------------===//

/// Returns [N, C, T, H, W] as [N, C, 1, 1, T*H*W], which lies in memory in the same way.
static RankedTensorType flattened(Value tensor) {
  auto type = tensorOf(tensor);
  return RankedTensorType::get(
      {type.getDimSize(0), type.getDimSize(1), 1, 1, shape::product(clip::spatialSize(type))},
      type.getElementType(), type.getEncoding());
}

/// Combines the lanes of a vector, in their order.
static Value combinedLanes(KernelEmitter &e, Value lanes, KernelEmitter::Combine combine) {
  Value one = vector::ExtractOp::create(e.b, e.loc, lanes, 0);
  for (int64_t lane = 1; lane < cast<VectorType>(lanes.getType()).getDimSize(0); ++lane)
    one = combine(one, vector::ExtractOp::create(e.b, e.loc, lanes, lane));
  return one;
}

namespace {
/// Columns are neighbouring positions of a clip, with all channels, of which `width` are computed at once.
struct Columns {
  using Element = function_ref<Value(unsigned i, Value c)>; // of the channels from c on of column i

  KernelEmitter &e;
  RankedTensorType type; // flattened
  int64_t width;
  Value n;
  SmallVector<Value> positions;

  int64_t channels() const { return type.getDimSize(1); }
  int64_t whole() const { return channels() / width * width; } // channels in vectors without padding
  /// Loads the channels from c on of an operand, which may lie in other blocks than the result: a network's
  /// input does.
  Value at(Value buffer, Value operand, unsigned i, Value c) const {
    return e.loadElements(buffer, place(flattened(operand), i, c), width);
  }
  void put(Value value, unsigned i, Value c) const {
    e.storeElements(value, e.results[0], place(type, i, c));
  }
  /// Returns what lies in the lanes of the last vector that are channels, else `other`.
  Value withoutPadding(Value value, float other) const {
    Value valid = firstLanes(e, e.index(channels() - whole()), width);
    return arith::SelectOp::create(e.b, e.loc, valid, value, e.constant(other, value.getType()));
  }
  /// Combines `element` of all channels, lane by lane, then the lanes; returns a value for each position.
  SmallVector<Value> reduce(float neutral, Element element, KernelEmitter::Combine combine) const {
    SmallVector<Value> start(positions.size(),
                             e.constant(neutral, width == 1 ? Type() : e.vectorType(width)));
    auto all = e.loop(e.index(0), e.index(whole()), width, start, [&](Value c, ValueRange state) {
      SmallVector<Value> next(state);
      for (auto [i, value] : llvm::enumerate(next))
        value = combine(value, element(i, c));
      return next;
    });
    for (auto [i, value] : llvm::enumerate(all)) {
      if (whole() < channels())
        value = combine(value, withoutPadding(element(i, e.index(whole())), neutral));
      value = width == 1 ? value : e.splat(combinedLanes(e, value, combine), width);
    }
    return all;
  }
  SmallVector<Value> sum(Element element) const {
    return reduce(0, element, [&](Value a, Value b) { return e.addf(a, b); });
  }
  /// Stores `element` at each channel, and zero in the padding.
  void fill(Element element) const {
    auto store = [&](Value c, Element value) {
      SmallVector<Value> values; // before the first is stored, since the last column may be there twice
      for (unsigned i = 0; i < positions.size(); ++i)
        values.push_back(value(i, c));
      for (auto [i, stored] : llvm::enumerate(values))
        put(stored, i, c);
    };
    e.loop(e.index(0), e.index(whole()), width, [&](Value c) { store(c, element); });
    if (whole() < channels())
      store(e.index(whole()), [&](unsigned i, Value c) { return withoutPadding(element(i, c), 0); });
    e.loop(e.index(shape::roundUp(channels(), width)), e.index(storedChannels(type)), width,
           [&](Value c) { store(c, [&](unsigned, Value) { return e.zero(width); }); });
  }

private:
  Value place(RankedTensorType tensor, unsigned i, Value c) const {
    return e.position(tensor, {n, c, e.index(0), e.index(0), positions[i]});
  }
};

/// The launch of a softmax or its gradient. Where a block is one thread's, it takes several columns at once:
/// they share pages of memory, and none waits for another's sum.
struct ColumnWalk {
  ColumnWalk(Value tensor, ValueRange operands, const Machine &machine)
      : type(flattened(tensor)), together(machine.threads == 1 ? 4 : 1),
        groups(shape::ceilDiv(type.getDimSize(4), together)) {
    SmallVector<RankedTensorType> types = tensorTypes(operands);
    types.push_back(type);
    width = channelWidth(machine, types);
  }

  RankedTensorType type;
  int64_t together, groups, width; // groups: those of a clip

  int64_t items() const { return type.getDimSize(0) * groups; }
  int64_t cost() const { return type.getDimSize(1) * together; }
  Blocks blocks(const Machine &machine) const { return itemBlocks(machine, items(), cost()); }
  /// Calls `body` with the columns of each group. Beyond the last position, a group has that again.
  void forEach(KernelEmitter &e, function_ref<void(const Columns &)> body) const {
    forEachItem(e, items(), cost(), [&](Value i) {
      Value first = e.mul(e.rem(i, groups), together), last = e.index(type.getDimSize(4) - 1);
      auto positions = llvm::map_to_vector(llvm::seq<int64_t>(0, together),
                                           [&](int64_t j) { return e.min(e.add(first, j), last); });
      body(Columns{e, type, width, e.div(i, groups), positions});
    });
  }
};
} // namespace

static ColumnWalk walkOf(kernel::SoftmaxOp op, const Machine &machine) {
  return ColumnWalk(op.getResult(), op.getX(), machine);
}

static Blocks blocksOf(kernel::SoftmaxOp op, const Machine &machine) {
  return walkOf(op, machine).blocks(machine);
}

/// Stores powers where the result holds them as they are, and computes them twice where it does not.
static void emit(kernel::SoftmaxOp op, KernelEmitter &e) {
  Value x = e.operands[0], y = e.results[0];
  bool keeps = tensorOf(op.getResult()).getElementType().isF32();
  walkOf(op, e.machine).forEach(e, [&](const Columns &columns) {
    auto at = [&](unsigned i, Value c) { return columns.at(x, op.getX(), i, c); };
    auto larger = [&](Value a, Value b) -> Value { return arith::MaximumFOp::create(e.b, e.loc, a, b); };
    auto most = columns.reduce(-std::numeric_limits<float>::infinity(), at, larger);
    auto power = [&](unsigned i, Value c) -> Value {
      return math::ExpOp::create(e.b, e.loc, e.subf(at(i, c), most[i]));
    };
    auto shares = columns.sum([&](unsigned i, Value c) {
      Value value = power(i, c);
      if (keeps)
        columns.put(value, i, c);
      return value;
    });
    for (Value &share : shares)
      share = e.divf(e.constant(1.0f, share.getType()), share);
    columns.fill([&](unsigned i, Value c) {
      return e.mulf(keeps ? columns.at(y, op.getResult(), i, c) : power(i, c), shares[i]);
    });
  });
}

static ColumnWalk walkOf(kernel::SoftmaxGradOp op, const Machine &machine) {
  return ColumnWalk(op.getResult(), {op.getG(), op.getY()}, machine);
}

static Blocks blocksOf(kernel::SoftmaxGradOp op, const Machine &machine) {
  return walkOf(op, machine).blocks(machine);
}

static void emit(kernel::SoftmaxGradOp op, KernelEmitter &e) {
  Value g = e.operands[0], y = e.operands[1];
  walkOf(op, e.machine).forEach(e, [&](const Columns &columns) {
    auto dy = [&](unsigned i, Value c) { return columns.at(g, op.getG(), i, c); };
    auto at = [&](unsigned i, Value c) { return columns.at(y, op.getY(), i, c); };
    auto sums = columns.sum([&](unsigned i, Value c) { return e.mulf(dy(i, c), at(i, c)); });
    columns.fill([&](unsigned i, Value c) { return e.mulf(at(i, c), e.subf(dy(i, c), sums[i])); });
  });
}

Value reference::sumOfLanes(KernelEmitter &e, Value lanes) {
  return combinedLanes(e, lanes, [&](Value a, Value b) { return e.addf(a, b); });
}

//===-- Matmul ------------------------------------------------------------===//

namespace {
/// Multiplies two matrices of channels by positions. Vectors hold channels: those of the result, where the
/// left side has its rows there; else, where both sides have their depth there, those of the depth, whose
/// padding holds zeros.
struct Matmul {
  kernel::MatmulOp op;
  const Machine &machine;
  RankedTensorType lhs = flattened(op.getLhs()), rhs = flattened(op.getRhs()),
                   result = flattened(op.getResult());
  bool transposeLhs = op.getTransposeLhs(), transposeRhs = op.getTransposeRhs();
  int64_t depth = clip::matmulDepth(tensorOf(op.getLhs()), transposeLhs);
  int64_t width = transposeLhs ? 1 : channelWidth(machine, {lhs, result});
  int64_t step = transposeLhs && !transposeRhs ? channelWidth(machine, {lhs, rhs}) : 1;

  Walk walk() const {
    Machine each = machine; // for which an element costs `depth`
    each.work = std::max<int64_t>(1, machine.work / depth);
    return Walk(each, result, storedChannels(result), width, /*flat=*/true, machine.partials);
  }

  static Value load(KernelEmitter &e, Value buffer, RankedTensorType type, Value n, Value c, Value p,
                    int64_t width) {
    return e.loadElements(buffer, e.position(type, {n, c, e.index(0), e.index(0), p}), width);
  }

  /// Returns the element (row, column) of clip n, or a vector of rows.
  Value element(KernelEmitter &e, Value n, Value row, Value column) const {
    int64_t lanes = std::max(width, step);
    Value total = e.loop(e.index(0), e.index(depth), step, e.zero(lanes), [&](Value k, ValueRange sum) {
      Value left = transposeLhs ? load(e, e.operands[0], lhs, n, k, row, step)
                                : load(e, e.operands[0], lhs, n, row, k, width);
      Value right = transposeRhs ? load(e, e.operands[1], rhs, n, column, k, 1)
                                 : load(e, e.operands[1], rhs, n, k, column, step);
      if (lanes > 1 && step == 1)
        right = e.splat(right, lanes);
      return SmallVector<Value>{e.fma(left, right, sum[0])};
    })[0];
    if (step == 1)
      return total;
    return sumOfLanes(e, total);
  }
};
} // namespace

static Blocks blocksOf(kernel::MatmulOp op, const Machine &machine) {
  return Matmul{op, machine}.walk().blocks();
}

static void emit(kernel::MatmulOp op, KernelEmitter &e) {
  Matmul matmul{op, e.machine};
  Walk walk = matmul.walk();
  e.forEachBlock([&](Value block) {
    auto part = walk.part(e, block);
    walk.forEachChannel(e, part, [&](Value c, Value valid) {
      Value row = walk.readable(e, c);
      walk.sum(
          e, part, c, 0, [](Value) {},
          [&](const Walk::Coordinates &at) -> SmallVector<Value> {
            auto element = [&] { return matmul.element(e, at[0], row, at[4]); };
            bool lazily = valid && walk.getWidth() == 1;
            Value value = lazily ? e.select(valid, element, e.zero(1)) : masked(e, valid, element());
            e.storeElements(value, e.results[0], e.position(matmul.result, at));
            return {};
          });
    });
  });
}

ArrayRef<Lowering> reference::channelsLowerings() {
  static const Lowering rows[] = {
      loweringOf<kernel::PlaceOp, blocksOf, emit>(), loweringOf<kernel::SoftmaxOp, blocksOf, emit>(),
      loweringOf<kernel::SoftmaxGradOp, blocksOf, emit>(), loweringOf<kernel::MatmulOp, blocksOf, emit>()};
  return rows;
}
