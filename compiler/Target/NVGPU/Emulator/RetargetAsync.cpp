// Retargets mbarriers and copies that run by themselves.
#include "compiler/Target/NVGPU/Emulator/Retarget.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::NVVM;
using namespace kinema::emulator;

LogicalResult Retargeter::retargetMBarrier(Operation *op) {
  auto done = [&](Value result = {}) { return replace(op, result), success(); };
  /// Arrives, and gives the arrival's state to whoever asks for it.
  auto arrive = [&](Value address, Value count, bool drop, Value bytes) {
    Value state = callHere("mbarrier_arrive", i64, {address, count, constant(drop), bytes});
    return done(op->getNumResults() ? state : Value());
  };
  auto isOdd = [&](Value phase) {
    return phase.getType() == i64 ? StringRef("mbarrier_test") : StringRef("mbarrier_test_parity");
  };
  auto one = [&](Value count) { return count ? count : constant(1); };
  return llvm::TypeSwitch<Operation *, LogicalResult>(op)
      .Case([&](MBarrierInitOp init) {
        if (init.getPredicate())
          guard(op, init.getPredicate());
        callHere("mbarrier_init", {}, {init.getAddr(), init.getCount()});
        return done();
      })
      .Case([&](MBarrierInvalOp invalidate) {
        callHere("mbarrier_invalidate", {}, {invalidate.getAddr()});
        return done();
      })
      .Case([&](MBarrierExpectTxOp expect) {
        callHere("mbarrier_expect", {}, {expect.getAddr(), expect.getTxcount()});
        return done();
      })
      .Case([&](MBarrierCompleteTxOp complete) {
        callHere("mbarrier_complete", {}, {complete.getAddr(), complete.getTxcount()});
        return done();
      })
      .Case([&](MBarrierArriveOp op) -> LogicalResult {
        if (op.getRelaxed())
          return failure();
        return arrive(op.getAddr(), one(op.getCount()), false, constant(0));
      })
      .Case([&](MBarrierArriveDropOp op) -> LogicalResult {
        if (op.getRelaxed())
          return failure();
        return arrive(op.getAddr(), one(op.getCount()), true, constant(0));
      })
      .Case([&](MBarrierArriveNocompleteOp op) {
        return arrive(op.getAddr(), op.getCount(), false, constant(0));
      })
      .Case([&](MBarrierArriveExpectTxOp expect) -> LogicalResult {
        if (expect.getRelaxed() || (expect.getPredicate() && op->getNumResults()))
          return failure();
        if (expect.getPredicate())
          guard(op, expect.getPredicate());
        return arrive(expect.getAddr(), constant(1), false, expect.getTxcount());
      })
      .Case([&](MBarrierTryWaitParityOp wait) {
        callHere("mbarrier_wait_parity", {}, {wait.getAddr(), wait.getPhase()});
        return done();
      })
      .Case([&](MBarrierTestWaitOp test) {
        Value phase = test.getStateOrPhase();
        return done(isTrue(callHere(isOdd(phase), i32, {test.getAddr(), phase, constant(0)})));
      })
      .Case([&](MBarrierTryWaitOp test) {
        Value phase = test.getStateOrPhase();
        return done(isTrue(callHere(isOdd(phase), i32, {test.getAddr(), phase, constant(1)})));
      })
      .Case([&](MapaOp map) { return done(callHere("map_rank", pointer, {map.getA(), map.getB()})); })
      .Default([](Operation *) { return failure(); });
}

