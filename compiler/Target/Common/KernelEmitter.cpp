#include "compiler/Target/Common/KernelEmitter.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"

#include <numeric>

using namespace mlir;
using namespace kinema;
using namespace kinema;
using kernel::Access;

static MemRefType flatBuffer(Type type, Attribute space) {
  auto tensor = cast<RankedTensorType>(type);
  return MemRefType::get({kernel::layoutOf(tensor).storedElements(tensor.getShape())},
                         tensor.getElementType(), MemRefLayoutAttrInterface(), space);
}

func::FuncOp KernelEmitter::begin(kernel::DefOp def, ArrayRef<Type> more, Attribute space) {
  SmallVector<Type> types;
  for (Type type : llvm::concat<const Type>(def.getOperandTypes(), def.getResultTypes()))
    types.push_back(flatBuffer(type, space));
  llvm::append_range(types, more);
  auto function = func::FuncOp::create(b, loc, def.getSymName(), b.getFunctionType(types, {}));
  Block *body = function.addEntryBlock();
  b.setInsertionPointToStart(body);
  auto arguments = body->getArguments();
  unsigned inputs = def.getOperandTypes().size(), outputs = def.getResultTypes().size();
  operands.assign(arguments.begin(), arguments.begin() + inputs);
  results.assign(arguments.begin() + inputs, arguments.begin() + inputs + outputs);
  func::ReturnOp::create(b, loc);
  b.setInsertionPointToStart(body);
  return function;
}

//===-- Index arithmetic --------------------------------------------------===//

Value KernelEmitter::index(int64_t value) { return arith::ConstantIndexOp::create(b, loc, value); }

/// Indices do not overflow, since every buffer's elements can be counted. Saying so lets LLVM take addresses
/// apart into a part that several share and constants.
constexpr auto noOverflow = arith::IntegerOverflowFlags::nsw;

Value KernelEmitter::add(Value x, Value y) { return b.createOrFold<arith::AddIOp>(loc, x, y, noOverflow); }
Value KernelEmitter::sub(Value x, Value y) { return b.createOrFold<arith::SubIOp>(loc, x, y, noOverflow); }
Value KernelEmitter::mul(Value x, Value y) { return b.createOrFold<arith::MulIOp>(loc, x, y, noOverflow); }

Value KernelEmitter::div(Value x, int64_t y) {
  return y == 1 ? x : b.createOrFold<arith::DivUIOp>(loc, x, index(y));
}

Value KernelEmitter::rem(Value x, int64_t y) {
  return y == 1 ? index(0) : b.createOrFold<arith::RemUIOp>(loc, x, index(y));
}

Value KernelEmitter::min(Value x, Value y) { return b.createOrFold<arith::MinSIOp>(loc, x, y); }
Value KernelEmitter::max(Value x, Value y) { return b.createOrFold<arith::MaxSIOp>(loc, x, y); }

Value KernelEmitter::inRange(Value i, int64_t n) {
  // The comparison is unsigned, so that a negative i is a large number.
  return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ult, i, index(n));
}

Value KernelEmitter::equal(Value i, int64_t n) {
  return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, i, index(n));
}

Value KernelEmitter::both(Value x, Value y) { return arith::AndIOp::create(b, loc, x, y); }

//===-- Values ------------------------------------------------------------===//

Value KernelEmitter::constant(float value, Type type) {
  if (!type)
    type = b.getF32Type();
  if (auto vector = dyn_cast<VectorType>(type))
    return arith::ConstantOp::create(b, loc, DenseElementsAttr::get(vector, value));
  return arith::ConstantOp::create(b, loc, b.getF32FloatAttr(value));
}

VectorType KernelEmitter::vectorType(int64_t width) { return VectorType::get({width}, b.getF32Type()); }

Value KernelEmitter::splat(Value scalar, int64_t width) {
  return vector::BroadcastOp::create(b, loc, vectorType(width), scalar);
}

Value KernelEmitter::zero(int64_t width) {
  return constant(0.0f, width == 1 ? Type(b.getF32Type()) : vectorType(width));
}

