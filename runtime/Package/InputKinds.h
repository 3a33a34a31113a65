// Knows what a network's inputs can be. The front end, the compiler and the runtime all take it from here.
//
// A new kind is a row of `inputKinds`, and a class that makes its tensors of a clip's frames
// (runtime/Data/ClipInput.h).
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace kinema {

struct InputKind {
  std::string_view name;
  int64_t channels = 0;
  std::string_view of = {}; // an input has `channels` for each of these, of which there are any number

  bool takes(int64_t count) const { return of.empty() ? count == channels : count % channels == 0; }
  // Returns, for instance, "3 channels", "1 channel" or "2 channels a field".
  std::string wanted() const {
    return std::to_string(channels) + (channels == 1 ? " channel" : " channels") +
           (of.empty() ? "" : " a " + std::string(of));
  }
};

inline constexpr InputKind inputKinds[] = {
    {.name = "rgb", .channels = 3},
    {.name = "flow", .channels = 2, .of = "field"},
    {.name = "gray", .channels = 1},
};

/// Returns the kind of this name; null where there is none.
constexpr const InputKind *findInputKind(std::string_view name) {
  for (const InputKind &kind : inputKinds)
    if (kind.name == name)
      return &kind;
  return nullptr;
}

/// Says which part of a clip an input of a network is: C x `frames`, of the clip's frames 0, every, 2 every
/// and so on.
struct InputForm {
  std::string kind = {};
  int64_t channels = 0, frames = 0, every = 1;

  /// Counts the clip's frames from the first that the input takes to the last.
  int64_t span() const { return (frames - 1) * every + 1; }
};

/// Returns how many frames a clip has of which all these inputs are made.
inline int64_t clipFrames(std::span<const InputForm> inputs) {
  int64_t frames = 0;
  for (const InputForm &input : inputs)
    frames = std::max(frames, input.span());
  return frames;
}

} // namespace kinema
