#include "compiler/Target/CPU/GroupedSource.h"

#include "llvm/ADT/SmallSet.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::cpu;

/// These limit the vectors of a period that are put together, and the loops over positions that do so, since
/// each is code of its own.
constexpr int64_t mostPlanes = 1024, mostStages = 64;

GroupChannels::GroupChannels(int64_t results, int64_t sources, int64_t lanes)
    : results(results), sources(sources), lanes(lanes),
      isUniform(results % lanes == 0 && sources % lanes == 0), period(0) {
  for (int64_t blocks = 1; !isUniform && blocks * sources <= mostPlanes && !period; ++blocks)
    if (blocks * lanes % results == 0 && firstChannel(blocks) % lanes == 0)
      period = blocks;
}

Value GroupChannels::firstSource(KernelEmitter &e, Value block) const {
  Value group = e.div(e.mul(block, lanes), results);
  return e.div(e.mul(group, sources), lanes);
}

Planes GroupChannels::planes(int64_t place, int64_t first, int64_t count) const {
  Planes planes{0, {}};
  int64_t start = firstChannel(place) / lanes * lanes;
  for (int64_t i = first; i < first + count; ++i) {
    auto &plane = planes.channels.emplace_back();
    for (int64_t lane = 0; lane < lanes; ++lane)
      plane.push_back((place * lanes + lane) / results * sources + i - start);
    planes.blocks = std::max(planes.blocks, plane.back() / lanes + 1);
  }
  return planes;
}

GroupedSource::GroupedSource(const GroupChannels &channels, int64_t clips, std::array<StagedAxis, 3> axes,
                             int64_t planes)
    : channels(channels),
      box{clips, channels.isUniform ? planes / channels.lanes : planes, axes, channels.lanes},
      planes(planes) {}

Value GroupedSource::planeAt(KernelEmitter &e, Value i) const {
  if (!channels.isUniform)
    return e.mul(i, box.blockStride());
  return e.add(e.mul(e.div(i, channels.lanes), box.blockStride()), e.rem(i, channels.lanes));
}

Value GroupedSource::load(KernelEmitter &e, Value at) const {
  if (channels.isUniform)
    return e.splat(e.load(e.scratch, at), channels.lanes);
  return e.loadVector(e.scratch, at, channels.lanes);
}

void GroupedSource::emitStage(KernelEmitter &e, const StagedOperand &operand, StagedPart part,
                              Value resultBlock, Value pass, Value at) const {
  part.firstBlock = channels.firstSource(e, resultBlock);
  if (channels.isUniform) {
    part.firstBlock = e.add(part.firstBlock, e.mul(pass, box.blocks));
    part.blocks = e.index(box.blocks);
    return cpu::emitStage(e, operand, box, part, at);
  }
  Value wanted = e.add(e.mul(e.rem(resultBlock, channels.period), passes()), pass);
  for (int64_t place = 0; place < channels.period; ++place)
    for (int64_t i = 0; i < passes(); ++i) {
      auto stage = [&] {
        emitStagePlanes(e, operand, box, part, channels.planes(place, i * planes, planes), at);
      };
      if (channels.period * passes() == 1)
        stage();
      else
        e.when(e.equal(wanted, place * passes() + i), stage);
    }
}

double GroupedSource::cost(int64_t reads) const {
  double positions = double(box.elements()) / box.width;
  return positions * 2 + 2 * reads * (channels.isUniform ? positions : positions / box.blocks * 2);
}

SmallVector<int64_t> kinema::cpu::planeCounts(const GroupChannels &channels) {
  SmallVector<int64_t> counts;
  for (int64_t count = channels.sources; count > 0; --count) {
    bool isFew = count == channels.sources || channels.period * (channels.sources / count) <= mostStages;
    if (channels.sources % count == 0 && isFew && (!channels.isUniform || count % channels.lanes == 0))
      counts.push_back(count);
  }
  return counts;
}

void kinema::cpu::checkPlanes(ScheduleParameters &parameters, int64_t &planes,
                              const GroupChannels &channels) {
  auto counts = planeCounts(channels);
  parameters.check(planes, counts.back(), counts.front());
  if (parameters.failed() || llvm::is_contained(counts, planes))
    return;
  auto error = parameters.fault() << "planes is " << planes << ", expected ";
  llvm::interleave(counts, error, " or ");
}

AxisTaps::AxisTaps(const shape::Phase &phase, int axis) {
  SmallVector<std::pair<int64_t, int64_t>> taps; // number and shift
  for (const auto &tap : phase.taps)
    if (!llvm::is_contained(taps, std::pair(tap.index[axis], tap.shift[axis])))
      taps.push_back({tap.index[axis], tap.shift[axis]});
  count = taps.size();
  if (count == 0)
    return;
  std::tie(firstIndex, firstShift) = taps.front();
  if (count > 1) {
    indexStep = taps[1].first - firstIndex;
    shiftStep = taps[1].second - firstShift;
  }
}
