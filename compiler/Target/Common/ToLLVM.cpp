#include "compiler/Target/Common/ToLLVM.h"

#include "compiler/Target/Common/ElementaryFunctions.h"

#include "mlir/Conversion/ArithToLLVM/ArithToLLVM.h"
#include "mlir/Conversion/ControlFlowToLLVM/ControlFlowToLLVM.h"
#include "mlir/Conversion/FuncToLLVM/ConvertFuncToLLVM.h"
#include "mlir/Conversion/LLVMCommon/ConversionTarget.h"
#include "mlir/Conversion/LLVMCommon/MemRefBuilder.h"
#include "mlir/Conversion/LLVMCommon/Pattern.h"
#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Conversion/MathToLLVM/MathToLLVM.h"
#include "mlir/Conversion/MemRefToLLVM/MemRefToLLVM.h"
#include "mlir/Conversion/VectorToLLVM/ConvertVectorToLLVM.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;
using namespace kinema;

static LogicalResult expandMath(Operation *module, const ToLLVMOptions &options) {
  RewritePatternSet patterns(module->getContext());
  populateElementaryFunctionPatterns(patterns, options.hasApproximations);
  if (options.expandBFloat16)
    arith::populateExpandBFloat16Patterns(patterns);
  return applyPatternsGreedily(module, std::move(patterns));
}

static bool isKept(Operation *op, Operation *module, const ToLLVMOptions &options) {
  return op == module || llvm::is_contained(options.keep, op->getName().getDialectNamespace());
}

namespace {
/// Lowers a cast of a buffer to a pointer, which is where the buffer begins. Indices may be too narrow to
/// express it.
struct BufferPointer : ConvertOpToLLVMPattern<UnrealizedConversionCastOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;

  static bool matches(UnrealizedConversionCastOp op) {
    return op->getNumOperands() == 1 && op->getNumResults() == 1 &&
           isa<MemRefType>(op.getOperand(0).getType()) &&
           isa<LLVM::LLVMPointerType>(op.getResult(0).getType());
  }
  LogicalResult matchAndRewrite(UnrealizedConversionCastOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    if (!matches(op))
      return failure();
    rewriter.replaceOp(op, MemRefDescriptor(adaptor.getInputs()[0]).alignedPtr(rewriter, op.getLoc()));
    return success();
  }
};
} // namespace

static LogicalResult convert(Operation *module, const ToLLVMOptions &options) {
  MLIRContext *context = module->getContext();
  LowerToLLVMOptions lowering(context);
  lowering.useBarePtrCallConv = true;
  lowering.overrideIndexBitwidth(options.indexBits);
  LLVMTypeConverter types(context, lowering);
  RewritePatternSet patterns(context);
  arith::populateArithToLLVMConversionPatterns(types, patterns);
  cf::populateControlFlowToLLVMConversionPatterns(types, patterns);
  populateMathToLLVMConversionPatterns(types, patterns);
  populateFinalizeMemRefToLLVMConversionPatterns(types, patterns);
  populateFuncToLLVMConversionPatterns(types, patterns);
  populateVectorToLLVMConversionPatterns(types, patterns);
  patterns.add<BufferPointer>(types);
  LLVMConversionTarget target(*context);
  target.addDynamicallyLegalOp<UnrealizedConversionCastOp>(
      [](UnrealizedConversionCastOp op) { return !BufferPointer::matches(op); });
  target.markUnknownOpDynamicallyLegal([&](Operation *op) { return isKept(op, module, options); });
  return applyFullConversion(module, target, std::move(patterns));
}

/// Checks that only the LLVM dialect is left. Passes that ran before leave casts, which must cancel out
/// first.
static LogicalResult finish(Operation *module, const ToLLVMOptions &options) {
  SmallVector<UnrealizedConversionCastOp> casts;
  module->walk([&](UnrealizedConversionCastOp cast) { casts.push_back(cast); });
  reconcileUnrealizedCasts(casts);
  auto check = [&](Operation *op) -> WalkResult {
    if (isKept(op, module, options) || isa<LLVM::LLVMDialect>(op->getDialect()))
      return WalkResult::advance();
    return op->emitError("is left over: nothing lowers ") << op->getName() << " to the LLVM dialect";
  };
  return failure(module->walk(check).wasInterrupted());
}

/// Returns the integer type for a type of bfloat16s; null where it holds none.
static Type integersOf(Type type) {
  if (!getElementTypeOrSelf(type).isBF16())
    return {};
  Type integer = IntegerType::get(type.getContext(), 16);
  auto vector = dyn_cast<VectorType>(type);
  return vector ? Type(vector.clone(integer)) : integer;
}

/// Loads and stores integers in place of bfloat16. LLVM turns loads and stores into selections, and a
/// selection of bfloat16 goes through f32 and a library's rounding on a machine without bfloat16.
static void storeBFloat16AsIntegers(Operation *module) {
  module->walk([](Operation *op) {
    OpBuilder b(op);
    if (auto store = dyn_cast<LLVM::StoreOp>(op)) {
      if (Type integers = integersOf(store.getValue().getType()))
        store.getValueMutable().assign(LLVM::BitcastOp::create(b, op->getLoc(), integers, store.getValue()));
    } else if (auto load = dyn_cast<LLVM::LoadOp>(op)) {
      Type type = load.getType(), integers = integersOf(type);
      if (!integers)
        return;
      load.getResult().setType(integers);
      b.setInsertionPointAfter(load);
      auto cast = LLVM::BitcastOp::create(b, op->getLoc(), type, load);
      load.getResult().replaceAllUsesExcept(cast, cast);
    }
  });
}

/// Lets quotients be approximate, and those by a constant be products.
static void approximateQuotients(Operation *module) {
  constexpr auto flags = LLVM::FastmathFlags::afn | LLVM::FastmathFlags::arcp;
  module->walk([&](LLVM::FDivOp quotient) {
    if (getElementTypeOrSelf(quotient.getType()).isF32())
      quotient.setFastmathFlags(flags);
  });
}

LogicalResult kinema::convertToLLVM(Operation *module, const ToLLVMOptions &options) {
  if (failed(expandMath(module, options)) || failed(convert(module, options)))
    return failure();
  if (options.expandBFloat16)
    storeBFloat16AsIntegers(module);
  if (options.hasApproximations)
    approximateQuotients(module);
  return finish(module, options);
}
