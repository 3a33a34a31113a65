#include "test/compiler/Target/NVGPU/KernelBuilder.h"

#include "mlir/IR/Verifier.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::testing;
using kernel::ScheduleAttr;
using kernel::Yield;

RankedTensorType kinema::testing::inBlocks(ArrayRef<int64_t> shape, int64_t block) {
  return RankedTensorType::get(shape, Float32Type::get(&context()),
                               kernel::LayoutAttr::blocked(&context(), shape.size(), block));
}

RankedTensorType kinema::testing::bfloat16InBlocks(ArrayRef<int64_t> shape) {
  return cast<RankedTensorType>(inBlocks(shape).clone(BFloat16Type::get(&context())));
}

//===-- Regions -----------------------------------------------------------===//

KernelRegion::KernelRegion(KernelBuilder &kernel) : kernel(kernel), b(kernel.b) {
  b.setInsertionPointToEnd(block.get());
}

Value KernelRegion::read(RankedTensorType type, kernel::Access how) {
  operands.push_back(kernel.operand(type));
  access.push_back(how);
  return argument();
}

Value KernelRegion::rounded(Value x) {
  Value narrow = arith::TruncFOp::create(b, b.getBF16Type(), x);
  return arith::ExtFOp::create(b, b.getF32Type(), narrow);
}

void KernelRegion::yield(Yield kind, Value value) {
  yielded.push_back(value);
  kinds.push_back(kind);
}

KernelRegion KernelBuilder::identity(RankedTensorType x) {
  KernelRegion region(*this);
  region.yield(Yield::Value, region.pixel(x));
  return region;
}

KernelRegion KernelBuilder::normalised(RankedTensorType x, bool byTerms) {
  KernelRegion r(*this);
  int64_t channels = x.getDimSize(1);
  Value element = r.pixel(x), scale = r.channel(channels), offset = r.channel(channels);
  Value normalised = r.relu(r.multiplyAdd(element, scale, offset));
  r.yield(Yield::Value, byTerms ? normalised : r.rounded(normalised));
  return r;
}

//===-- Kernels -----------------------------------------------------------===//

KernelBuilder::KernelBuilder(StringRef processor)
    : module(ModuleOp::create(UnknownLoc::get(&context()))), b(module->getLoc(), module->getBodyRegion()) {
  setTarget(*module, kernel::TargetKind::CUDA, processor);
  auto def = kernel::DefOp::create(b, "k", b.getStrArrayAttr({"test"}));
  b.setInsertionPointToEnd(&def.getBody().emplaceBlock());
}

Value KernelBuilder::operand(RankedTensorType type) { return body().addArgument(type, b.getLoc()); }

void KernelBuilder::complete(Operation *op, ArrayRef<KernelRegion *> regions) {
  for (auto [place, region] : llvm::zip_equal(op->getRegions(), regions)) {
    kernel::YieldOp::create(region->b, region->yielded, region->kinds);
    place.push_back(region->block.release());
  }
}

static clip::WindowAttr attributeOf(const shape::Window &window) {
  return clip::WindowAttr::get(&context(), window);
}

void KernelBuilder::conv(kernel::Direction direction, Value weight, const shape::Window &window,
                         KernelRegion &prologue, KernelRegion &epilogue, RankedTensorType result,
                         int64_t groups, bool byTerms) {
  SmallVector<Type> results(llvm::count(epilogue.kinds, Yield::Store), result);
  for (auto [kind, rows] : {std::pair(Yield::Moments, 3), {Yield::Sum, 1}}) // count, mean, squared deviations
    if (int64_t count = llvm::count(epilogue.kinds, kind))
      results.push_back(inBlocks({ShapedType::kDynamic, rows * count, result.getDimSize(1)}));
  auto op = kernel::ConvOp::create(b, results, weight, prologue.operands, epilogue.operands, direction,
                                   attributeOf(window), groups, prologue.access, epilogue.access,
                                   ScheduleAttr(), byTerms);
  complete(op, {&prologue, &epilogue});
}

void KernelBuilder::pair(Value firstWeight, const shape::Window &first, Value secondWeight,
                         const shape::Window &second, KernelRegion &prologue, KernelRegion &middle,
                         KernelRegion &epilogue, RankedTensorType result) {
  auto op = kernel::PairOp::create(b, result, firstWeight, secondWeight, prologue.operands, middle.operands,
                                   epilogue.operands, attributeOf(first), attributeOf(second),
                                   prologue.access, middle.access, epilogue.access, ScheduleAttr());
  complete(op, {&prologue, &middle, &epilogue});
}

void KernelBuilder::weightGrad(const shape::Window &window, KernelRegion &gradient, KernelRegion &activation,
                               RankedTensorType partials, int64_t groups, bool byTerms) {
  auto op =
      kernel::WeightGradOp::create(b, partials, gradient.operands, activation.operands, attributeOf(window),
                                   groups, gradient.access, activation.access, ScheduleAttr(), byTerms);
  complete(op, {&gradient, &activation});
}

void KernelBuilder::poolGrad(kernel::PoolKind kind, Value g, const shape::Window &window,
                             KernelRegion &prologue, RankedTensorType result) {
  auto op = kernel::PoolGradOp::create(b, result, kind, g, prologue.operands, attributeOf(window),
                                       prologue.access, ScheduleAttr());
  complete(op, &prologue);
}

void KernelBuilder::matmul(Value lhs, bool transposeLhs, Value rhs, bool transposeRhs,
                           RankedTensorType result) {
  kernel::MatmulOp::create(b, result, lhs, rhs, transposeLhs, transposeRhs, ScheduleAttr());
}

void KernelBuilder::softmax(Value x, RankedTensorType result) {
  kernel::SoftmaxOp::create(b, result, x, ScheduleAttr());
}

void KernelBuilder::softmaxGrad(Value g, Value y, RankedTensorType result) {
  kernel::SoftmaxGradOp::create(b, result, g, y, ScheduleAttr());
}

void KernelBuilder::standardise(Value x, RankedTensorType result) {
  kernel::StandardiseOp::create(b, result, x, {1}, /*groups=*/1, llvm::APFloat(1e-5), ScheduleAttr());
}

void KernelBuilder::standardiseGrad(Value g, Value x, RankedTensorType result) {
  kernel::StandardiseGradOp::create(b, result, g, x, {1}, /*groups=*/1, llvm::APFloat(1e-5), ScheduleAttr());
}

void KernelBuilder::merge(KernelRegion &merging) {
  auto op = cast<kernel::LaunchableOp>(body().back());
  OpResult partials = op->getResults().back();
  bool moments = op.getForm(partials.getResultNumber()) == kernel::Form::Moments;
  SmallVector<Type> vectors(merging.yielded.size(), inBlocks(tensorOf(partials).getShape().back()));
  complete(kernel::FinalizeOp::create(b, vectors, partials, merging.operands, moments, /*attached=*/true,
                                      ScheduleAttr()),
           &merging);
  operand(RankedTensorType::get(counters, b.getI32Type()));
}

OwningOpRef<ModuleOp> KernelBuilder::finish() {
  SmallVector<Value> results;
  for (Operation &op : body())
    llvm::append_range(results, op.getResults());
  kernel::ReturnOp::create(b, results);
  EXPECT_TRUE(succeeded(verify(*module)));
  return std::move(module);
}
