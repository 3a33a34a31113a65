// Compiles one kernel with a tiled schedule, the way that a package does, and runs it on logical tensors;
// computes the same with plain loops in double precision.
#ifndef KINEMA_TEST_COMPILER_TARGET_CPU_KERNELRUNNER_H
#define KINEMA_TEST_COMPILER_TARGET_CPU_KERNELRUNNER_H

#include "compiler/Target/CPU/Level.h"
#include "compiler/Target/Common/KernelEmitter.h"

#include "mlir/IR/BuiltinOps.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace kinema::cpu::test {

/// A Tensor is a logical tensor, row-major.
struct Tensor {
  std::vector<int64_t> shape;
  std::vector<double> values;
};

/// Holds aligned floats.
struct Storage {
  explicit Storage(size_t count, float fill = 0.0f);
  float *data() { return pointer.get(); }
  size_t count;

private:
  static constexpr std::align_val_t alignment{4096};
  struct Free {
    void operator()(float *p) const { ::operator delete[](p, alignment); }
  };
  std::unique_ptr<float[], Free> pointer;
};

/// Returns the value as an element of that type holds it.
double rounded(double value, mlir::Type element);

/// Returns a tensor in the storage order of its type; padding holds zero.
Storage pack(const Tensor &tensor, mlir::RankedTensorType type);
/// Returns the logical elements; adds to `dirty` the number of padding elements that are not zero.
Tensor unpack(Storage &storage, mlir::RankedTensorType type, int64_t &dirty);

/// Gives a kernel operation its schedule.
using Scheduler = std::function<kernel::ScheduleAttr(mlir::Operation *)>;

/// Returns whether this processor can run the level's code. Where it lacks AMX alone, it can from then on, by
/// computeAmxInstructions.
bool runsHere(const Level &level);

/// A Kernel is a compiled kernel.
class Kernel {
public:
  /// `text` is a module with one kernel.def in blocks of the level's lanes; without a scheduler, the kernel
  /// gets the target's own choice. The constructor reports to stderr and exits where the kernel does not
  /// compile.
  Kernel(const std::string &text, const Level &level, const Scheduler &scheduler = nullptr);
  ~Kernel();

  mlir::Operation *operation() { return kernel; }
  kernel::ScheduleAttr schedule();
  mlir::RankedTensorType operandType(unsigned i);
  mlir::RankedTensorType resultType(unsigned i);

  /// Runs blocks one by one in this order on buffers: operands, then results. Scratch starts poisoned.
  void run(llvm::ArrayRef<float *> buffers, llvm::ArrayRef<int64_t> blocks);
  /// Runs the whole grid at once.
  void runAll(llvm::ArrayRef<float *> buffers);

  double scheduleSeconds = 0, compileSeconds = 0; // in processor time

private:
  void setSchedule(std::optional<kernel::ScheduleAttr> schedule);
  void compile();

  std::unique_ptr<mlir::MLIRContext> context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  mlir::Operation *kernel = nullptr;
  void *library = nullptr;
  std::unique_ptr<Storage> scratch;
  using Entry = void (*)(void *const *, int64_t, int64_t, void *);
  Entry entry = nullptr;
};

/// Computes the results of the operation by plain loops. Partials have one block.
std::vector<Tensor> reference(mlir::Operation *op, llvm::ArrayRef<Tensor> operands);

} // namespace kinema::cpu::test

#endif
