// Checks the statements of one definition, in order.
#pragma once

#include "dsl/CheckScope.h"
#include "dsl/Inputs.h"

namespace kinema::dsl {

/// Shares `values` and `everSet` with all definitions of a program, see CheckScope; `inputs` gets those of
/// the network that is compiled, and `arguments` those of all calls.
void checkDefinition(const Program &program, const Definition &definition, Values &values,
                     const llvm::StringSet<> &everSet, std::vector<NetworkInput> &inputs,
                     std::vector<ArgumentUse> &arguments, Diagnostics &diagnostics);

} // namespace kinema::dsl
