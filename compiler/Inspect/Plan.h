// Computes what `kinema inspect` tells about memory and launches, from a module in phase `planned`.
#ifndef KINEMA_COMPILER_INSPECT_PLAN_H
#define KINEMA_COMPILER_INSPECT_PLAN_H

#include "dialects/Kernel/Kernel.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/SymbolTable.h"

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

namespace kinema::inspect {

struct LaunchSummary {
  std::string layer, op, schedule;
  int64_t blocks, reads, writes, macs; // bytes, multiply-adds
};

struct PlanSummary {
  int64_t arena = 0;      // bytes
  int64_t parameters = 0; // bytes of parameters, momentum and folded weights
  int64_t activations = 0;
  int64_t separateActivations = 0; // bytes if no two buffers shared memory
  int64_t kernels = 0;             // different ones
  std::vector<std::pair<std::string, std::vector<LaunchSummary>>> entries;
};

PlanSummary summarise(mlir::ModuleOp planned);
/// Summarises a launch of a module in phase `planned`, whose symbols are given.
LaunchSummary summarise(kernel::LaunchOp launch, mlir::SymbolTable &symbols);

std::string toText(const PlanSummary &training, const PlanSummary &inference, int64_t batch);
/// Returns the launches of the training step, in order.
std::string launchTable(const PlanSummary &training);
/// Returns {train_bytes, infer_bytes, train: {parameters, activations, activations_unshared}, infer: {...}}.
nlohmann::json memoryJson(const PlanSummary &training, const PlanSummary &inference);
/// Returns {train: [{layer, op, schedule, blocks, reads, writes, macs}], infer: [...]}.
nlohmann::json launchesJson(const PlanSummary &training, const PlanSummary &inference);

} // namespace kinema::inspect

#endif
