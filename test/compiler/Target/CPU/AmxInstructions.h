// Runs AMX code on processors without AMX: the machine code itself runs, and its instructions on matrices,
// which such a processor refuses, are computed where it does so.
#ifndef KINEMA_TEST_COMPILER_TARGET_CPU_AMXINSTRUCTIONS_H
#define KINEMA_TEST_COMPILER_TARGET_CPU_AMXINSTRUCTIONS_H

namespace kinema::cpu::test {

/// Makes this process, from now on, execute LDTILECFG, TILERELEASE, TILEZERO, TILELOADD, TILESTORED and
/// TDPBF16PS, with a state of each thread's own. What they must not do (use a matrix that is not configured,
/// or of shapes that do not fit each other), and all other instructions that the processor refuses, end the
/// process by SIGILL.
void computeAmxInstructions();

} // namespace kinema::cpu::test

#endif
