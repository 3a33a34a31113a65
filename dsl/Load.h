// Loads a spec with everything it uses, parsed and checked: this is what the expansion starts from.
#pragma once

#include "dsl/AST.h"
#include "dsl/Diagnostics.h"
#include "dsl/Parser.h"
#include "dsl/Recipe.h"

#include "llvm/ADT/StringMap.h"
#include "llvm/Support/Error.h"

#include <functional>

namespace kinema::dsl {

struct Operation;

struct LoadOptions {
  /// Lists folders that are searched for `use NAME` (NAME.arch) after the spec's own folder and its lib/, and
  /// before $KINEMA_MODELS (a list separated by `:`), each with its lib/ too. What is found nowhere is taken
  /// from the library in the binary, or from the networks of models/ there.
  std::vector<std::string> libraryPaths = {};
  /// Lists settings from the command line: "frames=32" (a parameter of the network), "data.crop=224x224" (a
  /// setting of the recipe).
  std::vector<std::string> overrides = {};
  /// Lists settings such as "frames=32" that are applied before the overrides, of parameters that the network
  /// need not have.
  std::vector<std::string> sizes = {};
  /// Says that the network's clips will be read from videos.
  bool fromVideos = false;
  /// Says that a text without a network is an error. A file of the library has none.
  bool needsNetwork = true;
  /// Returns the text of a file in place of what the disk has, such as one that is being edited; nothing for
  /// any other file. Null: there are none.
  std::function<std::optional<std::string>(llvm::StringRef path)> textOf = {};
};

/// An ArgumentUse says which parameter of which callee an argument of the text fills.
struct ArgumentUse {
  Location location; // Argument::location
  const Operation *operation = nullptr;
  const Definition *definition = nullptr;
  std::string parameter;
};

/// A Program is one spec. It owns its texts and trees; locations in later phases refer to `sources`.
struct Program {
  Sources sources;
  std::vector<std::unique_ptr<File>> files; // by file number: 0 the spec, then what it uses, the prelude last
  const Definition *network = nullptr;      // the spec's only network; null after errors
  Recipe recipe;                            // defaults, sections and overrides; complete: see resolveRecipe

  /// Returns what a head or kind `name` means in file `file`: a definition of that file, of a file it uses,
  /// or of the prelude, in this order; null if there is none (operations are not definitions: see
  /// Operations.h).
  const Definition *find(uint32_t file, llvm::StringRef name) const;
  /// Returns all names that `find` knows in a file, sorted.
  std::vector<llvm::StringRef> names(uint32_t file) const;

  std::vector<llvm::StringMap<const Definition *>> scopes; // by file number
  std::vector<std::vector<uint32_t>> uses; // by file number: the files that its `use` lines found
  std::vector<ArgumentUse> arguments;      // of the calls that were checked
  bool callsEnd = false;                   // no definition calls itself, and none calls others too deep
};

/// Returns the text of a spec, or the reason why there is none.
llvm::Expected<std::string> readSpec(llvm::StringRef path);

/// Reads, parses and checks a spec. `program` must be empty; `diagnostics` must be over `program.sources`.
/// Returns false after errors, which are in `diagnostics`.
bool loadFile(llvm::StringRef path, const LoadOptions &options, Program &program, Diagnostics &diagnostics);
/// Loads a text in memory likewise; `path` names it in errors, and its folder is searched for `use`.
bool loadText(llvm::StringRef path, std::string text, const LoadOptions &options, Program &program,
              Diagnostics &diagnostics);

} // namespace kinema::dsl
