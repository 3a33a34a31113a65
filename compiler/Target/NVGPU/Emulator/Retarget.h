// Provides what retargeting a module's operations shares: calls to the emulator, source locations by number,
// and the places of shared globals.
#ifndef KINEMA_COMPILER_TARGET_NVGPU_EMULATOR_RETARGET_H
#define KINEMA_COMPILER_TARGET_NVGPU_EMULATOR_RETARGET_H

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Interfaces/DataLayoutInterfaces.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringMap.h"

namespace kinema::emulator {

/// Replaces the operations of a module's functions one by one. Types keep their address spaces meanwhile; the
/// module is valid again once they are dropped.
class Retargeter {
public:
  explicit Retargeter(mlir::ModuleOp module)
      : module(module), layout(module), b(module.getContext()), i32(b.getI32Type()), i64(b.getI64Type()),
        pointer(mlir::LLVM::LLVMPointerType::get(module.getContext())) {}

  /// Gives every global in shared memory its place, before the first operation is retargeted. The first is at
  /// 0; what is allocated at the launch comes last.
  mlir::LogicalResult placeSharedGlobals();
  /// Gives a kernel two more arguments, before the first operation is retargeted: where the largest part of
  /// global memory begins, and how far from there a vector may begin. Accesses there need no call.
  void addFastRange(mlir::LLVM::LLVMFuncOp kernel);
  /// Finds the functions with matrix products of warpgroups, before the first operation is retargeted.
  void findWgmma();

  /// Replaces one operation, or leaves it if it means the same on the host. Reports what has no meaning.
  mlir::LogicalResult retarget(mlir::Operation *op);

  /// Counts the bytes of shared memory before what is allocated at the launch.
  int64_t staticSharedBytes() const { return sharedBytes; }
  /// Returns the source locations of the calls, by their numbers.
  llvm::ArrayRef<std::string> siteTexts() const { return sites; }

private:
  // These retarget one kind of operation each; they fail without a message where the operation is of another
  // kind.
  mlir::LogicalResult retargetMemory(mlir::Operation *op);
  mlir::LogicalResult retargetRegister(mlir::Operation *op);
  mlir::LogicalResult retargetSynchronisation(mlir::Operation *op);
  mlir::LogicalResult retargetWarp(mlir::Operation *op);
  mlir::LogicalResult retargetConversion(mlir::Operation *op);
  mlir::LogicalResult retargetMBarrier(mlir::Operation *op);
  mlir::LogicalResult retargetCopy(mlir::Operation *op);
  mlir::LogicalResult retargetTensorCopy(mlir::Operation *op);
  mlir::LogicalResult retargetMatrix(mlir::Operation *op);
  mlir::LogicalResult retargetWgmma(mlir::Operation *op);
  mlir::LogicalResult retargetAccumulator(mlir::LLVM::ExtractValueOp op);
  mlir::LogicalResult retargetTensorMemory(mlir::Operation *op);
  mlir::LogicalResult retargetTensorLoad(mlir::NVVM::Tcgen05LdOp load);

  // The replacements are made of these. All are put before the operation that is retargeted.
  mlir::Value constant(int64_t value) { return constant(i32, value); }
  mlir::Value constant(mlir::Type type, int64_t value);
  mlir::Value call(llvm::StringRef name, mlir::Type result, mlir::ValueRange operands);
  /// Calls a function with the site of the operation as the last operand.
  mlir::Value callHere(llvm::StringRef name, mlir::Type result, llvm::SmallVector<mlir::Value> operands);
  mlir::Value zeroExtend(mlir::Value value, mlir::Type type);
  mlir::Value isTrue(mlir::Value value); // i32 -> i1
  void check(llvm::StringRef kind, mlir::Value address, mlir::Value bytes, int64_t alignment);
  void skipIfFast(mlir::Value address, int64_t alignment);
  void check(llvm::StringRef kind, mlir::Value address, mlir::Type type, std::optional<int64_t> alignment);
  /// Returns memory of the function for operands and results that are passed in memory.
  mlir::Value scratch(mlir::Operation *op, unsigned part);
  mlir::Value passInMemory(mlir::ValueRange values, unsigned part);
  llvm::SmallVector<mlir::Value> takeFromMemory(unsigned part, llvm::ArrayRef<mlir::Type> types);
  mlir::Value makeStruct(mlir::Type type, mlir::ValueRange fields);
  void replace(mlir::Operation *op, mlir::Value value); // null: the operation has no result
  /// Lets the operation take place only where the predicate holds; for operations without results.
  void guard(mlir::Operation *op, mlir::Value predicate);
  /// Numbers the place of an operation, as runtime/Emulator/Emulator.h (textOf) reads it. Operations have
  /// different ones, and so do the calls that an operation becomes.
  int64_t siteOf(mlir::Operation *op);

  mlir::ModuleOp module;
  mlir::DataLayout layout;
  mlir::OpBuilder b;
  mlir::Type i32, i64;
  mlir::LLVM::LLVMPointerType pointer;
  mlir::Operation *current = nullptr;
  llvm::StringMap<int64_t> sharedOffsets;
  int64_t sharedBytes = 0;
  std::vector<std::string> sites;
  /// The number of a text of a place in the source, and how many places that share it were met.
  struct Site {
    int64_t text, places;
  };
  llvm::StringMap<Site> siteNumbers;
  llvm::DenseMap<mlir::Operation *, llvm::SmallVector<mlir::Value, 4>> scratches; // by function
  llvm::DenseSet<mlir::Operation *> wgmmaUsers;
  llvm::DenseMap<mlir::Operation *, std::pair<mlir::Value, mlir::Value>> fastRanges; // by function
};

} // namespace kinema::emulator

#endif
