#include "compiler/Target/NVGPU/Pipeline.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::nvidia;

/// Waits for the end of the mbarrier's phase whose number has the parity of `round`.
static void waitForPhase(WarpgroupEmitter &w, Value barrier, Value round, const Twine &until) {
  constexpr int64_t ticks = 1000000; // how long one look at the barrier may take
  KernelEmitter &e = w.e;
  NVVM::MBarrierTryWaitParityOp::create(e.b, NameLoc::get(e.b.getStringAttr(until), e.loc), barrier,
                                        w.word(e.rem(round, 2)), w.word(ticks));
}

static void makeBarrier(WarpgroupEmitter &w, Value barrier, int64_t arrivals, Location loc) {
  NVVM::MBarrierInitOp::create(w.e.b, loc, barrier, w.word(arrivals), Value());
}

//===-- One ring ----------------------------------------------------------===//

Value Ring::barrier(const SharedRegion &barriers, Value step) const {
  int64_t bytes = barriers.bytes / plan.stages;
  return w.pointer(e.add(e.index(barriers.at), e.mul(e.rem(step, plan.stages), bytes)));
}

void Ring::initialise() const {
  auto initialise = [&](const SharedRegion &barriers, int64_t stage, int64_t arrivals) {
    makeBarrier(w, barrier(barriers, e.index(stage)), arrivals, e.loc);
  };
  for (int64_t stage = 0; stage < plan.stages; ++stage) {
    initialise(plan.full, stage, plan.fills);
    if (plan.refilled)
      initialise(plan.empty, stage, plan.frees);
  }
}

Value Ring::stageAt(Value step) const {
  return e.add(e.index(plan.data.at), e.mul(e.rem(step, plan.stages), plan.stageBytes));
}

void Ring::wait(Value barrier, Value round, const char *state) const {
  waitForPhase(w, barrier, round, Twine("waits until a stage of ") + plan.name + " is " + state);
}

void Ring::waitFull(Value step) const { wait(full(step), e.div(step, plan.stages), "full"); }

void Ring::waitEmpty(Value step) const {
  if (plan.refilled)
    wait(empty(step), e.add(e.div(step, plan.stages), 1), "empty");
}

void Ring::drain(Value step) const {
  if (!plan.refilled || plan.cluster == 1 || w.tensorCores != TensorCores::TensorMemory)
    return;
  e.loop(plan.stages, [&](Value stage) {
    Value last = e.add(step, stage);
    wait(empty(last), e.add(e.div(last, plan.stages), 1), "read for the last time");
  });
}

Value Ring::fill(Value step, function_ref<Value()> store) const {
  waitEmpty(step);
  Value stored = store();
  w.fenceShared();
  w.arrive(full(step));
  return stored;
}

void Ring::free(Value step, Value condition) const {
  if (!plan.refilled)
    return;
  Value leads = e.equal(w.lane(), 0); // a warp waits for its products by itself, and speaks for no other one
  e.when(condition ? e.both(leads, condition) : leads, [&] { w.arrive(empty(step), plan.cluster); });
}

void Ring::freeTogether(Value step) const {
  if (!plan.refilled)
    return;
  w.warpMeets();
  free(step);
}

//===-- Turns -------------------------------------------------------------===//

Value Turns::barrier(Value consumer) const {
  return w.pointer(e.add(e.mul(consumer, barriers.bytes / consumersOfTurns), barriers.at));
}

void Turns::initialise() const {
  auto what = NameLoc::get(e.b.getStringAttr("counts the turns of a consumer"), e.loc);
  if (barriers.bytes > 0)
    for (int64_t consumer = 0; consumer < consumersOfTurns; ++consumer)
      makeBarrier(w, barrier(e.index(consumer)), warpsOfGroup, what);
}

/// The second consumer waits for the phase of the first one's barrier that has the tile's number, and the
/// first one for the phase before of the second one's. So neither is ever two phases ahead of the other.
void Turns::await(Value consumer, Value tile) const {
  Value other = e.sub(e.index(1), consumer);
  waitForPhase(w, barrier(other), e.add(tile, other), "waits until the other consumer has had its turn");
}

void Turns::pass(Value consumer) const {
  e.when(e.equal(w.lane(), 0), [&] { w.arrive(barrier(consumer)); });
}

//===-- The rings of a kernel ---------------------------------------------===//

Value Pipeline::stagingThread() const {
  KernelEmitter &e = w.e;
  return e.sub(e.thread, e.index(plan.roles.copyingThreads()));
}

Value Pipeline::consumerThread() const {
  KernelEmitter &e = w.e;
  return e.sub(e.thread, e.index(plan.roles.firstConsumer()));
}

