#include "compiler/Inspect/Schedules.h"

#include "compiler/Target/Common/Measurements.h"
#include "dialects/Kernel/Attributes.h"

#include <fmt/format.h>

using namespace mlir;
using namespace kinema;
using namespace kinema::inspect;
using nlohmann::json;

ScheduledLaunch kinema::inspect::describe(kernel::LaunchOp launch, SymbolTable &symbols,
                                          const Target &target) {
  Operation *op = symbols.lookup<kernel::DefOp>(launch.getKernel()).getKernel();
  auto schedule = kernel::scheduleOf(op);
  ScheduledLaunch described;
  described.layer = launch.getLayer().str();
  described.op = op->getName().stripDialect().str();
  described.schedule = schedule.getName().str();
  if (auto note = op->getAttrOfType<StringAttr>(kernel::noteAttribute))
    described.note = note.str();
  described.blocks = schedule.getGrid();
  described.shared = schedule.getScratch();
  described.parameters = schedule.getNumbers();
  described.measured = measuredSeconds(op);
  if (auto estimate = target.estimate(launch, op)) {
    described.predicted = estimate->predicted;
    described.floor = estimate->floor;
    described.limit = estimate->limit.str();
  }
  return described;
}

std::vector<ScheduledLaunch> kinema::inspect::scheduledLaunches(ModuleOp planned, StringRef name,
                                                                const Target &target) {
  std::vector<ScheduledLaunch> launches;
  SymbolTable symbols(planned);
  for (auto entry : planned.getOps<kernel::EntryOp>())
    if (entry.getSymName() == name)
      for (auto launch : entry.getOps<kernel::LaunchOp>())
        launches.push_back(describe(launch, symbols, target));
  return launches;
}

std::string kinema::inspect::parametersText(const std::map<std::string, int64_t> &parameters) {
  std::string text;
  for (const auto &[name, value] : parameters)
    if (name != kernel::ScheduleAttr::partialsName && name != kernel::ScheduleAttr::threadsName)
      text += fmt::format("{}{}={}", text.empty() ? "" : " ", name, value);
  return text;
}

/// Returns "channels=144 depth=64 (note)".
static std::string detailsOf(const ScheduledLaunch &launch) {
  std::string text = parametersText(launch.parameters);
  if (!launch.note.empty())
    text += fmt::format("{}({})", text.empty() ? "" : " ", launch.note);
  return text;
}

std::string kinema::inspect::scheduleTable(StringRef entry, const std::vector<ScheduledLaunch> &launches) {
  std::string text = fmt::format("{:<34} {:<13} {:<16} {:>7} {:>8} {:>11} {:>11} {:>9} {:>7}   {:<9} {}\n",
                                 entry.str(), "kernel", "schedule", "blocks", "shared", "measured",
                                 "predicted", "floor", "ratio", "limit", "parameters");
  double predicted = 0, floor = 0;
  size_t slow = 0;
  for (const ScheduledLaunch &l : launches) {
    text += fmt::format("{:<34} {:<13} {:<16} {:>7} {:>8} ", l.layer, l.op, l.schedule, l.blocks, l.shared);
    text += l.measured ? fmt::format("{:>8.1f} us ", *l.measured * 1e6) : fmt::format("{:>11} ", "-");
    if (!l.predicted) {
      text += fmt::format("{:>11} {:>9} {:>7}   {:<9} {}\n", "-", "-", "-", "-", detailsOf(l));
      continue;
    }
    predicted += *l.predicted;
    text += fmt::format("{:>8.1f} us ", *l.predicted * 1e6);
    if (!l.floor) {
      text += fmt::format("{:>9} {:>7}   {:<9} {}\n", "-", "-", "-", detailsOf(l));
      continue;
    }
    bool improve = l.ratio() > ScheduledLaunch::acceptable;
    text += fmt::format("{:>6.1f} us {:>7.1f} {} {:<9} {}\n", *l.floor * 1e6, l.ratio(), improve ? "*" : " ",
                        l.limit.empty() ? "-" : l.limit, detailsOf(l));
    floor += *l.floor;
    slow += improve;
  }
  if (predicted > 0)
    text += fmt::format("{}: {:.2f} ms predicted", entry.str(), predicted * 1e3);
  if (floor > 0)
    text += fmt::format(", at least {:.2f} ms; {} of {} launches take more than {} times the least (*)",
                        floor * 1e3, slow, launches.size(), ScheduledLaunch::acceptable);
  if (predicted > 0)
    text += "\n";
  return text;
}

json kinema::inspect::schedulesJson(const std::vector<ScheduledLaunch> &launches) {
  json list = json::array();
  for (const ScheduledLaunch &l : launches) {
    json entry = {{"layer", l.layer},   {"op", l.op},         {"schedule", l.schedule},
                  {"blocks", l.blocks}, {"shared", l.shared}, {"parameters", l.parameters}};
    if (!l.note.empty())
      entry["note"] = l.note;
    if (l.predicted)
      entry["predicted_us"] = *l.predicted * 1e6;
    if (l.floor) {
      entry["floor_us"] = *l.floor * 1e6;
      entry["ratio"] = l.ratio();
      entry["improve"] = l.ratio() > ScheduledLaunch::acceptable;
    }
    if (!l.limit.empty())
      entry["limit"] = l.limit;
    if (l.measured)
      entry["measured_us"] = *l.measured * 1e6;
    list.push_back(std::move(entry));
  }
  return list;
}
