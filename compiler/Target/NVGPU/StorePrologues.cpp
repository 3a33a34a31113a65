// Implements the pass store-nvgpu-prologues.
#include "compiler/Target/NVGPU/Passes.h"
#include "compiler/Target/NVGPU/Strategies.h"
#include "dialects/Kernel/Halves.h"

#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Threading.h"
#include "llvm/ADT/TypeSwitch.h"

namespace kinema {
#define GEN_PASS_DEF_STORENVGPUPROLOGUES
#include "compiler/Target/NVGPU/Passes.h.inc"
} // namespace kinema

using namespace mlir;
using namespace kinema;
using kernel::Access;

namespace {

/// A region by which a kernel computes one of its operands on the way in.
struct Prologue {
  enum Place { OfConv, OfGradient, OfActivation };
  Operation *kernel;
  Place place;

  kernel::AccessRegion region() const;
  /// Returns the same region of a copy of the kernel.
  Prologue of(Operation *copy) const { return {copy, place}; }
  /// Makes it read a tensor as it is.
  void read(Value stored) const;
  /// Returns whether the kernel runs before the gradients of what it computes.
  bool isForward() const {
    auto conv = dyn_cast<kernel::ConvOp>(kernel);
    return conv && conv.getDirection() == kernel::Direction::Forward;
  }
};

/// Several prologues that compute the same of the same tensors, and what their kernels would be if it were
/// stored.
class SharedPrologue {
public:
  explicit SharedPrologue(Prologue first) : prologues({first}) {}

  /// Takes a prologue that computes the same, if the kernels run in the same pass: what is stored in the
  /// forward pass is not to be kept for the backward pass.
  bool take(Prologue other);
  /// Writes the kernel that stores the value, and copies of its readers that read it.
  void build();
  SmallVector<Operation *> readers() const {
    return llvm::map_to_vector(prologues, [](const Prologue &prologue) { return prologue.kernel; });
  }
  SmallVector<Operation *> rewritten() const { return copies; }
  void adopt();
  void drop();

private:
  SmallVector<Prologue> prologues;
  SmallVector<Operation *> copies; // the map, then the copies of the readers in their order
};

} // namespace

kernel::AccessRegion Prologue::region() const {
  if (auto conv = dyn_cast<kernel::ConvOp>(kernel))
    return conv.prologue();
  auto wgrad = cast<kernel::WeightGradOp>(kernel);
  return place == OfGradient ? wgrad.gradient() : wgrad.activation();
}

void Prologue::read(Value stored) const {
  if (auto conv = dyn_cast<kernel::ConvOp>(kernel)) {
    conv.getPrologueOperandsMutable().assign(stored);
    conv.setPrologueAccess({Access::Pixel});
  } else if (auto wgrad = cast<kernel::WeightGradOp>(kernel); place == OfGradient) {
    wgrad.getGradientOperandsMutable().assign(stored);
    wgrad.setGradientAccess({Access::Pixel});
  } else {
    wgrad.getActivationOperandsMutable().assign(stored);
    wgrad.setActivationAccess({Access::Pixel});
  }
  Region &body = region().getRegion();
  body.getBlocks().clear();
  Block &block = body.emplaceBlock();
  OpBuilder b = OpBuilder::atBlockEnd(&block);
  Value argument = block.addArgument(b.getF32Type(), kernel->getLoc());
  kernel::YieldOp::create(b, kernel->getLoc(), argument, kernel::Yield::Value);
}

/// Returns whether two regions compute the same of the same operands.
static bool isSame(const kernel::AccessRegion &one, const kernel::AccessRegion &other) {
  return one.getAccess() == other.getAccess() &&
         llvm::equal(one, other, [](auto a, auto b) { return a.get() == b.get(); }) &&
         OperationEquivalence::isRegionEquivalentTo(&one.getRegion(), &other.getRegion(),
                                                    OperationEquivalence::IgnoreLocations);
}

/// Returns whether a prologue computes something that could be stored as tensor cores read it.
static bool mayBeStored(const Prologue &prologue) {
  auto region = prologue.region();
  RankedTensorType type = region.getPixelType();
  bool hasTerms =
      TypeSwitch<Operation *, bool>(prologue.kernel).Case<kernel::ConvOp, kernel::WeightGradOp>([](auto op) {
        return op.getBf16x3();
      });
  bool computes = !region.getRegion().front().without_terminator().empty();
  // Terms are made of f32, and what is stored in halves is in those that are multiplied.
  bool isMultiplied =
      type && (hasTerms ? !kernel::isHalf(type) : type.getElementType() == kernel::halfOf(region));
  return isMultiplied && computes && llvm::all_of(prologue.kernel->getOperandTypes(), [](Type operand) {
           return cast<ShapedType>(operand).hasStaticShape();
         });
}

