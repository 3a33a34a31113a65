// Implements the pass store-nvgpu-gradients.
#include "compiler/Target/NVGPU/Passes.h"
#include "compiler/Target/NVGPU/Strategies.h"
#include "dialects/Kernel/Halves.h"

#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Threading.h"

namespace kinema {
#define GEN_PASS_DEF_STORENVGPUGRADIENTS
#include "compiler/Target/NVGPU/Passes.h.inc"
} // namespace kinema

using namespace mlir;
using namespace kinema;
using kernel::Access;

namespace {

/// Returns whether two regions compute the same of the same operands.
bool isSame(const kernel::AccessRegion &one, const kernel::AccessRegion &other) {
  return one.getAccess() == other.getAccess() &&
         llvm::equal(one, other, [](auto a, auto b) { return a.get() == b.get(); }) &&
         OperationEquivalence::isRegionEquivalentTo(&one.getRegion(), &other.getRegion(),
                                                    OperationEquivalence::IgnoreLocations);
}

/// A gradient that a weight gradient and data gradients compute of the same tensors on its way in, and what
/// they would be if it were stored.
class SharedGradient {
public:
  explicit SharedGradient(kernel::WeightGradOp wgrad);

  /// Returns whether it is computed of several tensors, so that storing it costs no more memory traffic than
  /// reading these in each kernel.
  bool isWorthALook();
  /// Writes the kernel that stores the gradient, and copies of its readers that read it.
  void build();
  SmallVector<Operation *> readers() const;
  SmallVector<Operation *> rewritten() const { return copies; }
  void adopt();
  void drop();

private:
  kernel::WeightGradOp wgrad;
  SmallVector<kernel::ConvOp> convs;
  SmallVector<Operation *> copies; // the map, then the copies of the readers in their order
};

SharedGradient::SharedGradient(kernel::WeightGradOp wgrad) : wgrad(wgrad) {
  Value pixel = wgrad.gradient().getPixel();
  if (!pixel)
    return;
  for (Operation *user : pixel.getUsers())
    if (auto conv = dyn_cast<kernel::ConvOp>(user); conv && conv->getBlock() == wgrad->getBlock() &&
                                                    !llvm::is_contained(convs, conv) &&
                                                    isSame(conv.prologue(), wgrad.gradient()))
      convs.push_back(conv);
  llvm::sort(convs, [](kernel::ConvOp a, kernel::ConvOp b) { return a->isBeforeInBlock(b); });
}

bool SharedGradient::isWorthALook() {
  auto type = wgrad.getGradientType();
  return type && (kernel::isHalf(type) || wgrad.getBf16x3()) && !convs.empty() &&
         wgrad.gradient().count(Access::Pixel) > 1 &&
         llvm::all_of(wgrad->getOperandTypes(),
                      [](Type operand) { return cast<ShapedType>(operand).hasStaticShape(); });
}

SmallVector<Operation *> SharedGradient::readers() const {
  SmallVector<Operation *> readers(convs.begin(), convs.end());
  readers.push_back(wgrad);
  return readers;
}

/// Makes the region yield what it reads.
void yieldArgument(Region &region, Location loc) {
  region.getBlocks().clear();
  Block &block = region.emplaceBlock();
  OpBuilder b = OpBuilder::atBlockEnd(&block);
  Value argument = block.addArgument(b.getF32Type(), loc);
  kernel::YieldOp::create(b, loc, argument, kernel::Yield::Value);
}

void SharedGradient::build() {
  Operation *first = convs.front()->isBeforeInBlock(wgrad) ? convs.front() : wgrad;
  OpBuilder b(first);
  auto map = kernel::MapOp::create(b, wgrad.getLoc(), wgrad.getGradientType(), wgrad.getGradientOperands(),
                                   wgrad.getGradientAccess(), kernel::ScheduleAttr());
  IRMapping mapping;
  wgrad.getGradient().cloneInto(&map.getBody(), mapping);
  auto yield = cast<kernel::YieldOp>(map.getBody().front().getTerminator());
  b.setInsertionPoint(yield);
  kernel::YieldOp::create(b, yield.getLoc(), yield.getValues()[0], kernel::Yield::Store);
  yield.erase();

  copies.push_back(map);
  for (kernel::ConvOp conv : convs) {
    b.setInsertionPoint(conv);
    auto copy = cast<kernel::ConvOp>(b.clone(*conv));
    copy.getPrologueOperandsMutable().assign(map.getResult(0));
    copy.setPrologueAccess({Access::Pixel});
    yieldArgument(copy.getPrologue(), conv.getLoc());
    copies.push_back(copy);
  }
  b.setInsertionPoint(wgrad);
  auto copy = cast<kernel::WeightGradOp>(b.clone(*wgrad));
  copy.getGradientOperandsMutable().assign(map.getResult(0));
  copy.setGradientAccess({Access::Pixel});
  yieldArgument(copy.getGradient(), wgrad.getLoc());
  copies.push_back(copy);
}

void SharedGradient::adopt() {
  for (auto [reader, copy] : llvm::zip_equal(readers(), ArrayRef(copies).drop_front())) {
    reader->replaceAllUsesWith(copy);
    reader->erase();
  }
}

void SharedGradient::drop() {
  for (Operation *copy : llvm::reverse(copies))
    copy->erase();
}

struct StoreNVGPUGradients : kinema::impl::StoreNVGPUGradientsBase<StoreNVGPUGradients> {
  using Base::Base;

  void runOnOperation() override {
    const nvidia::Processor *processor = nvidia::processorOf(getOperation());
    if (!processor)
      return signalPassFailure();
    SmallVector<SharedGradient> gradients;
    llvm::SmallPtrSet<Operation *, 16> taken;
    getOperation().walk([&](kernel::WeightGradOp wgrad) {
      SharedGradient gradient(wgrad);
      if (gradient.isWorthALook() &&
          llvm::all_of(gradient.readers(), [&](Operation *reader) { return taken.insert(reader).second; }))
        gradients.push_back(std::move(gradient));
    });
    for (SharedGradient &gradient : gradients)
      gradient.build();
    Seconds seconds = predict(gradients, nvidia::strategies(*processor));
    for (SharedGradient &gradient : gradients) {
      bool better = sum(seconds, gradient.rewritten()) < sum(seconds, gradient.readers());
      if (!better && !always) {
        gradient.drop();
        continue;
      }
      gradient.adopt();
      ++stored;
    }
  }

private:
  using Seconds = llvm::StringMap<double>;

  /// Predicts each kind of kernel once.
  Seconds predict(ArrayRef<SharedGradient> gradients, ArrayRef<Strategy> strategies) {
    SmallVector<std::pair<std::string, Operation *>> kernels;
    Seconds seconds;
    for (const SharedGradient &gradient : gradients)
      for (const auto &list : {gradient.readers(), gradient.rewritten()})
        for (Operation *kernel : list)
          if (std::string key = choiceKeyOf(kernel); seconds.try_emplace(key, 0).second)
            kernels.emplace_back(key, kernel);
    std::vector<double> each(kernels.size());
    parallelFor(&getContext(), 0, kernels.size(),
                [&](size_t i) { each[i] = candidatesOf(kernels[i].second, strategies).front().seconds; });
    for (auto [kernel, found] : llvm::zip_equal(kernels, each))
      seconds[kernel.first] = found;
    return seconds;
  }

  static double sum(const Seconds &seconds, ArrayRef<Operation *> kernels) {
    double sum = 0;
    for (Operation *kernel : kernels)
      sum += seconds.lookup(choiceKeyOf(kernel));
    return sum;
  }
};

} // namespace
