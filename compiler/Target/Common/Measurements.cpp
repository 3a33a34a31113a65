#include "compiler/Target/Common/Measurements.h"

#include "compiler/Target/Common/Reference.h"
#include "compiler/Target/Common/ScheduleParameters.h"
#include "dialects/Kernel/Attributes.h"
#include "dialects/Kernel/Signature.h"

using namespace mlir;
using namespace kinema;

//===-- Candidates --------------------------------------------------------===//

/// Inserts the candidate behind those that take as long.
static void insertBySeconds(SmallVector<Candidate> &list, Candidate candidate) {
  auto isQuicker = [](double seconds, const Candidate &other) { return seconds < other.seconds; };
  list.insert(llvm::upper_bound(list, candidate.seconds, isQuicker), candidate);
}

void Best::consider(double time, function_ref<kernel::ScheduleAttr()> schedule) {
  if (!wants(time))
    return;
  Candidate candidate{schedule(), time};
  if (llvm::any_of(kept, [&](const Candidate &other) { return other.schedule == candidate.schedule; }))
    return;
  insertBySeconds(kept, candidate);
  if (kept.size() > count)
    kept.pop_back();
}

SmallVector<Candidate> Best::take(double unit) {
  for (Candidate &candidate : kept)
    candidate.seconds *= unit;
  return std::move(kept);
}

SmallVector<Candidate> kinema::mixed(ArrayRef<SmallVector<Candidate>> ways) {
  SmallVector<Candidate> leading, rest;
  for (const auto &way : ways)
    for (const Candidate &candidate : way)
      insertBySeconds(&candidate == way.begin() ? leading : rest, candidate);
  leading.append(rest);
  return leading;
}

//===-- Choice ------------------------------------------------------------===//

static ArrayAttr listOf(ArrayRef<Candidate> candidates, Builder builder) {
  return builder.getArrayAttr(llvm::map_to_vector(candidates, [&](const Candidate &candidate) -> Attribute {
    return builder.getDictionaryAttr(
        {builder.getNamedAttr("schedule", candidate.schedule),
         builder.getNamedAttr("seconds", builder.getF64FloatAttr(candidate.seconds))});
  }));
}

SmallVector<Candidate> kinema::notedCandidates(Operation *kernel) {
  SmallVector<Candidate> candidates;
  if (auto list = kernel->getAttrOfType<ArrayAttr>(kernel::candidatesAttribute))
    for (auto entry : list.getAsRange<DictionaryAttr>())
      candidates.push_back({entry.getAs<kernel::ScheduleAttr>("schedule"),
                            entry.getAs<FloatAttr>("seconds").getValueAsDouble()});
  return candidates;
}

void ScheduleChoice::applyTo(Operation *kernel) const {
  cast<kernel::LaunchableOp>(kernel).setScheduleAttr(schedule);
  if (measured)
    kernel->setAttr(kernel::measuredAttribute, Builder(kernel->getContext()).getF64FloatAttr(*measured));
  if (!candidates.empty())
    kernel->setAttr(kernel::candidatesAttribute, listOf(candidates, Builder(kernel->getContext())));
  fixPartials(kernel, schedule);
}

std::optional<double> kinema::measuredSeconds(Operation *kernel) {
  auto seconds = kernel->getAttrOfType<FloatAttr>(kernel::measuredAttribute);
  return seconds ? std::optional(seconds.getValueAsDouble()) : std::nullopt;
}

llvm::Expected<ScheduleChooser> ScheduleChooser::make(StringRef file, int64_t rank, StringRef target,
                                                      bool notes) {
  ScheduleChooser chooser;
  chooser.rank = rank;
  chooser.notes = notes;
  if (file.empty())
    return chooser;
  auto measured = MeasuredSchedules::read(file);
  if (!measured)
    return measured.takeError();
  if (llvm::Error error = measured->checkTarget(target, file))
    return error;
  chooser.measured = std::move(*measured);
  return chooser;
}

/// Returns whether that is the schedule that was measured.
static bool isSame(const MeasuredSchedule &measured, kernel::ScheduleAttr schedule) {
  return schedule.getName() == measured.schedule && schedule.getNumbers() == measured.parameters;
}

static kernel::ScheduleAttr pinnedSchedule(MLIRContext *context, const MeasuredSchedule &pinned) {
  SmallVector<std::pair<StringRef, int64_t>> parameters(pinned.parameters.begin(), pinned.parameters.end());
  return makeSchedule(context, pinned.schedule, {*pinned.pinnedGrid}, parameters);
}

ScheduleChoice ScheduleChooser::choose(Operation *kernel, ArrayRef<Candidate> candidates) const {
  ScheduleChoice choice = best(kernel, candidates);
  if (notes)
    choice.candidates.assign(candidates.begin(), candidates.end());
  return choice;
}

ScheduleChoice ScheduleChooser::best(Operation *kernel, ArrayRef<Candidate> candidates) const {
  if (rank >= 0)
    return {candidates[std::min<size_t>(rank, candidates.size() - 1)].schedule};
  const MeasuredSchedule *entry = measured.size() ? measured.find(kernel::signatureOf(kernel)) : nullptr;
  if (entry && entry->pinnedGrid)
    return {.schedule = pinnedSchedule(kernel->getContext(), *entry), .isPinned = true};
  if (entry)
    for (const Candidate &candidate : candidates)
      if (isSame(*entry, candidate.schedule))
        return {candidate.schedule, entry->seconds};
  return {candidates.front().schedule};
}
