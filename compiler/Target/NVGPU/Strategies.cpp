#include "compiler/Target/NVGPU/Strategies.h"

#include "compiler/Target/Common/Reference.h"
#include "compiler/Target/NVGPU/HaloConv.h"
#include "compiler/Target/NVGPU/HaloWeightGrad.h"
#include "compiler/Target/NVGPU/Machine.h"
#include "compiler/Target/NVGPU/Model.h"
#include "compiler/Target/NVGPU/PairConv.h"
#include "compiler/Target/NVGPU/PoolGrad.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::nvidia;

static constexpr char streamName[] = "sm90.stream";

static double predictStream(Operation *op, kernel::ScheduleAttr schedule) {
  return secondsOfStream(kernel::trafficOf(op), schedule.getGrid() * schedule.getInt("threads"),
                         machine.vectorAlignment);
}

/// The schedule of a kernel of one operation by `remake`; null for other operations.
template <auto remake, typename Op>
static kernel::ScheduleAttr remakeOf(Operation *kernel, const Machine &, ScheduleParameters &parameters) {
  auto op = dyn_cast<Op>(kernel);
  return op ? remake(op, parameters) : kernel::ScheduleAttr();
}

/// The reference lowering of what memory bounds moves it as it should, and then is no stopgap.
static kernel::ScheduleAttr streamSchedule(Operation *op) {
  bool isBound = isa<kernel::ConvOp, kernel::PairOp, kernel::WeightGradOp, kernel::PoolGradOp,
                     kernel::MatmulOp, kernel::WinogradOp>(op);
  return isBound ? kernel::ScheduleAttr() : scheduleReference(op, machine, streamName);
}

static const ModelledStrategy table[] = {
    {{"sm90.halo", [](Operation *op, KernelEmitter &e) { emitHaloConv(cast<kernel::ConvOp>(op), e); },
      remakeOf<remakeHalo, kernel::ConvOp>, /*goesOnWithMerges=*/true},
     [](Operation *op) {
       auto conv = dyn_cast<kernel::ConvOp>(op);
       return conv ? haloCandidates(conv) : SmallVector<Candidate>();
     },
     [](Operation *op) { return predictHalo(cast<kernel::ConvOp>(op)); }},
    {{"sm90.halo_wgrad",
      [](Operation *op, KernelEmitter &e) { emitHaloWeightGrad(cast<kernel::WeightGradOp>(op), e); },
      remakeOf<remakeHaloWeightGrad, kernel::WeightGradOp>},
     [](Operation *op) {
       auto wgrad = dyn_cast<kernel::WeightGradOp>(op);
       return wgrad ? haloWeightGradCandidates(wgrad) : SmallVector<Candidate>();
     },
     [](Operation *op) { return predictHaloWeightGrad(cast<kernel::WeightGradOp>(op)); }},
    {{"sm90.pair", [](Operation *op, KernelEmitter &e) { emitPair(cast<kernel::PairOp>(op), e); },
      remakeOf<remakePair, kernel::PairOp>},
     [](Operation *op) {
       auto pair = dyn_cast<kernel::PairOp>(op);
       return pair ? pairCandidates(pair) : SmallVector<Candidate>();
     },
     [](Operation *op) { return predictPair(cast<kernel::PairOp>(op)); }},
    {{"sm90.gather", [](Operation *op, KernelEmitter &e) { emitPoolGrad(cast<kernel::PoolGradOp>(op), e); },
      remakeOf<remakePoolGrad, kernel::PoolGradOp>},
     [](Operation *op) {
       auto grad = dyn_cast<kernel::PoolGradOp>(op);
       auto schedule = grad ? schedulePoolGrad(grad) : std::nullopt;
       return schedule ? SmallVector<Candidate>{{*schedule, predictStream(op, *schedule)}}
                       : SmallVector<Candidate>();
     },
     [](Operation *op) { return predictStream(op, op->getAttrOfType<kernel::ScheduleAttr>("schedule")); }},
    {{streamName, emitReference,
      [](Operation *op, const Machine &, ScheduleParameters &) { return streamSchedule(op); }},
     [](Operation *op) {
       auto schedule = streamSchedule(op);
       return schedule ? SmallVector<Candidate>{{schedule, predictStream(op, schedule)}}
                       : SmallVector<Candidate>();
     },
     [](Operation *op) { return predictStream(op, op->getAttrOfType<kernel::ScheduleAttr>("schedule")); }},
};

ArrayRef<ModelledStrategy> nvidia::strategies() { return table; }

static double predictReference(Operation *op, kernel::ScheduleAttr schedule) {
  return secondsOfLoops(kernel::trafficOf(op), schedule.getGrid() * schedule.getInt("threads"));
}

SmallVector<Candidate> nvidia::candidatesFor(Operation *op, bool reference) {
  if (!reference)
    for (const ModelledStrategy &strategy : strategies())
      if (auto found = strategy.candidates(op); !found.empty())
        return found;
  auto schedule = scheduleReference(op, machine);
  return {{schedule, predictReference(op, schedule)}};
}

std::optional<double> nvidia::predictedSeconds(Operation *op) {
  auto schedule = op->getAttrOfType<kernel::ScheduleAttr>("schedule");
  if (schedule.getName() == machine.reference)
    return predictReference(op, schedule);
  for (const ModelledStrategy &strategy : strategies())
    if (strategy.name == schedule.getName())
      return strategy.predict(op);
  return std::nullopt;
}
