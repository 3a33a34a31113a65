// Retargets the tensor cores of the fifth generation: tensor memory, its loads, and products whose sums lie
// there.
#include "compiler/Target/NVGPU/Emulator/Retarget.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::NVVM;
using namespace kinema::emulator;

/// Returns whether an operation concerns its own block alone.
static bool isOfOneBlock(CTAGroupKind group) { return group == CTAGroupKind::CTA_1; }

static bool isKnown(Tcgen05MMAOp product) {
  return isOfOneBlock(product.getCtaGroup()) && product.getKind() == Tcgen05MMAKind::F16 &&
         product.getCollectorOp() == Tcgen05MMACollectorOp::DISCARD && !product.getAShift() &&
         !product.getScaleInputD() && !product.getDisableOutputLane() &&
         product.getMatrixA().getType().isInteger(64); // else A is in tensor memory
}

LogicalResult Retargeter::retargetTensorMemory(Operation *op) {
  auto done = [&] { return replace(op, {}), success(); };
  return llvm::TypeSwitch<Operation *, LogicalResult>(op)
      .Case([&](Tcgen05AllocOp alloc) -> LogicalResult {
        if (!isOfOneBlock(alloc.getGroup()))
          return failure();
        callHere("tcgen05_alloc", {}, {alloc.getAddr(), alloc.getNCols()});
        return done();
      })
      .Case([&](Tcgen05DeallocOp dealloc) -> LogicalResult {
        if (!isOfOneBlock(dealloc.getGroup()))
          return failure();
        callHere("tcgen05_dealloc", {}, {dealloc.getTaddr(), dealloc.getNCols()});
        return done();
      })
      .Case([&](Tcgen05RelinquishAllocPermitOp relinquish) -> LogicalResult {
        if (!isOfOneBlock(relinquish.getGroup()))
          return failure();
        callHere("tcgen05_relinquish", {}, {});
        return done();
      })
      .Case([&](Tcgen05FenceOp fence) {
        callHere("tcgen05_fence", {}, {constant(fence.getKind() == Tcgen05FenceKind::AFTER_THREAD_SYNC)});
        return done();
      })
      .Case([&](Tcgen05MMAOp product) -> LogicalResult {
        if (!isKnown(product))
          return failure();
        callHere("tcgen05_product", {},
                 {product.getMatrixD(), product.getMatrixA(), product.getMatrixB(), product.getIdesc(),
                  zeroExtend(product.getEnableInputD(), i32)});
        return done();
      })
      .Case([&](Tcgen05CommitOp commit) -> LogicalResult {
        if (!isOfOneBlock(commit.getGroup()))
          return failure();
        Value mask = commit.getMulticastMask();
        callHere("tcgen05_commit", {}, {commit.getAddr(), mask ? zeroExtend(mask, i32) : constant(0)});
        return done();
      })
      .Case([&](Tcgen05LdOp load) { return retargetTensorLoad(load); })
      .Case([&](Tcgen05WaitOp wait) -> LogicalResult {
        if (wait.getKind() != Tcgen05WaitKind::LOAD)
          return failure();
        callHere("tcgen05_wait_load", {}, {});
        return done();
      })
      .Default([](Operation *) { return failure(); });
}

/// What a load yields is in its registers only after a wait. So it has memory of its own, which the emulator
/// fills when the wait comes, and whoever uses the registers reads them there, as they are by then.
LogicalResult Retargeter::retargetTensorLoad(Tcgen05LdOp load) {
  constexpr int64_t registersOfGroup = 4, alignment = 16;
  auto type = dyn_cast<VectorType>(load.getType());
  if (load.getShape() != Tcgen05LdStShape::SHAPE_16X256B || load.getPack() || load.getOffset() || !type ||
      type.getNumElements() < registersOfGroup)
    return failure();
  Location loc = load.getLoc();
  Value memory;
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(&load->getParentOfType<LLVM::LLVMFuncOp>().getBody().front());
    memory = LLVM::AllocaOp::create(b, loc, pointer, type, constant(1), alignment);
  }
  callHere("tcgen05_load", {},
           {load.getTmemAddr(), constant(type.getNumElements() / registersOfGroup), memory});
  for (OpOperand &use : llvm::make_early_inc_range(load.getRes().getUses())) {
    b.setInsertionPoint(use.getOwner());
    use.set(LLVM::LoadOp::create(b, loc, type, memory, alignment));
  }
  return replace(load, {}), success();
}
