// Pass assign-cpu-storage.
#include "compiler/Target/CPU/ConvTile.h"
#include "compiler/Target/CPU/GroupConvTile.h"
#include "compiler/Target/CPU/Level.h"
#include "compiler/Target/CPU/Passes.h"
#include "compiler/Target/Common/AssignStorage.h"
#include "compiler/Target/Common/Layouts.h"

namespace kinema {
#define GEN_PASS_DEF_ASSIGNCPUSTORAGE
#include "compiler/Target/CPU/Passes.h.inc"
} // namespace kinema

using namespace mlir;
using namespace kinema;

namespace {

struct AssignCPUStorage : kinema::impl::AssignCPUStorageBase<AssignCPUStorage> {
  using AssignCPUStorageBase::AssignCPUStorageBase;

  void runOnOperation() override {
    const cpu::Level *level = cpu::levelOf(getOperation());
    if (!level)
      return signalPassFailure();
    const Machine &machine = level->machine;
    StorageRules rules;
    rules.block = machine.vector;
    rules.precision = bfloat16 ? kernel::Precision::BF16 : kernel::Precision::FP32;
    rules.parameter = [&](const WeightUse &use) {
      return blockedParameter(&getContext(), use, machine.vector);
    };
    rules.weight = [&](kernel::ConvOp op) -> WeightForm {
      return reference            ? referenceWeight(op, machine.vector)
             : op.getGroups() > 1 ? cpu::groupConvTileWeight(op, machine)
                                  : cpu::convTileWeight(op, machine);
    };
    converted += assignStorage(getOperation(), rules);
  }
};

} // namespace
