// Checks what can be known about a spec without a shape: names, parameters, types, numbers, recursion. Sizes
// are checked when the network is expanded.
#pragma once

#include "dsl/Inputs.h"

namespace kinema::dsl {

/// Checks all definitions of the program's files, and that the spec has exactly one network, or one at most
/// where it needs none. Notes in the program which parameters arguments fill. Returns the network's inputs.
std::vector<NetworkInput> check(Program &program, bool needsNetwork, Diagnostics &diagnostics);

/// Returns the parameters that nothing in the definition reads, so that a value given for them changes
/// nothing.
std::vector<Name> unusedParameters(const Definition &definition);

} // namespace kinema::dsl
