// Lowers the updates of parameters, and the norms that some of them read.
#include "compiler/Target/Common/ReferenceOps.h"

#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include <array>
#include <limits>

using namespace mlir;
using namespace kinema;
using namespace kinema::reference;
using clip::HyperField;

//===-- Norms -------------------------------------------------------------===//

namespace {
/// Adds up squares in f64.
struct SumOfSquares {
  KernelEmitter &e;

  Value zero(int64_t width) { return e.asF64(e.zero(width)); }

  /// Adds the squares of the elements of [from, to) that are this thread's, in vectors of `width`, to `sums`.
  Value add(Value buffer, Value from, Value to, int64_t width, Value sums) {
    Value first = e.thread ? e.add(from, e.mul(e.thread, width)) : from;
    return e.loop(first, to, e.threads * width, sums, [&](Value at, ValueRange sum) {
      Value x = e.asF64(e.loadElements(buffer, at, width));
      return SmallVector<Value>{e.addf(sum[0], e.mulf(x, x))};
    })[0];
  }

  /// Returns the sum over [from, to) of one thread's share: vectors as far as they go, then single elements.
  Value share(Value buffer, Value from, Value to, int64_t width) {
    Value end = e.add(from, e.mul(e.div(e.sub(to, from), width), width));
    Value lanes = add(buffer, from, end, width, zero(width)), sum = lanes;
    if (width == 1)
      return sum;
    sum = zero(1);
    for (int64_t i = 0; i < width; ++i)
      sum = e.addf(sum, vector::ExtractOp::create(e.b, e.loc, lanes, i));
    return add(buffer, end, to, 1, sum);
  }

  /// Stores the root of what all threads have summed.
  void storeNorm(Value share, Value buffer, Value at) {
    Value total = e.sumAcrossThreads(share)[0];
    e.once([&] { e.store(math::SqrtOp::create(e.b, e.loc, e.roundedToF32(total)), buffer, at); });
  }
};
} // namespace

/// Counts the elements of a piece, each of which begins where a vector may.
static int64_t pieceOf(RankedTensorType input, RankedTensorType norms) {
  constexpr int64_t aligned = 64;
  return shape::roundUp(shape::ceilDiv(storedElements(input), norms.getNumElements()), aligned);
}

static LaunchParts partsOf(kernel::NormsOp op, const Machine &machine) {
  LaunchParts parts;
  for (auto [input, result] : llvm::zip_equal(op.getInputs(), op.getResults())) {
    auto norms = tensorOf(result);
    parts.add({norms.getNumElements(), 0, pieceOf(tensorOf(input), norms) / machine.vector},
              {input.getType(), norms});
  }
  return parts;
}

static Blocks blocksOf(kernel::NormsOp op, const Machine &machine) {
  if (op.getTogether())
    return {1, 0, machine.threads};
  return partsOf(op, machine).blocks();
}

/// Takes all tensors as one, in one block.
static void emitTogether(kernel::NormsOp op, KernelEmitter &e) {
  SumOfSquares squares{e};
  e.forEachBlock([&](Value) {
    Value sum = squares.zero(1);
    for (OpOperand &input : op->getOpOperands())
      sum =
          squares.add(e.bufferOf(input), e.index(0), e.index(storedElements(tensorOf(input.get()))), 1, sum);
    squares.storeNorm(sum, e.results[0], e.index(0));
  });
}

static void emit(kernel::NormsOp op, KernelEmitter &e) {
  if (op.getTogether())
    return emitTogether(op, e);
  LaunchParts parts = partsOf(op, e.machine);
  SumOfSquares squares{e};
  e.forEachBlock([&](Value block) {
    auto buffersOf = [&](int64_t i) { return SmallVector<Value>{e.operands[i], e.results[i]}; };
    parts.visit(e, block, buffersOf, [&](int64_t i, Value piece, ValueRange buffers) {
      auto input = tensorOf(op.getInputs()[i]);
      int64_t length = pieceOf(input, tensorOf(op.getResult(i)));
      Value end = e.index(storedElements(input));
      Value from = e.min(e.mul(piece, length), end), to = e.min(e.add(from, length), end);
      squares.storeNorm(squares.share(buffers[0], from, to, e.machine.vector), buffers[1], piece);
    });
  });
}

//===-- Updates -----------------------------------------------------------===//

namespace {
/// An Update is one parameter of an update.
struct Update {
  int64_t elements, partials;
  double rateFactor, decayFactor;

