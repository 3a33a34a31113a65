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

namespace {
/// A Column is one position of a clip, with all channels.
struct Column {
  KernelEmitter &e;
  RankedTensorType type; // flattened
  Value n, p;

  int64_t channels() const { return type.getDimSize(1); }
  /// Loads channel c of an operand, which may lie in other blocks than the result: a network's input does.
  Value at(Value buffer, Value operand, Value c) const {
    return e.load(buffer, e.position(flattened(operand), {n, c, e.index(0), e.index(0), p}));
  }
  void put(Value value, Value c) const {
    e.store(value, e.results[0], e.position(type, {n, c, e.index(0), e.index(0), p}));
  }
  Value reduce(Value init, function_ref<Value(Value, Value)> next) const {
    return e.loop(e.index(0), e.index(channels()), 1, init,
                  [&](Value c, ValueRange state) { return SmallVector<Value>{next(state[0], c)}; })[0];
  }
  /// Stores `element` at each channel, and zero in the padding.
  void fill(function_ref<Value(Value)> element) const {
    e.loop(channels(), [&](Value c) { put(element(c), c); });
    e.loop(e.index(channels()), e.index(storedChannels(type)), 1, [&](Value c) { put(e.zero(1), c); });
  }
};
} // namespace

/// Calls `body` at each position of a softmax's result, or of its gradient's.
static void forEachColumn(KernelEmitter &e, Value tensor, function_ref<void(const Column &)> body) {
  auto type = flattened(tensor);
  int64_t positions = type.getDimSize(4);
  forEachItem(e, type.getDimSize(0) * positions, type.getDimSize(1),
              [&](Value i) { body(Column{e, type, e.div(i, positions), e.rem(i, positions)}); });
}

static Blocks columnBlocks(Value tensor, const Machine &machine) {
  auto type = flattened(tensor);
  return itemBlocks(machine, type.getDimSize(0) * type.getDimSize(4), type.getDimSize(1));
}

static Blocks blocksOf(kernel::SoftmaxOp op, const Machine &machine) {
  return columnBlocks(op.getResult(), machine);
}

static void emit(kernel::SoftmaxOp op, KernelEmitter &e) {
  Value x = e.operands[0];
  forEachColumn(e, op.getResult(), [&](const Column &column) {
    Value lowest = e.constant(-std::numeric_limits<float>::infinity());
    Value max = column.reduce(lowest, [&](Value max, Value c) -> Value {
      return arith::MaximumFOp::create(e.b, e.loc, max, column.at(x, op.getX(), c));
    });
    auto power = [&](Value c) -> Value {
      return math::ExpOp::create(e.b, e.loc, e.subf(column.at(x, op.getX(), c), max));
    };
    Value total = column.reduce(e.zero(1), [&](Value sum, Value c) { return e.addf(sum, power(c)); });
    column.fill([&](Value c) { return e.divf(power(c), total); });
  });
}

static Blocks blocksOf(kernel::SoftmaxGradOp op, const Machine &machine) {
  return columnBlocks(op.getResult(), machine);
}

static void emit(kernel::SoftmaxGradOp op, KernelEmitter &e) {
  Value g = e.operands[0], y = e.operands[1];
  forEachColumn(e, op.getResult(), [&](const Column &column) {
    auto dy = [&](Value c) { return column.at(g, op.getG(), c); };
    auto at = [&](Value c) { return column.at(y, op.getY(), c); };
    Value sum =
        column.reduce(e.zero(1), [&](Value sum, Value c) { return e.addf(sum, e.mulf(dy(c), at(c))); });
    column.fill([&](Value c) { return e.mulf(at(c), e.subf(dy(c), sum)); });
  });
}

Value reference::sumOfLanes(KernelEmitter &e, Value lanes) {
  Value sum = vector::ExtractOp::create(e.b, e.loc, lanes, 0);
  for (int64_t lane = 1; lane < cast<VectorType>(lanes.getType()).getDimSize(0); ++lane)
    sum = e.addf(sum, vector::ExtractOp::create(e.b, e.loc, lanes, lane));
  return sum;
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
