// Builds modules with one kernel, as the planner leaves them.
#ifndef KINEMA_TEST_COMPILER_TARGET_NVGPU_KERNELBUILDER_H
#define KINEMA_TEST_COMPILER_TARGET_NVGPU_KERNELBUILDER_H

#include "test/compiler/Target/Common/ReferenceHarness.h"
#include "test/compiler/Target/Common/TargetUnderTest.h"
#include "test/compiler/Target/NVGPU/OneKernel.h"

#include "compiler/Target/Common/Measurements.h"
#include "compiler/Target/NVGPU/Processor.h"

#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "gtest/gtest.h"

namespace kinema::testing {

/// Returns the type of an f32 tensor whose channels lie in blocks: of the machine's size if none is given.
mlir::RankedTensorType inBlocks(llvm::ArrayRef<int64_t> shape, int64_t block = machineUnderTest().vector);
/// Returns the same type of bfloat16.
mlir::RankedTensorType bfloat16InBlocks(llvm::ArrayRef<int64_t> shape);

/// A KernelRegion is a prologue, an epilogue or another region of a kernel while it is written. What it reads
/// becomes an operand of the kernel at once: regions read in the order of the kernel's operands.
class KernelRegion {
public:
  using Value = mlir::Value;
  explicit KernelRegion(class KernelBuilder &kernel);

  /// Adds an argument that no operand stands behind: an accumulator or a statistic.
  Value argument() { return block->addArgument(b.getF32Type(), b.getLoc()); }
  /// Returns the element of a new operand that is read at the region's own position.
  Value pixel(mlir::RankedTensorType type) { return read(type, kernel::Access::Pixel); }
  /// Returns the element of a new vector that is read by channel.
  Value channel(int64_t channels) { return read(inBlocks(channels), kernel::Access::Channel); }

  Value zero() { return mlir::arith::ConstantOp::create(b, b.getF32FloatAttr(0.0f)); }
  Value negate(Value x) { return mlir::arith::NegFOp::create(b, x); }
  Value add(Value x, Value y) { return mlir::arith::AddFOp::create(b, x, y); }
  Value multiply(Value x, Value y) { return mlir::arith::MulFOp::create(b, x, y); }
  /// Returns x * y + z, rounded once.
  Value multiplyAdd(Value x, Value y, Value z) { return mlir::math::FmaOp::create(b, x, y, z); }
  Value relu(Value x) { return mlir::arith::MaximumFOp::create(b, x, zero()); }
  /// Returns the nearest bfloat16.
  Value rounded(Value x);

  /// Adds a value to what the region yields.
  void yield(kernel::Yield kind, Value value);

private:
  friend class KernelBuilder;
  Value read(mlir::RankedTensorType type, kernel::Access how);

  KernelBuilder &kernel;
  std::unique_ptr<mlir::Block> block = std::make_unique<mlir::Block>();
  mlir::ImplicitLocOpBuilder b;
  llvm::SmallVector<Value> operands, yielded;
  llvm::SmallVector<kernel::Access> access; // one for each operand
  llvm::SmallVector<kernel::Yield> kinds;   // one for each yielded value
};

/// A KernelBuilder begins a module with the kernel @k, which gets its operands, its one operation, and what
/// is attached to that one.
class KernelBuilder {
public:
  /// Counts the counters that a kernel that goes on with a merge has behind its operands.
  static constexpr int64_t counters = 32;

  explicit KernelBuilder(llvm::StringRef processor = hopper);

  mlir::Value operand(mlir::RankedTensorType type);
  /// Returns the region that reads a tensor as it is.
  KernelRegion identity(mlir::RankedTensorType x);
  /// Returns the region that reads a tensor through batch norm and ReLU, rounded unless it is multiplied by
  /// terms.
  KernelRegion normalised(mlir::RankedTensorType x, bool byTerms = false);

  /// Makes the operation that stores a tensor of the type `result`, with the partials that its epilogue
  /// yields.
  void conv(kernel::Direction direction, mlir::Value weight, const shape::Window &window,
            KernelRegion &prologue, KernelRegion &epilogue, mlir::RankedTensorType result, int64_t groups = 1,
            bool byTerms = false);
  void pair(mlir::Value firstWeight, const shape::Window &first, mlir::Value secondWeight,
            const shape::Window &second, KernelRegion &prologue, KernelRegion &middle, KernelRegion &epilogue,
            mlir::RankedTensorType result);
  void weightGrad(const shape::Window &window, KernelRegion &gradient, KernelRegion &activation,
                  mlir::RankedTensorType partials, int64_t groups = 1, bool byTerms = false);
  void poolGrad(kernel::PoolKind kind, mlir::Value g, const shape::Window &window, KernelRegion &prologue,
                mlir::RankedTensorType result);
  void matmul(mlir::Value lhs, bool transposeLhs, mlir::Value rhs, bool transposeRhs,
              mlir::RankedTensorType result);
  void softmax(mlir::Value x, mlir::RankedTensorType result);
  void softmaxGrad(mlir::Value g, mlir::Value y, mlir::RankedTensorType result);
  /// These are over the channels of each position, with an eps of 1e-5.
  void standardise(mlir::Value x, mlir::RankedTensorType result);
  void standardiseGrad(mlir::Value g, mlir::Value x, mlir::RankedTensorType result);
  /// Attaches the merge of the operation's last result to the kernel; each yielded value makes a vector.
  void merge(KernelRegion &merging);

  /// Returns the kernel, which gives all results.
  mlir::OwningOpRef<mlir::ModuleOp> finish();

private:
  friend class KernelRegion;
  mlir::Block &body() { return defOf(*module).getBody().front(); }
  /// Ends the regions and gives them to an operation.
  void complete(mlir::Operation *op, llvm::ArrayRef<KernelRegion *> regions);

  mlir::OwningOpRef<mlir::ModuleOp> module;
  mlir::ImplicitLocOpBuilder b;
};

/// Returns the kernel with the schedule of a tile or, without one, with the best candidate for its processor.
template <typename Op, typename Tile>
mlir::OwningOpRef<mlir::ModuleOp>
scheduledAs(mlir::ModuleOp kernel, const std::type_identity_t<std::optional<Tile>> &tile,
            kernel::ScheduleAttr (*scheduleOf)(Op, const Tile &),
            llvm::SmallVector<Candidate> (*candidatesOf)(Op, const nvidia::Processor &)) {
  mlir::OwningOpRef<mlir::ModuleOp> copy = kernel.clone();
  auto op = mlir::cast<Op>(defOf(*copy).getKernel());
  auto candidates = candidatesOf(op, *nvidia::processorOf(op));
  if (candidates.empty())
    ADD_FAILURE() << "the kernel has no schedule";
  else
    op.setScheduleAttr(tile ? scheduleOf(op, *tile) : candidates.front().schedule);
  return copy;
}

} // namespace kinema::testing

#endif