  Update(kernel::UpdateOp op, int64_t i)
      : elements(storedElements(tensorOf(op.getWeights()[i]))),
        partials(storedElements(tensorOf(op.getGradients()[i])) / elements), rateFactor(op.getRateFactor(i)),
        decayFactor(op.getDecayFactor(i)) {}
};

/// Performs steps of an optimiser, by what all parameters share.
class Optimiser {
public:
  Optimiser(kernel::UpdateOp op, KernelEmitter &e)
      : op(op), e(e), form(op.form()), states(form.states().size()) {
    for (HyperField field : form.fields())
      if (field != HyperField::Nesterov && field != HyperField::Apply)
        fields[static_cast<size_t>(field)] = e.loadField(op.getHyperMutable(), field);
    if (form.rule == clip::UpdateRule::Sgd)
      nesterov = isSet(HyperField::Nesterov);
    if (form.held)
      ends = applies = isSet(HyperField::Apply);
    if (form.checked)
      applies = e.both(applies, isFinite(normOfAll()));
    if (form.rule == clip::UpdateRule::Sum)
      keeps = isSet(HyperField::Keep);
    if (form.clipped)
      clipScale = scaleOfClipping();
  }

  /// Returns the buffers of parameter i: its tensors among the operands, then its new values.
  SmallVector<Value> buffersOf(int64_t i) {
    SmallVector<Value> buffers;
    int64_t parameters = op.getParameters();
    for (int64_t which = 0; which < op.getTensorsEach(); ++which)
      buffers.push_back(e.operands[which * parameters + i]);
    for (int64_t which = 0; which <= states; ++which)
      buffers.push_back(e.results[which * parameters + i]);
    return buffers;
  }

  /// Enters a parameter, whose buffers these are.
  void enter(const Update &of, ValueRange buffersOfIt) {
    update = &of;
    buffers = SmallVector<Value>(buffersOfIt);
    bool hasRate = form.rule != clip::UpdateRule::Sum;
    rate = hasRate ? scaled(field(HyperField::Rate), of.rateFactor) : Value();
    decay = hasRate && of.decayFactor != 0 ? scaled(field(HyperField::Decay), of.decayFactor) : Value();
    if (form.rule == clip::UpdateRule::Lars)
      rate = e.mulf(rate, trust());
  }

  /// Updates the parameter's elements from `at` on.
  void step(Value at, int64_t width) {
    place = at;
    lanes = width;
    Value weight = e.loadElements(buffers[0], at, width);
    Value gradient = sumOfPartials(e, buffers[1 + states], update->partials, update->elements, at, width);
    if (form.clipped)
      gradient = e.mulf(gradient, all(clipScale));
    switch (form.rule) {
    case clip::UpdateRule::Sgd:
      return sgd(weight, gradient);
    case clip::UpdateRule::AdamW:
      return adamw(weight, gradient);
    case clip::UpdateRule::Lars:
      return lars(weight, gradient);
    case clip::UpdateRule::Sum:
      store(0, weight, e.addf(kept(weight), e.mulf(all(field(HyperField::Share)), gradient)));
      return;
    }
  }

private:
  Value field(HyperField field) { return fields[static_cast<size_t>(field)]; }
  Value isSet(HyperField field) {
    return arith::CmpFOp::create(e.b, e.loc, arith::CmpFPredicate::UNE,
                                 e.loadField(op.getHyperMutable(), field), e.constant(0.0f));
  }
  Value scaled(Value number, double factor) {
    return factor == 1.0 ? number : e.mulf(number, e.constant(static_cast<float>(factor)));
  }
  Value all(Value scalar) { return lanes == 1 ? scalar : e.splat(scalar, lanes); }
  Value state(int64_t number) { return e.loadElements(buffers[1 + number], place, lanes); }
  Value select(Value condition, Value x, Value y) {
    return arith::SelectOp::create(e.b, e.loc, condition, x, y);
  }
  Value isGreater(Value x, Value y) {
    return arith::CmpFOp::create(e.b, e.loc, arith::CmpFPredicate::OGT, x, y);
  }

  Value normOfAll() { return e.load(e.operands[op.getTensors().size() - 1], e.index(0)); }
  Value isFinite(Value x) { return isGreater(e.constant(std::numeric_limits<float>::infinity()), x); }

  /// Returns what a sum keeps of what it has: where that is nothing, it may have been anything.
  Value kept(Value sum) { return select(keeps, e.mulf(all(field(HyperField::Keep)), sum), e.zero(lanes)); }

  /// Returns min(1, max_norm / (norm + 1e-6)).
  Value scaleOfClipping() {
    constexpr float epsilon = 1e-6f;
    Value norm = normOfAll();
    Value most = e.constant(static_cast<float>(op.getMaxNorm()->convertToDouble()));
    Value scale = e.divf(most, e.addf(norm, e.constant(epsilon))), one = e.constant(1.0f);
    return select(isGreater(scale, one), one, scale);
  }

  /// Returns the rate of LARS by the norms of weight and gradient.
  Value trust() {
    Value one = e.constant(1.0f), zero = e.constant(0.0f);
    if (!decay)
      return one;
    Value weight = e.load(buffers[2 + states], e.index(0)),
          gradient = e.load(buffers[3 + states], e.index(0));
    if (form.clipped)
      gradient = e.mulf(gradient, clipScale);
    Value ratio = e.divf(e.mulf(field(HyperField::Trust), weight), e.addf(gradient, e.mulf(decay, weight)));
    return select(e.both(isGreater(weight, zero), isGreater(gradient, zero)), ratio, one);
  }

