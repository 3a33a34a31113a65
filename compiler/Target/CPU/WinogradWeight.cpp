#include "compiler/Target/CPU/WinogradWeight.h"

#include "compiler/Target/CPU/ConvTile.h"
#include "compiler/Target/CPU/Layouts.h"
#include "compiler/Target/CPU/Winograd.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace kinema;

//===-- Types -------------------------------------------------------------===//

static WeightBlocks blocksOf(kernel::ConvOp op) {
  bool exchanged = op.getDirection() == kernel::Direction::Transposed;
  WeightBlocks blocks{1, 1, exchanged};
  auto layout = kernel::layoutOf(tensorOf(op.getWeight()));
  blocks.vector = layout.blockOf(blocks.vectorAxis(/*rank=*/5));
  blocks.reduce = layout.blockOf(blocks.reduceAxis(/*rank=*/5));
  return blocks;
}

/// Returns the type that Winograd's form is made from: the conv's weight with its taps, in blocks, rounded as
/// the conv's weight is.
static RankedTensorType tapsType(kernel::ConvOp op) {
  auto type = tensorOf(op.getWeight());
  return RankedTensorType::get(type.getShape(), type.getElementType(),
                               blockedWeight(op.getContext(), type.getRank(), blocksOf(op)));
}

/// Returns the type of the conv's weight in Winograd's form.
static RankedTensorType pointsType(kernel::ConvOp op, const shape::Size3 &tile) {
  SmallVector<int64_t> shape(tensorOf(op.getWeight()).getShape());
  for (int axis = 0; axis < 3; ++axis)
    shape[2 + axis] += tile[axis] - 1;
  return RankedTensorType::get(shape, Float32Type::get(op.getContext()),
                               cpu::winogradWeight(op.getContext(), blocksOf(op), tile));
}

//===-- Where the weight comes from ---------------------------------------===//

/// Returns the weight before it was brought to the layout in which the conv reads it.
static Value originOf(kernel::ConvOp op) {
  auto convert = op.getWeight().getDefiningOp<kernel::ConvertOp>();
  return convert ? convert->getOperand(0) : op.getWeight();
}

static bool writesParameters(func::FuncOp function) { return !function.getOps<clip::WriteOp>().empty(); }

/// Returns the name under which Winograd's form of the conv's weight is prepared; an empty string where it is
/// made anew in each run.
static std::string preparedName(kernel::ConvOp op, const shape::Size3 &tile) {
  Value origin = originOf(op);
  auto prepared = origin.getDefiningOp<clip::PreparedOp>();
  auto read = origin.getDefiningOp<clip::ReadOp>();
  if ((!prepared && !read) || writesParameters(op->getParentOfType<func::FuncOp>()))
    return "";
  std::string text = llvm::formatv("{0}x{1}x{2}", tile[0], tile[1], tile[2]);
  return ((prepared ? prepared.getName() : read.getParam()) + ".winograd" + text).str();
}

//===-- Candidates --------------------------------------------------------===//

/// Returns whether memory has room for the weight. While a network is trained, memory is for training: what
/// is kept for evaluation alone should be small.
static bool fitsMemory(kernel::ConvOp op, const shape::Size3 &tile) {
  constexpr int64_t mostBytes = 32 << 20;
  auto functions = op->getParentOfType<ModuleOp>().getOps<func::FuncOp>();
  return kernel::storedBytes(pointsType(op, tile)) <= mostBytes || preparedName(op, tile).empty() ||
         llvm::none_of(functions, writesParameters);
}

SmallVector<Candidate> cpu::convCandidates(kernel::ConvOp op, const Level &level) {
  if (op.getGroups() > 1)
    return {};
  SmallVector<SmallVector<Candidate>> ways = {convTileCandidates(op, level, op.getWinogradTile())};
  if (ways.front().empty() || op.readsPoints() || !allowsWinograd(op->getParentOfType<ModuleOp>()))
    return ways.front();
  for (const shape::Size3 &tile : winogradTiles(op.getWindow().getWindow())) {
    if (!fitsMemory(op, tile))
      continue;
    auto &way = ways.emplace_back(convTileCandidates(op, level, tile));
    if (preparedName(op, tile).empty()) // each step brings the weight to points anew
      for (Candidate &candidate : way)
        candidate.seconds += secondsOfPoints(level.rates, pointsType(op, tile));
  }
  return mixed(ways);
}

//===-- The weight --------------------------------------------------------===//

static Value transformed(OpBuilder &builder, kernel::ConvOp op, const shape::Size3 &tile, Value weight) {
  if (RankedTensorType taps = tapsType(op); weight.getType() != taps)
    weight = kernel::ConvertOp::create(builder, op.getLoc(), TypeRange{taps}, weight, kernel::ScheduleAttr())
                 .getResult(0);
  bool turned = op.getDirection() == kernel::Direction::Transposed;
  return kernel::WinogradOp::create(builder, op.getLoc(), pointsType(op, tile), weight, turned,
                                    kernel::ScheduleAttr());
}

/// Erases `maker` if nobody reads it any more, and then what it was made from.
static void eraseUnused(Operation *maker) {
  while (maker && maker->use_empty()) {
    Operation *before = maker->getNumOperands() ? maker->getOperand(0).getDefiningOp() : nullptr;
    maker->erase();
    maker = before;
  }
}

/// Returns the prepared weight of this name, which all convs of one parameter share; makes it if there is
/// none.
static Value preparedWeight(kernel::ConvOp op, const shape::Size3 &tile, StringRef name) {
  for (auto known : op->getParentOfType<func::FuncOp>().getOps<clip::PreparedOp>())
    if (known.getName() == name && known.getType() == pointsType(op, tile))
      return known;
  OpBuilder builder(op);
  auto prepared = originOf(op).getDefiningOp<clip::PreparedOp>();
  Value weight = transformed(builder, op, tile, prepared ? prepared.getValue() : originOf(op));
  return clip::PreparedOp::create(builder, op.getLoc(), name, weight);
}

void cpu::settleConvWeight(kernel::ConvOp op, kernel::ScheduleAttr schedule) {
  shape::Size3 tile = parametersOf<ConvTileParameters>(schedule).tile();
  if (tile == op.getWinogradTile())
    return;
  std::string name = preparedName(op, tile);
  OpBuilder builder(op);
  Value weight = name.empty() ? transformed(builder, op, tile, originOf(op)) : preparedWeight(op, tile, name);
  Operation *maker = op.getWeight().getDefiningOp();
  op.getWeightMutable().assign(weight);
  eraseUnused(maker);
}
