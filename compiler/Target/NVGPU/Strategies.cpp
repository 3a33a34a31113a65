#include "compiler/Target/NVGPU/Strategies.h"

#include "compiler/Target/Common/Reference.h"
#include "compiler/Target/NVGPU/HaloConv.h"
#include "compiler/Target/NVGPU/HaloWeightGrad.h"
#include "compiler/Target/NVGPU/Model.h"
#include "compiler/Target/NVGPU/PairConv.h"
#include "compiler/Target/NVGPU/PoolGrad.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::nvidia;

static constexpr char streamName[] = "sm90.stream";

/// A row of the functions of one operation.
template <auto emit, auto remake, auto candidates, auto predict, typename Op>
static Strategy rowOf(StringRef name, const Processor &processor) {
  return {name, [](Operation *op, KernelEmitter &e) { emit(cast<Op>(op), e); },
          [&processor](Operation *op, ScheduleParameters &parameters) {
            auto kernel = dyn_cast<Op>(op);
            return kernel ? remake(kernel, processor, parameters) : kernel::ScheduleAttr();
          },
          [&processor](Operation *op) {
            auto kernel = dyn_cast<Op>(op);
            return kernel ? candidates(kernel, processor) : SmallVector<Candidate>();
          },
          [&processor](Operation *op) { return predict(cast<Op>(op), processor); }};
}

//===-- What memory bounds ------------------------------------------------===//

static double predictStream(Operation *op, kernel::ScheduleAttr schedule, const Processor &processor) {
  return secondsOfStream(*processor.rates, kernel::trafficOf(op),
                         schedule.getGrid() * schedule.getInt("threads"), processor.machine.vectorAlignment);
}

/// The reference lowering of what memory bounds moves it as it should, and then is no stopgap.
static kernel::ScheduleAttr streamSchedule(Operation *op, const Processor &processor) {
  bool streams = op->hasTrait<kernel::MemoryBound>();
  return streams ? scheduleReference(op, processor.machine, streamName) : kernel::ScheduleAttr();
}

static Strategy streamRow(const Processor &processor) {
  return {streamName, emitReference,
          [&processor](Operation *op, ScheduleParameters &) { return streamSchedule(op, processor); },
          [&processor](Operation *op) {
            auto schedule = streamSchedule(op, processor);
            return schedule ? SmallVector<Candidate>{{schedule, predictStream(op, schedule, processor)}}
                            : SmallVector<Candidate>();
          },
          [&processor](Operation *op) { return predictStream(op, kernel::scheduleOf(op), processor); }};
}

static kernel::ScheduleAttr remakeGather(kernel::PoolGradOp op, const Processor &processor,
                                         ScheduleParameters &parameters) {
  return remakePoolGrad(op, processor.machine, parameters);
}

static SmallVector<Candidate> gatherCandidates(kernel::PoolGradOp op, const Processor &processor) {
  auto schedule = schedulePoolGrad(op, processor.machine);
  return schedule ? SmallVector<Candidate>{{*schedule, predictStream(op, *schedule, processor)}}
                  : SmallVector<Candidate>();
}

static double predictGather(kernel::PoolGradOp op, const Processor &processor) {
  return predictStream(op, kernel::scheduleOf(op), processor);
}

//===-- The table ---------------------------------------------------------===//

SmallVector<Strategy> nvidia::strategies(const Processor &processor) {
  if (!processor.warpgroups)
    return {};
  SmallVector<Strategy> table = {
      rowOf<emitHaloConv, remakeHalo, haloCandidates, predictHalo, kernel::ConvOp>("sm90.halo", processor),
      rowOf<emitHaloWeightGrad, remakeHaloWeightGrad, haloWeightGradCandidates, predictHaloWeightGrad,
            kernel::WeightGradOp>("sm90.halo_wgrad", processor),
      rowOf<emitPair, remakePair, pairCandidates, predictPair, kernel::PairOp>("sm90.pair", processor),
      rowOf<emitPoolGrad, remakeGather, gatherCandidates, predictGather, kernel::PoolGradOp>("sm90.gather",
                                                                                             processor),
      streamRow(processor),
  };
  table.front().goesOnWithMerges = true;
  return table;
}

static double predictReference(Operation *op, kernel::ScheduleAttr schedule, const Rates &rates) {
  return secondsOfLoops(rates, kernel::trafficOf(op), schedule.getGrid() * schedule.getInt("threads"));
}

SmallVector<Candidate> nvidia::candidatesFor(Operation *op, const Processor &processor, bool reference) {
  if (!reference)
    for (const Strategy &strategy : strategies(processor))
      if (auto found = strategy.candidates(op); !found.empty())
        return found;
  auto schedule = scheduleReference(op, processor.machine);
  return {{schedule, processor.rates ? predictReference(op, schedule, *processor.rates) : 0}};
}

std::optional<double> nvidia::predictedSeconds(Operation *op, const Processor &processor) {
  auto schedule = kernel::scheduleOf(op);
  if (!processor.rates)
    return std::nullopt;
  if (schedule.getName() == processor.machine.reference)
    return predictReference(op, schedule, *processor.rates);
  for (const Strategy &strategy : strategies(processor))
    if (strategy.name == schedule.getName())
      return strategy.predict(op);
  return std::nullopt;
}
