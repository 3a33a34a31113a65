// Retargets matrix operations of warps and warpgroups.
#include "compiler/Target/NVGPU/Emulator/Retarget.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::NVVM;
using namespace kinema::emulator;

static SmallVector<Type> fieldsOf(Type type) {
  if (auto fields = dyn_cast<LLVM::LLVMStructType>(type))
    return SmallVector<Type>(fields.getBody());
  return {type};
}

/// Returns the kind of a product that the emulator knows, numbered as in runtime/Emulator/Matrix.cpp.
static std::optional<int64_t> kindOf(MmaOp op) {
  MMAShapeAttr shape = op.getShape();
  auto types = op.getMultiplicandAPtxType();
  if (!types || op.getMultiplicandBPtxType() != types || op.getLayoutA() != MMALayout::row ||
      op.getLayoutB() != MMALayout::col || shape.getM() != 16 || shape.getN() != 8)
    return std::nullopt;
  if (!llvm::all_of(fieldsOf(op.getType()), [](Type type) { return type.isF32(); }))
    return std::nullopt;
  struct Known {
    MMATypes type;
    int k;
  };
  static const Known known[] = {{MMATypes::bf16, 8}, {MMATypes::bf16, 16}, {MMATypes::f16, 8},
                                {MMATypes::f16, 16}, {MMATypes::tf32, 4},  {MMATypes::tf32, 8}};
  for (auto [i, form] : llvm::enumerate(known))
    if (form.type == *types && form.k == shape.getK())
      return int64_t(i);
  return std::nullopt;
}

LogicalResult Retargeter::retargetMatrix(Operation *op) {
  return llvm::TypeSwitch<Operation *, LogicalResult>(op)
      .Case([&](LdMatrixOp load) -> LogicalResult {
        if (load.getEltType() != LdStMatrixEltType::B16 || load.getShape().getM() != 8 ||
            load.getShape().getN() != 8)
          return failure();
        callHere("ldmatrix", {},
                 {load.getPtr(), constant(load.getNum()), constant(load.getLayout() == MMALayout::col),
                  scratch(op, 0)});
        SmallVector<Value> words = takeFromMemory(0, SmallVector<Type>(load.getNum(), i32));
        bool isStruct = isa<LLVM::LLVMStructType>(load.getType());
        return replace(op, isStruct ? makeStruct(load.getType(), words) : words[0]), success();
      })
      .Case([&](StMatrixOp store) -> LogicalResult {
        if (store.getEltType() != LdStMatrixEltType::B16 || store.getShape().getM() != 8 ||
            store.getShape().getN() != 8)
          return failure();
        callHere("stmatrix", {},
                 {store.getPtr(), constant(int64_t(store.getSources().size())),
                  constant(store.getLayout() == MMALayout::col), passInMemory(store.getSources(), 0)});
        return replace(op, {}), success();
      })
      .Case([&](MmaOp product) -> LogicalResult {
        auto kind = kindOf(product);
        if (!kind)
          return failure();
        SmallVector<Value> operands(product.getOperandA());
        llvm::append_range(operands, product.getOperandB());
        llvm::append_range(operands, product.getOperandC());
        Value memory = passInMemory(operands, 0);
        callHere("mma", {}, {constant(*kind), memory, scratch(op, 1)});
        replace(op, makeStruct(product.getType(), takeFromMemory(1, fieldsOf(product.getType()))));
        return success();
      })
      .Default([](Operation *) { return failure(); });
}

// ---- Warpgroup products

void Retargeter::findWgmma() {
  module.walk(
      [&](WgmmaMmaAsyncOp product) { wgmmaUsers.insert(product->getParentOfType<LLVM::LLVMFuncOp>()); });
}

LogicalResult Retargeter::retargetWgmma(Operation *op) {
  auto done = [&] { return replace(op, {}), success(); };
  return llvm::TypeSwitch<Operation *, LogicalResult>(op)
      .Case([&](WgmmaFenceAlignedOp) {
        callHere("wgmma_fence", {}, {});
        return done();
      })
      .Case([&](WgmmaGroupSyncAlignedOp) {
        callHere("wgmma_commit", {}, {});
        return done();
      })
      .Case([&](WgmmaWaitGroupSyncOp wait) {
        callHere("wgmma_wait", {}, {constant(int64_t(wait.getGroup()))});
        return done();
      })
      .Case([&](WgmmaMmaAsyncOp product) -> LogicalResult {
        MMAShapeAttr shape = product.getShape();
        SmallVector<Type> fields = fieldsOf(product.getResults().getType());
        WGMMATypes type = product.getTypeA();
        if ((type != WGMMATypes::bf16 && type != WGMMATypes::f16) || product.getTypeB() != type ||
            shape.getM() != 64 || shape.getK() != 16 || int64_t(fields.size()) != shape.getN() / 2 ||
            !llvm::all_of(fields, [](Type type) { return type.isF32(); }))
          return failure();
        // Registers that are not added to may hold anything, such as an old product's token.
        bool adds = product.getScaleD() == WGMMAScaleOut::one;
        SmallVector<Value> accumulators;
        for (size_t i = 0; i < fields.size(); ++i)
          accumulators.push_back(
              adds
                  ? LLVM::ExtractValueOp::create(b, op->getLoc(), product.getInouts(), int64_t(i)).getResult()
                  : LLVM::ZeroOp::create(b, op->getLoc(), fields[i]).getResult());
        Value memory = passInMemory(accumulators, 0);
        // The bits mean: 1: D is added to; 2, 4: A, B are negated; 8, 16: A, B lie with M, N innermost;
        // 32: they are of f16.
        int64_t flags = int64_t(adds) | (product.getScaleA() == WGMMAScaleIn::neg) << 1 |
                        (product.getScaleB() == WGMMAScaleIn::neg) << 2 |
                        (product.getLayoutA() == MMALayout::col) << 3 |
                        (product.getLayoutB() == MMALayout::row) << 4 | (type == WGMMATypes::f16) << 5;
        callHere("wgmma", {},
                 {product.getDescriptorA(), product.getDescriptorB(), memory, constant(shape.getN()),
                  constant(flags)});
        return replace(op, makeStruct(product.getResults().getType(), takeFromMemory(0, fields))), success();
      })
      .Default([](Operation *) { return failure(); });
}

/// A product's results are in the registers only after a wait, so whoever takes one out asks the emulator for
/// it.
LogicalResult Retargeter::retargetAccumulator(LLVM::ExtractValueOp op) {
  auto fields = dyn_cast<LLVM::LLVMStructType>(op.getContainer().getType());
  if (!fields || !op.getType().isF32() ||
      !llvm::all_of(fields.getBody(), [](Type type) { return type.isF32(); }))
    return success();
  if (!wgmmaUsers.contains(op->getParentOfType<LLVM::LLVMFuncOp>()))
    return success();
  b.setInsertionPointAfter(op);
  Value bits = LLVM::BitcastOp::create(b, op.getLoc(), i32, op.getResult());
  Value settled = callHere("wgmma_register", i32, {bits});
  Value value = LLVM::BitcastOp::create(b, op.getLoc(), op.getType(), settled);
  op.getResult().replaceAllUsesExcept(value, bits.getDefiningOp());
  return success();
}
