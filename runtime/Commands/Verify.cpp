#include "runtime/Commands/Verify.h"

#include "runtime/Commands/Bench.h"
#include "runtime/Support/Error.h"
#include "runtime/Support/Floats.h"

#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <map>

using nlohmann::json;

namespace kinema {
namespace {

// An arena of more bytes is not copied before and after each launch.
constexpr int64_t mostWatched = int64_t{64} << 20;

bool isHalf(StoredType type) { return type == StoredType::BF16 || type == StoredType::F16; }

// Returns a result, row-major and without padding, as float whatever type it is stored in.
std::vector<float> valuesOf(std::span<const char> bytes, const KernelResult &result) {
  std::vector<float> stored(storedElements(result.shape, result.order));
  for (size_t i = 0; i < stored.size(); ++i)
    if (isHalf(result.type)) {
      uint16_t half = 0;
      std::memcpy(&half, bytes.data() + 2 * i, 2);
      stored[i] = result.type == StoredType::F16 ? fromF16(half) : fromBF16(half);
    } else if (result.type == StoredType::I32) {
      int32_t number = 0;
      std::memcpy(&number, bytes.data() + 4 * i, 4);
      stored[i] = static_cast<float>(number);
    } else {
      std::memcpy(&stored[i], bytes.data() + 4 * i, 4);
    }
  if (result.order.empty())
    return stored;
  std::vector<float> values(elementsOf(result.shape));
  unpack(stored.data(), result.shape, result.order, values.data());
  return values;
}

std::vector<int64_t> coordinatesOf(int64_t element, const std::vector<int64_t> &shape) {
  std::vector<int64_t> coordinates(shape.size());
  for (size_t axis = shape.size(); axis-- > 0; element /= shape[axis])
    coordinates[axis] = element % shape[axis];
  return coordinates;
}

std::span<const int64_t> operandsOf(const Kernel &kernel, std::span<const int64_t> args) {
  return args.first(args.size() - kernel.results.size());
}

// Returns whether a launch leaves a result at this offset and has read nothing there. A twin that reads it
// comes behind the launch.
bool isNew(int64_t offset, const Kernel &kernel, const Launch &launch) {
  std::span<const int64_t> operands = operandsOf(kernel, launch.args);
  return std::ranges::find(operands, offset) == operands.end() &&
         std::ranges::find(launch.args, offset) != launch.args.end();
}

// A Place is a result of a launch or of its twin.
struct Place {
  const Kernel *kernel;
  const KernelResult *result;
  int64_t offset, bytes;
};

void addPlaces(const Kernel &kernel, std::span<const int64_t> args, std::vector<Place> &places) {
  size_t operands = operandsOf(kernel, args).size();
  for (size_t i = 0; i < kernel.results.size(); ++i)
    places.push_back({&kernel, &kernel.results[i], args[operands + i], kernel.buffers[operands + i]});
}

// Holds what has lain in a part of the arena.
struct Kept {
  int64_t offset;
  std::vector<char> bytes;
};

// Room is memory for copies that is used again and again: taking fresh memory lasts longer than copying.
class Room {
public:
  std::span<const char> copyOut(Program &program, const Place &place) {
    if (bytes.size() < static_cast<size_t>(place.bytes))
      bytes.resize(place.bytes);
    std::span<char> part = std::span(bytes).first(place.bytes);
    program.copyOut(place.offset, part);
    return part;
  }

private:
  std::vector<char> bytes;
};

class Verifier {
public:
  Verifier(Program &program, VerifyResult &result) : program(program), result(result) {
    result.watchesArena = program.manifest().arenaBytes <= mostWatched;
    if (!result.watchesArena)
      return;
    before.resize(program.manifest().arenaBytes);
    after.resize(before.size());
  }

  void run(const std::string &entry);

private:
  // Returns the kernel of a launch, or of a twin.
  const Kernel &kernelOf(const auto &launch) const { return program.manifest().kernels.at(launch.kernel); }
  std::vector<Kept> keepOperands(const std::vector<size_t> &twins, const Launch &launch);
  void launchTwin(const std::string &entry, int64_t number, size_t twin);
  void exchange(std::vector<Kept> &kept);
  void verifyLaunch(const std::string &entry, int64_t number);
  void compare(const std::string &entry, int64_t number, const Launch &launch);
  void compareResult(Finding finding, const Place &own, const Place &twin, bool isItself);
  void findStrays(const std::string &entry, int64_t number, const Launch &launch);

