#include "compiler/Target/Common/Reference.h"

#include "compiler/Target/Common/ReferenceOps.h"
#include "compiler/Target/Common/ScheduleParameters.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::reference;

/// Returns the lowering of an operation; null where it has none.
static const Lowering *loweringOf(Operation *op) {
  for (auto lowerings : {axesLowerings, channelsLowerings, convLowerings, copyLowerings, lossLowerings,
                         pointwiseLowerings, poolLowerings, reduceLowerings, updateLowerings})
    for (const Lowering &lowering : lowerings())
      if (lowering.op == op->getName().getTypeID())
        return &lowering;
  return nullptr;
}

bool kinema::hasReference(Operation *op) {
  auto conv = dyn_cast<kernel::ConvOp>(op);
  return ::loweringOf(op) && !(conv && conv.readsPoints());
}

/// Returns whole warps, since every machine's blocks are made of them.
static int64_t threadsFor(const Blocks &blocks, const Machine &machine) {
  int64_t most = blocks.mostThreads ? blocks.mostThreads : machine.threads;
  return std::min(shape::roundUp(std::max<int64_t>(blocks.items, 1), machine.warp), most);
}

kernel::ScheduleAttr kinema::scheduleReference(Operation *op, const Machine &machine, StringRef name) {
  const Lowering *lowering = ::loweringOf(op);
  Blocks blocks = lowering ? lowering->blocks(op, machine) : Blocks{}; // without one, `verifySchedule` fails
  Grid grid{.blocks = blocks.grid, .partials = blocks.partials};
  if (machine.threads > 1)
    grid.threads = threadsFor(blocks, machine);
  return makeSchedule(op->getContext(), name.empty() ? machine.reference : name, grid);
}

void kinema::emitReference(Operation *op, KernelEmitter &e) { ::loweringOf(op)->emit(op, e); }

void kinema::fixPartials(Operation *op, kernel::ScheduleAttr schedule) {
  for (Value result : op->getResults()) {
    auto type = cast<RankedTensorType>(result.getType());
    if (type.hasStaticShape())
      continue;
    SmallVector<int64_t> shape(type.getShape());
    shape.front() = schedule.getPartials();
    result.setType(RankedTensorType::get(shape, type.getElementType(), type.getEncoding()));
  }
}

int64_t reference::storedElements(RankedTensorType type) {
  return kernel::layoutOf(type).storedElements(type.getShape());
}

SmallVector<RankedTensorType> reference::tensorTypes(ValueRange values) {
  return llvm::map_to_vector(values, tensorOf);
}

//===-- Reading a region's operands ---------------------------------------===//

RegionReader::RegionReader(KernelEmitter &e, const kernel::AccessRegion &region, RankedTensorType domain,
                           int64_t width, const Walk *walk)
    : e(e), region(region), domain(walk ? walk->view(domain) : domain), width(width), walk(walk),
      entered(region.size()) {}

Value RegionReader::load(const kernel::AccessOperand &operand, ValueRange coordinates) {
  bool isViewed = walk && operand.access == kernel::Access::Pixel;
  RankedTensorType type = isViewed ? walk->view(operand.getType()) : operand.getType();
  return e.loadAccess(e.bufferOf(*operand.operand), type, operand.access, domain, coordinates, width);
}

void RegionReader::enter(Value n, Value c) {
  for (auto [operand, value] : llvm::zip_equal(region, entered))
    if (operand.isByChannel())
      value = load(operand, {n, c});
}

SmallVector<Value> RegionReader::at(ValueRange coordinates) {
  SmallVector<Value> values;
  for (auto [operand, value] : llvm::zip_equal(region, entered))
    values.push_back(operand.isByChannel() ? value : load(operand, coordinates));
  return values;
}

Value RegionReader::value(ValueRange coordinates) {
  return e.inlineRegion(region.getRegion(), at(coordinates), width).front();
}

//===-- Carrying out what a region yields ---------------------------------===//

namespace {
/// Carries out what a region yields: stores elements, and leaves their moments and sums in a partial.
class Yields {
public:
  Yields(KernelEmitter &e, Operation *op, kernel::YieldOp yield, const Walk &walk);