//===-- Tensor memory -----------------------------------------------------===//

Value Pipeline::productsEnd(Value consumer) const {
  KernelEmitter &e = w.e;
  return w.pointer(
      e.add(e.mul(consumer, plan.productsEnd.bytes / plan.roles.consumers), plan.productsEnd.at));
}

void Pipeline::awaitProducts(Value number) const {
  waitForPhase(w, productsEnd(consumer), number, "waits until all products of a sum have ended");
}

/// Returns whether this is the warp that allocates: the first one of the consumers.
Value Pipeline::isAllocator() const {
  KernelEmitter &e = w.e;
  return e.equal(e.div(e.thread, warp), plan.roles.firstConsumer() / warp);
}

/// Allocates the block's columns. No other block is on the multiprocessor that might have them: with
/// consumers and producers, a block takes nearly all of its registers.
void Pipeline::allocateTensorMemory() const {
  KernelEmitter &e = w.e;
  auto group = NVVM::CTAGroupKind::CTA_1;
  e.when(isAllocator(), [&] {
    NVVM::Tcgen05AllocOp::create(e.b, e.loc, w.pointer(plan.tensorAddress.at),
                                 w.word(plan.tensorMemory.columns()), group);
    NVVM::Tcgen05RelinquishAllocPermitOp::create(e.b, e.loc, group);
  });
}

/// Lets a consumer's thread find the sums. What is the same in all threads of a warp comes from one of them,
/// so that the compiler sees it.
void Pipeline::enterTensorMemory() {
  KernelEmitter &e = w.e;
  Value address = LLVM::LoadOp::create(e.b, e.loc, e.b.getI32Type(), w.pointer(plan.tensorAddress.at),
                                       TensorMemory::addressBytes);
  tensorMemory =
      w.word(w.broadcast(arith::IndexCastOp::create(e.b, e.loc, e.b.getIndexType(), address).getResult()));
  consumer = w.broadcast(e.div(consumerThread(), warpgroup));
  isFirstWarp = e.equal(w.broadcast(e.rem(e.div(e.thread, warp), warpsOfGroup)), 0);
}

/// Gives the columns back when no consumer uses them any more. Whoever has loaded from them has fenced its
/// loads (Contract::release).
void Pipeline::leaveTensorMemory() const {
  KernelEmitter &e = w.e;
  w.meet(NamedBarriers::ofConsumers, plan.roles.consumerThreads());
  e.when(isAllocator(), [&] {
    NVVM::Tcgen05FenceOp::create(e.b, e.loc, NVVM::Tcgen05FenceKind::AFTER_THREAD_SYNC);
    NVVM::Tcgen05DeallocOp::create(e.b, e.loc, w.tensorPointer(tensorMemory),
                                   w.word(plan.tensorMemory.columns()), NVVM::CTAGroupKind::CTA_1);
  });
}

void Pipeline::run(function_ref<void()> copy, function_ref<void()> stage, function_ref<void()> contract) {
  KernelEmitter &e = w.e;
  e.when(e.equal(e.thread, 0), [&] {
    for (const Ring *ring : {&operands, &weights, &raw, &epilogue})
      ring->initialise();
    turns.initialise();
    for (int64_t number = 0; plan.hasTensorMemory() && number < plan.roles.consumers; ++number)
      makeBarrier(w, productsEnd(e.index(number)), 1,
                  NameLoc::get(e.b.getStringAttr("counts when a consumer's products have ended"), e.loc));
    w.fenceBarriers();
  });
  if (plan.hasTensorMemory())
    allocateTensorMemory();
  w.blocksMeet(plan.cluster());
  auto takeRegisters = [&](int64_t registers, NVVM::SetMaxRegisterAction action) {
    if (plan.roles.tradeRegisters())
      NVVM::SetMaxRegisterOp::create(e.b, e.loc, registers, action);
  };
  e.when(
      e.inRange(e.thread, plan.roles.firstConsumer()),
      [&] {
        takeRegisters(plan.roles.producerRegisters(), NVVM::SetMaxRegisterAction::decrease);
        if (plan.roles.stagingThreads() == 0)
          copy();
        else
          e.when(e.inRange(e.thread, plan.roles.copyingThreads()), copy, stage);
      },
      [&] {
        takeRegisters(plan.roles.consumerRegisters(), NVVM::SetMaxRegisterAction::increase);
        if (plan.hasTensorMemory())
          enterTensorMemory();
        contract();
        if (plan.hasTensorMemory())
          leaveTensorMemory();
      });
  if (plan.cluster() > 1)
    w.blocksMeet(plan.cluster()); // nobody writes to a block that has ended
}
