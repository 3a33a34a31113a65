#include "compiler/Target/NVGPU/Measurements.h"

#include "dialects/Kernel/Signature.h"

#include "llvm/Support/MemoryBuffer.h"
#include <nlohmann/json.hpp>

using namespace mlir;
using namespace kinema;
using namespace kinema::nvidia;
using json = nlohmann::json;

static constexpr char builtInText[] = {
#include "compiler/Target/NVGPU/sm_90a.json.inc"
    , '\0'};

static llvm::Error wrong(const llvm::Twine &what) {
  return llvm::createStringError(what + "; bench/tune writes such files");
}

llvm::Expected<Measurements> Measurements::parse(StringRef text) {
  auto document = json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
  if (!document.is_object())
    return wrong("no JSON object of measured schedules");
  Measurements measurements;
  for (const auto &[signature, value] : document.items()) {
    if (!value.is_object() || !value.contains("schedule") || !value["schedule"].is_string() ||
        !value.contains("parameters") || !value["parameters"].is_object())
      return wrong("no \"schedule\" and \"parameters\" in the entry of " + signature);
    Entry entry{value["schedule"], {}};
    for (const auto &[name, number] : value["parameters"].items()) {
      if (!number.is_number_integer())
        return wrong("the parameter " + name + " is no integer in the entry of " + signature);
      entry.parameters[name] = number;
    }
    measurements.entries[signature] = std::move(entry);
  }
  return measurements;
}

llvm::Expected<Measurements> Measurements::read(StringRef path) {
  auto buffer = llvm::MemoryBuffer::getFile(path);
  if (!buffer)
    return llvm::createStringError(path + ": " + buffer.getError().message());
  auto measurements = parse((*buffer)->getBuffer());
  if (!measurements)
    return llvm::createStringError(path + ": " + llvm::toString(measurements.takeError()));
  return measurements;
}

const Measurements &Measurements::builtIn() {
  static const Measurements measurements = llvm::cantFail(parse(builtInText));
  return measurements;
}

const Candidate &Measurements::choose(Operation *kernel, ArrayRef<Candidate> candidates) const {
  if (entries.empty() || candidates.size() == 1)
    return candidates.front();
  auto found = entries.find(kernel::signatureOf(kernel));
  if (found == entries.end())
    return candidates.front();
  const Entry &entry = found->second;
  auto is = [&](const Candidate &candidate) {
    DictionaryAttr parameters = candidate.schedule.getParameters();
    return candidate.schedule.getName() == entry.schedule && parameters.size() == entry.parameters.size() &&
           llvm::all_of(entry.parameters, [&](const auto &parameter) {
             auto value = parameters.getAs<IntegerAttr>(parameter.first);
             return value && value.getInt() == parameter.second;
           });
  };
  const Candidate *measured = llvm::find_if(candidates, is);
  return measured == candidates.end() ? candidates.front() : *measured;
}
