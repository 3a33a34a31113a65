// Pass assign-cpu-schedules.
#include "compiler/Target/CPU/ConvTile.h"
#include "compiler/Target/CPU/Machine.h"
#include "compiler/Target/CPU/Passes.h"
#include "compiler/Target/CPU/WeightGradTile.h"
#include "compiler/Target/CPU/Winograd.h"
#include "compiler/Target/Common/Reference.h"

#include "llvm/ADT/TypeSwitch.h"

namespace kinema {
#define GEN_PASS_DEF_ASSIGNCPUSCHEDULES
#include "compiler/Target/CPU/Passes.h.inc"
} // namespace kinema

using namespace mlir;
using namespace kinema;

namespace {

/// The tiles are written for f32 alone.
bool isF32(Operation *op) {
  auto types =
      llvm::concat<Type>(llvm::to_vector(op->getOperandTypes()), llvm::to_vector(op->getResultTypes()));
  return llvm::all_of(types, [](Type type) { return cast<RankedTensorType>(type).getElementType().isF32(); });
}

struct AssignCPUSchedules : kinema::impl::AssignCPUSchedulesBase<AssignCPUSchedules> {
  using AssignCPUSchedulesBase::AssignCPUSchedulesBase;

  void runOnOperation() override {
    getOperation().walk([&](Operation *op) {
      if (isa<kernel::KernelDialect>(op->getDialect()) && op->getNumResults() > 0)
        assign(op);
    });
  }

  std::optional<kernel::ScheduleAttr> tile(Operation *op) {
    if (reference || !isF32(op))
      return std::nullopt;
    bool winograd = cpu::allowsWinograd(getOperation());
    return TypeSwitch<Operation *, std::optional<kernel::ScheduleAttr>>(op)
        .Case([](kernel::ConvOp conv) { return cpu::scheduleConvTile(conv); })
        .Case([&](kernel::WeightGradOp wgrad) { return cpu::scheduleWeightGradTile(wgrad, winograd); })
        .Case([](kernel::WinogradOp winograd) { return cpu::winogradWeightSchedule(winograd); })
        .Default([](Operation *) { return std::nullopt; });
  }

  void assign(Operation *op) {
    auto schedule = tile(op);
    ++(schedule ? tiled : plain);
    if (!schedule)
      schedule = scheduleReference(op, cpu::machine);
    op->setAttr("schedule", *schedule);
    fixPartials(op, *schedule);
  }
};

} // namespace
