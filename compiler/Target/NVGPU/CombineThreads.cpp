#include "compiler/Target/NVGPU/CombineThreads.h"

#include "compiler/Target/NVGPU/Processor.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace kinema;

using nvidia::warp;
static constexpr int64_t sharedSpace = 3, slotBytes = 64;

static Value word(KernelEmitter &e, int64_t value) {
  return arith::ConstantIntOp::create(e.b, e.loc, value, 32);
}

/// Says whose value a lane gets: that of the lane whose number differs in bits, of the one so much further
/// on, or of the same one for all.
struct Source {
  NVVM::ShflKind kind;
  int64_t lane;
};

static Value exchangeWord(KernelEmitter &e, Value value, Source source) {
  constexpr int64_t lastLane = 31;
  return NVVM::ShflOp::create(e.b, e.loc, value.getType(), word(e, -1), value, word(e, source.lane),
                              word(e, lastLane), source.kind, UnitAttr());
}

static Value exchangeScalar(KernelEmitter &e, Value value, Source source) {
  if (value.getType().isF32())
    return exchangeWord(e, value, source);
  // An f64 is exchanged as two words.
  auto pair = VectorType::get({2}, e.b.getI32Type());
  Value words = LLVM::BitcastOp::create(e.b, e.loc, pair, value);
  SmallVector<Value> exchanged;
  for (int64_t i = 0; i < 2; ++i)
    exchanged.push_back(exchangeWord(e, vector::ExtractOp::create(e.b, e.loc, words, i), source));
  Value other = vector::FromElementsOp::create(e.b, e.loc, pair, exchanged);
  return LLVM::BitcastOp::create(e.b, e.loc, value.getType(), other);
}

static Value exchange(KernelEmitter &e, Value value, Source source) {
  auto type = dyn_cast<VectorType>(value.getType());
  if (!type)
    return exchangeScalar(e, value, source);
  SmallVector<Value> lanes;
  for (int64_t i = 0; i < type.getNumElements(); ++i)
    lanes.push_back(exchangeScalar(e, vector::ExtractOp::create(e.b, e.loc, value, i), source));
  return vector::FromElementsOp::create(e.b, e.loc, type, lanes);
}

/// Returns shared memory with a slot for each warp that a block may have.
static Value slots(KernelEmitter &e, gpu::GPUModuleOp module) {
  constexpr StringLiteral name = "combine_threads";
  auto global = module.lookupSymbol<LLVM::GlobalOp>(name);
  if (!global) {
    OpBuilder top = OpBuilder::atBlockBegin(module.getBody());
    auto bytes = LLVM::LLVMArrayType::get(top.getI8Type(), nvidia::combineThreadsBytes);
    global = LLVM::GlobalOp::create(top, module.getLoc(), bytes, /*isConstant=*/false,
                                    LLVM::Linkage::Internal, name, Attribute(), slotBytes, sharedSpace);
  }
  return LLVM::AddressOfOp::create(e.b, e.loc, global);
}

static Value acrossWarps(KernelEmitter &e, Value shared, Value value, KernelEmitter::Combine combine) {
  auto slot = [&](Value number) {
    Value bytes = arith::IndexCastOp::create(e.b, e.loc, e.b.getI32Type(), e.mul(number, slotBytes));
    return LLVM::GEPOp::create(e.b, e.loc, shared.getType(), e.b.getI8Type(), shared,
                               ArrayRef<LLVM::GEPArg>{bytes});
  };
  constexpr unsigned alignment = 16;
  e.when(e.equal(e.rem(e.thread, warp), 0),
         [&] { LLVM::StoreOp::create(e.b, e.loc, value, slot(e.div(e.thread, warp)), alignment); });
  NVVM::BarrierOp::create(e.b, e.loc);
  // Each warp combines all slots, with a lane for each: the latter half is combined with the former, until
  // one is left.
  int64_t count = e.threads / warp;
  Value lane = e.rem(e.thread, warp);
  Value total =
      LLVM::LoadOp::create(e.b, e.loc, value.getType(), slot(e.min(lane, e.index(count - 1))), alignment);
  for (int64_t half; count > 1; count = half) {
    half = shape::ceilDiv(count, 2);
    Value both = combine(total, exchange(e, total, {NVVM::ShflKind::down, half}));
    total = count % 2
                ? arith::SelectOp::create(e.b, e.loc, e.inRange(lane, count - half), both, total).getResult()
                : both;
  }
  NVVM::BarrierOp::create(e.b, e.loc); // after which the slots may be written again
  return exchange(e, total, {NVVM::ShflKind::idx, 0});
}

SmallVector<Value> nvidia::combineWarp(KernelEmitter &e, ValueRange values, KernelEmitter::Combine combine) {
  return llvm::map_to_vector(values, [&](Value value) {
    for (int64_t distance = warp / 2; distance > 0; distance /= 2)
      value = combine(value, exchange(e, value, {NVVM::ShflKind::bfly, distance}));
    return value;
  });
}

SmallVector<Value> nvidia::combineThreads(KernelEmitter &e, gpu::GPUModuleOp module, ValueRange values,
                                          KernelEmitter::Combine combine) {
  SmallVector<Value> combined;
  for (Value value : values) {
    value = combineWarp(e, value, combine)[0];
    combined.push_back(e.threads > warp ? acrossWarps(e, slots(e, module), value, combine) : value);
  }
  return combined;
}
