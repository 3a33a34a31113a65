#include "compiler/Inspect/Kernels.h"

#include "dialects/Kernel/Kernel.h"

#include <fmt/format.h>

using namespace mlir;
using namespace kinema;
using namespace kinema::inspect;
using nlohmann::json;

static KernelSummary summarise(kernel::DefOp def, const Target &target, const CodeReport &report) {
  Operation *op = def.getKernel();
  auto schedule = kernel::scheduleOf(op);
  KernelSummary kernel;
  kernel.name = def.getSymName().str();
  kernel.op = op->getName().stripDialect().str();
  kernel.schedule = schedule.getName().str();
  kernel.reference = schedule.getName() == target.machine().reference;
  for (auto layer : def.getLayers().getAsRange<StringAttr>())
    kernel.layers.push_back(layer.str());
  kernel.grid = schedule.getGrid();
  kernel.threads = schedule.getThreads().value_or(1);
  kernel.dynamicShared = schedule.getScratch();
  if (auto found = report.kernels.find(kernel.name); found != report.kernels.end())
    kernel.resources = found->second;
  return kernel;
}

std::vector<KernelSummary> kinema::inspect::summariseKernels(ModuleOp planned, const Target &target,
                                                             const CodeReport &report) {
  std::vector<KernelSummary> kernels;
  for (auto def : planned.getOps<kernel::DefOp>())
    kernels.push_back(::summarise(def, target, report));
  return kernels;
}

std::string kinema::inspect::kernelTable(const std::vector<KernelSummary> &kernels) {
  std::string text =
      fmt::format("{:<6} {:<13} {:<16} {:>7} {:>8} {:>8} {:>10} {:>7} {:>10}  {}\n", "kernel", "operation",
                  "schedule", "blocks", "threads", "shared", "registers", "spills", "occupancy", "layers");
  for (const KernelSummary &k : kernels) {
    std::string layers = k.layers.empty() ? "" : k.layers.front();
    if (k.layers.size() > 1)
      layers += fmt::format(" and {} more", k.layers.size() - 1);
    int64_t shared = k.dynamicShared + (k.resources ? k.resources->sharedBytes : 0);
    text += fmt::format("{:<6} {:<13} {:<16} {:>7} {:>8} {:>8} ", k.name, k.op, k.schedule, k.grid, k.threads,
                        shared);
    text += k.resources ? fmt::format("{:>10} {:>7} {:>9.0f}%", k.resources->registers,
                                      k.resources->spillBytes, 100 * k.resources->occupancy)
                        : fmt::format("{:>10} {:>7} {:>10}", "-", "-", "-");
    text += fmt::format("  {}\n", layers);
  }
  return text;
}

json kinema::inspect::kernelsJson(const std::vector<KernelSummary> &kernels) {
  json list = json::array();
  for (const KernelSummary &k : kernels) {
    json entry = {
        {"kernel", k.name},       {"op", k.op},
        {"schedule", k.schedule}, {"reference", k.reference},
        {"layers", k.layers},     {"blocks", k.grid},
        {"threads", k.threads},   {"shared", k.dynamicShared + (k.resources ? k.resources->sharedBytes : 0)}};
    if (k.resources) {
      entry["registers"] = k.resources->registers;
      entry["spills"] = k.resources->spillBytes;
      entry["stack"] = k.resources->stackBytes;
      entry["occupancy"] = k.resources->occupancy;
    }
    list.push_back(std::move(entry));
  }
  return list;
}