  Program &program;
  VerifyResult &result;
  // Copies of the arena, where it is watched: what is known of it before a launch, and what lies there then.
  std::vector<char> before, after;
  Room ofOwn, ofTwin;
};

void Verifier::run(const std::string &entry) {
  program.begin(entry);
  if (result.watchesArena)
    program.copyOut(0, before);
  for (size_t i = 0; i < program.manifest().entries.at(entry).size(); ++i)
    verifyLaunch(entry, static_cast<int64_t>(i));
}

// Keeps what lies now where the twins find their operands, but for those that the launch is to leave.
std::vector<Kept> Verifier::keepOperands(const std::vector<size_t> &twins, const Launch &launch) {
  std::map<int64_t, int64_t> bytes; // by offset: several operands may lie at the same place
  for (size_t i : twins) {
    const TwinLaunch &twin = launch.twins[i];
    for (size_t operand = 0; operand < operandsOf(kernelOf(twin), twin.args).size(); ++operand)
      if (!isNew(twin.args[operand], kernelOf(launch), launch))
        bytes[twin.args[operand]] = kernelOf(twin).buffers[operand];
  }
  std::vector<Kept> kept;
  for (auto [offset, size] : bytes)
    program.copyOut(offset, kept.emplace_back(offset, std::vector<char>(size)).bytes);
  return kept;
}

void Verifier::launchTwin(const std::string &entry, int64_t number, size_t index) {
  program.launchTwin(entry, number, index);
  if (!result.watchesArena)
    return;
  const TwinLaunch &twin = program.manifest().entries.at(entry)[number].twins[index];
  std::vector<Place> places;
  addPlaces(kernelOf(twin), twin.args, places);
  for (const Place &place : places)
    program.copyOut(place.offset, std::span(before).subspan(place.offset, place.bytes));
}

// Puts what was kept back to where it lay, and keeps what lies there.
void Verifier::exchange(std::vector<Kept> &kept) {
  for (auto &[offset, bytes] : kept) {
    std::vector<char> there(bytes.size());
    program.copyOut(offset, there);
    program.copyIn(offset, bytes);
    bytes.swap(there);
  }
}

// Runs a launch and its twins, from the same operands, and compares what they leave. Most twins come before
// the launch, since it may write over its operands. One that derives its results from what the launch leaves
// comes behind it, and finds its other operands as they were before.
void Verifier::verifyLaunch(const std::string &entry, int64_t number) {
  const Launch &launch = program.manifest().entries.at(entry)[number];
  auto isItsNew = [&](int64_t offset) { return isNew(offset, kernelOf(launch), launch); };
  std::vector<size_t> behind;
  for (size_t i = 0; i < launch.twins.size(); ++i)
    if (std::ranges::any_of(operandsOf(kernelOf(launch.twins[i]), launch.twins[i].args), isItsNew))
      behind.push_back(i);
    else
      launchTwin(entry, number, i);
  std::vector<Kept> operands = keepOperands(behind, launch);
  program.launch(entry, number);
  ++result.launches;
  findStrays(entry, number, launch);
  exchange(operands);
  for (size_t i : behind)
    launchTwin(entry, number, i);
  exchange(operands);
  compare(entry, number, launch);
}

// Finds what a launch has changed besides its results, which are all that it may write.
void Verifier::findStrays(const std::string &entry, int64_t number, const Launch &launch) {
  if (!result.watchesArena)
    return;
  program.copyOut(0, after);
  std::vector<Place> places;
  addPlaces(kernelOf(launch), launch.args, places);
  for (const Place &place : places)
    std::memcpy(before.data() + place.offset, after.data() + place.offset, place.bytes);
  bool strays = before != after;
  before.swap(after);
  if (!strays)
    return;
  Finding finding;
  finding.kind = Finding::Kind::Strays;
  finding.entry = entry;
  finding.number = number;
  finding.launch = &launch;
  for (size_t i = 0; i < after.size(); ++i)
    if (before[i] != after[i] && finding.difference.different++ == 0)
      finding.offset = static_cast<int64_t>(i);
  finding.difference.distance = std::numeric_limits<double>::infinity();
  result.findings.push_back(finding);
}

void Verifier::compare(const std::string &entry, int64_t number, const Launch &launch) {
  bool isItself = launch.twins.size() == 1 && launch.twins.front().kernel == launch.kernel;
  ++(isItself ? result.repeated : result.compared);
  std::vector<Place> own, twins;
  addPlaces(kernelOf(launch), launch.args, own);
  for (const TwinLaunch &twin : launch.twins)
    addPlaces(kernelOf(twin), twin.args, twins);
  Finding finding;
  finding.kind = isItself ? Finding::Kind::Repeats : Finding::Kind::Differs;
  finding.entry = entry;
  finding.number = number;
  finding.launch = &launch;
  for (size_t i = 0; i < own.size(); ++i) {
    finding.result = static_cast<int64_t>(i);
    compareResult(finding, own[i], twins[i], isItself);
  }
}

template <typename Stored> std::span<const Stored> asStored(std::span<const char> bytes) {
  return {reinterpret_cast<const Stored *>(bytes.data()), bytes.size() / sizeof(Stored)};
}

// Returns whether two whole results agree, which are stored alike, and says how far they are apart. Most do,
// so that few have to be looked at element by element.
bool agreeAsStored(std::span<const char> found, std::span<const char> wanted, const KernelResult &result,
                   const Arithmetic &arithmetic, double &distance) {
  if (result.form != Form::Whole || storedElements(result.shape, result.order) != elementsOf(result.shape))
    return false;
  Difference is = isHalf(result.type)
                      ? difference(asStored<uint16_t>(found), asStored<uint16_t>(wanted), arithmetic)
                      : difference(asStored<float>(found), asStored<float>(wanted), arithmetic);
  distance = is.distance;
  return is.different == 0;
}

void Verifier::compareResult(Finding finding, const Place &own, const Place &twin, bool isItself) {
  std::span<const char> found = ofOwn.copyOut(program, own), wanted = ofTwin.copyOut(program, twin);
  bool alike = own.result->shape == twin.result->shape && own.result->order == twin.result->order;
  if (alike && std::memcmp(found.data(), wanted.data(), found.size()) == 0)
    return;
  bool exact = isItself || own.result->type == StoredType::I32; // nothing may differ
  // What derives a result says how: what a merge derives from partials is no matter of the products in them.
  Arithmetic arithmetic{
      twin.kernel->depth, twin.kernel->narrow, isHalf(own.result->type) && !exact,
      own.result->type == StoredType::F16 || program.manifest().precision == "fp16" ? Half::F16 : Half::BF16};
  if (double distance = 0;
      alike && !exact && agreeAsStored(found, wanted, *own.result, arithmetic, distance)) {
    result.furthest = std::max(result.furthest, distance);
    return;
  }
  Form form = isItself ? Form::Whole : own.result->form;
  Merged is = merge(valuesOf(found, *own.result), own.result->shape, form);
  Merged should = merge(valuesOf(wanted, *twin.result), twin.result->shape, form);
  if (exact)
    should.sizes.assign(should.sizes.size(), 0);
  finding.difference = difference(is, should, form, arithmetic);
  if (finding.difference.different == 0) {
    result.furthest = std::max(result.furthest, finding.difference.distance);
    return;
  }
  int64_t first = finding.difference.first;
  finding.coordinates = coordinatesOf(first, should.shape);
  finding.found = is.values[first];
  finding.wanted = should.values[first];
  result.findings.push_back(finding);
}

// Lists the entries that have launches, in the order in which a program runs them.
std::vector<std::string> entriesToRun(const Manifest &manifest, const VerifyOptions &options) {
  std::vector<std::string> entries;
  for (const char *name : {"prepare", "infer", "train_step"}) {
    bool wanted =
        options.entries.empty() || std::ranges::find(options.entries, name) != options.entries.end();
    if (wanted && manifest.entries.contains(name))
      entries.push_back(name);
  }
  for (const std::string &name : options.entries)
    if (std::ranges::find(entries, name) == entries.end())
      refuse("package {} has no entry {}", manifest.name, name);
  return entries;
}

bool hasTwins(const Manifest &manifest) {
  return std::ranges::any_of(manifest.entries, [](const auto &entry) {
    return std::ranges::any_of(entry.second, [](const Launch &launch) { return !launch.twins.empty(); });
  });
}

const char *nameOf(Finding::Kind kind) {
  constexpr const char *names[] = {"differs", "repeats differently", "strays"};
  return names[static_cast<size_t>(kind)];
}

std::string describe(const Difference &difference) {
  std::string distance = std::isinf(difference.distance)
                             ? "further than any rounding"
                             : fmt::format("{:.3g} times what rounding allows", difference.distance);
  return fmt::format("{} of {} elements differ, the worst {}", difference.different, difference.elements,
                     distance);
}

// Returns, for instance, "result 0 of 2, bf16 [2, 64, 8, 56, 56]".
std::string describeResult(const Kernel &kernel, const Finding &finding) {
  const KernelResult &result = kernel.results[finding.result];
  constexpr const char *types[] = {"f32", "bf16", "f16", "i32"};
  constexpr const char *forms[] = {"", ", sums in parts", ", moments in parts"};
  return fmt::format("result {} of {}, {} [{}]{}", finding.result, kernel.results.size(),
                     types[static_cast<size_t>(result.type)], fmt::join(result.shape, ", "),
                     forms[static_cast<size_t>(result.form)]);
}

// " rows=8 threads=384"
std::string describeParameters(const Kernel &kernel) {
  std::string text;
  for (const auto &[name, value] : kernel.parameters)
    text += fmt::format(" {}={}", name, value);
  return text;
}

std::string describe(const Program &program, const Finding &finding) {
  const Manifest &manifest = program.manifest();
  const Kernel &kernel = manifest.kernels.at(finding.launch->kernel);
  std::string text =
      fmt::format("{}, launch {} of {}: kernel {} ({} {}{}), layer {}: ", finding.entry, finding.number,
                  manifest.entries.at(finding.entry).size(), finding.launch->kernel, kernel.op,
                  kernel.schedule, describeParameters(kernel), finding.launch->layer);
  if (finding.kind == Finding::Kind::Strays)
    return text + fmt::format("changes {} bytes that are none of its results, the first at {} of the arena",
                              finding.difference.different, finding.offset);
  return text + fmt::format("{} {} at [{}]: {:.9g}, {} {:.9g}; {}", describeResult(kernel, finding),
                            finding.kind == Finding::Kind::Repeats ? "is not the same again" : "differs",
                            fmt::join(finding.coordinates, ", "), finding.found,
                            finding.kind == Finding::Kind::Repeats ? "before" : "by the plain lowering",
                            finding.wanted, describe(finding.difference));
}

// Writes NaN and infinity as text, since JSON has neither.
json number(double value) { return std::isfinite(value) ? json(value) : json(fmt::format("{}", value)); }

} // namespace

VerifyResult verify(Program &program, const VerifyOptions &options) {
  const Manifest &manifest = program.manifest();
  if (!hasTwins(manifest))
    fail("package {} has no twins to compare its launches with; compile it with --twins", manifest.name);
  std::vector<std::string> entries = entriesToRun(manifest, options);
  fillInputs(program);
  VerifyResult result;
  Verifier verifier(program, result);
  for (const std::string &entry : entries) {
    if (entry == "infer" && entries.front() != "prepare")
      program.run("prepare");
    verifier.run(entry);
  }
  return result;
}

std::string describe(const Program &program, const VerifyResult &result) {
  std::string text;
  for (const Finding &finding : result.findings)
    text += describe(program, finding) + "\n";
  text += fmt::format("{} launches: {} beside the plain lowering, {} repeated", result.launches,
                      result.compared, result.repeated);
  if (!result.watchesArena)
    text += ", in an arena too large to see whether they write elsewhere";
  if (result.findings.empty())
    return text +
           fmt::format("; all agree, the furthest to {:.2f} of what rounding allows\n", result.furthest);
  return text + fmt::format("; {} of their results are wrong\n", result.findings.size());
}

json toJson(const Program &program, const VerifyResult &result) {
  json document = {{"launches", result.launches}, {"compared", result.compared},
                   {"repeated", result.repeated}, {"watches_arena", result.watchesArena},
                   {"furthest", result.furthest}, {"findings", json::array()}};
  for (const Finding &finding : result.findings) {
    const Kernel &kernel = program.manifest().kernels.at(finding.launch->kernel);
    document["findings"].push_back({{"kind", nameOf(finding.kind)},
                                    {"entry", finding.entry},
                                    {"launch", finding.number},
                                    {"kernel", finding.launch->kernel},
                                    {"op", kernel.op},
                                    {"schedule", kernel.schedule},
                                    {"layer", finding.launch->layer},
                                    {"result", finding.result},
                                    {"coordinates", finding.coordinates},
                                    {"found", number(finding.found)},
                                    {"wanted", number(finding.wanted)},
                                    {"distance", number(finding.difference.distance)},
                                    {"different", finding.difference.different},
                                    {"elements", finding.difference.elements},
                                    {"text", describe(program, finding)}});
  }
  return document;
}

} // namespace kinema
