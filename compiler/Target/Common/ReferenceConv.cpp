// Convolutions and weight gradients as loops over results, taps and channels.
#include "compiler/Target/Common/Layouts.h"
#include "compiler/Target/Common/ReferenceOps.h"
#include "compiler/Target/Common/Window.h"
#include "dialects/Kernel/WidenedWeights.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::reference;

//===-- Convolution -------------------------------------------------------===//

namespace {
/// Counts the channels of a grouped convolution: those of the result, and those that each group contracts,
/// where groups that share their inputs are one.
struct Channels {
  int64_t result, resultPerGroup, sourcePerGroup;
  bool depthwise() const { return resultPerGroup == 1 && sourcePerGroup == 1; }
};
} // namespace

static Channels channelsOf(kernel::ConvOp op) {
  int64_t groups = op.getGroups() / kernel::groupsTogether(op), result = op.getResultType().getDimSize(1);
  return {result, result / groups, op.getSourceType().getDimSize(1) / groups};
}

/// Returns the machine's vector if weights come in vectors over the result's channels, and all channels of a
/// vector share a group; else 1.
static int64_t widthOf(kernel::ConvOp op, const Machine &machine) {
  SmallVector<RankedTensorType> types = tensorTypes(op.getEpilogueOperands());
  llvm::append_range(types, tensorTypes(op.getResults()));
  Channels channels = channelsOf(op);
  auto weight = weightBlocksOf(tensorOf(op.getWeight()));
  bool byOutput = channels.depthwise() || op.getDirection() == kernel::Direction::Forward;
  if (!weight || weight->exchanged == byOutput || weight->vector % machine.vector)
    return 1;
  if (channels.depthwise())
    llvm::append_range(types, tensorTypes(op.getPrologueOperands()));
  else if (op.getGroups() > 1 && channels.resultPerGroup % machine.vector)
    return 1;
  return channelWidth(machine, types);
}

static Walk walkOf(kernel::ConvOp op, const Machine &machine) {
  int64_t channels = 0;
  for (Value result : op.getResults())
    channels = std::max(channels, storedChannels(tensorOf(result)));
  return Walk(machine, op.getResultType(), channels, widthOf(op, machine), /*flat=*/false, machine.partials);
}

static Blocks blocksOf(kernel::ConvOp op, const Machine &machine) { return walkOf(op, machine).blocks(); }

/// Returns acc + the products of the terms of x with those of another number, but for that of both rests.
static Value addTerms(KernelEmitter &e, Value x, std::array<Value, 2> other, Value acc) {
  auto [rounded, rest] = e.termsOf(x);
  acc = e.fma(e.asF32(rest), other[0], acc);
  acc = e.fma(e.asF32(rounded), other[1], acc);
  return e.fma(e.asF32(rounded), other[0], acc);
}

/// Returns a factor as the machine adds up products. Those of two f32 are exact in f64.
static Value factor(KernelEmitter &e, Value x) { return e.machine.sumsInF64 ? e.asF64(x) : x; }

static Value noProducts(KernelEmitter &e, int64_t width) { return factor(e, e.zero(width)); }

static Value sumOfProducts(KernelEmitter &e, Value sum) {
  return e.machine.sumsInF64 ? e.roundedToF32(sum) : sum;
}

namespace {
/// Computes single results of a convolution.
struct ConvElement {
  kernel::ConvOp op;
  KernelEmitter &e;
  int64_t width;
  Channels channels = channelsOf(op);
  RankedTensorType source = op.getSourceType(), weight = tensorOf(op.getWeight());
  int64_t sourceWidth = channels.depthwise() ? width : 1;
  RegionReader reader{e, op.prologue(), source, sourceWidth};

  Value prologue(ValueRange coordinates) {
    reader.enter(coordinates[0], coordinates[1]);
    return reader.value(coordinates);
  }

