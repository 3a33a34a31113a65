// Lowers the losses, each together with its gradient.
#include "compiler/Target/Common/ReferenceOps.h"

#include <limits>

using namespace mlir;
using namespace kinema;
using namespace kinema::reference;

namespace {
/// What the losses of scores share.
struct ScoreLoss {
  KernelEmitter &e;
  RankedTensorType logits, gradient;
  Value scale; // of the gradient; null: none
  int64_t clips = logits.getDimSize(0), classes = logits.getDimSize(1);
  Value zero = e.constant(0.0f);

  Value at(RankedTensorType type, Value n, Value c) {
    return e.position(type, {n, c, e.index(0), e.index(0), e.index(0)});
  }
  Value logit(Value n, Value c) { return e.load(e.operands[0], at(logits, n, c)); }

  using Terms = function_ref<SmallVector<Value>(Value logit, Value c)>;

  /// Adds up what `terms` makes of each logit over the classes, or combines it as `combine` says. The threads
  /// of a warp share the classes; `none` is what changes nothing.
  SmallVector<Value> overClasses(Value n, ValueRange none, Terms terms, KernelEmitter::Combine combine) {
    // Several logits are loaded before the first is worked on.
    int64_t warp = e.warp(), together = warp == 1 ? 1 : std::min<int64_t>(8, shape::ceilDiv(classes, warp));
    auto share =
        e.loop(e.lane(), e.index(classes), warp * together, none, [&](Value first, ValueRange state) {
          SmallVector<Value> at, inside, logits, next(state);
          for (int64_t i = 0; i < together; ++i) {
            at.push_back(e.add(first, i * warp));
            inside.push_back(i ? e.min(at[i], e.index(classes - 1)) : at[i]);
            logits.push_back(logit(n, inside[i]));
          }
          for (int64_t i = 0; i < together; ++i)
            for (auto [sum, value, zero] : llvm::zip_equal(next, terms(logits[i], inside[i]), none)) {
              if (i > 0)
                value = arith::SelectOp::create(e.b, e.loc, e.inRange(at[i], classes), value, zero);
              sum = combine(sum, value);
            }
          return next;
        });
    return e.acrossWarp(share, combine);
  }
  SmallVector<Value> sumsOverClasses(Value n, int64_t count, Terms terms) {
    auto add = [&](Value x, Value y) { return e.addf(x, y); };
    return overClasses(n, SmallVector<Value>(count, zero), terms, add);
  }
  Value largest(Value x, Value y) { return arith::MaximumFOp::create(e.b, e.loc, x, y); }
  Value largestLogit(Value n) {
    Value lowest = e.constant(-std::numeric_limits<float>::infinity());
    return overClasses(
        n, lowest, [](Value x, Value) { return SmallVector<Value>{x}; },
        [&](Value x, Value y) { return largest(x, y); })[0];
  }
  Value exp(Value x) { return math::ExpOp::create(e.b, e.loc, x); }
  Value log(Value x) { return math::LogOp::create(e.b, e.loc, x); }

  /// Calls `body(c)` for the classes from `from` on, which the threads of a warp share.
  void forEachClass(Value from, int64_t end, function_ref<void(Value)> body) {
    e.loop(e.add(from, e.lane()), e.index(end), e.warp(), body);
  }
  void fillWithZero(Value n, Value from) {
    forEachClass(from, storedChannels(gradient),
                 [&](Value c) { e.store(zero, e.results[1], at(gradient, n, c)); });
  }
  void storeGradient(Value value, Value n, Value c) {
    e.store(scale ? e.mulf(value, scale) : value, e.results[1], at(gradient, n, c));
  }

