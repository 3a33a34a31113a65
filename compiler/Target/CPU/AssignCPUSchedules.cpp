// Pass assign-cpu-schedules.
#include "compiler/Target/CPU/ConvTile.h"
#include "compiler/Target/CPU/Passes.h"
#include "compiler/Target/CPU/Reference.h"
#include "compiler/Target/CPU/WeightGradTile.h"

#include "llvm/ADT/TypeSwitch.h"

namespace kinema {
#define GEN_PASS_DEF_ASSIGNCPUSCHEDULES
#include "compiler/Target/CPU/Passes.h.inc"
} // namespace kinema

using namespace mlir;
using namespace kinema;

namespace {

/// The leading `?` of partials becomes the number of blocks that leave one.
void fixPartials(Operation *op, kernel::ScheduleAttr schedule) {
  for (Value result : op->getResults()) {
    auto type = cast<RankedTensorType>(result.getType());
    if (type.hasStaticShape())
      continue;
    SmallVector<int64_t> shape(type.getShape());
    shape.front() =
        schedule.getParameters().contains("partials") ? schedule.getInt("partials") : schedule.getGrid();
    result.setType(RankedTensorType::get(shape, type.getElementType(), type.getEncoding()));
  }
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
    if (reference)
      return std::nullopt;
    return TypeSwitch<Operation *, std::optional<kernel::ScheduleAttr>>(op)
        .Case([](kernel::ConvOp conv) { return cpu::scheduleConvTile(conv); })
        .Case([](kernel::WeightGradOp wgrad) { return cpu::scheduleWeightGradTile(wgrad); })
        .Default([](Operation *) { return std::nullopt; });
  }

  void assign(Operation *op) {
    auto schedule = tile(op);
    ++(schedule ? tiled : plain);
    if (!schedule)
      schedule = cpu::scheduleReference(op);
    op->setAttr("schedule", *schedule);
    fixPartials(op, *schedule);
  }
};

} // namespace
