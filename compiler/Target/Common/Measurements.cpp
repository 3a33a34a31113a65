#include "compiler/Target/Common/Measurements.h"

#include "compiler/Target/Common/Reference.h"
#include "dialects/Kernel/Attributes.h"
#include "dialects/Kernel/Signature.h"

#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"

using namespace mlir;
using namespace kinema;

//===-- Candidates --------------------------------------------------------===//

/// Behind those that take as long.
static void insertBySeconds(SmallVector<Candidate> &list, Candidate candidate) {
  auto isQuicker = [](double seconds, const Candidate &other) { return seconds < other.seconds; };
  list.insert(llvm::upper_bound(list, candidate.seconds, isQuicker), candidate);
}

void Best::consider(double time, function_ref<kernel::ScheduleAttr()> schedule) {
  if (kept.size() == count && kept.back().seconds <= time)
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

//===-- Measurements ------------------------------------------------------===//

static llvm::Error wrong(StringRef origin, const Twine &what) {
  return llvm::createStringError(origin + ": " + what + "; `kinema tune` and bench/tune write such files");
}

static llvm::Expected<Measurements::Entry> parseEntry(const llvm::json::Value &value, StringRef signature,
                                                      StringRef origin) {
  const llvm::json::Object *object = value.getAsObject();
  auto schedule = object ? object->getString("schedule") : std::nullopt;
  const llvm::json::Object *parameters = object ? object->getObject("parameters") : nullptr;
  if (!schedule || !parameters)
    return wrong(origin, "no \"schedule\" and \"parameters\" in the entry of " + signature);
  Measurements::Entry entry{schedule->str(), {}, object->getNumber("seconds")};
  for (const auto &[name, number] : *parameters) {
    auto integer = number.getAsInteger();
    if (!integer)
      return wrong(origin,
                   "the parameter " + StringRef(name) + " is no integer in the entry of " + signature);
    entry.parameters[name.str()] = *integer;
  }
  return entry;
}

llvm::Expected<Measurements> Measurements::parse(StringRef text, StringRef origin) {
  auto document = llvm::json::parse(text);
  if (!document)
    return wrong(origin, "no JSON: " + llvm::toString(document.takeError()));
  const llvm::json::Object *object = document->getAsObject();
  if (!object)
    return wrong(origin, "no JSON object of measured schedules");
  Measurements measurements;
  for (const auto &[signature, value] : *object) {
    auto entry = parseEntry(value, signature, origin);
    if (!entry)
      return entry.takeError();
    measurements.entries[signature.str()] = std::move(*entry);
  }
  return measurements;
}

llvm::Expected<Measurements> Measurements::read(StringRef path) {
  auto buffer = llvm::MemoryBuffer::getFile(path);
  if (!buffer)
    return llvm::createStringError(path + ": " + buffer.getError().message());
  return parse((*buffer)->getBuffer(), path);
}

const Measurements::Entry *Measurements::find(Operation *kernel) const {
  if (entries.empty())
    return nullptr;
  auto found = entries.find(kernel::signatureOf(kernel));
  return found == entries.end() ? nullptr : &found->second;
}

bool Measurements::Entry::is(kernel::ScheduleAttr other) const {
  DictionaryAttr given = other.getParameters();
  return other.getName() == schedule && given.size() == parameters.size() &&
         llvm::all_of(parameters, [&](const auto &parameter) {
           auto value = given.getAs<IntegerAttr>(parameter.first);
           return value && value.getInt() == parameter.second;
         });
}

//===-- Choice ------------------------------------------------------------===//

void ScheduleChoice::applyTo(Operation *kernel) const {
  cast<kernel::LaunchableOp>(kernel).setScheduleAttr(schedule);
  if (measured)
    kernel->setAttr(kernel::measuredAttribute, Builder(kernel->getContext()).getF64FloatAttr(*measured));
  fixPartials(kernel, schedule);
}

std::optional<double> kinema::measuredSeconds(Operation *kernel) {
  auto seconds = kernel->getAttrOfType<FloatAttr>(kernel::measuredAttribute);
  return seconds ? std::optional(seconds.getValueAsDouble()) : std::nullopt;
}

llvm::Expected<ScheduleChooser> ScheduleChooser::make(StringRef file, int64_t rank, StringRef builtIn) {
  auto measured = file.empty()
                      ? Measurements::parse(builtIn, "the measurements that Kinema was built with (tune/)")
                      : Measurements::read(file);
  if (!measured)
    return measured.takeError();
  ScheduleChooser chooser;
  chooser.measured = std::move(*measured);
  chooser.rank = rank;
  return chooser;
}

ScheduleChoice ScheduleChooser::choose(Operation *kernel, ArrayRef<Candidate> candidates) const {
  if (rank >= 0)
    return {candidates[std::min<size_t>(rank, candidates.size() - 1)].schedule, std::nullopt};
  if (const Measurements::Entry *entry = measured.find(kernel))
    for (const Candidate &candidate : candidates)
      if (entry->is(candidate.schedule))
        return {candidate.schedule, entry->seconds};
  return {candidates.front().schedule, std::nullopt};
}
