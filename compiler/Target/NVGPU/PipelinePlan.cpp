#include "compiler/Target/NVGPU/PipelinePlan.h"

using namespace kinema::nvidia;

PipelinePlan::PipelinePlan(Roles roles, RingPlan operands, RingPlan weights, RingPlan raw, RingPlan epilogue)
    : roles(roles), operands(operands), weights(weights), raw(raw), epilogue(epilogue) {
  constexpr int64_t barrierBytes = 8;
  RingPlan *rings[] = {&this->epilogue, &this->operands, &this->weights, &this->raw};
  for (RingPlan *ring : rings) {
    ring->frees = ring == &this->raw        ? roles.stagingWarps()
                  : ring == &this->epilogue ? roles.warpsOfTile()
                                            : ring->cluster * roles.readersOfTile();
    ring->full = memory.take(barrierBytes * ring->stages, barrierBytes);
    ring->empty = memory.take(barrierBytes * ring->stages, barrierBytes);
  }
  turns = memory.take(roles.turns ? barrierBytes * roles.consumers : 0, barrierBytes);
  if (hasTensorMemory()) {
    productsEnd = memory.take(barrierBytes * roles.consumers, barrierBytes);
    tensorAddress = memory.take(TensorMemory::addressBytes, barrierBytes);
  }
  for (RingPlan *ring : rings)
    ring->data = memory.take(ring->stages * ring->stageBytes, sharedAlignment);
}
