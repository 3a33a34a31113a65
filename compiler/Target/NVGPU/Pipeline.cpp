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
    wait(barrier(plan.empty, step), e.add(e.div(step, plan.stages), 1), "empty");
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
  e.when(condition ? e.both(leads, condition) : leads,
         [&] { w.arrive(barrier(plan.empty, step), plan.cluster); });
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

void Pipeline::run(function_ref<void()> copy, function_ref<void()> stage, function_ref<void()> contract) {
  KernelEmitter &e = w.e;
  e.when(e.equal(e.thread, 0), [&] {
    for (const Ring *ring : {&operands, &weights, &raw, &epilogue})
      ring->initialise();
    turns.initialise();
    w.fenceBarriers();
  });
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
        contract();
      });
  if (plan.cluster() > 1)
    w.blocksMeet(plan.cluster()); // nobody writes to a block that has ended
}
