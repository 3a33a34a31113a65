// Runs kernels on the CPU: they are compiled to a shared object as a package carries it, opened and called.
#ifndef KINEMA_TEST_COMPILER_TARGET_CPU_HOST_KERNEL_H
#define KINEMA_TEST_COMPILER_TARGET_CPU_HOST_KERNEL_H

#include "test/compiler/Target/Common/KernelBuffers.h"

#include "mlir/IR/BuiltinOps.h"

#include <memory>

namespace kinema::testing {

/// Compiles kernel @k of a module with schedules for the CPU that need no scratch memory. Returns null where
/// it does not compile, or calls for conversions of bfloat16 that the C library lacks.
std::unique_ptr<CompiledKernel> compileForHost(mlir::ModuleOp scheduled);

} // namespace kinema::testing

#endif