Value KernelEmitter::addf(Value x, Value y) { return arith::AddFOp::create(b, loc, x, y); }
Value KernelEmitter::subf(Value x, Value y) { return arith::SubFOp::create(b, loc, x, y); }
Value KernelEmitter::mulf(Value x, Value y) { return arith::MulFOp::create(b, loc, x, y); }
Value KernelEmitter::divf(Value x, Value y) { return arith::DivFOp::create(b, loc, x, y); }
Value KernelEmitter::fma(Value x, Value y, Value z) { return math::FmaOp::create(b, loc, x, y, z); }

/// Returns the type of as many elements as a value has.
static Type typeOf(Value value, Type element) {
  auto vector = dyn_cast<VectorType>(value.getType());
  return vector ? Type(vector.clone(element)) : element;
}

std::array<Value, 2> KernelEmitter::termsOf(Value x) {
  Type narrow = typeOf(x, b.getBF16Type());
  Value rounded = arith::TruncFOp::create(b, loc, narrow, x);
  return {rounded, arith::TruncFOp::create(b, loc, narrow, subf(x, asF32(rounded)))};
}

Value KernelEmitter::asF32(Value x) { return arith::ExtFOp::create(b, loc, typeOf(x, b.getF32Type()), x); }

Value KernelEmitter::asF64(Value x) { return arith::ExtFOp::create(b, loc, typeOf(x, b.getF64Type()), x); }
Value KernelEmitter::roundedToF32(Value x) {
  return arith::TruncFOp::create(b, loc, typeOf(x, b.getF32Type()), x);
}

Value KernelEmitter::toFloat(Value index) {
  Value integer = arith::IndexCastOp::create(b, loc, b.getI64Type(), index);
  return arith::SIToFPOp::create(b, loc, b.getF32Type(), integer);
}

SmallVector<Value> KernelEmitter::sums(ValueRange x, ValueRange y) {
  SmallVector<Value> sums;
  for (auto [a, b] : llvm::zip_equal(x, y))
    sums.push_back(addf(a, b));
  return sums;
}

/// Widens a value that is a narrower float than f32.
static Value widened(KernelEmitter &e, Value value, Type wide) {
  bool narrow = isa<FloatType>(getElementTypeOrSelf(value)) && value.getType() != wide;
  return narrow ? arith::ExtFOp::create(e.b, e.loc, wide, value) : value;
}

/// Rounds an f32 value to the type of the buffer's elements.
static Value rounded(KernelEmitter &e, Value value, Value buffer) {
  Type element = cast<MemRefType>(buffer.getType()).getElementType();
  if (!isa<FloatType>(element) || element == getElementTypeOrSelf(value))
    return value;
  return arith::TruncFOp::create(e.b, e.loc, typeOf(value, element), value);
}

Value KernelEmitter::load(Value buffer, Value at) {
  return widened(*this, memref::LoadOp::create(b, loc, buffer, at), b.getF32Type());
}

Value KernelEmitter::loadField(OpOperand &hyper, clip::HyperField field) {
  return load(bufferOf(hyper), index(clip::HyperAttr::of(hyper.get().getType()).indexOf(field)));
}

void KernelEmitter::store(Value value, Value buffer, Value at) {
  memref::StoreOp::create(b, loc, rounded(*this, value, buffer), buffer, at);
}

/// Returns the alignment that a target may take for granted of a vector's address; without one, a GPU moves
/// element by element.
static llvm::MaybeAlign alignmentOf(const Machine &machine, VectorType type) {
  int64_t bytes = type.getNumElements() * type.getElementTypeBitWidth() / 8;
  if (machine.vectorAlignment == 1)
    return std::nullopt;
  return llvm::Align(std::gcd(bytes, machine.vectorAlignment));
}

Value KernelEmitter::loadStored(Value buffer, Value at, int64_t width) {
  auto type = VectorType::get({width}, cast<MemRefType>(buffer.getType()).getElementType());
  return vector::LoadOp::create(b, loc, type, buffer, at, /*nontemporal=*/false, alignmentOf(machine, type));
}

