// Kernels on the CPU: compiled to a shared object as a package carries it, opened, called.
#ifndef KINEMA_TEST_COMPILER_TARGET_CPU_HOST_KERNEL_H
#define KINEMA_TEST_COMPILER_TARGET_CPU_HOST_KERNEL_H

#include "test/compiler/Target/Common/KernelBuffers.h"

#include "mlir/IR/BuiltinOps.h"

#include <memory>

namespace kinema::testing {

/// Kernel @k of a module with schedules for the CPU that need no scratch memory; null where it does not
/// compile, or calls for conversions of bfloat16 that the C library lacks.
std::unique_ptr<CompiledKernel> compileForHost(mlir::ModuleOp scheduled);

} // namespace kinema::testing

#endif
