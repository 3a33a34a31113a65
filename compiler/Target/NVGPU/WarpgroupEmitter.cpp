#include "compiler/Target/NVGPU/WarpgroupEmitter.h"

#include "compiler/Target/NVGPU/SharedMemory.h"
#include "dialects/Kernel/Attributes.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::nvidia;

Value WarpgroupEmitter::word(int64_t value) { return arith::ConstantIntOp::create(e.b, e.loc, value, 32); }

Value WarpgroupEmitter::word(Value index) {
  return arith::IndexCastOp::create(e.b, e.loc, e.b.getI32Type(), index);
}

Value WarpgroupEmitter::less(Value a, Value b) {
  return arith::CmpIOp::create(e.b, e.loc, arith::CmpIPredicate::slt, a, b);
}

Value WarpgroupEmitter::choose(Value condition, Value a, Value b) {
  return arith::SelectOp::create(e.b, e.loc, condition, a, b);
}

Value WarpgroupEmitter::existing(Value first, int64_t width, int64_t channels) {
  if (channels % blockChannels == 0)
    return {};
  SmallVector<Value> exist;
  for (int64_t i = 0; i < width; ++i)
    exist.push_back(e.inRange(e.add(first, i), channels));
  return vector::FromElementsOp::create(e.b, e.loc, VectorType::get({width}, e.b.getI1Type()), exist);
}

Value WarpgroupEmitter::onlyExisting(Value values, Value first, int64_t channels) {
  int64_t width = cast<VectorType>(values.getType()).getNumElements();
  Value exist = existing(first, width, channels);
  return exist ? choose(exist, values, e.zero(width)) : values;
}

Value WarpgroupEmitter::pointer(Value bytes) {
  return LLVM::GEPOp::create(e.b, e.loc, e.scratch.getType(), e.b.getI8Type(), e.scratch,
                             ArrayRef<LLVM::GEPArg>{word(bytes)});
}

Value WarpgroupEmitter::tensorPointer(Value address) {
  constexpr unsigned tensorSpace = 6;
  return LLVM::IntToPtrOp::create(e.b, e.loc, LLVM::LLVMPointerType::get(e.b.getContext(), tensorSpace),
                                  address);
}

Value WarpgroupEmitter::zeroWords(int64_t count) {
  auto words = VectorType::get({count}, e.b.getI32Type());
  return arith::ConstantOp::create(e.b, e.loc, DenseElementsAttr::get(words, e.b.getI32IntegerAttr(0)));
}

void WarpgroupEmitter::clear(Value at) {
  LLVM::StoreOp::create(e.b, e.loc, zeroWords(4), pointer(at), positionBytes);
}

void WarpgroupEmitter::clear(Value at, int64_t bytes, Value thread, int64_t threads) {
  Value first = e.add(at, e.mul(thread, positionBytes));
  e.loop(first, e.add(at, bytes), threads * positionBytes, [&](Value at) { clear(at); });
}

Value WarpgroupEmitter::globalPointer(Value buffer) {
  constexpr unsigned globalSpace = 1;
  Type type = LLVM::LLVMPointerType::get(e.b.getContext(), globalSpace);
  return UnrealizedConversionCastOp::create(e.b, e.loc, type, buffer).getResult(0);
}

Value WarpgroupEmitter::globalPointer(Value buffer, Value number, int64_t unitBytes) {
  Value global = globalPointer(buffer);
  Value index = arith::IndexCastOp::create(e.b, e.loc, e.b.getI64Type(), number);
  return LLVM::GEPOp::create(e.b, e.loc, global.getType(),
                             LLVM::LLVMArrayType::get(e.b.getI8Type(), unitBytes), global,
                             ArrayRef<LLVM::GEPArg>{index});
}

/// Returns the type of an address in the shared memory of any block of the cluster.
static Type clusterPointer(KernelEmitter &e) {
  constexpr unsigned clusterSpace = 7;
  return LLVM::LLVMPointerType::get(e.b.getContext(), clusterSpace);
}

//===-- Barriers and copies -----------------------------------------------===//

void WarpgroupEmitter::arrive(Value barrier, int64_t cluster) {
  if (cluster == 1)
    return arriveTimes(barrier, 1);
  // With the scope of a cluster, ptxas puts a fence of the whole GPU before each arrival, of about a
  // microsecond. What is told here is that products have read a stage, and they have ended: no store of this
  // thread must be seen by the other block before it.
  for (int64_t rank = 0; rank < cluster; ++rank) {
    Value there = NVVM::MapaOp::create(e.b, e.loc, clusterPointer(e), barrier, word(rank));
    NVVM::MBarrierArriveOp::create(e.b, e.loc, Type(), there, Value());
  }
}

void WarpgroupEmitter::arriveTimes(Value barrier, int64_t times) {
  NVVM::MBarrierArriveOp::create(e.b, e.loc, e.b.getI64Type(), barrier, times > 1 ? word(times) : Value());
}

void WarpgroupEmitter::arriveExpecting(Value barrier, Value bytes) {
  NVVM::MBarrierArriveExpectTxOp::create(e.b, e.loc, e.b.getI64Type(), barrier, bytes,
                                         NVVM::MemScopeKind::CTA, false, Value());
}

void WarpgroupEmitter::fenceShared(StringRef why) {
  if (!readSharedMemory(tensorCores)) // what loads fragments reads as any load does
    return;
  Location loc = why.empty() ? e.loc : NameLoc::get(e.b.getStringAttr(why), e.loc);
  NVVM::FenceProxyOp::create(e.b, loc, NVVM::ProxyKind::async_shared,
                             NVVM::SharedSpaceAttr::get(e.b.getContext(), NVVM::SharedSpace::shared_cta));
}

