// Lowers maps (a pointwise expression over a domain, stored and summed) and dropout.
#include "compiler/Target/Common/ReferenceOps.h"
#include "dialects/Clip/Dropout.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::reference;

static Walk walkOf(kernel::MapOp op, const Machine &machine) {
  SmallVector<RankedTensorType> types;
  bool flat = true;
  for (kernel::AccessOperand operand : op.body()) {
    types.push_back(operand.getType());
    flat &= operand.access != kernel::Access::Lattice && operand.access != kernel::Access::Spread;
  }
  llvm::append_range(types, tensorTypes(op.getResults()));
  int64_t channels = 0;
  for (Value result : op.getResults())
    channels = std::max(channels, storedChannels(tensorOf(result)));
  return Walk(machine, op.getDomainType(), channels, channelWidth(machine, types), flat, machine.partials);
}

static Blocks blocksOf(kernel::MapOp op, const Machine &machine) { return walkOf(op, machine).blocks(); }

static void emit(kernel::MapOp op, KernelEmitter &e) {
  Walk walk = walkOf(op, e.machine);
  RegionReader reader(e, op.body(), op.getDomainType(), walk.getWidth(), &walk);
  emitElements(e, walk, reader, [](const Walk::Coordinates &) { return SmallVector<Value>(); });
}

//===-- Dropout -----------------------------------------------------------===//

namespace {
/// Emits clip::dropoutBits as code, on i32 values.
struct DropoutBits {
  KernelEmitter &e;
  Type i32 = e.b.getI32Type(), i64 = e.b.getI64Type();

  Value integer(uint32_t value) {
    return arith::ConstantOp::create(e.b, e.loc, e.b.getI32IntegerAttr(static_cast<int32_t>(value)));
  }
  Value add(Value x, uint32_t y) { return arith::AddIOp::create(e.b, e.loc, x, integer(y)); }
  Value either(Value x, Value y) { return arith::XOrIOp::create(e.b, e.loc, x, y); }
  /// Returns the low and the high half of a product of 64 bits.
  std::pair<Value, Value> product(Value x, uint32_t y) {
    auto product = arith::MulUIExtendedOp::create(e.b, e.loc, x, integer(y));
    return {product.getLow(), product.getHigh()};
  }

  Value operator()(Value seed, Value step, uint32_t stream, Value index) {
    Value counter[4] = {index, step, integer(0), integer(0)}, key[2] = {seed, integer(stream)};
    for (int round = 0; round < clip::dropoutRounds; ++round) {
      auto [low0, high0] = product(counter[0], clip::dropoutMultipliers[0]);
      auto [low1, high1] = product(counter[2], clip::dropoutMultipliers[1]);
      Value first = either(either(high1, counter[1]), key[0]);
      Value third = either(either(high0, counter[3]), key[1]);
      counter[0] = first;
      counter[1] = low1;
      counter[2] = third;
      counter[3] = low0;
      key[0] = add(key[0], clip::dropoutKeySteps[0]);
      key[1] = add(key[1], clip::dropoutKeySteps[1]);
    }
    return counter[0];
  }
};
} // namespace

static Walk walkOf(kernel::DropoutOp op, const Machine &machine) {
  auto result = tensorOf(op.getResult());
  return Walk(machine, result, storedChannels(result), /*width=*/1, /*flat=*/true, machine.partials);
}

static Blocks blocksOf(kernel::DropoutOp op, const Machine &machine) { return walkOf(op, machine).blocks(); }

static void emit(kernel::DropoutOp op, KernelEmitter &e) {
  Walk walk = walkOf(op, e.machine);
  auto x = walk.view(tensorOf(op.getX())), result = walk.view(tensorOf(op.getResult()));
  int64_t channels = x.getDimSize(1), positions = x.getDimSize(4);
  DropoutBits bits{e};
  auto field = [&](clip::HyperField field) -> Value {
    return arith::FPToUIOp::create(e.b, e.loc, bits.i32, e.loadField(op.getHyperMutable(), field));
  };
  Value seed = field(clip::HyperField::Seed), step = field(clip::HyperField::Step);
  double rate = op.getRate().convertToDouble();
  Value threshold = bits.integer(clip::dropoutThreshold(rate)), scale = e.constant(1.0 / (1.0 - rate));
  auto element = [&](Walk::Coordinates at, Value from) -> Value {
    at[1] = from;
    Value index = e.add(e.mul(e.add(e.mul(at[0], channels), from), positions), at[4]);
    Value drawn = bits(seed, step, op.getStream(), arith::IndexCastOp::create(e.b, e.loc, bits.i32, index));
    Value kept = arith::CmpIOp::create(e.b, e.loc, arith::CmpIPredicate::uge, drawn, threshold);
    return masked(e, kept, e.mulf(e.load(e.operands[0], e.position(x, at)), scale));
  };
  e.forEachBlock([&](Value block) {
    auto part = walk.part(e, block);
    walk.forEachChannel(e, part, [&](Value c, Value valid) {
      Value from = walk.readable(e, c);
      walk.sum(
          e, part, c, 0, [](Value) {},
          [&](const Walk::Coordinates &at) -> SmallVector<Value> {
            e.store(masked(e, valid, element(at, from)), e.results[0], e.position(result, at));
            return {};
          });
    });
  });
}

ArrayRef<Lowering> reference::pointwiseLowerings() {
  static const Lowering rows[] = {loweringOf<kernel::MapOp, blocksOf, emit>(),
                                  loweringOf<kernel::DropoutOp, blocksOf, emit>()};
  return rows;
}
