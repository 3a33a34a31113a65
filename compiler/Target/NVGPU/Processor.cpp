#include "compiler/Target/NVGPU/Processor.h"

#include "dialects/Kernel/Kernel.h"

using namespace kinema;

const nvidia::Processor *nvidia::processorNamed(llvm::StringRef name) {
  for (const Processor &processor : processors)
    if (processor.name == name)
      return &processor;
  return nullptr;
}

const nvidia::Processor *nvidia::processorOf(mlir::Operation *at) {
  auto target = kernel::TargetAttr::of(at);
  const Processor *found =
      target && target.getKind() == kernel::TargetKind::CUDA ? processorNamed(target.getName()) : nullptr;
  if (!found)
    kernel::emitTargetError(at, target, llvm::map_to_vector(processors, [](const Processor &processor) {
                              return processor.name;
                            }));
  return found;
}

nvidia::TensorCores nvidia::tensorCoresOf(mlir::Operation *at) {
  const Processor *processor = processorOf(at);
  return processor ? processor->tensorCores : TensorCores::None;
}
