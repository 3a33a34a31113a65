#include "compiler/Target/CPU/Level.h"

#include "mlir/IR/Diagnostics.h"

using namespace kinema;

const cpu::Level *cpu::levelNamed(llvm::StringRef name, mlir::Operation *at) {
  for (const Level &level : levels)
    if (level.name == name)
      return &level;
  auto error = at->emitError("there is no level '") << name << "' of CPUs; there are";
  for (const Level &level : levels)
    error << (&level == levels ? " " : ", ") << level.name;
  return nullptr;
}
