// The statements of one definition, checked in order.
#pragma once

#include "dsl/CheckExpression.h"

namespace kinema::dsl {

/// `values` and `everSet` are shared by all definitions of a program; see CheckContext.
void checkDefinition(const Program &program, const Definition &definition, Values &values,
                     const llvm::StringSet<> &everSet, Diagnostics &diagnostics);

} // namespace kinema::dsl
