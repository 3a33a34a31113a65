// Deepens the rings of a plan for blocks that have more and less shared memory.
#ifndef KINEMA_TEST_COMPILER_TARGET_NVGPU_DEEPENEDRINGS_H
#define KINEMA_TEST_COMPILER_TARGET_NVGPU_DEEPENEDRINGS_H

#include "test/compiler/Target/NVGPU/KernelBuilder.h"

#include "compiler/Target/NVGPU/Processor.h"
#include "gtest/gtest.h"

namespace kinema::testing {

/// Expects that a plan's rings deepen within a block's memory, whatever size that has, and calls `look` with
/// each deepened plan. Barriers take memory as well as stages do, so that a few bytes decide.
template <typename Plan>
void expectDeepensWithinMemory(const Plan &shallow, void (Plan::*deepen)(const nvidia::Processor &),
                               llvm::function_ref<void(const Plan &)> look) {
  nvidia::Processor processor = *nvidia::processorNamed(hopper);
  int64_t most = processor.sharedBytes, step = 8;
  for (processor.sharedBytes = most - 96 * 1024; processor.sharedBytes <= most;
       processor.sharedBytes += step) {
    if (!shallow.fits(processor))
      continue;
    Plan plan = shallow;
    (plan.*deepen)(processor);
    ASSERT_LE(plan.pipeline().memory.bytes(), processor.blockSharedBytes());
    look(plan);
  }
}

} // namespace kinema::testing

#endif
