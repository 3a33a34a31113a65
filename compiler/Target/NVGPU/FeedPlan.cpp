#include "compiler/Target/NVGPU/FeedPlan.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::nvidia;
using kernel::Access;

bool nvidia::hasBlocks(RankedTensorType type) {
  return kernel::channelBlock(type) == blockChannels &&
         (kernel::isHalf(type) || type.getElementType().isF32());
}

bool nvidia::isBlocked(RankedTensorType type) { return hasBlocks(type) && kernel::isHalf(type); }

int64_t nvidia::stagedNeighbours(RankedTensorType type) {
  // Of one position a clip, a copy of f32 would bring no more than a sector: nothing that copies are for.
  bool hasRows = llvm::any_of(type.getShape().drop_front(2), [](int64_t size) { return size > 1; });
  if (isBlocked(type) || (hasBlocks(type) && hasRows))
    return 1;
  int64_t block = kernel::channelBlock(type);
  bool narrow = 2 * block == blockChannels && type.getDimSize(1) <= block;
  return narrow && type.getElementType().isF32() ? 2 : 0;
}

int64_t nvidia::rawPositionBytes(RankedTensorType type) {
  return kernel::channelBlock(type) * type.getElementTypeBitWidth() / 8;
}

/// Returns the bytes of a channel block of a vector.
static int64_t bytesOfVector(const kernel::AccessOperand &operand, int64_t channels) {
  return channels * operand.getType().getElementTypeBitWidth() / 8;
}

bool nvidia::canStage(const kernel::AccessRegion &prologue, int64_t neighbours) {
  return llvm::all_of(prologue, [&](kernel::AccessOperand operand) {
    if (operand.access == Access::Pixel)
      return stagedNeighbours(operand.getType()) == neighbours;
    return bytesOfVector(operand, blockChannels / neighbours) % positionBytes == 0 &&
           (operand.access == Access::Channel || (operand.access == Access::BatchChannel && neighbours == 1));
  });
}

//===-- What a stage holds ------------------------------------------------===//

FeedOperands::FeedOperands(const kernel::AccessRegion &prologue) : half(kernel::halfOf(prologue)) {
  for (kernel::AccessOperand operand : prologue)
    if (operand.access == Access::Pixel) {
      ++pixels;
      wide += rawPositionBytes(operand.getType()) > positionBytes;
    } else {
      ++vectors;
      vectorBytes += bytesOfVector(operand, blockChannels);
    }
  Block &body = prologue.getRegion().front();
  Operation *yield = body.getTerminator();
  operations = llvm::count_if(body.without_terminator(),
                              [](Operation &op) { return !op.hasTrait<OpTrait::ConstantLike>(); });
  identity = prologue.size() == 1 && pixels == 1 && wide == 0 && yield->getOperand(0) == body.getArgument(0);
}

int64_t FeedPlan::positions() const {
  int64_t positions = 1;
  for (const FeedAxis &axis : axes)
    positions *= axis.planes * axis.extent;
  return positions;
}

int64_t FeedPlan::rawExtent(int axis) const {
  const FeedAxis &a = axes[axis];
  return axis < 2 ? a.extent * a.planes : (a.extent - 1) * a.step + a.planes + neighbours - 1;
}

bool FeedPlan::staysAsItIs() const { return operands.identity && neighbours == 1 && terms == 1; }

bool FeedPlan::direct() const {
  if (copiesPositions()) // which may go anywhere
    return staysAsItIs();
  return staysAsItIs() &&
         llvm::all_of(axes, [](const FeedAxis &axis) { return axis.planes == 1 && axis.step == 1; });
}

bool FeedPlan::boxes() const {
  using Map = kernel::TensorMapAttr;
  if (!wantsBoxes || !readSharedMemory(tensorCores))
    return false;
  if (direct() && (pitch * positionBytes % Map::targetAlignment ||
                   !llvm::all_of(axes, [](const FeedAxis &a) { return a.filled == a.extent || a.ends; })))
    return false;
  int64_t most = Map::mostPositions, positionWords = positionBytes * (operands.wide ? 2 : 1) / Map::wordBytes;
  auto fits = [&](const FeedAxis &axis) {
    return axis.boxesFit() && axis.boxStep() <= Map::mostStep && axis.boxSpan() <= most;
  };
  return fits(axes[0]) && fits(axes[1]) && rawExtent(2) * positionWords <= most && blocks <= most;
}

bool FeedPlan::covered() const {
  return llvm::all_of(axes, [](const FeedAxis &axis) { return axis.covered; });
}

//===-- Parts -------------------------------------------------------------===//

int64_t FeedPlan::rawBlockBytes() const {
  return rawPositions() * operands.pixelBytes() + operands.vectorBytes / neighbours;
}