  /// Stores new value number `which`, and returns it: the old one where all is to stay as it is.
  Value store(int64_t which, Value old, Value value) { return store(which, old, value, applies); }
  Value store(int64_t which, Value old, Value value, Value condition) {
    if (form.held)
      value = select(condition, value, old);
    e.storeElements(value, buffers[op.getTensorsEach() + which], place);
    return value;
  }

  /// Stores the new weight, and moves the average towards it or, where the update is left out, towards the
  /// old one: so it is the weight from the first update on.
  void storeWeight(Value old, Value weight) {
    weight = store(0, old, weight);
    if (!form.averaged)
      return;
    Value average = state(states - 1), way = e.subf(weight, average);
    store(states, average, e.addf(average, e.mulf(all(field(HyperField::AverageGain)), way)), ends);
  }

  Value decayed(Value gradient, Value weight) {
    return decay ? e.addf(gradient, e.mulf(all(decay), weight)) : gradient;
  }

  void sgd(Value weight, Value gradient) {
    gradient = decayed(gradient, weight);
    Value momentum = field(HyperField::Momentum), kept = all(momentum), old = state(0);
    Value velocity = e.addf(e.mulf(kept, old), gradient);
    Value ahead = e.addf(gradient, e.mulf(all(momentum), velocity));
    Value step = select(nesterov, ahead, velocity);
    storeWeight(weight, e.subf(weight, e.mulf(all(rate), step)));
    store(1, old, velocity);
  }

  void adamw(Value weight, Value gradient) {
    auto moved = [&](Value old, Value to, HyperField gain) {
      return e.addf(old, e.mulf(all(field(gain)), e.subf(to, old)));
    };
    Value oldMean = state(0), mean = moved(oldMean, gradient, HyperField::MeanGain);
    Value oldSquare = state(1), square = moved(oldSquare, e.mulf(gradient, gradient), HyperField::SquareGain);
    Value root = e.mulf(math::SqrtOp::create(e.b, e.loc, square), all(field(HyperField::SquareScale)));
    Value step = e.divf(e.mulf(mean, all(field(HyperField::MeanScale))),
                        e.addf(root, all(field(HyperField::Epsilon))));
    Value kept = decay ? e.subf(weight, e.mulf(all(e.mulf(rate, decay)), weight)) : weight;
    storeWeight(weight, e.subf(kept, e.mulf(all(rate), step)));
    store(1, oldMean, mean);
    store(2, oldSquare, square);
  }

  void lars(Value weight, Value gradient) {
    Value old = state(0), step = e.mulf(all(rate), decayed(gradient, weight));
    Value velocity = e.addf(e.mulf(all(field(HyperField::Momentum)), old), step);
    storeWeight(weight, e.subf(weight, velocity));
    store(1, old, velocity);
  }

  kernel::UpdateOp op;
  KernelEmitter &e;
  clip::UpdateForm form;
  int64_t states;
  std::array<Value, clip::getMaxEnumValForHyperField() + 1> fields;
  Value nesterov, ends, applies, keeps, clipScale; // `ends`: the batch ends an update, sound or not
  // These are of the parameter that was entered; the decay is null where the parameter has none.
  const Update *update = nullptr;
  SmallVector<Value> buffers;
  Value rate, decay;
  Value place;
  int64_t lanes = 1;
};
} // namespace

static LaunchParts partsOf(kernel::UpdateOp op, const Machine &machine) {
  LaunchParts parts;
  for (int64_t i = 0; i < op.getParameters(); ++i) {
    Update update(op, i);
    parts.add(flatBlocks(machine, update.elements),
              {op.getWeights()[i].getType(), op.getGradients()[i].getType()},
              {update.rateFactor, update.decayFactor});
  }
  return parts;
}

static Blocks blocksOf(kernel::UpdateOp op, const Machine &machine) { return partsOf(op, machine).blocks(); }

static void emit(kernel::UpdateOp op, KernelEmitter &e) {
  LaunchParts parts = partsOf(op, e.machine);
  Optimiser optimiser(op, e);
  e.forEachBlock([&](Value block) {
    auto buffersOf = [&](int64_t i) { return optimiser.buffersOf(i); };
    parts.visit(e, block, buffersOf, [&](int64_t i, Value block, ValueRange buffers) {
      Update update(op, i);
      optimiser.enter(update, buffers);
      forEachFlat(e, update.elements, block, flatWidth(e.machine, update.elements, update.partials),
                  [&](Value at, int64_t width) { optimiser.step(at, width); });
    });
  });
}

ArrayRef<Lowering> reference::updateLowerings() {
  static const Lowering rows[] = {loweringOf<kernel::NormsOp, blocksOf, emit>(),
                                  loweringOf<kernel::UpdateOp, blocksOf, emit>()};
  return rows;
}
