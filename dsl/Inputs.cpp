#include "dsl/Inputs.h"

namespace kinema::dsl {

namespace {

/// Returns an argument of an input, or null where a `set` gives it.
const Callable::Argument *argumentOf(const NetworkInput &input, const char *name) {
  auto found = input.arguments.bound.find(name);
  return found == input.arguments.bound.end() ? nullptr : &found->second;
}

} // namespace

void resolveRecipe(Program &program, llvm::ArrayRef<NetworkInput> inputs, Diagnostics &diagnostics) {
  if (inputs.empty())
    return;
  const Callable::Argument *argument = argumentOf(inputs.front(), "size");
  if (const auto *size = argument ? std::get_if<Size>(&argument->value) : nullptr) // C, T, H, W
    resolve(program.recipe, (*size)[1], (*size)[2], (*size)[3], argument->expr->location, diagnostics);
}

void checkInputsFromVideos(llvm::ArrayRef<NetworkInput> inputs, Diagnostics &diagnostics) {
  const char *hint =
      "`kinema run` takes its tensors; train, eval and predict read videos as one input of kind rgb";
  for (const NetworkInput &input : inputs) {
    const Callable::Argument *kind = argumentOf(input, "kind");
    const auto *word = kind ? std::get_if<Word>(&kind->value) : nullptr;
    if (word && word->text != "rgb")
      diagnostics.error(kind->expr->location,
                        "an input of kind " + word->text + " cannot be filled from videos yet", hint);
  }
  if (inputs.size() > 1 && !diagnostics.any())
    diagnostics.error(inputs[1].call->location, "a second input cannot be filled from videos yet", hint);
}

} // namespace kinema::dsl