  /// Returns acc + the products of one tap; c is the result's channel, i runs over its group's source
  /// channels.
  Value addTap(Value acc, Value n, Value c, ArrayRef<Value> at, ArrayRef<Value> tap) {
    bool forward = op.getDirection() == kernel::Direction::Forward;
    Value group = e.div(c, channels.resultPerGroup), inGroup = e.rem(c, channels.resultPerGroup);
    auto product = [&](Value acc, Value i) {
      Value channel = channels.depthwise() ? c : e.add(e.mul(group, channels.sourcePerGroup), i);
      Value x = prologue({n, channel, at[0], at[1], at[2]});
      Value o = forward || channels.depthwise() ? c : channel, in = channels.depthwise() ? i
                                                                    : forward            ? i
                                                                                         : inGroup;
      auto load = [&](SmallVector<Value> coordinates) {
        coordinates.append({o, in, tap[0], tap[1], tap[2]});
        return e.loadElements(e.bufferOf(op.getWeightMutable()), e.position(weight, coordinates), width);
      };
      auto wide = [&] { return sourceWidth < width ? e.splat(x, width) : x; };
      if (op.getBf16x3())
        return addTerms(e, wide(), {load({e.index(0)}), load({e.index(1)})}, acc);
      Value w = load({});
      return e.fma(factor(e, wide()), factor(e, w), acc);
    };
    int64_t count = channels.sourcePerGroup;
    if (count == 1)
      return product(acc, e.index(0));
    // Channels of a block of 8 lie side by side, so that their addresses differ by constants.
    int64_t together = count % 8 ? 1 : 8;
    return e.loop(e.index(0), e.index(count), together, acc, [&](Value first, ValueRange state) {
      return e.loop(e.index(0), e.index(together), 1, state, [&](Value i, ValueRange state) {
        return SmallVector<Value>{product(state[0], e.add(first, i))};
      });
    })[0];
  }

  Value at(const Walk::Coordinates &result) {
    auto window = op.getWindow().getWindow();
    Value none = op.getBf16x3() ? e.zero(width) : noProducts(e, width);
    Value sum = forEachTap(e, window, none, [&](ArrayRef<Value> tap, Value acc) {
      auto position = sourceOf(e, window, op.getDirection() == kernel::Direction::Forward, source,
                               ArrayRef(result).drop_front(2), tap);
      return e.select(
          position.inside, [&] { return addTap(acc, result[0], result[1], position.coordinates, tap); }, acc);
    });
    return op.getBf16x3() ? sum : sumOfProducts(e, sum);
  }
};
} // namespace

static void emit(kernel::ConvOp op, KernelEmitter &e) {
  Walk walk = walkOf(op, e.machine);
  ConvElement conv{op, e, walk.getWidth()};
  RegionReader reader(e, op.epilogue(), op.getResultType(), walk.getWidth(), &walk);
  emitElements(e, walk, reader, [&](const Walk::Coordinates &at) { return SmallVector<Value>{conv.at(at)}; });
}

//===-- Pair --------------------------------------------------------------===//

static Walk walkOf(kernel::PairOp op, const Machine &machine) {
  auto result = op.getResultType();
  return Walk(machine, result, storedChannels(result), /*width=*/1, /*flat=*/false, machine.partials);
}

static Blocks blocksOf(kernel::PairOp op, const Machine &machine) { return walkOf(op, machine).blocks(); }

namespace {
/// Computes single results of a pair; what lies between the convs is computed again for each result that
/// reads it.
struct PairElement {
  kernel::PairOp op;
  KernelEmitter &e;
  RankedTensorType source = op.getSourceType(), middle = op.getMiddleType(),
                   firstWeight = tensorOf(op.getFirstWeight()), secondWeight = tensorOf(op.getSecondWeight());
  RegionReader sourceReader{e, op.prologue(), source, 1};
  RegionReader middleReader{e, op.middle(), middle, 1};

  /// Returns the sum over taps and channels of value(channel, position) * weight[c, channel, tap].
  Value contract(clip::WindowAttr attr, RankedTensorType from, Value weight, RankedTensorType weightType,
                 Value c, ArrayRef<Value> at, function_ref<Value(Value, ArrayRef<Value>)> value) {
    auto window = attr.getWindow();
    return sumOfProducts(
        e, forEachTap(e, window, noProducts(e, 1), [&](ArrayRef<Value> tap, Value acc) {
          auto position = sourceOf(e, window, /*forward=*/true, from, at, tap);
          auto products = [&] {
            return e.loop(e.index(0), e.index(from.getDimSize(1)), 1, acc, [&](Value i, ValueRange state) {
              Value w = e.load(weight, e.position(weightType, {c, i, tap[0], tap[1], tap[2]}));
              return SmallVector<Value>{
                  e.fma(factor(e, value(i, position.coordinates)), factor(e, w), state[0])};
            })[0];
          };
          return e.select(position.inside, products, acc);
        }));
  }

