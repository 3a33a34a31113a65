// Writes an exploration for the page that shows it.
#include "compiler/Inspect/Exploration.h"

using namespace kinema;
using namespace kinema::inspect;
using nlohmann::json;

static json numberOrNull(std::optional<size_t> number) { return number ? json(*number) : json(); }

static json operationJson(const ExploredOperation &op) {
  json entry = {{"function", op.function}, {"op", op.op}, {"layer", numberOrNull(op.layer)}};
  if (op.place.known())
    entry["place"] = {op.place.file, op.place.line};
  if (!op.from.empty())
    entry["from"] = op.from;
  if (op.part != StepPart::Forward)
    entry["part"] = nameOf(op.part).str();
  return entry;
}

static json kernelJson(const ExploredKernel &kernel) {
  json entry = {
      {"function", kernel.function}, {"op", kernel.op}, {"from", kernel.from}, {"lines", json::object()}};
  for (const auto &[line, numbers] : kernel.lines)
    if (!numbers.empty())
      entry["lines"][std::to_string(line)] = numbers;
  if (kernel.carrier)
    entry["carrier"] = *kernel.carrier;
  return entry;
}

static json launchJson(const ExploredLaunch &launch) {
  json entry = schedulesJson({launch.schedule}).front();
  entry.update({{"kernel", launch.kernel},
                {"threads", launch.threads},
                {"products", launch.products},
                {"reads", launch.work.reads},
                {"writes", launch.work.writes},
                {"macs", launch.work.macs},
                {"layer_number", numberOrNull(launch.layer)},
                {"part", nameOf(launch.part).str()},
                {"kernels", launch.kernels}});
  return entry;
}

static json livesJson(const std::vector<Life> &lives) {
  json list = json::array();
  for (const Life &life : lives) {
    json entry = {{"offset", life.offset},
                  {"bytes", life.bytes},
                  {"type", life.type},
                  {"maker", life.maker},
                  {"readers", life.readers}};
    if (!life.output.empty())
      entry["output"] = life.output;
    list.push_back(std::move(entry));
  }
  return list;
}

static json buffersJson(const std::vector<BufferUse> &buffers) {
  json list = json::array();
  for (const BufferUse &buffer : buffers)
    list.push_back({{"name", buffer.name},
                    {"role", stringifyBufferRole(buffer.role).str()},
                    {"offset", buffer.offset},
                    {"bytes", buffer.bytes},
                    {"readers", buffer.readers},
                    {"writers", buffer.writers}});
  return list;
}

static json entryJson(const ExploredEntry &entry) {
  json launches = json::array();
  for (const ExploredLaunch &launch : entry.launches)
    launches.push_back(launchJson(launch));
  return {{"name", entry.name},
          {"launches", launches},
          {"lives", livesJson(entry.lives.lives)},
          {"buffers", buffersJson(entry.lives.buffers)},
          {"live_bytes", entry.lives.live}};
}

json kinema::inspect::factsJson(const Exploration &exploration) {
  json network = toJson(exploration.table);
  json layers = std::move(network["layers"]);
  network.erase("layers");
  json object = {{"network", network},
                 {"layers", layers},
                 {"target", exploration.target},
                 {"precision", exploration.precision},
                 {"acceptable", ScheduledLaunch::acceptable},
                 {"peaks", nullptr},
                 {"clip", json::array()},
                 {"step", json::array()},
                 {"kernels", json::array()},
                 {"entries", json::array()},
                 {"codes", exploration.madeOf},
                 {"arena",
                  {{"bytes", exploration.plan.arena},
                   {"activations", exploration.plan.activations},
                   {"activations_unshared", exploration.plan.separateActivations},
                   {"segments", json::array()}}}};
  if (exploration.peaks)
    object["peaks"] = {{"macs", exploration.peaks->macs}, {"bytes", exploration.peaks->bytes}};
  for (const ExploredOperation &op : exploration.clip)
    object["clip"].push_back(operationJson(op));
  for (const ExploredOperation &op : exploration.step)
    object["step"].push_back(operationJson(op));
  for (const ExploredKernel &kernel : exploration.kernels)
    object["kernels"].push_back(kernelJson(kernel));
  for (const ExploredEntry &entry : exploration.entries)
    object["entries"].push_back(entryJson(entry));
  for (const ExploredSegment &segment : exploration.segments)
    object["arena"]["segments"].push_back(
        {{"kind", segment.kind}, {"offset", segment.offset}, {"bytes", segment.bytes}});
  return object;
}

json kinema::inspect::codeJson(const std::map<std::string, ExploredCode> &code) {
  json forms = json::object();
  for (const auto &[form, shown] : code) {
    json lines = json::array();
    const std::vector<int64_t> none, *last = &none;
    for (const auto &[line, numbers] : shown.lines)
      if (numbers != *last) {
        lines.push_back({line, numbers});
        last = &numbers;
      }
    forms[form] = {{"text", shown.text}, {"lines", lines}};
  }
  return forms;
}

json kinema::inspect::textsJson(const Exploration &exploration, llvm::StringRef phase) {
  json texts = json::array();
  if (phase == "fused")
    for (const ExploredKernel &kernel : exploration.kernels)
      texts.push_back(kernel.text);
  else
    for (const ExploredOperation &op : phase == "clip" ? exploration.clip : exploration.step)
      texts.push_back(op.text);
  return texts;
}