int64_t FeedPlan::blocksOfPart() const {
  if (copiesDoAll())
    return blocks; // no thread works on some of them while others come
  // Of a raw stage, so that waits for it, and for what is loaded from it, are few.
  constexpr int64_t fewestBytes = 4096, piecesOfThread = 2;
  const int64_t fewestPieces = mostPositions() > 1 ? piecesOfThread * threads
                               : copiesPositions() ? 0
                                                   : threads;
  auto isEnough = [&](int64_t some) {
    bool severalOfThread = some * positions() > fewestPieces;
    return some * rawBlockBytes() >= fewestBytes && severalOfThread;
  };
  for (int64_t some = 1; some < blocks; ++some)
    if (blocks % some == 0 && isEnough(some))
      return some;
  return blocks;
}

int64_t FeedPlan::rawOperandBytes(int64_t eachBytes) const {
  int64_t bytes = blocksOfPart() * rawPositions() * eachBytes;
  return boxes() ? shape::roundUp(bytes, kernel::TensorMapAttr::targetAlignment) : bytes;
}

int64_t FeedPlan::rawPixelBytes() const {
  return (operands.pixels - operands.wide) * rawOperandBytes(positionBytes) +
         operands.wide * rawOperandBytes(2 * positionBytes);
}

int64_t FeedPlan::rawBytes() const {
  if (direct())
    return 0;
  int64_t bytes = rawPixelBytes() + blocksOfPart() * operands.vectorBytes / neighbours;
  return boxes() ? shape::roundUp(bytes, kernel::TensorMapAttr::targetAlignment) : bytes;
}

int64_t FeedPlan::blocksTogether() const {
  int64_t together = 1, all = blocksOfPart();
  double least = instructionsOf(all, positionsOfThread(1));
  for (int64_t some = 2; some <= std::min(all, threads); ++some) {
    if (all % some || positionsOfThread(some) > mostPositions())
      continue;
    double instructions = instructionsOf(double(all) / some, positionsOfThread(some));
    if (instructions > least)
      continue;
    least = instructions;
    together = some;
  }
  return together;
}

int64_t FeedPlan::mostPositions() const {
  constexpr int64_t mostOperations = 4, mostRegisters = 48; // else ptxas spills
  if (copiesPositions() || direct() || terms > 1 || operands.operations > mostOperations)
    return 1;
  int64_t left = mostRegisters - blockChannels * operands.vectors;
  return std::clamp<int64_t>(left / (4 * (operands.pixels + operands.wide)), 1, piecesTogether());
}

int64_t FeedPlan::piecesTogether() const {
  constexpr int64_t loads = 6; // of 16 bytes
  return std::max<int64_t>(1, loads / (neighbours * operands.pixels + operands.wide));
}

int64_t FeedPlan::groupsTogether() const {
  if (tensorCores == TensorCores::Warps || terms > 1)
    return 1;
  constexpr int64_t mostRegisters = 60; // for what is loaded; with 64, ptxas spills
  int64_t ofBlock =
      blockChannels * operands.vectors + 4 * positionsOfThread() * (operands.pixels + operands.wide);
  auto fit = [&](int64_t several) {
    return blocksOfPart() / blocksTogether() % several == 0 && several * ofBlock <= mostRegisters &&
           several * positionsOfThread() <= piecesTogether();
  };
  return fit(3) ? 3 : fit(2) ? 2 : 1;
}

int64_t nvidia::rawStages(int64_t bytes, int64_t parts, int64_t wanted) {
  if (bytes == 0)
    return 0;
  // Memory of 3.2 TB/s and 1 us has 24 KB of each multiprocessor under way; one more stage is worked on.
  constexpr int64_t underWay = 24 * 1024;
  constexpr int64_t mostBusy = 8;
  int64_t busy = std::min(mostBusy, 1 + shape::ceilDiv(underWay, bytes));
  return std::min(wanted > 0 ? wanted : busy, parts);
}

int64_t nvidia::deepestFeed(int64_t fewest, llvm::function_ref<bool(int64_t)> fit) {
  int64_t stages = mostFeedStages;
  while (stages > fewest && !fit(stages))
    --stages;
  return stages;
}

int64_t nvidia::weightStages(int64_t bytes, int64_t wanted) {
  if (wanted > 0)
    return wanted;
  // L2 of 32 bytes a cycle and 600 cycles of latency has 19 KB under way.
  constexpr int64_t underWay = 16 * 1024;
  int64_t stages = fewestWeightStages;
  while (stages < mostWeightStages && (stages - heldWeightStages) * bytes < underWay)
    stages *= 2;
  return stages;
}

//===-- Copies ------------------------------------------------------------===//