  Value middleAt(Value n, Value m, ArrayRef<Value> at) {
    Value sum = contract(op.getFirstWindow(), source, e.bufferOf(op.getFirstWeightMutable()), firstWeight, m,
                         at, [&](Value i, ArrayRef<Value> from) {
                           sourceReader.enter(n, i);
                           return sourceReader.value({n, i, from[0], from[1], from[2]});
                         });
    middleReader.enter(n, m);
    SmallVector<Value> arguments = {sum};
    llvm::append_range(arguments, middleReader.at({n, m, at[0], at[1], at[2]}));
    return e.inlineRegion(op.getMiddle(), arguments)[0];
  }

  Value at(const Walk::Coordinates &result) {
    return contract(op.getSecondWindow(), middle, e.bufferOf(op.getSecondWeightMutable()), secondWeight,
                    result[1], ArrayRef(result).drop_front(2),
                    [&](Value m, ArrayRef<Value> from) { return middleAt(result[0], m, from); });
  }
};
} // namespace

static void emit(kernel::PairOp op, KernelEmitter &e) {
  Walk walk = walkOf(op, e.machine);
  PairElement pair{op, e};
  RegionReader reader(e, op.epilogue(), op.getResultType(), 1, &walk);
  emitElements(e, walk, reader, [&](const Walk::Coordinates &at) { return SmallVector<Value>{pair.at(at)}; });
}

//===-- Weight gradient ---------------------------------------------------===//

namespace {
struct WeightGrad {
  kernel::WeightGradOp op;
  const Machine &machine;
  RankedTensorType gradient = op.getGradientType(), activation = op.getActivationType(),
                   result = tensorOf(op.getResult());
  int64_t outputs = gradient.getDimSize(1), outputsPerGroup = outputs / op.getGroups(),
          inputsPerGroup = result.getDimSize(2);
  bool depthwise = outputsPerGroup == 1 && inputsPerGroup == 1;

  /// Returns the stored extent of an axis of the weight [P, O, I, T, H, W], but for P.
  int64_t stored(int64_t axis) { return storedExtent(result, axis); }
  /// Returns the result's shape as if there were one partial.
  SmallVector<int64_t> shape() {
    SmallVector<int64_t> shape(result.getShape());
    shape[0] = 1;
    return shape;
  }
  /// Returns the machine's vector if the result lies in vectors over output channels of one group, else 1.
  int64_t width() {
    auto weight = weightBlocksOf(result);
    if (!weight || weight->exchanged || weight->vector % machine.vector)
      return 1;
    SmallVector<RankedTensorType> types = tensorTypes(op.getGradientOperands());
    if (depthwise)
      llvm::append_range(types, tensorTypes(op.getActivationOperands()));
    else if (op.getGroups() > 1 && outputsPerGroup % machine.vector)
      return 1;
    return channelWidth(machine, types);
  }
  /// Returns the number of taps along W of one output channel, which are summed together.
  int64_t row() { return op.getWindow().getWindow().kernel[2]; }
  /// Counts such rows of one output channel, padding included.
  int64_t rows() { return stored(2) * op.getWindow().getWindow().taps() / row(); }
  Walk walk() {
    // Partials of a large weight would cost more memory than they buy time.
    constexpr int64_t partialElements = 1 << 21;
    int64_t maxPartials = std::clamp<int64_t>(
        partialElements / kernel::layoutOf(result).storedElements(shape()), 1, machine.partials / 4);
    // A depthwise weight is so small that its products are too few for each thread to have its own.
    auto shared =
        depthwise ? bestShared(machine, shape::product(clip::spatialSize(gradient))) : Shared::Channels;
    return Walk(machine, gradient, stored(1), width(), /*flat=*/false, maxPartials, rows(), shared);
  }
};

/// Computes the products whose sums are the gradients of a row of weights.
struct WeightGradElement {
  WeightGrad &grad;
  KernelEmitter &e;
  int64_t width;
  kernel::WeightGradOp op = grad.op;
  int64_t activationWidth = grad.depthwise ? width : 1;
  RegionReader gradient{e, op.gradient(), grad.gradient, width};
  RegionReader activation{e, op.activation(), grad.activation, activationWidth};
  Value channel = {}; // channel of the activation