  /// Computes `element` (all that the region yields) over the part at channel c. `prepare` runs once a clip.
  void run(const Walk::Part &part, Value c, Value valid, function_ref<void(Value)> prepare,
           function_ref<SmallVector<Value>(const Walk::Coordinates &)> element);
  /// Writes zeros for a channel that is padding.
  void clear(const Walk::Part &part, Value c);

private:
  void storePartial(int64_t result, Value partial, int64_t row, Value c, Value valid, Value value);

  KernelEmitter &e;
  Operation *op;
  kernel::YieldOp yield;
  const Walk &walk;
  int64_t stores, moments, sums;
};
} // namespace

Yields::Yields(KernelEmitter &e, Operation *op, kernel::YieldOp yield, const Walk &walk)
    : e(e), op(op), yield(yield), walk(walk), stores(yield.countOf(kernel::Yield::Store)),
      moments(yield.countOf(kernel::Yield::Moments)), sums(yield.countOf(kernel::Yield::Sum)) {}

void Yields::storePartial(int64_t result, Value partial, int64_t row, Value c, Value valid, Value value) {
  Value at = e.position(tensorOf(op->getResult(result)), {partial, e.index(row), c});
  e.storeElements(masked(e, valid, value), e.results[result], at);
}

void Yields::run(const Walk::Part &part, Value c, Value valid, function_ref<void(Value)> prepare,
                 function_ref<SmallVector<Value>(const Walk::Coordinates &)> element) {
  auto position = [&](int64_t result, const Walk::Coordinates &at) {
    return e.position(walk.view(tensorOf(op->getResult(result))), at);
  };
  auto totals = walk.sum(e, part, c, moments + sums, prepare, [&](const Walk::Coordinates &at) {
    SmallVector<Value> values = element(at);
    for (Value &value : values)
      value = masked(e, valid, value);
    for (int64_t i = 0; i < stores; ++i)
      e.storeElements(values[i], e.results[i], position(i, at));
    return SmallVector<Value>(ArrayRef(values).drop_front(stores));
  });
  walk.once(e, [&] {
    for (int64_t i = 0; i < sums; ++i)
      storePartial(stores + moments, part.partial, i, c, valid, totals[moments + i]);
  });
  if (!moments)
    return;

  // The second pass, for the squared deviations, reads what the first one stored, if it did.
  Value count = walk.count(e, part), mean = e.divf(totals[0], count);
  auto stored = llvm::find(yield.getValues().take_front(stores), yield.getValues()[stores]);
  int64_t source = stored - yield.getValues().begin();
  auto reread = [&](const Walk::Coordinates &at) {
    return source < stores ? e.loadElements(e.results[source], position(source, at), walk.getWidth())
                           : element(at)[stores];
  };
  auto squares =
      walk.sum(e, part, c, 1, source < stores ? [](Value) {} : prepare, [&](const Walk::Coordinates &at) {
        Value deviation = e.subf(reread(at), mean);
        return SmallVector<Value>{e.mulf(deviation, deviation)};
      });
  walk.once(e, [&] {
    storePartial(stores, part.partial, 0, c, valid, count);
    storePartial(stores, part.partial, 1, c, valid, mean);
    storePartial(stores, part.partial, 2, c, valid, squares[0]);
  });
}

void Yields::clear(const Walk::Part &part, Value c) {
  Value zero = e.zero(walk.getWidth());
  walk.sum(
      e, part, c, 0, [](Value) {},
      [&](const Walk::Coordinates &at) -> SmallVector<Value> {
        for (int64_t i = 0; i < stores; ++i)
          e.storeElements(zero, e.results[i], e.position(walk.view(tensorOf(op->getResult(i))), at));
        return {};
      });
  walk.once(e, [&] {
    for (int64_t row = 0; row < 3 * moments; ++row)
      storePartial(stores, part.partial, row, c, {}, zero);
    for (int64_t row = 0; row < sums; ++row)
      storePartial(stores + moments, part.partial, row, c, {}, zero);
  });
}