void WarpgroupEmitter::fenceBarriers() {
  if (readSharedMemory(tensorCores))
    NVVM::FenceMbarrierInitOp::create(e.b, e.loc);
}

void WarpgroupEmitter::copyPosition(Value to, Value from, Value exists) {
  Value bytes = exists ? choose(exists, word(positionBytes), word(int64_t(0))) : Value();
  NVVM::CpAsyncOp::create(e.b, e.loc, to, from, positionBytes, NVVM::LoadCacheModifierKind::CG, bytes);
}

void WarpgroupEmitter::arriveWithCopies(Value barrier) {
  NVVM::CpAsyncMBarrierArriveOp::create(e.b, e.loc, barrier, /*noinc=*/true);
}

void WarpgroupEmitter::bulkCopy(Value to, Value from, Value bytes, Value barrier, int64_t cluster) {
  // The address is given as one of the cluster's memory, which older drivers know too.
  Value mask = cluster > 1 ? arith::ConstantIntOp::create(e.b, e.loc, (1 << cluster) - 1, 16) : Value();
  NVVM::CpAsyncBulkGlobalToSharedClusterOp::create(
      e.b, e.loc, LLVM::AddrSpaceCastOp::create(e.b, e.loc, clusterPointer(e), to), from, barrier, bytes,
      mask, Value());
}

Value WarpgroupEmitter::tensorMap(kernel::TensorMapAttr map) {
  Operation *inside = e.b.getInsertionBlock()->getParentOp();
  auto function = dyn_cast<func::FuncOp>(inside);
  if (!function)
    function = inside->getParentOfType<func::FuncOp>();
  unsigned number = function.getNumArguments();
  NamedAttribute attribute(e.b.getStringAttr(kernel::tensorMapAttribute), map);
  (void)function.insertArgument(number, LLVM::LLVMPointerType::get(e.b.getContext()),
                                e.b.getDictionaryAttr(attribute), e.loc);
  return function.getArgument(number);
}

void WarpgroupEmitter::boxCopy(Value to, Value map, ValueRange first, Value barrier) {
  static_assert(sharedAlignment % kernel::TensorMapAttr::targetAlignment == 0);
  SmallVector<Value> innermostFirst;
  for (Value coordinate : llvm::reverse(first))
    innermostFirst.push_back(word(coordinate));
  NVVM::CpAsyncBulkTensorGlobalToSharedClusterOp::create(
      e.b, e.loc, LLVM::AddrSpaceCastOp::create(e.b, e.loc, clusterPointer(e), to), map, innermostFirst,
      barrier, ValueRange(), Value(), Value(), NVVM::TMALoadMode::TILE, /*isCTAOnly=*/false,
      NVVM::CTAGroupKindAttr(), Value());
}

Value WarpgroupEmitter::rankInCluster() {
  Value rank = NVVM::BlockInClusterIdXOp::create(e.b, e.loc, e.b.getI32Type());
  return arith::IndexCastOp::create(e.b, e.loc, e.b.getIndexType(), rank);
}

void WarpgroupEmitter::formClusters(int64_t cluster) {
  auto function = cast<func::FuncOp>(e.b.getBlock()->getParentOp());
  if (cluster > 1)
    function->setAttr(kernel::clusterAttribute, e.b.getI32IntegerAttr(cluster));
}

void WarpgroupEmitter::blocksMeet(int64_t cluster) {
  if (cluster == 1) {
    NVVM::BarrierOp::create(e.b, e.loc);
    return;
  }
  NVVM::ClusterArriveOp::create(e.b, e.loc, UnitAttr());
  NVVM::ClusterWaitOp::create(e.b, e.loc, UnitAttr());
}

//===-- Threads -----------------------------------------------------------===//

Value WarpgroupEmitter::broadcast(Value index) {
  Value first = NVVM::ShflOp::create(e.b, e.loc, e.b.getI32Type(), word(-1), word(index), word(0), word(31),
                                     NVVM::ShflKind::idx, UnitAttr());
  return arith::IndexCastOp::create(e.b, e.loc, e.b.getIndexType(), first);
}

Value WarpgroupEmitter::halve(Value lower, Value upper, int64_t distance) {
  if (auto vector = dyn_cast<VectorType>(lower.getType())) {
    SmallVector<Value> sums;
    for (int64_t i = 0; i < vector.getNumElements(); ++i)
      sums.push_back(halve(vector::ExtractOp::create(e.b, e.loc, lower, i),
                           vector::ExtractOp::create(e.b, e.loc, upper, i), distance));
    return vector::FromElementsOp::create(e.b, e.loc, vector, sums);
  }
  Value takesUpper = e.equal(e.rem(e.div(lane(), distance), 2), 1);
  Value kept = choose(takesUpper, upper, lower), given = choose(takesUpper, lower, upper);
  Value taken = NVVM::ShflOp::create(e.b, e.loc, e.b.getF32Type(), word(-1), given, word(distance), word(31),
                                     NVVM::ShflKind::bfly, UnitAttr());
  return e.addf(kept, taken);
}

Value WarpgroupEmitter::elected() { return NVVM::ElectSyncOp::create(e.b, e.loc, e.b.getI1Type(), Value()); }

void WarpgroupEmitter::warpMeets() { NVVM::SyncWarpOp::create(e.b, e.loc, word(-1)); }

void WarpgroupEmitter::meet(Value barrier, int64_t threads) {
  NVVM::BarrierOp::create(e.b, e.loc, TypeRange{}, barrier, word(threads), NVVM::BarrierReductionAttr(),
                          Value());
}