  /// Adds up what `clip` returns for the clips of which `counts` holds; the gradient of the others is zero.
  Value overClips(function_ref<Value(Value)> counts, function_ref<Value(Value)> clip) {
    int64_t warps = e.threads / e.warp();
    Value total = e.loop(e.warpNumber(), e.index(clips), warps, zero, [&](Value n, ValueRange sum) {
      Value isCounted = counts(n);
      Value written = arith::SelectOp::create(e.b, e.loc, isCounted, e.index(classes), e.index(0));
      fillWithZero(n, written);
      Value value = e.select(isCounted, [&] { return clip(n); }, zero);
      return SmallVector<Value>{e.addf(sum[0], value)};
    })[0];
    // All threads of a warp have its clips' sum, which counts once.
    if (e.thread)
      total = arith::SelectOp::create(e.b, e.loc, e.equal(e.lane(), 0), total, zero);
    return e.sumAcrossThreads(total)[0];
  }
  void storeLoss(function_ref<Value()> value) {
    e.once([&] { e.store(value(), e.results[0], e.index(0)); });
  }
};
} // namespace

/// Loads by what a loss's gradient is multiplied; null where nothing says it.
static Value scaleOf(MutableOperandRange hyper, KernelEmitter &e) {
  return hyper.empty() ? Value() : e.loadField(hyper[0], clip::HyperField::LossScale);
}

/// The work is small, and the sum over the clips has an order, so one block does it all, each warp clip after
/// clip.
static Blocks blocksOfLoss(int64_t clips, const Machine &machine) {
  constexpr int64_t most = 512; // threads, so that each has 128 registers
  return {1, 0, clips * machine.warp, machine.threads > 1 ? most : 1};
}

//===-- Labels ------------------------------------------------------------===//

namespace {
struct CrossEntropy : ScoreLoss {
  CrossEntropy(kernel::SoftmaxCrossEntropyOp op, KernelEmitter &e)
      : ScoreLoss{e, tensorOf(op.getLogits()), tensorOf(op.getDlogits()), scaleOf(op.getHyperMutable(), e)},
        smoothing(float(op.getSmoothing().convertToDouble())) {}

  float smoothing;

  Value label(Value n) {
    return arith::IndexCastOp::create(e.b, e.loc, e.b.getIndexType(), e.load(e.operands[1], n));
  }
  Value counts(Value n) { return e.inRange(label(n), classes); }

  /// Counts the labels that count.
  Value validClips() {
    auto share = e.loop(e.lane(), e.index(clips), e.warp(), zero, [&](Value n, ValueRange count) {
      Value valid = arith::SelectOp::create(e.b, e.loc, counts(n), e.constant(1.0f), zero);
      return SmallVector<Value>{e.addf(count[0], valid)};
    });
    return e.acrossWarp(share, [&](Value x, Value y) { return e.addf(x, y); })[0];
  }

  /// Writes the gradient of clip n and returns its loss.
  Value clip(Value n, Value share) {
    Value max = largestLogit(n);
    auto sums = sumsOverClasses(n, 2, [&](Value x, Value) -> SmallVector<Value> {
      Value below = e.subf(x, max);
      return {exp(below), below};
    });
    Value total = sums[0], mean = sums[1];
    Value uniform = e.constant(smoothing / classes), target = e.constant(1.0f - smoothing);
    Value expected = e.addf(e.mulf(uniform, mean), e.mulf(target, e.subf(logit(n, label(n)), max)));
    forEachClass(e.index(0), classes, [&](Value c) {
      Value probability = e.divf(exp(e.subf(logit(n, c), max)), total);
      Value isLabel = arith::CmpIOp::create(e.b, e.loc, arith::CmpIPredicate::eq, c, label(n));
      Value wanted = e.addf(uniform, arith::SelectOp::create(e.b, e.loc, isLabel, target, zero));
      storeGradient(e.mulf(e.subf(probability, wanted), share), n, c);
    });
    return e.subf(log(total), expected);
  }
};
} // namespace

static Blocks blocksOf(kernel::SoftmaxCrossEntropyOp op, const Machine &machine) {
  return blocksOfLoss(tensorOf(op.getLogits()).getDimSize(0), machine);
}

