// Pass use-winograd.
#include "compiler/Target/CPU/ConvTile.h"
#include "compiler/Target/CPU/Level.h"
#include "compiler/Target/CPU/Passes.h"
#include "compiler/Target/CPU/Winograd.h"
#include "dialects/Clip/Params.h"

#include "llvm/ADT/StringSet.h"

namespace kinema {
#define GEN_PASS_DEF_USEWINOGRAD
#include "compiler/Target/CPU/Passes.h.inc"
} // namespace kinema

using namespace mlir;
using namespace kinema;
using kernel::LayoutKind;

static bool hasTiles(kernel::ConvOp op) {
  return op.getGroups() == 1 && cpu::winogradFits(op.getWindow().getWindow());
}

/// What the form is made of: the conv's weight, rounded as the conv's is, by its taps.
static RankedTensorType tapsType(kernel::ConvOp op) {
  auto type = tensorOf(op.getWeight());
  auto layout = kernel::layoutOf(type);
  bool transposed = op.getDirection() == kernel::Direction::Transposed;
  return RankedTensorType::get(
      type.getShape(), type.getElementType(),
      kernel::LayoutAttr::get(op.getContext(), transposed ? LayoutKind::WeightTransposed : LayoutKind::Weight,
                              layout.getBlock(), layout.getReduce()));
}

/// Where the weight comes from, before it is brought to the form in which the conv reads it.
static Value originOf(kernel::ConvOp op) {
  auto convert = op.getWeight().getDefiningOp<kernel::ConvertOp>();
  return convert ? convert->getOperand(0) : op.getWeight();
}

static Value converted(OpBuilder &builder, Location loc, Value weight, RankedTensorType type) {
  if (weight.getType() == type)
    return weight;
  return kernel::ConvertOp::create(builder, loc, TypeRange{type}, weight, kernel::ScheduleAttr())
      .getResult(0);
}

/// The type of the conv's weight in Winograd's form.
static RankedTensorType transformedType(kernel::ConvOp op, int64_t tile) {
  RankedTensorType weight = tapsType(op);
  auto layout = kernel::layoutOf(weight);
  bool transposed = layout.getKind() == LayoutKind::WeightTransposed;
  SmallVector<int64_t> shape(weight.getShape());
  shape[3] = shape[4] = cpu::winogradPoints(tile);
  return RankedTensorType::get(
      shape, Float32Type::get(weight.getContext()),
      kernel::LayoutAttr::get(weight.getContext(),
                              transposed ? LayoutKind::PointsTransposed : LayoutKind::Points,
                              layout.getBlock(), layout.getReduce()));
}

/// Cycles, over machines of several sizes, that the form of a weight takes where each step makes it anew.
static double transformCost(kernel::ConvOp op, int64_t tile) {
  constexpr double bytesACycle = 4, machines = 5;
  return machines * kernel::storedBytes(transformedType(op, tile)) / bytesACycle;
}

namespace {

struct UseWinograd : kinema::impl::UseWinogradBase<UseWinograd> {
  using UseWinogradBase::UseWinogradBase;

  void runOnOperation() override {
    const cpu::Level *found = cpu::levelOf(getOperation());
    if (!found)
      return signalPassFailure();
    if (!cpu::allowsWinograd(getOperation()))
      return;
    auto chooser = ScheduleChooser::make(measurements, choice);
    if (!chooser) {
      getOperation().emitError(llvm::toString(chooser.takeError()));
      return signalPassFailure();
    }
    machine = &found->machine;
    getOperation().walk([&](kernel::ConvOp op) {
      if (hasTiles(op))
        schedule(op, *chooser);
    });
    dropUnread();
  }

private:
  const Machine *machine = nullptr;

  /// The size of the tiles is part of a schedule, so that one search settles both.
  void schedule(kernel::ConvOp op, const ScheduleChooser &chooser) {
    SmallVector<SmallVector<Candidate>> ways = {cpu::convTileCandidates(op, *machine, 1)};
    if (ways.front().empty())
      return;
    for (int64_t tile : {2, 4}) {
      if (!fitsMemory(op, tile))
        continue;
      auto &way = ways.emplace_back(cpu::convTileCandidates(op, *machine, tile));
      for (Candidate &candidate : way)
        candidate.cost += isPrepared(op) ? 0 : transformCost(op, tile);
    }
    ScheduleChoice chosen = chooser.choose(op, mixed(ways));
    if (int64_t tile = chosen.schedule.getInt("winograd"); tile > 1)
      use(op, tile);
    chosen.applyTo(op);
  }

