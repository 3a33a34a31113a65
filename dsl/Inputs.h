// Finds the inputs of the network that is compiled, and what follows from them for the recipe.
#pragma once

#include "dsl/Binding.h"

namespace kinema::dsl {

/// A NetworkInput is an `input` line of the network or of one of its streams, with its arguments.
struct NetworkInput {
  const CallStmt *call;
  Callable arguments;
};

/// Checks which frames of a clip the inputs take, and completes the program's recipe from them.
void resolveRecipe(Program &program, llvm::ArrayRef<NetworkInput> inputs, Diagnostics &diagnostics);

/// Reports errors at inputs that no clip fills together with the others.
void checkInputsFromVideos(llvm::ArrayRef<NetworkInput> inputs, Diagnostics &diagnostics);

} // namespace kinema::dsl
