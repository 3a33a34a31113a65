#include "compiler/Support/MeasuredSchedules.h"

#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"

using namespace kinema;
using llvm::StringRef;
using llvm::Twine;
namespace json = llvm::json;

static constexpr int64_t version = 1; // of the file format

namespace {
/// Reads fields of an object. The first field that is missing or has another type becomes the error.
class Fields {
public:
  Fields(const json::Value &value, std::string origin) : object(value.getAsObject()), origin(origin) {
    if (!object)
      fault("expected an object");
  }

  std::string text(StringRef name) { return get(name, "text", &json::Object::getString).value_or("").str(); }
  double number(StringRef name) { return get(name, "a number", &json::Object::getNumber).value_or(0); }
  bool has(StringRef name) const { return object && object->get(name); }
  int64_t integer(StringRef name) { return get(name, "an integer", &json::Object::getInteger).value_or(0); }
  const json::Value *value(StringRef name) {
    const json::Value *found = object ? object->get(name) : nullptr;
    if (!found)
      fault("there is no \"" + name + "\"");
    return found;
  }
  void fault(const Twine &what) {
    if (wrong.empty())
      wrong = (origin + ": " + what + "; `kinema tune` writes such files").str();
  }

  const json::Object *object;
  std::string origin, wrong;

private:
  template <typename Value>
  std::optional<Value> get(StringRef name, StringRef kind,
                           std::optional<Value> (json::Object::*read)(StringRef) const) {
    auto found = object ? (object->*read)(name) : std::nullopt;
    if (!found)
      fault("there is no \"" + name + "\", which is " + kind);
    return found;
  }
};
} // namespace

static llvm::Error errorOf(const Fields &fields) { return llvm::createStringError(fields.wrong); }

static llvm::Expected<MeasuredSchedule> parseEntry(const json::Value &value, const std::string &origin) {
  Fields fields(value, origin);
  MeasuredSchedule entry{fields.text("schedule"), {}};
  if (fields.has("pinned_grid")) {
    entry.pinnedGrid = fields.integer("pinned_grid");
    if (*entry.pinnedGrid < 1)
      fields.fault("\"pinned_grid\" is " + Twine(*entry.pinnedGrid) + ", expected at least 1");
  } else {
    entry = {
        entry.schedule, {}, fields.number("seconds"), fields.number("model_seconds"), fields.text("machine")};
  }
  const json::Value *found = fields.value("parameters");
  const json::Object *parameters = found ? found->getAsObject() : nullptr;
  if (!parameters)
    fields.fault("\"parameters\" is no object");
  else
    for (const auto &[name, number] : *parameters) {
      auto integer = number.getAsInteger();
      if (!integer)
        fields.fault("the parameter " + StringRef(name) + " is no integer");
      entry.parameters[name.str()] = integer.value_or(0);
    }
  if (!fields.wrong.empty())
    return errorOf(fields);
  return entry;
}

llvm::Expected<MeasuredSchedules> MeasuredSchedules::parse(StringRef text, StringRef origin) {
  auto document = json::parse(text);
  if (!document)
    return llvm::createStringError(origin + ": no JSON: " + llvm::toString(document.takeError()) +
                                   "; `kinema tune` writes such files");
  Fields fields(*document, origin.str());
  if (int64_t given = fields.integer("version"); fields.wrong.empty() && given != version)
    fields.fault("its version is " + Twine(given) + ", expected " + Twine(version));
  MeasuredSchedules measured(fields.text("target"));
  const json::Value *found = fields.value("kernels");
  const json::Object *kernels = found ? found->getAsObject() : nullptr;
  if (!kernels)
    fields.fault("\"kernels\" is no object");
  if (!fields.wrong.empty())
    return errorOf(fields);
  for (const auto &[signature, value] : *kernels) {
    auto entry = parseEntry(value, (origin + ": in the entry of " + StringRef(signature)).str());
    if (!entry)
      return entry.takeError();
    measured.keep(signature.str(), std::move(*entry));
  }
  return measured;
}

llvm::Expected<MeasuredSchedules> MeasuredSchedules::read(StringRef path) {
  auto buffer = llvm::MemoryBuffer::getFile(path);
  if (!buffer)
    return llvm::createStringError(path + ": " + buffer.getError().message());
  return parse((*buffer)->getBuffer(), path);
}

llvm::Error MeasuredSchedules::checkTarget(StringRef wanted, StringRef origin) const {
  if (target == wanted)
    return llvm::Error::success();
  return llvm::createStringError(origin + ": was measured for " + target + ", not for " + wanted +
                                 "; `kinema tune --target " + wanted + "` measures for that");
}

std::string MeasuredSchedules::text() const {
  json::Object kernels;
  for (const auto &[signature, entry] : entries) {
    json::Object parameters;
    for (const auto &[name, value] : entry.parameters)
      parameters[name] = value;
    json::Object kernel{{"schedule", entry.schedule}, {"parameters", std::move(parameters)}};
    if (entry.pinnedGrid) {
      kernel["pinned_grid"] = *entry.pinnedGrid;
    } else {
      kernel["seconds"] = entry.seconds;
      kernel["model_seconds"] = entry.modelSeconds;
      kernel["machine"] = entry.machine;
    }
    kernels[signature] = std::move(kernel);
  }
  json::Value document =
      json::Object{{"version", version}, {"target", target}, {"kernels", std::move(kernels)}};
  return llvm::formatv("{0:1}\n", document).str();
}

const MeasuredSchedule *MeasuredSchedules::find(StringRef signature) const {
  auto found = entries.find(signature);
  return found == entries.end() ? nullptr : &found->second;
}