bool SharedPrologue::take(Prologue other) {
  const Prologue &first = prologues.front();
  if (first.kernel->getBlock() != other.kernel->getBlock() || first.isForward() != other.isForward() ||
      !isSame(first.region(), other.region()))
    return false;
  prologues.push_back(other);
  return true;
}

void SharedPrologue::build() {
  Operation *first = prologues.front().kernel;
  for (Operation *reader : readers())
    if (reader->isBeforeInBlock(first))
      first = reader;
  auto region = prologues.front().region();
  OpBuilder b(first);
  auto operands = llvm::map_to_vector(region, [](kernel::AccessOperand operand) { return operand.get(); });
  auto access = llvm::to_vector(region.getAccess());
  auto map = kernel::MapOp::create(b, prologues.front().kernel->getLoc(), region.getPixelType(), operands,
                                   access, kernel::ScheduleAttr());
  IRMapping mapping;
  region.getRegion().cloneInto(&map.getBody(), mapping);
  auto yield = cast<kernel::YieldOp>(map.getBody().front().getTerminator());
  b.setInsertionPoint(yield);
  kernel::YieldOp::create(b, yield.getLoc(), yield.getValues()[0], kernel::Yield::Store);
  yield.erase();

  copies.push_back(map);
  for (const Prologue &prologue : prologues) {
    b.setInsertionPoint(prologue.kernel);
    Operation *copy = b.clone(*prologue.kernel);
    prologue.of(copy).read(map.getResult(0));
    copies.push_back(copy);
  }
}

void SharedPrologue::adopt() {
  for (auto [reader, copy] : llvm::zip_equal(readers(), ArrayRef(copies).drop_front())) {
    reader->replaceAllUsesWith(copy);
    reader->erase();
  }
}

void SharedPrologue::drop() {
  for (Operation *copy : llvm::reverse(copies))
    copy->erase();
}

/// Returns the prologues of a module that are worth a look, those that compute the same together: of convs
/// and of the gradients that weight gradients read or, in a turn of their own, since a weight gradient has
/// both, of the activations.
static SmallVector<SharedPrologue> sharedPrologues(ModuleOp module, bool ofActivations) {
  SmallVector<SharedPrologue> all;
  llvm::DenseMap<Value, SmallVector<size_t>> ofTensor; // numbers of those that read it
  module.walk([&](Operation *op) {
    std::optional<Prologue> prologue;
    if (isa<kernel::WeightGradOp>(op))
      prologue = {op, ofActivations ? Prologue::OfActivation : Prologue::OfGradient};
    else if (isa<kernel::ConvOp>(op) && !ofActivations)
      prologue = {op, Prologue::OfConv};
    if (!prologue || !mayBeStored(*prologue))
      return;
    SmallVector<size_t> &known = ofTensor[prologue->region().getPixel()];
    if (llvm::any_of(known, [&](size_t number) { return all[number].take(*prologue); }))
      return;
    known.push_back(all.size());
    all.emplace_back(*prologue);
  });
  return all;
}

namespace {
struct StoreNVGPUPrologues : kinema::impl::StoreNVGPUProloguesBase<StoreNVGPUPrologues> {
  using Base::Base;

  void runOnOperation() override {
    const nvidia::Processor *processor = nvidia::processorOf(getOperation());
    if (!processor)
      return signalPassFailure();
    for (bool ofActivations : {false, true}) {
      auto shared = sharedPrologues(getOperation(), ofActivations);
      for (SharedPrologue &prologue : shared)
        prologue.build();
      Seconds seconds = predict(shared, nvidia::strategies(*processor));
      for (SharedPrologue &prologue : shared) {
        bool better = sum(seconds, prologue.rewritten()) < sum(seconds, prologue.readers());
        if (!better && !always) {
          prologue.drop();
          continue;
        }
        prologue.adopt();
        ++stored;
      }
    }
  }

private:
  using Seconds = llvm::StringMap<double>;

  /// Predicts each kind of kernel once.
  Seconds predict(ArrayRef<SharedPrologue> shared, ArrayRef<Strategy> strategies) {
    SmallVector<std::pair<std::string, Operation *>> kernels;
    Seconds seconds;
    for (const SharedPrologue &prologue : shared)
      for (const auto &list : {prologue.readers(), prologue.rewritten()})
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