void reference::emitElements(KernelEmitter &e, const Walk &walk, RegionReader &reader,
                             function_ref<SmallVector<Value>(const Walk::Coordinates &)> lead) {
  Region &region = reader.getRegion();
  Yields yields(e, region.getParentOp(), cast<kernel::YieldOp>(region.front().getTerminator()), walk);
  e.forEachBlock([&](Value block) {
    auto part = walk.part(e, block);
    walk.forEachChannel(e, part, [&](Value c, Value valid) {
      // Where scalars walk through padding, there is nothing to read.
      bool scalar = valid && walk.getWidth() == 1;
      auto element = [&](const Walk::Coordinates &at) {
        SmallVector<Value> arguments = lead(at);
        llvm::append_range(arguments, reader.at(at));
        return e.inlineRegion(region, arguments, walk.getWidth());
      };
      auto run = [&] {
        yields.run(part, c, scalar ? Value() : valid, [&](Value n) { reader.enter(n, c); }, element);
      };
      if (scalar)
        e.when(valid, run, [&] { yields.clear(part, c); });
      else
        run();
    });
  });
}

//===-- Items -------------------------------------------------------------===//

void reference::emitClipSums(KernelEmitter &e, const Walk &walk, RegionReader &reader,
                             function_ref<void(Value, Value, Value)> store) {
  e.forEachBlock([&](Value block) {
    auto part = walk.part(e, block);
    walk.forEachChannel(e, part, [&](Value c, Value valid) {
      Value from = walk.readable(e, c);
      e.loop(part.firstClip, part.endClip, 1, [&](Value n) {
        Walk::Part clip = part;
        clip.firstClip = n;
        clip.endClip = e.add(n, 1);
        auto element = [&](Walk::Coordinates at) {
          at[1] = from;
          return SmallVector<Value>{reader.value(at)};
        };
        Value total = walk.sum(e, clip, c, 1, [&](Value n) { reader.enter(n, from); }, element)[0];
        walk.once(e, [&] { store(n, c, masked(e, valid, total)); });
      });
    });
  });
}

static int64_t itemGrid(const Machine &machine, int64_t items, int64_t cost) {
  int64_t most = std::min(machine.blocks, shape::ceilDiv(items, machine.threads));
  return std::clamp<int64_t>(items * cost / (8 * machine.work), 1, most);
}

Blocks reference::itemBlocks(const Machine &machine, int64_t items, int64_t cost) {
  int64_t grid = itemGrid(machine, items, cost);
  return {grid, 0, shape::ceilDiv(items, grid)};
}

void reference::forEachItem(KernelEmitter &e, int64_t items, int64_t cost, function_ref<void(Value)> body) {
  int64_t share = shape::ceilDiv(items, itemGrid(e.machine, items, cost));
  e.forEachBlock([&](Value block) {
    Value from = e.mul(block, share);
    e.spread(from, e.min(e.add(from, share), e.index(items)), body);
  });
}

//===-- Flat pieces -------------------------------------------------------===//

/// Returns how many blocks there are when each does `work` vectors of 8 elements.
int64_t reference::flatGrid(const Machine &machine, int64_t elements) {
  return std::clamp<int64_t>(elements / (8 * machine.work), 1, machine.blocks);
}

static int64_t flatPiece(const Machine &machine, int64_t elements) {
  return shape::roundUp(shape::ceilDiv(elements, flatGrid(machine, elements)), machine.vector);
}

int64_t reference::flatWidth(const Machine &machine, int64_t elements, int64_t partials) {
  if (partials == 1 || machine.threads == 1)
    return machine.vector;
  constexpr int64_t narrow = 4; // more threads, each with all partials of its elements
  return elements % narrow ? 1 : narrow;
}

Blocks reference::flatBlocks(const Machine &machine, int64_t elements) {
  return {flatGrid(machine, elements), 0, flatPiece(machine, elements) / machine.vector};
}

void reference::forEachFlat(KernelEmitter &e, int64_t elements, Value block, int64_t width,
                            function_ref<void(Value, int64_t)> body) {
  int64_t piece = flatPiece(e.machine, elements);
  Value from = e.min(e.mul(block, piece), e.index(elements)),
        to = e.min(e.add(from, piece), e.index(elements));
  Value vectors = e.div(e.sub(to, from), width);
  e.spread(e.index(0), vectors, [&](Value i) { body(e.add(from, e.mul(i, width)), width); });
  if (elements % width)
    e.spread(e.add(from, e.mul(vectors, width)), to, [&](Value at) { body(at, 1); });
}