static void emit(kernel::SoftmaxCrossEntropyOp op, KernelEmitter &e) {
  e.forEachBlock([&](Value) {
    CrossEntropy loss(op, e);
    Value share = e.divf(e.constant(1.0f), loss.largest(loss.validClips(), e.constant(1.0f)));
    Value total =
        loss.overClips([&](Value n) { return loss.counts(n); }, [&](Value n) { return loss.clip(n, share); });
    loss.storeLoss([&] { return e.mulf(total, share); });
  });
}

//===-- Targets -----------------------------------------------------------===//

namespace {
struct TargetEntropy : ScoreLoss {
  TargetEntropy(kernel::TargetCrossEntropyOp op, KernelEmitter &e)
      : ScoreLoss{e, tensorOf(op.getLogits()), tensorOf(op.getDlogits()), scaleOf(op.getHyperMutable(), e)},
        targets(tensorOf(op.getTargets())), shares(tensorOf(op.getShares())), sigmoid(op.getSigmoid()) {}

  RankedTensorType targets, shares;
  bool sigmoid;

  Value target(Value n, Value c) { return e.load(e.operands[1], e.position(targets, {n, c})); }
  Value share(Value n) { return e.load(e.operands[2], e.position(shares, n)); }
  Value counts(Value n) {
    return arith::CmpFOp::create(e.b, e.loc, arith::CmpFPredicate::UNE, share(n), zero);
  }

  /// Writes the gradient of clip n and returns its loss.
  Value clip(Value n) {
    Value loss = sigmoid ? ofSigmoids(n) : ofSoftmax(n);
    return e.mulf(loss, share(n));
  }

  Value ofSoftmax(Value n) {
    Value max = largestLogit(n);
    auto sums = sumsOverClasses(n, 3, [&](Value x, Value c) -> SmallVector<Value> {
      Value below = e.subf(x, max), wanted = target(n, c);
      return {exp(below), wanted, e.mulf(wanted, below)};
    });
    Value total = sums[0], all = sums[1], expected = sums[2];
    forEachClass(e.index(0), classes, [&](Value c) {
      Value probability = e.divf(exp(e.subf(logit(n, c), max)), total);
      storeGradient(e.mulf(e.subf(e.mulf(probability, all), target(n, c)), share(n)), n, c);
    });
    return e.subf(e.mulf(all, log(total)), expected);
  }

  /// log(1 + exp(x)) - target * x, without overflow for any x.
  Value ofSigmoids(Value n) {
    Value one = e.constant(1.0f);
    auto sums = sumsOverClasses(n, 1, [&](Value x, Value c) -> SmallVector<Value> {
      Value magnitude = largest(x, e.subf(zero, x));
      Value small = exp(e.subf(zero, magnitude));
      Value entropy = e.addf(largest(x, zero), log(e.addf(one, small)));
      return {e.subf(entropy, e.mulf(target(n, c), x))};
    });
    forEachClass(e.index(0), classes, [&](Value c) {
      Value probability = e.divf(one, e.addf(one, exp(e.subf(zero, logit(n, c)))));
      storeGradient(e.mulf(e.subf(probability, target(n, c)), share(n)), n, c);
    });
    return sums[0];
  }
};
} // namespace

static Blocks blocksOf(kernel::TargetCrossEntropyOp op, const Machine &machine) {
  return blocksOfLoss(tensorOf(op.getLogits()).getDimSize(0), machine);
}

static void emit(kernel::TargetCrossEntropyOp op, KernelEmitter &e) {
  e.forEachBlock([&](Value) {
    TargetEntropy loss(op, e);
    Value total =
        loss.overClips([&](Value n) { return loss.counts(n); }, [&](Value n) { return loss.clip(n); });
    loss.storeLoss([&] { return total; });
  });
}

ArrayRef<Lowering> reference::lossLowerings() {
  static const Lowering rows[] = {loweringOf<kernel::SoftmaxCrossEntropyOp, blocksOf, emit>(),
                                  loweringOf<kernel::TargetCrossEntropyOp, blocksOf, emit>()};
  return rows;
}
