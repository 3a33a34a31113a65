#include "compiler/Inspect/Plan.h"

#include "dialects/Kernel/Kernel.h"

#include <fmt/format.h>

using namespace mlir;
using namespace kinema;
using namespace kinema::inspect;
using nlohmann::json;

LaunchSummary kinema::inspect::summarise(kernel::LaunchOp launch, SymbolTable &symbols) {
  Operation *kernel = symbols.lookup<kernel::DefOp>(launch.getKernel()).getKernel();
  auto schedule = kernel::scheduleOf(kernel);
  return {launch.getLayer().str(),    kernel->getName().stripDialect().str(),
          schedule.getName().str(),   schedule.getGrid(),
          int64_t(launch.getReads()), int64_t(launch.getWrites()),
          int64_t(launch.getMacs())};
}

PlanSummary kinema::inspect::summarise(ModuleOp planned) {
  PlanSummary summary;
  kernel::ArenaOp arena = *kernel::ArenaOp::of(planned); // plan-memory has made the arena
  summary.arena = arena.getBytes();
  summary.activations = arena.getActivations();
  summary.separateActivations = arena.getSeparateActivations();
  summary.parameters = arena.segment(kernel::SegmentKind::Parameters).getBytes();
  summary.kernels = llvm::range_size(planned.getOps<kernel::DefOp>());
  SymbolTable symbols(planned);
  for (auto entry : planned.getOps<kernel::EntryOp>()) {
    auto &launches =
        summary.entries.emplace_back(entry.getSymName().str(), std::vector<LaunchSummary>()).second;
    for (auto launch : entry.getOps<kernel::LaunchOp>())
      launches.push_back(summarise(launch, symbols));
  }
  return summary;
}

static const std::vector<LaunchSummary> &launchesOf(const PlanSummary &plan, StringRef entry) {
  static const std::vector<LaunchSummary> none;
  for (auto &[name, launches] : plan.entries)
    if (name == entry)
      return launches;
  return none;
}

static std::string bytes(int64_t n) {
  return n >= 1000000000 ? fmt::format("{:.2f} GB", n / 1e9) : fmt::format("{:.1f} MB", n / 1e6);
}

static std::string line(const char *name, const PlanSummary &plan, StringRef entry) {
  const auto &launches = launchesOf(plan, entry);
  int64_t reads = 0, writes = 0;
  for (const LaunchSummary &launch : launches) {
    reads += launch.reads;
    writes += launch.writes;
  }
  double share = plan.separateActivations ? double(plan.activations) / plan.separateActivations : 1;
  return fmt::format(
      "{}: arena {} (parameters {}, activations {}: {:.0f}% of {} unshared); {} launches of {} kernels, "
      "{} read, {} written\n",
      name, bytes(plan.arena), bytes(plan.parameters), bytes(plan.activations), 100 * share,
      bytes(plan.separateActivations), launches.size(), plan.kernels, bytes(reads), bytes(writes));
}

std::string kinema::inspect::toText(const PlanSummary &training, const PlanSummary &inference,
                                    int64_t batch) {
  return fmt::format("batch {}\n", batch) + line("training", training, "train_step") +
         line("inference", inference, "infer");
}

std::string kinema::inspect::launchTable(const PlanSummary &training) {
  std::string text = fmt::format("{:<34} {:<13} {:<16} {:>7} {:>10} {:>10} {:>10}\n", "layer", "kernel",
                                 "schedule", "blocks", "read", "written", "MMAC");
  for (const LaunchSummary &launch : launchesOf(training, "train_step"))
    text += fmt::format("{:<34} {:<13} {:<16} {:>7} {:>10} {:>10} {:>10.1f}\n", launch.layer, launch.op,
                        launch.schedule, launch.blocks, bytes(launch.reads), bytes(launch.writes),
                        launch.macs / 1e6);
  return text;
}

json kinema::inspect::memoryJson(const PlanSummary &training, const PlanSummary &inference) {
  auto parts = [](const PlanSummary &plan) {
    return json{{"parameters", plan.parameters},
                {"activations", plan.activations},
                {"activations_unshared", plan.separateActivations}};
  };
  return {{"train_bytes", training.arena},
          {"infer_bytes", inference.arena},
          {"train", parts(training)},
          {"infer", parts(inference)}};
}

json kinema::inspect::launchesJson(const PlanSummary &training, const PlanSummary &inference) {
  auto list = [](const PlanSummary &plan, StringRef entry) {
    json launches = json::array();
    for (const LaunchSummary &l : launchesOf(plan, entry))
      launches.push_back({{"layer", l.layer},
                          {"op", l.op},
                          {"schedule", l.schedule},
                          {"blocks", l.blocks},
                          {"reads", l.reads},
                          {"writes", l.writes},
                          {"macs", l.macs}});
    return launches;
  };
  return {{"train", list(training, "train_step")}, {"infer", list(inference, "infer")}};
}
