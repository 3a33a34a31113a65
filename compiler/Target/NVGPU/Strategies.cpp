#include "compiler/Target/NVGPU/Strategies.h"

#include "compiler/Target/Common/Reference.h"
#include "compiler/Target/NVGPU/HaloConv.h"
#include "compiler/Target/NVGPU/HaloWeightGrad.h"
#include "compiler/Target/NVGPU/Matmul.h"
#include "compiler/Target/NVGPU/Model.h"
#include "compiler/Target/NVGPU/OverChannels.h"
#include "compiler/Target/NVGPU/PairConv.h"
#include "compiler/Target/NVGPU/PoolGrad.h"
#include "compiler/Target/NVGPU/StencilConv.h"
#include "compiler/Target/NVGPU/StencilWeightGrad.h"
#include "compiler/Target/NVGPU/VectorConv.h"
#include "compiler/Target/NVGPU/VectorWeightGrad.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::nvidia;

static StringRef streamName(const Processor &processor) {
  return processor.tensorCores == TensorCores::Warpgroups ? "sm90.stream" : "nvgpu.stream";
}

//===-- What memory bounds ------------------------------------------------===//

static double predictStream(Operation *op, kernel::ScheduleAttr schedule, const Processor &processor) {
  return secondsOfStream(processor.rates, kernel::trafficOf(op), schedule.getGrid() * *schedule.getThreads(),
                         processor.machine.vectorAlignment);
}

/// The reference lowering of what memory bounds moves it as it should, and then is no stopgap.
static kernel::ScheduleAttr streamSchedule(Operation *op, const Processor &processor) {
  bool streams = op->hasTrait<kernel::MemoryBound>();
  return streams ? scheduleReference(op, processor.machine, streamName(processor)) : kernel::ScheduleAttr();
}

static Strategy streamRow(const Processor &processor) {
  return {streamName(processor), emitReference,
          [&processor](Operation *op, ScheduleParameters &) { return streamSchedule(op, processor); },
          [&processor](Operation *op) {
            auto schedule = streamSchedule(op, processor);
            return schedule ? SmallVector<Candidate>{{schedule, predictStream(op, schedule, processor)}}
                            : SmallVector<Candidate>();
          },
          [&processor](Operation *op) -> Prediction {
            double seconds = predictStream(op, kernel::scheduleOf(op), processor);
            return {seconds, seconds < 2 * processor.rates.launchSeconds ? "launch" : "memory"};
          }};
}

static SmallVector<Candidate> gatherCandidates(kernel::PoolGradOp op, const Processor &processor) {
  auto schedule = schedulePoolGrad(op, processor);
  return schedule ? SmallVector<Candidate>{{*schedule, predictStream(op, *schedule, processor)}}
                  : SmallVector<Candidate>();
}

static double predictGather(kernel::PoolGradOp op, const Processor &processor) {
  return predictStream(op, kernel::scheduleOf(op), processor);
}

static Strategy overChannelsRow(const Processor &processor, bool ofSoftmax) {
  return {OverChannelsTile::schedule(processor.tensorCores, ofSoftmax), emitOverChannels,
          [ofSoftmax](Operation *op, ScheduleParameters &parameters) {
            return isOfSoftmax(op) == ofSoftmax ? remakeOverChannels(op, parameters) : kernel::ScheduleAttr();
          },
          [&processor, ofSoftmax](Operation *op) {
            return isOfSoftmax(op) == ofSoftmax ? overChannelsCandidates(op, processor)
                                                : SmallVector<Candidate>();
          },
          [&processor](Operation *op) { return predictOverChannels(op, processor); }};
}

//===-- The table ---------------------------------------------------------===//

static double predictReference(Operation *op, kernel::ScheduleAttr schedule, const Rates &rates) {
  return secondsOfLoops(rates, kernel::trafficOf(op), schedule.getGrid() * *schedule.getThreads());
}

static Strategy referenceRow(const Processor &processor) {
  return referenceStrategy(processor.machine, [&processor](Operation *op, kernel::ScheduleAttr schedule) {
    return predictReference(op, schedule, processor.rates);
  });
}

SmallVector<Strategy> nvidia::strategies(const Processor &processor) {
  auto stencil = strategyOf<kernel::ConvOp, emitStencil, remakeStencil, stencilCandidates, predictStencil>(
      StencilTile::schedule, processor);
  auto stencilGrad = strategyOf<kernel::WeightGradOp, emitStencilWeightGrad, remakeStencilWeightGrad,
                                stencilWeightGradCandidates, predictStencilWeightGrad>(
      StencilWeightGradTile::schedule, processor);
  auto vectors = strategyOf<kernel::ConvOp, emitVectors, remakeVectors, vectorCandidates, predictVectors>(
      VectorTile::schedule, processor);
  auto vectorGrad = strategyOf<kernel::WeightGradOp, emitVectorWeightGrad, remakeVectorWeightGrad,
                               vectorWeightGradCandidates, predictVectorWeightGrad>(
      VectorWeightGradTile::schedule, processor);
  auto halo = strategyOf<kernel::ConvOp, emitHaloConv, remakeHalo, haloCandidates, predictHalo>(
      HaloTile::schedule(processor.tensorCores), processor);
  halo.goesOnWithMerges = true;
  auto haloGrad =
      strategyOf<kernel::WeightGradOp, emitHaloWeightGrad, remakeHaloWeightGrad, haloWeightGradCandidates,
                 predictHaloWeightGrad>(HaloWeightGradTile::schedule(processor.tensorCores), processor);
  auto gather = strategyOf<kernel::PoolGradOp, emitPoolGrad, remakePoolGrad, gatherCandidates, predictGather>(
      GatherParameters::schedule(processor.tensorCores), processor);
  auto matmul = strategyOf<kernel::MatmulOp, emitMatmul, remakeMatmul, matmulCandidates, predictMatmul>(
      MatmulTile::schedule(processor.tensorCores), processor);
  SmallVector<Strategy> all = {halo, haloGrad};
  if (readSharedMemory(processor.tensorCores))
    all.push_back(strategyOf<kernel::PairOp, emitPair, remakePair, pairCandidates, predictPair>(
        PairTile::schedule(processor.tensorCores), processor));
  all.append({matmul, gather, overChannelsRow(processor, true), overChannelsRow(processor, false), stencil,
              stencilGrad, vectors, vectorGrad, streamRow(processor), referenceRow(processor)});
  return all;
}
