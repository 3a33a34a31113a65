// Runs single kernels the way that a package does: compiled to a shared object, opened, called on packed
// buffers.
#ifndef KINEMA_TEST_COMPILER_TARGET_CPU_REFERENCE_HARNESS_H
#define KINEMA_TEST_COMPILER_TARGET_CPU_REFERENCE_HARNESS_H

#include "dialects/Kernel/Kernel.h"

#include "mlir/IR/BuiltinOps.h"

#include <map>
#include <string>
#include <vector>

namespace kinema::testing {

/// A logical tensor, row-major; labels are whole numbers.
struct Tensor {
  std::vector<int64_t> shape;
  std::vector<float> values;

  float &at(std::initializer_list<int64_t> coordinates);
  float at(std::initializer_list<int64_t> coordinates) const {
    return const_cast<Tensor *>(this)->at(coordinates);
  }
};

/// Uniform in [-1, 1), the same for the same seed.
Tensor random(std::vector<int64_t> shape, unsigned seed);
Tensor filled(std::vector<int64_t> shape, float value);

/// A loaded shared object of kernels.
class Library {
public:
  explicit Library(const std::string &bytes);
  ~Library();
  Library(const Library &) = delete;
  void *symbol(const std::string &name) const;

private:
  void *handle = nullptr;
};

/// Parses a module, gives every kernel its reference schedule and fixes the size of partials.
mlir::OwningOpRef<mlir::ModuleOp> parseScheduled(const std::string &text, mlir::MLIRContext &context);
/// The context of these tests.
mlir::MLIRContext &context();

/// One compiled kernel.
class ReferenceKernel {
public:
  /// `text` is a module with one kernel.def @k.
  explicit ReferenceKernel(const std::string &text);

  /// Runs the whole grid at once, then block by block in another order; both must give the same bits and
  /// leave zeros in all padding and nothing beyond a buffer. `inPlace` maps results to the operands whose
  /// buffer they take.
  std::vector<Tensor> run(const std::vector<Tensor> &operands, std::map<unsigned, unsigned> inPlace = {});

  int64_t grid() const;
  mlir::RankedTensorType resultType(unsigned i) const;
  /// Processor seconds of one run of the whole grid, the best of a few.
  double seconds(const std::vector<Tensor> &operands);

private:
  using Function = void (*)(void *const *, int64_t, int64_t, void *);
  struct Buffers;

  mlir::OwningOpRef<mlir::ModuleOp> module;
  mlir::Operation *kernel = nullptr;
  std::unique_ptr<Library> library;
  Function function = nullptr;
};

/// max |a - b| <= tolerance * (1 + max |b|), as a GoogleTest expectation.
void expectNear(const Tensor &actual, const Tensor &expected, double tolerance);

/// Types as text: [N, C, T, H, W] in blocks of 8 channels, channel vectors, plain tensors.
std::string blocked(const std::vector<int64_t> &shape);
std::string plain(const std::vector<int64_t> &shape);
std::string weight(const std::vector<int64_t> &shape);
std::string weightTransposed(const std::vector<int64_t> &shape);

/// A module with one kernel.def @k of these operand types whose body is `body`, an operation on %0, %1, ...
/// that gives %r or %r:k; `results` are its result types.
std::string kernelText(const std::vector<std::string> &operands, const std::string &body,
                       const std::vector<std::string> &results);

} // namespace kinema::testing

#endif