LogicalResult Retargeter::retargetCopy(Operation *op) {
  auto done = [&] { return replace(op, {}), success(); };
  auto maskOr = [&](Value mask) { return mask ? zeroExtend(mask, i32) : constant(0); };
  return llvm::TypeSwitch<Operation *, LogicalResult>(op)
      .Case([&](CpAsyncOp copy) {
        Value size = constant(copy.getSize());
        callHere("copy_async", {},
                 {copy.getDst(), copy.getSrc(), size, copy.getCpSize() ? copy.getCpSize() : size});
        return done();
      })
      .Case([&](CpAsyncCommitGroupOp) {
        callHere("copy_async_commit", {}, {});
        return done();
      })
      .Case([&](CpAsyncWaitGroupOp wait) {
        callHere("copy_async_wait", {}, {constant(wait.getN())});
        return done();
      })
      .Case([&](CpAsyncMBarrierArriveOp arrive) {
        callHere("copy_async_arrive", {}, {arrive.getAddr(), constant(arrive.getNoinc())});
        return done();
      })
      .Case([&](CpAsyncBulkGlobalToSharedClusterOp copy) {
        callHere("bulk_load", {},
                 {copy.getDstMem(), copy.getSrcMem(), copy.getMbar(), copy.getSize(),
                  maskOr(copy.getMulticastMask())});
        return done();
      })
      .Case([&](CpAsyncBulkSharedCTAToGlobalOp copy) -> LogicalResult {
        if (copy.getByteMask())
          return failure();
        callHere("bulk_store", {}, {copy.getDstMem(), copy.getSrcMem(), copy.getSize()});
        return done();
      })
      .Case([&](CpAsyncBulkSharedCTAToSharedClusterOp copy) {
        callHere("bulk_send", {}, {copy.getDstMem(), copy.getSrcMem(), copy.getMbar(), copy.getSize()});
        return done();
      })
      .Case([&](CpAsyncBulkCommitGroupOp) {
        callHere("bulk_commit", {}, {});
        return done();
      })
      .Case([&](CpAsyncBulkWaitGroupOp wait) {
        callHere("bulk_wait", {}, {constant(wait.getGroup()), constant(wait.getRead().value_or(false))});
        return done();
      })
      .Case([&](CpAsyncBulkPrefetchOp prefetch) {
        callHere("bulk_prefetch", {}, {prefetch.getSrcMem(), prefetch.getSize()});
        return done();
      })
      .Default([](Operation *) { return failure(); });
}

LogicalResult Retargeter::retargetTensorCopy(Operation *op) {
  auto done = [&] { return replace(op, {}), success(); };
  auto coordinates = [&](ValueRange values) {
    return std::pair(constant(int64_t(values.size())), passInMemory(values, 0));
  };
  return llvm::TypeSwitch<Operation *, LogicalResult>(op)
      .Case([&](CpAsyncBulkTensorGlobalToSharedClusterOp copy) -> LogicalResult {
        if (copy.getMode() != TMALoadMode::TILE && copy.getMode() != TMALoadMode::IM2COL)
          return failure();
        if (copy.getPredicate())
          guard(op, copy.getPredicate());
        auto [rank, places] = coordinates(copy.getCoordinates());
        SmallVector<Value> offsets;
        for (Value offset : copy.getIm2colOffsets())
          offsets.push_back(zeroExtend(offset, i32));
        Value mask = copy.getMulticastMask() ? zeroExtend(copy.getMulticastMask(), i32) : constant(0);
        callHere("tensor_load", {},
                 {copy.getDstMem(), copy.getTmaDescriptor(), copy.getMbar(), rank, places,
                  constant(int64_t(offsets.size())), passInMemory(offsets, 1), mask});
        return done();
      })
      .Case([&](CpAsyncBulkTensorSharedCTAToGlobalOp copy) -> LogicalResult {
        if (copy.getMode() != TMAStoreMode::TILE)
          return failure();
        if (copy.getPredicate())
          guard(op, copy.getPredicate());
        auto [rank, places] = coordinates(copy.getCoordinates());
        callHere("tensor_store", {}, {copy.getTmaDescriptor(), copy.getSrcMem(), rank, places});
        return done();
      })
      .Case([&](CpAsyncBulkTensorPrefetchOp prefetch) -> LogicalResult {
        callHere("tensor_prefetch", {}, {prefetch.getTmaDescriptor()});
        return done();
      })
      .Case([&](PrefetchOp prefetch) -> LogicalResult {
        if (!prefetch.getTensormap())
          return failure();
        if (prefetch.getPredicate())
          guard(op, prefetch.getPredicate());
        callHere("tensor_prefetch", {}, {prefetch.getAddr()});
        return done();
      })
      .Default([](Operation *) { return failure(); });
}
