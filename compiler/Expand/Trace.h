// Records what each statement of a spec did while the network was expanded.
#ifndef KINEMA_COMPILER_EXPAND_TRACE_H
#define KINEMA_COMPILER_EXPAND_TRACE_H

#include "dsl/AST.h"

#include "mlir/IR/Operation.h"

namespace kinema {

/// A Step is one expansion of a call or `from`. A statement has as many as its body was expanded.
struct Step {
  const dsl::Stmt *statement;
  std::vector<int64_t> before,
      after; // the value that it took and the one that it left, C, T, H, W; empty: none
  /// What was added to `@forward`, in its order; valid as long as the module.
  std::vector<mlir::Operation *> operations;
};

/// A Trace has the steps in the order of their ends. After errors it has those before.
using Trace = std::vector<Step>;

} // namespace kinema

#endif
