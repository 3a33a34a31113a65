// Lowers the merging of partials, and sums over axes.
#include "compiler/Target/Common/ReferenceOps.h"

#include <numeric>

using namespace mlir;
using namespace kinema;
using namespace kinema::reference;

//===-- Finalize ----------------------------------------------------------===//

namespace {
/// Merges partials and computes the region for one vector of channels.
struct Finalize {
  kernel::FinalizeOp op;
  KernelEmitter &e;
  int64_t width;
  RankedTensorType partials = op.getPartials() ? tensorOf(op.getPartials()) : RankedTensorType();

  Value partial(Value block, int64_t row, Value c) {
    return e.asF64(e.loadElements(e.operands[0], e.position(partials, {block, e.index(row), c}), width));
  }

  /// Adds up what `terms` makes of each block's partial.
  SmallVector<Value> overPartials(int64_t count, function_ref<SmallVector<Value>(Value)> terms) {
    SmallVector<Value> zeros(count, e.asF64(e.zero(width)));
    Value first = e.thread ? e.thread : e.index(0);
    return e.sumAcrossThreads(
        e.loop(first, e.index(partials.getDimSize(0)), e.threads, zeros,
               [&](Value block, ValueRange totals) { return e.sums(totals, terms(block)); }));
  }

  /// Returns mean and biased variance. In f64 the square of the mean may be subtracted, so that one pass is
  /// enough.
  SmallVector<Value> moments(Value c) {
    auto totals = overPartials(3, [&](Value block) -> SmallVector<Value> {
      Value count = partial(block, 0, c), mean = partial(block, 1, c), sum = e.mulf(count, mean);
      return {count, sum, e.addf(partial(block, 2, c), e.mulf(sum, mean))};
    });
    Value zero = e.asF64(e.zero(width)), one = e.asF64(e.constant(1.0f, e.zero(width).getType()));
    Value count = arith::MaximumFOp::create(e.b, e.loc, totals[0], one), mean = e.divf(totals[1], count);
    Value variance = e.subf(e.divf(totals[2], count), e.mulf(mean, mean));
    return {e.roundedToF32(mean), e.roundedToF32(arith::MaximumFOp::create(e.b, e.loc, variance, zero))};
  }

  SmallVector<Value> sums(Value c) {
    int64_t count = partials.getDimSize(1);
    auto totals = overPartials(count, [&](Value block) {
      return llvm::map_to_vector(llvm::seq(count), [&](int64_t row) { return partial(block, row, c); });
    });
    return llvm::map_to_vector(totals, [&](Value total) { return e.roundedToF32(total); });
  }

  /// Returns what the partials come to at channel c, to which all threads contribute.
  SmallVector<Value> merged(Value c) {
    if (!partials)
      return {};
    return op.getMoments() ? moments(c) : sums(c);
  }

  /// Returns the results at channel c.
  SmallVector<Value> values(ValueRange merged, Value c) {
    SmallVector<Value> arguments(merged);
    for (OpOperand &input : op.getInputsMutable())
      arguments.push_back(e.loadElements(e.bufferOf(input), c, width));
    return e.inlineRegion(op.getBody(), arguments, width);
  }
};
} // namespace

SmallVector<Value> reference::mergedAt(kernel::FinalizeOp op, KernelEmitter &e, Value channel,
                                       int64_t width) {
  return Finalize{op, e, width}.merged(channel);
}

SmallVector<Value> reference::finalizeAt(kernel::FinalizeOp op, KernelEmitter &e, ValueRange merged,
                                         Value channel, int64_t width) {
  return Finalize{op, e, width}.values(merged, channel);
}

/// Returns whether threads share the partials of a vector of channels; narrow vectors then make enough blocks
/// of few channels.
static bool sharesPartials(kernel::FinalizeOp op, const Machine &machine) {
  return op.getPartials() && machine.threads > 1;
}

static int64_t widthOf(kernel::FinalizeOp op, const Machine &machine) {
  constexpr int64_t narrow = 4;
  SmallVector<RankedTensorType> types = tensorTypes(op->getOperands());
  llvm::append_range(types, tensorTypes(op.getResults()));
  int64_t width = channelWidth(machine, types);
  return sharesPartials(op, machine) ? std::min(width, narrow) : width;
}

