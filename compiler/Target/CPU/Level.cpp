#include "compiler/Target/CPU/Level.h"

#include "dialects/Kernel/Kernel.h"

using namespace kinema;

const cpu::Level *cpu::levelOf(mlir::Operation *at) {
  auto target = kernel::TargetAttr::of(at);
  if (target && target.getKind() == kernel::TargetKind::CPU)
    for (const Level &level : levels)
      if (level.name == target.getName())
        return &level;
  kernel::emitTargetError(at, target,
                          llvm::map_to_vector(levels, [](const Level &level) { return level.name; }));
  return nullptr;
}
