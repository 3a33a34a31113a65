// Implements the pass pair-nvgpu-convs.
#include "compiler/Target/NVGPU/HaloConv.h"
#include "compiler/Target/NVGPU/PairConv.h"
#include "compiler/Target/NVGPU/Passes.h"
#include "dialects/Kernel/Attributes.h"

#include "mlir/IR/IRMapping.h"
#include "llvm/Support/FormatVariadic.h"

namespace kinema {
#define GEN_PASS_DEF_PAIRNVGPUCONVS
#include "compiler/Target/NVGPU/Passes.h.inc"
} // namespace kinema

using namespace mlir;
using namespace kinema;
using kernel::Access;

namespace {

/// Returns whether this is a forward conv without groups that stores one value, takes no sums of it, and
/// multiplies numbers as they are: of terms, shared memory would have to hold twice as many.
bool isPlain(kernel::ConvOp conv) {
  return conv && conv.getDirection() == kernel::Direction::Forward && conv.getGroups() == 1 &&
         conv.getNumResults() == 1 && !conv.getBf16x3();
}

/// Returns the number of the prologue's only pixel operand; nothing where there are others.
std::optional<unsigned> onlyPixel(kernel::ConvOp conv) {
  std::optional<unsigned> found;
  for (auto [i, operand] : llvm::enumerate(conv.prologue())) {
    if (operand.isByChannel())
      continue;
    if (found || operand.access != Access::Pixel)
      return std::nullopt;
    found = i;
  }
  return found;
}

/// Returns the conv whose result `second` alone reads, if the two may be a pair.
kernel::ConvOp firstOf(kernel::ConvOp second) {
  auto window = second.getWindow().getWindow();
  auto pixel = isPlain(second) ? onlyPixel(second) : std::nullopt;
  if (!pixel || window.kernel[0] < 2 || window.kernel[1] * window.kernel[2] != 1)
    return {};
  Value between = second.getPrologueOperands()[*pixel];
  auto first = between.getDefiningOp<kernel::ConvOp>();
  bool fits = isPlain(first) && between.hasOneUse() && first.getWindow().getWindow().kernel[0] == 1 &&
              llvm::all_of(first.epilogue(), [](kernel::AccessOperand read) { return read.isByChannel(); });
  return fits ? first : kernel::ConvOp();
}

/// Copies a region's arithmetic to the end of the block, with its arguments replaced; returns what it yields.
Value copyRegion(OpBuilder &b, Region &region, ValueRange arguments) {
  IRMapping map;
  map.map(region.getArguments(), arguments);
  for (Operation &op : region.front().without_terminator())
    b.clone(op, map);
  return map.lookup(cast<kernel::YieldOp>(region.front().getTerminator()).getValues()[0]);
}

/// Builds the middle: the first conv's epilogue, then the second one's prologue.
void buildMiddle(kernel::PairOp pair, kernel::ConvOp first, kernel::ConvOp second, unsigned pixel) {
  Block &block = pair.getMiddle().emplaceBlock();
  OpBuilder b = OpBuilder::atBlockEnd(&block);
  for (unsigned i = 0; i < 1 + pair.getMiddleOperands().size(); ++i)
    block.addArgument(b.getF32Type(), pair.getLoc());
  unsigned split = 1 + first.getEpilogueOperands().size();
  Value made = copyRegion(b, first.getEpilogue(), block.getArguments().take_front(split));
  SmallVector<Value> arguments(block.getArguments().drop_front(split));
  arguments.insert(arguments.begin() + pixel, made);
  Value read = copyRegion(b, second.getPrologue(), arguments);
  kernel::YieldOp::create(b, pair.getLoc(), read, kernel::Yield::Value);
}

/// Builds the pair in front of the second conv, which stays.
kernel::PairOp buildPair(kernel::ConvOp first, kernel::ConvOp second) {
  OpBuilder b(second);
  unsigned pixel = *onlyPixel(second);
  SmallVector<Value> middle(first.getEpilogueOperands()), read(second.getPrologueOperands());
  SmallVector<Access> access(first.getEpilogueAccess()), readAccess(second.getPrologueAccess());
  read.erase(read.begin() + pixel);
  readAccess.erase(readAccess.begin() + pixel);
  llvm::append_range(middle, read);
  llvm::append_range(access, readAccess);
  auto pair = kernel::PairOp::create(b, b.getFusedLoc({second.getLoc(), first.getLoc()}),
                                     second.getResultType(), first.getWeight(), second.getWeight(),
                                     first.getPrologueOperands(), middle, second.getEpilogueOperands(),
                                     first.getWindow(), second.getWindow(), first.getPrologueAccess(), access,
                                     second.getEpilogueAccess(), kernel::ScheduleAttr());
  IRMapping map;
  first.getPrologue().cloneInto(&pair.getPrologue(), map);
  second.getEpilogue().cloneInto(&pair.getEpilogue(), map);
  buildMiddle(pair, first, second, pixel);
  return pair;
}

/// Says why the two convs stay apart; returns an empty string where the pair is better.
std::string objection(kernel::PairOp pair, kernel::ConvOp first, kernel::ConvOp second,
                      const nvidia::Processor &processor, bool always) {
  auto best = nvidia::pairCandidates(pair, processor);
  if (best.empty()) {
    auto bytes = nvidia::leastPairBytes(pair);
    return bytes ? llvm::formatv("not paired: takes {0} of {1} bytes of shared memory", *bytes,
                                 processor.blockSharedBytes())
                       .str()
                 : "not paired: no schedule takes the pair";
  }
  auto apart = nvidia::haloCandidates(first, processor), behind = nvidia::haloCandidates(second, processor);
  if (always || apart.empty() || behind.empty())
    return "";
  double together = best.front().seconds, alone = apart.front().seconds + behind.front().seconds;
  return together < alone
             ? ""
             : llvm::formatv("not paired: {0:f1} us, apart {1:f1} us", together * 1e6, alone * 1e6).str();
}

struct PairNVGPUConvs : kinema::impl::PairNVGPUConvsBase<PairNVGPUConvs> {
  using Base::Base;

  void runOnOperation() override {
    const nvidia::Processor *processor = nvidia::processorOf(getOperation());
    if (!processor)
      return signalPassFailure();
    SmallVector<kernel::ConvOp> convs;
    getOperation().walk([&](kernel::ConvOp conv) { convs.push_back(conv); });
    for (kernel::ConvOp second : convs) {
      kernel::ConvOp first = firstOf(second);
      if (!first)
        continue;
      kernel::PairOp pair = buildPair(first, second);
      std::string why = objection(pair, first, second, *processor, always);
      if (!why.empty()) {
        pair.erase();
        second->setAttr(kernel::noteAttribute, StringAttr::get(&getContext(), why));
        continue;
      }
      second.getResult(0).replaceAllUsesWith(pair.getResult());
      second.erase();
      first.erase();
      ++pairs;
    }
  }
};

} // namespace