Value KernelEmitter::asFloats(Value stored) {
  return widened(*this, stored, vectorType(cast<VectorType>(stored.getType()).getNumElements()));
}

void KernelEmitter::storeVector(Value value, Value buffer, Value at) {
  Value stored = rounded(*this, value, buffer);
  vector::StoreOp::create(b, loc, stored, buffer, at, /*nontemporal=*/false,
                          alignmentOf(machine, cast<VectorType>(stored.getType())));
}

Value KernelEmitter::loadElements(Value buffer, Value at, int64_t width) {
  return width == 1 ? load(buffer, at) : loadVector(buffer, at, width);
}

void KernelEmitter::storeElements(Value value, Value buffer, Value at) {
  if (isa<VectorType>(value.getType()))
    storeVector(value, buffer, at);
  else
    store(value, buffer, at);
}

//===-- Control -----------------------------------------------------------===//

void KernelEmitter::forEachBlock(function_ref<void(Value)> body) {
  if (endBlock)
    loop(firstBlock, endBlock, 1, body);
  else
    body(firstBlock);
}

void KernelEmitter::spread(Value from, Value to, function_ref<void(Value)> body) {
  loop(thread ? add(from, thread) : from, to, threads, body);
}

SmallVector<Value> KernelEmitter::acrossThreads(ValueRange values, Combine combine) {
  return combineThreads && !values.empty() ? combineThreads(values, combine) : SmallVector<Value>(values);
}

SmallVector<Value> KernelEmitter::acrossWarp(ValueRange values, Combine combine) {
  return combineWarp && !values.empty() ? combineWarp(values, combine) : SmallVector<Value>(values);
}

SmallVector<Value> KernelEmitter::sumAcrossThreads(ValueRange values) {
  return acrossThreads(values, [&](Value x, Value y) { return addf(x, y); });
}

void KernelEmitter::once(function_ref<void()> body) {
  if (thread)
    when(equal(thread, 0), body);
  else
    body();
}

void KernelEmitter::loop(Value from, Value to, int64_t step, function_ref<void(Value)> body) {
  auto forOp = scf::ForOp::create(b, loc, from, to, index(step));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(forOp.getBody());
  body(forOp.getInductionVar());
}

SmallVector<Value> KernelEmitter::loop(Value from, Value to, int64_t step, ValueRange init,
                                       function_ref<SmallVector<Value>(Value, ValueRange)> body) {
  if (init.empty()) {
    loop(from, to, step, [&](Value i) { body(i, {}); });
    return {};
  }
  auto forOp = scf::ForOp::create(b, loc, from, to, index(step), init);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(forOp.getBody());
  auto next = body(forOp.getInductionVar(), forOp.getRegionIterArgs());
  scf::YieldOp::create(b, loc, next);
  return SmallVector<Value>(forOp.getResults());
}

void KernelEmitter::when(Value condition, function_ref<void()> then, function_ref<void()> otherwise) {
  auto ifOp = scf::IfOp::create(b, loc, condition, /*withElseRegion=*/bool(otherwise));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(ifOp.thenBlock());
  then();
  if (!otherwise)
    return;
  b.setInsertionPointToStart(ifOp.elseBlock());
  otherwise();
}

