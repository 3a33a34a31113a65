// Runs the reference lowerings of single kernels on packed buffers, on any target: the tests are the same,
// and each target's test program says how a kernel is compiled and run.
#ifndef KINEMA_TEST_COMPILER_TARGET_COMMON_REFERENCE_HARNESS_H
#define KINEMA_TEST_COMPILER_TARGET_COMMON_REFERENCE_HARNESS_H

#include "compiler/Target/Common/Machine.h"
#include "dialects/Kernel/Kernel.h"
#include "test/compiler/Target/Common/KernelBuffers.h"

#include "mlir/IR/BuiltinOps.h"

#include <map>
#include <string>
#include <vector>

namespace kinema::testing {

//===-- What a target provides --------------------------------------------===//

const Machine &machineUnderTest();
void registerUnderTest(mlir::DialectRegistry &registry);
/// Compiles kernel @k of a scheduled module; null where it does not compile.
std::unique_ptr<CompiledKernel> compileUnderTest(mlir::ModuleOp scheduled);

//===-- What the tests use ------------------------------------------------===//

/// Parses a module, gives every kernel that has none its reference schedule and fixes the size of partials.
mlir::OwningOpRef<mlir::ModuleOp> parseScheduled(const std::string &text, mlir::MLIRContext &context);
/// Returns the context of these tests.
mlir::MLIRContext &context();

/// A ReferenceKernel is one compiled kernel.
class ReferenceKernel {
public:
  /// `text` is a module with one kernel.def @k.
  explicit ReferenceKernel(const std::string &text);
  /// `kernel` is such a module, which stays as it is.
  explicit ReferenceKernel(mlir::ModuleOp kernel);

  /// Runs the grid, then again in another order; both must give the same bits and leave zeros in all padding
  /// and nothing beyond a buffer. `inPlace` maps results to the operands whose buffer they take.
  std::vector<Tensor> run(const std::vector<Tensor> &operands, std::map<unsigned, unsigned> inPlace = {});

private:
  void compile();
  int64_t grid() const;
  mlir::RankedTensorType resultType(unsigned i) const;
  struct Storage;

  mlir::OwningOpRef<mlir::ModuleOp> module;
  kernel::DefOp kernel;
  std::unique_ptr<CompiledKernel> compiled;
};

/// Expects max |a - b| <= tolerance * (1 + max |b|).
void expectNear(const Tensor &actual, const Tensor &expected, double tolerance);

/// These return types as text: [N, C, T, H, W] in blocks of 8 channels, channel vectors, plain tensors.
std::string blocked(const std::vector<int64_t> &shape);
std::string blockedBFloat16(const std::vector<int64_t> &shape);
std::string plain(const std::vector<int64_t> &shape);
std::string weight(const std::vector<int64_t> &shape);
std::string weightBFloat16(const std::vector<int64_t> &shape);
std::string weightInGroups(const std::vector<int64_t> &shape);
std::string weightTransposed(const std::vector<int64_t> &shape);

/// Returns a module with one kernel.def @k of these operand types. Its body is `body`, an operation on %0,
/// %1, ... that gives %r or %r:k; `results` are its result types.
std::string kernelText(const std::vector<std::string> &operands, const std::string &body,
                       const std::vector<std::string> &results);

} // namespace kinema::testing

#endif
