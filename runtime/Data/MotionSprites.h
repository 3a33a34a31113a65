// Reads the sprites of the motion data set: pictures of Fashion-MNIST, and what they show.
#pragma once

#include "runtime/Data/MotionScene.h"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace kinema {

class MotionSprites {
public:
  // Reads folder/PREFIX-images-idx3-ubyte.gz and, `withKinds`, folder/PREFIX-labels-idx1-ubyte.gz. Throws
  // Error where they are missing or damaged.
  MotionSprites(const std::string &folder, const std::string &prefix, bool withKinds);

  int64_t count() const { return static_cast<int64_t>(pixels.size()) / (side * side); }
  Sprite operator[](int64_t index) const { return {side, &pixels[static_cast<size_t>(index) * side * side]}; }

  // Returns which pictures show a kind of thing, at least one; for sprites that were read with their kinds,
  // the numbers of `spriteKinds`.
  const std::vector<int64_t> &of(int kind) const { return ofKind[static_cast<size_t>(kind)]; }

private:
  void readKinds(const std::string &file);

  int side = 0;
  std::vector<uint8_t> pixels; // [count, side, side]
  std::vector<std::vector<int64_t>> ofKind;
};

// Names the kinds of things that sprites show. The first ones are easily told from each other.
std::span<const char *const> spriteKinds();

} // namespace kinema
