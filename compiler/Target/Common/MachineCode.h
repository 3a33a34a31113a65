// Turns LLVM IR into what a machine reads: the optimiser and the code generator, in the same way for every
// target.
#ifndef KINEMA_COMPILER_TARGET_COMMON_MACHINECODE_H
#define KINEMA_COMPILER_TARGET_COMMON_MACHINECODE_H

#include "llvm/Support/Error.h"
#include "llvm/Target/TargetMachine.h"

#include <string>

namespace kinema {

/// Returns options under which an fma is where a kernel says fma, and nowhere else.
llvm::TargetOptions exactArithmetic();

/// Sets the module's triple and layout, and runs `passes` over it (LLVM's textual pipeline). The kernels'
/// loops are written as they are to run, so there are no vectorisers.
void optimise(llvm::Module &module, llvm::TargetMachine &machine, llvm::StringRef passes);

/// Returns the module as LLVM IR.
std::string textOf(const llvm::Module &module);

/// Returns the module as an object file or as assembly, by the machine's passes without those named in
/// `without`; else says why there is no code for the machine. What LLVM cannot tell its caller, an
/// instruction that it cannot select, ends the process with status 1 and one line.
llvm::Expected<std::string> emitCode(llvm::Module &module, llvm::TargetMachine &machine,
                                     llvm::CodeGenFileType type,
                                     llvm::ArrayRef<llvm::StringRef> without = {});

} // namespace kinema

#endif