SmallVector<Value> KernelEmitter::choose(Value condition, TypeRange types,
                                         function_ref<SmallVector<Value>()> then,
                                         function_ref<SmallVector<Value>()> otherwise) {
  auto ifOp = scf::IfOp::create(b, loc, types, condition, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(b);
  auto fill = [&](Block *block, function_ref<SmallVector<Value>()> body) {
    b.setInsertionPointToStart(block);
    auto values = body();
    if (!types.empty()) // without results, the block has its end already
      scf::YieldOp::create(b, loc, values);
  };
  fill(ifOp.thenBlock(), then);
  fill(ifOp.elseBlock(), otherwise);
  return SmallVector<Value>(ifOp.getResults());
}

Value KernelEmitter::select(Value condition, function_ref<Value()> then, Value otherwise) {
  return choose(
      condition, otherwise.getType(), [&] { return SmallVector<Value>{then()}; },
      [&] { return SmallVector<Value>{otherwise}; })[0];
}

//===-- Layouts and regions -----------------------------------------------===//

Value KernelEmitter::position(RankedTensorType type, ValueRange coordinates) {
  auto loops = kernel::layoutOf(type).order(type.getShape());
  // Along one axis, a loop counts in units of its step what the next outer loop of that axis leaves over.
  Value at = index(0);
  int64_t stride = 1;
  for (size_t i = loops.size(); i-- > 0;) {
    const auto &storage = loops[i];
    bool outermost =
        llvm::none_of(ArrayRef(loops).take_front(i), [&](auto &l) { return l.axis == storage.axis; });
    Value counter = div(coordinates[storage.axis], storage.step);
    if (!outermost)
      counter = rem(counter, storage.size);
    if (storage.size > 1)
      at = add(at, mul(counter, stride));
    stride *= storage.size;
  }
  return at;
}

/// Copies a constant of the scalar region at the width that is wanted.
static Value widen(KernelEmitter &e, arith::ConstantOp constant, Type type) {
  if (!isa<VectorType>(type))
    return e.b.clone(*constant)->getResult(0);
  return e.constant(cast<FloatAttr>(constant.getValue()).getValue().convertToFloat(), type);
}

SmallVector<Value> KernelEmitter::inlineRegion(Region &region, ValueRange arguments, int64_t lanes) {
  Type width = !arguments.empty() ? arguments.front().getType()
               : lanes > 1        ? Type(vectorType(lanes))
                                  : b.getF32Type();
  IRMapping mapping;
  mapping.map(region.getArguments(), arguments);
  for (Operation &op : region.front().without_terminator()) {
    if (auto constant = dyn_cast<arith::ConstantOp>(op)) {
      mapping.map(constant.getResult(), widen(*this, constant, width));
      continue;
    }
    Operation *copy = b.clone(op, mapping);
    if (auto vector = dyn_cast<VectorType>(width))
      for (Value result : copy->getResults())
        result.setType(vector.clone(result.getType()));
  }
  SmallVector<Value> yielded;
  for (Value value : region.front().getTerminator()->getOperands())
    yielded.push_back(mapping.lookup(value));
  return yielded;
}

Value KernelEmitter::loadAccess(Value buffer, RankedTensorType type, Access access, RankedTensorType domain,
                                ValueRange nctHW, int64_t width) {
  auto loadAt = [&](Value at) { return loadElements(buffer, at, width); };
  Value n = nctHW[0], c = nctHW[1];
  switch (access) {
  case Access::Pixel:
    return loadAt(position(type, nctHW));
  case Access::Channel:
    return loadAt(c);
  case Access::BatchChannel:
    return loadAt(position(type, {n, c, index(0), index(0), index(0)}));
  case Access::Spread: {
    auto at = llvm::to_vector(nctHW);
    for (int axis = 1; axis < 5; ++axis)
      if (type.getDimSize(axis) == 1)
        at[axis] = index(0);
    bool oneChannel = type.getDimSize(1) == 1 && width > 1;
    return oneChannel ? splat(load(buffer, position(type, at)), width) : loadAt(position(type, at));
  }
  case Access::Lattice:
    break;
  }
  SmallVector<Value> coordinates = {n, c};
  Value onLattice = arith::ConstantIntOp::create(b, loc, 1, 1);
  for (int axis = 2; axis < 5; ++axis) {
    int64_t stride = kernel::latticeStride(domain.getDimSize(axis), type.getDimSize(axis));
    coordinates.push_back(div(nctHW[axis], stride));
    if (stride > 1)
      onLattice = arith::AndIOp::create(
          b, loc, onLattice,
          arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, rem(nctHW[axis], stride), index(0)));
  }
  Type value = width == 1 ? Type(b.getF32Type()) : Type(vectorType(width));
  return select(onLattice, [&] { return loadAt(position(type, coordinates)); }, constant(0.0f, value));
}