  void enter(Value n, Value o, Value i) {
    Value group = e.div(o, grad.outputsPerGroup);
    channel = grad.depthwise ? o : e.add(e.mul(group, grad.inputsPerGroup), i);
    gradient.enter(n, o);
    activation.enter(n, channel);
  }
  /// Returns the products at one position of the gradient; t and h are those of the taps.
  SmallVector<Value> at(const Walk::Coordinates &at, Value t, Value h) {
    Value g = gradient.value(at);
    return llvm::map_to_vector(llvm::seq(grad.row()),
                               [&](int64_t w) { return product(at, g, {t, h, e.index(w)}); });
  }
  Value product(const Walk::Coordinates &at, Value g, ArrayRef<Value> tap) {
    auto position = sourceOf(e, op.getWindow().getWindow(), /*forward=*/true, grad.activation,
                             ArrayRef(at).drop_front(2), tap);
    auto inside = [&] {
      auto [t, h, w] = position.coordinates;
      Value x = activation.value({at[0], channel, t, h, w});
      x = activationWidth < width ? e.splat(x, width) : x;
      if (!op.getBf16x3())
        return e.mulf(g, x);
      auto [rounded, rest] = e.termsOf(x);
      return addTerms(e, g, {e.asF32(rounded), e.asF32(rest)}, e.zero(width));
    };
    return e.select(position.inside, inside, e.zero(width));
  }
};
} // namespace

static Blocks blocksOf(kernel::WeightGradOp op, const Machine &machine) {
  WeightGrad grad{op, machine};
  Walk walk = grad.walk();
  Blocks blocks = walk.blocks();
  if (walk.getShared() == Shared::Channels)
    blocks.items *= grad.rows();
  return blocks;
}

static void emit(kernel::WeightGradOp op, KernelEmitter &e) {
  WeightGrad grad{op, e.machine};
  Walk walk = grad.walk();
  WeightGradElement element{grad, e, walk.getWidth()};
  auto kernel = op.getWindow().getWindow().kernel;
  // A row of weights of an output channel has an input channel, which may be padding, and its taps' t and h.
  auto compute = [&](const Walk::Part &part, Value c, Value valid, Value row) {
    Value t = e.rem(e.div(row, kernel[1]), kernel[0]), h = e.rem(row, kernel[1]);
    Value i = e.div(row, kernel[0] * kernel[1]), o = walk.readable(e, c);
    Value readable = e.min(i, e.index(grad.inputsPerGroup - 1));
    auto totals = walk.sum(
        e, part, o, grad.row(), [&](Value n) { element.enter(n, o, readable); },
        [&](const Walk::Coordinates &at) { return element.at(at, t, h); }, /*wide=*/e.machine.sumsInF64);
    walk.once(e, [&] {
      for (auto [w, total] : llvm::enumerate(totals)) {
        if (grad.stored(2) > grad.inputsPerGroup)
          total = e.select(e.inRange(i, grad.inputsPerGroup), [&] { return total; }, e.zero(walk.getWidth()));
        Value at = e.position(grad.result, {part.partial, c, i, t, h, e.index(w)});
        e.storeElements(masked(e, valid, total), e.results[0], at);
      }
      // The rest of a row of taps is padding.
      for (int64_t w = grad.row(); w < grad.stored(5); ++w)
        e.storeElements(e.zero(walk.getWidth()), e.results[0],
                        e.position(grad.result, {part.partial, c, i, t, h, e.index(w)}));
    });
  };
  e.forEachBlock([&](Value block) {
    auto part = walk.part(e, block);
    walk.forEachChannel(e, part, grad.rows(),
                        [&](Value c, Value valid, Value row) { compute(part, c, valid, row); });
  });
}

ArrayRef<Lowering> reference::convLowerings() {
  static const Lowering rows[] = {loweringOf<kernel::ConvOp, blocksOf, emit>(),
                                  loweringOf<kernel::PairOp, blocksOf, emit>(),
                                  loweringOf<kernel::WeightGradOp, blocksOf, emit>()};
  return rows;
}
