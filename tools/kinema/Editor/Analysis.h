// Holds what is known about a text while it is edited: the program, its errors, what words name, and, where
// there are no errors, the network with the shapes that each statement gave.
#pragma once

#include "compiler/Inspect/LayerTable.h"
#include "compiler/Pipelines/Frontend.h"
#include "dsl/Lexer.h"
#include "dsl/Occurrences.h"

#include "mlir/IR/MLIRContext.h"

#include <map>

namespace kinema::editor {

/// An Extent is where a statement stands: from its first token to its last.
struct Extent {
  dsl::Location first, last;
};

/// An Effect is what a statement of the text did, over all its steps.
struct Effect {
  size_t steps = 0;
  std::vector<int64_t> before, after; // of the first step; C, T, H, W; empty: no value
  bool varies = false;                // other steps left other shapes
  std::optional<inspect::Cost> cost;  // of the first step, where the network is known
};

/// A Surroundings says what a text may use: folders, and files that are edited, whose text the disk does not
/// have.
struct Surroundings {
  std::vector<std::string> libraryPaths;
  std::function<std::optional<std::string>(llvm::StringRef path)> textOf;
};

/// An Analysis is of one text, which is file 0 of its program.
class Analysis {
public:
  /// Analyses a text, whose path says where `use` looks first.
  Analysis(llvm::StringRef path, std::string text, const Surroundings &surroundings);

  const dsl::Program &program() const { return spec.program; }
  const dsl::Sources &sources() const { return spec.program.sources; }
  const dsl::File &file() const { return *spec.program.files.front(); }
  const dsl::Diagnostics &diagnostics() const { return spec.diagnostics; }
  /// Returns whether the text uses a file, directly or by others.
  bool uses(llvm::StringRef path) const;
  bool hasErrors() const { return spec.diagnostics.any(); }
  llvm::ArrayRef<dsl::Token> tokens() const { return allTokens; }
  llvm::ArrayRef<dsl::Occurrence> occurrences() const { return found; }
  /// Returns the occurrence at a place, or the one that ends there; null where there is none.
  const dsl::Occurrence *occurrenceAt(dsl::Location place) const;
  /// Returns the statement of the text that a place belongs to, the innermost of them; null where there is
  /// none.
  const dsl::Stmt *statementAt(dsl::Location place) const;
  Extent extentOf(const dsl::Stmt &statement) const;
  /// Returns what a statement did; null where it was not expanded.
  const Effect *effectOf(const dsl::Stmt &statement) const;
  /// Returns the effects of the statements of the text, in no order.
  const std::map<const dsl::Stmt *, Effect> &effects() const { return allEffects; }
  /// Returns the table of the network's layers; null where the network is not known.
  const inspect::LayerTable *table() const { return layers ? &*layers : nullptr; }

private:
  void expand();
  void addEffects(llvm::ArrayRef<Step> trace, mlir::ModuleOp module);

  Spec spec;
  std::vector<dsl::Token> allTokens;
  std::vector<dsl::Occurrence> found;
  std::map<const dsl::Stmt *, Effect> allEffects;
  std::optional<inspect::LayerTable> layers;
};

} // namespace kinema::editor