/// Walks through channel vectors as through an activation of one position.
static Walk walkOf(kernel::FinalizeOp op, const Machine &machine) {
  auto type = tensorOf(op.getResult(0));
  int64_t stored = 0;
  for (Value result : op.getResults())
    stored = std::max(stored, storedChannels(tensorOf(result)));
  auto domain = RankedTensorType::get({1, type.getDimSize(0), 1, 1, 1}, type.getElementType());
  int64_t width = widthOf(op, machine), units = shape::ceilDiv(stored, width);
  bool shares = sharesPartials(op, machine);
  int64_t blocks = shares ? units : shape::ceilDiv(units, std::max<int64_t>(8, machine.threads));
  return Walk(domain, width, Partition::choose(1, 1, units, blocks, /*maxPartials=*/1),
              shares ? Shared::Positions : Shared::Channels);
}

static Blocks blocksOf(kernel::FinalizeOp op, const Machine &machine) {
  Blocks blocks = walkOf(op, machine).blocks();
  if (sharesPartials(op, machine)) {
    // One block has all partials of its few channels, and what it waits for is memory. With so many threads,
    // each has 128 registers; with 64 it would spill.
    constexpr int64_t most = 512;
    blocks.items = tensorOf(op.getPartials()).getDimSize(0);
    blocks.mostThreads = most;
  }
  return blocks;
}

static void emit(kernel::FinalizeOp op, KernelEmitter &e) {
  Walk walk = walkOf(op, e.machine);
  Finalize finalize{op, e, walk.getWidth()};
  e.forEachBlock([&](Value block) {
    walk.forEachChannel(e, walk.part(e, block), [&](Value c, Value valid) {
      Value readable = walk.readable(e, c);
      auto merged = finalize.merged(readable);
      // One thread alone reads the other operands, since it may write results over them.
      walk.once(e, [&] {
        auto values = finalize.values(merged, readable);
        for (auto [result, value] : llvm::zip(e.results, values))
          e.storeElements(masked(e, valid, value), result, c);
      });
    });
  });
}

//===-- Reduce ------------------------------------------------------------===//

Value reference::sumOfPartials(KernelEmitter &e, Value buffer, int64_t count, int64_t elements, Value at,
                               int64_t width) {
  Value first = e.loadElements(buffer, at, width);
  if (count == 1)
    return first;
  // Adds the partials from this one on, in order. A thread of a GPU would wait for each load where it added
  // at once.
  auto add = [&](Value from, int64_t partials, Value sum) {
    SmallVector<Value> parts;
    for (int64_t i = 0; i < partials; ++i)
      parts.push_back(e.loadElements(buffer, e.add(e.mul(e.add(from, i), elements), at), width));
    return std::accumulate(parts.begin(), parts.end(), sum, [&](Value a, Value b) { return e.addf(a, b); });
  };
  const int64_t together = e.thread ? 8 : 1, rest = (count - 1) % together;
  Value sum = e.loop(e.index(1), e.index(count - rest), together, first,
                     [&](Value partial, ValueRange sum) -> SmallVector<Value> {
                       return {add(partial, together, sum[0])};
                     })[0];
  return add(e.index(count - rest), rest, sum);
}

static Blocks blocksOf(kernel::ReduceOp op, const Machine &machine) {
  return flatBlocks(machine, storedElements(tensorOf(op.getResult())));
}

static void emit(kernel::ReduceOp op, KernelEmitter &e) {
  auto result = tensorOf(op.getResult());
  const int64_t elements = storedElements(result);
  auto counts = llvm::map_to_vector(op.getInputs(), [&](Value input) {
    return tensorOf(input).getRank() == result.getRank() ? 1 : tensorOf(input).getDimSize(0);
  });
  const int64_t width = flatWidth(e.machine, elements, *llvm::max_element(counts));
  e.forEachBlock([&](Value block) {
    forEachFlat(e, elements, block, width, [&](Value at, int64_t width) {
      Value sum;
      for (auto [buffer, count] : llvm::zip(e.operands, counts)) {
        Value part = sumOfPartials(e, buffer, count, elements, at, width);
        sum = sum ? e.addf(sum, part) : part;
      }
      e.storeElements(sum, e.results[0], at);
    });
  });
}

