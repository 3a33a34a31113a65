// Takes the code of all kernels, as text, apart into that of each.
#ifndef KINEMA_COMPILER_INSPECT_CODETEXT_H
#define KINEMA_COMPILER_INSPECT_CODETEXT_H

#include "compiler/Target/Common/Target.h"

#include <map>
#include <set>
#include <string>

namespace kinema::inspect {

/// Returns the functions of some kernels, by their symbols, in the code that `Target::codeText` gives: the
/// lines of each from its head to its closing brace or, in assembly, to the label that LLVM puts behind it.
std::map<std::string, std::string> functionsIn(llvm::StringRef code, const std::set<std::string> &kernels);

/// Returns what a form of a target's code is called where people read it: "LLVM IR", "assembly", "PTX".
std::string nameOf(CodeForm form, const Target &target);

} // namespace kinema::inspect

#endif
