#include "compiler/Target/NVGPU/AttachedMerge.h"

#include "compiler/Target/Common/ReferenceOps.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::nvidia;

static constexpr int64_t width = 4;      // channels of a thread
static constexpr int64_t toldBytes = 16; // at the start of the scratch: the counter's value

static void fenceDevice(KernelEmitter &e) {
  LLVM::FenceOp::create(e.b, e.loc, LLVM::AtomicOrdering::acq_rel, "device");
}

/// Returns whether all other blocks have counted themselves before. What they stored before that is then
/// visible (PTX ISA, "Release and Acquire Patterns").
static Value isLast(WarpgroupEmitter &w, const AttachedMerge &merge, Value counter) {
  KernelEmitter &e = w.e;
  Value told = w.pointer(merge.scratch.at);
  w.meet(merge.barrier, merge.threads);
  e.when(e.equal(merge.thread, 0), [&] {
    fenceDevice(e);
    Value before = LLVM::AtomicRMWOp::create(e.b, e.loc, LLVM::AtomicBinOp::add, counter, w.word(1),
                                             LLVM::AtomicOrdering::monotonic, "device");
    fenceDevice(e);
    LLVM::StoreOp::create(e.b, e.loc, before, told, 4);
  });
  w.meet(merge.barrier, merge.threads);
  Value before = LLVM::LoadOp::create(e.b, e.loc, e.b.getI32Type(), told, 4);
  return arith::CmpIOp::create(e.b, e.loc, arith::CmpIPredicate::eq, before, w.word(merge.blocks - 1));
}

/// Returns how the threads of the same channels, `shares` of them, combine their sums.
static auto combination(WarpgroupEmitter &w, const AttachedMerge &merge, Value share, int64_t shares,
                        Value column, int64_t columns) {
  return [=, &w, &merge](ValueRange values, KernelEmitter::Combine combine) {
    KernelEmitter &e = w.e;
    int64_t valueBytes = 8 * width;
    auto place = [&](Value share, int64_t value) {
      Value slot = e.add(e.mul(e.add(e.mul(share, columns), column), values.size()), value);
      return w.pointer(e.add(e.mul(slot, valueBytes), merge.scratch.at + toldBytes));
    };
    e.when(e.inRange(share, shares), [&] {
      for (auto [number, value] : llvm::enumerate(values))
        LLVM::StoreOp::create(e.b, e.loc, value, place(share, number), 16);
    });
    w.meet(merge.barrier, merge.threads);
    auto load = [&](Value share) {
      return llvm::map_to_vector(llvm::seq<int64_t>(values.size()), [&](int64_t number) -> Value {
        return LLVM::LoadOp::create(e.b, e.loc, values[number].getType(), place(share, number), 16);
      });
    };
    return e.loop(e.index(1), e.index(shares), 1, load(e.index(0)), [&](Value other, ValueRange totals) {
      SmallVector<Value> sums;
      for (auto [total, value] : llvm::zip_equal(totals, load(other)))
        sums.push_back(combine(total, value));
      return sums;
    });
  };
}

/// Merges the partials. Each thread has a vector of channels, and threads of the same channels share the
/// partials.
static void emitMerge(WarpgroupEmitter &w, const AttachedMerge &merge) {
  constexpr int64_t mostBytes = 3 * 8 * width; // bytes of a thread's sums, at most: those of moments
  kernel::FinalizeOp op = merge.op;
  int64_t columns = shape::ceilDiv(merge.channels, width);
  int64_t room = (merge.scratch.bytes - toldBytes) / (columns * mostBytes);
  int64_t shares = std::clamp<int64_t>(room, 1, merge.threads / columns);
  Value share = w.e.div(merge.thread, columns), column = w.e.rem(merge.thread, columns);
  KernelEmitter e = w.e;
  e.operands = merge.operands;
  e.thread = share;
  e.threads = shares;
  e.combineThreads = combination(w, merge, share, shares, column, columns);
  Value channel = e.add(merge.firstChannel, e.mul(column, width));
  Value exist = w.existing(channel, width, cast<RankedTensorType>(op.getResult(0).getType()).getDimSize(0));
  auto merged = reference::mergedAt(op, e, channel, width);
  e.once([&] {
    auto values = reference::finalizeAt(op, e, merged, channel, width);
    for (auto [value, result] : llvm::zip_equal(values, merge.results))
      e.storeElements(exist ? w.choose(exist, value, e.zero(width)) : value, result, channel);
  });
}

void nvidia::emitAttachedMerge(WarpgroupEmitter &w, const AttachedMerge &merge) {
  KernelEmitter &e = w.e;
  Value all = w.globalPointer(merge.counters);
  Value counter = LLVM::GEPOp::create(e.b, e.loc, all.getType(), e.b.getI32Type(), all,
                                      ArrayRef<LLVM::GEPArg>{w.word(merge.counter)});
  e.when(isLast(w, merge, counter), [&] {
    emitMerge(w, merge);
    e.when(e.equal(merge.thread, 0), [&] { LLVM::StoreOp::create(e.b, e.loc, w.word(0), counter, 4); });
  });
}
