#include "dsl/Inputs.h"

#include "runtime/Package/InputKinds.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/FormatVariadic.h"

namespace kinema::dsl {

namespace {

/// Returns an argument of an input, or null where a default or a `set` gives it.
template <typename T> const T *argumentOf(const NetworkInput &input, const char *name) {
  auto found = input.arguments.bound.find(name);
  return found == input.arguments.bound.end() ? nullptr : std::get_if<T>(&found->second.value);
}

Location placeOf(const NetworkInput &input, const char *name) {
  auto found = input.arguments.bound.find(name);
  return found == input.arguments.bound.end() ? input.call->location : found->second.place;
}

int64_t everyOf(const NetworkInput &input) {
  const auto *every = argumentOf<int64_t>(input, "every");
  return every ? *every : 1;
}

} // namespace

void resolveRecipe(Program &program, llvm::ArrayRef<NetworkInput> inputs, Diagnostics &diagnostics) {
  if (inputs.empty())
    return;
  if (llvm::none_of(inputs, [](const NetworkInput &input) { return everyOf(input) == 1; }))
    diagnostics.error(placeOf(inputs.front(), "every"), "no input takes every frame of a clip",
                      "`clip every=N` in the section data says which frames of a video a clip has");
  llvm::SmallVector<InputForm> forms;
  for (const NetworkInput &input : inputs)
    if (const auto *size = argumentOf<Size>(input, "size")) // C, T, H, W
      forms.push_back({.frames = (*size)[1], .every = everyOf(input)});
  if (const auto *size = argumentOf<Size>(inputs.front(), "size"))
    resolve(program.recipe, clipFrames(forms), (*size)[2], (*size)[3], placeOf(inputs.front(), "size"),
            diagnostics);
}

void checkInputsFromVideos(llvm::ArrayRef<NetworkInput> inputs, Diagnostics &diagnostics) {
  const auto *first = argumentOf<Size>(inputs.front(), "size");
  for (const NetworkInput &input : inputs) {
    const auto *size = argumentOf<Size>(input, "size");
    if (first && size && ((*size)[2] != (*first)[2] || (*size)[3] != (*first)[3]))
      diagnostics.error(placeOf(input, "size"),
                        llvm::formatv("an input of {0}x{1} beside one of {2}x{3}: clips have one crop",
                                      (*size)[2], (*size)[3], (*first)[2], (*first)[3])
                            .str(),
                        "give all inputs the same height and width; pools and strides make them smaller");
  }
}

} // namespace kinema::dsl
