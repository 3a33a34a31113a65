#include "compiler/Pipelines/Targets.h"

#include "compiler/Target/CPU/Target.h"
#include "compiler/Target/NVGPU/Target.h"
#include "dialects/Kernel/Attributes.h"

using namespace mlir;
using namespace kinema;

ArrayRef<const Target *> kinema::targets() {
  static const auto all = [] {
    SmallVector<const Target *> list(cpu::targets());
    llvm::append_range(list, nvidia::targets());
    return list;
  }();
  return all;
}

const Target *kinema::targetNamed(StringRef name) {
  for (const Target *target : targets())
    if (target->name == name)
      return target;
  return nullptr;
}

FailureOr<const Target *> kinema::targetOf(ModuleOp module) {
  auto attribute = module->getAttrOfType<kernel::TargetAttr>(kernel::targetAttribute);
  if (!attribute)
    return module.emitError("the module does not say which target its layouts and schedules were chosen for: "
                            "it needs the attribute ")
           << kernel::targetAttribute << ", which --emit fused and the phases behind it write";
  const Target *target = targetNamed(attribute.getName());
  if (target && target->kind == attribute.getKind())
    return target;
  auto error = module.emitError("the module's ")
               << kernel::targetAttribute << " is " << attribute << ", which is no target; there are ";
  llvm::interleaveComma(targets(), error,
                        [&](const Target *target) { error << target->attribute(module.getContext()); });
  return error;
}
