#include "compiler/Target/NVGPU/StencilModel.h"

#include "compiler/Target/NVGPU/StencilStage.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::nvidia;

int64_t nvidia::residentBlocks(int64_t threads, int64_t registersOfThread, int64_t sharedBytes,
                               const Processor &processor) {
  constexpr int64_t mostRegisters = 255, step = 8;
  // A warp's registers are those of one of four schedulers.
  constexpr int64_t schedulers = 4;
  int64_t registers = std::min(mostRegisters, shape::roundUp(registersOfThread, step)) * warp;
  int64_t warps = Processor::registers / schedulers / registers * schedulers;
  int64_t shared = sharedBytes + Processor::systemSharedBytes;
  return std::max<int64_t>(1, std::min({warps * warp / threads, processor.blocks,
                                        processor.warps * warp / threads, processor.sharedBytes / shared}));
}

Work nvidia::workOfStencil(const StencilWork &stencil, const Processor &processor) {
  // Warps of a multiprocessor that keep it busy, and the cycles of a chunk in which a block has nothing to
  // do.
  constexpr double busyWarps = 8, chunkCycles = 200;
  Work work{stencil.blocks};
  constexpr double fewestRegisters = 96, perAccumulator = 1.25; // what ptxas takes
  int64_t registers = fewestRegisters + perAccumulator * stencil.accumulators;
  work.together = residentBlocks(stencil.threads, registers, stencil.sharedBytes, processor);
  double warps = double(stencil.threads) / warp * work.together;
  work.staging =
      stencil.instructions * stencil.threads / processor.rates.lanes / std::min(1.0, warps / busyWarps) +
      stencil.chunks * chunkCycles / work.together;
  work.cached = stencil.cached;
  work.memory = stencil.memory;
  return work;
}

double nvidia::operationsOf(Region &region) {
  double count = 0;
  for (Operation &op : region.front().without_terminator())
    count += isa<arith::ConstantOp>(op) ? 0 : isa<arith::TruncFOp>(op) ? 0.5 : 1;
  return count;
}

double nvidia::instructionsOfChunk(const kernel::AccessRegion &prologue, const StencilRing &ring) {
  constexpr double copy = 5, perCopy = 3.3, transform = 8, lanes = blockChannels;
  double ofPosition = copy + perCopy * ring.tensors;
  if (isStencilTransformed(prologue)) // what was rounded last is not widened again
    ofPosition += transform + ring.tensors * (1 + lanes) + lanes * (operationsOf(prologue.getRegion()) - 1);
  return ofPosition * ring.frames * ring.notes() / ring.threads;
}

double nvidia::bytesOfChunk(const StencilRing &ring) {
  constexpr double sector = 32; // bytes, half of which a row wastes at each of its ends
  return double(ring.tensors) * ring.frames * ring.rows * (ring.columns * positionBytes + sector);
}