//===-- Sums over axes ----------------------------------------------------===//

namespace {
/// Sums the prologue's values over the axes along which the result has a size of 1.
struct SpreadSum {
  kernel::SpreadSumOp op;
  const Machine &machine;
  RankedTensorType source = op.getSourceType(), result = tensorOf(op.getResult());

  bool isSummed(int axis) { return source.getDimSize(axis) != result.getDimSize(axis); }

  /// Returns whether the sum is over all positions of a clip.
  bool isOfClips() {
    return !isSummed(0) && !isSummed(1) &&
           llvm::all_of(result.getShape().drop_front(2), [](int64_t size) { return size == 1; });
  }

  Walk walk() {
    SmallVector<RankedTensorType> types = tensorTypes(op.getInputs());
    types.push_back(result);
    if (isOfClips())
      return Walk::ofClips(machine, source, storedChannels(result), channelWidth(machine, types));
    int64_t width = isSummed(1) ? 1 : channelWidth(machine, types);
    Machine each = machine;
    each.work = std::max<int64_t>(1, machine.work * result.getNumElements() / source.getNumElements());
    return Walk(each, result, storedChannels(result), width, /*flat=*/false, machine.partials);
  }

  /// Returns the sum over the axes from `axis` on; each loop adds up its own sum, so that sums stay exact.
  Value total(KernelEmitter &e, RegionReader &reader, Walk::Coordinates at, int axis, int64_t width) {
    if (axis == 2)
      reader.enter(at[0], at[1]);
    if (axis == 5)
      return reader.value(at);
    if (!isSummed(axis))
      return total(e, reader, at, axis + 1, width);
    return e.loop(e.index(0), e.index(source.getDimSize(axis)), 1, e.zero(width),
                  [&](Value i, ValueRange sum) {
                    at[axis] = i;
                    return SmallVector<Value>{e.addf(sum[0], total(e, reader, at, axis + 1, width))};
                  })[0];
  }
};
} // namespace

static Blocks blocksOf(kernel::SpreadSumOp op, const Machine &machine) {
  return SpreadSum{op, machine}.walk().blocks();
}

static void emit(kernel::SpreadSumOp op, KernelEmitter &e) {
  SpreadSum sum{op, e.machine};
  Walk walk = sum.walk();
  RegionReader reader(e, op.prologue(), sum.source, walk.getWidth());
  if (sum.isOfClips())
    return emitClipSums(e, walk, reader, [&](Value n, Value c, Value total) {
      Value zero = e.index(0);
      e.storeElements(total, e.results[0], e.position(sum.result, {n, c, zero, zero, zero}));
    });
  e.forEachBlock([&](Value block) {
    auto part = walk.part(e, block);
    walk.forEachChannel(e, part, [&](Value c, Value valid) {
      Value from = walk.readable(e, c);
      walk.sum(
          e, part, c, 0, [](Value) {},
          [&](Walk::Coordinates at) -> SmallVector<Value> {
            Value to = e.position(sum.result, at);
            at[1] = from;
            auto total = [&] { return sum.total(e, reader, at, 0, walk.getWidth()); };
            bool lazily = valid && walk.getWidth() == 1;
            Value value = lazily ? e.select(valid, total, e.zero(1)) : masked(e, valid, total());
            e.storeElements(value, e.results[0], to);
            return {};
          });
    });
  });
}

ArrayRef<Lowering> reference::reduceLowerings() {
  static const Lowering rows[] = {loweringOf<kernel::FinalizeOp, blocksOf, emit>(),
                                  loweringOf<kernel::ReduceOp, blocksOf, emit>(),
                                  loweringOf<kernel::SpreadSumOp, blocksOf, emit>()};
  return rows;
}
