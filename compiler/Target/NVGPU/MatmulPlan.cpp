#include "compiler/Target/NVGPU/MatmulPlan.h"

#include "dialects/Clip/Clip.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::nvidia;

static MatmulSide sideOf(Value operand, bool contractsChannels, int64_t kept, int64_t depth) {
  auto type = cast<RankedTensorType>(operand.getType());
  return {contractsChannels, shape::ceilDiv(type.getDimSize(1), blockChannels),
          shape::product(clip::spatialSize(type)), kept, depth};
}

MatmulPlan::MatmulPlan(kernel::MatmulOp op, const MatmulTile &tile)
    : tile(tile), tensorCores(tensorCoresOf(op)),
      left(sideOf(op.getLhs(), op.getTransposeLhs(), tile.channels, tile.depth)),
      right(sideOf(op.getRhs(), !op.getTransposeRhs(), tile.positions, tile.depth)) {
  auto result = cast<RankedTensorType>(op.getResult().getType());
  half = cast<FloatType>(getElementTypeOrSelf(op.getLhs()));
  clips = result.getDimSize(0);
  channels = result.getDimSize(1);
  positions = shape::product(clip::spatialSize(result));
  depth = clip::matmulDepth(cast<RankedTensorType>(op.getLhs().getType()), op.getTransposeLhs());
}

/// Each copying thread arrives for its copies.
MatmulPipeline MatmulPlan::pipeline() const {
  RingPlan sides{"both sides", tile.stages, stageBytes(), roles().copyingThreads(), tile.cluster};
  MatmulPipeline pipeline{{roles(), sides}, {}};
  pipeline.products = pipeline.tensorMemory.take(sumsPlan(), consumers);
  return pipeline;
}

bool MatmulPlan::fits(const Processor &processor) const {
  // Beside the accumulators, a consumer's thread holds the places of operands and results and, for the
  // products of warps, fragments of operands.
  const int64_t others = copiesPositions() ? 80 : 60;
  return sumsPlan().registers(tensorCores) <= roles().consumerRegisters() - others &&
         pipeline().fits(processor);
}