  /// While a network is trained, memory is for training: what evaluation alone keeps should be small.
  bool fitsMemory(kernel::ConvOp op, int64_t tile) {
    constexpr int64_t mostBytes = 32 << 20;
    return !isPrepared(op) || !getOperation().lookupSymbol("train_step") ||
           kernel::storedBytes(transformedType(op, tile)) <= mostBytes;
  }

  /// Whether the conv's weight can be transformed in @prepare.
  bool isPrepared(kernel::ConvOp op) {
    return op->getParentOfType<func::FuncOp>().getName() == "infer" && getPrepare() &&
           originOf(op).getDefiningOp<clip::ReadOp>();
  }
  func::FuncOp getPrepare() { return getOperation().lookupSymbol<func::FuncOp>("prepare"); }

  void use(kernel::ConvOp op, int64_t tile) {
    bool turned = op.getDirection() == kernel::Direction::Transposed;
    OpBuilder builder(op);
    auto transform = [&] {
      Value weight = converted(builder, op.getLoc(), originOf(op), tapsType(op));
      return kernel::WinogradOp::create(builder, op.getLoc(), transformedType(op, tile), tile, weight, turned,
                                        nullptr);
    };
    Value weight = isPrepared(op) ? readPrepared(op, tile) : transform();
    Operation *maker = op.getWeight().getDefiningOp();
    op.getWeightMutable().assign(weight);
    while (maker && maker->use_empty()) { // the copy, then what it was made of
      Operation *before = maker->getNumOperands() ? maker->getOperand(0).getDefiningOp() : nullptr;
      maker->erase();
      maker = before;
    }
    op.setWinograd(tile);
    ++convs;
  }

  /// Has @prepare make a parameter of the transformed weight, and reads it.
  Value readPrepared(kernel::ConvOp op, int64_t tile) {
    RankedTensorType type = transformedType(op, tile);
    auto read = originOf(op).getDefiningOp<clip::ReadOp>();
    std::string name = (read.getParam() + ".winograd" + Twine(tile)).str();
    if (!getOperation().lookupSymbol(name)) {
      auto origin = getOperation().lookupSymbol<clip::ParamOp>(read.getParam());
      clip::declareParam(origin, name, RankedTensorType::get(type.getShape(), type.getElementType()),
                         "folded", nullptr);
      OpBuilder prepare(getPrepare().front().getTerminator());
      Value weight = converted(prepare, op.getLoc(), valueInPrepare(prepare, read), tapsType(op));
      auto transformed = kernel::WinogradOp::create(prepare, op.getLoc(), type, tile, weight,
                                                    /*turned=*/false, nullptr);
      clip::WriteOp::create(prepare, op.getLoc(), name, transformed);
    }
    OpBuilder builder(read);
    return clip::ReadOp::create(builder, read.getLoc(), type, name);
  }

  /// Folded weights that nobody reads any more.
  void dropUnread() {
    llvm::StringSet<> read;
    getOperation().walk([&](clip::ReadOp op) { read.insert(op.getParam()); });
    for (auto param : llvm::make_early_inc_range(getOperation().getOps<clip::ParamOp>())) {
      if (param.getRole() != "folded" || read.contains(param.getSymName()))
        continue;
      for (auto write : llvm::make_early_inc_range(getPrepare().getOps<clip::WriteOp>()))
        if (write.getParam() == param.getSymName())
          write.erase();
      param.erase();
    }
  }

  /// What @prepare has folded, or the parameter itself.
  Value valueInPrepare(OpBuilder &prepare, clip::ReadOp read) {
    for (auto write : getPrepare().getOps<clip::WriteOp>())
      if (write.getParam() == read.getParam())
        return write.getValue();
    return clip::ReadOp::create(prepare, read.getLoc(), read.getType(), read.getParam());
  }
};

} // namespace