int FeedPlan::runAxis() const {
  int axis = 2;
  while (axis > 0 && axes[axis].whole && axes[axis - 1].planes == axes[axis - 1].step)
    --axis;
  return axis;
}

int64_t FeedPlan::copiesOfBlock() const {
  int64_t copies = 1;
  for (int axis = 0; axis < runAxis(); ++axis)
    copies *= axes[axis].filled * axes[axis].planes;
  return copies;
}

double FeedPlan::run() const {
  int axis = runAxis();
  double positions = axes[axis].inside;
  for (int inner = axis + 1; inner < 3; ++inner)
    positions *= axes[inner].source;
  return positions;
}

double FeedPlan::sectorBytes() const {
  constexpr int64_t sector = 32;
  // A run begins or ends in the middle of a sector as often as not, and reads the rest of it too.
  bool aligned = axes[runAxis()].whole && int64_t(run()) * positionBytes % sector == 0;
  double bytes = run() * positionBytes + (aligned ? 0 : positionBytes), copies = 1;
  for (int axis = 0; axis < runAxis(); ++axis) // without what lies between planes
    copies *= axes[axis].inside * rawExtent(axis) / axes[axis].span();
  double ofPixels = (operands.pixels - operands.wide) * bytes + operands.wide * run() * sector;
  return double(blocks) * (copies * ofPixels + operands.vectorBytes / double(neighbours));
}

double FeedPlan::sharedBytes() const {
  if (direct())
    return stagedBytes();
  // Each warp loads the vectors of its blocks by itself, whose threads all read the same 16 bytes.
  constexpr double bytesOfLoad = 128;
  double warps = shape::ceilDiv(threadsOfBlock(), warp);
  double loads = blocks * warps * operands.vectors * blockChannels * 4 / positionBytes;
  return stagedBytes() + 2.0 * parts() * rawBytes() + bytesOfLoad * loads;
}

double FeedPlan::leastSharedBytes() const {
  return direct() ? stagedBytes() : stagedBytes() + 2.0 * boxBytes();
}

//===-- Time --------------------------------------------------------------===//

double FeedPlan::instructionsOf(double blocks, int64_t positionsOfBlock) const {
  // These count instructions in the machine code. An operand is loaded and unpacked, the prologue runs on
  // each channel, and the position is rounded, masked and stored; where copies go straight to the stage,
  // zeros alone are stored.
  constexpr double perPosition = 10, perOperand = 9, perBlock = 16, perVector = 4, perZero = 3;
  constexpr double perTerm = 25; // what rounding has left, of 8 channels, is computed, rounded and stored
  double each = perPosition + neighbours * perOperand * operands.pixels + blockChannels * operands.operations;
  each += perTerm * (terms - 1);
  if (direct())
    each = covered() ? 0 : perZero;
  return blocks * (perBlock + perVector * operands.vectors + positionsOfBlock * each);
}

double FeedPlan::cyclesOfThreads(const Rates &rates) const {
  if (copiesDoAll())
    return 0;
  constexpr double perPart = 40; // instructions
  double groups = double(blocks) / blocksTogether(), ofBlocks = instructionsOf(groups, positionsOfThread());
  double waits = direct() ? 0 : groups / groupsTogether();
  // Four schedulers share the warps that stage.
  constexpr double schedulers = 4;
  double share = copiesPositions() ? 1 : std::max(1.0, threads / (schedulers * warp));
  return rates.stagingCycles * share * (ofBlocks + parts() * perPart) + rates.stagingWait * waits;
}

int64_t FeedPlan::piecesOfPart() const {
  int64_t positions = direct() ? this->positions() : rawPositions();
  int64_t ofBlock = (operands.pixels + operands.wide) * positions;
  return blocksOfPart() * (ofBlock + operands.vectorBytes / neighbours / positionBytes);
}

int64_t FeedPlan::boxBytes() const { return blocks * rawPositions() * operands.pixelBytes(); }

double FeedPlan::cyclesOfCopies(const Rates &rates) const {
  constexpr double perPart = 80;
  if (boxes()) {
    int64_t copies = operands.pixels * blocksOfPart() / blocksOfBox() + operands.vectors;
    return std::max(parts() * (rates.stageCycles + copies * rates.electedCopyCycles),
                    boxBytes() / rates.boxPerCycle);
  }
  if (copiesPositions())
    return parts() * (shape::ceilDiv(piecesOfPart(), copyingThreads()) * rates.copyCycles + perPart);
  // A warp goes through its lanes' copies one by one; the vectors are all the first warp's.
  int64_t rounds = rowsOfPart() / copyingThreads(), rest = rowsOfPart() % copyingThreads();
  int64_t ofWarp = rounds * warp + std::min(rest, warp);
  return parts() * ((operands.pixels * ofWarp + operands.vectors) * rates.copyCycles + perPart);
}
