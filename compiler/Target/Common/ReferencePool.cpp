// Lowers pools and their gradients.
#include "compiler/Target/Common/ReferenceOps.h"
#include "compiler/Target/Common/Window.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include <limits>

using namespace mlir;
using namespace kinema;
using namespace kinema::reference;

static constexpr float lowest = -std::numeric_limits<float>::infinity();

static Type valueType(KernelEmitter &e, int64_t width) {
  return width == 1 ? Type(e.b.getF32Type()) : Type(e.vectorType(width));
}

//===-- Pool --------------------------------------------------------------===//

/// Few results of long windows are as much work as what they are the results of, and have as many blocks.
static Walk walkOf(kernel::PoolOp op, const Machine &machine) {
  auto result = tensorOf(op.getResult());
  SmallVector<RankedTensorType> types = tensorTypes(op.getInputs());
  types.push_back(result);
  auto walk = [&](int64_t work) {
    Machine each = machine;
    each.work = work;
    return Walk(each, result, storedChannels(result), channelWidth(machine, types), /*flat=*/false,
                machine.partials);
  };
  Walk usual = walk(machine.work);
  if (usual.blocks().grid >= machine.blocks)
    return usual;
  int64_t source = op.getSourceType().getNumElements();
  return walk(std::max<int64_t>(1, machine.work * result.getNumElements() /
                                       std::max(source, result.getNumElements())));
}

/// Returns whether the average is over all positions of a clip.
static bool isOfClips(kernel::PoolOp op) {
  auto window = op.getWindow().getWindow();
  bool whole = op.getKind() == kernel::PoolKind::Average;
  for (int axis = 0; axis < 3; ++axis)
    whole &= tensorOf(op.getResult()).getDimSize(axis + 2) == 1 && window.padLow[axis] == 0 &&
             window.dilation[axis] == 1 && window.kernel[axis] == op.getSourceType().getDimSize(axis + 2);
  return whole;
}

static Walk clipWalkOf(kernel::PoolOp op, const Machine &machine) {
  auto result = tensorOf(op.getResult());
  SmallVector<RankedTensorType> types = tensorTypes(op.getInputs());
  types.push_back(result);
  return Walk::ofClips(machine, op.getSourceType(), storedChannels(result), channelWidth(machine, types));
}

static Blocks blocksOf(kernel::PoolOp op, const Machine &machine) {
  return isOfClips(op) ? clipWalkOf(op, machine).blocks() : walkOf(op, machine).blocks();
}

static void emitClipAverage(kernel::PoolOp op, KernelEmitter &e) {
  Walk walk = clipWalkOf(op, e.machine);
  RegionReader reader(e, op.prologue(), op.getSourceType(), walk.getWidth());
  float share = 1.0f / op.getWindow().getWindow().taps();
  emitClipSums(e, walk, reader, [&](Value n, Value c, Value total) {
    Value zero = e.index(0), at = e.position(tensorOf(op.getResult()), {n, c, zero, zero, zero});
    e.storeElements(e.mulf(total, e.constant(share, total.getType())), e.results[0], at);
  });
}

/// Returns the pooled value of the window at `result` (n, c, t, h, w).
static Value pooled(KernelEmitter &e, kernel::PoolOp op, RegionReader &reader, int64_t width,
                    ArrayRef<Value> result) {
  bool max = op.getKind() == kernel::PoolKind::Max;
  auto window = op.getWindow().getWindow();
  Value init = e.constant(max ? lowest : 0.0f, valueType(e, width));
  auto add = [&](ArrayRef<Value> at, ArrayRef<Value>, ValueRange state) -> SmallVector<Value> {
    Value x = reader.value({result[0], result[1], at[0], at[1], at[2]});
    return {max ? Value(arith::MaximumFOp::create(e.b, e.loc, state[0], x)) : e.addf(state[0], x)};
  };
  Value total = forEachInWindow(e, window, op.getSourceType(), result.drop_front(2), init, add)[0];
  return max ? total : e.mulf(total, e.constant(1.0f / window.taps(), total.getType()));
}

static void emit(kernel::PoolOp op, KernelEmitter &e) {
  if (isOfClips(op))
    return emitClipAverage(op, e);
  Walk walk = walkOf(op, e.machine);
  RegionReader reader(e, op.prologue(), op.getSourceType(), walk.getWidth());
  e.forEachBlock([&](Value block) {
    auto part = walk.part(e, block);
    walk.forEachChannel(e, part, [&](Value c, Value valid) {
      Value from = walk.readable(e, c);
      walk.sum(
          e, part, c, 0, [&](Value n) { reader.enter(n, from); },
          [&](const Walk::Coordinates &at) -> SmallVector<Value> {
            Value value = pooled(e, op, reader, walk.getWidth(), {at[0], from, at[2], at[3], at[4]});
            e.storeElements(masked(e, valid, value), e.results[0], e.position(tensorOf(op.getResult()), at));
            return {};
          });
    });
  });
}

//===-- Pool gradient -----------------------------------------------------===//

namespace {
/// Writes the gradient of whole planes (a clip's channel vector): first zeros, then each window adds its part
/// in order.
struct PoolGrad {
  kernel::PoolGradOp op;
  KernelEmitter &e;
  int64_t width;
  RankedTensorType g = tensorOf(op.getG()), result = tensorOf(op.getResult());
  shape::Window window = op.getWindow().getWindow();
  RegionReader reader{e, op.prologue(), result, width};

