// Kernels with one mistake each: what a test of kernels must find.
#ifndef KINEMA_TEST_COMPILER_TARGET_NVGPU_EMULATOR_MUTANTS_H
#define KINEMA_TEST_COMPILER_TARGET_NVGPU_EMULATOR_MUTANTS_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

#include <string>
#include <vector>

namespace kinema::emulator {

/// A change of one operation.
struct Mutation {
  std::string description; // what is changed, and where
  size_t operation = 0;    // its number in the module's walk
  int kind = 0, operand = 0;
  int64_t change = 0;
};

/// All mutations of a module's gpu.modules: a barrier, fence, wait, commit or arrival dropped; an arrival
/// count, a count of bytes, a phase, the number of groups that a wait leaves, an address in shared or tensor
/// memory, a descriptor's swizzle or stride, a product's columns changed.
std::vector<Mutation> findMutations(mlir::ModuleOp module);

/// A copy of the module with one mutation.
mlir::OwningOpRef<mlir::ModuleOp> mutate(mlir::ModuleOp module, const Mutation &mutation);

} // namespace kinema::emulator

#endif
