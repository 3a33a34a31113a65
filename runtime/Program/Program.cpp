#include "runtime/Program/Program.h"

#include "runtime/Device/CpuLevel.h"
#include "runtime/Device/CudaTargets.h"
#include "runtime/Support/Error.h"

#include <algorithm>
#include <cstdlib>
#include <set>
#include <string_view>

namespace kinema {
namespace {

constexpr uint32_t notANumber = 0x7FC00000;
constexpr char preparedSegment[] = "prepared";

bool poisonWanted() {
  const char *value = std::getenv("KINEMA_POISON");
  return value && value == std::string_view("1");
}

void cut(std::vector<Segment> &segments, int64_t offset, int64_t bytes) {
  std::vector<Segment> left;
  for (const Segment &segment : segments) {
    int64_t begin = std::clamp(offset, segment.offset, segment.offset + segment.bytes);
    int64_t end = std::clamp(offset + bytes, segment.offset, segment.offset + segment.bytes);
    left.push_back({segment.name, segment.offset, begin - segment.offset});
    left.push_back({segment.name, end, segment.offset + segment.bytes - end});
  }
  std::erase_if(left, [](const Segment &segment) { return segment.bytes == 0; });
  segments = std::move(left);
}

// Returns the most shared memory that a block of the kernels takes.
int64_t mostSharedBytes(const Manifest &manifest) {
  int64_t most = 0;
  for (const auto &[name, kernel] : manifest.kernels)
    most = std::max(most, kernel.scratch);
  return most;
}

// Chooses, of the targets that a package has code for, the one that the device runs; of several levels of a
// CPU, the best. Where none fits it chooses the first, so that the device says why that one does not run.
Manifest chooseManifest(const Package &package, const std::string &device, int gpu) {
  std::vector<Manifest> manifests = readManifests(package);
  auto find = [&](auto fits) { return std::find_if(manifests.begin(), manifests.end(), fits); };
  auto isGpuCode = [](const Manifest &manifest) { return manifest.kind == TargetKind::Cuda; };
  std::vector<std::string> names;
  std::vector<CudaCode> codes;
  for (const Manifest &manifest : manifests) {
    names.push_back(manifest.target);
    codes.push_back({manifest.target, mostSharedBytes(manifest), package.has(ptxEntry(manifest.target))});
  }
  auto forGpu = [&](int number) {
    const auto found = findCudaGpu(number);
    const size_t best = found ? chooseCudaCode(codes, found->architecture, found->sharedBytes) : codes.size();
    return manifests.begin() + static_cast<std::ptrdiff_t>(best);
  };
  if (manifests.size() == 1)
    return manifests.front();
  auto chosen = manifests.end();
  if (device.empty() || device == "auto")
    chosen = forGpu(gpu);
  else if (int number = cudaNumber(device, gpu); number >= 0)
    chosen = forGpu(number);
  if (chosen == manifests.end() && (device == emulatorTarget || cudaNumber(device) >= 0))
    chosen = find(isGpuCode);
  if (chosen != manifests.end())
    return *chosen;
  size_t level = chooseCpuLevel(names);
  return level == manifests.size() ? manifests.front() : manifests[level];
}

// Lists the package's entries that hold the code for the device. A GPU of a later generation than the code is
// for takes its text, which the driver compiles.
std::vector<std::string> codeFor(const Package &package, const Manifest &manifest, const std::string &device,
                                 int gpu) {
  if (manifest.kind == TargetKind::Cuda && device != emulatorTarget) {
    const int number = cudaNumber(device, gpu);
    const auto found = findCudaGpu(number < 0 ? gpu : number);
    const std::string text = ptxEntry(manifest.target);
    if (found && cudaFit(manifest.target, found->architecture) == CudaFit::AsText && package.has(text))
      return {text};
  }
  if (device != emulatorTarget)
    return manifest.code;
  if (!package.has(emulatorCode))
    fail("{} has no code for the emulator; compile it with --target sm_90a --emulator", package.path());
  return {emulatorCode};
}

} // namespace

Program::Program(const Package &package, const ProgramOptions &options)
    : contents(chooseManifest(package, options.device, options.gpu)),
      device(makeDevice(options.device, contents.kind, contents.target, options.threads, options.gpu)),
      profile(options.profile), poison(poisonWanted()) {
  device->allocate(contents.arenaBytes);
  for (const std::string &code : codeFor(package, contents, options.device, options.gpu))
    device->loadCode(package.read(code), code);
  if (contents.sites)
    device->watch(*contents.sites);
  if (contents.waitsForLaunches)
    device->beginLaunchesEarly();
  loadEntries();
}

LaunchId Program::prepare(const std::string &name, std::span<const int64_t> args, const std::string &layer) {
  const Kernel &kernel = contents.kernels.at(name);
  return device->prepare(
      {kernel.symbol, layer, kernel.grid, kernel.block, kernel.scratch, args, kernel.maps});
}

void Program::loadEntries() {
  for (const auto &[name, launches] : contents.entries) {
    Entry &entry = entries[name];
    for (const Launch &launch : launches) {
      entry.launches.push_back(prepare(launch.kernel, launch.args, launch.layer));
      entry.times.push_back({&launch, {}});
      std::vector<LaunchId> &twins = entry.twins.emplace_back();
      for (const TwinLaunch &twin : launch.twins)
        twins.push_back(prepare(twin.kernel, twin.args, launch.layer));
    }
    if (contents.hasCounters(name))
      entry.counters = {contents.counters->offset, contents.counters->bytes};
    addPart(name, entry, static_cast<int64_t>(entry.launches.size()));
  }
  findUnkept();
}

// Makes the launches ready that come behind the last part and before launch `end`.
void Program::addPart(const std::string &name, Entry &entry, int64_t end) {
  Part part;
  part.begin = entry.parts.empty() ? 0 : entry.parts.back().end;
  part.end = end;
  part.sequence =
      device->prepareSequence(name, std::span(entry.launches).subspan(part.begin, part.end - part.begin),
                              part.begin == 0 ? entry.counters : ArenaRange());
  entry.parts.push_back(part);
}

void Program::split(const std::string &name, std::span<const int64_t> ends) {
  Entry &entry = findEntry(name);
  if (ends.size() == 1)
    return; // it is one part already
  entry.parts.clear();
  for (int64_t end : ends)
    addPart(name, entry, end);
}

bool Program::prepareWithSums(const std::string &name, std::span<const SequenceSums> sums) {
  Entry &entry = findEntry(name);
  entry.withSums = device->prepareSequenceWithSums(name, entry.launches, entry.counters, sums);
  return entry.withSums.has_value();
}

void Program::runWithSums(const std::string &name) {
  if (poison)
    fillUnkept(name);
  device->run(findEntry(name).withSums.value());
}

void Program::findUnkept() {
  for (const Segment &segment : contents.segments)
    if (segment.name != "parameters" && segment.name != preparedSegment)
      unkept.push_back(segment);
  for (const InputTensor &input : contents.inputs)
    cut(unkept, input.offset, input.bytes);
  for (const std::optional<ArenaTensor> *told : {&contents.labels, &contents.targets, &contents.shares})
    if (*told)
      cut(unkept, (*told)->offset, (*told)->bytes);
  if (contents.hyper)
    cut(unkept, *contents.hyper, 4 * static_cast<int64_t>(contents.hyperFields.size()));
  for (const Parameter &parameter : contents.parameters) {
    cut(unkept, parameter.offset, parameter.bytes);
    for (const auto &[state, offset] : parameter.states)
      cut(unkept, offset, parameter.bytes);
  }
}

Program::Entry &Program::findEntry(const std::string &name) {
  auto found = entries.find(name);
  if (found == entries.end())
    fail("package {} has no entry {}{}", contents.name, name,
         name == "train_step" ? ": it was compiled for inference; compile it with --mode train" : "");
  return found->second;
}

void Program::begin(const std::string &name) {
  Entry &entry = findEntry(name);
  if (poison)
    fillUnkept(name);
  device->fill(entry.counters.offset, entry.counters.bytes, 0);
}

void Program::launch(const std::string &entry, int64_t number) {
  device->launch(findEntry(entry).launches.at(number));
}

void Program::launchTwin(const std::string &entry, int64_t number, size_t twin) {
  device->launch(findEntry(entry).twins.at(number).at(twin));
}

void Program::run(const std::string &name) {
  for (size_t part = 0; part < findEntry(name).parts.size(); ++part)
    runPart(name, part);
}

void Program::runPart(const std::string &name, size_t number) {
  Entry &entry = findEntry(name);
  const Part &part = entry.parts.at(number);
  if (profile) {
    if (number == 0)
      begin(name);
    return runProfiled(entry, part);
  }
  if (poison && number == 0)
    fillUnkept(name);
  device->run(part.sequence);
}

void Program::runStep() {
  run("train_step");
  if (contents.distributed())
    run("update");
}

void Program::fillUnkept(const std::string &entry) {
  for (const Segment &segment : unkept)
    device->fill(segment.offset, segment.bytes, notANumber);
  for (const Segment &segment : contents.segments)
    if (segment.name == preparedSegment && entry != "infer")
      device->fill(segment.offset, segment.bytes, notANumber);
}

void Program::runProfiled(Entry &entry, const Part &part) {
  device->mark(part.begin);
  for (int64_t i = part.begin; i < part.end; ++i) {
    device->launch(entry.launches[i]);
    device->mark(i + 1);
  }
  for (int64_t i = part.begin; i < part.end; ++i)
    entry.times[i].seconds.push_back(device->secondsBetween(i, i + 1));
}

std::vector<double> Program::time(const std::string &entry, int64_t runs) {
  device->mark(0);
  for (int64_t i = 0; i < runs; ++i) {
    run(entry);
    device->mark(i + 1);
  }
  std::vector<double> seconds;
  for (int64_t i = 0; i < runs; ++i)
    seconds.push_back(device->secondsBetween(i, i + 1));
  return seconds;
}

const std::vector<LaunchTime> &Program::times(const std::string &entry) const {
  return entries.at(entry).times;
}

static void requireElements(const ArenaTensor &tensor, size_t elements) {
  if (static_cast<int64_t>(elements) != tensor.elements())
    fail("tensor {} has {} elements, not {}", tensor.name, tensor.elements(), elements);
}

void Program::write(const ArenaTensor &tensor, const void *values, size_t elements) {
  requireElements(tensor, elements);
  if (tensor.order.empty())
    return device->copyIn(tensor.offset, values, tensor.bytes);
  if (void *memory = device->hostMemory(tensor.offset, tensor.bytes))
    return pack(values, tensor.shape, tensor.order, memory);
  staging.resize(std::max<size_t>(staging.size(), tensor.bytes));
  pack(values, tensor.shape, tensor.order, staging.data());
  device->copyIn(tensor.offset, staging.data(), tensor.bytes);
}

void Program::read(const ArenaTensor &tensor, void *values, size_t elements) {
  requireElements(tensor, elements);
  if (tensor.order.empty())
    return device->copyOut(tensor.offset, values, tensor.bytes);
  if (const void *memory = device->hostMemory(tensor.offset, tensor.bytes))
    return unpack(memory, tensor.shape, tensor.order, values);
  staging.resize(std::max<size_t>(staging.size(), tensor.bytes));
  device->copyOut(tensor.offset, staging.data(), tensor.bytes);
  unpack(staging.data(), tensor.shape, tensor.order, values);
}

void Program::set(const ArenaTensor &tensor, std::span<const float> values) {
  write(tensor, values.data(), values.size());
}

void Program::set(const ArenaTensor &tensor, std::span<const int32_t> values) {
  write(tensor, values.data(), values.size());
}

void Program::get(const ArenaTensor &tensor, std::span<float> values) {
  read(tensor, values.data(), values.size());
}

std::vector<float> Program::get(const ArenaTensor &tensor) {
  std::vector<float> values(tensor.elements());
  get(tensor, values);
  return values;
}

float Program::getScalar(const ArenaTensor &tensor) {
  float value = 0;
  read(tensor, &value, 1);
  return value;
}

CopyId Program::beginGet(const ArenaTensor &tensor) {
  return device->beginCopyOut(tensor.offset, tensor.bytes);
}

void Program::finishGet(CopyId copy, const ArenaTensor &tensor, std::span<float> values) {
  requireElements(tensor, values.size());
  staging.resize(std::max<size_t>(staging.size(), tensor.bytes));
  device->finishCopyOut(copy, staging.data());
  unpack(staging.data(), tensor.shape, tensor.order, values.data());
}

void Program::setHyper(const Hyper &hyper) {
  if (!contents.hyper)
    fail("package {} was compiled for inference and takes no learning rate", contents.name);
  std::array<float, std::size(hyperFields)> values{};
  for (size_t i = 0; i < contents.hyperFields.size(); ++i)
    values[i] = hyper.*contents.hyperFields[i]->value;
  device->copyIn(*contents.hyper, values.data(), 4 * static_cast<int64_t>(contents.hyperFields.size()));
}

} // namespace kinema
