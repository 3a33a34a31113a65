// Simulates a block of a conv on tensor cores event by event, with the roles, rings and order of copies of
// its plan: who waits for whom, and how long.
#ifndef KINEMA_TEST_COMPILER_TARGET_NVGPU_RINGSIMULATION_H
#define KINEMA_TEST_COMPILER_TARGET_NVGPU_RINGSIMULATION_H

#include "compiler/Target/NVGPU/HaloPlan.h"
#include "compiler/Target/NVGPU/Model.h"

namespace kinema::testing {

/// Cycles of a block from its beginning to its end, and of these the ones in which a role waits for another.
struct BlockTimes {
  double cycles = 0;
  double sourceCopiesWait = 0; // the warp that begins these copies, for a stage to be empty
  double weightCopiesWait = 0; // likewise
  double stagingWaits = 0; // the threads that run the prologue, for rows to arrive or for a stage to be empty
  double sourceMissing = 0; // the consumers, for the source
  double weightsMissing = 0;
};

/// Simulates the block with most tiles of a plan whose results have one phase. How long each piece of work
/// takes is what the model says; how they overlap is found out.
BlockTimes simulate(const nvidia::HaloPlan &plan, const nvidia::Work &work, const nvidia::Rates &rates);

} // namespace kinema::testing

#endif