  void add(Value value, Value at) {
    e.storeElements(e.addf(e.loadElements(e.results[0], at, width), value), e.results[0], at);
  }

  void fillWithZero(Value n, Value c) {
    e.loop(result.getDimSize(2), [&](Value t) {
      e.loop(result.getDimSize(3), [&](Value h) {
        e.loop(result.getDimSize(4), [&](Value w) {
          e.storeElements(e.zero(width), e.results[0], e.position(result, {n, c, t, h, w}));
        });
      });
    });
  }

  void spread(Value value, ArrayRef<Value> at, Value n, Value c) {
    Value part = e.mulf(value, e.constant(1.0f / window.taps(), value.getType()));
    forEachInWindow(e, window, result, at, {},
                    [&](ArrayRef<Value> s, ArrayRef<Value>, ValueRange) -> SmallVector<Value> {
                      add(part, e.position(result, {n, c, s[0], s[1], s[2]}));
                      return {};
                    });
  }

  /// Returns the position of the window's first maximum, one for each lane. A strictly greater value wins, so
  /// that NaN never does.
  Value firstMaximum(ArrayRef<Value> at, Value n, Value c) {
    ClippedWindow clipped = clipWindow(e, window, result, at);
    SmallVector<Value> start = {n, c};
    for (int axis = 0; axis < 3; ++axis)
      start.push_back(e.add(clipped.origin[axis], e.mul(clipped.first[axis], window.dilation[axis])));
    SmallVector<Value> init = {e.constant(lowest, valueType(e, width)), lanes(e.position(result, start))};
    auto better = [&](ArrayRef<Value> s, ArrayRef<Value>, ValueRange best) -> SmallVector<Value> {
      Value x = reader.value({n, c, s[0], s[1], s[2]});
      Value here = lanes(e.position(result, {n, c, s[0], s[1], s[2]}));
      Value greater = arith::CmpFOp::create(e.b, e.loc, arith::CmpFPredicate::OGT, x, best[0]);
      return {arith::SelectOp::create(e.b, e.loc, greater, x, best[0]),
              arith::SelectOp::create(e.b, e.loc, greater, here, best[1])};
    };
    return forEachInWindow(e, window, result, at, init, better)[1];
  }

  Value lanes(Value position) {
    return width == 1 ? position
                      : vector::BroadcastOp::create(e.b, e.loc, VectorType::get({width}, e.b.getIndexType()),
                                                    position);
  }

  void giveToMaximum(Value value, ArrayRef<Value> at, Value n, Value c, Value valid) {
    Value best = firstMaximum(at, n, c);
    if (width == 1)
      return add(value, best);
    value = masked(e, valid, value);
    for (int64_t lane = 0; lane < width; ++lane) {
      Value to = e.add(vector::ExtractOp::create(e.b, e.loc, best, lane), lane);
      Value sum = e.addf(e.load(e.results[0], to), vector::ExtractOp::create(e.b, e.loc, value, lane));
      e.store(sum, e.results[0], to);
    }
  }

  void plane(Value n, Value c, Value valid) {
    fillWithZero(n, c);
    if (op.getKind() == kernel::PoolKind::Max)
      reader.enter(n, c);
    e.loop(g.getDimSize(2), [&](Value t) {
      e.loop(g.getDimSize(3), [&](Value h) {
        e.loop(g.getDimSize(4), [&](Value w) {
          Value value = e.loadElements(e.operands[0], e.position(g, {n, c, t, h, w}), width);
          if (op.getKind() == kernel::PoolKind::Max)
            giveToMaximum(value, {t, h, w}, n, c, valid);
          else
            spread(masked(e, valid, value), {t, h, w}, n, c);
        });
      });
    });
  }
};
} // namespace

static int64_t widthOf(kernel::PoolGradOp op, const Machine &machine) {
  SmallVector<RankedTensorType> types = tensorTypes(op.getInputs());
  types.push_back(tensorOf(op.getG()));
  types.push_back(tensorOf(op.getResult()));
  return channelWidth(machine, types);
}

/// Makes each block some whole planes.
static Partition partitionOf(kernel::PoolGradOp op, const Machine &machine) {
  auto result = tensorOf(op.getResult());
  int64_t units = shape::ceilDiv(storedChannels(result), widthOf(op, machine));
  return Partition::choose(result.getDimSize(0), 1, units, machine.blocks, machine.partials, machine.threads);
}

static Blocks blocksOf(kernel::PoolGradOp op, const Machine &machine) {
  return partitionOf(op, machine).blocks();
}

static void emit(kernel::PoolGradOp op, KernelEmitter &e) {
  PoolGrad grad{op, e, widthOf(op, e.machine)};
  Walk walk(grad.result, grad.width, partitionOf(op, e.machine));
  e.forEachBlock([&](Value block) {
    auto part = walk.part(e, block);
    walk.forEachChannel(e, part, [&](Value c, Value valid) {
      e.loop(part.firstClip, part.endClip, 1, [&](Value n) {
        if (grad.width == 1 && valid)
          e.when(valid, [&] { grad.plane(n, c, Value()); }, [&] { grad.fillWithZero(n, c); });
        else
          grad.plane(n, c, valid);
      });
    });
  });
}

ArrayRef<Lowering> reference::poolLowerings() {
  static const Lowering rows[] = {loweringOf<kernel::PoolOp, blocksOf, emit>(),
                                  loweringOf<kernel::PoolGradOp, blocksOf, emit>()};
  return rows;
}
